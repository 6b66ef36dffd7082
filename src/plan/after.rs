//! What a plan touches, and the cluster after it.

use std::collections::BTreeMap;

use crate::base::{PolicyName, Principal};
use crate::observed::{Body, Buckets, Observed};

use super::Plan;
use super::change::{ChangeKind, Touched};

impl Plan {
    /// The objects that this plan touches.
    pub fn touched(&self) -> Touched<'_> {
        Touched::new(&self.changes, &self.steps)
    }

    /// The policies after this plan, from those before. Of a blocked plan, as if nothing blocked it.
    pub fn policies_after(&self, before: &BTreeMap<PolicyName, Body>) -> BTreeMap<PolicyName, Body> {
        let mut policies = before.clone();
        for change in &self.changes {
            match &change.kind {
                ChangeKind::AddPolicy { policy, after, .. } | ChangeKind::ReplacePolicy { policy, after, .. } => {
                    policies.insert(policy.clone(), Body::Known(after.clone()));
                }
                ChangeKind::RenamePolicy { policy, old, before, after, .. } => {
                    policies.insert(policy.clone(), Body::Known(after.clone()));
                    // Without a document before, the old policy was gone already: one that exists is another.
                    before.iter().for_each(|_| _ = policies.remove(old));
                }
                ChangeKind::RemovePolicy { policy, .. } => _ = policies.remove(policy),
                ChangeKind::Attach { .. }
                | ChangeKind::Move { .. }
                | ChangeKind::Detach { .. }
                | ChangeKind::SetBucketPolicy { .. } => {}
            }
            change.kind.leftovers().iter().for_each(|leftover| _ = policies.remove(leftover));
        }
        policies
    }

    /// The buckets after this plan, from those before.
    pub fn buckets_after(&self, before: &Buckets) -> Buckets {
        let mut after = before.clone();
        let Buckets::Known(buckets) = &mut after else { return after };
        for change in &self.changes {
            if let ChangeKind::SetBucketPolicy { bucket, after, given, .. } = &change.kind {
                buckets.insert(bucket.clone(), after.as_policy(given));
            }
        }
        after
    }
}

/// The cluster after `plan`, as it would be observed. A blocked plan leaves everything as it is.
pub fn after(plan: &Plan, observed: &Observed) -> Observed {
    let mut after = observed.clone();
    if plan.is_blocked() {
        return after;
    }
    after.policies = plan.policies_after(&observed.policies);
    after.buckets = plan.buckets_after(&observed.buckets);
    for (principal, effect) in plan.effects.iter().filter(|(_, effect)| effect.before != effect.after) {
        match (principal, effect.after.clone()) {
            (Principal::User(user), policy) => {
                if let Some(user) = after.users.get_mut(user) {
                    user.attached = policy;
                }
            }
            (Principal::Group(group), Some(policy)) => _ = after.groups.insert(group.clone(), policy),
            (Principal::Group(group), None) => _ = after.groups.remove(group),
        }
    }
    after
}
