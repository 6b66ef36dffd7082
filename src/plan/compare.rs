//! Compares what should be with what is: per policy, then per user.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{PolicyName, Principal, map};
use crate::desired::{Desired, PolicyEntry, PolicyIntent};
use crate::observed::{Body, Observed};
use crate::policy::Normal;

use super::holders::{HolderFate, Holders};
use super::merged::merged;

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

/// The whole comparison, by object.
#[derive(Debug, Clone, Default)]
pub(super) struct Comparison {
    /// Every policy name that is declared, present, or stood in for.
    pub(super) policies: BTreeMap<PolicyName, PolicyFate>,
    /// The stand-ins left behind, by the policy they stand in for.
    pub(super) leftovers: BTreeMap<PolicyName, Vec<PolicyName>>,
    /// The users and groups.
    pub(super) holders: Holders,
    /// Who holds a policy that is replaced, by that policy.
    of_replaced: BTreeMap<PolicyName, Vec<Principal>>,
}

impl Comparison {
    /// The stand-ins left behind of one policy.
    pub(super) fn leftovers_of(&self, policy: &PolicyName) -> &[PolicyName] {
        self.leftovers.get(policy).map_or(&[], Vec::as_slice)
    }

    /// Whoever is affected, in order.
    pub(super) fn affected(&self) -> impl Iterator<Item = (&Principal, &HolderFate)> {
        self.holders.affected.iter()
    }

    /// Who holds this policy now, in order. Told of policies that are replaced only.
    pub(super) fn holders_of_replaced(&self, policy: &PolicyName) -> impl Iterator<Item = (&Principal, &HolderFate)> {
        let principals = self.of_replaced.get(policy).into_iter().flatten();
        principals.filter_map(|principal| self.holders.affected.get_key_value(principal))
    }

    /// Who holds this policy, which is replaced, now and should go on holding it, in order.
    pub(super) fn stayers(&self, policy: &PolicyName) -> impl Iterator<Item = (&Principal, &HolderFate)> {
        self.holders_of_replaced(policy).filter(|(_, fate)| fate.after == fate.before)
    }
}

/// Compares the two, object by object. Problems are not looked for here.
pub(super) fn compare(desired: &Desired, observed: &Observed) -> Comparison {
    let leftovers = leftovers(observed);
    let policies = policy_fates(desired, observed, &leftovers);
    let holders = Holders::new(desired, observed, &policies, &leftovers);
    let mut of_replaced: BTreeMap<PolicyName, Vec<Principal>> = BTreeMap::new();
    // Who holds what is replaced is affected, whether it goes on holding it or not.
    for (principal, fate) in &holders.affected {
        if let Some(before) = &fate.before
            && policies.get(before).is_some_and(PolicyFate::is_replaced)
        {
            of_replaced.entry(before.clone()).or_default().push(principal.clone());
        }
    }
    Comparison { policies, leftovers, holders, of_replaced }
}

fn policy_fates(
    desired: &Desired,
    observed: &Observed,
    leftovers: &BTreeMap<PolicyName, Vec<PolicyName>>,
) -> BTreeMap<PolicyName, PolicyFate> {
    let there = merged(&desired.policies, &observed.policies)
        .filter(|(name, declared, _)| declared.is_some() || name.in_transit_for().is_none());
    let fate = |(name, declared, now): (&PolicyName, Option<&PolicyEntry>, Option<&Body>)| {
        let left = leftovers.get(name).map_or(&[][..], Vec::as_slice);
        (name.clone(), policy_fate(name, left, declared, now, (desired, observed)))
    };
    let mut policies: BTreeMap<PolicyName, PolicyFate> = map(there.collect(), fate).into_iter().collect();
    let others: Vec<_> = leftovers.keys().filter(|name| !policies.contains_key(*name)).collect();
    policies.extend(others.into_iter().map(|name| fate((name, None, observed.policies.get(name)))));
    policies
}

impl PolicyFate {
    /// Whether it gets another document.
    pub(super) fn is_replaced(&self) -> bool {
        matches!(self, Self::Replace(_))
    }

    /// Whether the policy becomes another, comes or goes.
    pub(super) fn is_unsettled(&self) -> bool {
        match self {
            Self::Add(_) | Self::Replace(_) | Self::Remove => true,
            Self::Keep | Self::LeaveAlone | Self::Ambiguous => false,
        }
    }
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

fn policy_fate(
    name: &PolicyName,
    leftovers: &[PolicyName],
    declared: Option<&PolicyEntry>,
    now: Option<&Body>,
    (desired, observed): (&Desired, &Observed),
) -> PolicyFate {
    match declared.map(|entry| &entry.intent) {
        Some(PolicyIntent::Present(authored)) => {
            let after = authored.normal().clone();
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
