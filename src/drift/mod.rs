//! Drift: changes on the cluster that were made outside attune. A drift is a plan read backwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use time::Date;

use crate::base::{CannedPolicy, Code, Finding, PolicyName, Principal, Severity, codes};
use crate::desired::{DeclaredAttachment, Desired, Ignore, Phase, Term};
use crate::observed::{Body, Identity, Observed};
use crate::plan::{self, AccessChange, BucketTarget, Change, ChangeId, ChangeKind, Only, Plan, Unmanaged};
use crate::policy::access::{Context, Side};
use crate::policy::{Catalogue, Normal};

codes! {
    "All kinds of findings of this room.";
    IGNORE_OVER = "ignore-expired", "The last day of an entry of `[[drift.ignore]]` has passed. It ignores nothing any more.";
}

/// The differences between the cluster and the configuration.
#[derive(Debug, Clone)]
#[must_use]
pub struct Drift {
    /// The cluster and tenant.
    pub identity: Identity,
    /// The differences: policies, then users, then groups, then users that do not exist.
    pub objects: Vec<Object>,
    /// The ignored differences.
    pub ignored: Vec<Ignored>,
    /// The unmanaged objects.
    pub unmanaged: Unmanaged,
    /// The patterns of the objects that were compared; empty if all were.
    pub only: Vec<String>,
    /// The declared users and groups whose access ends or has ended.
    pub terms: Vec<(Principal, Term)>,
    /// How many buckets let requests in without a login, or may, if their policies were read.
    pub public_buckets: Option<usize>,
    /// Findings. If one is an error, it is unknown whether there is drift.
    pub findings: Vec<Finding>,
}

/// An object that differs from the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The object.
    pub id: ChangeId,
    /// The kind of difference.
    pub kind: Kind,
    /// The declared state.
    pub declared: ObjectState,
    /// The state on the cluster.
    pub observed: ObjectState,
    /// The old name of a renamed policy, which the cluster still has.
    pub renamed_from: Option<PolicyName>,
    /// The users and groups with other access. They gain the access that only the cluster gives.
    pub access: Vec<AccessChange>,
    /// When the declared access of the user or group begins and ends, if it does.
    pub term: Option<Term>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// The kind of difference, as a change from the declared state to the state on the cluster.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)*
        }

        impl Kind {
            /// All kinds, in the order of reports.
            pub const ALL: [Self; 12] = [$(Self::$kind),*];

            /// The name in JSON.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A policy exists that should not.
    PolicyAdded = "policy_added",
    /// A policy has another document.
    PolicyChanged = "policy_changed",
    /// A policy that the configuration renames has its old name.
    PolicyRenamed = "policy_renamed",
    /// A policy does not exist.
    PolicyRemoved = "policy_removed",
    /// A user has a policy and should have none.
    UserAttached = "user_attached",
    /// A user has another policy.
    UserMoved = "user_moved",
    /// A user has no policy and should have one.
    UserDetached = "user_detached",
    /// A user does not exist and should have a policy.
    UserRemoved = "user_removed",
    /// A group has a policy and should have none.
    GroupAttached = "group_attached",
    /// A group has another policy.
    GroupMoved = "group_moved",
    /// A group has no policy and should have one.
    GroupDetached = "group_detached",
    /// A bucket has another policy.
    BucketPolicyChanged = "bucket_policy_changed",
}

/// The declared or the observed state of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectState {
    /// No such policy, or no attached policy.
    Nothing,
    /// The document of a policy.
    Document(Body),
    /// The attached policy.
    Policy(PolicyName),
    /// A policy of a bucket that has a name.
    Canned(CannedPolicy),
}

/// An ignored difference.
#[derive(Debug, Clone)]
pub struct Ignored {
    /// The object.
    pub object: Object,
    /// The reason.
    pub reason: String,
    /// The last day on which it is ignored.
    pub until: Option<Date>,
}

impl Drift {
    /// Whether it is unknown if there is drift.
    pub fn is_unknown(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }

    /// The number of users and groups whose access has ended and is still there.
    pub fn expired(&self) -> usize {
        let has_ended = |object: &&Object| object.term.as_ref().is_some_and(|term| term.phase == Phase::Ended);
        let is_there = |object: &&Object| object.observed != ObjectState::Nothing;
        self.objects.iter().filter(has_ended).filter(is_there).count()
    }

