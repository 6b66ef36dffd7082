//! Plans for a part of the objects: in random worlds, they change what is selected and what that needs, keep every invariant, and
//! together they reach what the whole plan reaches.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::properties::within;
use super::shown::worlds;
use super::{Declared, POLICIES, PRINCIPALS, Scene, World, open, planned, policy, run, scenes, temporary, who};
use crate::base::{ObjectId, PolicyName, Sources};
use crate::desired::{Desired, Loaded};
use crate::plan::{Call, Only, Plan, once_revoked, plan, plan_part};
use crate::policy::Catalogue;

/// The selection of these patterns, for a configuration without errors.
fn only(patterns: &[&str]) -> Only {
    let patterns: Vec<_> = patterns.iter().map(|text| text.parse().unwrap()).collect();
    let mut loaded = Loaded {
        desired: Desired::default(),
        sources: Sources::default(),
        files: Vec::new(),
        findings: Vec::new(),
        repeats: Vec::new(),
        not_included: Vec::new(),
        documents: BTreeMap::new(),
    };
    Only::new(&patterns, &mut loaded, "")
}

fn part(desired: &Desired, world: &World, patterns: &[&str]) -> Plan {
    part_of(desired, world, &only(patterns))
}

fn part_of(desired: &Desired, world: &World, only: &Only) -> Plan {
    let observed = world.observed("5.1.2");
    plan_part(desired, &observed, &Catalogue::of(&observed.identity.release), Some(only))
}

/// The same where some patterns may match nothing: a random world has not all objects, and a run removes some.
fn part_or_nothing(desired: &Desired, world: &World, patterns: &[&str]) -> Plan {
    part_of(desired, world, &only(patterns).or_nothing())
}

fn changed(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|change| change.id.to_string()).collect()
}

fn left_out(plan: &Plan) -> Vec<String> {
    plan.partial.as_ref().unwrap().left_out.iter().map(ToString::to_string).collect()
}

fn needed(plan: &Plan) -> Vec<String> {
    plan.partial.as_ref().unwrap().needed.iter().map(|of| format!("{} for {}", of.id, of.by)).collect()
}

fn errors(plan: &Plan) -> Vec<&'static str> {
    plan.findings.iter().filter(|finding| finding.is_error()).map(|finding| finding.code.id).collect()
}

#[test]
fn a_user_brings_the_policy_that_it_gets_and_a_policy_those_who_leave_it() {
    let world = World::new().with("pa", 0).with("pb", 0).attached("ua", "pa").attached("ub", "pa").attached("uc", "pa");
    let declared = Declared::default().policy("pa", 1).policy("pb", 1).has("ua", "pa").has("ub", "pb").detached("uc").0;
    let plan = part(&declared, &world, &["user/ub"]);
    assert_eq!(
        (changed(&plan), needed(&plan)),
        (vec!["policy/pb".to_owned(), "user/ub".to_owned()], vec!["policy/pb for user/ub".to_owned()])
    );
    assert_eq!(left_out(&plan), ["policy/pa", "user/uc"]);
    let plan = part(&declared, &world, &["policy/pa"]);
    assert_eq!(changed(&plan), ["policy/pa", "policy/pb", "user/ub", "user/uc"]);
    assert_eq!(needed(&plan), ["policy/pb for user/ub", "user/ub for policy/pa", "user/uc for policy/pa"]);
    assert!(!plan.leaves_out());
    let plan = part(&declared, &world, &["policy/pb"]);
    assert_eq!((changed(&plan), needed(&plan).len()), (vec!["policy/pb".to_owned()], 0));
    // The users that keep it are of the configuration, though they are left out.
    let plan = part(&declared, &World::new().with("pa", 0).attached("ua", "pa"), &["policy/pa"]);
    assert!(plan.changes[0].attached().iter().all(|of| !of.undeclared), "{:?}", plan.changes);
}

#[test]
fn a_user_of_a_temporary_policy_brings_the_end_of_its_replacement() {
    let name = temporary("pa", 1);
    let world = World::new().with("pa", 0).with_temporary("pa", 1).attached("ua", name.as_str()).attached("ub", "pa");
    let declared = Declared::default().policy("pa", 1).has("ua", "pa").has("ub", "pa").0;
    let plan = part(&declared, &world, &["user/ua"]);
    assert_eq!(
        (changed(&plan), needed(&plan)),
        (vec!["policy/pa".to_owned()], vec!["policy/pa for user/ua".to_owned()])
    );
    assert!(!plan.is_blocked() && !plan.leaves_out(), "{:?}", plan.findings);
}

