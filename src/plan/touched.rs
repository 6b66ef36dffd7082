//! What a plan touches.

use std::collections::BTreeSet;

use crate::base::{PolicyName, UserName};

use super::Plan;
use super::change::{Change, ChangeKind};
use super::step::{Call, Step};

/// The objects that a plan changes or relies on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Touched<'a> {
    /// The policies.
    pub policies: BTreeSet<&'a PolicyName>,
    /// The users.
    pub users: BTreeSet<&'a UserName>,
}

impl Plan {
    /// What this plan touches.
    #[must_use]
    pub fn touched(&self) -> Touched<'_> {
        Touched::of(&self.changes, &self.steps)
    }
}

impl<'a> Touched<'a> {
    pub(super) fn of(changes: &'a [Change], steps: &'a [Step]) -> Self {
        let mut policies = BTreeSet::new();
        let mut users = BTreeSet::new();
        for change in changes {
            match &change.kind {
                ChangeKind::AddPolicy { policy, .. } => {
                    policies.insert(policy);
                }
                ChangeKind::RemovePolicy { policy, leftovers, .. } => policies.extend(leftovers.iter().chain([policy])),
                ChangeKind::ReplacePolicy { policy, leftovers, holders, .. } => {
                    policies.extend(leftovers.iter().chain([policy]));
                    users.extend(holders.iter().map(|holder| &holder.user));
                }
                ChangeKind::Attach { user, after } => {
                    policies.insert(after);
                    users.insert(user);
                }
                ChangeKind::Move { user, before, after } => {
                    policies.extend([before, after]);
                    users.insert(user);
                }
                ChangeKind::Detach { user, before } => {
                    policies.insert(before);
                    users.insert(user);
                }
            }
        }
        for step in steps {
            match &step.call {
                Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. } => {
                    policies.insert(policy);
                }
                Call::RetireKeys { user } => {
                    users.insert(user);
                }
                Call::Attach { user, policy, .. } | Call::Detach { user, policy } => {
                    policies.insert(policy);
                    users.insert(user);
                }
            }
        }
        Self { policies, users }
    }
}