    /// The number of lines of access that only the cluster gives, or may give.
    pub fn gained(&self) -> usize {
        let of = |access: &AccessChange| {
            let open = access.access.undecided.iter().filter(|open| open.side == Side::Gained).count();
            access.access.gained.len() + open
        };
        self.objects.iter().flat_map(|object| &object.access).map(of).sum()
    }
}

/// Reads a plan backwards. `only` selects the objects, if the plan is for a part of them. `more` has ignored objects in addition
/// to those of the configuration; `today` is the day in UTC.
pub fn drift(
    desired: &Desired,
    observed: &Observed,
    made: &Plan,
    only: Option<&Only>,
    more: &[Ignore],
    today: Date,
) -> Drift {
    let ignores: Vec<&Ignore> = desired.ignores.iter().chain(more).collect();
    let mut objects = Vec::new();
    let mut ignored = Vec::new();
    let all = made.changes.iter().map(Object::of).chain(missing_users(desired, observed));
    for object in all.filter(|object| only.is_none_or(|only| only.covers(&object.id))) {
        let id = object.id.to_string();
        match ignores.iter().find(|ignore| !ignore.is_over(today) && ignore.covers(&id)) {
            Some(ignore) => ignored.push(Ignored { object, reason: ignore.reason.clone(), until: ignore.until }),
            None => objects.push(object),
        }
    }
    let differs = !objects.is_empty() || !ignored.is_empty();
    let mut findings: Vec<Finding> =
        made.findings.iter().filter_map(|finding| finding_of_plan(finding, differs)).collect();
    findings.extend(ignores.iter().filter(|ignore| ignore.is_over(today)).map(|ignore| expired(ignore)));
    let (identity, unmanaged) = (observed.identity.clone(), made.unmanaged.clone());
    let only = only.map(Only::patterns).unwrap_or_default();
    let terms = desired.terms().filter(|(_, term)| term.schedule.until.is_some());
    let terms = terms.map(|(principal, term)| (principal.clone(), term)).collect();
    let catalogue = Catalogue::of(&observed.identity.release);
    let context = Context { rules: desired.cluster.rules(), ..Context::new(&catalogue) };
    let public_buckets = observed.buckets.public(&context).map(|buckets| buckets.len());
    Drift { identity, objects, ignored, unmanaged, only, terms, public_buckets, findings }
}

/// A finding of the plan as a finding of the drift. Errors that only block API calls become warnings if anything `differs`;
/// otherwise it stays unknown whether there is drift. A user that does not exist is a difference instead.
fn finding_of_plan(finding: &Finding, differs: bool) -> Option<Finding> {
    let among = |codes: &[Code]| codes.contains(&finding.code);
    let of_plan = among(plan::CODES) && !among(plan::NOT_COMPARED);
    match finding.severity {
        Severity::Error if among(&[plan::USER_GONE]) => None,
        Severity::Error if of_plan && differs => Some(Finding { severity: Severity::Warning, ..finding.clone() }),
        Severity::Error | Severity::Warning | Severity::Note => Some(finding.clone()),
    }
}

fn expired(ignore: &Ignore) -> Finding {
    let until = ignore.until.map(|until| until.to_string()).unwrap_or_default();
    let message = format!("drift of `{}` was ignored until {until} and is no longer ignored", ignore.object());
    Finding::warning(IGNORE_OVER, message)
        .at(ignore.at.clone())
        .help("fix the drift and remove the entry, or set a later day")
}

fn missing_users<'a>(desired: &'a Desired, observed: &'a Observed) -> impl Iterator<Item = Object> + 'a {
    let users = desired.users.iter().filter(|(user, _)| !observed.users.contains_key(*user));
    users.filter_map(|(user, entry)| match &entry.intent {
        DeclaredAttachment::Has(policy) => Some(Object {
            id: ChangeId::Principal(Principal::from(user)),
            kind: Kind::UserRemoved,
            declared: ObjectState::Policy(policy.clone()),
            observed: ObjectState::Nothing,
            renamed_from: None,
            access: Vec::new(),
            term: desired.term(&Principal::from(user)),
        }),
        DeclaredAttachment::Detached | DeclaredAttachment::Revoked => None,
    })
}

