//! The reported states: policies and attachments at one time, and what each user and group can do in them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::base::{PolicyName, Principal, Release};
use crate::contract::declared_buckets;
use crate::desired::{DeclaredAttachment, Desired, PolicyIntent};
use crate::observed::{Body, Buckets, Observed, granted};
use crate::plan::Plan;
use crate::policy::access::{Context, Requests, abilities, depends_on_user};
use crate::policy::{Normal, normal, predefined};

/// The reported states.
#[derive(Debug, Clone)]
pub enum Scope {
    /// The cluster now.
    Cluster(State),
    /// The declared state.
    File(State),
    /// The cluster now, and after a plan.
    Both {
        /// Now.
        before: State,
        /// After the plan.
        after: State,
    },
}

impl Scope {
    /// The state now, if reported.
    pub fn before(&self) -> Option<&State> {
        match self {
            Self::Cluster(before) | Self::Both { before, .. } => Some(before),
            Self::File(_) => None,
        }
    }

    /// The declared state or the state after the plan, if reported.
    pub fn after(&self) -> Option<&State> {
        match self {
            Self::File(after) | Self::Both { after, .. } => Some(after),
            Self::Cluster(_) => None,
        }
    }

    /// All users and groups of both states, sorted.
    pub fn principals(&self) -> BTreeSet<&Principal> {
        self.states().flat_map(|state| state.attachments.keys()).collect()
    }

    /// All policies of both states, sorted.
    pub fn policies(&self) -> BTreeSet<&PolicyName> {
        self.states().flat_map(|state| state.policies.keys()).collect()
    }

    fn states(&self) -> impl Iterator<Item = &State> {
        [self.before(), self.after()].into_iter().flatten()
    }
}

/// Policies and attachments at one time.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The policies.
    pub policies: BTreeMap<PolicyName, Body>,
    /// The users that can have a policy and the groups that have one, with the policy.
    pub attachments: BTreeMap<Principal, Option<PolicyName>>,
    /// The combined documents of attached lists of policies.
    pub lists: BTreeMap<PolicyName, Option<Body>>,
    /// Whether attachments are known. If not, `attachments` is empty.
    pub attachments_known: bool,
    /// Whether the attachments of groups are known.
    pub groups_known: bool,
    /// The policies of buckets.
    pub buckets: Buckets,
    /// What requests without a login get by them, if they are known.
    pub anonymous: Option<Normal>,
}

impl State {
    /// The state of a cluster.
    pub fn of_cluster(observed: &Observed) -> Self {
        let users = observed.users.iter().filter(|(_, user)| user.can_have_policy() || user.attached.is_some());
        let attached = |principal: Principal| {
            let policy = observed.attached_to(&principal);
            (principal, policy)
        };
        let users = users.map(|(name, _)| attached(Principal::from(name)));
        let groups = observed.groups.keys().map(|name| attached(Principal::from(name)));
        let known = observed.attachments_known;
        let state = Self {
            policies: observed.policies.clone(),
            attachments: users.chain(groups).filter(|_| known).collect(),
            lists: BTreeMap::new(),
            attachments_known: known,
            groups_known: observed.groups_known,
            ..Self::default()
        };
        state.with_lists().with_buckets(observed.buckets.clone())
    }

    /// The declared state, with the known documents of attached predefined policies.
    pub fn of_file(desired: &Desired, release: &Release) -> Self {
        let declared = desired.policies.iter().filter_map(|(name, entry)| match &entry.intent {
            PolicyIntent::Present(authored) => Some((name.clone(), Body::Known(authored.normal()))),
            PolicyIntent::Absent => None,
        });
        let mut policies: BTreeMap<_, _> = declared.collect();
        let policy = |intent: &DeclaredAttachment| intent.policy().cloned();
        let attachments: BTreeMap<_, _> =
            desired.principals().map(|(who, entry)| (who, policy(&entry.intent))).collect();
        for policy in attachments.values().flatten() {
            let body = || predefined(policy, release).map_or(Body::NotRead, |document| Body::Known(normal(&document)));
            policies.entry(policy.clone()).or_insert_with(body);
        }
        let buckets = if desired.buckets.is_empty() { Buckets::NotRead } else { declared_buckets(desired) };
        let state = Self { policies, attachments, attachments_known: true, groups_known: true, ..Self::default() };
        state.with_buckets(buckets)
    }

    /// The state after a complete run of a plan.
    pub fn after(&self, plan: &Plan) -> Self {
        let mut after = Self { policies: plan.policies_after(&self.policies), ..self.clone() };
        if self.attachments_known {
            let effects = plan.effects.iter();
            after.attachments.extend(effects.map(|(principal, effect)| (principal.clone(), effect.after.clone())));
        }
        after.with_lists()
    }

    /// The same with these policies of buckets.
    #[must_use]
    pub fn with_buckets(self, buckets: Buckets) -> Self {
        let anonymous = buckets.together(None, None).map(|document| normal(&document));
        Self { buckets, anonymous, ..self }
    }

    fn with_lists(mut self) -> Self {
        let lists = self.attachments.values().flatten().filter(|attached| attached.is_list());
        let document = |list: &PolicyName| granted(&self.policies, list).map(Cow::into_owned);
        self.lists = lists.map(|list| (list.clone(), document(list))).collect();
        self
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Granted<'a> {
    Nothing,
    Document(&'a Normal),
    Unknown,
}

impl State {
    /// What requests without a login get. Nothing if it is not known: a report says so.
    pub(super) fn without_login(&self) -> Granted<'_> {
        self.anonymous.as_ref().map_or(Granted::Nothing, Granted::Document)
    }

    pub(super) fn granted(&self, principal: &Principal) -> Granted<'_> {
        let Some(policy) = self.attachments.get(principal).and_then(Option::as_ref) else { return Granted::Nothing };
        let body = match self.lists.get(policy) {
            Some(together) => together.as_ref(),
            None => self.policies.get(policy),
        };
        match body {
            Some(Body::Known(normal)) => Granted::Document(normal),
            Some(Body::NotRead | Body::Unreadable(_)) => Granted::Unknown,
            None => Granted::Nothing,
        }
    }
}

/// What a user or group can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// The user or group.
    pub principal: Principal,
    /// The policy that it has, if any.
    pub policy: Option<PolicyName>,
    /// The requests that it may make; `None` if the document of its policy is not known.
    pub can: Option<Requests>,
}

/// What all users and groups of two states can do, in their order.
pub fn review(sides: [Option<&State>; 2], context: &Context<'_>) -> [Option<Vec<Reviewed>>; 2] {
    let mut known: BTreeMap<&Normal, Requests> = BTreeMap::new();
    sides.map(|state| Some(of_state(state?, context, &mut known)))
}

/// A document that does not depend on the user is evaluated once.
fn of_state<'a>(state: &'a State, context: &Context<'_>, known: &mut BTreeMap<&'a Normal, Requests>) -> Vec<Reviewed> {
    let mut of = |normal, who: &Principal| {
        if depends_on_user(Normal::document(normal)) {
            return abilities(normal.document(), &context.with(who));
        }
        known.entry(normal).or_insert_with(|| abilities(normal.document(), &context.with(who))).clone()
    };
    let reviewed = |(principal, policy): (&Principal, &Option<PolicyName>)| {
        let can = match state.granted(principal) {
            Granted::Nothing => Some(Requests::default()),
            Granted::Unknown => None,
            Granted::Document(normal) => Some(of(normal, principal)),
        };
        Reviewed { principal: principal.clone(), policy: policy.clone(), can }
    };
    state.attachments.iter().map(reviewed).collect()
}
