//! Problems of a plan, found before its first call. Among them are names: lookalikes, names that no call can carry, and names with
//! several records.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{
    Code, Confusable, Finding, Location, PolicyName, Principal, Suggestions, UserName, confusable, shell_line,
};
use crate::desired::{DeclaredAttachment, Desired, Phase, PolicyIntent, Term, looks_alike};
use crate::observed::{Observed, newer_than_known};

use super::bucket_problems::of_buckets;
use super::change::{Call, Step};
use super::codes;
use super::compare::{Comparison, PolicyAction, merged};
use super::directory::imported;
use super::graph::is_removed_on_the_way;
use super::idle_renames;
use super::room::{for_later, unmanageable_policies};

pub(super) fn problems(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    let findings = newer_than_known(&observed.identity.release).into_iter().collect();
    let mut problems = Problems { desired, observed, comparison, findings };
    problems.documents();
    problems.users();
    problems.later();
    problems.removals();
    problems.groups();
    problems.leftovers();
    problems.lists();
    problems.room();
    problems.attachments();
    problems.findings.extend(of_buckets(desired, observed, comparison));
    problems.findings.extend(idle_renames::findings(desired, observed, comparison));
    problems.findings.extend(unmanageable_policies(observed));
    problems.findings.extend(duplicates(desired, observed, comparison));
    problems.findings
}

struct Problems<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    comparison: &'a Comparison,
    findings: Vec<Finding>,
}

