//! What a plan does to key pairs: for whom one may be made, and whose cannot be revoked.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Capabilities, Finding, Principal, Severity, UserName, list_some};
use crate::desired::{DeclaredAttachment, Desired, Destination};
use crate::observed::{Identity, Observed};

use super::compare::Comparison;
use super::step::{Call, Step, StepId};
use super::{Plan, codes, settings};

/// How many users are named before the rest is only counted.
const NAMED: usize = 20;

impl Plan {
    /// The users for whom the cluster may make a key pair, whose secret it shows once: from 5.1, all that are attached.
    /// Who has a pair already is not reported, and one that got its policy before the cluster was upgraded may have none.
    #[must_use]
    pub fn may_create_keys(&self) -> BTreeSet<UserName> {
        first_attaches(&self.steps, &self.identity).into_keys().cloned().collect()
    }

    /// The steps that may make a key pair: of each user the first attach. After it, the user has one.
    #[must_use]
    pub fn steps_that_may_create_keys(&self) -> BTreeSet<StepId> {
        first_attaches(&self.steps, &self.identity).into_values().map(|first| first.step).collect()
    }
}

/// The keys that a plan may create for users that have no policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKeys {
    /// The users that may get them.
    pub users: BTreeSet<UserName>,
    /// The destination of their secrets, as `[credentials]` says it; `None` where there is none.
    pub destination: Option<String>,
}

/// The keys that these steps may create, and where their secrets go; `None` where there are none.
pub(super) fn new_keys(steps: &[Step], identity: &Identity, desired: &Desired) -> Option<NewKeys> {
    let users: BTreeSet<UserName> = users(steps, identity, true).into_iter().cloned().collect();
    (!users.is_empty()).then(|| NewKeys { users, destination: settings::destination(desired) })
}

/// The first attach of a user.
struct First {
    step: StepId,
    /// Whether the user has no policy before this plan.
    from_nothing: bool,
}

fn first_attaches<'a>(steps: &'a [Step], identity: &Identity) -> BTreeMap<&'a UserName, First> {
    let mut had: BTreeSet<&UserName> = BTreeSet::new();
    let mut first: BTreeMap<&UserName, First> = BTreeMap::new();
    if !has_key_pairs(identity) {
        return first;
    }
    for step in steps {
        match &step.call {
            Call::Attach { principal: Principal::User(user), expects, .. } => {
                let from_nothing = expects.is_none() && !had.contains(user);
                first.entry(user).or_insert(First { step: step.id, from_nothing });
            }
            Call::Detach { principal: Principal::User(user), .. } | Call::RevokeKeys { user } => {
                had.insert(user);
            }
            Call::Attach { principal: Principal::Group(_), .. }
            | Call::Detach { principal: Principal::Group(_), .. }
            | Call::AddPolicy { .. }
            | Call::RemovePolicy { .. } => {}
        }
    }
    first
}

/// The users that are attached from nothing, or over a policy that they have.
fn users<'a>(steps: &'a [Step], identity: &Identity, from_nothing: bool) -> Vec<&'a UserName> {
    let first = first_attaches(steps, identity).into_iter();
    first.filter(|(_, first)| first.from_nothing == from_nothing).map(|(user, _)| user).collect()
}

/// Whether a user has a key pair apart from the account password.
fn has_key_pairs(identity: &Identity) -> bool {
    Capabilities::of(&identity.release).key_pairs
}

/// Users that have a policy may get a first key pair all the same; its secret goes to the destination, or where there is
/// none stays in an emergency file.
pub(super) fn first_pairs(steps: &[Step], identity: &Identity, desired: &Desired) -> Option<Finding> {
    let users = users(steps, identity, false);
    if users.is_empty() {
        return None;
    }
    let named = list_some(&users, NAMED, |user| format!("`{user}`"));
    let place = settings::destination(desired).unwrap_or_else(|| {
        "an emergency file in the state directory, since `[credentials]` names no destination".to_owned()
    });
    let message = format!("a first key pair may be made for {named}; its secret goes to {place}");
    let help =
        "WEKA does not report who has a key pair; a user that got its policy before the upgrade to 5.1 may have none";
    Some(Finding::note(codes::FIRST_KEYS, message).help(help))
}

