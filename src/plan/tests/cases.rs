//! Plans of single situations, call by call.

use super::world::{Wish, World, temporary};
use crate::desired::Limit;
use crate::plan::{Plan, plan};
use crate::render::text::call;

fn planned(wish: &Wish, world: &World) -> Plan {
    plan(&wish.0, &world.observed("5.1.2"))
}

/// The calls in order, with the numbers of the steps each waits for.
fn calls(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| {
            let after: Vec<String> = step.after.iter().map(ToString::to_string).collect();
            format!("{} {} after {}", step.id, call(&step.call), after.join(","))
        })
        .collect()
}

fn codes(plan: &Plan) -> Vec<&'static str> {
    plan.findings.iter().map(|finding| finding.code.id).collect()
}

#[test]
fn a_swap_keeps_declared_and_undeclared_holders_throughout() {
    let world = World::new().with("p", 0).holding("alice", "p").holding("zoe", "p");
    let plan = planned(&Wish::default().policy("p", 1).holds("alice", "p"), &world);
    let temporary = temporary("p", 1);
    let size = super::world::normal(1).len();
    assert_eq!(
        calls(&plan),
        [
            format!("1 add policy {temporary} ({size} bytes) after "),
            format!("2 attach {temporary} to alice after 1"),
            format!("3 attach {temporary} to zoe after 1"),
            "4 remove policy p after 1,2,3".to_owned(),
            format!("5 add policy p ({size} bytes) after 4"),
            "6 attach p to alice after 2,5".to_owned(),
            "7 attach p to zoe after 3,5".to_owned(),
            format!("8 remove policy {temporary} after 5,6,7"),
        ]
    );
}

#[test]
fn an_unheld_policy_is_replaced_without_a_stand_in() {
    let plan = planned(&Wish::default().policy("p", 1), &World::new().with("p", 0));
    assert_eq!(plan.steps.len(), 2);
}

#[test]
fn a_gap_detaches_and_attaches() {
    let world = World::new().with("p", 0).holding("alice", "p");
    let plan = planned(&Wish::default().policy("p", 1).holds("alice", "p").gap(), &world);
    let size = super::world::normal(1).len();
    assert_eq!(
        calls(&plan),
        [
            "1 detach p from alice after ".to_owned(),
            "2 remove policy p after 1".to_owned(),
            format!("3 add policy p ({size} bytes) after 2"),
            "4 attach p to alice after 1,3".to_owned(),
        ]
    );
}

#[test]
fn without_room_for_a_stand_in_a_swap_becomes_a_gap_and_says_so() {
    let world = World::new().with("p", 0).holding("alice", "p").room(0);
    let plan = planned(&Wish::default().policy("p", 1).holds("alice", "p"), &world);
    assert_eq!(plan.steps.len(), 4);
    assert_eq!(plan.changes[0].notes, [crate::plan::Note::NoRoom]);
}

#[test]
fn with_room_for_one_swaps_follow_each_other() {
    let world = World::new().with("p", 0).with("q", 0).holding("alice", "p").holding("bob", "q").room(1);
    let plan = planned(&Wish::default().policy("p", 1).policy("q", 1).holds("alice", "p").holds("bob", "q"), &world);
    assert!(!plan.is_blocked());
    assert_eq!(plan.steps.len(), 12);
}

#[test]
fn a_user_moves_with_one_call_and_waits_for_the_new_policy_only() {
    let world = World::new().holding("alice", "readwrite");
    let plan = planned(&Wish::default().policy("p", 1).holds("alice", "p"), &world);
    let size = super::world::normal(1).len();
    assert_eq!(
        calls(&plan),
        [format!("1 add policy p ({size} bytes) after "), "2 attach p to alice after 1".to_owned()]
    );
}

#[test]
fn an_interrupted_swap_is_finished_although_the_name_is_gone() {
    let held = temporary("p", 1);
    let world = World::new().with_stand_in("p", 1).holding("alice", held.as_str()).holding("zoe", held.as_str());
    let plan = planned(&Wish::default().policy("p", 1).holds("alice", "p"), &world);
    assert_eq!(plan.steps.len(), 4, "{:?}", calls(&plan));
    assert_eq!(plan.changes.len(), 1);
}

#[test]
fn a_temporary_policy_of_a_policy_that_nobody_here_declares_stays_as_it_is() {
    let held = temporary("p", 1);
    let world = World::new().with_stand_in("p", 1).holding("zoe", held.as_str());
    for world in [world.clone(), world.with("p", 0)] {
        let plan = planned(&Wish::default().policy("q", 1), &world);
        assert_eq!(plan.steps.len(), 1, "{:?}", calls(&plan));
        assert_eq!(codes(&plan), ["unmanaged-temporary-policy"]);
        assert_eq!(plan.unmanaged.users, [super::world::user("zoe")]);
        assert!(plan.effects.is_empty());
    }
}

#[test]
fn what_no_file_names_and_nobody_owns_is_left_alone() {
    let world = World::new().with("other", 0).with("ml-old", 1).holding("zoe", "other");
    let plan = planned(&Wish::default().owning(&["ml-*"], &[]), &world);
    assert_eq!(calls(&plan), ["1 remove policy ml-old after "]);
    assert_eq!(plan.unmanaged.policies, [super::world::policy("other")]);
    assert_eq!(plan.unmanaged.predefined.len(), 3);
    assert_eq!(plan.unmanaged.users, [super::world::user("zoe")]);
}

