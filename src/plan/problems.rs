//! Problems of a plan, found before its first call.

use std::collections::BTreeSet;

use crate::base::{
    BucketName, Code, Finding, Location, PolicyName, Principal, Severity, Suggestions, UserName, nearest, shell_line,
};
use crate::desired::{DeclaredAttachment, Desired, Phase, PolicyIntent, Term};
use crate::observed::{Buckets, Observed, newer_than_known};
use crate::policy::MAX_BUCKET_POLICY;

use super::bucket_target::BucketTarget;
use super::codes;
use super::compare::{BucketAction, Comparison, PolicyAction, merged};
use super::graph::is_removed_on_the_way;
use super::name_problems::{duplicates, idle_renames, unmanageable_policies};

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
    problems.findings.extend(idle_renames(desired, observed, comparison));
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

fn of_buckets(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &observed.buckets {
        _ if !desired.needs_buckets() => {}
        Buckets::NotRead => findings.push(unreadable(desired, "they were not read")),
        Buckets::Unreadable(why) => findings.push(unreadable(desired, why)),
        Buckets::Known(buckets) => {
            for (bucket, entry) in desired.buckets.iter().filter(|(bucket, _)| !buckets.contains_key(*bucket)) {
                let near = nearest(bucket.as_str(), buckets.keys().map(BucketName::as_str));
                findings.push(no_such_bucket(bucket, near).at(entry.at.clone()));
            }
        }
    }
    findings.extend(comparison.buckets.iter().filter_map(|(bucket, action)| too_large(bucket, action, desired)));
    findings
}

fn unreadable(desired: &Desired, why: &str) -> Finding {
    let at = desired.buckets.values().find_map(|entry| entry.at.clone());
    let message = format!("the policies of buckets cannot be compared: {why}");
    let help = "give the login the right to list buckets, or leave `[buckets]` and `ownership.buckets` out";
    Finding::error(codes::BUCKETS_UNKNOWN, message).at(at).help(help)
}

fn no_such_bucket(bucket: &BucketName, near: Option<&str>) -> Finding {
    let add = format!("attune adds no buckets: `weka s3 bucket add {bucket}`");
    let help = match near {
        Some(near) => format!("did you mean `{near}`? {add}"),
        None => add,
    };
    Finding::error(codes::NO_SUCH_BUCKET, format!("bucket `{bucket}` does not exist on the cluster")).help(help)
}

/// A document over the limit is an error only if it would be sent.
fn too_large(bucket: &BucketName, action: &BucketAction, desired: &Desired) -> Option<Finding> {
    let BucketAction::Set(BucketTarget::Document(document)) = action else { return None };
    let (size, limit) = (document.len(), MAX_BUCKET_POLICY);
    if size <= limit {
        return None;
    }
    let message = format!("the policy of bucket `{bucket}` is {size} bytes; S3 takes {limit}");
    let help = "it is counted minified, as it is sent; use fewer or shorter statements";
    let at = desired.buckets.get(bucket).and_then(|entry| entry.at.clone());
    Some(Finding::error(codes::TOO_LARGE, message).at(at).help(help))
}

/// Some call needs room for another policy, and no call frees it.
pub(super) fn no_room(observed: &Observed) -> Finding {
    let message =
        format!("no order of the calls keeps within the {} policies that the cluster takes", observed.limits.policies);
    Finding::error(codes::TOO_MANY, message)
        .help("remove a policy that no one needs, or declare the users that have a replaced policy, then plan again")
}

/// The problem of a policy that someone gets later: a warning until then.
fn for_later(problem: Finding) -> Finding {
    let message = format!("later, {}", problem.message);
    Finding { code: codes::NO_SUCH_POLICY_LATER, severity: Severity::Warning, message, ..problem }
}

/// A change of an attachment that a directory sets again.
fn imported(user: &UserName, source: &str, at: Option<Location>) -> Finding {
    let message = format!("user `{user}` comes from {source}: what is attached here lasts until the next refresh");
    Finding::warning(codes::IMPORTED_USER, message)
        .at(at)
        .help("set the policy in the directory as well (the attribute `wekaS3Policy`)")
}
