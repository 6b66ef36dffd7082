//! The data of a plan: what differs, object by object, and the steps that change it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bucket_target::BucketTarget;
use super::combined::Combined;
use crate::base::{BucketName, ObjectId, PolicyName, Principal, UserName};
use crate::desired::Term;
use crate::observed::{Body, BucketPolicy};
use crate::policy::Normal;
use crate::policy::access::{Access, Basis, Holder};

/// The name of a change in its plan: that of its object. At most one change per object.
pub type ChangeId = ObjectId;

/// One difference, with everything a reviewer needs to judge it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub id: ChangeId,
    /// What kind, of what.
    pub kind: ChangeKind,
    /// What else a reviewer should know.
    pub notes: Vec<Note>,
    /// What it rests on that a replaced policy changes no access.
    pub basis: Vec<Basis>,
    /// The users and groups whose access it changes, in the order of their names.
    pub access: Vec<AccessChange>,
    /// The policies that the new document comes from, if it is combined.
    pub combined: Option<Arc<Combined>>,
    /// When the access of the declared user or group begins and ends, if it does.
    pub term: Option<Term>,
}

/// The access that someone gains or loses by a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessChange {
    /// The user or group, or everyone without a login.
    pub holder: Holder,
    /// What is gained, lost, or not decided. All principals with the same difference share it.
    pub access: Arc<Access>,
    /// Whether no access is left.
    pub loses_all: bool,
    /// The combined policy that gives the access afterwards, if one does.
    pub combined: Option<Arc<Combined>>,
}

impl Change {
    /// A change of this kind that says nothing else.
    pub(super) fn new(id: ChangeId, kind: ChangeKind, notes: Vec<Note>) -> Self {
        Self { id, kind, notes, basis: Vec::new(), access: Vec::new(), combined: None, term: None }
    }

    /// The users and groups that have an added, replaced or renamed policy before and after, in the order of their names.
    pub fn attached(&self) -> &[AttachedPrincipal] {
        if let ChangeKind::AddPolicy { attached, .. }
        | ChangeKind::ReplacePolicy { attached, .. }
        | ChangeKind::RenamePolicy { attached, .. } = &self.kind
        {
            attached
        } else {
            &[]
        }
    }
}

/// The kinds of change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// Add a policy that does not exist.
    AddPolicy {
        /// The policy.
        policy: PolicyName,
        /// Its document.
        after: Normal,
        /// The users and groups that have its name already and get the policy at once, in the order of their names.
        attached: Vec<AttachedPrincipal>,
    },
    /// Give a policy another document under the same name, or finish an interrupted replacement.
    ReplacePolicy {
        /// The policy.
        policy: PolicyName,
        /// Its document now; `None` after an interrupted replacement that left the name absent.
        before: Option<Body>,
        /// Its new document.
        after: Normal,
        /// The users and groups that have it before and after, in the order of their names.
        attached: Vec<AttachedPrincipal>,
        /// How it is replaced.
        method: ReplaceMethod,
        /// Temporary policies that an interrupted run left behind; the plan removes them.
        leftovers: Vec<PolicyName>,
    },
    /// Give a policy another name, and maybe another document, or finish an interrupted rename: everyone who has the old policy
    /// gets the new one.
    RenamePolicy {
        /// The new name.
        policy: PolicyName,
        /// The old name.
        old: PolicyName,
        /// The document of the old policy; `None` after an interrupted rename that removed it.
        before: Option<Body>,
        /// The new document.
        after: Normal,
        /// The users and groups that have the old policy before and the new one after, in the order of their names.
        attached: Vec<AttachedPrincipal>,
        /// How it is renamed.
        method: ReplaceMethod,
        /// Temporary policies that an interrupted run left behind; the plan removes them.
        leftovers: Vec<PolicyName>,
    },
    /// Remove a policy.
    RemovePolicy {
        /// The policy.
        policy: PolicyName,
        /// Its document now; `None` if only temporary policies of it are left.
        before: Option<Body>,
        /// Temporary policies that an interrupted run left behind; the plan removes them.
        leftovers: Vec<PolicyName>,
    },
    /// Attach a policy to a user or group that has none.
    Attach {
        /// The user or group.
        principal: Principal,
        /// The policy.
        after: PolicyName,
    },
    /// Attach another policy to a user or group.
    Move {
        /// The user or group.
        principal: Principal,
        /// The policy now.
        before: PolicyName,
        /// The new policy.
        after: PolicyName,
    },
    /// Detach a user or group from its policy. A user's key pair stays.
    Detach {
        /// The user or group.
        principal: Principal,
        /// The policy now.
        before: PolicyName,
    },
    /// Give a bucket another policy, in place.
    SetBucketPolicy {
        /// The bucket.
        bucket: BucketName,
        /// The policy now.
        before: BucketPolicy,
        /// The new policy.
        after: BucketTarget,
        /// What the new policy gives, as far as the cluster says.
        given: Body,
    },
}

impl ChangeKind {
    /// The old name of a renamed policy.
    pub fn renamed_from(&self) -> Option<&PolicyName> {
        if let Self::RenamePolicy { old, .. } = self { Some(old) } else { None }
    }

    /// How a policy is replaced or renamed.
    pub fn method(&self) -> Option<&ReplaceMethod> {
        if let Self::ReplacePolicy { method, .. } | Self::RenamePolicy { method, .. } = self {
            Some(method)
        } else {
            None
        }
    }

    /// Temporary policies that an interrupted run left behind; the plan removes them.
    pub fn leftovers(&self) -> &[PolicyName] {
        match self {
            Self::ReplacePolicy { leftovers, .. }
            | Self::RenamePolicy { leftovers, .. }
            | Self::RemovePolicy { leftovers, .. } => leftovers,
            Self::AddPolicy { .. }
            | Self::Attach { .. }
            | Self::Move { .. }
            | Self::Detach { .. }
            | Self::SetBucketPolicy { .. } => &[],
        }
    }
}

