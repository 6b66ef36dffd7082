//! Random worlds and desired states. Every unblocked plan ends in the desired state, in every order and after every interruption. On
//! the way, no one has access that neither side gives, or lacks access that both sides give.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::shown::worlds;
use super::{Scene, World, open, planned, run, scenes};
use crate::base::{PolicyName, Principal, UserName};
use crate::desired::{DeclaredAttachment, Desired, PolicyIntent, PrincipalEntry};
use crate::observed::{Body, Observed};
use crate::plan::codes::NOT_REVOKED;
use crate::plan::{
    Ahead, Change, ChangeId, ChangeKind, Note, Plan, ReplaceMethod, after, once_revoked, plan, plan_knowing,
};
use crate::policy::{Catalogue, Normal};

/// Whether a plan says that a user or group is without access for a moment.
fn may_lack(plan: &Plan, who: &Principal) -> bool {
    let has_gap = |into: &PolicyName| {
        plan.changes.iter().any(|change| {
            matches!(&change.kind, ChangeKind::ReplacePolicy { policy, method: ReplaceMethod::Gap, .. }
                | ChangeKind::RenamePolicy { policy, method: ReplaceMethod::Gap, .. } if policy == into)
        })
    };
    plan.changes.iter().any(|change| match &change.kind {
        ChangeKind::ReplacePolicy { attached, method: ReplaceMethod::Gap, .. }
        | ChangeKind::RenamePolicy { attached, method: ReplaceMethod::Gap, .. } => {
            attached.iter().any(|of| of.principal == *who)
        }
        ChangeKind::Attach { principal, .. } | ChangeKind::Detach { principal, .. } => principal == who,
        ChangeKind::Move { principal, after, .. } => {
            principal == who && (has_gap(after) || change.notes.contains(&Note::NoRoomToMove))
        }
        ChangeKind::ReplacePolicy { .. }
        | ChangeKind::RenamePolicy { .. }
        | ChangeKind::AddPolicy { .. }
        | ChangeKind::SetBucketPolicy { .. }
        | ChangeKind::RemovePolicy { .. } => false,
    })
}

/// On the way, everyone has the access of one of the two sides, or none where one side or the plan says so.
pub(super) fn within(plan: &Plan, [before, after]: [&World; 2], now: &World) -> Result<(), String> {
    for principal in now.attached.keys() {
        let [was, will] = [before, after].map(|world| world.access(principal));
        match now.access(principal) {
            None if was.is_none() || will.is_none() || may_lack(plan, principal) => {}
            None => return Err(format!("{principal} is without access")),
            has if has == was || has == will => {}
            Some(has) => return Err(format!("{principal} has access that neither side gives: {}", has.json())),
        }
    }
    Ok(())
}

pub(super) fn check(scene: &Scene) -> Result<bool, String> {
    let first = planned(&scene.declared, &scene.world);
    if first.is_blocked() {
        return if first.steps.is_empty() { Ok(false) } else { Err("a blocked plan has steps".to_owned()) };
    }
    let mut after = scene.world.clone();
    run(&first, &mut after, &scene.choices, usize::MAX, |_| Ok(()))?;
    let again = plan(&once_revoked(&scene.declared.0), &after.observed("5.1.2"));
    let revoked = |(user, entry): (&UserName, &PrincipalEntry)| {
        entry.intent == DeclaredAttachment::Revoked && scene.world.attached[&Principal::from(user)].is_some()
    };
    let revoked: BTreeSet<_> =
        scene.declared.0.users.iter().filter(|entry| revoked(*entry)).map(|(user, _)| user.clone()).collect();
    if after.revoked != revoked {
        return Err(format!("revoked were {:?}, not {revoked:?}", after.revoked));
    }
    if !again.is_empty() || again.is_blocked() {
        return Err(format!("the plan is not a fixpoint: {again:?}"));
    }
    let sides = [&scene.world, &after];
    run(&first, &mut scene.world.clone(), &scene.choices, usize::MAX, |world| within(&first, sides, world))?;
    interrupted(scene, &first, &after)?;
    Ok(true)
}

