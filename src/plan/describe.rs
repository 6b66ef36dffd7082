//! The changes of a plan, with their notes and with what its steps do to everyone's access; what is unchanged; what is unmanaged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{Capabilities, Finding, PolicyName, Principal};
use crate::desired::{Desired, PolicyEntry};
use crate::observed::{Observed, ObservedUser};
use crate::policy::Normal;
use crate::policy::access::Access;

use super::access::AccessChange;
use super::change::{Change, ChangeId, ChangeKind, Holder, Note, ReplaceMethod};
use super::codes;
use super::compare::{Comparison, PolicyAction};
use super::effects::{Effect, Effects};
use super::holders::AttachmentChange;
use super::merged::merged;
use super::order::Ordered;
use super::step::Step;
use super::{Unchanged, Unmanaged};

/// The changes, policies first, each with the effects that it explains.
pub(super) fn changes(
    comparison: &Comparison,
    observed: &Observed,
    ordered: &Ordered,
    effects: &Effects,
) -> Vec<Change> {
    let describe = Describe { comparison, observed, ordered };
    let policies = comparison.policies.iter().filter_map(|(policy, fate)| describe.policy(policy, fate));
    let holders = comparison.affected().filter_map(|(principal, fate)| describe.holder(principal, fate));
    let mut changes: Vec<Change> = policies.chain(holders).collect();
    let places: BTreeMap<ChangeId, usize> =
        changes.iter().enumerate().map(|(place, change)| (change.id.clone(), place)).collect();
    for (principal, effect) in &effects.on {
        let Some(access) = &effect.access else { continue };
        let place = explained_by(principal, effect, comparison).find_map(|id| places.get(&id).copied());
        if let Some(change) = place.and_then(|place| changes.get_mut(place)) {
            change.access.push(AccessChange { principal: principal.clone(), access: Arc::clone(access) });
        }
    }
    changes
}

/// The changes that can be why somebody's access becomes another: what is attached to it, or else the documents of what is.
fn explained_by<'a>(
    principal: &'a Principal,
    effect: &'a Effect,
    comparison: &'a Comparison,
) -> impl Iterator<Item = ChangeId> + 'a {
    let attached = effect.after.iter().chain(&effect.before).flat_map(PolicyName::listed);
    let policies = attached.map(|name| ChangeId::Policy(comparison.counts_as(&name).into_owned()));
    std::iter::once(ChangeId::Holder(principal.clone())).chain(policies)
}

/// What is wrong with a plan that does not show all it does: a step that belongs to no change, or an effect on someone that
/// no change shows. No plan that attune makes has any; one that had would be a defect.
pub(super) fn not_shown(changes: &[Change], steps: &[Step], effects: &Effects) -> Vec<Finding> {
    let shown: BTreeMap<&ChangeId, &Change> = changes.iter().map(|change| (&change.id, change)).collect();
    let of_access: BTreeMap<&Principal, &Access> =
        changes.iter().flat_map(|change| &change.access).map(|of| (&of.principal, of.access.as_ref())).collect();
    let steps = steps.iter().filter(|step| !shown.contains_key(&step.change));
    let steps =
        steps.map(|step| format!("step {} belongs to `{}`, which is not among the changes", step.id, step.change));
    let access =
        effects.on.iter().filter(|(principal, effect)| effect.access.as_deref() != of_access.get(*principal).copied());
    let access = access.map(|(principal, _)| format!("the access of {principal} changes, and no change shows how"));
    let holders: BTreeSet<&Principal> =
        changes.iter().flat_map(Change::holders).map(|holder| &holder.principal).collect();
    let attached = effects.on.iter().filter(|(principal, effect)| {
        effect.before != effect.after
            && !shown.contains_key(&ChangeId::Holder((*principal).clone()))
            && !holders.contains(principal)
    });
    let attached = attached.map(|(principal, _)| format!("{principal} gets another policy, and no change shows it"));
    let defects = steps.chain(access).chain(attached).chain(effects.defects.iter().cloned());
    let finding = |defect: String| {
        Finding::error(codes::NOT_SHOWN, format!("internal error: {defect}; no plan is made"))
            .help("this is a defect of attune: please report it, with the configuration and the plan as JSON")
    };
    defects.map(finding).collect()
}