impl ObjectState {
    /// The states of an object before and after a change.
    pub fn of(change: &ChangeKind) -> [Self; 2] {
        let known = |document: &Normal| Self::Document(Body::Known(document.clone()));
        let body = |body: &Option<Body>| body.clone().map_or(Self::Nothing, Self::Document);
        let policy = |policy: &PolicyName| Self::Policy(policy.clone());
        match change {
            ChangeKind::AddPolicy { after, .. } => [Self::Nothing, known(after)],
            ChangeKind::ReplacePolicy { before, after, .. } | ChangeKind::RenamePolicy { before, after, .. } => {
                [body(before), known(after)]
            }
            ChangeKind::RemovePolicy { before, .. } => [body(before), Self::Nothing],
            ChangeKind::Attach { after, .. } => [Self::Nothing, policy(after)],
            ChangeKind::Move { before, after, .. } => [policy(before), policy(after)],
            ChangeKind::Detach { before, .. } => [policy(before), Self::Nothing],
            ChangeKind::SetBucketPolicy { before, after, .. } => [
                before.canned.map_or_else(|| Self::Document(before.document.clone()), Self::Canned),
                match after {
                    BucketTarget::Canned(canned) => Self::Canned(*canned),
                    BucketTarget::Document(document) => known(document),
                },
            ],
        }
    }
}

impl Object {
    fn of(change: &Change) -> Self {
        let kind = |principal: &Principal, of_user, of_group| match principal {
            Principal::User(_) => of_user,
            Principal::Group(_) => of_group,
        };
        let kind = match &change.kind {
            ChangeKind::AddPolicy { .. } => Kind::PolicyRemoved,
            ChangeKind::ReplacePolicy { .. } => Kind::PolicyChanged,
            ChangeKind::RenamePolicy { .. } => Kind::PolicyRenamed,
            ChangeKind::RemovePolicy { .. } => Kind::PolicyAdded,
            ChangeKind::Attach { principal, .. } => kind(principal, Kind::UserDetached, Kind::GroupDetached),
            ChangeKind::Move { principal, .. } => kind(principal, Kind::UserMoved, Kind::GroupMoved),
            ChangeKind::Detach { principal, .. } => kind(principal, Kind::UserAttached, Kind::GroupAttached),
            ChangeKind::SetBucketPolicy { .. } => Kind::BucketPolicyChanged,
        };
        let [observed, declared] = ObjectState::of(&change.kind);
        let access = change.access.iter().map(backwards).collect();
        let renamed_from = change.kind.renamed_from().cloned();
        Self { id: change.id.clone(), kind, declared, observed, renamed_from, access, term: change.term.clone() }
    }
}

fn backwards(of: &AccessChange) -> AccessChange {
    let access = of.access.reversed();
    AccessChange { holder: of.holder.clone(), access: Arc::new(access), loses_all: false, combined: None }
}

/// The reported drift that still exists, by object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory(pub BTreeMap<String, Remembered>);

/// A reported object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReportedV1")]
pub struct Remembered {
    /// `policy/NAME`, `user/NAME` or `group/NAME`.
    pub id: String,
    /// The kind of drift.
    pub kind: String,
    /// A value that is equal only for the same drift.
    pub fingerprint: String,
    /// The time of the first report.
    pub since: String,
}

/// A drift compared with the reported drift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The objects with new drift.
    pub new: BTreeSet<String>,
    /// The reported drift that no longer exists. Drift that is ignored now does not count.
    pub over: Memory,
    /// The drift to remember.
    pub memory: Memory,
}

impl Memory {
    /// Compares a drift with the reported drift. `now` is the time of new drift.
    pub fn compare(&self, drift: &Drift, now: &str) -> News {
        let mut news = News { new: BTreeSet::new(), over: Self::default(), memory: Self::default() };
        for object in &drift.objects {
            let (id, fingerprint) = (object.id.to_string(), fingerprint(object));
            let known = self.0.get(&id).filter(|known| known.fingerprint == fingerprint);
            let remembered = known.cloned().unwrap_or_else(|| {
                news.new.insert(id.clone());
                Remembered { id: id.clone(), kind: object.kind.name().to_owned(), fingerprint, since: now.to_owned() }
            });
            news.memory.0.insert(id, remembered);
        }
        let ignored: BTreeSet<String> = drift.ignored.iter().map(|ignored| ignored.object.id.to_string()).collect();
        let over = self.0.iter().filter(|(id, _)| !news.memory.0.contains_key(*id) && !ignored.contains(*id));
        news.over.0 = over.map(|(id, remembered)| (id.clone(), remembered.clone())).collect();
        news
    }
}

