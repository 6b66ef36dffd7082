//! What a plan touches.

use std::collections::BTreeSet;

use crate::base::{GroupName, PolicyName, Principal, UserName};

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
    /// The groups.
    pub groups: BTreeSet<&'a GroupName>,
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
        let mut touched = Self::default();
        for change in changes {
            match &change.kind {
                ChangeKind::AddPolicy { policy, .. } => touched.policies([policy]),
                ChangeKind::RemovePolicy { policy, leftovers, .. } => {
                    touched.policies(leftovers.iter().chain([policy]));
                }
                ChangeKind::ReplacePolicy { policy, leftovers, holders, .. } => {
                    touched.policies(leftovers.iter().chain([policy]));
                    holders.iter().for_each(|holder| touched.holder(&holder.principal));
                }
                ChangeKind::Attach { principal, after: policy } | ChangeKind::Detach { principal, before: policy } => {
                    touched.policies([policy]);
                    touched.holder(principal);
                }
                ChangeKind::Move { principal, before, after } => {
                    touched.policies([before, after]);
                    touched.holder(principal);
                }
            }
        }
        for step in steps {
            match &step.call {
                Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. } => touched.policies([policy]),
                Call::RevokeKeys { user } => {
                    touched.users.insert(user);
                }
                Call::Attach { principal, policy, .. } | Call::Detach { principal, policy } => {
                    touched.policies([policy]);
                    touched.holder(principal);
                }
            }
        }
        touched
    }

    fn policies(&mut self, policies: impl IntoIterator<Item = &'a PolicyName>) {
        self.policies.extend(policies);
    }

    fn holder(&mut self, principal: &'a Principal) {
        match principal {
            Principal::User(user) => {
                self.users.insert(user);
            }
            Principal::Group(group) => {
                self.groups.insert(group);
            }
        }
    }
}
