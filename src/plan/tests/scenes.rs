//! Random worlds and desired states.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::{Declared, Scene, World, policy, temporary};
use crate::base::PolicyName;

pub(super) const POLICIES: [&str; 4] = ["pa", "pb", "pc", "pd"];
pub(super) const PRINCIPALS: [&str; 5] = ["ua", "ub", "uc", "group/gd", "group/ge"];

/// More names for odd worlds: without a policy or undeclared, temporary policies of declared, predefined and undeclared policies,
/// and lists.
const ODD: [&str; 9] = [
    "gone",
    "other",
    "attune-swap-deadbeef-pa",
    "attune-swap-deadbeef-readwrite",
    "attune-swap-deadbeef-other",
    "pa,readonly",
    "gone,pb",
    "pa, pb",
    "attune-swap-deadbeef-pa,readonly",
];

/// Random worlds and desired states. In plain worlds, attached names are of policies that exist.
pub(super) fn scenes(odd: bool) -> impl Strategy<Value = Scene> {
    let extra = if odd { &ODD[..] } else { &[] };
    let single: Vec<&str> = POLICIES.iter().chain(extra).copied().filter(|name| !name.contains(',')).collect();
    (
        prop::collection::vec(prop::option::weighted(if odd { 0.5 } else { 0.75 }, 0..3_u8), single.len()),
        prop::collection::vec((0..POLICIES.len(), 0..3_u8), 0..2),
        prop::collection::vec(any::<prop::sample::Index>(), PRINCIPALS.len()),
        prop::collection::vec(0..6_u8, POLICIES.len()),
        prop::collection::vec(0..9_usize, PRINCIPALS.len()),
        (any::<[bool; 3]>(), 0..4_usize),
        prop::collection::vec(any::<u16>(), 40),
        0..30_usize,
    )
        .prop_map(
            move |(documents, leftovers, attached, policies, principals, (settings, room), choices, stop)| {
                let mut world = World::new();
                for (name, number) in single.iter().zip(documents) {
                    world = number.map_or(world.clone(), |number| world.with(name, number));
                }
                for (index, number) in leftovers {
                    world = world.with_temporary(POLICIES[index], number);
                }
                let mut names: BTreeSet<PolicyName> = world.policies.keys().cloned().collect();
                if odd {
                    let temporary = [("pa", 0), ("pa", 1), ("pb", 1)].map(|(name, number)| temporary(name, number));
                    names.extend(POLICIES.iter().chain(&ODD).map(|name| policy(name)).chain(temporary));
                }
                let names: Vec<PolicyName> = names.into_iter().collect();
                for (principal, index) in PRINCIPALS.iter().zip(attached) {
                    // Some have none.
                    let name = names.get(index.index(names.len() * 5 / 4)).map_or("", PolicyName::as_str);
                    world = world.attached(principal, name);
                }
                let world = world.room(if room == 3 { 100 } else { room });
                Scene { declared: random_declared(&policies, &principals, settings, odd), world, choices, stop }
            },
        )
}

fn random_declared(policies: &[u8], principals: &[usize], settings: [bool; 3], odd: bool) -> Declared {
    let mut declared = Declared::default();
    for (name, choice) in POLICIES.iter().zip(policies) {
        declared = match choice {
            0..=2 => declared.policy(name, *choice),
            3 => declared.absent(name),
            _ => declared,
        };
    }
    for (name, choice) in PRINCIPALS.iter().zip(principals) {
        declared = match choice {
            0..=3 => declared.has(name, POLICIES[*choice]),
            4 => declared.has(name, "readonly"),
            5 => declared.detached(name),
            // Groups have no keys.
            6 if !name.starts_with("group/") && !odd => declared.revoked(name),
            _ => declared,
        };
    }
    let [owns_policies, owns_all, gap] = settings;
    let owned: &[&str] = if owns_policies { &["p*"] } else { &[] };
    let declared = declared.owning(owned, if owns_all { &["u*", "group/g*"] } else { &["ua"] });
    if gap { declared.gap() } else { declared }
}

pub(super) fn open(
    scenes: impl Strategy<Value = Scene>,
    check: fn(&Scene) -> Result<bool, String>,
    of: usize,
) -> usize {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let scenes = (0..of).map(|_| scenes.new_tree(&mut runner).expect("a scene").current());
    scenes.filter(|scene| check(scene).expect("a good plan")).count()
}