/// A user or group that has an added or replaced policy before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedPrincipal {
    /// The user or group.
    pub principal: Principal,
    /// Whether no configuration declares it. It keeps the policy, and the plan says so.
    pub undeclared: bool,
}

/// How a document is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplaceMethod {
    /// By this temporary policy: no user or group is without access at any instant.
    Swap(PolicyName),
    /// Users and groups are detached first and attached again.
    Gap,
    /// Remove and add: no user or group has it.
    Plain,
    /// The document exists already or the name is free: only users and groups of temporary policies move back.
    Finish,
}

/// A fact that a reviewer should know beside the change itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// The user's key pair stays valid and works again after any later attach.
    #[serde(rename = "keys_kept")]
    KeysStay,
    /// The user's key pair is revoked before the user is detached.
    KeysRevoked,
    /// A key pair is created if the user has none; an existing one works again.
    KeysMayBeCreated,
    /// The user comes from a directory, whose next refresh sets its policy again.
    Imported,
    /// The policy's name is absent for a moment. Identities that are mapped to it by name (OIDC) are affected.
    NameAbsent,
    /// The policy is removed. Identities that are mapped to it by name (OIDC) lose it, and REST does not report them.
    NameGone,
    /// The old name is removed. Identities that are mapped to it (OIDC) lose their access, and REST does not report them.
    OldNameGone,
    /// The cluster has no room for a temporary policy, so users and groups are without access for a moment.
    NoRoom,
    /// The cluster has no room to add before removing, so the user is without access for a moment.
    NoRoomToMove,
    /// An interrupted replacement is finished.
    Resumed,
    /// The new document differs only in `Id` and `Sid`.
    OnlyIds,
    /// The new document certainly allows the same as the old one.
    SameAccess,
}

/// The number of a step in its plan, from 1, in an order that respects all dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepId(pub usize);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    /// The call.
    pub call: Call,
    /// The steps that must end before, in ascending order.
    pub after: Vec<StepId>,
}

/// A call that changes the cluster, with everything it sends and everything it expects to find.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Add a policy. Expects that the name is free, and that only the users and groups of the plan have it.
    AddPolicy {
        /// The name.
        policy: PolicyName,
        /// The document, whose JSON is sent byte for byte.
        document: Normal,
        /// The users and groups that may have the name already, in order: the addition gives them the policy.
        has: Vec<Principal>,
    },
    /// Remove a policy. Expects that no user or group has it.
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
        /// The policy it is expected to have before.
        expects: Option<PolicyName>,
        /// The document that the policy is expected to have by then, as one line of text; `None` if the plan does not
        /// depend on it.
        grants: Option<Arc<str>>,
    },
    /// Create a new key pair for a user and discard it, so that the old one stops working. Expects that the user has a
    /// policy.
    RevokeKeys {
        /// The user.
        user: UserName,
    },
    /// Detach a user or group.
    Detach {
        /// The user or group.
        principal: Principal,
        /// The policy it is expected to have, and that is detached.
        policy: PolicyName,
    },
    /// Give a bucket another policy, in place of the one it has.
    SetBucketPolicy {
        /// The bucket.
        bucket: BucketName,
        /// The new policy.
        policy: BucketTarget,
        /// The policy expected: the name of a canned one, or the document as one line of text.
        expects: Arc<str>,
    },
}

/// The objects that a plan changes or relies on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Touched<'a> {
    /// The policies.
    pub policies: BTreeSet<&'a PolicyName>,
    /// The users, then the groups.
    pub principals: BTreeSet<Principal>,
    /// The buckets.
    pub buckets: BTreeSet<&'a BucketName>,
}

impl<'a> Touched<'a> {
    pub(super) fn new(changes: &'a [Change], steps: &'a [Step]) -> Self {
        let mut touched = Self::default();
        for change in changes {
            match &change.kind {
                ChangeKind::AddPolicy { policy, .. } => touched.policies.extend([policy]),
                ChangeKind::RemovePolicy { policy, leftovers, .. } => {
                    touched.policies.extend(leftovers.iter().chain([policy]));
                }
                ChangeKind::ReplacePolicy { policy, leftovers, attached, .. } => {
                    touched.policies.extend(leftovers.iter().chain([policy]));
                    touched.principals.extend(attached.iter().map(|of| of.principal.clone()));
                }
                ChangeKind::RenamePolicy { policy, old, leftovers, attached, .. } => {
                    touched.policies.extend(leftovers.iter().chain([policy, old]));
                    touched.principals.extend(attached.iter().map(|of| of.principal.clone()));
                }
                ChangeKind::Attach { principal, after: policy } | ChangeKind::Detach { principal, before: policy } => {
                    touched.attachment(principal, [policy]);
                }
                ChangeKind::Move { principal, before, after } => touched.attachment(principal, [before, after]),
                ChangeKind::SetBucketPolicy { bucket, .. } => touched.buckets.extend([bucket]),
            }
        }
        for step in steps {
            match &step.call {
                Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. } => touched.policies.extend([policy]),
                Call::SetBucketPolicy { bucket, .. } => touched.buckets.extend([bucket]),
                Call::RevokeKeys { user } => _ = touched.principals.insert(Principal::from(user)),
                Call::Attach { principal, policy, .. } | Call::Detach { principal, policy } => {
                    touched.attachment(principal, [policy]);
                }
            }
        }
        touched
    }

    fn attachment(&mut self, principal: &Principal, policies: impl IntoIterator<Item = &'a PolicyName>) {
        self.policies.extend(policies);
        self.principals.insert(principal.clone());
    }
}
