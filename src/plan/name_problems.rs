//! Problems with names: lookalikes, names that no call can carry, names with several records, names that a directory gives, and
//! renames without an effect.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Confusable, Finding, PolicyName, Principal, UserName, confusable, list_some};
use crate::desired::{Desired, RenamedFrom, looks_alike};
use crate::observed::Observed;

use super::change::{Call, Step};
use super::codes;
use super::compare::{Comparison, PolicyAction};
use super::renames::Stage;

/// Policies on the cluster whose names no call can carry.
pub(super) fn unmanageable_policies(observed: &Observed) -> impl Iterator<Item = Finding> {
    observed.policies.keys().filter_map(|policy| {
        let problem = policy.addressable().err()?;
        let message = format!("the cluster has a policy whose name {problem}: {:?}", policy.as_str());
        Some(Finding::warning(codes::UNADDRESSABLE, message).help("it stays unmanaged"))
    })
}

/// Names on the cluster that look like others, if a step changes one of them. The check of the configuration reports declared
/// names among themselves.
pub(super) fn lookalikes(desired: &Desired, observed: &Observed, steps: &[Step]) -> Vec<Finding> {
    let [mut policies, mut users, mut groups, mut buckets] = [const { BTreeSet::new() }; 4];
    for step in steps {
        match &step.call {
            Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. } => _ = policies.insert(policy.as_str()),
            Call::Attach { principal, .. } | Call::Detach { principal, .. } => {
                let names = if principal.user().is_some() { &mut users } else { &mut groups };
                names.insert(principal.name());
            }
            Call::RevokeKeys { user } => _ = users.insert(user.as_str()),
            Call::SetBucketPolicy { bucket, .. } => _ = buckets.insert(bucket.as_str()),
        }
    }
    let declared = desired.policies.keys().map(|name| name.as_str()).collect();
    let mut findings = of_kind("policy", &declared, observed.policies.keys().map(|name| name.as_str()), &policies);
    let declared = desired.users.keys().map(|name| name.as_str()).collect();
    findings.extend(of_kind("user", &declared, observed.users.keys().map(|name| name.as_str()), &users));
    let declared = desired.groups.keys().map(|name| name.as_str()).collect();
    findings.extend(of_kind("group", &declared, observed.groups.keys().map(|name| name.as_str()), &groups));
    let declared = desired.buckets.keys().map(|name| name.as_str()).collect();
    let observed = observed.buckets.known().into_iter().flat_map(BTreeMap::keys).map(|name| name.as_str());
    findings.extend(of_kind("bucket", &declared, observed, &buckets));
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
    // The configuration declares the user whose keys are revoked, by a name that calls can carry.
    let named = steps.iter().filter_map(|step| {
        let (Call::Attach { principal, .. } | Call::Detach { principal, .. }) = &step.call else { return None };
        Some((principal, step.change.to_string()))
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

/// Names with several records. A call carries only a name, so no step may depend on one of them.
pub(super) fn duplicates(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    let changes_policy = |policy: &PolicyName| {
        let changes = |name: &PolicyName| comparison.policies.get(name).is_some_and(PolicyAction::is_change);
        changes(policy) || changes(&policy.meant()) || comparison.renamed_to(policy).is_some()
    };
    let duplicates = &observed.duplicates;
    let principals = duplicates.principals().map(|principal| {
        let entry = desired.entry(&principal);
        let depends = entry.is_some()
            || desired.ownership.covers(&principal)
            || duplicates.attached_to(&principal).flat_map(PolicyName::listed).any(|policy| changes_policy(&policy));
        duplicates.about(&principal, depends).at(entry.and_then(|entry| entry.at.clone()))
    });
    let policies = duplicates.policies.keys().map(|policy| {
        let entry = desired.policies.get(policy);
        let depends = entry.is_some() || desired.ownership.covers_policy(policy) || changes_policy(policy);
        duplicates.about_policy(policy, depends).at(entry.and_then(|entry| entry.at.clone()))
    });
    principals.chain(policies).collect()
}

/// Removals of policies that a directory gives to users: their refresh then fails with "S3 policy not found" (vendor
/// definition, 5.1).
pub(super) fn given_by_directory(observed: &Observed, steps: &[Step]) -> Vec<Finding> {
    let removed = steps.iter().filter_map(|step| {
        let Call::RemovePolicy { policy, .. } = &step.call else { return None };
        Some(policy).filter(|policy| policy.temporary_for().is_none())
    });
    let mut given: BTreeMap<PolicyName, Vec<&UserName>> = BTreeMap::new();
    for (name, user) in observed.users.iter().filter(|(_, user)| user.is_imported()) {
        for policy in user.attached.iter().flat_map(PolicyName::listed) {
            let users = given.entry(policy).or_default();
            // A list may name a policy twice.
            if users.last() != Some(&name) {
                users.push(name);
            }
        }
    }
    let finding = |policy: &PolicyName| {
        let users = given.get(policy)?;
        let named = list_some(users, 3, |user| format!("`{user}`"));
        let message = format!(
            "policy `{policy}` is to be removed, and a directory gives it to {named}: their next refresh fails (`S3 policy not found`)"
        );
        let help = "set another policy in the directory first (the attribute `wekaS3Policy`)";
        Some(Finding::warning(codes::GIVEN_BY_DIRECTORY, message).help(help))
    };
    removed.filter_map(finding).collect()
}

/// Renames (`renamed_from`) that have no effect, or cannot have the one that is meant.
pub(super) fn idle_renames(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    desired.renames().filter_map(|(policy, old)| idle_rename(desired, observed, comparison, policy, old)).collect()
}

fn idle_rename(
    desired: &Desired,
    observed: &Observed,
    comparison: &Comparison,
    policy: &PolicyName,
    old: &RenamedFrom,
) -> Option<Finding> {
    let body = observed.policies.get(&old.policy);
    let stage = comparison.renames.get(policy).map(|rename| rename.stage);
    let Some(body) = body else {
        let message = match (stage, comparison.exists(policy, observed)) {
            (Some(Stage::Open | Stage::Finishing), _) => return None,
            (None, true) => {
                format!("`{}` does not exist any more: `renamed_from` of policy `{policy}` has no effect", old.policy)
            }
            (None, false) => format!("`{}` does not exist: policy `{policy}` is added, not renamed", old.policy),
        };
        let help = "once no cluster has the old name, remove `renamed_from`: `attune snapshot | attune validate --fix --snapshot -`";
        return Some(Finding::note(codes::RENAME_WITHOUT_EFFECT, message).at(old.at.clone()).help(help));
    };
    if stage == Some(Stage::Open) {
        return None;
    }
    let message = format!("both `{}` and `{policy}` exist, and no rename is under way", old.policy);
    let same = observed.policies.get(policy).is_some_and(|new| new.normal().is_some() && new.normal() == body.normal());
    // What an interrupted rename has left is finished in any case.
    let finding = if same || stage == Some(Stage::Finishing) {
        let message = format!("{message}: `renamed_from` has no effect on `{}`", old.policy);
        Finding::warning(codes::RENAME_OF_BOTH, message)
    } else {
        Finding::error(codes::RENAME_OF_BOTH, format!("{message}, and their documents differ"))
    };
    let help = if desired.ownership.covers_policy(&old.policy) {
        format!("remove `renamed_from`; `[ownership]` covers `{}`, so a plan removes it", old.policy)
    } else {
        let old = &old.policy;
        format!(
            "remove `renamed_from` if both are meant; to remove the old one, declare `[policies.{old}] absent = true` and the users that have it with `{policy}`"
        )
    };
    Some(finding.at(old.at.clone()).help(help))
}
