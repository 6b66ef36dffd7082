//! Plans of single situations, call by call, and the order of their changes.

use super::{Declared, World, of_statements, planned, policy, temporary};
use crate::desired::Limit;
use crate::plan::{Plan, plan};
use crate::policy::{Document, normal};
use crate::render::text::call;

/// The calls in order, with the numbers of the steps each waits for.
fn calls(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| {
            let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
            format!("{} {} after {}", step.id, call(step), after.join(","))
        })
        .collect()
}

fn codes(plan: &Plan) -> Vec<&'static str> {
    plan.findings.iter().map(|finding| finding.code.id).collect()
}

#[test]
fn with_room_for_one_swaps_follow_each_other() {
    let world = World::new().with("p", 0).with("q", 0).attached("alice", "p").attached("bob", "q").room(1);
    let plan = planned(&Declared::default().policy("p", 1).policy("q", 1).has("alice", "p").has("bob", "q"), &world);
    assert!(!plan.is_blocked());
    assert_eq!(plan.steps.len(), 12);
}

/// An interrupted run removed `pd`, to add it again: then its old temporary policy goes and makes room for `pa`.
#[test]
fn scarce_room_goes_first_to_additions_that_give_it_back() {
    let world = World::new().with_temporary("pd", 0).with("pb", 0).with("pc", 0);
    let world = world.attached("group/ge", "pb").attached("ub", "pc").attached("uc", "readonly").room(1);
    let declared = Declared::default().policy("pa", 0).policy("pc", 1).policy("pd", 1);
    let plan = planned(&declared.has("ub", "pa").has("uc", "pa").has("group/ge", "pb"), &world);
    assert!(!plan.is_blocked(), "{:?}", plan.findings);
    let swap = World::new().with("q", 0).attached("bob", "q").attached("alice", "readonly").room(1);
    let plan = planned(&Declared::default().policy("p", 1).has("alice", "p").policy("q", 1).has("bob", "q"), &swap);
    assert!(plan.changes.iter().all(|change| change.notes.is_empty()), "no gap is needed: {:?}", calls(&plan));
}

#[test]
fn a_temporary_policy_of_an_undeclared_policy_stays() {
    let held = temporary("p", 1);
    let world = World::new().with_temporary("p", 1).attached("zoe", held.as_str());
    for world in [world.clone(), world.with("p", 0)] {
        let plan = planned(&Declared::default().policy("q", 1), &world);
        assert_eq!(plan.steps.len(), 1, "{:?}", calls(&plan));
        assert_eq!(codes(&plan), ["unmanaged-temporary-policy"]);
        assert_eq!(plan.unmanaged.users, [super::user("zoe")]);
        assert!(plan.effects.is_empty());
    }
}

#[test]
fn problems_are_found_before_the_first_call() {
    let world = World::new().with("held", 0).attached("zoe", "held").attached("bob", "");
    let cases = [
        (Declared::default().absent("held"), vec!["attached-to-unmanaged-user"]),
        (Declared::default().has("nobody", "readonly"), vec!["no-such-user"]),
        (Declared::default().has("bob", "redonly"), vec!["no-such-policy"]),
        (Declared::default().owning(&["held"], &[]).has("zoe", "held"), vec!["attached-but-not-declared"]),
        (Declared::default().detached("nobody"), vec!["detached-user-absent"]),
    ];
    for (declared, expected) in cases {
        let plan = planned(&declared, &world);
        assert_eq!(codes(&plan), expected);
        assert!(plan.steps.is_empty());
    }
}

