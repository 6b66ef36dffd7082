//! What cannot be done, found before the first call.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Capabilities, Finding, Location, PolicyName, Principal, Suggestions, UserName, shell_line};
use crate::desired::{DeclaredAttachment, Desired, PolicyIntent};
use crate::observed::{Observed, newer_than_known};

use super::codes;
use super::compare::{Comparison, PolicyAction};
use super::merged::merged;
use super::methods::is_remade;
use super::step::{Call, Step};

/// Everything that stands in the way of this plan, and what is worth knowing beside.
pub(super) fn problems(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    let view = View { desired, observed, comparison };
    let mut findings: Vec<Finding> = newer_than_known(&observed.identity.release).into_iter().collect();
    view.documents(&mut findings);
    view.users(&mut findings);
    view.removals(&mut findings);
    view.groups(&mut findings);
    view.leftovers(&mut findings);
    view.lists(&mut findings);
    view.room(&mut findings);
    view.attachments(&mut findings);
    view.names(&mut findings);
    view.several_records(&mut findings);
    findings
}

/// The calls need room for one policy more at some time, and nothing gives it back.
pub(super) fn no_room(observed: &Observed) -> Finding {
    let message =
        format!("no order of the calls keeps within the {} policies the cluster takes", observed.limits.policies);
    Finding::error(codes::TOO_MANY, message)
        .help("remove a policy that nobody needs, or declare the users that hold what is replaced, then plan again")
}

/// Users and groups that a call would have to name and that no call can: a file cannot declare them, but they can hold a
/// policy that is replaced, or be owned.
pub(super) fn unnameable(steps: &[Step]) -> Vec<Finding> {
    let named = steps.iter().filter_map(|step| match &step.call {
        Call::Attach { principal, .. } | Call::Detach { principal, .. } => Some((principal, step.change.to_string())),
        // A file declares the user, by a name that calls can carry.
        Call::RevokeKeys { .. } | Call::AddPolicy { .. } | Call::RemovePolicy { .. } => None,
    });
    let holders: BTreeMap<&Principal, String> = named.collect();
    let finding = |(principal, change): (&Principal, String)| {
        let problem = principal.addressable().err()?;
        let (kind, name) = (principal.kind(), principal.name());
        let message = format!("the change {change} needs the {kind} {name:?}, whose name {problem}");
        Some(Finding::error(codes::UNADDRESSABLE, message).help(format!(
            "detach the {kind} or give it another policy by other means, or leave it out of `[ownership]`, then plan again"
        )))
    };
    holders.into_iter().filter_map(finding).collect()
}

struct View<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    comparison: &'a Comparison,
}

