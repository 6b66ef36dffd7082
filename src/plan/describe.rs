//! Describes a plan: its changes with notes and effects, and the objects that are unchanged or unmanaged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{BucketName, CannedPolicy, Capabilities, Finding, PolicyName, Principal};
use crate::desired::Desired;
use crate::observed::{Body, Observed, ObservedUser};
use crate::policy::access::{Access, Basis, Holder};
use crate::policy::{self, Normal, Sameness};

use super::access::{AccessCache, EffectiveDocument};
use super::bucket_target::BucketTarget;
use super::buckets::BucketEffect;
use super::change::{AccessChange, AttachedPrincipal, Change, ChangeId, ChangeKind, Note, ReplaceMethod, Step};
use super::codes;
use super::combined::Combined;
use super::compare::{AttachmentChange, BucketAction, Comparison, PolicyAction};
use super::effects::{Effect, Effects};
use super::order::Ordered;
use super::renames::{Rename, Stage};
use super::{Unchanged, Unmanaged};

/// The changes, policies first, each with the effects that it causes.
pub(super) fn changes(
    desired: &Desired,
    comparison: &Comparison,
    observed: &Observed,
    ordered: &Ordered,
    effects: &Effects,
    cache: &AccessCache<'_>,
) -> Vec<Change> {
    let can = observed.capabilities;
    let same = same_access(comparison, observed, cache);
    let combined = Combined::all(desired);
    let describe = Describe { desired, comparison, observed, ordered, can, same, combined: &combined };
    let policies = comparison.policies.iter().filter_map(|(policy, action)| describe.policy(policy, action));
    let attachments = comparison.affected.iter().filter_map(|(principal, of)| describe.attachment(principal, of));
    let buckets = effects.buckets.iter().map(|(bucket, effect)| describe.bucket(bucket, effect));
    let mut changes: Vec<Change> = policies.chain(attachments).chain(buckets).collect();
    let places: BTreeMap<ChangeId, usize> =
        changes.iter().enumerate().map(|(place, change)| (change.id.clone(), place)).collect();
    for (principal, effect) in &effects.on {
        let Some(access) = &effect.access else { continue };
        let place = caused_by(principal, effect, comparison).find_map(|id| places.get(&id).copied());
        if let Some(change) = place.and_then(|place| changes.get_mut(place)) {
            let loses_all = !access.lost.is_empty() && effect.document_after == EffectiveDocument::None;
            let after = effect.after.as_ref().map(|policy| comparison.counts_as(policy));
            let combined = after.and_then(|policy| combined.get(policy.as_ref()).cloned());
            let (holder, access) = (Holder::Principal(principal.clone()), Arc::clone(access));
            change.access.push(AccessChange { holder, access, loses_all, combined });
        }
    }
    changes
}

/// The note that a new document changes no access, and what that rests on.
type SameAccess = (Note, Vec<Basis>);

/// The replaced policies whose new document changes no access, with the note that says so.
fn same_access<'a>(
    comparison: &'a Comparison,
    observed: &Observed,
    cache: &AccessCache<'_>,
) -> BTreeMap<&'a PolicyName, SameAccess> {
    let mut same = BTreeMap::new();
    for (policy, action) in &comparison.policies {
        let PolicyAction::Replace(after) = action else { continue };
        let before = observed.policies.get(comparison.replaced_by(policy)).and_then(Body::normal);
        let Some(before) = before else { continue };
        match policy::sameness(before.document(), after.document()) {
            // An interrupted replacement is finished.
            Sameness::Same => {}
            Sameness::IdsOnly => _ = same.insert(policy, (Note::OnlyIds, Vec::new())),
            Sameness::Different => {
                let [known, then] = [before, after].map(|side| EffectiveDocument::Known(side.clone()));
                let access = cache.difference(cache.query([&known, &then], None));
                if access.gains_nothing() && access.loses_nothing() {
                    same.insert(policy, (Note::SameAccess, cache.basis(before, after)));
                }
            }
        }
    }
    same
}

/// The changes that can cause an effect: of the attachment, or else of the documents of attached policies.
fn caused_by<'a>(
    principal: &'a Principal,
    effect: &'a Effect,
    comparison: &'a Comparison,
) -> impl Iterator<Item = ChangeId> + 'a {
    let attached = effect.after.iter().chain(&effect.before).flat_map(PolicyName::listed);
    let policies = attached.map(|name| ChangeId::Policy(comparison.counts_as(&name).into_owned()));
    std::iter::once(ChangeId::Principal(principal.clone())).chain(policies)
}

