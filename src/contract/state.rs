//! Who has which document at one time.

use std::collections::BTreeMap;

use crate::base::{PolicyName, Principal, Release};
use crate::desired::{Desired, PolicyIntent, Who};
use crate::observed::{Body, Observed, granted};
use crate::policy::access::Holder;
use crate::policy::{Normal, normal, predefined};

/// Who has which document at one time.
#[derive(Debug, Clone)]
pub struct State {
    /// The users, groups and roles: users first, then groups, then roles, each in the order of their names.
    pub subjects: Vec<Subject>,
    /// Whether the policies of users are known. If not, no users are there.
    pub users_known: bool,
    /// Whether the policies of groups are known. If not, no groups are there.
    pub groups_known: bool,
}

/// Those whose policies a cluster does not report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreported {
    /// Users.
    Users,
    /// Groups.
    Groups,
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
        let given = |policy: Option<&PolicyName>| given(&observed.policies, policy);
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
        Self {
            subjects: attached.chain(roles).collect(),
            users_known: observed.attachments_known,
            groups_known: observed.groups_known || !observed.capabilities.groups,
        }
    }

    /// The declared state, with the predefined policies of a release.
    #[must_use]
    pub fn of_configuration(desired: &Desired, release: &Release) -> Self {
        let given = |policy: Option<&PolicyName>| match policy {
            None => Given::Nothing,
            Some(policy) => match desired.policies.get(policy).map(|entry| &entry.intent) {
                Some(PolicyIntent::Present(authored)) => Given::Document(authored.normal().clone()),
                Some(PolicyIntent::Absent) => Given::Nothing,
                None => {
                    predefined(policy, release).map_or(Given::Unknown, |document| Given::Document(normal(&document)))
                }
            },
        };
        let attached = desired.principals().map(|(principal, entry)| {
            let policy = entry.intent.policy();
            Subject { who: Holder::Principal(principal), policy: policy.cloned(), given: given(policy) }
        });
        let roles = roles(desired, given);
        Self { subjects: attached.chain(roles).collect(), users_known: true, groups_known: true }
    }

    /// Those whom an expectation is about, and whose policies are not known.
    pub(super) fn unreported(&self, who: &Who) -> Option<Unreported> {
        if !self.users_known && who.has_users() {
            return Some(Unreported::Users);
        }
        (!self.groups_known && who.has_groups()).then_some(Unreported::Groups)
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
