//! A change of a plan: a part of `attune.plan/1`.

use serde_json::value::RawValue;

use super::access::{AccessChangeV1, user_or_group};
use crate::base::PolicyName;
use crate::observed::Body;
use crate::plan::{AttachedPrincipal, Change, ChangeId, ChangeKind, Note, ReplaceMethod};
use crate::policy::Normal;

json_types! {
    /// A difference between the configuration and the cluster.
    pub struct ChangeV1 {
        /// Its name in this plan: `policy/NAME`, `user/NAME` or `group/NAME`.
        id: String,
        /// The kind of change.
        kind: KindV1,
        /// The policy, for a change of a policy.
        policy?: String,
        /// The user, for a change of a user.
        user?: String,
        /// The group, for a change of a group.
        group?: String,
        /// Before: the document of a policy, or the name of the policy that a user or group has.
        #[schemars(with = "Option<serde_json::Value>")]
        before?: Box<RawValue>,
        /// After: the document of a policy, or the name of the policy that a user or group has.
        #[schemars(with = "Option<serde_json::Value>")]
        after?: Box<RawValue>,
        /// How a policy is replaced.
        method?: ReplaceMethodV1,
        /// The users and groups that a replaced policy is attached to before and after. For an added policy, those that already
        /// have its name.
        attached_to: Vec<AttachedPrincipalV1>,
        /// Temporary policies of an interrupted run. They are removed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        temporary_policies: Vec<String>,
        /// The users and groups whose access changes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        access: Vec<AccessChangeV1>,
        /// Notes for the reviewer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<Note>,
    }

    /// The kinds of change.
    pub enum KindV1 {
        /// Adds a policy.
        AddPolicy,
        /// Replaces the document of a policy.
        ReplacePolicy,
        /// Removes a policy.
        RemovePolicy,
        /// Attaches a policy to a user or group that has none.
        Attach,
        /// Attaches another policy to a user or group.
        Move,
        /// Detaches the policy of a user or group.
        Detach,
    }

    /// How a policy is replaced.
    pub enum ReplaceMethodV1 {
        /// By a temporary policy, without interruption of access.
        Swap,
        /// With a short interruption of access.
        Gap,
        /// Without users or groups: the policy is attached to none.
        Plain,
        /// Finishes an interrupted replacement.
        Finish,
    }

    /// A user or group that a policy is attached to.
    pub struct AttachedPrincipalV1 {
        /// The user, if it is one.
        user?: String,
        /// The group, if it is one.
        group?: String,
        /// Whether the configuration declares it.
        declared: bool,
    }
}

impl KindV1 {
    pub(super) fn of(kind: &ChangeKind) -> Self {
        match kind {
            ChangeKind::AddPolicy { .. } => Self::AddPolicy,
            ChangeKind::ReplacePolicy { .. } => Self::ReplacePolicy,
            ChangeKind::RemovePolicy { .. } => Self::RemovePolicy,
            ChangeKind::Attach { .. } => Self::Attach,
            ChangeKind::Move { .. } => Self::Move,
            ChangeKind::Detach { .. } => Self::Detach,
        }
    }
}

impl ChangeV1 {
    pub(super) fn of(change: &Change) -> Self {
        let (user, group) = match &change.id {
            ChangeId::Policy(_) => (None, None),
            ChangeId::Principal(principal) => user_or_group(principal),
        };
        let common = Self {
            id: change.id.to_string(),
            kind: KindV1::of(&change.kind),
            policy: None,
            user,
            group,
            before: None,
            after: None,
            method: None,
            attached_to: change.attached().iter().map(AttachedPrincipalV1::of).collect(),
            temporary_policies: Vec::new(),
            access: change.access.iter().map(AccessChangeV1::of).collect(),
            notes: change.notes.clone(),
        };
        let names = |policies: &[PolicyName]| policies.iter().map(ToString::to_string).collect();
        match &change.kind {
            ChangeKind::AddPolicy { policy, after, .. } => {
                Self { policy: Some(policy.to_string()), after: document(after), ..common }
            }
            ChangeKind::ReplacePolicy { policy, before, after, method, leftovers, .. } => Self {
                policy: Some(policy.to_string()),
                before: before.as_ref().and_then(body),
                after: document(after),
                method: Some(ReplaceMethodV1::of(method)),
                temporary_policies: names(leftovers),
                ..common
            },
            ChangeKind::RemovePolicy { policy, before, leftovers } => Self {
                policy: Some(policy.to_string()),
                before: before.as_ref().and_then(body),
                temporary_policies: names(leftovers),
                ..common
            },
            ChangeKind::Attach { after, .. } => Self { after: text(after.as_str()), ..common },
            ChangeKind::Move { before, after, .. } => {
                Self { before: text(before.as_str()), after: text(after.as_str()), ..common }
            }
            ChangeKind::Detach { before, .. } => Self { before: text(before.as_str()), ..common },
        }
    }
}

impl AttachedPrincipalV1 {
    fn of(holder: &AttachedPrincipal) -> Self {
        let (user, group) = user_or_group(&holder.principal);
        Self { user, group, declared: !holder.undeclared }
    }
}

impl ReplaceMethodV1 {
    fn of(method: &ReplaceMethod) -> Self {
        match method {
            ReplaceMethod::Swap(_) => Self::Swap,
            ReplaceMethod::Gap => Self::Gap,
            ReplaceMethod::Plain => Self::Plain,
            ReplaceMethod::Finish => Self::Finish,
        }
    }
}

/// A document as JSON, byte for byte.
pub(super) fn document(normal: &Normal) -> Option<Box<RawValue>> {
    RawValue::from_string(normal.json().to_owned()).ok()
}

/// A document as JSON; an unreadable one as the string of its text.
pub(super) fn body(body: &Body) -> Option<Box<RawValue>> {
    match body {
        Body::NotRead => None,
        Body::Known(normal) => document(normal),
        Body::Unreadable(unread) => text(unread),
    }
}

pub(super) fn text(text: &str) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(text).ok()
}