/// The defects of a plan that does not show all it does: a step that belongs to no change, an effect that no change shows, or
/// schedules without an instant. attune makes no such plan, except by a defect of its own.
pub(super) fn not_shown(desired: &Desired, changes: &[Change], steps: &[Step], effects: &Effects) -> Vec<Finding> {
    let shown: BTreeMap<&ChangeId, &Change> = changes.iter().map(|change| (&change.id, change)).collect();
    let of_policies = changes.iter().filter(|change| change.id.bucket().is_none()).flat_map(|change| &change.access);
    let of_access: BTreeMap<&Holder, &Access> = of_policies.map(|of| (&of.holder, of.access.as_ref())).collect();
    let steps = steps.iter().filter(|step| !shown.contains_key(&step.change));
    let steps =
        steps.map(|step| format!("step {} belongs to `{}`, which is not among the changes", step.id, step.change));
    let access = effects.on.iter().filter(|(principal, effect)| {
        effect.access.as_deref() != of_access.get(&Holder::Principal((*principal).clone())).copied()
    });
    let access = access.map(|(principal, _)| format!("the access of {principal} changes, and no change shows how"));
    let keeping: BTreeSet<&Principal> = changes.iter().flat_map(Change::attached).map(|of| &of.principal).collect();
    let attached = effects.on.iter().filter(|(principal, effect)| {
        effect.before != effect.after
            && !shown.contains_key(&ChangeId::Principal((*principal).clone()))
            && !keeping.contains(principal)
    });
    let attached = attached.map(|(principal, _)| format!("{principal} gets another policy, and no change shows it"));
    let timeless = desired.is_timeless().then(|| "nobody said what time it is".to_owned());
    let of_buckets = effects.buckets.iter().filter(|(bucket, effect)| {
        let change = shown.get(&ChangeId::Bucket((*bucket).clone()));
        let access = change.map(|change| change.access.iter().map(|of| (&of.holder, &of.access)));
        !access.is_some_and(|access| access.eq(effect.access.iter().map(|(holder, access)| (holder, access))))
    });
    let of_buckets = of_buckets
        .map(|(bucket, _)| format!("the policy of bucket `{bucket}` changes access, and no change shows how"));
    let access = access.chain(of_buckets);
    let defects = steps.chain(access).chain(attached).chain(effects.defects.iter().cloned()).chain(timeless);
    let finding = |defect: String| {
        Finding::error(codes::NOT_SHOWN, format!("internal error: {defect}; no plan is made"))
            .help("this is a defect of attune: please report it, with the configuration and the plan as JSON")
    };
    defects.map(finding).collect()
}

pub(super) fn unchanged(comparison: &Comparison, desired: &Desired) -> Unchanged {
    let is_kept = |policy: &&PolicyName| comparison.policies.get(*policy) == Some(&PolicyAction::Keep);
    Unchanged {
        policies: desired.policies.keys().filter(is_kept).count(),
        users: comparison.unchanged_users,
        groups: comparison.unchanged_groups,
        buckets: comparison.buckets.values().filter(|action| **action == BucketAction::Keep).count(),
    }
}

/// The objects that are neither declared nor owned.
pub(super) fn unmanaged(comparison: &Comparison, desired: &Desired) -> Unmanaged {
    let (predefined, policies) = comparison
        .policies
        .iter()
        .filter(|(policy, action)| **action == PolicyAction::Unmanaged && !desired.policies.contains_key(*policy))
        .map(|(policy, _)| policy.clone())
        .partition(PolicyName::is_predefined);
    let principals = || comparison.unmanaged.iter();
    Unmanaged {
        policies,
        predefined,
        users: principals().filter_map(Principal::user).cloned().collect(),
        groups: principals().filter_map(Principal::group).cloned().collect(),
    }
}

/// The policy of a bucket that lets nobody in without a login.
const NOTHING: BucketTarget = BucketTarget::Canned(CannedPolicy::None);

struct Describe<'a> {
    desired: &'a Desired,
    comparison: &'a Comparison,
    observed: &'a Observed,
    ordered: &'a Ordered,
    can: Capabilities,
    same: BTreeMap<&'a PolicyName, SameAccess>,
    combined: &'a BTreeMap<&'a PolicyName, Arc<Combined>>,
}

