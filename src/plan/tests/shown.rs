//! Random odd worlds: all effects of the steps are shown and guarded, and no one has more access on the way.
//!
//! Names without a policy, temporary policies of declared, undeclared and predefined policies, lists of policies, groups.
//! `ATTUNE_WORLDS` says how many worlds are drawn.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Declared, Scene, World, policy, run, temporary, who};
use crate::base::{PolicyName, Principal};
use crate::desired::Guards;
use crate::plan::{Plan, plan};
use crate::policy::Normal;

const POLICIES: [&str; 3] = ["pa", "pb", "pc"];
const PRINCIPALS: [&str; 5] = ["ua", "ub", "uc", "group/gd", "group/ge"];

/// The names that may be attached: of policies that may be there or not, of temporary ones, and lists.
fn names() -> Vec<PolicyName> {
    let plain = ["", "readonly", "readwrite", "pa", "pb", "pc", "gone", "other"].map(policy);
    let forged =
        ["attune-swap-deadbeef-pa", "attune-swap-deadbeef-readwrite", "attune-swap-deadbeef-other"].map(policy);
    let real = [("pa", 0), ("pa", 1), ("pb", 1)].map(|(name, number)| temporary(name, number));
    let lists = ["pa,readonly", "gone,pb", "pa, pb", "attune-swap-deadbeef-pa,readonly"].map(policy);
    plain.into_iter().chain(forged).chain(real).chain(lists).collect()
}

fn scenes() -> impl Strategy<Value = Scene> {
    let names = names();
    let attachable = names.len();
    (
        prop::collection::vec(prop::option::of(0..4_u8), 12),
        prop::collection::vec(0..attachable, PRINCIPALS.len()),
        prop::collection::vec(0..6_u8, POLICIES.len()),
        prop::collection::vec(0..9_usize, PRINCIPALS.len()),
        (any::<bool>(), any::<bool>(), any::<bool>(), 0..4_usize),
        prop::collection::vec(any::<u16>(), 20),
    )
        .prop_map(move |(existing, attached, policies, users, (owned, all, gap, room), choices)| {
            let mut world = World::new();
            let single =
                names.iter().filter(|name| !name.as_str().is_empty() && !name.is_predefined() && !name.is_list());
            for (name, number) in single.zip(&existing) {
                if let Some(number) = number {
                    world = world.with(name.as_str(), *number);
                }
            }
            for (principal, name) in PRINCIPALS.iter().zip(attached) {
                // The cluster reports only groups that have a policy.
                world = world.holding(principal, names[name].as_str());
            }
            let mut declared = Declared::default();
            for (name, choice) in POLICIES.iter().zip(policies) {
                declared = match choice {
                    0..=2 => declared.policy(name, choice),
                    3 => declared.absent(name),
                    _ => declared,
                };
            }
            for (name, choice) in PRINCIPALS.iter().zip(users) {
                declared = match choice {
                    0..=2 => declared.holds(name, POLICIES[choice]),
                    3 => declared.holds(name, "readonly"),
                    4 => declared.detached(name),
                    _ => declared,
                };
            }
            let declared =
                declared.owning(if owned { &["p*"] } else { &[] }, if all { &["u*", "group/g*"] } else { &[] });
            let declared = if gap { declared.gap() } else { declared };
            Scene { declared, world: if room == 3 { world } else { world.room(room + 1) }, choices, stop: 0 }
        })
}

/// The documents that each has access by.
fn accesses(world: &World) -> BTreeMap<Principal, BTreeSet<Normal>> {
    let of = |principal: &Principal| world.accesses(principal).into_iter().cloned().collect();
    world.attached.keys().map(|principal| (principal.clone(), of(principal))).collect()
}

