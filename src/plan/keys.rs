//! What a plan does to key pairs: for whom one may be made, and whose cannot be retired.

use std::collections::BTreeSet;

use crate::base::{Finding, Principal, UserName};
use crate::desired::{Desired, Sink};
use crate::observed::{Identity, Observed};

use super::compare::Comparison;
use super::step::{Call, Step};
use super::{Plan, codes, settings};

impl Plan {
    /// The users for whom the cluster may make a key pair, whose secret it shows once: from 5.1, those that hold nothing
    /// now and are attached. Who has a pair already is not reported.
    #[must_use]
    pub fn may_create_keys(&self) -> BTreeSet<UserName> {
        may_create_keys(&self.steps, &self.identity)
    }
}

/// The keys that a plan may create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKeys {
    /// The users that may get them.
    pub users: BTreeSet<UserName>,
    /// The destination of their secrets, as `[credentials]` says it; `None` where there is none.
    pub destination: Option<String>,
}

/// The keys that these steps may create, and where their secrets go; `None` where there are none.
pub(super) fn new_keys(steps: &[Step], identity: &Identity, desired: &Desired) -> Option<NewKeys> {
    let users = may_create_keys(steps, identity);
    (!users.is_empty()).then(|| NewKeys { users, destination: settings::destination(desired) })
}

fn may_create_keys(steps: &[Step], identity: &Identity) -> BTreeSet<UserName> {
    let mut seen = BTreeSet::new();
    let mut users = BTreeSet::new();
    if !has_key_pairs(identity) {
        return users;
    }
    for step in steps {
        let (user, from_nothing) = match &step.call {
            Call::Attach { principal: Principal::User(user), expects, .. } => (user, expects.is_none()),
            Call::RetireKeys { user } | Call::Detach { principal: Principal::User(user), .. } => (user, false),
            Call::Attach { principal: Principal::Group(_), .. }
            | Call::Detach { principal: Principal::Group(_), .. }
            | Call::AddPolicy { .. }
            | Call::RemovePolicy { .. } => continue,
        };
        // Only the first call for a user meets what it holds now.
        if seen.insert(user) && from_nothing {
            users.insert(user.clone());
        }
    }
    users
}

/// Key pairs apart from the account password exist since 5.1 (vendor documentation).
fn has_key_pairs(identity: &Identity) -> bool {
    identity.release.at_least(5, 1)
}

/// A plan that may make key pairs is not run before the file says where their secrets go.
pub(super) fn without_sink(steps: &[Step], identity: &Identity, sink: Option<&Sink>) -> Option<Finding> {
    let users = may_create_keys(steps, identity);
    if sink.is_some() || users.is_empty() {
        return None;
    }
    let users: Vec<_> = users.iter().map(|user| format!("`{user}`")).collect();
    let message = format!(
        "a key pair may be made for {}, its secret is shown once, and the file does not say where it goes",
        users.join(", ")
    );
    Some(Finding::error(codes::NO_SINK, message).help(
        "add to the file, with your own recipient (or `command = [\"PROGRAM\", …]`, or `file = true` with `dir`):\n\
         [credentials]\n\
         age = [\"age1…\"]\n\
         dir = \"secrets\"",
    ))
}

/// Key pairs that are to be retired by this plan, where that cannot be done.
pub(super) fn not_retired(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    let release = &observed.identity.release;
    let (why, help) = if !has_key_pairs(&observed.identity) {
        (
            format!("before 5.1 (this is WEKA {release}) the name and the password are the key pair"),
            "change the password of the user, then take `retire_keys` out",
        )
    } else if !observed.keys_can_be_generated {
        (
            "there is no documented REST call that makes a key pair".to_owned(),
            "run `weka s3 user keys-generate --user NAME` and throw the pair away, or delete the user; then take `retire_keys` out",
        )
    } else {
        return Vec::new();
    };
    let detached = comparison.affected().filter(|(_, fate)| fate.retire_keys && fate.physical.is_some());
    let finding = |user: &UserName| {
        let message = format!("the key pair of user `{user}` cannot be retired: {why}");
        let at = desired.users.get(user).and_then(|entry| entry.at.clone());
        Finding::error(codes::NOT_RETIRED, message).at(at).help(help.replace("NAME", user.as_str()))
    };
    detached.filter_map(|(principal, _)| principal.user()).map(finding).collect()
}