#[test]
fn the_digest_covers_the_touched_objects() {
    let declared = Declared::default().policy("p", 1).has("alice", "p");
    let world = World::new().with("p", 0).attached("alice", "p").attached("zoe", "");
    let digest = |world: &World| planned(&declared, world).digest;
    let unrelated = world.clone().with("other", 2).attached("zoe", "other");
    assert_eq!(digest(&world), digest(&unrelated));
    for drifted in [world.clone().with("p", 2), world.clone().attached("alice", ""), world.clone().attached("zoe", "p")]
    {
        assert_ne!(digest(&world), digest(&drifted));
    }
    assert_ne!(digest(&world), plan(&declared.0, &world.observed("5.1.3")).digest, "another release");
    let mut settled = Declared::default().policy("p", 1).has("alice", "p");
    settled.0.guards.max_removals = vec![Limit::Number(9)];
    assert_ne!(digest(&world), planned(&settled, &world).digest, "another guard");
    let digest = digest(&world);
    assert!(digest.approved_by(digest.as_str()) && digest.approved_by(digest.short()));
    assert!(!digest.approved_by(&digest.short()[..31]) && !digest.approved_by(""));
}

#[test]
fn keys_are_revoked_before_the_detach_while_the_user_still_has_its_policy() {
    let world = World::new().with("p", 0).attached("dave", "p").attached("erin", "");
    let declared = Declared::default().absent("p").revoked("dave").revoked("erin");
    let plan = planned(&declared, &world);
    assert_eq!(
        calls(&plan),
        [
            "1 revoke the keys of dave after ".to_owned(),
            "2 detach p from dave after 1".to_owned(),
            "3 remove policy p after 2".to_owned(),
        ]
    );
    assert_eq!(plan.changes[1].notes, [crate::plan::Note::KeysRevoked]);
    assert!(plan.may_create_keys().is_empty() && !plan.is_refused(), "a pair that is thrown away needs no destination");
    assert_ne!(plan.digest, planned(&Declared::default().absent("p").detached("dave").revoked("erin"), &world).digest);
}

#[test]
fn keys_that_cannot_be_revoked_block_the_plan() {
    let world = World::new().attached("dave", "readonly").attached("erin", "");
    let declared = Declared::default().revoked("dave").revoked("erin");
    for (release, can, part) in [("5.1.2", false, "this cluster has no call"), ("4.4.8", true, "before 5.1")] {
        let mut observed = world.observed(release);
        observed.keys_can_be_generated = can;
        let plan = plan(&declared.0, &observed);
        // Of the user that has no policy, too.
        assert_eq!(codes(&plan), ["keys-cannot-be-revoked"; 2]);
        assert!(plan.steps.is_empty() && plan.findings[0].message.contains(part), "{:?}", plan.findings);
    }
}

#[test]
fn keys_of_a_user_without_a_policy_are_not_silently_kept() {
    let world = World::new().with("p", 0).attached("erin", "").attached("bob", "p");
    let alone = planned(&Declared::default().revoked("erin"), &world);
    assert!(alone.is_blocked() && alone.findings[0].message.contains("`erin` cannot be revoked: it has no policy"));
    assert!(alone.findings[0].help.as_ref().unwrap().contains("keys-generate --user erin"));
    // What else there is to do is not held up: it may be the rest of an interrupted run.
    let more = planned(&Declared::default().revoked("erin").detached("bob"), &world);
    assert!(!more.is_blocked() && more.steps.len() == 1 && codes(&more) == ["keys-cannot-be-revoked"]);
    assert!(planned(&Declared::default().detached("erin"), &world).findings.is_empty());
}

#[test]
fn attached_users_may_get_a_key_pair_from_5_1() {
    let world = World::new().with("p", 0).attached("alice", "").attached("bob", "readonly").attached("carol", "p");
    let mut declared = Declared::default().policy("p", 1).has("alice", "p").has("bob", "p").has("carol", "p");
    for gap in [false, true] {
        let plan = planned(&declared, &world);
        let all = ["alice", "bob", "carol"].map(super::user);
        assert!(plan.may_create_keys().iter().eq(all.iter()), "gap {gap}");
        assert_eq!(plan.steps_that_may_create_keys().len(), 3, "gap {gap}");
        let new_keys = plan.new_keys.as_ref().unwrap();
        assert!(new_keys.users.iter().eq(&all[..1]) && new_keys.users_with_policy.iter().eq(&all[1..]), "{new_keys:?}");
        assert_eq!(new_keys.destination, None);
        assert_eq!(plan.refusals[0].code.id, "no-credentials-destination");
        assert!(plan.refusals[0].message.contains("`alice`"));
        declared = declared.gap();
    }
    let older = plan(&declared.0, &world.observed("5.0.1"));
    assert!(older.may_create_keys().is_empty() && !older.is_refused());
    declared.0.credentials = Some(crate::desired::Destination::File { dir: "secrets".into() });
    assert!(!planned(&declared, &world).is_refused());
}

