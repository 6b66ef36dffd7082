//! Problems of a plan, found before its first call.

use std::collections::BTreeSet;

use crate::base::{Capabilities, Finding, Location, PolicyName, Principal, Suggestions, UserName, shell_line};
use crate::desired::{DeclaredAttachment, Desired, PolicyIntent};
use crate::observed::{Observed, newer_than_known};

use super::compare::{Comparison, PolicyAction, merged};
use super::methods::is_recreated;
use super::{codes, names};

/// Everything that blocks this plan or that a reviewer should know.
pub(super) fn problems(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    let input = Input { desired, observed, comparison };
    let mut findings: Vec<Finding> = newer_than_known(&observed.identity.release).into_iter().collect();
    input.documents(&mut findings);
    input.users(&mut findings);
    input.removals(&mut findings);
    input.groups(&mut findings);
    input.leftovers(&mut findings);
    input.lists(&mut findings);
    input.room(&mut findings);
    input.attachments(&mut findings);
    findings.extend(names::unmanageable_policies(observed));
    findings.extend(names::duplicates(desired, observed, comparison));
    findings
}

/// Some call needs room for another policy, and no call frees it.
pub(super) fn no_room(observed: &Observed) -> Finding {
    let message =
        format!("no order of the calls keeps within the {} policies that the cluster takes", observed.limits.policies);
    Finding::error(codes::TOO_MANY, message)
        .help("remove a policy that no one needs, or declare the users that have a replaced policy, then plan again")
}

struct Input<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    comparison: &'a Comparison,
}

