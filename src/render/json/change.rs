//! Parts of `attune.plan/1`: changes, API calls, the comparison with `--base`, new keys, options, unreported access, and when access
//! begins and ends.

use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::access::{AccessChangeV1, group, user};
use crate::base::Principal;
use crate::desired::{DeclaredAttachment, Moment, Phase, Term};
use crate::drift::ObjectState;
use crate::observed::Body;
use crate::plan::{
    AttachedPrincipal, BaseDeclaration, BucketTarget, Call, Change, ChangeKind, NewKeys, NotReported, Note, PlanOption,
    ReplaceMethod, Review, SettingChange, Step, Undeclared, Unreported,
};
use crate::policy::Normal;
use crate::policy::access::Basis;

json_types! {
    /// A difference between the configuration and the cluster.
    pub struct ChangeV1 of(change: &Change) {
        /// Its name in this plan: `policy/NAME`, `user/NAME`, `group/NAME` or `bucket/NAME`.
        id: String = change.id.to_string(),
        /// The kind of change.
        kind: KindV1 = KindV1::of(&change.kind),
        /// The policy, for a change of a policy.
        policy?: String = change.id.policy().map(ToString::to_string),
        /// The old name, for a renamed policy.
        renamed_from?: String = change.kind.renamed_from().map(ToString::to_string),
        /// The user, for a change of a user.
        user?: String = change.id.principal().and_then(user),
        /// The group, for a change of a group.
        group?: String = change.id.principal().and_then(group),
        /// The bucket, for a change of the policy of a bucket.
        bucket?: String = change.id.bucket().map(ToString::to_string),
        /// Before: the document of a policy, or the name of the policy that a user, group or bucket has.
        #[schemars(with = "Option<serde_json::Value>")]
        before?: Box<RawValue> = side(&ObjectState::of(&change.kind)[0]),
        /// After: the document of a policy, or the name of the policy that a user, group or bucket has.
        #[schemars(with = "Option<serde_json::Value>")]
        after?: Box<RawValue> = side(&ObjectState::of(&change.kind)[1]),
        /// For a combined policy, the policies that each statement of `after` comes from.
        combined_from*: Vec<String> = change
            .combined
            .iter()
            .flat_map(|combined| combined.of_statements())
            .map(|from| from.iter().map(ToString::to_string).collect())
            .collect(),
        /// How a policy is replaced or renamed.
        method?: ReplaceMethodV1 = change.kind.method().map(ReplaceMethodV1::of),
        /// The users and groups that a replaced policy is attached to before and after. For a renamed policy, those that move
        /// from the old name to the new one. For an added policy, those that already have its name.
        attached_to: Vec<AttachedPrincipalV1> = change.attached().iter().map(AttachedPrincipalV1::of).collect(),
        /// Temporary policies of an interrupted run. They are removed.
        temporary_policies*: String = change.kind.leftovers().iter().map(ToString::to_string).collect(),
        /// The users and groups whose access changes, and `anonymous` first.
        access*: AccessChangeV1 = change.access.iter().map(AccessChangeV1::of).collect(),
        /// Notes for the reviewer.
        notes*: Note = change.notes.clone(),
        /// What it rests on that no access changes, with the note `same-access`.
        basis*: Basis = change.basis.clone(),
        /// When the access of the user or group begins and ends; missing when it does neither.
        term?: TermV1 = change.term.as_ref().and_then(|term| Some(TermV1::of(change.id.principal()?, term))),
    }

    /// The kinds of change.
    pub enum KindV1 of(&ChangeKind) {
        /// Adds a policy.
        AddPolicy = ChangeKind::AddPolicy { .. },
        /// Replaces the document of a policy.
        ReplacePolicy = ChangeKind::ReplacePolicy { .. },
        /// Gives a policy another name.
        RenamePolicy = ChangeKind::RenamePolicy { .. },
        /// Removes a policy.
        RemovePolicy = ChangeKind::RemovePolicy { .. },
        /// Attaches a policy to a user or group that has none.
        Attach = ChangeKind::Attach { .. },
        /// Attaches another policy to a user or group.
        Move = ChangeKind::Move { .. },
        /// Detaches the policy of a user or group.
        Detach = ChangeKind::Detach { .. },
        /// Gives a bucket another policy.
        SetBucketPolicy = ChangeKind::SetBucketPolicy { .. },
    }

    /// How a policy is replaced.
    pub enum ReplaceMethodV1 of(&ReplaceMethod) {
        /// By a temporary policy, without interruption of access.
        Swap = ReplaceMethod::Swap(_),
        /// With a short interruption of access.
        Gap = ReplaceMethod::Gap,
        /// Without users or groups: the policy is attached to none.
        Plain = ReplaceMethod::Plain,
        /// Finishes an interrupted replacement.
        Finish = ReplaceMethod::Finish,
    }

    /// A user or group that a policy is attached to.
    pub struct AttachedPrincipalV1 of(attached: &AttachedPrincipal) {
        /// The user, if it is one.
        user?: String = user(&attached.principal),
        /// The group, if it is one.
        group?: String = group(&attached.principal),
        /// Whether the configuration declares it.
        declared: bool = !attached.undeclared,
    }

    /// The differences between the cluster and the configuration, split by the configuration of `--base`.
    pub struct BaseV1 of(revision: &str, drift: &[Change], proposed: &[Change]) {
        /// The revision or file, as given to `--base`.
        revision: String = revision.to_owned(),
        /// The changes that make the cluster match the base: it was changed outside attune, or the base was never applied.
        drift: Vec<ChangeV1> = drift.iter().map(ChangeV1::of).collect(),
        /// The changes that the configuration proposes over the base, on a cluster that matches the base.
        proposed: Vec<ChangeV1> = proposed.iter().map(ChangeV1::of).collect(),
    }

    /// Changes of the configuration that are not changes of declared objects, compared with the revision of `--base`.
    pub struct ReviewV1 of(revision: &str, review: &Review) {
        /// The revision or file, as given to `--base`.
        revision: String = revision.to_owned(),
        /// The objects that are no longer declared.
        undeclared: Vec<UndeclaredV1> = review.undeclared.iter().map(UndeclaredV1::of).collect(),
        /// The settings that change. The plan uses those of the revision; of `[guards]`, it uses both.
        settings: Vec<SettingChange> = review.settings.clone(),
    }

    /// A policy, user or group that is no longer declared.
    pub struct UndeclaredV1 of(of: &Undeclared) {
        /// `policy/NAME`, `user/NAME`, `group/NAME` or `bucket/NAME`.
        id: String = of.id.to_string(),
        /// The policy, if it is one.
        policy?: String = of.id.policy().map(ToString::to_string),
        /// The user, if it is one.
        user?: String = of.id.principal().and_then(user),
        /// The group, if it is one.
        group?: String = of.id.principal().and_then(group),
        /// The bucket, if it is one.
        bucket?: String = of.id.bucket().map(ToString::to_string),
        /// The declaration in the revision.
        declared: DeclaredV1 = DeclaredV1::of(&of.declared),
        /// The policy that the revision declares for a user, group or bucket.
        declared_policy?: String = match &of.declared {
            BaseDeclaration::Has(policy) => Some(policy.to_string()),
            BaseDeclaration::Canned(canned) => Some(canned.to_string()),
            BaseDeclaration::Present
            | BaseDeclaration::Absent
            | BaseDeclaration::Detached
            | BaseDeclaration::BucketDocument => None,
        },
        /// Whether `[ownership]` covers it. If so, it is removed or detached; if not, it stays, unmanaged.
        owned: bool = of.owned,
        /// The new name of a renamed policy.
        renamed_to?: String = of.renamed_to.as_ref().map(ToString::to_string),
    }

    /// A declaration.
    pub enum DeclaredV1 of(&BaseDeclaration) {
        /// A policy with a document.
        Present = BaseDeclaration::Present,
        /// An absent policy.
        Absent = BaseDeclaration::Absent,
        /// A user or group with a policy.
        Attached = BaseDeclaration::Has(_),
        /// A user or group without a policy.
        Detached = BaseDeclaration::Detached,
        /// A bucket with the policy of a name.
        Canned = BaseDeclaration::Canned(_),
        /// A bucket with a document of its own.
        BucketDocument = BaseDeclaration::BucketDocument,
    }

    /// The keys that a plan may create.
    pub struct NewKeysV1 of(keys: &NewKeys) {
        /// The users without a policy that may get keys.
        users: Vec<String> = keys.users.iter().map(ToString::to_string).collect(),
        /// The users with a policy that may get keys; they get them only if they have none.
        users_with_policy: Vec<String> = keys.users_with_policy.iter().map(ToString::to_string).collect(),
        /// The destination of the secrets, as in `[credentials]`; missing when there is none.
        destination?: String = keys.destination.clone(),
    }

    /// An option of the run that changes its plan. An apply of the plan needs the same options.
    pub struct OptionV1 of(option: &PlanOption) {
        /// Its name, such as `--override`.
        name: String = option.name.to_owned(),
        /// Its value, or the SHA-256 of the content when it is a file; missing when the option takes no value.
        value?: String = option.value.clone(),
    }

    /// Attachments that the cluster does not report, and what the plan may change for them.
    #[derive(Default)]
    pub struct UnreportedV1 of(unreported: &Unreported) {
        /// What the cluster does not report.
        kinds: Vec<NotReported> = unreported.kinds.clone(),
        /// Access that someone may gain by the name of a policy: `policy` is set instead of `user` and `group`. A guard against
        /// new access treats it as undecided.
        by_name*: AccessChangeV1 = unreported.by_name.iter().map(AccessChangeV1::by_name).collect(),
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

fn text(text: &str) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(text).ok()
}

/// One side of a difference as JSON: a document, or the name of a policy.
pub(super) fn side(state: &ObjectState) -> Option<Box<RawValue>> {
    match state {
        ObjectState::Nothing => None,
        ObjectState::Document(document) => body(document),
        ObjectState::Policy(policy) => text(policy.as_str()),
        ObjectState::Canned(canned) => text(canned.as_str()),
    }
}

impl ReviewV1 {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.undeclared.is_empty() && self.settings.is_empty()
    }
}

