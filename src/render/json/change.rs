//! A change of a plan, for machines: a part of `attune.plan/1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::access::{AccessLineV1, AccessV1, UndecidedV1};
use super::note::NoteV1;
use crate::base::Principal;
use crate::observed::Body;
use crate::plan::{AccessChange, Change, ChangeId, ChangeKind, Holder, ReplaceMethod};
use crate::policy::Normal;

/// A difference.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ChangeV1 {
    /// Its name in this plan: `policy/NAME`, `user/NAME` or `group/NAME`.
    pub id: String,
    /// What kind.
    pub kind: KindV1,
    /// The policy, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The user, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Before: the document of a policy, the name of the policy a user or group holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub before: Option<Box<RawValue>>,
    /// After: the document of a policy, the name of the policy a user or group holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub after: Option<Box<RawValue>>,
    /// How a policy is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<ReplaceMethodV1>,
    /// The users and groups that have the policy before and after: of one that is replaced, or one that is added while they
    /// have its name already.
    pub holders: Vec<HolderV1>,
    /// Policies in transit that an interrupted run left behind, and that are gone afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heals: Vec<String>,
    /// Whose access becomes another, and how.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<AccessChangeV1>,
    /// What else to know before agreeing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<NoteV1>,
}

/// What access a user or group gains and loses.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AccessChangeV1 {
    /// The user, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The policy by whose name someone has the access whom the cluster does not report; only in `unreported` of a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What is allowed afterwards and was not before.
    pub gained: Vec<AccessLineV1>,
    /// What was allowed before and is not afterwards.
    pub lost: Vec<AccessLineV1>,
    /// What was not decided: it may be gained or lost, and is to be taken as if it were.
    pub undecided: Vec<UndecidedV1>,
}

impl AccessChangeV1 {
    pub(super) fn of(of: &AccessChange) -> Self {
        let (user, group) = user_or_group(&of.principal);
        let AccessV1 { gained, lost, undecided } = AccessV1::of(&of.access);
        Self { user, group, policy: None, gained, lost, undecided }
    }
}

/// The kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KindV1 {
    /// A policy is added.
    AddPolicy,
    /// A policy gets another document.
    ReplacePolicy,
    /// A policy is removed.
    RemovePolicy,
    /// A user or group that holds nothing gets a policy.
    Attach,
    /// A user or group gets another policy.
    Move,
    /// A user or group loses its policy.
    Detach,
}

/// How a policy is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplaceMethodV1 {
    /// Nobody is without access at any instant.
    Swap,
    /// Holders are without access for a moment.
    Gap,
    /// Nobody holds it.
    Plain,
    /// An interrupted replacement is finished.
    Finish,
}

/// Who has a policy that is added or replaced.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HolderV1 {
    /// The user, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether a file declares it.
    pub declared: bool,
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
            ChangeId::Holder(principal) => user_or_group(principal),
        };
        let empty = Self {
            id: change.id.to_string(),
            kind: KindV1::of(&change.kind),
            policy: None,
            user,
            group,
            before: None,
            after: None,
            method: None,
            holders: Vec::new(),
            heals: Vec::new(),
            access: change.access.iter().map(AccessChangeV1::of).collect(),
            notes: change.notes.iter().copied().map(NoteV1::of).collect(),
        };
        let names = |policies: &[crate::base::PolicyName]| policies.iter().map(ToString::to_string).collect();
        match &change.kind {
            ChangeKind::AddPolicy { policy, after, holders } => Self {
                policy: Some(policy.to_string()),
                after: document(after),
                holders: holders.iter().map(HolderV1::of).collect(),
                ..empty
            },
            ChangeKind::ReplacePolicy { policy, before, after, holders, method, leftovers } => Self {
                policy: Some(policy.to_string()),
                before: before.as_ref().and_then(body),
                after: document(after),
                method: Some(ReplaceMethodV1::of(method)),
                holders: holders.iter().map(HolderV1::of).collect(),
                heals: names(leftovers),
                ..empty
            },
            ChangeKind::RemovePolicy { policy, before, leftovers } => Self {
                policy: Some(policy.to_string()),
                before: before.as_ref().and_then(body),
                heals: names(leftovers),
                ..empty
            },
            ChangeKind::Attach { after, .. } => Self { after: text(after.as_str()), ..empty },
            ChangeKind::Move { before, after, .. } => {
                Self { before: text(before.as_str()), after: text(after.as_str()), ..empty }
            }
            ChangeKind::Detach { before, .. } => Self { before: text(before.as_str()), ..empty },
        }
    }
}

impl HolderV1 {
    fn of(holder: &Holder) -> Self {
        let (user, group) = user_or_group(&holder.principal);
        Self { user, group, declared: !holder.undeclared }
    }
}

/// The name as the member it goes into.
pub(super) fn user_or_group(principal: &Principal) -> (Option<String>, Option<String>) {
    (principal.user().map(ToString::to_string), principal.group().map(ToString::to_string))
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

/// A document as JSON; one that cannot be modelled as the string of its text.
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
