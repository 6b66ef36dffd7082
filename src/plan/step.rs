//! The calls of a plan, in order, each with what must be done before it.

use std::sync::Arc;

use crate::base::{PolicyName, Principal, UserName};
use crate::plan::ChangeId;
use crate::policy::Normal;

/// The number of a step in its plan, from 1, in an order that respects all dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepId(pub usize);

impl std::fmt::Display for StepId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// One call, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its number.
    pub id: StepId,
    /// The change it belongs to.
    pub change: ChangeId,
    /// What is sent.
    pub call: Call,
    /// The steps that must be done before, in ascending order.
    pub after: Vec<StepId>,
}

/// A call that changes the cluster, with everything it sends and everything it expects to find.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Add a policy; expects that the name is free, and that no one else has it than the plan shows.
    AddPolicy {
        /// The name.
        policy: PolicyName,
        /// The document, whose JSON is sent byte for byte.
        document: Normal,
        /// The users and groups that may have the name already, in order: the addition gives the policy to them.
        has: Vec<Principal>,
    },
    /// Remove a policy; expects that nobody holds it.
    RemovePolicy {
        /// The name.
        policy: PolicyName,
        /// The document expected, as one line of text.
        expects: Option<Arc<str>>,
    },
    /// Attach a policy to a user or group.
    Attach {
        /// The user or group.
        principal: Principal,
        /// The policy.
        policy: PolicyName,
        /// The policy it is expected to hold before.
        expects: Option<PolicyName>,
        /// The document that the policy is expected to have by then, as one line of text; `None` where the plan does
        /// not depend on it.
        grants: Option<Arc<str>>,
    },
    /// Make a new key pair for a user and throw it away, so that the old one is worthless; expects that the user holds a
    /// policy.
    RevokeKeys {
        /// The user.
        user: UserName,
    },
    /// Detach a user or group.
    Detach {
        /// The user or group.
        principal: Principal,
        /// The policy it is expected to hold, and that is detached.
        policy: PolicyName,
    },
}