json_types! {
    /// The kinds of API call.
    pub enum CallV1 of(&Call) {
        /// Adds a policy.
        AddPolicy = Call::AddPolicy { .. },
        /// Removes a policy.
        RemovePolicy = Call::RemovePolicy { .. },
        /// Attaches a policy to a user or group.
        Attach = Call::Attach { .. },
        /// Revokes the keys of a user: creates new keys and discards them.
        RevokeKeys = Call::RevokeKeys { .. },
        /// Detaches the policy of a user or group.
        Detach = Call::Detach { .. },
        /// Gives a bucket another policy.
        SetBucketPolicy = Call::SetBucketPolicy { .. },
    }

    /// An API call.
    pub struct StepV1 {
        /// Its number, from 1.
        id: usize,
        /// The change it belongs to.
        change: String,
        /// The kind of call.
        call: CallV1,
        /// The policy.
        policy?: String,
        /// The user.
        user?: String,
        /// The group.
        group?: String,
        /// The bucket.
        bucket?: String,
        /// The policy of the bucket, if it has a name: `none`, `download`, `upload` or `public`.
        bucket_policy?: String,
        /// The document, exactly as attune sends it.
        #[schemars(with = "Option<serde_json::Value>")]
        document?: Box<RawValue>,
        /// The steps that this step waits for.
        after: Vec<usize>,
    }
}

