//! Who has which document at one time.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::base::{CannedPolicy, PolicyName, Principal, Release};
use crate::desired::{BucketIntent, Desired, PolicyIntent, Who};
use crate::observed::{Body, BucketPolicy, Buckets, Observed, granted};
use crate::policy::access::Holder;
use crate::policy::{Document, Normal, normal, predefined};

/// Who has which document at one time.
#[derive(Debug, Clone)]
pub struct State {
    /// The users, groups and roles: users first, then groups, then roles, each in the order of their names.
    pub subjects: Vec<Subject>,
    /// Those whose policies are not known, and who are not there. Without the policies of buckets, nobody without a login is there,
    /// and users only have their own policies.
    pub unreported: Vec<Unreported>,
}

/// Those whose policies a cluster does not report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreported {
    /// Users.
    Users,
    /// Groups.
    Groups,
    /// Buckets, whose policies say what requests without a login can do.
    Buckets,
}

/// A user, group or role with its document.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Whose access it is.
    pub who: Holder,
    /// The policy that it has.
    pub policy: Option<PolicyName>,
    /// What the policy is.
    pub given: Given,
}

/// The document by which someone has access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// None.
    Nothing,
    /// This one.
    Document(Normal),
    /// One that is not known, or cannot be read.
    Unknown,
}

impl State {
    /// The state of a cluster, with the roles of a configuration.
    #[must_use]
    pub fn of_cluster(observed: &Observed, desired: &Desired) -> Self {
        Self::of(observed, desired, &Beside::new(&observed.buckets, desired))
    }

    /// The same, with what users and groups have by their own policies alone.
    pub(super) fn of_own_policies(observed: &Observed, desired: &Desired) -> Self {
        Self::of(observed, desired, &Beside::new(&Buckets::NotRead, desired))
    }

    fn of(observed: &Observed, desired: &Desired, documents: &Beside<'_>) -> Self {
        let given = |policy: Option<&PolicyName>| documents.of(policy, || given(&observed.policies, policy));
        let of = |principal: Principal| {
            // Of several records of one name, each counts.
            let all = observed.all_attached_to(&principal);
            let all: Vec<_> = if all.is_empty() { vec![None] } else { all.into_iter().cloned().map(Some).collect() };
            all.into_iter().map(move |policy| (principal.clone(), policy)).collect::<Vec<_>>()
        };
        let users = observed.users.keys().map(Principal::from).filter(|_| observed.attachments_known);
        let groups = observed.groups.keys().map(Principal::from);
        let attached = users.chain(groups).flat_map(of).map(|(principal, policy)| Subject {
            who: Holder::Principal(principal),
            given: given(policy.as_ref()),
            policy,
        });
        let roles = roles(desired, given);
        let known = [
            (Unreported::Users, observed.attachments_known),
            (Unreported::Groups, observed.groups_known || !observed.capabilities.groups),
            (Unreported::Buckets, observed.buckets.known().is_some()),
        ];
        Self {
            subjects: attached.chain(roles).chain(anonymous(&observed.buckets)).collect(),
            unreported: known.into_iter().filter(|(_, is_known)| !is_known).map(|(kind, _)| kind).collect(),
        }
    }

    /// The declared state, with the predefined policies of a release.
    #[must_use]
    pub fn of_configuration(desired: &Desired, release: &Release) -> Self {
        let buckets = declared_buckets(desired);
        let documents = Beside::new(&buckets, desired);
        let own = |policy: Option<&PolicyName>| match policy {
            None => Given::Nothing,
            Some(policy) => match desired.policies.get(policy).map(|entry| &entry.intent) {
                Some(PolicyIntent::Present(authored)) => Given::Document(authored.normal()),
                Some(PolicyIntent::Absent) => Given::Nothing,
                None => {
                    predefined(policy, release).map_or(Given::Unknown, |document| Given::Document(normal(&document)))
                }
            },
        };
        let given = |policy: Option<&PolicyName>| documents.of(policy, || own(policy));
        let attached = desired.principals().map(|(principal, entry)| {
            let policy = entry.intent.policy();
            Subject { who: Holder::Principal(principal), policy: policy.cloned(), given: given(policy) }
        });
        let roles = roles(desired, given);
        let subjects = attached.chain(roles).chain(anonymous(&buckets)).collect();
        Self { subjects, unreported: Vec::new() }
    }

