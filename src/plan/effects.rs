//! The effects of a plan's steps on everyone's access. The steps are simulated on the observed cluster, and every user and group
//! is evaluated before and after. A plan shows, guards and digests these effects, never the changes that were meant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{BucketName, PolicyName, Principal};
use crate::observed::{Body, Observed};
use crate::policy::access::Access;

use super::access::{AccessCache, AccessQuery, EffectiveDocument};
use super::buckets::{self, BucketEffect};
use super::change::{Call, Step};

/// The effect of a plan's steps on one user or group.
#[derive(Debug, Clone)]
pub struct Effect {
    /// The name attached before: of a policy, of one that does not exist, or a list of several.
    pub before: Option<PolicyName>,
    /// The name attached after.
    pub after: Option<PolicyName>,
    /// Whether it has no access at some instant, although it has some before and after.
    pub gap: bool,
    /// The access it gains and loses; `None` if the same document gives it access before and after.
    pub access: Option<Arc<Access>>,
    pub(super) document_before: EffectiveDocument,
    pub(super) document_after: EffectiveDocument,
}

#[derive(Debug, Default)]
pub(super) struct Effects {
    /// On the users and groups that a step names, or whose document a step changes.
    pub(super) on: BTreeMap<Principal, Effect>,
    /// On the documents of policies, by name: before and after.
    pub(super) documents: BTreeMap<PolicyName, [EffectiveDocument; 2]>,
    /// On the policies of buckets.
    pub(super) buckets: BTreeMap<BucketName, BucketEffect>,
    /// Access that a user or group would have in between, and neither before nor after.
    pub(super) defects: Vec<String>,
}

impl Effects {
    pub(super) fn new(steps: &[Step], observed: &Observed, cache: &AccessCache<'_>) -> Self {
        let mut simulation = Simulation::new(steps, observed);
        for step in steps {
            simulation.step(&step.call);
        }
        let of_buckets = {
            let own = |principal: &Principal| {
                EffectiveDocument::of(&simulation.policies, simulation.attached(principal).as_ref())
            };
            buckets::effects(steps, observed, own, cache)
        };
        Effects { buckets: of_buckets, ..simulation.effects(cache) }
    }
}

/// The cluster between two steps.
struct Simulation<'a> {
    observed: &'a Observed,
    policies: BTreeMap<PolicyName, Body>,
    /// The attached names that a step has changed.
    attached: BTreeMap<Principal, Option<PolicyName>>,
    /// The users and groups that have each policy that a step adds or removes.
    has: BTreeMap<PolicyName, BTreeSet<Principal>>,
    /// The documents by which a user or group has access, one after the other.
    documents: BTreeMap<Principal, Vec<EffectiveDocument>>,
}

impl<'a> Simulation<'a> {
    fn new(steps: &[Step], observed: &'a Observed) -> Self {
        let names = steps.iter().filter_map(|step| {
            let (Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. }) = &step.call else { return None };
            Some((policy.clone(), BTreeSet::new()))
        });
        let mut has: BTreeMap<PolicyName, BTreeSet<Principal>> = names.collect();
        let single = observed.attachments();
        let duplicates: Vec<Principal> = observed.duplicates.principals().collect();
        let several = duplicates.iter().flat_map(|principal| {
            observed.all_attached_to(principal).into_iter().map(|attached| (principal.clone(), attached))
        });
        for (principal, attached) in single.chain(several) {
            for policy in attached.listed() {
                if let Some(principals) = has.get_mut(&policy) {
                    principals.insert(principal.clone());
                }
            }
        }
        let (attached, documents) = (BTreeMap::new(), BTreeMap::new());
        Self { observed, policies: observed.policies.clone(), attached, has, documents }
    }

    fn step(&mut self, call: &Call) {
        match call {
            Call::AddPolicy { policy, document, .. } => {
                self.change(policy, |policies| _ = policies.insert(policy.clone(), Body::Known(document.clone())));
            }
            Call::RemovePolicy { policy, .. } => self.change(policy, |policies| _ = policies.remove(policy)),
            Call::Attach { principal, policy, .. } => self.attach(principal, Some(policy)),
            Call::Detach { principal, .. } => self.attach(principal, None),
            Call::RevokeKeys { user } => self.record(&Principal::from(user)),
            // Its effects are those of this call alone: no other call is about a bucket.
            Call::SetBucketPolicy { .. } => {}
        }
    }

    fn change(&mut self, policy: &PolicyName, change: impl FnOnce(&mut BTreeMap<PolicyName, Body>)) {
        let principals = self.has.get(policy).cloned().unwrap_or_default();
        principals.iter().for_each(|principal| self.record(principal));
        change(&mut self.policies);
        principals.iter().for_each(|principal| self.record(principal));
    }

    fn attach(&mut self, principal: &Principal, policy: Option<&PolicyName>) {
        self.record(principal);
        for listed in self.attached(principal).iter().flat_map(PolicyName::listed) {
            if let Some(principals) = self.has.get_mut(&listed) {
                principals.remove(principal);
            }
        }
        if let Some(principals) = policy.and_then(|policy| self.has.get_mut(policy)) {
            principals.insert(principal.clone());
        }
        self.attached.insert(principal.clone(), policy.cloned());
        self.record(principal);
    }

    fn attached(&self, principal: &Principal) -> Option<PolicyName> {
        match self.attached.get(principal) {
            Some(attached) => attached.clone(),
            None => self.observed.attached_to(principal),
        }
    }

    /// Notes the document by which a user or group has access now.
    fn record(&mut self, principal: &Principal) {
        let document = EffectiveDocument::of(&self.policies, self.attached(principal).as_ref());
        let documents = self.documents.entry(principal.clone()).or_default();
        if documents.last() != Some(&document) {
            documents.push(document);
        }
    }

    fn effects(self, cache: &AccessCache<'_>) -> Effects {
        let mut effects = Effects::default();
        for name in self.has.keys() {
            let documents =
                [&self.observed.policies, &self.policies].map(|policies| EffectiveDocument::of(policies, Some(name)));
            if documents[0] != documents[1] {
                effects.documents.insert(name.clone(), documents);
            }
        }
        for (principal, documents) in &self.documents {
            let (Some(before), Some(after)) = (documents.first(), documents.last()) else { continue };
            let none = EffectiveDocument::None;
            if documents.iter().any(|document| ![before, after, &none].contains(&document)) {
                effects
                    .defects
                    .push(format!("{principal} would have access on the way that it has neither before nor after"));
            }
            let access = (before != after).then(|| cache.difference(cache.query([before, after], Some(principal))));
            let effect = Effect {
                before: self.observed.attached_to(principal),
                after: self.attached(principal),
                gap: *before != none && *after != none && documents.contains(&none),
                access,
                document_before: before.clone(),
                document_after: after.clone(),
            };
            effects.on.insert(principal.clone(), effect);
        }
        effects
    }
}