#[test]
fn what_cannot_be_done_is_found_before_the_first_call() {
    let world = World::new().with("held", 0).holding("zoe", "held").holding("bob", "");
    let cases = [
        (Wish::default().absent("held"), vec!["attached-to-unmanaged-user"]),
        (Wish::default().holds("nobody", "readonly"), vec!["no-such-user"]),
        (Wish::default().holds("bob", "redonly"), vec!["no-such-policy"]),
        (Wish::default().owning(&["held"], &[]).holds("zoe", "held"), vec!["attached-but-not-declared"]),
        (Wish::default().detached("nobody"), vec!["detached-user-absent"]),
    ];
    for (wish, expected) in cases {
        let plan = planned(&wish, &world);
        assert_eq!(codes(&plan), expected);
        assert!(plan.steps.is_empty());
    }
}

#[test]
fn where_nobody_tells_who_holds_what_only_additions_are_planned() {
    let mut observed = World::new().with("p", 0).holding("bob", "").observed("3.14.2");
    observed.attachments_known = false;
    let refused = plan(&Wish::default().policy("p", 1).holds("bob", "p").0, &observed);
    assert_eq!(codes(&refused), ["attachments-unknown", "attachments-unknown"]);
    assert!(refused.steps.is_empty());
    let added = plan(&Wish::default().policy("q", 1).0, &observed);
    assert_eq!(added.steps.len(), 1);
}

#[test]
fn the_digest_is_of_what_the_plan_touches() {
    let wish = Wish::default().policy("p", 1).holds("alice", "p");
    let world = World::new().with("p", 0).holding("alice", "p").holding("zoe", "");
    let digest = |world: &World| planned(&wish, world).digest;
    let unrelated = world.clone().with("other", 2).holding("zoe", "other");
    assert_eq!(digest(&world), digest(&unrelated));
    for drifted in [world.clone().with("p", 2), world.clone().holding("alice", ""), world.clone().holding("zoe", "p")] {
        assert_ne!(digest(&world), digest(&drifted));
    }
    assert_ne!(digest(&world), plan(&wish.0, &world.observed("5.1.3")).digest, "another release");
    let mut settled = Wish::default().policy("p", 1).holds("alice", "p");
    settled.0.guards.max_removals = vec![Limit::Number(9)];
    assert_ne!(digest(&world), planned(&settled, &world).digest, "another guard");
    let digest = digest(&world);
    assert!(digest.approved_by(digest.as_str()) && digest.approved_by(digest.short()));
    assert!(!digest.approved_by(&digest.short()[..31]) && !digest.approved_by(""));
}

#[test]
fn keys_are_retired_before_the_detach_while_the_user_still_holds_its_policy() {
    let world = World::new().with("p", 0).holding("dave", "p").holding("erin", "");
    let wish = Wish::default().absent("p").revoked("dave").revoked("erin");
    let plan = planned(&wish, &world);
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
    assert_ne!(plan.digest, planned(&Wish::default().absent("p").detached("dave").revoked("erin"), &world).digest);
}

#[test]
fn keys_that_cannot_be_retired_stand_in_the_way_only_of_who_is_detached() {
    let world = World::new().holding("dave", "readonly").holding("erin", "");
    let wish = Wish::default().revoked("dave").revoked("erin");
    for (release, can, part) in [("5.1.2", false, "no documented REST call"), ("4.4.8", true, "before 5.1")] {
        let mut observed = world.observed(release);
        observed.keys_can_be_generated = can;
        let plan = plan(&wish.0, &observed);
        // Of the user that has no policy, too.
        assert_eq!(codes(&plan), ["keys-cannot-be-revoked"; 2]);
        assert!(plan.steps.is_empty() && plan.findings[0].message.contains(part), "{:?}", plan.findings);
    }
}

#[test]
fn keys_of_a_user_that_has_no_policy_are_not_retired_in_silence() {
    let world = World::new().with("p", 0).holding("erin", "").holding("bob", "p");
    let alone = planned(&Wish::default().revoked("erin"), &world);
    assert!(alone.is_blocked() && alone.findings[0].message.contains("`erin` cannot be revoked: it has no policy"));
    assert!(alone.findings[0].help.as_ref().unwrap().contains("keys-generate --user erin"));
    // What else there is to do is not held up: it may be the rest of an interrupted run.
    let more = planned(&Wish::default().revoked("erin").detached("bob"), &world);
    assert!(!more.is_blocked() && more.steps.len() == 1 && codes(&more) == ["keys-cannot-be-revoked"]);
    assert!(planned(&Wish::default().detached("erin"), &world).findings.is_empty());
}

#[test]
fn who_may_get_a_key_pair_is_who_is_attached_from_nothing_where_key_pairs_are() {
    let world = World::new().with("p", 0).holding("alice", "").holding("bob", "readonly").holding("carol", "p");
    let mut wish = Wish::default().policy("p", 1).holds("alice", "p").holds("bob", "p").holds("carol", "p");
    for gap in [false, true] {
        let plan = planned(&wish, &world);
        let all = ["alice", "bob", "carol"].map(super::world::user);
        assert!(plan.may_create_keys().iter().eq(all.iter()), "gap {gap}");
        assert_eq!(plan.steps_that_may_create_keys().len(), 3, "gap {gap}");
        let note = plan.findings.iter().find(|finding| finding.code.id == "first-keys-may-be-created").unwrap();
        assert!(note.message.contains("for `bob`, `carol`; its secret goes to an emergency file"), "{note:?}");
        assert_eq!(plan.refusals[0].code.id, "no-credentials-destination");
        assert!(plan.refusals[0].message.contains("`alice`"));
        wish = wish.gap();
    }
    let older = plan(&wish.0, &world.observed("5.0.1"));
    assert!(older.may_create_keys().is_empty() && !older.is_refused());
    wish.0.credentials = Some(crate::desired::Destination::File { dir: "secrets".into() });
    assert!(!planned(&wish, &world).is_refused());
}
