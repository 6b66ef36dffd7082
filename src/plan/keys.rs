//! The key pairs that a plan may create, and those that it cannot revoke.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Capabilities, Finding, Principal, Severity, UserName};
use crate::desired::{DeclaredAttachment, Desired};
use crate::observed::Observed;

use super::change::{Call, Step, StepId};
use super::compare::Comparison;
use super::{Plan, codes, settings};

impl Plan {
    /// The users for whom the cluster may create a key pair, whose secret it shows once: from 5.1, all that are attached. The
    /// cluster does not report who has a pair, and a user that got its policy before the upgrade to 5.1 may have none.
    pub fn may_create_keys(&self) -> BTreeSet<UserName> {
        first_attaches(&self.steps, self.capabilities).into_keys().cloned().collect()
    }

    /// The steps that may create a key pair: the first attach of each user. After it, the user has one.
    pub fn steps_that_may_create_keys(&self) -> BTreeSet<StepId> {
        first_attaches(&self.steps, self.capabilities).into_values().map(|first| first.step).collect()
    }
}

/// The key pairs that a plan may create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKeys {
    /// The users that have no policy. They get a first key pair, unless an earlier one works again.
    pub users: BTreeSet<UserName>,
    /// The users that have a policy already, and get a first key pair if they have none.
    pub users_with_policy: BTreeSet<UserName>,
    /// The destination of their secrets, as `[credentials]` names it; `None` if it names none.
    pub destination: Option<String>,
}

impl NewKeys {
    pub(super) fn new(steps: &[Step], can: Capabilities, desired: &Desired) -> Option<Self> {
        let first = first_attaches(steps, can);
        let users = |without_policy: bool| {
            let users = first.iter().filter(|(_, first)| first.without_policy == without_policy);
            users.map(|(user, _)| UserName::clone(user)).collect()
        };
        let destination = settings::destination(desired);
        let new = Self { users: users(true), users_with_policy: users(false), destination };
        (!first.is_empty()).then_some(new)
    }

    /// Refuses a plan that attaches users without a policy before the configuration names a destination for their secrets.
    pub(super) fn refusal(&self) -> Option<Finding> {
        if self.destination.is_some() || self.users.is_empty() {
            return None;
        }
        let users: Vec<_> = self.users.iter().map(|user| format!("`{user}`")).collect();
        let message = format!(
            "the cluster may create a key pair for {} and shows its secret once; `[credentials]` names no destination for it",
            users.join(", ")
        );
        Some(Finding::error(codes::KEYS_WITHOUT_DESTINATION, message).help(
            "add to the configuration, with your own recipient (or `command = [\"PROGRAM\", …]`, or `file = true` with `dir`):\n\
             [credentials]\n\
             age = [\"age1…\"]\n\
             dir = \"secrets\"",
        ))
    }
}

struct FirstAttach {
    step: StepId,
    /// Whether the user has no policy before this plan.
    without_policy: bool,
}

fn first_attaches(steps: &[Step], can: Capabilities) -> BTreeMap<&UserName, FirstAttach> {
    let mut had_policy: BTreeSet<&UserName> = BTreeSet::new();
    let mut first: BTreeMap<&UserName, FirstAttach> = BTreeMap::new();
    if !can.key_pairs {
        return first;
    }
    for step in steps {
        if let Call::Attach { principal: Principal::User(user), expects, .. } = &step.call {
            let without_policy = expects.is_none() && !had_policy.contains(user);
            first.entry(user).or_insert(FirstAttach { step: step.id, without_policy });
        } else if let Call::Detach { principal: Principal::User(user), .. } | Call::RevokeKeys { user } = &step.call {
            had_policy.insert(user);
        }
    }
    first
}

/// The declared revocations that this cluster cannot do.
pub(super) fn not_revocable(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    let release = &observed.identity.release;
    let (why, help) = if !observed.capabilities.key_pairs {
        (
            format!("before 5.1 (this is WEKA {release}) the name and the password are the key pair"),
            "change the password of the user, then take `revoke_keys` out",
        )
    } else if !observed.keys_can_be_generated {
        (
            "over REST, this cluster has no call that creates a key pair".to_owned(),
            "run `weka s3 user keys-generate --user NAME` and throw the pair away, or delete the user; then take `revoke_keys` out",
        )
    } else {
        return Vec::new();
    };
    let revoked = comparison.affected.iter().filter(|(_, change)| change.revoke_keys && change.attached.is_some());
    let users = revoked.filter_map(|(principal, _)| principal.user());
    users.map(|user| not_revoked(desired, user, &why, help)).collect()
}

fn not_revoked(desired: &Desired, user: &UserName, why: &str, help: &str) -> Finding {
    let message = format!("the key pair of user `{user}` cannot be revoked: {why}");
    let at = desired.users.get(user).and_then(|entry| entry.at.clone());
    Finding::error(codes::NOT_REVOKED, message).at(at).help(help.replace("NAME", user.as_str()))
}

const ALREADY_DETACHED: &str = "if its keys were revoked before, take `revoke_keys` out; else delete the user, or attach a policy \
     that allows nothing, run `weka s3 user keys-generate --user NAME`, throw that pair away, and detach the policy; then take \
     `revoke_keys` out";

/// The declared revocations for users that have no policy any more. They block only a plan without steps: other steps may be the
/// rest of a run that was interrupted after it revoked the keys.
pub(super) fn revoked_too_late(desired: &Desired, observed: &Observed, steps: &[Step]) -> Vec<Finding> {
    if !observed.attachments_known {
        return Vec::new();
    }
    let revoked = desired.users.iter().filter(|(_, entry)| entry.intent == DeclaredAttachment::Revoked);
    let late = revoked.filter(|(user, _)| observed.users.get(*user).is_some_and(|found| found.attached.is_none()));
    let why = "it has no policy, and a new pair can be made only while one is attached";
    let severity = if steps.is_empty() { Severity::Error } else { Severity::Warning };
    let of = |user: &UserName| {
        // Of a user whose access has ended, this is the usual state until someone takes its entry out.
        let has_ended = desired.schedules.contains_key(&Principal::from(user));
        let severity = if has_ended { Severity::Warning } else { severity };
        Finding { severity, ..not_revoked(desired, user, why, ALREADY_DETACHED) }
    };
    late.map(|(user, _)| of(user)).collect()
}

/// The desired state to compare with a cluster after an apply: whether keys were revoked cannot be read.
pub fn once_revoked(desired: &Desired) -> Desired {
    let mut desired = desired.clone();
    for entry in desired.users.values_mut().filter(|entry| entry.intent == DeclaredAttachment::Revoked) {
        entry.intent = DeclaredAttachment::Detached;
    }
    desired
}