/// A document that lets all objects under these paths be read.
fn reading(paths: &[&str]) -> Document {
    let resources: Vec<_> = paths.iter().map(|path| format!("\"arn:aws:s3:::{path}/*\"")).collect();
    let resources = resources.join(",");
    of_statements(&format!(r#"{{"Effect": "Allow", "Action": "s3:GetObject", "Resource": [{resources}]}}"#))
}

const NARROW: &[&str] = &["data"];
/// As narrow, in other words.
const REWORDED: &[&str] = &["data", "data/raw"];
const WIDE: &[&str] = &["data", "logs"];

fn there(mut world: World, name: &str, paths: &[&str]) -> World {
    world.policies.insert(policy(name), normal(&reading(paths)));
    world
}

fn changes(plan: &Plan) -> Vec<String> {
    let mut changes: Vec<String> = Vec::new();
    for step in &plan.steps {
        let change = step.change.to_string();
        if !changes.contains(&change) {
            changes.push(change);
        }
    }
    changes
}

#[test]
fn tightening_changes_come_first_and_widening_ones_last() {
    let mut world = there(World::new(), "a-widens", NARROW).attached("ua", "a-widens");
    world = there(world, "b-neutral", NARROW).attached("ub", "b-neutral");
    world = there(world, "c-tightens", WIDE).attached("uc", "c-tightens");
    world = there(there(there(world, "narrow", NARROW), "reworded", REWORDED), "wide", WIDE);
    world = world.attached("va-widens", "narrow").attached("vb-neutral", "narrow").attached("vc-tightens", "wide");
    world = world.attached("wa-comes", "").attached("wz-goes", "wide");
    let mut declared = Declared::default().document("a-widens", reading(WIDE));
    declared = declared.document("b-neutral", reading(REWORDED));
    declared = declared.document("c-tightens", reading(NARROW));
    declared = declared.document("x-new", reading(NARROW)).document("d-new", reading(NARROW));
    declared = declared.has("va-widens", "wide").has("vb-neutral", "reworded").has("vc-tightens", "x-new");
    declared = declared.has("wa-comes", "d-new").detached("wz-goes");
    let expected = [
        "user/wz-goes",
        "policy/c-tightens",
        "policy/x-new",
        "user/vc-tightens",
        "policy/b-neutral",
        "user/vb-neutral",
        "policy/a-widens",
        "user/va-widens",
        "policy/d-new",
        "user/wa-comes",
    ];
    assert_eq!(changes(&plan(&declared.0, &world.observed("5.1.2"))), expected);
    // Room for the new policies and for one temporary policy at a time.
    let little_room = world.room(3);
    let order = changes(&plan(&declared.0, &little_room.observed("5.1.2")));
    let place = |change: &str| order.iter().position(|other| other == change);
    assert!(place("policy/c-tightens") < place("policy/b-neutral"), "{order:?}");
    assert!(place("policy/b-neutral") < place("policy/a-widens"), "{order:?}");
}

#[test]
fn a_replacement_widens_if_any_user_gains_access() {
    // The one user comes from a temporary policy of a wide document, so that it loses what the other gains.
    let mut world = there(World::new(), "a-mixed", NARROW).attached("ua", "a-mixed");
    let temporary = policy("a-mixed").temporary("00000000");
    world.policies.insert(temporary.clone(), normal(&reading(&["data", "logs", "old"])));
    world = world.attached("ub", temporary.as_str());
    world = there(world, "b-neutral", NARROW).attached("uc", "b-neutral");
    let declared = Declared::default().document("a-mixed", reading(WIDE)).document("b-neutral", reading(REWORDED));
    assert_eq!(changes(&plan(&declared.0, &world.observed("5.1.2"))), ["policy/b-neutral", "policy/a-mixed"]);
}