impl View<'_> {
    fn policy_at(&self, policy: &PolicyName) -> Option<Location> {
        self.desired.policies.get(policy).and_then(|entry| entry.at.clone())
    }

    fn at(&self, principal: &Principal) -> Option<Location> {
        self.desired.entry(principal).and_then(|entry| entry.at.clone())
    }

    /// Documents over the limit are refused only where they would be sent.
    fn documents(&self, findings: &mut Vec<Finding>) {
        for (policy, fate) in &self.comparison.policies {
            let (PolicyAction::Add(document) | PolicyAction::Replace(document)) = fate else { continue };
            let (size, limit) = (document.json().len(), self.observed.limits.document_bytes);
            if size > limit {
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
        // Users often hold what the one before them holds, and what is there for the one is there for the other.
        let mut there: Option<&PolicyName> = None;
        for (user, entry, observed) in merged(&self.desired.users, &self.observed.users) {
            let Some(entry) = entry else { continue };
            match (&entry.intent, observed) {
                (DeclaredAttachment::Detached | DeclaredAttachment::Revoked, None) => findings.push(
                    Finding::note(codes::USER_ABSENT, format!("user `{user}` does not exist, so it holds nothing"))
                        .at(entry.at.clone()),
                ),
                (DeclaredAttachment::Detached | DeclaredAttachment::Revoked, Some(_)) => {}
                (DeclaredAttachment::Has(_), None) => {
                    findings.push(self.no_such_user(user, entry.at.clone(), &mut suggestions))
                }
                (DeclaredAttachment::Has(policy), Some(found)) => {
                    if !found.can_hold() {
                        let message = format!("user `{user}` cannot hold a policy: its role is {}", found.role);
                        findings.push(
                            Finding::error(codes::NOT_S3_USER, message)
                                .at(entry.at.clone())
                                .help("policies are held by local users with the role S3 and by users of a directory"),
                        );
                    }
                    if found.is_imported() && self.changes_user(user) {
                        findings.push(imported(user, &found.source, entry.at.clone()));
                    }
                    if there != Some(policy) {
                        let found = findings.len();
                        self.target(&Principal::from(user), policy, &mut suggestions, findings);
                        there = (findings.len() == found).then_some(policy);
                    }
                }
            }
        }
    }

    /// Which groups there are is not told: only those that hold a policy are.
    fn groups(&self, findings: &mut Vec<Finding>) {
        let mut suggestions = Suggestions::default();
        for (group, entry) in &self.desired.groups {
            if !self.observed.groups_known {
                let release = &self.observed.identity.release;
                let (why, help) = match Capabilities::of(release).groups {
                    true => (
                        format!("over REST, WEKA {release} does not report what groups hold"),
                        "reach the cluster through its `weka` command: `via = \"weka\"` under [cluster]",
                    ),
                    false => (
                        format!("groups hold no policies before 6.0 (this is WEKA {release})"),
                        "declare users instead",
                    ),
                };
                let message = format!("group `{group}` cannot be managed: {why}");
                findings.push(Finding::error(codes::GROUPS_UNKNOWN, message).at(entry.at.clone()).help(help));
            } else if let DeclaredAttachment::Has(policy) = &entry.intent {
                self.target(&Principal::from(group), policy, &mut suggestions, findings);
            }
        }
    }

    fn changes_user(&self, user: &UserName) -> bool {
        self.comparison.holders.affected.get(&Principal::from(user)).is_some_and(|fate| fate.before != fate.after)
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

    /// The policy that somebody declared is to hold must be there in the end.
    fn target(
        &self,
        principal: &Principal,
        policy: &PolicyName,
        suggestions: &mut Suggestions,
        findings: &mut Vec<Finding>,
    ) {
        let declared = self.desired.policies.get(policy).map(|entry| &entry.intent);
        match (declared, self.comparison.policies.get(policy)) {
            (Some(PolicyIntent::Absent), _) => {
                let message = format!("{principal} is to hold `{policy}`, which is declared absent");
                findings.push(Finding::error(codes::NO_SUCH_POLICY, message).at(self.at(principal)));
            }
            (Some(PolicyIntent::Present(_)), _) => {}
            (None, Some(PolicyAction::Remove)) => {
                let message =
                    format!("{principal} is to hold `{policy}`, which no file declares and `[ownership]` covers");
                findings.push(
                    Finding::error(codes::HELD_NOT_DECLARED, message)
                        .at(self.at(principal))
                        .help(format!("declare `[policies.{policy}]`, or it would be removed as no longer wanted")),
                );
            }
            (
                None,
                Some(PolicyAction::Keep | PolicyAction::Add(_) | PolicyAction::Replace(_) | PolicyAction::LeaveAlone),
            ) => {}
            (None, None) => {
                let known = self.comparison.policies.keys().map(PolicyName::as_str);
                let near = suggestions.nearest(policy.as_str(), known).map(did_you_mean).unwrap_or_default();
                let message =
                    format!("{principal} is to hold `{policy}`, which is neither declared nor on the cluster");
                findings.push(
                    Finding::error(codes::NO_SUCH_POLICY, message)
                        .at(self.at(principal))
                        .help(format!("{near}declare `[policies.{policy}]` or name a policy that is there")),
                );
            }
        }
    }

    /// Nobody may hold what is removed; whom no file names, no plan detaches, unless owned.
    fn removals(&self, findings: &mut Vec<Finding>) {
        for (principal, fate) in self.comparison.affected() {
            let Some(policy) = fate.after.as_ref().filter(|_| !fate.declared) else { continue };
            if !matches!(self.comparison.policies.get(policy), Some(PolicyAction::Remove)) {
                continue;
            }
            let message = format!("policy `{policy}` is to be removed, but {principal}, whom no file names, holds it");
            let (kind, name) = (principal.kind(), principal.name());
            findings.push(Finding::error(codes::HELD_ELSEWHERE, message).at(self.policy_at(policy)).help(format!(
                "declare `[{kind}s.{name}]` with another policy or `detached = true`, or let `[ownership] {kind}s` cover it"
            )));
        }
    }

    /// Temporary policies of policies that this plan does not replace: they stay as they are.
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
        let missing = self.comparison.holders.missing.iter().filter_map(|name| Some((name, name.temporary_for()?)));
        for (name, policy) in missing {
            let message =
                format!("`{name}`, a temporary policy of `{policy}`, does not exist and is attached all the same");
            findings.push(
                Finding::warning(codes::UNMANAGED_TEMPORARY, message)
                    .help("it gives no access; declare the users that have it with the policy they should have"),
            );
        }
    }

    /// attune never attaches a list of policies, so who has one cannot keep it where a part of it is removed on the way.
    fn lists(&self, findings: &mut Vec<Finding>) {
        let temporary: BTreeSet<&PolicyName> = self.comparison.leftovers.values().flatten().collect();
        for (principal, fate) in self.comparison.affected() {
            let Some(list) = fate.physical.as_ref().filter(|name| name.is_list()) else { continue };
            let action = |policy: &PolicyName| self.comparison.policies.get(policy);
            let is_added = |policy: &PolicyName| {
                action(policy).is_some_and(PolicyAction::has_document) && !self.observed.policies.contains_key(policy)
            };
            let several = list.listed().filter(is_added).count() > 1;
            for policy in list.listed() {
                let removed = matches!(action(&policy), Some(PolicyAction::Remove))
                    || is_remade(&policy, self.comparison, self.observed)
                    || temporary.contains(&policy);
                let what = match (fate.declared, removed, is_added(&policy)) {
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

    /// In the end there may be no more policies than the cluster takes.
    fn room(&self, findings: &mut Vec<Finding>) {
        let counts = |fate: &PolicyAction, name: &PolicyName| match fate {
            PolicyAction::Add(_) | PolicyAction::Replace(_) => true,
            PolicyAction::Remove => false,
            PolicyAction::Keep | PolicyAction::LeaveAlone => self.observed.policies.contains_key(name),
        };
        let after = self.comparison.policies.iter().filter(|(name, fate)| counts(fate, name)).count();
        let (before, limit) = (self.observed.policies.len(), self.observed.limits.policies);
        if after > limit && after > before {
            let message = format!("the cluster would have {after} policies; it takes {limit}");
            findings.push(
                Finding::error(codes::TOO_MANY, message)
                    .help("remove policies that nobody holds, or let several users share one"),
            );
        }
    }

    /// Without knowing who holds what, only additions are safe.
    fn attachments(&self, findings: &mut Vec<Finding>) {
        if self.observed.attachments_known {
            return;
        }
        let release = &self.observed.identity.release;
        let help = "over REST, WEKA reports attachments since 4.0; manage only additions of policies here until then";
        for (user, entry) in &self.desired.users {
            let message = format!("WEKA {release} does not report what user `{user}` holds");
            findings.push(Finding::error(codes::ATTACHMENTS_UNKNOWN, message).at(entry.at.clone()).help(help));
        }
        for (policy, fate) in &self.comparison.policies {
            let what = match fate {
                PolicyAction::Replace(_) => "replaced",
                PolicyAction::Remove => "removed",
                PolicyAction::Keep | PolicyAction::Add(_) | PolicyAction::LeaveAlone => continue,
            };
            let message = format!("WEKA {release} does not report who holds `{policy}`, so it cannot be {what} safely");
            findings.push(Finding::error(codes::ATTACHMENTS_UNKNOWN, message).at(self.policy_at(policy)).help(help));
        }
    }

    fn names(&self, findings: &mut Vec<Finding>) {
        for policy in self.observed.policies.keys() {
            if let Err(problem) = policy.addressable() {
                let message = format!("the cluster has a policy whose name {problem}: {:?}", policy.as_str());
                findings.push(Finding::warning(codes::UNADDRESSABLE, message).help("it is left alone"));
            }
        }
    }
}

impl View<'_> {
    /// A call carries a name alone: where several records have it, nothing that depends on one of them is planned.
    fn several_records(&self, findings: &mut Vec<Finding>) {
        let several = &self.observed.duplicates;
        for principal in several.principals() {
            let covered = self.desired.entry(&principal).is_some() || self.desired.ownership.covers(&principal);
            let depends = covered
                || several.held_by(&principal).flat_map(PolicyName::listed).any(|policy| self.changes_policy(&policy));
            findings.push(several.about(&principal, depends).at(self.at(&principal)));
        }
        for policy in several.policies.keys() {
            let declared = self.desired.policies.contains_key(policy) || self.desired.ownership.covers_policy(policy);
            findings
                .push(several.about_policy(policy, declared || self.changes_policy(policy)).at(self.policy_at(policy)));
        }
    }

    /// Whether the document that a policy's name gives becomes another, by its own name or by that of a temporary policy.
    fn changes_policy(&self, policy: &PolicyName) -> bool {
        let becomes = |name: &PolicyName| match self.comparison.policies.get(name) {
            Some(PolicyAction::Add(_) | PolicyAction::Replace(_) | PolicyAction::Remove) => true,
            Some(PolicyAction::Keep | PolicyAction::LeaveAlone) | None => false,
        };
        becomes(policy) || becomes(&policy.meant())
    }
}

fn did_you_mean(near: &str) -> String {
    format!("did you mean `{near}`? ")
}

fn imported(user: &UserName, source: &str, at: Option<Location>) -> Finding {
    let message = format!("user `{user}` comes from {source}: what is attached here holds until the next refresh");
    Finding::warning(codes::IMPORTED_USER, message)
        .at(at)
        .help("set the policy in the directory as well (the attribute `wekaS3Policy`)")
}