#[test]
fn ownership_removes_and_detaches_nothing_outside_of_the_patterns() {
    let world = World::new().with("pa", 0).with("pb", 0).attached("ua", "pa").attached("ub", "pb");
    let declared = Declared::default().owning(&["p*"], &["u*"]);
    assert_eq!(changed(&planned(&declared, &world)), ["policy/pa", "policy/pb", "user/ua", "user/ub"]);
    let plan = part(&declared.0, &world, &["policy/pa", "user/ua"]);
    assert_eq!(
        (changed(&plan), left_out(&plan)),
        (vec!["policy/pa".to_owned(), "user/ua".to_owned()], vec!["policy/pb".to_owned(), "user/ub".to_owned()])
    );
    // It cannot be removed while the user has it, and the user is outside.
    let plan = part(&declared.0, &world, &["policy/pa"]);
    assert!(plan.steps.is_empty() && errors(&plan).contains(&"only-needs-more"), "{:?}", plan.findings);
}

#[test]
fn a_part_has_a_digest_of_its_own() {
    let world = World::new().attached("ua", "");
    let declared = Declared::default().policy("pa", 0);
    let digests = [
        planned(&declared, &world),
        part(&declared.0, &world, &["policy/*"]),
        part(&declared.0, &world, &["policy/p*"]),
    ]
    .map(|plan| plan.digest.to_string());
    assert_eq!(digests.iter().collect::<BTreeSet<_>>().len(), 3);
    // The order of patterns does not matter.
    let [one, other] =
        [["policy/pa", "user/ua"], ["user/ua", "policy/pa"]].map(|both| part(&declared.0, &world, &both).digest);
    assert_eq!(one, other);
}

/// The names of all objects of random worlds.
fn objects() -> Vec<String> {
    let principals =
        PRINCIPALS.iter().map(|name| if name.contains('/') { (*name).to_owned() } else { format!("user/{name}") });
    POLICIES.iter().map(|name| format!("policy/{name}")).chain(principals).collect()
}

/// Checks the plan of a part. Returns whether it is not blocked.
fn check(scene: &Scene, patterns: &[&str]) -> Result<bool, String> {
    let desired = &scene.declared.0;
    let first = part_or_nothing(desired, &scene.world, patterns);
    if first.is_blocked() {
        return if first.steps.is_empty() { Ok(false) } else { Err("a blocked plan has steps".to_owned()) };
    }
    only_the_part(&first, patterns)?;
    let mut after = scene.world.clone();
    run(&first, &mut after, &scene.choices, usize::MAX, |_| Ok(()))?;
    let sides = [&scene.world, &after];
    run(&first, &mut scene.world.clone(), &scene.choices, usize::MAX, |world| within(&first, sides, world))?;
    let again = part_or_nothing(&once_revoked(desired), &after, patterns);
    if !again.is_empty() || again.is_blocked() {
        return Err(format!("the plan is not a fixpoint: {again:?}"));
    }
    // Nobody gets access that the whole plan does not give.
    let whole = planned(&scene.declared, &scene.world);
    if !whole.is_blocked() {
        let mut end = scene.world.clone();
        run(&whole, &mut end, &scene.choices, usize::MAX, |_| Ok(()))?;
        for principal in scene.world.attached.keys() {
            let [was, is, will] = [&scene.world, &after, &end].map(|world| world.accesses(principal));
            if is != was && is != will {
                return Err(format!("{principal} has access that the whole plan does not give"));
            }
        }
        let rest = plan(&once_revoked(desired), &after.observed("5.1.2"));
        let differs = if rest.is_blocked() { Vec::new() } else { changed(&rest) };
        if !rest.is_blocked() && differs != left_out(&again) {
            return Err(format!("left out are {differs:?}, not {:?}", left_out(&again)));
        }
    }
    // Wherever it stops, the same part goes on, and what is selected ends in the same place. What only came along may not be
    // needed any more.
    let mut stopped = scene.world.clone();
    run(&first, &mut stopped, &scene.choices, scene.stop, |_| Ok(()))?;
    let second = part_or_nothing(&once_revoked(desired), &stopped, patterns);
    if second.is_blocked() {
        return Err(format!("an interrupted run cannot go on: {:?}", second.findings));
    }
    run(&second, &mut stopped, &scene.choices, usize::MAX, |_| Ok(()))?;
    if selected_of(&stopped, patterns) == selected_of(&after, patterns) {
        Ok(true)
    } else {
        Err(format!("an interrupted run ends elsewhere: {:?}, not {:?}", stopped.attached, after.attached))
    }
}

/// The selected objects of a world, temporary policies of selected policies included.
fn selected_of(world: &World, patterns: &[&str]) -> Vec<String> {
    let selected = only(patterns);
    let is_selected = |policy: &PolicyName| {
        let of = policy.temporary_for().unwrap_or_else(|| policy.clone());
        selected.covers(&ObjectId::Policy(of))
    };
    let policies = world.policies.iter().filter(|(policy, _)| is_selected(policy));
    let principals = world.attached.iter().filter(|(who, _)| selected.covers(&ObjectId::Principal((*who).clone())));
    let documents = policies.map(|(policy, document)| format!("{policy} {}", document.json()));
    let attached = principals.map(|(who, attached)| format!("{who} {attached:?}"));
    documents.chain(attached).collect()
}

