//! Random odd worlds: all effects of the steps are shown and guarded, and no one has more access on the way.
//!
//! Names without a policy, temporary policies of declared, undeclared and predefined policies, lists of policies, groups.
//! `ATTUNE_WORLDS` says how many worlds are drawn.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Scene, World, open, run, scenes};
use crate::base::Principal;
use crate::plan::{Plan, plan};
use crate::policy::Normal;

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
        let principal = of.holder.principal().ok_or("only users and groups have policies")?;
        if changed.insert(principal, directions).is_some() || !of.access.undecided.is_empty() {
            return Err(format!("{} is shown twice, or undecided", of.holder));
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
    let made = plan(&scene.declared.clone().strict().0, &scene.world.observed("4.4.8"));
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

/// How many worlds are drawn, unless `ATTUNE_WORLDS` says otherwise.
pub(super) fn worlds(usual: u32) -> u32 {
    std::env::var("ATTUNE_WORLDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: worlds(500), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_effects_are_shown_and_guarded(scene in scenes(true)) {
        check(&scene).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn many_random_worlds_are_not_blocked() {
    let open = open(scenes(true), check, 150);
    assert!(open > 20, "only {open} of 150 random worlds have a plan");
}