/// All documents of these worlds allow something that no other does, so that more documents are more access.
fn check(scene: &Scene) -> Result<bool, String> {
    let Scene { declared, world, choices, .. } = scene;
    let made = plan(&declared.0, &world.observed("4.4.8"));
    if made.findings.iter().any(|finding| finding.code.id == "plan-not-shown") {
        return Err(format!("an internal error: {:?}", made.findings));
    }
    if made.is_blocked() {
        return if made.steps.is_empty() { Ok(false) } else { Err("a blocked plan has steps".to_owned()) };
    }
    let before = accesses(world);
    let mut after = world.clone();
    run(&made, &mut after, choices, usize::MAX, |_| Ok(()))?;
    let then = accesses(&after);
    run(&made, &mut world.clone(), choices, usize::MAX, |now| on_the_way(&before, &then, &accesses(now)))?;
    shown(&made, &before, &then)?;
    guarded(scene, &before, &then)?;
    let again = plan(&declared.0, &after.observed("4.4.8"));
    if !again.is_empty() || again.is_blocked() {
        return Err(format!("the plan is not a fixpoint: {:?} {:?}", again.changes, again.findings));
    }
    Ok(true)
}

type Accesses = BTreeMap<Principal, BTreeSet<Normal>>;

fn on_the_way(before: &Accesses, after: &Accesses, now: &Accesses) -> Result<(), String> {
    for (principal, has) in now {
        let (before, after) = (&before[principal], &after[principal]);
        if !has.is_subset(&before.union(after).cloned().collect()) {
            return Err(format!("{principal} has access that neither side gives"));
        }
    }
    Ok(())
}

/// Each access change is shown once, in the right direction, and no other is.
fn shown(made: &Plan, before: &Accesses, after: &Accesses) -> Result<(), String> {
    let mut changed: BTreeMap<&Principal, (bool, bool)> = BTreeMap::new();
    for of in made.changes.iter().flat_map(|change| &change.access) {
        let directions = (!of.access.gained.is_empty(), !of.access.lost.is_empty());
        if changed.insert(&of.principal, directions).is_some() || !of.access.undecided.is_empty() {
            return Err(format!("{} is shown twice, or undecided", of.principal));
        }
    }
    for (principal, had) in before {
        let has = &after[principal];
        let expected = (had != has).then(|| (!has.is_subset(had), !had.is_subset(has)));
        if changed.get(principal).copied() != expected {
            return Err(format!("{principal}: shown {:?}, not {expected:?}", changed.get(principal)));
        }
    }
    Ok(())
}

/// The guards refuse just what the steps do.
fn guarded(scene: &Scene, before: &Accesses, after: &Accesses) -> Result<(), String> {
    let all = || ["*"].iter().map(|text| text.parse().unwrap()).collect();
    let mut declared = scene.declared.clone();
    declared.0.guards =
        Guards { deny_new_access: true, protected_users: all(), protected_groups: all(), ..Guards::default() };
    let made = plan(&declared.0, &scene.world.observed("4.4.8"));
    let refused = |code: &str| made.refusals.iter().any(|refusal| refusal.code.id == code);
    let gains = before.iter().any(|(principal, had)| !after[principal].is_subset(had));
    if refused("guard-new-access") != gains {
        return Err(format!("new access: {gains}, refused: {:?}", made.refusals));
    }
    let bereft = before.iter().any(|(principal, had)| !had.is_empty() && after[principal].is_empty());
    if bereft && !refused("guard-protected-user") {
        return Err("a protected user is left without access".to_owned());
    }
    Ok(())
}

fn worlds() -> u32 {
    std::env::var("ATTUNE_WORLDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: worlds(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_effects_are_shown_and_guarded(scene in scenes()) {
        if let Err(error) = check(&scene) {
            return Err(TestCaseError::fail(error));
        }
    }
}

#[test]
fn many_random_worlds_are_not_blocked() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let of = |_| {
        let scene = scenes().new_tree(&mut runner).expect("a scene").current();
        check(&scene).expect("a good plan")
    };
    let open = (0..400).map(of).filter(|open| *open).count();
    assert!(open > 60, "only {open} of 400 random worlds have a plan");
    assert_eq!(who("group/x").kind(), "group");
}