impl StepV1 {
    /// A copy of a step.
    pub fn of(step: &Step) -> Self {
        let (policy, principal) = match &step.call {
            Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. } => (Some(policy), None),
            Call::Attach { principal, policy, .. } | Call::Detach { principal, policy } => {
                (Some(policy), Some(principal.clone()))
            }
            Call::RevokeKeys { user } => (None, Some(Principal::from(user))),
            Call::SetBucketPolicy { .. } => (None, None),
        };
        let (bucket, bucket_policy, sent) = match &step.call {
            Call::AddPolicy { document, .. } => (None, None, Some(document)),
            Call::SetBucketPolicy { bucket, policy: BucketTarget::Document(document), .. } => {
                (Some(bucket), None, Some(document))
            }
            Call::SetBucketPolicy { bucket, policy: BucketTarget::Canned(canned), .. } => {
                (Some(bucket), Some(canned), None)
            }
            Call::RemovePolicy { .. } | Call::Attach { .. } | Call::RevokeKeys { .. } | Call::Detach { .. } => {
                (None, None, None)
            }
        };
        Self {
            id: step.id.0,
            change: step.change.to_string(),
            call: CallV1::of(&step.call),
            policy: policy.map(ToString::to_string),
            user: principal.as_ref().and_then(user),
            group: principal.as_ref().and_then(group),
            bucket: bucket.map(ToString::to_string),
            bucket_policy: bucket_policy.map(ToString::to_string),
            document: sent.and_then(document),
            after: step.after.iter().map(|first| first.0).collect(),
        }
    }
}

json_types! {
    /// When the access of a declared user or group begins and ends.
    pub struct TermV1 of(principal: &Principal, term: &Term) {
        /// The user or group: `user/NAME` or `group/NAME`.
        id: String = format!("{}/{}", principal.kind(), principal.name()),
        /// Where the time of the run is.
        phase: Phase = term.phase,
        /// The policy that the user or group has in between.
        policy: String = policy(&term.schedule.attachment).unwrap_or_default(),
        /// When access begins, as a day or a time in UTC; missing when it has no beginning.
        from?: String = term.schedule.from.map(|from| from.to_string()),
        /// The first instant of access (RFC 3339, UTC); missing when it has no beginning.
        begins?: String = term.schedule.from.map(|from| time_text(from.begin())),
        /// The policy before access begins; missing when it is none.
        before?: String = policy(&term.schedule.before),
        /// When access ends, as a day or a time in UTC; missing when it has no end.
        until?: String = term.schedule.until.map(|until| until.to_string()),
        /// The first instant without access (RFC 3339, UTC); missing when it has no end.
        ends?: String = term.schedule.until.map(Moment::end).map(time_text),
        /// The policy after access ends; missing when it is none.
        then?: String = policy(&term.schedule.then),
        /// Whether the keys of the user are revoked at the end.
        revokes_keys: bool = term.schedule.then == DeclaredAttachment::Revoked,
        /// How many days it is until access begins or ends, by the calendar in UTC; missing when neither comes.
        days?: i64 = term.days,
    }
}

/// A time as RFC 3339, in whole seconds.
pub fn time_text(time: OffsetDateTime) -> String {
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default()
}

fn policy(of: &DeclaredAttachment) -> Option<String> {
    of.policy().map(ToString::to_string)
}