/// What the answers about access do not count, because the cluster does not report it or it was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotReported {
    /// The policies of groups: from 6.0, over REST (vendor documentation).
    Groups,
    /// The users to whom an identity provider gives policies by their names: from 5.1 (vendor definition), if one is
    /// configured or that is not known.
    IdentityProvider,
    /// Service accounts and temporary credentials, which an administrator cannot see. They have the access of their user, or
    /// less.
    ServiceAccounts,
    /// The policies of buckets, which were not read: who may do what without a login, and by some rules what users may do as well.
    BucketPolicies,
}

/// The possible effects of a plan's steps on users and groups that the cluster does not report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unreported {
    /// What is not counted, in order.
    pub kinds: Vec<NotReported>,
    /// The policies whose names may give unreported users and groups new access, in order.
    pub by_name: Vec<NameAccess>,
}

/// The access that unreported users and groups may gain by the name of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameAccess {
    /// The policy.
    pub policy: PolicyName,
    /// How they may have it, in order.
    pub by: Vec<NotReported>,
    /// The difference between its document before and after.
    pub access: Arc<Access>,
}

impl Unreported {
    pub(super) fn new(effects: &Effects, observed: &Observed, cache: &AccessCache<'_>) -> Self {
        let kinds = not_reported(observed);
        let by_name = effects.documents.iter().filter_map(|(policy, documents)| {
            let exists = observed.policies.contains_key(policy);
            let by: Vec<NotReported> = kinds.iter().copied().filter(|kind| kind.may_have(exists)).collect();
            let access = (!by.is_empty()).then(|| cache.difference(AccessQuery::between(documents.clone())))?;
            (!access.gains_nothing()).then(|| NameAccess { policy: policy.clone(), by, access })
        });
        Self { by_name: by_name.collect(), kinds }
    }
}

impl NotReported {
    /// Whether a policy may be in use this way. A group is given a policy that exists, and the policy stays while the group has
    /// it (vendor documentation, 6.0). An identity provider names a policy whether it exists or not.
    fn may_have(self, exists: bool) -> bool {
        match self {
            Self::Groups => exists,
            Self::IdentityProvider => true,
            Self::ServiceAccounts | Self::BucketPolicies => false,
        }
    }
}

fn not_reported(observed: &Observed) -> Vec<NotReported> {
    let can = observed.capabilities;
    let groups = can.groups && !observed.groups_known;
    let provider = can.identity_provider && observed.identity_provider != Some(false);
    let kinds = [
        (groups, NotReported::Groups),
        (provider, NotReported::IdentityProvider),
        (can.service_accounts, NotReported::ServiceAccounts),
        (observed.buckets.known().is_none(), NotReported::BucketPolicies),
    ];
    kinds.into_iter().filter(|(exists, _)| *exists).map(|(_, kind)| kind).collect()
}