impl Problems<'_> {
    fn error(&mut self, code: Code, at: Option<Location>, message: String, help: impl Into<String>) {
        self.findings.push(Finding::error(code, message).at(at).help(help));
    }

    fn policy_at(&self, policy: &PolicyName) -> Option<Location> {
        self.desired.policies.get(policy).and_then(|entry| entry.at.clone())
    }

    fn at(&self, principal: &Principal) -> Option<Location> {
        self.desired.entry(principal).and_then(|entry| entry.at.clone())
    }

    fn action(&self, policy: &PolicyName) -> Option<&PolicyAction> {
        self.comparison.policies.get(policy)
    }

    /// A document over the limit is an error only if it would be sent.
    fn documents(&mut self) {
        let limit = self.observed.limits.document_bytes;
        for (policy, action) in &self.comparison.policies {
            if let Some(size) = action.document().map(|document| document.json().len()).filter(|size| *size > limit) {
                let message = format!("the document of `{policy}` is {size} bytes; the cluster takes {limit}");
                let help = "it is counted minified, as it is sent; use wildcards, or fewer or shorter statements";
                self.error(codes::TOO_LARGE, self.policy_at(policy), message, help);
            }
        }
    }

    fn users(&mut self) {
        let mut suggestions = Suggestions::default();
        for (user, entry, observed) in merged(&self.desired.users, &self.observed.users) {
            let Some(entry) = entry else { continue };
            match (&entry.intent, observed) {
                (DeclaredAttachment::Detached | DeclaredAttachment::Revoked, None) => {
                    let message = format!("user `{user}` does not exist, so it has no policy");
                    self.findings.push(Finding::note(codes::USER_ABSENT, message).at(entry.at.clone()));
                }
                (DeclaredAttachment::Detached | DeclaredAttachment::Revoked, Some(_)) => {}
                (DeclaredAttachment::Has(_), None) => {
                    let finding = self.no_such_user(user, entry.at.clone(), &mut suggestions);
                    self.findings.push(finding);
                }
                (DeclaredAttachment::Has(policy), Some(found)) => {
                    if !found.can_have_policy() {
                        let message = format!("user `{user}` cannot have a policy: its role is {}", found.role);
                        let help = "only local users with the role S3 and users of a directory can have a policy";
                        self.error(codes::NOT_S3_USER, entry.at.clone(), message, help);
                    }
                    let principal = Principal::from(user);
                    let change = self.comparison.affected.get(&principal);
                    let is_renamed = found.attached.as_ref().is_some_and(|it| self.comparison.renamed_to(it).is_some());
                    let moves = change.is_some_and(|change| change.before != change.after || is_renamed);
                    if found.is_imported() && moves {
                        self.findings.push(imported(user, &found.source, entry.at.clone()));
                    }
                    let target = self.target(&principal, policy, &mut suggestions);
                    self.findings.extend(target);
                }
            }
        }
    }

    /// The cluster does not report which groups exist, only which ones have a policy.
    fn groups(&mut self) {
        let mut suggestions = Suggestions::default();
        for (group, entry) in &self.desired.groups {
            if !self.observed.groups_known {
                let release = &self.observed.identity.release;
                let (why, help) = match self.observed.capabilities.groups {
                    true => (
                        format!("over REST, WEKA {release} does not report the policies of groups"),
                        "reach the cluster through its `weka` command: `via = \"weka\"` under [cluster]",
                    ),
                    false => (
                        format!("groups have no policies before 6.0 (this is WEKA {release})"),
                        "declare users instead",
                    ),
                };
                let message = format!("group `{group}` cannot be managed: {why}");
                self.error(codes::GROUPS_UNKNOWN, entry.at.clone(), message, help);
            } else if let DeclaredAttachment::Has(policy) = &entry.intent {
                let target = self.target(&Principal::from(group), policy, &mut suggestions);
                self.findings.extend(target);
            }
        }
    }

    fn no_such_user(&self, user: &UserName, at: Option<Location>, suggestions: &mut Suggestions) -> Finding {
        let known =
            self.observed.users.iter().filter(|(_, known)| known.can_have_policy()).map(|(name, _)| name.as_str());
        let near = suggestions.nearest(user.as_str(), known).map(did_you_mean).unwrap_or_default();
        let message = format!("user `{user}` does not exist in tenant {}", self.observed.identity.tenant);
        Finding::error(codes::NO_SUCH_USER, message).at(at).help(
            match shell_line(["weka", "user", "add", user.as_str(), "s3"]) {
                Some(command) => format!("{near}attune does not create users: `{command}` does"),
                None => format!("{near}attune does not create users; check this name, letter by letter"),
            },
        )
    }

    /// A policy that a configuration attaches must exist after the plan.
    fn target(&self, principal: &Principal, policy: &PolicyName, suggestions: &mut Suggestions) -> Option<Finding> {
        let declared = self.desired.policies.get(policy).map(|entry| &entry.intent);
        let finding = match (declared, self.action(policy)) {
            (Some(PolicyIntent::Absent), _) => Finding::error(
                codes::NO_SUCH_POLICY,
                format!("{principal} is to have `{policy}`, which is declared absent"),
            ),
            (None, Some(PolicyAction::Remove)) => Finding::error(
                codes::ATTACHED_NOT_DECLARED,
                format!("{principal} is to have `{policy}`, which is not declared and which `[ownership]` covers"),
            )
            .help(format!("declare `[policies.{policy}]`, or it would be removed")),
            (None, None) => {
                let known = self.comparison.policies.keys().map(PolicyName::as_str);
                let near = suggestions.nearest(policy.as_str(), known).map(did_you_mean).unwrap_or_default();
                let message =
                    format!("{principal} is to have `{policy}`, which is neither declared nor on the cluster");
                Finding::error(codes::NO_SUCH_POLICY, message)
                    .help(format!("{near}declare `[policies.{policy}]` or name a policy that exists"))
            }
            (Some(PolicyIntent::Present(_)), _)
            | (
                None,
                Some(PolicyAction::Keep | PolicyAction::Add(_) | PolicyAction::Replace(_) | PolicyAction::Unmanaged),
            ) => return None,
        };
        Some(finding.at(self.at(principal)))
    }

    /// A policy that a user or group gets later, when its access begins or ends.
    fn later(&mut self) {
        let mut suggestions = Suggestions::default();
        for (principal, Term { schedule, phase, .. }) in self.desired.terms() {
            let later = match phase {
                Phase::NotBegun => vec![schedule.attachment, schedule.then],
                Phase::InForce => vec![schedule.then],
                Phase::Ended => Vec::new(),
            };
            for policy in later.iter().filter_map(DeclaredAttachment::policy) {
                self.findings.extend(self.target(principal, policy, &mut suggestions).map(for_later));
            }
        }
    }

    /// No user or group may have a policy that is removed. A plan detaches only declared and owned ones.
    fn removals(&mut self) {
        for (principal, change) in &self.comparison.affected {
            let Some(policy) = change.after.as_ref().filter(|_| !change.declared) else { continue };
            if self.action(policy) != Some(&PolicyAction::Remove) {
                continue;
            }
            let message = format!("policy `{policy}` is to be removed, but {principal}, which is unmanaged, has it");
            let (kind, name) = (principal.kind(), principal.name());
            let help = format!(
                "declare `[{kind}s.{name}]` with another policy or `detached = true`, or let `[ownership] {kind}s` cover it"
            );
            self.error(codes::ATTACHED_ELSEWHERE, self.policy_at(policy), message, help);
        }
    }

    /// Temporary policies of policies that this plan does not replace stay as they are.
    fn leftovers(&mut self) {
        let ours: BTreeSet<&PolicyName> = self.comparison.leftovers.values().flatten().collect();
        let others = self.observed.policies.keys().filter(|name| !ours.contains(name));
        for (name, policy) in others.filter_map(|name| Some((name, name.temporary_for()?))) {
            let message = format!(
                "`{name}` is a temporary policy: a replacement of `{policy}`, which this configuration does not declare, runs or was interrupted"
            );
            self.findings.push(Finding::warning(codes::UNMANAGED_TEMPORARY, message).help(
                "if no apply is running, apply the configuration that declares the policy: it finishes the replacement",
            ));
        }
        for (name, policy) in self.comparison.missing.iter().filter_map(|name| Some((name, name.temporary_for()?))) {
            let message =
                format!("`{name}`, a temporary policy of `{policy}`, does not exist and is attached all the same");
            let help = "it gives no access; declare the users that have it with the policy they should have";
            self.findings.push(Finding::warning(codes::UNMANAGED_TEMPORARY, message).help(help));
        }
    }

    /// attune never attaches a list of policies, so a list cannot stay if one of its policies is removed on the way.
    fn lists(&mut self) {
        let (comparison, observed) = (self.comparison, self.observed);
        let temporary: BTreeSet<&PolicyName> = comparison.leftovers.values().flatten().collect();
        for (principal, change) in &comparison.affected {
            let Some(list) = change.attached.as_ref().filter(|name| name.is_list()) else { continue };
            let is_added = |policy: &PolicyName| {
                comparison.policies.get(policy).is_some_and(PolicyAction::has_document)
                    && !observed.policies.contains_key(policy)
            };
            let several = list.listed().filter(is_added).count() > 1;
            for policy in list.listed() {
                let removed = self.action(&policy) == Some(&PolicyAction::Remove)
                    || is_removed_on_the_way(&policy, comparison, observed)
                    || temporary.contains(&policy);
                let what = match (change.declared, removed, is_added(&policy)) {
                    (false, true, _) => "would be removed on the way",
                    (true, _, true) => "would be added before the list is detached",
                    (false, false, true) if several => "would be added before another one of them",
                    (true | false, _, _) => continue,
                };
                let message = format!("{principal} has several policies at once (`{list}`), and `{policy}` {what}");
                let (kind, name) = (principal.kind(), principal.name());
                let help = format!(
                    "attune attaches one policy to a {kind}: detach the list, or declare `[{kind}s.{name}]` with one policy, then plan again"
                );
                self.error(codes::SEVERAL_POLICIES, self.at(principal), message, help);
            }
        }
    }

    /// After the plan, the cluster may have no more policies than it takes.
    fn room(&mut self) {
        let counts = |(name, action): &(&PolicyName, &PolicyAction)| match action {
            PolicyAction::Add(_) | PolicyAction::Replace(_) => true,
            PolicyAction::Remove => false,
            PolicyAction::Keep | PolicyAction::Unmanaged => self.observed.policies.contains_key(*name),
        };
        let after = self.comparison.policies.iter().filter(counts).count();
        let (before, limit) = (self.observed.policies.len(), self.observed.limits.policies);
        if after > limit && after > before {
            let message = format!("the cluster would have {after} policies; it takes {limit}");
            let help = "remove policies that no user or group has, or let several users share one";
            self.error(codes::TOO_MANY, None, message, help);
        }
    }

    /// If the cluster does not report attachments, only additions are safe.
    fn attachments(&mut self) {
        if self.observed.attachments_known {
            return;
        }
        let release = &self.observed.identity.release;
        let help = "over REST, WEKA reports attachments since 4.0; manage only additions of policies here until then";
        for (user, entry) in &self.desired.users {
            let message = format!("WEKA {release} does not report the policy of user `{user}`");
            self.error(codes::ATTACHMENTS_UNKNOWN, entry.at.clone(), message, help);
        }
        for (policy, action) in &self.comparison.policies {
            let what = match action {
                PolicyAction::Replace(_) if self.comparison.renames.contains_key(policy) => "renamed",
                PolicyAction::Replace(_) => "replaced",
                PolicyAction::Remove => "removed",
                PolicyAction::Keep | PolicyAction::Add(_) | PolicyAction::Unmanaged => continue,
            };
            let message = format!("WEKA {release} does not report who has `{policy}`, so it cannot be {what} safely");
            self.error(codes::ATTACHMENTS_UNKNOWN, self.policy_at(policy), message, help);
        }
    }
}

fn did_you_mean(near: &str) -> String {
    format!("did you mean `{near}`? ")
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
    let named = steps.iter().filter_map(|step| match &step.call {
        Call::Attach { principal, .. } | Call::Detach { principal, .. } => Some((principal, step.change.to_string())),
        // The configuration declares the user, by a name that calls can carry.
        Call::RevokeKeys { .. } | Call::AddPolicy { .. } | Call::RemovePolicy { .. } | Call::SetBucketPolicy { .. } => {
            None
        }
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