impl Describe<'_> {
    fn policy(&self, policy: &PolicyName, action: &PolicyAction) -> Option<Change> {
        let (kind, notes) = match action {
            PolicyAction::Add(after) => {
                let attached = self.keeping(policy);
                (ChangeKind::AddPolicy { policy: policy.clone(), after: after.clone(), attached }, Vec::new())
            }
            PolicyAction::Replace(after) => self.replace(policy, after),
            PolicyAction::Remove => {
                let kind = ChangeKind::RemovePolicy {
                    policy: policy.clone(),
                    before: self.observed.policies.get(policy).cloned(),
                    leftovers: self.comparison.leftovers_of(policy).to_vec(),
                };
                (kind, if self.maps_name(policy) { vec![Note::NameGone] } else { Vec::new() })
            }
            PolicyAction::Keep | PolicyAction::Unmanaged => return None,
        };
        let basis = self.same.get(policy).map(|(_, basis)| basis.clone()).unwrap_or_default();
        let is_new = matches!(kind, ChangeKind::AddPolicy { .. } | ChangeKind::ReplacePolicy { .. });
        let combined = self.combined.get(policy).filter(|_| is_new).cloned();
        Some(Change { basis, combined, ..Change::new(ChangeId::Policy(policy.clone()), kind, notes) })
    }

    fn bucket(&self, bucket: &BucketName, effect: &BucketEffect) -> Change {
        let loses_all = |access: &Access| !access.lost.is_empty() && effect.after == NOTHING;
        let access = effect.access.iter().map(|(holder, access)| AccessChange {
            holder: holder.clone(),
            access: Arc::clone(access),
            loses_all: *holder == Holder::Anonymous && loses_all(access),
            combined: None,
        });
        let BucketEffect { before, after, given, .. } = effect.clone();
        let kind = ChangeKind::SetBucketPolicy { bucket: bucket.clone(), before, after, given };
        Change { access: access.collect(), ..Change::new(ChangeId::Bucket(bucket.clone()), kind, Vec::new()) }
    }

    /// Whether an identity provider may give a policy by its name: the configuration says so, or the cluster does not say that
    /// there is no provider.
    fn maps_name(&self, policy: &PolicyName) -> bool {
        let may_map = self.can.identity_provider && self.observed.identity_provider != Some(false);
        may_map || self.desired.guards.roles.contains(policy)
    }

    fn keeping(&self, policy: &PolicyName) -> Vec<AttachedPrincipal> {
        let attached = |(principal, change): (&Principal, &AttachmentChange)| AttachedPrincipal {
            principal: principal.clone(),
            // A declared one that the plan leaves out is not unmanaged.
            undeclared: !change.declared && self.desired.entry(principal).is_none(),
        };
        self.comparison.keeping(policy).map(attached).collect()
    }

    fn replace(&self, policy: &PolicyName, after: &Normal) -> (ChangeKind, Vec<Note>) {
        let method = self.ordered.methods.get(policy).cloned().unwrap_or(ReplaceMethod::Finish);
        let leftovers = self.comparison.leftovers_of(policy).to_vec();
        let mut notes: Vec<Note> = self.same.get(policy).map(|(note, _)| *note).into_iter().collect();
        if !leftovers.is_empty() {
            notes.push(Note::Resumed);
        }
        if self.ordered.fallbacks.contains(&ChangeId::Policy(policy.clone())) {
            notes.push(Note::NoRoom);
        }
        let (policy, after, attached) = (policy.clone(), after.clone(), self.keeping(policy));
        if let Some(Rename { old, stage, .. }) = self.comparison.renames.get(&policy) {
            if *stage == Stage::Open && self.maps_name(old) {
                notes.push(Note::OldNameGone);
            }
            let before = self.observed.policies.get(old).filter(|_| *stage == Stage::Open).cloned();
            let old = old.clone();
            return (ChangeKind::RenamePolicy { policy, old, before, after, attached, method, leftovers }, notes);
        }
        if method != ReplaceMethod::Finish && self.maps_name(&policy) {
            notes.push(Note::NameAbsent);
        }
        let before = self.observed.policies.get(&policy).cloned();
        (ChangeKind::ReplacePolicy { policy, before, after, attached, method, leftovers }, notes)
    }

    fn attachment(&self, principal: &Principal, of: &AttachmentChange) -> Option<Change> {
        let owned = principal.clone();
        let (kind, note) = match (of.before.clone(), of.after.clone()) {
            (before, after) if before == after => return None,
            (None, None) => return None,
            (None, Some(after)) => (ChangeKind::Attach { principal: owned, after }, Some(Note::KeysMayBeCreated)),
            (Some(before), Some(after)) => (ChangeKind::Move { principal: owned, before, after }, None),
            (Some(before), None) => {
                let note = if of.revoke_keys { Note::KeysRevoked } else { Note::KeysStay };
                (ChangeKind::Detach { principal: owned, before }, Some(note))
            }
        };
        let mut notes: Vec<Note> =
            note.filter(|_| principal.user().is_some() && self.can.key_pairs).into_iter().collect();
        let found = principal.user().and_then(|user| self.observed.users.get(user));
        if found.is_some_and(ObservedUser::is_imported) {
            notes.push(Note::Imported);
        }
        if self.ordered.fallbacks.contains(&ChangeId::Principal(principal.clone())) {
            notes.push(Note::NoRoomToMove);
        }
        let term = self.desired.term(principal);
        Some(Change { term, ..Change::new(ChangeId::Principal(principal.clone()), kind, notes) })
    }
}