/// The hash of an object with its declared and observed state.
fn fingerprint(object: &Object) -> String {
    let side = |said: &ObjectState| match said {
        ObjectState::Nothing => json!(null),
        ObjectState::Document(body) => json!(["document", body.text()]),
        ObjectState::Policy(policy) => json!(["policy", policy.as_str()]),
        ObjectState::Canned(canned) => json!(["canned", canned.as_str()]),
    };
    let line = json!([object.id.to_string(), object.kind.name(), side(&object.declared), side(&object.observed)]);
    hex::encode(&Sha256::digest(line.to_string())[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::plan;
    use crate::plan::tests::{Declared, World};

    /// Declares `p` with document 1, and these users.
    fn desired(users: &[(&str, Option<&str>)]) -> Desired {
        let declare = |declared: Declared, (user, attached): &(&str, Option<&str>)| match attached {
            Some(policy) => declared.has(user, policy),
            None => declared.detached(user),
        };
        users.iter().fold(Declared::default().policy("p", 1), declare).0
    }

    /// A cluster with this document of `p`, and document 3 of `q`.
    fn observed(document: u8, users: &[(&str, Option<&str>)]) -> Observed {
        let world = World::new().with("p", document).with("q", 3);
        let world = users.iter().fold(world, |world, (user, attached)| world.attached(user, attached.unwrap_or("")));
        world.observed("5.1.2")
    }

    fn found(desired: &Desired, observed: &Observed, ignores: &[&str]) -> Drift {
        let ignores: Vec<Ignore> = ignores.iter().map(|text| text.parse().unwrap()).collect();
        let today = Date::from_calendar_date(2026, time::Month::May, 1).unwrap();
        drift(desired, observed, &plan(desired, observed), None, &ignores, today)
    }

    fn kinds(drift: &Drift) -> Vec<(String, &'static str)> {
        drift.objects.iter().map(|object| (object.id.to_string(), object.kind.name())).collect()
    }

    #[test]
    fn a_drift_is_a_plan_read_backwards() {
        let desired = desired(&[("a", Some("p")), ("b", None), ("c", Some("p")), ("d", Some("p")), ("e", Some("p"))]);
        let observed = observed(2, &[("a", Some("p")), ("b", Some("q")), ("c", Some("q")), ("d", None)]);
        let drift = found(&desired, &observed, &[]);
        let expected = [
            ("policy/p", "policy_changed"),
            ("user/b", "user_attached"),
            ("user/c", "user_moved"),
            ("user/d", "user_detached"),
            ("user/e", "user_removed"),
        ];
        assert_eq!(kinds(&drift), expected.map(|(id, kind)| (id.to_owned(), kind)));
        let gained = |index: usize| drift.objects[index].access[0].access.gained.clone();
        assert!(gained(0)[0].pattern.contains("bucket2"));
        assert!(gained(1)[0].pattern.contains("bucket3"));
        assert!(gained(3).is_empty() && !drift.objects[3].access[0].access.lost.is_empty());
        assert_eq!(drift.gained(), 3);
        assert!(!drift.is_unknown(), "{:?}", drift.findings);
        assert!(drift.objects.iter().all(|object| Kind::ALL.contains(&object.kind)));
    }

    #[test]
    fn drift_is_unknown_without_attachments() {
        let desired = desired(&[("a", Some("p"))]);
        let observed = Observed { attachments_known: false, ..observed(1, &[("a", None)]) };
        assert!(found(&desired, &observed, &[]).is_unknown());
    }

    #[test]
    fn only_new_drift_is_new_and_ignored_drift_is_not_over() {
        let desired = desired(&[("a", Some("p")), ("b", None)]);
        let memory = Memory::default();
        let first = found(&desired, &observed(1, &[("a", None), ("b", Some("q"))]), &[]);
        let news = memory.compare(&first, "monday");
        assert_eq!(news.new.iter().collect::<Vec<_>>(), ["user/a", "user/b"]);
        let memory = news.memory;
        // The same again, and another policy for one.
        let second = found(&desired, &observed(1, &[("a", Some("q")), ("b", Some("q"))]), &[]);
        let news = memory.compare(&second, "tuesday");
        assert_eq!(news.new.iter().collect::<Vec<_>>(), ["user/a"]);
        assert_eq!(
            (news.memory.0["user/a"].since.as_str(), news.memory.0["user/b"].since.as_str()),
            ("tuesday", "monday")
        );
        let memory = news.memory;
        let third = found(&desired, &observed(1, &[("a", Some("p")), ("b", Some("q"))]), &["user/b"]);
        let news = memory.compare(&third, "wednesday");
        assert_eq!((news.new.len(), news.memory.0.len()), (0, 0));
        assert_eq!(news.over.0.keys().collect::<Vec<_>>(), ["user/a"]);
    }
}
