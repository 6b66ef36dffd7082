//! Compares what should be with what is: per policy, then per user.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{PolicyName, Principal, UserName};
use crate::desired::{Desired, Holding, PolicyIntent};
use crate::observed::{Body, Observed, ObservedUser};
use crate::policy::{Normal, normal};

/// What should become of a policy name, seen from both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PolicyFate {
    /// It stays as it is.
    Keep,
    /// It is not there and gets this document.
    Add(Normal),
    /// It gets another document, or is brought back whole after an interrupted replacement.
    Replace(Normal),
    /// It goes.
    Remove,
    /// No file names it and nobody owns it.
    LeaveAlone,
    /// Stand-ins of it were left behind with different documents, and no file says which is right.
    Ambiguous,
}

/// What a user or group holds and what it should hold. One that holds a stand-in counts as holding the policy it stands
/// in for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HolderFate {
    /// The policy attached now, a stand-in as such.
    pub(super) physical: Option<PolicyName>,
    /// The policy held now, in effect.
    pub(super) before: Option<PolicyName>,
    /// The policy that should be held.
    pub(super) after: Option<PolicyName>,
    /// Whether a file declares it.
    pub(super) declared: bool,
    /// Whether a user's key pair is to be made worthless before it is detached.
    pub(super) retire_keys: bool,
}

/// The whole comparison, by object.
#[derive(Debug, Clone, Default)]
pub(super) struct Comparison {
    /// Every policy name that is declared, present, or stood in for.
    pub(super) policies: BTreeMap<PolicyName, PolicyFate>,
    /// The stand-ins left behind, by the policy they stand in for.
    pub(super) leftovers: BTreeMap<PolicyName, Vec<PolicyName>>,
    /// Every user on the cluster that can hold a policy or does, and every group that does or is declared.
    pub(super) holders: BTreeMap<Principal, HolderFate>,
}

impl Comparison {
    /// The stand-ins left behind of one policy.
    pub(super) fn leftovers_of(&self, policy: &PolicyName) -> &[PolicyName] {
        self.leftovers.get(policy).map_or(&[], Vec::as_slice)
    }

    /// Who holds this policy now and should go on holding it, in order.
    pub(super) fn stayers<'a>(
        &'a self,
        policy: &'a PolicyName,
    ) -> impl Iterator<Item = (&'a Principal, &'a HolderFate)> {
        self.holders.iter().filter(move |(_, fate)| fate.before.as_ref() == Some(policy) && fate.after == fate.before)
    }
}

/// Compares the two, object by object. Problems are not looked for here.
pub(super) fn compare(desired: &Desired, observed: &Observed) -> Comparison {
    let leftovers = leftovers(observed);
    let names: BTreeSet<&PolicyName> = desired
        .policies
        .keys()
        .chain(observed.policies.keys().filter(|name| name.in_transit_for().is_none()))
        .chain(leftovers.keys())
        .collect();
    let policies = names
        .into_iter()
        .map(|name| {
            let left = leftovers.get(name).map_or(&[][..], Vec::as_slice);
            (name.clone(), policy_fate(name, left, desired, observed))
        })
        .collect();
    Comparison { policies, leftovers, holders: holder_fates(desired, observed) }
}

fn leftovers(observed: &Observed) -> BTreeMap<PolicyName, Vec<PolicyName>> {
    let mut leftovers: BTreeMap<PolicyName, Vec<PolicyName>> = BTreeMap::new();
    for name in observed.policies.keys() {
        if let Some(policy) = name.in_transit_for() {
            leftovers.entry(policy).or_default().push(name.clone());
        }
    }
    leftovers
}

fn policy_fate(name: &PolicyName, leftovers: &[PolicyName], desired: &Desired, observed: &Observed) -> PolicyFate {
    let now = observed.policies.get(name);
    match desired.policies.get(name).map(|entry| &entry.intent) {
        Some(PolicyIntent::Present(authored)) => {
            let after = normal(&authored.document);
            match now {
                None if leftovers.is_empty() => PolicyFate::Add(after),
                Some(Body::Known(before)) if *before == after && leftovers.is_empty() => PolicyFate::Keep,
                None | Some(_) => PolicyFate::Replace(after),
            }
        }
        Some(PolicyIntent::Absent) => match (now, leftovers) {
            (None, []) => PolicyFate::Keep,
            (Some(_), _) | (None, [_, ..]) => PolicyFate::Remove,
        },
        None if name.is_predefined() || name.addressable().is_err() => PolicyFate::LeaveAlone,
        None if desired.ownership.covers_policy(name) => PolicyFate::Remove,
        None if leftovers.is_empty() => PolicyFate::LeaveAlone,
        None => heal_undeclared(now, leftovers, observed),
    }
}

/// A replacement was interrupted and the policy has left the files since: bring back the name with the document
/// it has, or had in transit.
fn heal_undeclared(now: Option<&Body>, leftovers: &[PolicyName], observed: &Observed) -> PolicyFate {
    if let Some(body) = now {
        return body.normal().map_or(PolicyFate::Ambiguous, |normal| PolicyFate::Replace(normal.clone()));
    }
    let documents: BTreeSet<_> =
        leftovers.iter().map(|name| observed.policies.get(name).and_then(Body::normal)).collect();
    match documents.first() {
        Some(Some(only)) if documents.len() == 1 => PolicyFate::Replace((*only).clone()),
        Some(_) | None => PolicyFate::Ambiguous,
    }
}

fn holder_fates(desired: &Desired, observed: &Observed) -> BTreeMap<Principal, HolderFate> {
    let fate = |principal: Principal| {
        let physical = observed.held_by(&principal);
        let before = physical.map(PolicyName::meant);
        let declared = desired.entry(&principal).map(|entry| &entry.intent);
        let after = match declared {
            Some(Holding::Holds(policy)) => Some(policy.clone()),
            Some(Holding::Detached | Holding::Retired) => None,
            None if desired.ownership.covers(&principal) => None,
            None => before.clone(),
        };
        let retire_keys = declared == Some(&Holding::Retired);
        let fate = HolderFate { physical: physical.cloned(), before, after, declared: declared.is_some(), retire_keys };
        (principal, fate)
    };
    let matters = |(name, user): &(&UserName, &ObservedUser)| {
        user.can_hold() || user.holds.is_some() || desired.users.contains_key(*name)
    };
    let users = observed.users.iter().filter(matters).map(|(name, _)| Principal::from(name));
    let groups: BTreeSet<_> = desired.groups.keys().chain(observed.groups.keys()).collect();
    users.chain(groups.into_iter().map(Principal::from)).map(fate).collect()
}
