//! What differs between the file and the cluster, object by object.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{PolicyName, Principal};
use crate::observed::Body;
use crate::policy::Normal;

use super::access::AccessChange;

/// The name of a change in its plan: `policy/NAME`, `user/NAME` or `group/NAME`. At most one change per object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeId {
    /// A change of this policy.
    Policy(PolicyName),
    /// A change of what this user or group holds.
    Holder(Principal),
}

impl std::fmt::Display for ChangeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Policy(policy) => write!(f, "policy/{policy}"),
            Self::Holder(principal) => write!(f, "{}/{}", principal.kind(), principal.name()),
        }
    }
}

/// One difference, with what a reviewer needs to judge it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub id: ChangeId,
    /// What kind, of what.
    pub kind: ChangeKind,
    /// What else to know before agreeing.
    pub notes: Vec<Note>,
    /// Whose access becomes another by it, in the order of their names.
    pub access: Vec<AccessChange>,
}

impl Change {
    /// Who has a policy that is added or replaced before and after, in the order of their names.
    #[must_use]
    pub fn holders(&self) -> &[Holder] {
        match &self.kind {
            ChangeKind::AddPolicy { holders, .. } | ChangeKind::ReplacePolicy { holders, .. } => holders,
            ChangeKind::RemovePolicy { .. }
            | ChangeKind::Attach { .. }
            | ChangeKind::Move { .. }
            | ChangeKind::Detach { .. } => &[],
        }
    }
}

/// The six kinds of change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// A policy that does not exist is added.
    AddPolicy {
        /// The policy.
        policy: PolicyName,
        /// Its document.
        after: Normal,
        /// Who has its name already, and so gets the policy at once, in the order of their names.
        holders: Vec<Holder>,
    },
    /// A policy gets another document under the same name, or an interrupted replacement is finished.
    ReplacePolicy {
        /// The policy.
        policy: PolicyName,
        /// Its document now; `None` when an interrupted replacement left the name absent.
        before: Option<Body>,
        /// Its document then.
        after: Normal,
        /// Who holds it before and after, in the order of their names.
        holders: Vec<Holder>,
        /// How it is done.
        method: ReplaceMethod,
        /// Stand-ins that an interrupted run left behind; they are gone afterwards.
        leftovers: Vec<PolicyName>,
    },
    /// A policy is removed.
    RemovePolicy {
        /// The policy.
        policy: PolicyName,
        /// Its document now; `None` when only stand-ins of it are left.
        before: Option<Body>,
        /// Stand-ins that an interrupted run left behind; they are gone afterwards.
        leftovers: Vec<PolicyName>,
    },
    /// A user or group that holds nothing gets a policy.
    Attach {
        /// The user or group.
        principal: Principal,
        /// The policy.
        after: PolicyName,
    },
    /// A user or group that holds one policy gets another.
    Move {
        /// The user or group.
        principal: Principal,
        /// The policy now.
        before: PolicyName,
        /// The policy then.
        after: PolicyName,
    },
    /// A user or group loses its policy. A user's key pair stays.
    Detach {
        /// The user or group.
        principal: Principal,
        /// The policy now.
        before: PolicyName,
    },
}

/// Who holds a policy that is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The user or group.
    pub principal: Principal,
    /// Whether no file declares it: it is moved along all the same, and said so.
    pub undeclared: bool,
}

/// How a document is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplaceMethod {
    /// By way of this stand-in: nobody is without access at any instant.
    Swap(PolicyName),
    /// Holders are detached first and attached again.
    Gap,
    /// Nobody holds it: remove and add.
    Plain,
    /// The document is there already or the name is free: only holders of stand-ins are brought back.
    Finish,
}

/// Something a reviewer should know beside the change itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// The user's key pair stays valid and works again with any later attach.
    KeysKept,
    /// The user's key pair is made worthless before it is detached.
    KeysRevoked,
    /// A key pair is created if the user has none; one it has works again.
    KeysMayBeCreated,
    /// The user comes from a directory, whose next refresh sets its policy again.
    Imported,
    /// While the policy is replaced its name is absent for a moment: identities mapped to it by name (OIDC) are
    /// affected.
    NameAbsent,
    /// The policy is removed by name: identities mapped to it by name (OIDC) lose it, and REST does not report them.
    NameGone,
    /// There is no room for a stand-in under the cluster's limit of policies, so holders are without access for a
    /// moment.
    NoRoom,
    /// There is no room to add before removing, so the user is without access for a moment.
    NoRoomToMove,
    /// An interrupted replacement is finished.
    Resumed,
}