impl Input<'_> {
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
    fn documents(&self, findings: &mut Vec<Finding>) {
        let limit = self.observed.limits.document_bytes;
        for (policy, action) in &self.comparison.policies {
            if let Some(size) = action.document().map(|document| document.json().len()).filter(|size| *size > limit) {
                let message = format!("the document of `{policy}` is {size} bytes; the cluster takes {limit}");
                findings.push(
                    Finding::error(codes::TOO_LARGE, message)
                        .at(self.policy_at(policy))
                        .help("it is counted minified, as it is sent; use wildcards, or fewer or shorter statements"),
                );
            }
        }
    }

    fn users(&self, findings: &mut Vec<Finding>) {
        let mut suggestions = Suggestions::default();
        for (user, entry, observed) in merged(&self.desired.users, &self.observed.users) {
            let Some(entry) = entry else { continue };
            match (&entry.intent, observed) {
                (DeclaredAttachment::Detached | DeclaredAttachment::Revoked, None) => findings.push(
                    Finding::note(codes::USER_ABSENT, format!("user `{user}` does not exist, so it has no policy"))
                        .at(entry.at.clone()),
                ),
                (DeclaredAttachment::Detached | DeclaredAttachment::Revoked, Some(_)) => {}
                (DeclaredAttachment::Has(_), None) => {
                    findings.push(self.no_such_user(user, entry.at.clone(), &mut suggestions));
                }
                (DeclaredAttachment::Has(policy), Some(found)) => {
                    if !found.can_hold() {
                        let message = format!("user `{user}` cannot have a policy: its role is {}", found.role);
                        findings.push(
                            Finding::error(codes::NOT_S3_USER, message)
                                .at(entry.at.clone())
                                .help("only local users with the role S3 and users of a directory can have a policy"),
                        );
                    }
                    let principal = Principal::from(user);
                    let change = self.comparison.affected.get(&principal);
                    if found.is_imported() && change.is_some_and(|change| change.before != change.after) {
                        findings.push(imported(user, &found.source, entry.at.clone()));
                    }
                    findings.extend(self.target(&principal, policy, &mut suggestions));
                }
            }
        }
    }

    /// The cluster does not report which groups exist, only which ones have a policy.
    fn groups(&self, findings: &mut Vec<Finding>) {
        let mut suggestions = Suggestions::default();
        for (group, entry) in &self.desired.groups {
            if !self.observed.groups_known {
                let release = &self.observed.identity.release;
                let (why, help) = match Capabilities::of(release).groups {
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
                findings.push(Finding::error(codes::GROUPS_UNKNOWN, message).at(entry.at.clone()).help(help));
            } else if let DeclaredAttachment::Has(policy) = &entry.intent {
                findings.extend(self.target(&Principal::from(group), policy, &mut suggestions));
            }
        }
    }

    fn no_such_user(&self, user: &UserName, at: Option<Location>, suggestions: &mut Suggestions) -> Finding {
        let known = self.observed.users.iter().filter(|(_, known)| known.can_hold()).map(|(name, _)| name.as_str());
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
                codes::HELD_NOT_DECLARED,
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

    /// No user or group may have a policy that is removed. A plan detaches only declared and owned ones.
    fn removals(&self, findings: &mut Vec<Finding>) {
        for (principal, change) in &self.comparison.affected {
            let Some(policy) = change.after.as_ref().filter(|_| !change.declared) else { continue };
            if self.action(policy) != Some(&PolicyAction::Remove) {
                continue;
            }
            let message = format!("policy `{policy}` is to be removed, but {principal}, which is unmanaged, has it");
            let (kind, name) = (principal.kind(), principal.name());
            findings.push(Finding::error(codes::HELD_ELSEWHERE, message).at(self.policy_at(policy)).help(format!(
                "declare `[{kind}s.{name}]` with another policy or `detached = true`, or let `[ownership] {kind}s` cover it"
            )));
        }
    }

    /// Temporary policies of policies that this plan does not replace stay as they are.
    fn leftovers(&self, findings: &mut Vec<Finding>) {
        let ours: BTreeSet<&PolicyName> = self.comparison.leftovers.values().flatten().collect();
        let others = self.observed.policies.keys().filter(|name| !ours.contains(name));
        for (name, policy) in others.filter_map(|name| Some((name, name.temporary_for()?))) {
            let message = format!(
                "`{name}` is a temporary policy: a replacement of `{policy}`, which this configuration does not declare, runs or was interrupted"
            );
            findings.push(Finding::warning(codes::UNMANAGED_TEMPORARY, message).help(
                "if no apply is running, apply the configuration that declares the policy: it finishes the replacement",
            ));
        }
        for (name, policy) in self.comparison.missing.iter().filter_map(|name| Some((name, name.temporary_for()?))) {
            let message =
                format!("`{name}`, a temporary policy of `{policy}`, does not exist and is attached all the same");
            findings.push(
                Finding::warning(codes::UNMANAGED_TEMPORARY, message)
                    .help("it gives no access; declare the users that have it with the policy they should have"),
            );
        }
    }

    /// attune never attaches a list of policies, so a list cannot stay if one of its policies is removed on the way.
    fn lists(&self, findings: &mut Vec<Finding>) {
        let temporary: BTreeSet<&PolicyName> = self.comparison.leftovers.values().flatten().collect();
        for (principal, change) in &self.comparison.affected {
            let Some(list) = change.attached.as_ref().filter(|name| name.is_list()) else { continue };
            let is_added = |policy: &PolicyName| {
                self.action(policy).is_some_and(PolicyAction::has_document)
                    && !self.observed.policies.contains_key(policy)
            };
            let several = list.listed().filter(is_added).count() > 1;
            for policy in list.listed() {
                let removed = self.action(&policy) == Some(&PolicyAction::Remove)
                    || is_recreated(&policy, self.comparison, self.observed)
                    || temporary.contains(&policy);
                let what = match (change.declared, removed, is_added(&policy)) {
                    (false, true, _) => "would be removed on the way",
                    (true, _, true) => "would be added before the list is detached",
                    (false, false, true) if several => "would be added before another one of them",
                    (true | false, _, _) => continue,
                };
                let message = format!("{principal} has several policies at once (`{list}`), and `{policy}` {what}");
                let (kind, name) = (principal.kind(), principal.name());
                findings.push(Finding::error(codes::SEVERAL_POLICIES, message).at(self.at(principal)).help(format!(
                    "attune attaches one policy to a {kind}: detach the list, or declare `[{kind}s.{name}]` with one policy, then plan again"
                )));
            }
        }
    }

    /// After the plan, the cluster may have no more policies than it takes.
    fn room(&self, findings: &mut Vec<Finding>) {
        let counts = |(name, action): &(&PolicyName, &PolicyAction)| match action {
            PolicyAction::Add(_) | PolicyAction::Replace(_) => true,
            PolicyAction::Remove => false,
            PolicyAction::Keep | PolicyAction::Unmanaged => self.observed.policies.contains_key(*name),
        };
        let after = self.comparison.policies.iter().filter(counts).count();
        let (before, limit) = (self.observed.policies.len(), self.observed.limits.policies);
        if after > limit && after > before {
            let message = format!("the cluster would have {after} policies; it takes {limit}");
            findings.push(
                Finding::error(codes::TOO_MANY, message)
                    .help("remove policies that no user or group has, or let several users share one"),
            );
        }
    }

    /// If the cluster does not report attachments, only additions are safe.
    fn attachments(&self, findings: &mut Vec<Finding>) {
        if self.observed.attachments_known {
            return;
        }
        let release = &self.observed.identity.release;
        let help = "over REST, WEKA reports attachments since 4.0; manage only additions of policies here until then";
        for (user, entry) in &self.desired.users {
            let message = format!("WEKA {release} does not report the policy of user `{user}`");
            findings.push(Finding::error(codes::ATTACHMENTS_UNKNOWN, message).at(entry.at.clone()).help(help));
        }
        for (policy, action) in &self.comparison.policies {
            let what = match action {
                PolicyAction::Replace(_) => "replaced",
                PolicyAction::Remove => "removed",
                PolicyAction::Keep | PolicyAction::Add(_) | PolicyAction::Unmanaged => continue,
            };
            let message = format!("WEKA {release} does not report who has `{policy}`, so it cannot be {what} safely");
            findings.push(Finding::error(codes::ATTACHMENTS_UNKNOWN, message).at(self.policy_at(policy)).help(help));
        }
    }
}

fn did_you_mean(near: &str) -> String {
    format!("did you mean `{near}`? ")
}

fn imported(user: &UserName, source: &str, at: Option<Location>) -> Finding {
    let message = format!("user `{user}` comes from {source}: what is attached here lasts until the next refresh");
    Finding::warning(codes::IMPORTED_USER, message)
        .at(at)
        .help("set the policy in the directory as well (the attribute `wekaS3Policy`)")
}