/// Stops after some steps and plans again: the way on is open and ends in the same place.
fn interrupted(scene: &Scene, first: &Plan, end: &World) -> Result<(), String> {
    let mut world = scene.world.clone();
    run(first, &mut world, &scene.choices, scene.stop, |_| Ok(()))?;
    let second = planned(&scene.declared, &world);
    if second.is_blocked() {
        // Whether keys were revoked cannot be seen: where that is all that is left, it is said.
        if world == *end
            && second.findings.iter().filter(|finding| finding.is_error()).all(|finding| finding.code == NOT_REVOKED)
        {
            return Ok(());
        }
        return Err(format!("an interrupted run cannot go on: {:?}", second.findings));
    }
    run(&second, &mut world, &scene.choices, usize::MAX, |_| Ok(())).map_err(|error| format!("healing: {error}"))?;
    if world == *end {
        Ok(())
    } else {
        Err(format!("healing ends elsewhere: {:?}, not {:?}", world.attached, end.attached))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: worlds(200), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_ends_in_the_desired_state(scene in scenes(false)) {
        check(&scene).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_same_inputs_give_the_same_plan_with_answers_from_before_the_last_documents(
        scene in scenes(false), read in any::<u64>(),
    ) {
        let (desired, observed) = (&scene.declared.0, scene.world.observed("5.1.2"));
        let catalogue = Catalogue::of(&observed.identity.release);
        let expected = format!("{:?}", plan(desired, &observed));
        prop_assert_eq!(&expected, &format!("{:?}", plan(desired, &observed)));
        let mut ahead = Ahead::new(desired, catalogue.clone());
        for read in [0, read] {
            let mut so_far = observed.clone();
            for (at, body) in so_far.policies.values_mut().enumerate() {
                if read >> at & 1 == 0 {
                    *body = Body::NotRead;
                }
            }
            ahead.answer(desired, &so_far);
        }
        prop_assert_eq!(&expected, &format!("{:?}", plan_knowing(desired, &observed, &catalogue, None, Some(ahead))));
    }
}

#[test]
fn most_random_scenes_are_not_blocked() {
    let open = open(scenes(false), check, 200);
    assert!(open > 40, "only {open} of 200 random scenes have a plan: the properties would hold of nothing");
}

fn same(one: &Observed, other: &Observed) -> bool {
    one.policies == other.policies && one.users == other.users && one.groups == other.groups
}

/// What a state declares for an object; `None` within if it is absent or detached.
fn declared(desired: &Desired, id: &ChangeId) -> Option<Option<String>> {
    match id {
        ChangeId::Policy(policy) => desired.policies.get(policy).map(|entry| match &entry.intent {
            PolicyIntent::Present(authored) => Some(authored.normal().json().to_owned()),
            PolicyIntent::Absent => None,
        }),
        ChangeId::Principal(principal) => {
            desired.entry(principal).map(|entry| entry.intent.policy().map(ToString::to_string))
        }
        ChangeId::Bucket(bucket) => desired.buckets.get(bucket).map(|entry| Some(format!("{:?}", entry.intent))),
    }
}

/// The two sides of a change: documents, or attached policies.
fn sides(change: &Change) -> (Option<String>, Option<String>) {
    let text = |body: &Option<Body>| body.as_ref().and_then(Body::text).map(str::to_owned);
    let (json, name) = (|after: &Normal| Some(after.json().to_owned()), |policy: &PolicyName| Some(policy.to_string()));
    match &change.kind {
        ChangeKind::AddPolicy { after, .. } => (None, json(after)),
        ChangeKind::ReplacePolicy { before, after, .. } | ChangeKind::RenamePolicy { before, after, .. } => {
            (text(before), json(after))
        }
        ChangeKind::RemovePolicy { before, .. } => (text(before), None),
        ChangeKind::Attach { after, .. } => (None, name(after)),
        ChangeKind::Move { before, after, .. } => (name(before), name(after)),
        ChangeKind::Detach { before, .. } => (name(before), None),
        ChangeKind::SetBucketPolicy { before, after, .. } => {
            (Some(before.text().to_owned()), Some(after.text().to_owned()))
        }
    }
}

/// Whether `proposed` is exactly what `file` declares otherwise than `base`; `between` is the cluster as `base` declares it.
fn exact(base: &Desired, file: &Desired, between: &Observed, proposed: &[Change]) -> Result<(), String> {
    let now = |id: &ChangeId| match id {
        ChangeId::Policy(policy) => between.policies.get(policy).and_then(Body::text).map(str::to_owned),
        ChangeId::Principal(principal) => between.attachment_of(principal).map(ToString::to_string),
        ChangeId::Bucket(bucket) => between.buckets.get(bucket).map(|policy| policy.text().to_owned()),
    };
    let undeclared = |id: &ChangeId| match id {
        ChangeId::Policy(policy) if file.ownership.covers_policy(policy) && !policy.is_predefined() => None,
        ChangeId::Principal(principal) if file.ownership.covers(principal) => None,
        ChangeId::Policy(_) | ChangeId::Principal(_) | ChangeId::Bucket(_) => now(id),
    };
    // Of a policy that is replaced just now, or was, there is more than one document.
    let temporary: BTreeSet<PolicyName> = between.policies.keys().filter_map(PolicyName::temporary_for).collect();
    let policies = base.policies.keys().chain(file.policies.keys()).chain(between.policies.keys());
    let policies = policies.filter(|policy| policy.temporary_for().is_none() && !temporary.contains(*policy));
    let users = between.users.keys().map(Principal::from);
    let principals = users.chain(between.groups.keys().chain(file.groups.keys()).map(Principal::from));
    let principals =
        principals.filter(|who| between.attachment_of(who).is_none_or(|name| name.temporary_for().is_none()));
    for id in policies.cloned().map(ChangeId::Policy).chain(principals.map(ChangeId::Principal)) {
        let before = declared(base, &id).unwrap_or_else(|| now(&id));
        let after = declared(file, &id).unwrap_or_else(|| undeclared(&id));
        let expected = (before != after).then_some((before, after));
        let change = proposed.iter().find(|change| change.id == id).map(sides);
        if change != expected {
            return Err(format!("{id}: {change:?}, not {expected:?}"));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: worlds(150), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_state_after_a_plan_is_the_state_after_its_calls(scene in scenes(false)) {
        let observed = scene.world.observed("5.1.2");
        let made = plan(&scene.declared.0, &observed);
        let mut world = scene.world.clone();
        run(&made, &mut world, &scene.choices, usize::MAX, |_| Ok(())).map_err(TestCaseError::fail)?;
        let left = after(&made, &observed);
        prop_assert!(same(&left, &world.observed("5.1.2")));
        prop_assert!(!made.is_blocked() || same(&left, &observed));
    }

    #[test]
    fn drift_and_proposed_are_told_apart(scene in scenes(false), other in scenes(false)) {
        let (base, file) = (&scene.declared.0, &other.declared.0);
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
