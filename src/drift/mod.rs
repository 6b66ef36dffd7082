//! What the cluster has that the file does not say: a plan, read backwards. Pure; the day is given.

mod memory;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::Date;

use crate::base::{Code, Finding, PolicyName, Principal, Severity, codes};
use crate::desired::{DeclaredAttachment, Desired, Ignore};
use crate::observed::{Body, Identity, Observed};
use crate::plan::{self, AccessChange, Change, ChangeId, ChangeKind, Plan, Unmanaged};
use crate::policy::access::{Access, Side, Undecided};

pub use memory::{Memory, News, Remembered};

codes! {
    "All kinds of findings of this room.";
    IGNORE_OVER = "ignore-expired", "An entry of `[[drift.ignore]]` has passed its last day, and ignores nothing any more.";
}

/// How the cluster differs from the file.
#[derive(Debug, Clone)]
pub struct Drift {
    /// Which cluster and tenant.
    pub identity: Identity,
    /// What differs: policies, then users, then groups, then users that are gone.
    pub objects: Vec<Object>,
    /// What differs and is not told.
    pub ignored: Vec<Ignored>,
    /// What no file names and nobody owns.
    pub unmanaged: Unmanaged,
    /// What else to know. With an error among them, whether there is drift is not known.
    pub findings: Vec<Finding>,
}

/// An object that is not as the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Which.
    pub id: ChangeId,
    /// What happened to it, seen from the file.
    pub kind: Kind,
    /// What the file says.
    pub declared: Said,
    /// What the cluster has.
    pub observed: Said,
    /// Whose access is another: what the cluster gives and the file does not is gained.
    pub access: Vec<AccessChange>,
}

/// What happened to an object, seen from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A policy that the file does not want is there.
    PolicyAdded,
    /// A policy has another document.
    PolicyChanged,
    /// A policy is not there.
    PolicyRemoved,
    /// A user that should hold nothing holds a policy.
    UserAttached,
    /// A user holds another policy.
    UserMoved,
    /// A user that should hold a policy holds none.
    UserDetached,
    /// A user that should hold a policy does not exist.
    UserRemoved,
    /// A group that should hold nothing holds a policy.
    GroupAttached,
    /// A group holds another policy.
    GroupMoved,
    /// A group that should hold a policy holds none.
    GroupDetached,
}

impl Kind {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 10] = [
        Self::PolicyAdded,
        Self::PolicyChanged,
        Self::PolicyRemoved,
        Self::UserAttached,
        Self::UserMoved,
        Self::UserDetached,
        Self::UserRemoved,
        Self::GroupAttached,
        Self::GroupMoved,
        Self::GroupDetached,
    ];

    /// Its name for machines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PolicyAdded => "policy_added",
            Self::PolicyChanged => "policy_changed",
            Self::PolicyRemoved => "policy_removed",
            Self::UserAttached => "user_attached",
            Self::UserMoved => "user_moved",
            Self::UserDetached => "user_detached",
            Self::UserRemoved => "user_removed",
            Self::GroupAttached => "group_attached",
            Self::GroupMoved => "group_moved",
            Self::GroupDetached => "group_detached",
        }
    }
}

/// What one side has of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Nothing: no such policy, or none held.
    Nothing,
    /// This document.
    Document(Body),
    /// That this policy is held.
    Policy(PolicyName),
}

/// An object that differs and is not told.
#[derive(Debug, Clone)]
pub struct Ignored {
    /// The object.
    pub object: Object,
    /// Why it is ignored.
    pub reason: String,
    /// The last day on which it is.
    pub until: Option<Date>,
}

impl Drift {
    /// Whether it is not known if there is drift.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }

    /// How many lines of access the cluster gives and the file does not, or may give.
    #[must_use]
    pub fn gained(&self) -> usize {
        let of = |access: &AccessChange| {
            let open = access.access.undecided.iter().filter(|open| open.side == Side::Gained).count();
            access.access.gained.len() + open
        };
        self.objects.iter().flat_map(|object| &object.access).map(of).sum()
    }
}