/// Whether a plan changes only selected objects and what they need, and touches no other user or group than those that have a
/// changed policy.
fn only_the_part(plan: &Plan, patterns: &[&str]) -> Result<(), String> {
    let selected = only(patterns);
    let needed: BTreeSet<&ObjectId> = plan.partial.iter().flat_map(|of| &of.needed).map(|of| &of.id).collect();
    let is_part = |id: &ObjectId| selected.covers(id) || needed.contains(id);
    if let Some(other) = plan.changes.iter().map(|change| &change.id).find(|id| !is_part(id)) {
        return Err(format!("{other} changes, and is neither selected nor needed"));
    }
    let keeping: BTreeSet<_> =
        plan.changes.iter().flat_map(|change| change.attached()).map(|of| &of.principal).collect();
    let touched = plan.steps.iter().filter_map(|step| match &step.call {
        Call::Attach { principal, .. } | Call::Detach { principal, .. } => Some(principal),
        Call::AddPolicy { .. } | Call::RemovePolicy { .. } | Call::RevokeKeys { .. } | Call::SetBucketPolicy { .. } => {
            None
        }
    });
    let mut others = touched.filter(|who| !is_part(&ObjectId::Principal((*who).clone())) && !keeping.contains(who));
    others.next().map_or(Ok(()), |other| Err(format!("a step touches {other}")))
}

/// Runs the plans of all parts until none changes anything more. Returns also whether a part then says that it needs an object of
/// another part.
fn parts(scene: &Scene, parts: &[Vec<&str>]) -> Result<(World, bool), String> {
    let mut world = scene.world.clone();
    let desired = [scene.declared.0.clone(), once_revoked(&scene.declared.0)];
    let mut needs_more = false;
    for round in 0..objects().len() + 1 {
        let before = world.clone();
        needs_more = false;
        for patterns in parts.iter().filter(|patterns| !patterns.is_empty()) {
            let plan = part_or_nothing(&desired[round.min(1)], &world, patterns);
            needs_more |= errors(&plan).contains(&"only-needs-more");
            run(&plan, &mut world, &scene.choices, usize::MAX, |_| Ok(()))?;
        }
        if world == before && round > 0 {
            break;
        }
    }
    Ok((world, needs_more))
}

/// Checks that the plans of parts reach what the whole plan reaches, or say what they need. Returns whether they reach it.
fn converges(scene: &Scene, places: &[usize]) -> Result<bool, String> {
    let whole = planned(&scene.declared, &scene.world);
    if whole.is_blocked() {
        return Ok(false);
    }
    let mut end = scene.world.clone();
    run(&whole, &mut end, &scene.choices, usize::MAX, |_| Ok(()))?;
    let objects = objects();
    let of_part = |part: usize| {
        let names = objects.iter().zip(places).filter(|(_, place)| **place == part);
        names.map(|(name, _)| name.as_str()).collect::<Vec<_>>()
    };
    let (world, needs_more) = parts(scene, &[of_part(0), of_part(1), of_part(2)])?;
    if (&world.policies, &world.attached) == (&end.policies, &end.attached) {
        return Ok(true);
    }
    if needs_more {
        return Ok(false);
    }
    Err(format!("the parts end elsewhere: {:?} {:?}", world.attached, world.policies.keys()))
}

fn with_room(scene: Scene) -> Scene {
    Scene { world: scene.world.room(100), ..scene }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: worlds(100), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_part_changes_what_is_selected_and_what_that_needs(
        scene in scenes(false),
        odd in scenes(true),
        selected in prop::sample::subsequence(objects(), 1..=9),
    ) {
        let patterns: Vec<&str> = selected.iter().map(String::as_str).collect();
        check(&scene, &patterns).map_err(TestCaseError::fail)?;
        let plan = part_or_nothing(&odd.declared.0, &odd.world, &patterns);
        only_the_part(&plan, &patterns).map_err(TestCaseError::fail)?;
        let mut world = odd.world.clone();
        run(&plan, &mut world, &odd.choices, usize::MAX, |_| Ok(())).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_plans_of_all_parts_reach_what_the_whole_plan_reaches(
        scene in scenes(false).prop_map(with_room),
        places in prop::collection::vec(0..3_usize, objects().len()),
    ) {
        converges(&scene, &places).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn most_random_parts_are_not_blocked() {
    let open = open(scenes(false), |scene| check(scene, &["policy/pa", "policy/pb", "user/ua", "user/uc"]), 80);
    assert!(open > 15, "only {open} of 80 random parts have a plan: the properties would hold of nothing");
    assert!(policy("pa") < policy("pb") && who("ua") < who("ub"));
}