/// A plan that attaches users which have no policy is not run before the configuration says where their secrets go.
pub(super) fn without_destination(
    steps: &[Step],
    identity: &Identity,
    destination: Option<&Destination>,
) -> Option<Finding> {
    let users = users(steps, identity, true);
    if destination.is_some() || users.is_empty() {
        return None;
    }
    let users: Vec<_> = users.iter().map(|user| format!("`{user}`")).collect();
    let message = format!(
        "a key pair may be made for {}, its secret is shown once, and the file does not say where it goes",
        users.join(", ")
    );
    Some(Finding::error(codes::KEYS_WITHOUT_DESTINATION, message).help(
        "add to the file, with your own recipient (or `command = [\"PROGRAM\", …]`, or `file = true` with `dir`):\n\
         [credentials]\n\
         age = [\"age1…\"]\n\
         dir = \"secrets\"",
    ))
}

/// Key pairs that are to be revoked, where that cannot be done.
pub(super) fn not_revoked(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    let finding = |user: &UserName, why: &str, help: &str| not_revoked_finding(desired, user, why, help);
    let detached = comparison.affected().filter(|(_, fate)| fate.revoke_keys && fate.physical.is_some());
    let detached: BTreeSet<&UserName> = detached.filter_map(|(principal, _)| principal.user()).collect();
    let release = &observed.identity.release;
    let (why, help) = if !has_key_pairs(&observed.identity) {
        (
            format!("before 5.1 (this is WEKA {release}) the name and the password are the key pair"),
            "change the password of the user, then take `revoke_keys` out",
        )
    } else if !observed.keys_can_be_generated {
        (
            "there is no documented REST call that makes a key pair".to_owned(),
            "run `weka s3 user keys-generate --user NAME` and throw the pair away, or delete the user; then take `revoke_keys` out",
        )
    } else {
        return Vec::new();
    };
    detached.into_iter().map(|user| finding(user, &why, help)).collect()
}

fn not_revoked_finding(desired: &Desired, user: &UserName, why: &str, help: &str) -> Finding {
    let message = format!("the key pair of user `{user}` cannot be revoked: {why}");
    let at = desired.users.get(user).and_then(|entry| entry.at.clone());
    Finding::error(codes::NOT_REVOKED, message).at(at).help(help.replace("NAME", user.as_str()))
}

/// What to do about the keys of a user that has no policy.
const ALREADY_DETACHED: &str = "if its keys were revoked before, take `revoke_keys` out; else delete the user, or attach a policy \
     that allows nothing, run `weka s3 user keys-generate --user NAME`, throw that pair away, and detach the policy; then take \
     `revoke_keys` out";

/// Key pairs that are to be revoked of users that have no policy any more. Where there is something else to do, this must not
/// stand in the way: it may be the rest of a run that was interrupted after it revoked the keys.
pub(super) fn revoked_too_late(desired: &Desired, observed: &Observed, steps: &[Step]) -> Vec<Finding> {
    if !observed.attachments_known {
        return Vec::new();
    }
    let to_retire =
        desired.users.iter().filter(|(_, entry)| entry.intent == DeclaredAttachment::Revoked).map(|(user, _)| user);
    let late = to_retire.filter(|user| observed.users.get(*user).is_some_and(|found| found.holds.is_none()));
    let why = "it has no policy, and a new pair can be made only while one is attached";
    late.map(|user| {
        let finding = not_revoked_finding(desired, user, why, ALREADY_DETACHED);
        let severity = if steps.is_empty() { Severity::Error } else { Severity::Warning };
        Finding { severity, ..finding }
    })
    .collect()
}

/// The desired state to hold a cluster against after an apply: whether keys were revoked cannot be seen.
#[must_use]
pub fn once_revoked(desired: &Desired) -> Desired {
    let mut desired = desired.clone();
    for entry in desired.users.values_mut().filter(|entry| entry.intent == DeclaredAttachment::Revoked) {
        entry.intent = DeclaredAttachment::Detached;
    }
    desired
}