/// What is declared and already so.
pub(super) fn unchanged(comparison: &Comparison, desired: &Desired) -> Unchanged {
    let kept = |(_, declared, fate): &(&PolicyName, Option<&PolicyEntry>, Option<&PolicyAction>)| {
        declared.is_some() && *fate == Some(&PolicyAction::Keep)
    };
    Unchanged {
        policies: merged(&desired.policies, &comparison.policies).filter(kept).count(),
        users: comparison.holders.kept_users,
        groups: comparison.holders.kept_groups,
    }
}

/// What no file names and nobody owns.
pub(super) fn unmanaged(comparison: &Comparison, desired: &Desired) -> Unmanaged {
    let (predefined, policies) = comparison
        .policies
        .iter()
        .filter(|(policy, fate)| **fate == PolicyAction::LeaveAlone && !desired.policies.contains_key(*policy))
        .map(|(policy, _)| policy.clone())
        .partition(PolicyName::is_predefined);
    let alone = || comparison.holders.alone.iter();
    Unmanaged {
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
}

impl Describe<'_> {
    fn policy(&self, policy: &PolicyName, fate: &PolicyAction) -> Option<Change> {
        let (kind, notes) = match fate {
            PolicyAction::Add(after) => {
                let holders = self.stayers(policy);
                (ChangeKind::AddPolicy { policy: policy.clone(), after: after.clone(), holders }, Vec::new())
            }
            PolicyAction::Replace(after) => self.replace(policy, after),
            PolicyAction::Remove => {
                let kind = ChangeKind::RemovePolicy {
                    policy: policy.clone(),
                    before: self.observed.policies.get(policy).cloned(),
                    leftovers: self.comparison.leftovers_of(policy).to_vec(),
                };
                (kind, if self.maps_names() { vec![Note::NameGone] } else { Vec::new() })
            }
            PolicyAction::Keep | PolicyAction::LeaveAlone => return None,
        };
        Some(Change { id: ChangeId::Policy(policy.clone()), kind, notes, access: Vec::new() })
    }

    /// Who has the policy before and after.
    fn stayers(&self, policy: &PolicyName) -> Vec<Holder> {
        let holder = |(principal, fate): (&Principal, &AttachmentChange)| Holder {
            principal: principal.clone(),
            undeclared: !fate.declared,
        };
        self.comparison.stayers(policy).map(holder).collect()
    }

    fn replace(&self, policy: &PolicyName, after: &Normal) -> (ChangeKind, Vec<Note>) {
        let method = self.ordered.methods.get(policy).cloned().unwrap_or(ReplaceMethod::Finish);
        let leftovers = self.comparison.leftovers_of(policy).to_vec();
        let mut notes = Vec::new();
        if !leftovers.is_empty() {
            notes.push(Note::Resumed);
        }
        if self.ordered.concessions.policies.contains(policy) {
            notes.push(Note::NoRoom);
        }
        if method != ReplaceMethod::Finish && self.maps_names() {
            notes.push(Note::NameAbsent);
        }
        let kind = ChangeKind::ReplacePolicy {
            policy: policy.clone(),
            before: self.observed.policies.get(policy).cloned(),
            after: after.clone(),
            holders: self.stayers(policy),
            method,
            leftovers,
        };
        (kind, notes)
    }

    fn holder(&self, principal: &Principal, fate: &AttachmentChange) -> Option<Change> {
        let owned = principal.clone();
        let (kind, note) = match (fate.before.clone(), fate.after.clone()) {
            (before, after) if before == after => return None,
            (None, None) => return None,
            (None, Some(after)) => (ChangeKind::Attach { principal: owned, after }, Some(Note::KeysMayBeCreated)),
            (Some(before), Some(after)) => (ChangeKind::Move { principal: owned, before, after }, None),
            (Some(before), None) => {
                let note = if fate.revoke_keys { Note::KeysRevoked } else { Note::KeysKept };
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
        Some(Change { id: ChangeId::Holder(principal.clone()), kind, notes, access: Vec::new() })
    }

    /// Whether it may have a key pair: only a user can have one.
    fn has_key_pair(&self, principal: &Principal) -> bool {
        principal.user().is_some() && Capabilities::of(&self.observed.identity.release).key_pairs
    }

    /// Whether the cluster maps policies to federated identities by name.
    fn maps_names(&self) -> bool {
        Capabilities::of(&self.observed.identity.release).federated_identities
    }
}
