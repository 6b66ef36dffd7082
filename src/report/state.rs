//! One side of a report: policies, and who holds which.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::base::{PolicyName, Principal, Release};
use crate::desired::{DeclaredAttachment, Desired, PolicyIntent};
use crate::observed::{Body, Observed, granted};
use crate::plan::Plan;
use crate::policy::{normal, predefined};

/// Policies, and who holds which, at one time.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The policies.
    pub policies: BTreeMap<PolicyName, Body>,
    /// The users that can hold a policy, and the groups that do, with what they hold.
    pub holders: BTreeMap<Principal, Option<PolicyName>>,
    /// The documents that users and groups have access by who have several policies at once, by the list that is attached.
    pub lists: BTreeMap<PolicyName, Option<Body>>,
    /// Whether it is known who holds what. Where it is not, there are no holders.
    pub holders_known: bool,
    /// Whether it is known which groups hold what.
    pub groups_known: bool,
}

impl State {
    /// What a cluster reported.
    #[must_use]
    pub fn of_cluster(observed: &Observed) -> Self {
        let users = observed.users.iter().filter(|(_, user)| user.can_hold() || user.holds.is_some());
        let attached = |principal: Principal| {
            let policy = observed.attached_to(&principal);
            (principal, policy)
        };
        let users = users.map(|(name, _)| attached(Principal::from(name)));
        let groups = observed.groups.keys().map(|name| attached(Principal::from(name)));
        let known = observed.attachments_known;
        let state = Self {
            policies: observed.policies.clone(),
            holders: users.chain(groups).filter(|_| known).collect(),
            lists: BTreeMap::new(),
            holders_known: known,
            groups_known: observed.groups_known,
        };
        state.with_lists()
    }

    /// What a file declares, with what is known of predefined policies that it has somebody hold.
    #[must_use]
    pub fn of_file(desired: &Desired, release: &Release) -> Self {
        let declared = desired.policies.iter().filter_map(|(name, entry)| match &entry.intent {
            PolicyIntent::Present(authored) => Some((name.clone(), Body::Known(authored.normal().clone()))),
            PolicyIntent::Absent => None,
        });
        let mut policies: BTreeMap<_, _> = declared.collect();
        let held = |intent: &DeclaredAttachment| match intent {
            DeclaredAttachment::Has(policy) => Some(policy.clone()),
            DeclaredAttachment::Detached | DeclaredAttachment::Revoked => None,
        };
        let holders: BTreeMap<_, _> = desired.holders().map(|(who, entry)| (who, held(&entry.intent))).collect();
        for policy in holders.values().flatten() {
            let body = || predefined(policy, release).map_or(Body::NotRead, |document| Body::Known(normal(&document)));
            policies.entry(policy.clone()).or_insert_with(body);
        }
        Self { policies, holders, lists: BTreeMap::new(), holders_known: true, groups_known: true }
    }

    /// The state after a plan.
    #[must_use]
    pub fn after(&self, plan: &Plan) -> Self {
        let mut after = Self { policies: plan.policies_after(&self.policies), ..self.clone() };
        if self.holders_known {
            let effects = plan.effects.iter();
            after.holders.extend(effects.map(|(principal, effect)| (principal.clone(), effect.after.clone())));
        }
        after.with_lists()
    }

    fn with_lists(mut self) -> Self {
        let lists = self.holders.values().flatten().filter(|attached| attached.is_list());
        let document = |list: &PolicyName| granted(&self.policies, list).map(Cow::into_owned);
        self.lists = lists.map(|list| (list.clone(), document(list))).collect();
        self
    }
}
