//! Parts of `attune.plan/1`: changes, the comparison with `--base`, new keys, options, unreported access.

use serde_json::value::RawValue;

use super::access::{AccessChangeV1, user_or_group};
use super::term::TermV1;
use crate::base::PolicyName;
use crate::observed::Body;
use crate::plan::{
    AttachedPrincipal, BaseDeclaration, BucketTarget, Change, ChangeId, ChangeKind, Combined, NewKeys, NotReported,
    Note, ReplaceMethod, Review, SettingChange, Undeclared,
};
use crate::policy::Normal;
use crate::policy::access::Basis;

json_types! {
    /// A difference between the configuration and the cluster.
    pub struct ChangeV1 {
        /// Its name in this plan: `policy/NAME`, `user/NAME`, `group/NAME` or `bucket/NAME`.
        id: String,
        /// The kind of change.
        kind: KindV1,
        /// The policy, for a change of a policy.
        policy?: String,
        /// The old name, for a renamed policy.
        renamed_from?: String,
        /// The user, for a change of a user.
        user?: String,
        /// The group, for a change of a group.
        group?: String,
        /// The bucket, for a change of the policy of a bucket.
        bucket?: String,
        /// Before: the document of a policy, or the name of the policy that a user, group or bucket has.
        #[schemars(with = "Option<serde_json::Value>")]
        before?: Box<RawValue>,
        /// After: the document of a policy, or the name of the policy that a user, group or bucket has.
        #[schemars(with = "Option<serde_json::Value>")]
        after?: Box<RawValue>,
        /// For a combined policy, the policies that each statement of `after` comes from.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        combined_from: Vec<Vec<String>>,
        /// How a policy is replaced or renamed.
        method?: ReplaceMethodV1,
        /// The users and groups that a replaced policy is attached to before and after. For a renamed policy, those that move
        /// from the old name to the new one. For an added policy, those that already have its name.
        attached_to: Vec<AttachedPrincipalV1>,
        /// Temporary policies of an interrupted run. They are removed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        temporary_policies: Vec<String>,
        /// The users and groups whose access changes, and `anonymous` first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        access: Vec<AccessChangeV1>,
        /// Notes for the reviewer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<Note>,
        /// What it rests on that no access changes, with the note `same-access`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        basis: Vec<Basis>,
        /// When the access of the user or group begins and ends; missing when it does neither.
        term?: TermV1,
    }

    /// The kinds of change.
    pub enum KindV1 {
        /// Adds a policy.
        AddPolicy,
        /// Replaces the document of a policy.
        ReplacePolicy,
        /// Gives a policy another name.
        RenamePolicy,
        /// Removes a policy.
        RemovePolicy,
        /// Attaches a policy to a user or group that has none.
        Attach,
        /// Attaches another policy to a user or group.
        Move,
        /// Detaches the policy of a user or group.
        Detach,
        /// Gives a bucket another policy.
        SetBucketPolicy,
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

    /// The differences between the cluster and the configuration, split by the configuration of `--base`.
    pub struct BaseV1 {
        /// The revision or file, as given to `--base`.
        revision: String,
        /// The changes that make the cluster match the base: it was changed outside attune, or the base was never applied.
        drift: Vec<ChangeV1>,
        /// The changes that the configuration proposes over the base, on a cluster that matches the base.
        proposed: Vec<ChangeV1>,
    }

    /// Changes of the configuration that are not changes of declared objects, compared with the revision of `--base`.
    pub struct ReviewV1 {
        /// The revision or file, as given to `--base`.
        revision: String,
        /// The objects that are no longer declared.
        undeclared: Vec<UndeclaredV1>,
        /// The settings that change. The plan uses those of the revision; of `[guards]`, it uses both.
        settings: Vec<SettingChangeV1>,
    }

    /// A policy, user or group that is no longer declared.
    pub struct UndeclaredV1 {
        /// `policy/NAME`, `user/NAME`, `group/NAME` or `bucket/NAME`.
        id: String,
        /// The policy, if it is one.
        policy?: String,
        /// The user, if it is one.
        user?: String,
        /// The group, if it is one.
        group?: String,
        /// The bucket, if it is one.
        bucket?: String,
        /// The declaration in the revision.
        declared: DeclaredV1,
        /// The policy that the revision declares for a user, group or bucket.
        declared_policy?: String,
        /// Whether `[ownership]` covers it. If so, it is removed or detached; if not, it stays, unmanaged.
        owned: bool,
        /// The new name of a renamed policy.
        renamed_to?: String,
    }

    /// A declaration.
    pub enum DeclaredV1 {
        /// A policy with a document.
        Present,
        /// An absent policy.
        Absent,
        /// A user or group with a policy.
        Attached,
        /// A user or group without a policy.
        Detached,
        /// A bucket with the policy of a name.
        Canned,
        /// A bucket with a document of its own.
        BucketDocument,
    }

    /// A setting that changes.
    pub struct SettingChangeV1 {
        /// Its name, such as `guards.max_removals`.
        name: String,
        /// Its value in the revision, as TOML; missing when it is not set.
        before?: String,
        /// Its value in the configuration, as TOML; missing when it is not set.
        after?: String,
    }

    /// The keys that a plan may create.
    pub struct NewKeysV1 {
        /// The users without a policy that may get keys.
        users: Vec<String>,
        /// The users with a policy that may get keys; they get them only if they have none.
        users_with_policy: Vec<String>,
        /// The destination of the secrets, as in `[credentials]`; missing when there is none.
        destination?: String,
    }

    /// An option of the run that changes its plan. An apply of the plan needs the same options.
    #[derive(PartialEq, Eq)]
    pub struct OptionV1 {
        /// Its name, such as `--override`.
        name: String,
        /// Its value, or the SHA-256 of the content when it is a file; missing when the option takes no value.
        value?: String,
    }

    /// Attachments that the cluster does not report, and what the plan may change for them.
    #[derive(Default)]
    pub struct UnreportedV1 {
        /// What the cluster does not report.
        kinds: Vec<NotReported>,
        /// Access that someone may gain by the name of a policy: `policy` is set instead of `user` and `group`. A guard against
        /// new access treats it as undecided.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        by_name: Vec<AccessChangeV1>,
    }
}

impl KindV1 {
    pub(super) fn of(kind: &ChangeKind) -> Self {
        match kind {
            ChangeKind::AddPolicy { .. } => Self::AddPolicy,
            ChangeKind::ReplacePolicy { .. } => Self::ReplacePolicy,
            ChangeKind::RenamePolicy { .. } => Self::RenamePolicy,
            ChangeKind::RemovePolicy { .. } => Self::RemovePolicy,
            ChangeKind::Attach { .. } => Self::Attach,
            ChangeKind::Move { .. } => Self::Move,
            ChangeKind::Detach { .. } => Self::Detach,
            ChangeKind::SetBucketPolicy { .. } => Self::SetBucketPolicy,
        }
    }
}

impl ChangeV1 {
    pub(super) fn of(change: &Change) -> Self {
        let (user, group) = match &change.id {
            ChangeId::Policy(_) | ChangeId::Bucket(_) => (None, None),
            ChangeId::Principal(principal) => user_or_group(principal),
        };
        let common = Self {
            id: change.id.to_string(),
            kind: KindV1::of(&change.kind),
            policy: None,
            renamed_from: None,
            user,
            group,
            bucket: change.id.bucket().map(ToString::to_string),
            before: None,
            after: None,
            combined_from: change.combined.iter().flat_map(|combined| combined_from(combined)).collect(),
            method: None,
            attached_to: change.attached().iter().map(AttachedPrincipalV1::of).collect(),
            temporary_policies: Vec::new(),
            access: change.access.iter().map(AccessChangeV1::of).collect(),
            notes: change.notes.clone(),
            basis: change.basis.clone(),
            term: change.term.as_ref().and_then(|term| Some(TermV1::of(change.id.principal()?, term))),
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
            ChangeKind::RenamePolicy { policy, old, before, after, method, leftovers, .. } => Self {
                policy: Some(policy.to_string()),
                renamed_from: Some(old.to_string()),
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
            ChangeKind::SetBucketPolicy { before, after, .. } => Self {
                before: match before.canned {
                    Some(canned) => text(canned.as_str()),
                    None => body(&before.document),
                },
                after: match after {
                    BucketTarget::Canned(canned) => text(canned.as_str()),
                    BucketTarget::Document(normal) => document(normal),
                },
                ..common
            },
        }
    }
}

fn combined_from(combined: &Combined) -> Vec<Vec<String>> {
    combined.of_statements().map(|from| from.iter().map(ToString::to_string).collect()).collect()
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

impl BaseV1 {
    /// A copy of both lists.
    pub fn of(revision: &str, drift: &[Change], proposed: &[Change]) -> Self {
        let copies = |changes: &[Change]| changes.iter().map(ChangeV1::of).collect();
        Self { revision: revision.to_owned(), drift: copies(drift), proposed: copies(proposed) }
    }
}

impl ReviewV1 {
    /// A copy of a review against a revision.
    pub fn of(revision: &str, review: &Review) -> Self {
        let setting = |change: &SettingChange| SettingChangeV1 {
            name: change.name.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
        };
        Self {
            revision: revision.to_owned(),
            undeclared: review.undeclared.iter().map(UndeclaredV1::of).collect(),
            settings: review.settings.iter().map(setting).collect(),
        }
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.undeclared.is_empty() && self.settings.is_empty()
    }
}

impl UndeclaredV1 {
    fn of(of: &Undeclared) -> Self {
        let principal = of.id.principal();
        let (declared, declared_policy) = match &of.declared {
            BaseDeclaration::Present => (DeclaredV1::Present, None),
            BaseDeclaration::Absent => (DeclaredV1::Absent, None),
            BaseDeclaration::Has(policy) => (DeclaredV1::Attached, Some(policy.to_string())),
            BaseDeclaration::Detached => (DeclaredV1::Detached, None),
            BaseDeclaration::Canned(canned) => (DeclaredV1::Canned, Some(canned.to_string())),
            BaseDeclaration::BucketDocument => (DeclaredV1::BucketDocument, None),
        };
        Self {
            id: of.id.to_string(),
            policy: of.id.policy().map(ToString::to_string),
            user: principal.and_then(|who| who.user()).map(ToString::to_string),
            group: principal.and_then(|who| who.group()).map(ToString::to_string),
            bucket: of.id.bucket().map(ToString::to_string),
            declared,
            declared_policy,
            owned: of.owned,
            renamed_to: of.renamed_to.as_ref().map(ToString::to_string),
        }
    }
}

impl NewKeysV1 {
    /// A copy of the keys that a plan may create.
    pub fn of(keys: &NewKeys) -> Self {
        Self {
            users: keys.users.iter().map(ToString::to_string).collect(),
            users_with_policy: keys.users_with_policy.iter().map(ToString::to_string).collect(),
            destination: keys.destination.clone(),
        }
    }
}
