//! What differs between a cluster and a file, told apart by a third state in between: properties over random worlds.

use proptest::prelude::*;

use super::properties::scenes;
use super::world::run;
use crate::base::{PolicyName, Principal};
use crate::desired::{DeclaredAttachment, Desired, PolicyIntent};
use crate::observed::Observed;
use crate::plan::{Change, ChangeId, ChangeKind, after, plan};
use crate::policy::{Normal, normal};

fn same(one: &Observed, other: &Observed) -> bool {
    one.policies == other.policies && one.users == other.users && one.groups == other.groups
}

/// The document that a state declares for a policy; `None` within when it is to be absent.
fn document(desired: &Desired, policy: &PolicyName) -> Option<Option<Normal>> {
    desired.policies.get(policy).map(|entry| match &entry.intent {
        PolicyIntent::Present(authored) => Some(normal(authored.document())),
        PolicyIntent::Absent => None,
    })
}

/// The policy that a state declares for a user or group; `None` within when it is to hold none.
fn held(desired: &Desired, principal: &Principal) -> Option<Option<PolicyName>> {
    desired.entry(principal).map(|entry| match &entry.intent {
        DeclaredAttachment::Has(policy) => Some(policy.clone()),
        DeclaredAttachment::Detached | DeclaredAttachment::Revoked => None,
    })
}

/// The two sides of a change of what somebody holds.
fn sides(change: &Change) -> Option<(Option<PolicyName>, Option<PolicyName>)> {
    match change.kind.clone() {
        ChangeKind::Attach { after, .. } => Some((None, Some(after))),
        ChangeKind::Move { before, after, .. } => Some((Some(before), Some(after))),
        ChangeKind::Detach { before, .. } => Some((Some(before), None)),
        ChangeKind::AddPolicy { .. } | ChangeKind::ReplacePolicy { .. } | ChangeKind::RemovePolicy { .. } => None,
    }
}

/// The two sides of a change of a policy.
fn documents(change: &Change) -> Option<(Option<Normal>, Option<Normal>)> {
    match change.kind.clone() {
        ChangeKind::AddPolicy { after, .. } => Some((None, Some(after))),
        ChangeKind::ReplacePolicy { before, after, .. } => {
            Some((before.and_then(|body| body.normal().cloned()), Some(after)))
        }
        ChangeKind::RemovePolicy { before, .. } => Some((before.and_then(|body| body.normal().cloned()), None)),
        ChangeKind::Attach { .. } | ChangeKind::Move { .. } | ChangeKind::Detach { .. } => None,
    }
}

/// Whether `proposed` is exactly what `file` says otherwise than `base`; `between` is the cluster as `base` says.
fn exact(base: &Desired, file: &Desired, between: &Observed, proposed: &[Change]) -> Result<(), String> {
    let found = |id: ChangeId| proposed.iter().find(|change| change.id == id);
    let names = base.policies.keys().chain(file.policies.keys()).chain(between.policies.keys());
    // Of a policy that is replaced just now, or was, there is more than one document.
    let temporary =
        |policy: &PolicyName| between.policies.keys().any(|name| name.temporary_for().as_ref() == Some(policy));
    for policy in names.filter(|policy| policy.temporary_for().is_none() && !temporary(policy)) {
        let there = between.policies.get(policy).and_then(|body| body.normal().cloned());
        let before = document(base, policy).unwrap_or_else(|| there.clone());
        let owned = file.ownership.covers_policy(policy) && !policy.is_predefined();
        let after = document(file, policy).unwrap_or(if owned { None } else { there });
        let change = found(ChangeId::Policy(policy.clone())).and_then(documents);
        let expected = (before != after).then_some((before, after));
        if change != expected {
            return Err(format!("policy {policy}: {change:?}, not {expected:?}"));
        }
    }
    let users = between.users.keys().map(Principal::from);
    for principal in users.chain(between.groups.keys().chain(file.groups.keys()).map(Principal::from)) {
        let there = between.held_by(&principal).cloned();
        if there.as_ref().is_some_and(|policy| policy.temporary_for().is_some()) {
            continue;
        }
        let before = held(base, &principal).unwrap_or_else(|| there.clone());
        let after = held(file, &principal).unwrap_or(if file.ownership.covers(&principal) { None } else { there });
        let change = found(ChangeId::Holder(principal.clone())).and_then(sides);
        let expected = (before != after).then_some((before, after));
        if change != expected {
            return Err(format!("{principal}: {change:?}, not {expected:?}"));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_plan_leaves_is_what_its_calls_leave(scene in scenes()) {
        let observed = scene.world.observed("5.1.2");
        let made = plan(&scene.wish.0, &observed);
        let mut world = scene.world.clone();
        run(&made, &mut world, &scene.choices, usize::MAX, |_| Ok(())).map_err(TestCaseError::fail)?;
        let left = after(&made, &observed);
        prop_assert!(same(&left, &world.observed("5.1.2")));
        prop_assert!(!made.is_blocked() || same(&left, &observed));
    }

    #[test]
    fn drift_and_proposed_are_told_apart(scene in scenes(), other in scenes()) {
        let (base, file) = (&scene.wish.0, &other.wish.0);
        let observed = scene.world.observed("5.1.2");
        let drift = plan(base, &observed);
        if !drift.is_blocked() {
            let between = after(&drift, &observed);
            exact(base, file, &between, &plan(file, &between).changes).map_err(TestCaseError::fail)?;
            // Nothing is proposed where the two files say the same, and nothing drifted where the cluster is as it was said.
            prop_assert!(plan(base, &between).is_empty());
        }
    }
}
