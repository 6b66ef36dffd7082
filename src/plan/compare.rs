//! Compares what should be with what is: per policy, then per user.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::base::{PolicyName, Principal, map};
use crate::desired::{Desired, PolicyEntry, PolicyIntent};
use crate::observed::{Body, Observed};
use crate::policy::Normal;

use super::holders::{AttachmentChange, Holders};
use super::merged::merged;

/// What should become of a policy name, seen from both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PolicyAction {
    /// It stays as it is.
    Keep,
    /// It is not there and gets this document.
    Add(Normal),
    /// It gets another document, or is brought back whole after an interrupted replacement.
    Replace(Normal),
    /// It goes.
    Remove,
    /// It is unmanaged: no configuration declares it and `[ownership]` does not cover it.
    LeaveAlone,
}

/// The whole comparison, by object.
#[derive(Debug, Clone, Default)]
pub(super) struct Comparison {
    /// Every policy name that is declared or present, but for the temporary policies among `leftovers`.
    pub(super) policies: BTreeMap<PolicyName, PolicyAction>,
    /// The temporary policies that an interrupted run left behind, by the policy that this plan replaces or removes. One of any
    /// other policy is a policy like all others.
    pub(super) leftovers: BTreeMap<PolicyName, Vec<PolicyName>>,
    /// The users and groups.
    pub(super) holders: Holders,
    /// Who has a policy that is added or replaced, by that policy.
    of_unsettled: BTreeMap<PolicyName, Vec<Principal>>,
}

impl Comparison {
    /// The temporary policies of one policy that an interrupted run left behind.
    pub(super) fn leftovers_of(&self, policy: &PolicyName) -> &[PolicyName] {
        self.leftovers.get(policy).map_or(&[], Vec::as_slice)
    }

    /// Whoever is affected, in order.
    pub(super) fn affected(&self) -> impl Iterator<Item = (&Principal, &AttachmentChange)> {
        self.holders.affected.iter()
    }

    /// The policy that a name counts as: a temporary policy that an interrupted run left behind counts as its policy.
    pub(super) fn counts_as<'a>(&'a self, name: &'a PolicyName) -> Cow<'a, PolicyName> {
        let policy = name.temporary_for().filter(|policy| self.leftovers_of(policy).contains(name));
        policy.map_or(Cow::Borrowed(name), Cow::Owned)
    }

    /// Who has this policy, which is added or replaced, now, in order.
    pub(super) fn holders_of(&self, policy: &PolicyName) -> impl Iterator<Item = (&Principal, &AttachmentChange)> {
        let principals = self.of_unsettled.get(policy).into_iter().flatten();
        principals.filter_map(|principal| self.holders.affected.get_key_value(principal))
    }

    /// Who has this policy, which is added or replaced, now and should keep it, in order.
    pub(super) fn stayers(&self, policy: &PolicyName) -> impl Iterator<Item = (&Principal, &AttachmentChange)> {
        self.holders_of(policy).filter(|(_, fate)| fate.after == fate.before)
    }
}

/// Compares the two, object by object. Problems are not looked for here.
pub(super) fn compare(desired: &Desired, observed: &Observed) -> Comparison {
    let leftovers = leftovers(desired, observed);
    let policies = policy_fates(desired, observed, &leftovers);
    let holders = Holders::new(desired, observed, &policies, &leftovers);
    let mut of_unsettled: BTreeMap<PolicyName, Vec<Principal>> = BTreeMap::new();
    // Who has what is added or replaced is affected, whether it keeps it or not.
    for (principal, fate) in &holders.affected {
        for before in fate.before.iter().flat_map(PolicyName::listed) {
            if policies.get(&before).is_some_and(PolicyAction::has_document) {
                of_unsettled.entry(before).or_default().push(principal.clone());
            }
        }
    }
    Comparison { policies, leftovers, holders, of_unsettled }
}

fn policy_fates(
    desired: &Desired,
    observed: &Observed,
    leftovers: &BTreeMap<PolicyName, Vec<PolicyName>>,
) -> BTreeMap<PolicyName, PolicyAction> {
    let temporary: BTreeSet<&PolicyName> = leftovers.values().flatten().collect();
    let there = merged(&desired.policies, &observed.policies)
        .filter(|(name, declared, _)| declared.is_some() || !temporary.contains(name));
    let fate = |(name, declared, now): (&PolicyName, Option<&PolicyEntry>, Option<&Body>)| {
        let left = leftovers.get(name).map_or(&[][..], Vec::as_slice);
        (name.clone(), policy_fate(name, left, declared, now, desired))
    };
    let mut policies: BTreeMap<PolicyName, PolicyAction> = map(there.collect(), fate).into_iter().collect();
    let others: Vec<_> = leftovers.keys().filter(|name| !policies.contains_key(*name)).collect();
    policies.extend(others.into_iter().map(|name| fate((name, None, observed.policies.get(name)))));
    policies
}

impl PolicyAction {
    /// Whether it gets a document.
    pub(super) fn has_document(&self) -> bool {
        self.document().is_some()
    }

    /// The document that it gets.
    pub(super) fn document(&self) -> Option<&Normal> {
        match self {
            Self::Add(document) | Self::Replace(document) => Some(document),
            Self::Keep | Self::Remove | Self::LeaveAlone => None,
        }
    }

    /// Whether the policy becomes another, comes or goes.
    pub(super) fn is_unsettled(&self) -> bool {
        match self {
            Self::Add(_) | Self::Replace(_) | Self::Remove => true,
            Self::Keep | Self::LeaveAlone => false,
        }
    }
}

/// The temporary policies that an interrupted run left behind, of policies that this plan replaces or removes: declared ones,
/// and owned ones that are declared no longer. All others stay as they are: another configuration may be replacing that policy
/// just now.
fn leftovers(desired: &Desired, observed: &Observed) -> BTreeMap<PolicyName, Vec<PolicyName>> {
    let mut leftovers: BTreeMap<PolicyName, Vec<PolicyName>> = BTreeMap::new();
    for name in observed.policies.keys() {
        let policy = name.temporary_for();
        let ours =
            |policy: &PolicyName| desired.policies.contains_key(policy) || desired.ownership.covers_policy(policy);
        if let Some(policy) = policy.filter(ours) {
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
    desired: &Desired,
) -> PolicyAction {
    match declared.map(|entry| &entry.intent) {
        Some(PolicyIntent::Present(authored)) => {
            let after = authored.normal().clone();
            match now {
                None if leftovers.is_empty() => PolicyAction::Add(after),
                Some(Body::Known(before)) if *before == after && leftovers.is_empty() => PolicyAction::Keep,
                None | Some(_) => PolicyAction::Replace(after),
            }
        }
        Some(PolicyIntent::Absent) => match (now, leftovers) {
            (None, []) => PolicyAction::Keep,
            (Some(_), _) | (None, [_, ..]) => PolicyAction::Remove,
        },
        None if name.is_predefined() || name.addressable().is_err() => PolicyAction::LeaveAlone,
        None if desired.ownership.covers_policy(name) => PolicyAction::Remove,
        None => PolicyAction::LeaveAlone,
    }
}
