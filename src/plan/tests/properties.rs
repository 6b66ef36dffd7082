//! Random worlds and desired states. Every unblocked plan ends in the desired state, in every order and after every interruption. On
//! the way, no one has access that neither side gives, or lacks access that both sides give.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::{Declared, Scene, World, policy, run, temporary};
use crate::base::{PolicyName, Principal, UserName};
use crate::desired::{DeclaredAttachment, Desired, PolicyIntent, PrincipalEntry};
use crate::observed::Observed;
use crate::plan::codes::NOT_REVOKED;
use crate::plan::{Change, ChangeId, ChangeKind, Note, Plan, ReplaceMethod, after, once_revoked, plan};
use crate::policy::{Normal, normal};

const POLICIES: [&str; 4] = ["pa", "pb", "pc", "pd"];
const PRINCIPALS: [&str; 5] = ["ua", "ub", "uc", "group/gd", "group/ge"];

pub(super) fn scenes() -> impl Strategy<Value = Scene> {
    let on_cluster = prop::collection::vec(prop_oneof![1 => Just(None), 3 => (0..3_u8).prop_map(Some)], POLICIES.len());
    let leftovers = prop::collection::vec((0..POLICIES.len(), 0..3_u8), 0..2);
    let attachments = prop::collection::vec(0..12_usize, PRINCIPALS.len());
    let policies = prop::collection::vec(0..6_u8, POLICIES.len());
    let users = prop::collection::vec(0..9_usize, PRINCIPALS.len());
    let owned = (any::<bool>(), any::<bool>());
    (
        on_cluster,
        leftovers,
        attachments,
        policies,
        users,
        owned,
        (0..4_usize, any::<bool>()),
        prop::collection::vec(any::<u16>(), 40),
        0..30_usize,
    )
        .prop_map(|(on_cluster, leftovers, attachments, policies, users, owned, (room, gap), choices, stop)| {
            let world = world(&on_cluster, &leftovers, &attachments).room(if room == 3 { 100 } else { room });
            let declared = declared(&policies, &users, owned);
            Scene { declared: if gap { declared.gap() } else { declared }, world, choices, stop }
        })
}

fn world(on_cluster: &[Option<u8>], leftovers: &[(usize, u8)], attachments: &[usize]) -> World {
    let mut world = World::new();
    for (name, number) in POLICIES.iter().zip(on_cluster) {
        if let Some(number) = number {
            world = world.with(name, *number);
        }
    }
    for (index, number) in leftovers {
        world = world.with_temporary(POLICIES[*index], *number);
    }
    let names: Vec<PolicyName> = world.policies.keys().cloned().collect();
    for (user, choice) in PRINCIPALS.iter().zip(attachments) {
        let held = names.get(*choice).map_or("", PolicyName::as_str);
        world = world.holding(user, held);
    }
    world
}

fn declared(policies: &[u8], users: &[usize], (owns_policies, owns_all): (bool, bool)) -> Declared {
    let mut declared = Declared::default();
    for (name, choice) in POLICIES.iter().zip(policies) {
        declared = match choice {
            0..=2 => declared.policy(name, *choice),
            3 => declared.absent(name),
            _ => declared,
        };
    }
    for (name, choice) in PRINCIPALS.iter().zip(users) {
        declared = match choice {
            0..=3 => declared.holds(name, POLICIES[*choice]),
            4 => declared.holds(name, "readonly"),
            5 => declared.detached(name),
            // Groups have no keys.
            6 if !name.starts_with("group/") => declared.revoked(name),
            _ => declared,
        };
    }
    let owned: &[&str] = if owns_policies { &["p*"] } else { &[] };
    declared.owning(owned, if owns_all { &["u*", "group/g*"] } else { &["ua"] })
}

/// The documents by which a user or group may have access at any instant, and whether it may have none.
struct Bounds {
    principal: Principal,
    before: Option<Normal>,
    after: Option<Normal>,
    may_lack: bool,
}

fn bounds(plan: &Plan, before: &World, after: &World) -> Vec<Bounds> {
    let lacking = |who: &Principal| {
        plan.changes.iter().any(|change| match &change.kind {
            ChangeKind::ReplacePolicy { attached, method: ReplaceMethod::Gap, .. } => {
                attached.iter().any(|of| of.principal == *who)
            }
            ChangeKind::Attach { principal, .. } | ChangeKind::Detach { principal, .. } => principal == who,
            ChangeKind::Move { principal, after, .. } => {
                let into_gap = plan.changes.iter().any(|change| {
                    matches!(&change.kind, ChangeKind::ReplacePolicy { policy, method: ReplaceMethod::Gap, .. } if policy == after)
                });
                principal == who && (into_gap || change.notes.contains(&Note::NoRoomToMove))
            }
            ChangeKind::ReplacePolicy { .. } | ChangeKind::AddPolicy { .. } | ChangeKind::RemovePolicy { .. } => false,
        })
    };
    before
        .attached
        .keys()
        .map(|principal| Bounds {
            principal: principal.clone(),
            before: before.access(principal).cloned(),
            after: after.access(principal).cloned(),
            may_lack: lacking(principal) || before.access(principal).is_none() || after.access(principal).is_none(),
        })
        .collect()
}