/// Reads the plan that would make the cluster as the file says backwards. `more` is ignored beside what the file ignores;
/// `today` is the day in UTC.
#[must_use]
pub fn drift(desired: &Desired, observed: &Observed, made: &Plan, more: &[Ignore], today: Date) -> Drift {
    let ignores: Vec<&Ignore> = desired.ignores.iter().chain(more).collect();
    let mut objects = Vec::new();
    let mut ignored = Vec::new();
    for object in made.changes.iter().map(Object::of).chain(gone(desired, observed)) {
        let id = object.id.to_string();
        match ignores.iter().find(|ignore| !ignore.is_over(today) && ignore.covers(&id)) {
            Some(ignore) => ignored.push(Ignored { object, reason: ignore.reason.clone(), until: ignore.until }),
            None => objects.push(object),
        }
    }
    let differs = !objects.is_empty() || !ignored.is_empty();
    let mut findings: Vec<Finding> = made.findings.iter().filter_map(|finding| told(finding, differs)).collect();
    findings.extend(ignores.iter().filter(|ignore| ignore.is_over(today)).map(|ignore| over(ignore)));
    let (identity, unmanaged) = (observed.identity.clone(), made.unmanaged.clone());
    Drift { identity, objects, ignored, unmanaged, findings }
}

/// What a finding of the plan is here. What only stands in the way of calls is no error where there is drift to tell; where nothing
/// `differs` it is not known that all is well. A user that is not there is an object.
fn told(finding: &Finding, differs: bool) -> Option<Finding> {
    let among = |codes: &[Code]| codes.contains(&finding.code);
    let of_plan = among(plan::CODES) && !among(plan::NOT_COMPARED);
    match finding.severity {
        Severity::Error if among(&[plan::USER_GONE]) => None,
        Severity::Error if of_plan && differs => Some(Finding { severity: Severity::Warning, ..finding.clone() }),
        Severity::Error | Severity::Warning | Severity::Note => Some(finding.clone()),
    }
}

fn over(ignore: &Ignore) -> Finding {
    let until = ignore.until.map(|until| until.to_string()).unwrap_or_default();
    let message = format!("drift of `{}` was ignored until {until}, and no longer is", ignore.object());
    Finding::warning(IGNORE_OVER, message)
        .at(ignore.at.clone())
        .help("mend the drift and take the entry out, or agree on another day")
}

/// The users that should hold a policy and do not exist.
fn gone<'a>(desired: &'a Desired, observed: &'a Observed) -> impl Iterator<Item = Object> + 'a {
    let users = desired.users.iter().filter(|(user, _)| !observed.users.contains_key(*user));
    users.filter_map(|(user, entry)| match &entry.intent {
        DeclaredAttachment::Has(policy) => Some(Object {
            id: ChangeId::Principal(Principal::from(user)),
            kind: Kind::UserRemoved,
            declared: Said::Policy(policy.clone()),
            observed: Said::Nothing,
            access: Vec::new(),
        }),
        DeclaredAttachment::Detached | DeclaredAttachment::Revoked => None,
    })
}

impl Object {
    /// A change read backwards: what it would add is lacking, what it would take away is too much.
    fn of(change: &Change) -> Self {
        let document = |body: &Option<Body>| body.clone().map_or(Said::Nothing, Said::Document);
        let policy = |policy: &PolicyName| Said::Policy(policy.clone());
        let kind = |principal: &Principal, of_user, of_group| match principal {
            Principal::User(_) => of_user,
            Principal::Group(_) => of_group,
        };
        let (kind, declared, observed) = match &change.kind {
            ChangeKind::AddPolicy { after, .. } => {
                (Kind::PolicyRemoved, Said::Document(Body::Known(after.clone())), Said::Nothing)
            }
            ChangeKind::ReplacePolicy { before, after, .. } => {
                (Kind::PolicyChanged, Said::Document(Body::Known(after.clone())), document(before))
            }
            ChangeKind::RemovePolicy { before, .. } => (Kind::PolicyAdded, Said::Nothing, document(before)),
            ChangeKind::Attach { principal, after } => {
                (kind(principal, Kind::UserDetached, Kind::GroupDetached), policy(after), Said::Nothing)
            }
            ChangeKind::Move { principal, before, after } => {
                (kind(principal, Kind::UserMoved, Kind::GroupMoved), policy(after), policy(before))
            }
            ChangeKind::Detach { principal, before } => {
                (kind(principal, Kind::UserAttached, Kind::GroupAttached), Said::Nothing, policy(before))
            }
        };
        let access = change.access.iter().map(backwards).collect();
        Self { id: change.id.clone(), kind, declared, observed, access }
    }
}

/// What would be lost is what the cluster gives and the file does not.
fn backwards(of: &AccessChange) -> AccessChange {
    let Access { gained, lost, undecided } = &*of.access;
    let turned = |open: &Undecided| Undecided {
        side: match open.side {
            Side::Gained => Side::Lost,
            Side::Lost => Side::Gained,
        },
        ..open.clone()
    };
    let undecided = undecided.iter().map(turned).collect();
    let access = Access { gained: lost.clone(), lost: gained.clone(), undecided };
    AccessChange { principal: of.principal.clone(), access: Arc::new(access) }
}
