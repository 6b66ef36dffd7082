//! Puts the comparison into the words of a plan: changes with their notes, what is unchanged, what is left alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{PolicyName, Principal};
use crate::desired::{Desired, PolicyEntry};
use crate::observed::{Observed, ObservedUser};
use crate::policy::Normal;
use crate::policy::access::Access;

use super::access::HolderAccess;
use super::change::{Change, ChangeId, ChangeKind, Holder, Note, Way};
use super::compare::{Comparison, PolicyFate};
use super::holders::HolderFate;
use super::merged::merged;
use super::order::Ordered;
use super::{LeftAlone, Unchanged};

/// The changes, policies first.
pub(super) fn changes(
    comparison: &Comparison,
    observed: &Observed,
    ordered: &Ordered,
    accesses: &BTreeMap<Principal, Arc<Access>>,
) -> Vec<Change> {
    let describe = Describe { comparison, observed, ordered, accesses };
    let policies = comparison.policies.iter().filter_map(|(policy, fate)| describe.policy(policy, fate));
    let holders = comparison.affected().filter_map(|(principal, fate)| describe.holder(principal, fate));
    policies.chain(holders).collect()
}

/// What is declared and already so.
pub(super) fn unchanged(comparison: &Comparison, desired: &Desired) -> Unchanged {
    let kept = |(_, declared, fate): &(&PolicyName, Option<&PolicyEntry>, Option<&PolicyFate>)| {
        declared.is_some() && *fate == Some(&PolicyFate::Keep)
    };
    Unchanged {
        policies: merged(&desired.policies, &comparison.policies).filter(kept).count(),
        users: comparison.holders.kept_users,
        groups: comparison.holders.kept_groups,
    }
}

/// What no file names and nobody owns.
pub(super) fn left_alone(comparison: &Comparison, desired: &Desired) -> LeftAlone {
    let (predefined, policies) = comparison
        .policies
        .iter()
        .filter(|(policy, fate)| **fate == PolicyFate::LeaveAlone && !desired.policies.contains_key(*policy))
        .map(|(policy, _)| policy.clone())
        .partition(PolicyName::is_predefined);
    let alone = || comparison.holders.alone.iter();
    LeftAlone {
        policies,
        predefined,
        users: alone().filter_map(Principal::user).cloned().collect(),
        groups: alone().filter_map(Principal::group).cloned().collect(),
    }
}

struct Describe<'a> {
    comparison: &'a Comparison,
    observed: &'a Observed,
    ordered: &'a Ordered,
    accesses: &'a BTreeMap<Principal, Arc<Access>>,
}

impl Describe<'_> {
    fn policy(&self, policy: &PolicyName, fate: &PolicyFate) -> Option<Change> {
        let (kind, notes) = match fate {
            PolicyFate::Add(after) => {
                (ChangeKind::AddPolicy { policy: policy.clone(), after: after.clone() }, Vec::new())
            }
            PolicyFate::Replace(after) => self.replace(policy, after),
            PolicyFate::Remove => {
                let kind = ChangeKind::RemovePolicy {
                    policy: policy.clone(),
                    before: self.observed.policies.get(policy).cloned(),
                    leftovers: self.comparison.leftovers_of(policy).to_vec(),
                };
                (kind, if self.maps_names() { vec![Note::NameGone] } else { Vec::new() })
            }
            PolicyFate::Keep | PolicyFate::LeaveAlone | PolicyFate::Ambiguous => return None,
        };
        // Nobody stays with a policy that is not replaced, as far as this change goes.
        let access = self.access(self.comparison.stayers(policy).map(|(principal, _)| principal));
        Some(Change { id: ChangeId::Policy(policy.clone()), kind, notes, access })
    }

    fn replace(&self, policy: &PolicyName, after: &Normal) -> (ChangeKind, Vec<Note>) {
        let way = self.ordered.ways.get(policy).cloned().unwrap_or(Way::Finish);
        let holder = |(principal, fate): (&Principal, &HolderFate)| Holder {
            principal: principal.clone(),
            undeclared: !fate.declared,
        };
        let leftovers = self.comparison.leftovers_of(policy).to_vec();
        let mut notes = Vec::new();
        if !leftovers.is_empty() {
            notes.push(Note::Heals);
        }
        if self.ordered.concessions.policies.contains(policy) {
            notes.push(Note::NoRoom);
        }
        if way != Way::Finish && self.maps_names() {
            notes.push(Note::NameAbsent);
        }
        let kind = ChangeKind::ReplacePolicy {
            policy: policy.clone(),
            before: self.observed.policies.get(policy).cloned(),
            after: after.clone(),
            holders: self.comparison.stayers(policy).map(holder).collect(),
            way,
            leftovers,
        };
        (kind, notes)
    }

    fn holder(&self, principal: &Principal, fate: &HolderFate) -> Option<Change> {
        let owned = principal.clone();
        let (kind, note) = match (fate.before.clone(), fate.after.clone()) {
            (before, after) if before == after => return None,
            (None, None) => return None,
            (None, Some(after)) => (ChangeKind::Attach { principal: owned, after }, Some(Note::KeysMayAppear)),
            (Some(before), Some(after)) => (ChangeKind::Move { principal: owned, before, after }, None),
            (Some(before), None) => {
                let note = if fate.retire_keys { Note::KeysRetired } else { Note::KeysStay };
                (ChangeKind::Detach { principal: owned, before }, Some(note))
            }
        };
        let mut notes: Vec<Note> = note.filter(|_| self.has_key_pair(principal)).into_iter().collect();
        let found = principal.user().and_then(|user| self.observed.users.get(user));
        if found.is_some_and(ObservedUser::is_imported) {
            notes.push(Note::Imported);
        }
        if self.ordered.concessions.holders.contains(principal) {
            notes.push(Note::NoRoomToMove);
        }
        let access = self.access(std::iter::once(principal));
        Some(Change { id: ChangeId::Holder(principal.clone()), kind, notes, access })
    }

    fn access<'p>(&self, holders: impl Iterator<Item = &'p Principal>) -> Vec<HolderAccess> {
        let of = |principal: &Principal| {
            let access = Arc::clone(self.accesses.get(principal)?);
            Some(HolderAccess { principal: principal.clone(), access })
        };
        holders.filter_map(of).collect()
    }

    /// Whether it may have a key pair: users do, since 5.1 apart from the account password (vendor documentation).
    fn has_key_pair(&self, principal: &Principal) -> bool {
        principal.user().is_some() && self.observed.identity.release.at_least(5, 1)
    }

    /// Policies are mapped to federated identities by name since 6.0 (vendor documentation).
    fn maps_names(&self) -> bool {
        self.observed.identity.release.at_least(6, 0)
    }
}