fn within(bounds: &[Bounds], world: &World) -> Result<(), String> {
    for Bounds { principal, before, after, may_lack } in bounds {
        match world.access(principal) {
            None if *may_lack => {}
            None => return Err(format!("{principal} is without access")),
            now if now == before.as_ref() || now == after.as_ref() => {}
            Some(now) => return Err(format!("{principal} has access that neither side gives: {}", now.json())),
        }
    }
    Ok(())
}

fn check(scene: &Scene) -> Result<bool, String> {
    let plan_of = |world: &World| plan(&scene.declared.0, &world.observed("5.1.2"));
    let first = plan_of(&scene.world);
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
    let bounds = bounds(&first, &scene.world, &after);
    run(&first, &mut scene.world.clone(), &scene.choices, usize::MAX, |world| within(&bounds, world))?;
    interrupted(scene, &first, &after)?;
    Ok(true)
}

/// Stops after some steps and plans again: the way on is open and ends in the same place.
fn interrupted(scene: &Scene, first: &Plan, end: &World) -> Result<(), String> {
    let mut world = scene.world.clone();
    run(first, &mut world, &scene.choices, scene.stop, |_| Ok(()))?;
    let second = plan(&scene.declared.0, &world.observed("5.1.2"));
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

/// Pools of one thread and of several.
static POOLS: LazyLock<[ThreadPool; 2]> =
    LazyLock::new(|| [1, 4].map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")));

/// The same map, filled in the reverse order.
fn reversed<K: Ord + Clone, V: Clone>(map: &BTreeMap<K, V>) -> BTreeMap<K, V> {
    let mut reversed = BTreeMap::new();
    for (key, value) in map.iter().rev() {
        reversed.insert(key.clone(), value.clone());
    }
    reversed
}

fn reversed_desired(desired: &Desired) -> Desired {
    let mut desired = desired.clone();
    desired.policies = reversed(&desired.policies);
    desired.users = reversed(&desired.users);
    desired.groups = reversed(&desired.groups);
    desired
}

fn reversed_observed(observed: &Observed) -> Observed {
    let mut observed = observed.clone();
    observed.policies = reversed(&observed.policies);
    observed.users = reversed(&observed.users);
    observed.groups = reversed(&observed.groups);
    observed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_ends_in_the_desired_state(scene in scenes()) {
        if let Err(error) = check(&scene) {
            return Err(TestCaseError::fail(error));
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_plan(scene in scenes()) {
        let observed = scene.world.observed("5.1.2");
        let expected = format!("{:?}", plan(&scene.declared.0, &observed));
        let (desired, observed) = (reversed_desired(&scene.declared.0), reversed_observed(&observed));
        for pool in &*POOLS {
            prop_assert_eq!(&expected, &format!("{:?}", pool.install(|| plan(&desired, &observed))));
        }
    }
}

#[test]
fn most_random_scenes_are_not_blocked() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let open = (0..500)
        .filter(|_| {
            let scene = scenes().new_tree(&mut runner).expect("a scene").current();
            check(&scene).expect("a good plan")
        })
        .count();
    assert!(open > 100, "only {open} of 500 random scenes have a plan: the properties would hold of nothing");
}

#[test]
fn a_temporary_policy_is_recognised_by_its_name() {
    assert_eq!(temporary("pa", 1).temporary_for(), Some(policy("pa")));
}

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

/// The two sides of a change of an attachment.
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
        let change = found(ChangeId::Principal(principal.clone())).and_then(sides);
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
    fn the_state_after_a_plan_is_the_state_after_its_calls(scene in scenes()) {
        let observed = scene.world.observed("5.1.2");
        let made = plan(&scene.declared.0, &observed);
        let mut world = scene.world.clone();
        run(&made, &mut world, &scene.choices, usize::MAX, |_| Ok(())).map_err(TestCaseError::fail)?;
        let left = after(&made, &observed);
        prop_assert!(same(&left, &world.observed("5.1.2")));
        prop_assert!(!made.is_blocked() || same(&left, &observed));
    }

    #[test]
    fn drift_and_proposed_are_told_apart(scene in scenes(), other in scenes()) {
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
