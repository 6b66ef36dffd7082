//! Names of the cluster that a plan has to do with and that are easily taken for others.

use std::collections::BTreeSet;

use super::step::{Call, Step};
use crate::base::{Confusable, Finding, confusable};
use crate::desired::{Desired, looks_alike};
use crate::observed::Observed;

/// What is not yet said of the declared names alone: names that a step changes and names that look like one of those,
/// whether a file declares them or not.
pub(super) fn alike(desired: &Desired, observed: &Observed, steps: &[Step]) -> Vec<Finding> {
    let [mut policies, mut users, mut groups] = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
    for step in steps {
        match &step.call {
            Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. } => _ = policies.insert(policy.as_str()),
            Call::Attach { principal, .. } | Call::Detach { principal, .. } => {
                let names = if principal.user().is_some() { &mut users } else { &mut groups };
                names.insert(principal.name());
            }
            Call::RevokeKeys { user, .. } => _ = users.insert(user.as_str()),
        }
    }
    let declared = desired.policies.keys().map(|name| name.as_str()).collect();
    let mut findings = of_kind("policy", &declared, observed.policies.keys().map(|name| name.as_str()), &policies);
    let declared = desired.users.keys().map(|name| name.as_str()).collect();
    findings.extend(of_kind("user", &declared, observed.users.keys().map(|name| name.as_str()), &users));
    let declared = desired.groups.keys().map(|name| name.as_str()).collect();
    findings.extend(of_kind("group", &declared, observed.groups.keys().map(|name| name.as_str()), &groups));
    findings
}

fn of_kind<'a>(
    kind: &str,
    declared: &BTreeSet<&'a str>,
    observed: impl Iterator<Item = &'a str> + Clone,
    changed: &BTreeSet<&str>,
) -> Vec<Finding> {
    if changed.is_empty() {
        return Vec::new();
    }
    let all = declared.iter().copied().chain(observed.filter(|name| !declared.contains(name)));
    let mut odd = confusable(all);
    odd.retain(|name, why| {
        let other = match why {
            Confusable::With(other) => Some(other.as_str()),
            Confusable::Ascii(_) | Confusable::Scripts => None,
        };
        let is_said = declared.contains(name) && other.is_none_or(|other| declared.contains(other));
        !is_said && (changed.contains(name) || other.is_some_and(|other| changed.contains(other)))
    });
    odd.iter().map(|(name, why)| looks_alike(kind, name, why)).collect()
}
