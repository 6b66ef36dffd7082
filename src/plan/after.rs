//! What a plan leaves: the cluster as it would be observed once every call has been made.

use super::Plan;
use super::step::Call;
use crate::base::{PolicyName, Principal};
use crate::observed::{Body, Observed};

/// The cluster after `plan`, which was made from `observed`. A plan that something stands in the way of has no calls, and
/// leaves everything as it is.
#[must_use]
pub fn after(plan: &Plan, observed: &Observed) -> Observed {
    let mut after = observed.clone();
    for step in &plan.steps {
        match &step.call {
            Call::AddPolicy { policy, document, .. } => {
                after.policies.insert(policy.clone(), Body::Known(document.clone()));
            }
            Call::RemovePolicy { policy, .. } => {
                after.policies.remove(policy);
            }
            Call::Attach { principal, policy, .. } => hold(&mut after, principal, Some(policy)),
            Call::Detach { principal, .. } => hold(&mut after, principal, None),
            // Key pairs are not observed.
            Call::RevokeKeys { .. } => {}
        }
    }
    after
}

fn hold(observed: &mut Observed, principal: &Principal, policy: Option<&PolicyName>) {
    match principal {
        Principal::User(user) => {
            if let Some(user) = observed.users.get_mut(user) {
                user.holds = policy.cloned();
            }
        }
        Principal::Group(group) => match policy {
            Some(policy) => _ = observed.groups.insert(group.clone(), policy.clone()),
            None => _ = observed.groups.remove(group),
        },
    }
}
