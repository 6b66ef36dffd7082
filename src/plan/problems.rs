//! What cannot be done, found before the first call.

use std::collections::BTreeMap;

use crate::base::{Finding, Location, PolicyName, UserName, nearest};
use crate::desired::{Desired, PolicyIntent, UserIntent};
use crate::observed::Observed;

use super::codes;
use super::compare::{Comparison, PolicyFate};
use super::step::{Call, Step};

/// Everything that stands in the way of this plan, and what is worth knowing beside.
pub(super) fn problems(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    let view = View { desired, observed, comparison };
    let mut findings = Vec::new();
    view.documents(&mut findings);
    view.users(&mut findings);
    view.removals(&mut findings);
    view.groups(&mut findings);
    view.leftovers(&mut findings);
    view.room(&mut findings);
    view.attachments(&mut findings);
    view.names(&mut findings);
    findings
}

/// The calls need room for one policy more at some time, and nothing gives it back.
pub(super) fn no_room(observed: &Observed) -> Finding {
    let message =
        format!("no order of the calls keeps within the {} policies the cluster takes", observed.limits.policies);
    Finding::error(codes::TOO_MANY, message)
        .help("remove a policy that nobody needs, or declare the users that hold what is replaced, then plan again")
}

/// Users that a call would have to name and that no call can: a file cannot declare them, but they can hold a policy
/// that is replaced, or be owned.
pub(super) fn unnameable_users(steps: &[Step]) -> Vec<Finding> {
    let named = steps.iter().filter_map(|step| match &step.call {
        Call::Attach { user, .. } | Call::RetireKeys { user } | Call::Detach { user, .. } => {
            Some((user, step.change.to_string()))
        }
        Call::AddPolicy { .. } | Call::RemovePolicy { .. } => None,
    });
    let users: BTreeMap<&UserName, String> = named.collect();
    let finding = |(user, change): (&UserName, String)| {
        let problem = user.addressable().err()?;
        let message = format!("the change {change} needs the user {:?}, whose name {problem}", user.as_str());
        Some(Finding::error(codes::UNADDRESSABLE, message).help(
            "detach the user or give it another policy by other means, or leave it out of `[ownership]`, then plan again",
        ))
    };
    users.into_iter().filter_map(finding).collect()
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

    fn user_at(&self, user: &UserName) -> Option<Location> {
        self.desired.users.get(user).and_then(|entry| entry.at.clone())
    }

    /// Documents over the limit are refused only where they would be sent.
    fn documents(&self, findings: &mut Vec<Finding>) {
        for (policy, fate) in &self.comparison.policies {
            let (PolicyFate::Add(document) | PolicyFate::Replace(document)) = fate else { continue };
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
        for (user, entry) in &self.desired.users {
            let observed = self.observed.users.get(user);
            match (&entry.intent, observed) {
                (UserIntent::Detached | UserIntent::Retired, None) => findings.push(
                    Finding::note(codes::USER_ABSENT, format!("user `{user}` does not exist, so it holds nothing"))
                        .at(entry.at.clone()),
                ),
                (UserIntent::Detached | UserIntent::Retired, Some(_)) => {}
                (UserIntent::Holds(_), None) => findings.push(self.no_such_user(user, entry.at.clone())),
                (UserIntent::Holds(policy), Some(found)) => {
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
                    self.target(user, policy, findings);
                }
            }
        }
    }

    fn changes_user(&self, user: &UserName) -> bool {
        self.comparison.users.get(user).is_some_and(|fate| fate.before != fate.after)
    }

    fn no_such_user(&self, user: &UserName, at: Option<Location>) -> Finding {
        let known = self.observed.users.iter().filter(|(_, known)| known.can_hold()).map(|(name, _)| name.as_str());
        let near = nearest(user.as_str(), known).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let message = format!("user `{user}` does not exist in tenant {}", self.observed.identity.tenant);
        Finding::error(codes::NO_SUCH_USER, message)
            .at(at)
            .help(format!("{near}attune does not create users: `weka user add {user} s3` does"))
    }

    /// The policy a declared user is to hold must be there in the end.
    fn target(&self, user: &UserName, policy: &PolicyName, findings: &mut Vec<Finding>) {
        let declared = self.desired.policies.get(policy).map(|entry| &entry.intent);
        match (declared, self.comparison.policies.get(policy)) {
            (Some(PolicyIntent::Absent), _) => {
                let message = format!("user `{user}` is to hold `{policy}`, which is declared absent");
                findings.push(Finding::error(codes::NO_SUCH_POLICY, message).at(self.user_at(user)));
            }
            (Some(PolicyIntent::Present(_)), _) => {}
            (None, Some(PolicyFate::Remove)) => {
                let message =
                    format!("user `{user}` is to hold `{policy}`, which no file declares and `[ownership]` covers");
                findings.push(
                    Finding::error(codes::HELD_NOT_DECLARED, message)
                        .at(self.user_at(user))
                        .help(format!("declare `[policies.{policy}]`, or it would be removed as no longer wanted")),
                );
            }
            (
                None,
                Some(
                    PolicyFate::Keep
                    | PolicyFate::Add(_)
                    | PolicyFate::Replace(_)
                    | PolicyFate::LeaveAlone
                    | PolicyFate::Ambiguous,
                ),
            ) => {}
            (None, None) => {
                let known = self.comparison.policies.keys().map(PolicyName::as_str);
                let near =
                    nearest(policy.as_str(), known).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
                let message =
                    format!("user `{user}` is to hold `{policy}`, which is neither declared nor on the cluster");
                findings.push(
                    Finding::error(codes::NO_SUCH_POLICY, message)
                        .at(self.user_at(user))
                        .help(format!("{near}declare `[policies.{policy}]` or name a policy that is there")),
                );
            }
        }
    }

    /// Nobody may hold what is removed; whom no file names, no plan detaches, unless owned.
    fn removals(&self, findings: &mut Vec<Finding>) {
        for (user, fate) in &self.comparison.users {
            let Some(policy) = fate.after.as_ref().filter(|_| !fate.declared) else { continue };
            if !matches!(self.comparison.policies.get(policy), Some(PolicyFate::Remove)) {
                continue;
            }
            let message =
                format!("policy `{policy}` is to be removed, but user `{user}`, whom no file names, holds it");
            findings.push(Finding::error(codes::HELD_ELSEWHERE, message).at(self.policy_at(policy)).help(format!(
                "declare `[users.{user}]` with another policy or `detached = true`, or let `[ownership] users` cover it"
            )));
        }
    }

    /// A policy that a group holds can be neither removed nor replaced, which takes a removal: it must be detached from all
    /// users and groups first (vendor documentation, 6.0).
    fn groups(&self, findings: &mut Vec<Finding>) {
        for (group, policy) in &self.observed.groups {
            let fate = match self.comparison.policies.get(policy) {
                Some(PolicyFate::Remove) => "removed",
                Some(PolicyFate::Replace(_)) => "replaced",
                Some(_) | None => continue,
            };
            let message = format!("policy `{policy}` is to be {fate}, but group `{group}` holds it");
            findings.push(Finding::error(codes::HELD_BY_GROUP, message).at(self.policy_at(policy)).help(format!(
                "no call is made for groups: run `weka s3 policy detach --group {group}`, plan and apply, then attach again"
            )));
        }
    }

    fn leftovers(&self, findings: &mut Vec<Finding>) {
        for (policy, fate) in &self.comparison.policies {
            if *fate != PolicyFate::Ambiguous {
                continue;
            }
            let names: Vec<_> = self.comparison.leftovers_of(policy).iter().map(|name| format!("`{name}`")).collect();
            let message = format!("a replacement of `{policy}` was interrupted and left {} behind", names.join(", "));
            findings.push(Finding::error(codes::AMBIGUOUS_LEFTOVER, message).help(format!(
                "declare `[policies.{policy}]` with the document it should have; the plan finishes it then"
            )));
        }
    }

    /// In the end there may be no more policies than the cluster takes.
    fn room(&self, findings: &mut Vec<Finding>) {
        let counts = |fate: &PolicyFate, name: &PolicyName| match fate {
            PolicyFate::Add(_) | PolicyFate::Replace(_) => true,
            PolicyFate::Remove => false,
            PolicyFate::Keep | PolicyFate::LeaveAlone | PolicyFate::Ambiguous => {
                self.observed.policies.contains_key(name)
            }
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
                PolicyFate::Replace(_) => "replaced",
                PolicyFate::Remove => "removed",
                PolicyFate::Keep | PolicyFate::Add(_) | PolicyFate::LeaveAlone | PolicyFate::Ambiguous => continue,
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

fn imported(user: &UserName, source: &str, at: Option<Location>) -> Finding {
    let message = format!("user `{user}` comes from {source}: what is attached here holds until the next refresh");
    Finding::warning(codes::IMPORTED_USER, message)
        .at(at)
        .help("set the policy in the directory as well (the attribute `wekaS3Policy`)")
}
