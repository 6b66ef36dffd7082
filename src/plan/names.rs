//! Findings about names: lookalikes, names that no call can carry, and names with several records.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Call, Step};
use super::codes;
use super::compare::{Comparison, PolicyAction};
use crate::base::{Confusable, Finding, PolicyName, Principal, confusable};
use crate::desired::{Desired, looks_alike};
use crate::observed::Observed;

/// Names on the cluster that look like others, if a step changes one of them. The check of the configuration reports declared
/// names among themselves.
pub(super) fn lookalikes(desired: &Desired, observed: &Observed, steps: &[Step]) -> Vec<Finding> {
    let [mut policies, mut users, mut groups] = [BTreeSet::new(), BTreeSet::new(), BTreeSet::new()];
    for step in steps {
        match &step.call {
            Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. } => _ = policies.insert(policy.as_str()),
            Call::Attach { principal, .. } | Call::Detach { principal, .. } => {
                let names = if principal.user().is_some() { &mut users } else { &mut groups };
                names.insert(principal.name());
            }
            Call::RevokeKeys { user } => _ = users.insert(user.as_str()),
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
        let is_reported = declared.contains(name) && other.is_none_or(|other| declared.contains(other));
        !is_reported && (changed.contains(name) || other.is_some_and(|other| changed.contains(other)))
    });
    odd.iter().map(|(name, why)| looks_alike(kind, name, why)).collect()
}

/// Users and groups that a step names and that no call can carry. No configuration can declare them, but they can have a
/// policy that is replaced, or be owned.
pub(super) fn not_addressable(steps: &[Step]) -> Vec<Finding> {
    let named = steps.iter().filter_map(|step| match &step.call {
        Call::Attach { principal, .. } | Call::Detach { principal, .. } => Some((principal, step.change.to_string())),
        // The configuration declares the user, by a name that calls can carry.
        Call::RevokeKeys { .. } | Call::AddPolicy { .. } | Call::RemovePolicy { .. } => None,
    });
    let principals: BTreeMap<&Principal, String> = named.collect();
    let finding = |(principal, change): (&Principal, String)| {
        let problem = principal.addressable().err()?;
        let (kind, name) = (principal.kind(), principal.name());
        let message = format!("the change {change} needs the {kind} {name:?}, whose name {problem}");
        Some(Finding::error(codes::UNADDRESSABLE, message).help(format!(
            "detach the {kind} or give it another policy by other means, or leave it out of `[ownership]`, then plan again"
        )))
    };
    principals.into_iter().filter_map(finding).collect()
}

/// Policies on the cluster whose names no call can carry.
pub(super) fn unmanageable_policies(observed: &Observed) -> impl Iterator<Item = Finding> {
    observed.policies.keys().filter_map(|policy| {
        let problem = policy.addressable().err()?;
        let message = format!("the cluster has a policy whose name {problem}: {:?}", policy.as_str());
        Some(Finding::warning(codes::UNADDRESSABLE, message).help("it stays unmanaged"))
    })
}

/// Names with several records. A call carries only a name, so no step may depend on one of them.
pub(super) fn duplicates(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    let changes_policy = |policy: &PolicyName| {
        let changes = |name: &PolicyName| comparison.policies.get(name).is_some_and(PolicyAction::is_change);
        changes(policy) || changes(&policy.meant())
    };
    let duplicates = &observed.duplicates;
    let principals = duplicates.principals().map(|principal| {
        let entry = desired.entry(&principal);
        let depends = entry.is_some()
            || desired.ownership.covers(&principal)
            || duplicates.held_by(&principal).flat_map(PolicyName::listed).any(|policy| changes_policy(&policy));
        duplicates.about(&principal, depends).at(entry.and_then(|entry| entry.at.clone()))
    });
    let policies = duplicates.policies.keys().map(|policy| {
        let entry = desired.policies.get(policy);
        let depends = entry.is_some() || desired.ownership.covers_policy(policy) || changes_policy(policy);
        duplicates.about_policy(policy, depends).at(entry.and_then(|entry| entry.at.clone()))
    });
    principals.chain(policies).collect()
}
