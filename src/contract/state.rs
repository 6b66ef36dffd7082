//! Who has which document at one time.

use crate::base::{PolicyName, Principal, Release};
use crate::desired::{DeclaredAttachment, Desired, PolicyIntent};
use crate::observed::{Body, Observed, granted};
use crate::policy::access::Holder;
use crate::policy::{Normal, normal, predefined};

/// Who has which document at one time.
#[derive(Debug, Clone)]
pub struct State {
    /// The users, groups and roles: users first, then groups, then roles, each in the order of their names.
    pub subjects: Vec<Subject>,
    /// Whether it is known who has which policy. If not, only declared users and groups are there.
    pub is_reported: bool,
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
        let given =
            |policy: Option<&PolicyName>| match policy.and_then(|name| granted(&observed.policies, name)).as_deref() {
                None => Given::Nothing,
                Some(Body::Known(normal)) => Given::Document(normal.clone()),
                Some(Body::NotRead | Body::Unreadable(_)) => Given::Unknown,
            };
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
        let roles = desired.guards.roles.iter().map(|role| Subject {
            who: Holder::Roles(role.clone()),
            given: given(Some(role)),
            policy: Some(role.clone()),
        });
        Self { subjects: attached.chain(roles).collect(), is_reported: observed.attachments_known }
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
            let policy = match &entry.intent {
                DeclaredAttachment::Has(policy) => Some(policy),
                DeclaredAttachment::Detached | DeclaredAttachment::Revoked => None,
            };
            Subject { who: Holder::Principal(principal), policy: policy.cloned(), given: given(policy) }
        });
        let roles = desired.guards.roles.iter().map(|role| Subject {
            who: Holder::Roles(role.clone()),
            given: given(Some(role)),
            policy: Some(role.clone()),
        });
        Self { subjects: attached.chain(roles).collect(), is_reported: true }
    }

    /// The same user, group or role in this state: of several records, one with the same policy if there is one.
    pub(super) fn of(&self, other: &Subject) -> Option<&Subject> {
        let mut same = self.subjects.iter().filter(|subject| subject.who == other.who);
        same.clone().find(|subject| subject.policy == other.policy).or_else(|| same.next())
    }
}