    /// Those whom an expectation is about, and whose policies are not known.
    pub(super) fn unreported(&self, who: &Who) -> Option<Unreported> {
        let is_about = |kind: &Unreported| match kind {
            Unreported::Users => who.has_users(),
            Unreported::Groups => who.has_groups(),
            Unreported::Buckets => who.names_anonymous(),
        };
        self.unreported.iter().copied().find(is_about)
    }
}

/// The declared buckets. Only a cluster says what a canned policy gives.
#[must_use]
pub fn declared_buckets(desired: &Desired) -> Buckets {
    let policy = |intent: &BucketIntent| match intent {
        BucketIntent::Canned(CannedPolicy::None) => BucketPolicy::none(),
        BucketIntent::Canned(canned) => BucketPolicy { canned: Some(*canned), document: Body::NotRead },
        BucketIntent::Document(authored) => BucketPolicy::custom(Body::Known(authored.normal())),
    };
    Buckets::Known(desired.buckets.iter().map(|(name, entry)| (name.clone(), policy(&entry.intent))).collect())
}

/// Requests without a login, if the policies of buckets are known.
fn anonymous(buckets: &Buckets) -> Option<Subject> {
    let document = buckets.together(None, None)?;
    let given = if document.statements.is_empty() { Given::Nothing } else { Given::Document(normal(&document)) };
    Some(Subject { who: Holder::Anonymous, policy: None, given })
}

/// What users get by their own policy and those of buckets, each computed once.
struct Beside<'b> {
    /// The buckets, if their policies count for users by some rules.
    buckets: Option<&'b Buckets>,
    known: RefCell<BTreeMap<Option<PolicyName>, Given>>,
}

impl<'b> Beside<'b> {
    fn new(buckets: &'b Buckets, desired: &Desired) -> Self {
        let counts = buckets.have_policies() && desired.cluster.rules().has_union();
        Self { buckets: counts.then_some(buckets), known: RefCell::default() }
    }

    fn of(&self, policy: Option<&PolicyName>, own: impl FnOnce() -> Given) -> Given {
        let Some(buckets) = self.buckets else { return own() };
        let mut known = self.known.borrow_mut();
        let together = |own: Option<&Document>| {
            buckets.together(own, None).map_or(Given::Unknown, |document| Given::Document(normal(&document)))
        };
        let of = || match own() {
            Given::Nothing => together(None),
            Given::Document(normal) => together(Some(normal.document())),
            Given::Unknown => Given::Unknown,
        };
        known.entry(policy.cloned()).or_insert_with(of).clone()
    }
}

/// What the policies of a cluster give to whoever has this one.
pub(super) fn given(policies: &BTreeMap<PolicyName, Body>, policy: Option<&PolicyName>) -> Given {
    match policy.and_then(|name| granted(policies, name)).as_deref() {
        None => Given::Nothing,
        Some(Body::Known(normal)) => Given::Document(normal.clone()),
        Some(Body::NotRead | Body::Unreadable(_)) => Given::Unknown,
    }
}

/// The subjects of a state, by whose records they are.
pub(super) struct Records<'s>(BTreeMap<&'s Holder, Vec<&'s Subject>>);

impl<'s> Records<'s> {
    pub(super) fn of(state: &'s State) -> Self {
        let mut records: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for subject in &state.subjects {
            records.entry(&subject.who).or_default().push(subject);
        }
        Self(records)
    }

    /// The same user, group or role in this state: of several records, one with the same policy if there is one.
    pub(super) fn like(&self, other: &Subject) -> Option<&'s Subject> {
        let same = self.0.get(&other.who)?;
        same.iter().find(|subject| subject.policy == other.policy).or_else(|| same.first()).copied()
    }
}

/// Everyone with a role of `[roles]`, one subject for each.
fn roles(desired: &Desired, given: impl Fn(Option<&PolicyName>) -> Given) -> impl Iterator<Item = Subject> {
    let role = move |role: &PolicyName| Subject {
        who: Holder::Roles(role.clone()),
        given: given(Some(role)),
        policy: Some(role.clone()),
    };
    desired.guards.roles.iter().map(role)
}
