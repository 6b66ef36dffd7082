//! What the guards refuse, held against what a run of the plan would do.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Declared, Scene, World, of_statements, planned, policy, refused, run, scenes, temporary, who};
use crate::base::{Finding, NamePatterns, PolicyName, Principal};
use crate::desired::{Guards, Limit, ObjectPatterns, Override};
use crate::observed::Body;
use crate::plan::{Plan, plan};
use crate::policy::{Document, Normal, normal};

fn guarded(declared: &Declared, guards: Guards) -> Declared {
    let mut declared = declared.clone();
    declared.0.guards = guards;
    declared
}

fn protected(patterns: &[&str]) -> NamePatterns {
    patterns.iter().map(|text| text.parse().unwrap()).collect()
}

/// What the guards of the file refuse; whatever else may be refused is not of this page.
fn refusals(plan: &Plan) -> Vec<&Finding> {
    plan.refusals.iter().filter(|refusal| refusal.code.id.starts_with("guard-")).collect()
}

/// A document that gives nothing: what it allows it denies.
fn nothing() -> Document {
    of_statements(
        r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"},
        {"Effect":"Deny","Action":"s3:*","Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}"#,
    )
}

fn none_detached() -> Guards {
    Guards { max_detached: vec![Limit::Number(0)], ..Guards::default() }
}

fn protecting(users: &[&str], policies: &[&str]) -> Guards {
    let (users, policies) = (protected(users), protected(policies));
    Guards { protected: ObjectPatterns { users, policies, ..ObjectPatterns::default() }, ..Guards::default() }
}

#[test]
fn users_of_a_policy_that_gives_nothing_any_more_are_left_without_access() {
    let world = World::new().with("p", 0).attached("alice", "p").attached("bob", "readonly").attached("zoe", "p");
    let declared = Declared::default().has("alice", "p").has("bob", "p").document("p", nothing());
    let plan = planned(&guarded(&declared, none_detached()), &world);
    let message = "3 users would be left without access: `alice`, `bob` and `zoe`; at most 0 may be";
    assert_eq!(refusals(&plan)[0].message, message);
    let plan = planned(&guarded(&declared, protecting(&["alice", "zoe"], &[])), &world);
    assert_eq!(refused(&plan), ["guard-protected-user"; 2]);
    assert!(refusals(&plan)[1].message.ends_with("left without access by the new document of `p`"));
}

#[test]
fn users_without_access_lose_none() {
    let mut world = World::new().attached("alice", "q").attached("dave", "");
    for name in ["p", "q"] {
        world.policies.insert(policy(name), normal(&nothing()));
    }
    let declared = Declared::default().has("alice", "p").has("dave", "p").document("p", nothing());
    assert_eq!(refused(&planned(&guarded(&declared, none_detached()), &world)), [""; 0]);
    let detached = guarded(&Declared::default().detached("alice").detached("dave"), none_detached());
    assert_eq!(refused(&planned(&detached, &world)), ["guard-detached"]);
}

#[test]
fn an_unreadable_document_counts_as_giving_nothing() {
    let mut observed = World::new().with("odd", 0).attached("alice", "readonly").observed("5.1.2");
    observed.policies.insert(policy("odd"), Body::Unreadable("?".to_owned()));
    let declared = guarded(&Declared::default().has("alice", "odd"), none_detached());
    assert_eq!(refused(&plan(&declared.0, &observed)), ["guard-detached"]);
}

#[test]
fn a_gap_is_no_detach_but_protected_users_have_none() {
    let world = World::new().with("p", 0).attached("alice", "p");
    let declared = Declared::default().policy("p", 1).has("alice", "p").gap();
    assert_eq!(refused(&planned(&guarded(&declared, none_detached()), &world)), [""; 0]);
    assert_eq!(refused(&planned(&guarded(&declared, protecting(&["a*"], &[])), &world)), ["guard-protected-user"]);
    let swapped = Declared::default().policy("p", 1).has("alice", "p");
    let plan = planned(&guarded(&swapped, protecting(&["a*"], &[])), &world);
    assert!(refused(&plan).is_empty() && !plan.steps.is_empty());
    let no_room = planned(&guarded(&swapped, protecting(&["a*"], &[])), &world.room(0));
    assert_eq!(refused(&no_room), ["guard-protected-user"]);
}

#[test]
fn a_temporary_policy_counts_only_if_it_is_attached() {
    let none = Guards { max_removals: vec![Limit::Number(0)], ..Guards::default() };
    let declared = guarded(&Declared::default().absent("p").detached("alice"), none);
    let rubbish = World::new().with_temporary("p", 1).attached("alice", "");
    let plan = planned(&declared, &rubbish);
    assert!(refused(&plan).is_empty() && plan.steps.len() == 1);
    let held = rubbish.attached("alice", temporary("p", 1).as_str());
    assert_eq!(refused(&planned(&declared, &held)), ["guard-removals"]);
    assert_eq!(refused(&planned(&declared, &held.with("p", 0))), ["guard-removals"]);
}

#[test]
fn an_interrupted_replacement_of_a_protected_policy_is_finished_as_it_was_begun() {
    let held = temporary("p", 1);
    let gone = World::new().with_temporary("p", 1).attached("alice", held.as_str());
    let back = gone.clone().with("p", 1);
    let begun = back.clone().with("p", 0);
    for (world, number, expected) in [
        (&gone, 1, vec![]),
        (&back, 1, vec![]),
        (&gone, 2, vec!["guard-protected-policy"]),
        (&back, 2, vec!["guard-protected-policy"]),
        (&begun, 1, vec!["guard-protected-policy"]),
    ] {
        let declared = Declared::default().policy("p", number).has("alice", "p");
        let plan = planned(&guarded(&declared, protecting(&[], &["p"])), world);
        assert!(!plan.steps.is_empty());
        assert_eq!(refused(&plan), expected);
    }
}

#[test]
fn the_user_that_is_logged_in_is_protected_unless_declared() {
    let world = World::new().attached("admin", "readwrite");
    let owned = Declared::default().owning(&[], &["*"]);
    assert_eq!(refused(&planned(&owned, &world)), ["guard-own-user"]);
    let both = guarded(&owned, protecting(&["adm*"], &[]));
    assert_eq!(refused(&planned(&both, &world)), ["guard-protected-user"]);
    for meant in [Declared::default().detached("admin"), Declared::default().has("admin", "readonly")] {
        let plan = planned(&meant, &world);
        assert!(refused(&plan).is_empty() && !plan.steps.is_empty());
    }
    let mut emptied = World::new().with("p", 0).attached("admin", "p");
    let plan = planned(&Declared::default().document("p", nothing()), &emptied);
    assert_eq!(refused(&plan), ["guard-own-user"]);
    emptied = emptied.attached("admin", "");
    assert_eq!(refused(&planned(&Declared::default().document("p", nothing()), &emptied)), [""; 0]);
}

#[test]
fn an_override_stands_for_the_limits_of_the_file() {
    let world = World::new().with("p", 0).with("q", 0).with("r", 0);
    let declared = Declared::default().absent("p").absent("q");
    let refuses = |file: &[Limit], run: &[Limit]| {
        let overrides = run.iter().copied().map(Override::MaxRemovals).collect();
        let plan = planned(
            &guarded(&declared, Guards { max_removals: file.to_vec(), overrides, ..Guards::default() }),
            &world,
        );
        (!refused(&plan).is_empty(), plan.overrides.len())
    };
    let (one, two, half, most) = (Limit::Number(1), Limit::Number(2), Limit::Percent(50), Limit::Percent(67));
    assert_eq!(refuses(&[], &[]), (false, 0));
    assert_eq!(refuses(&[two, most], &[]), (false, 0));
    assert_eq!(refuses(&[two, half], &[]), (true, 0));
    assert_eq!(refuses(&[one], &[two]), (false, 1));
    assert_eq!(refuses(&[one], &[two, most]), (false, 2));
    assert_eq!(refuses(&[one], &[two, half]), (true, 0));
    assert_eq!(refuses(&[two], &[one]), (true, 0));
    assert_eq!(refuses(&[two], &[most]), (false, 0));
}

/// The policy that a name counts as: a temporary policy counts as its policy where that one is declared or owned.
fn counts_as(declared: &Declared, name: &PolicyName) -> PolicyName {
    let ours =
        |policy: &PolicyName| declared.0.policies.contains_key(policy) || declared.0.ownership.covers_policy(policy);
    name.temporary_for().filter(ours).unwrap_or_else(|| name.clone())
}

/// The policies there are, with every document that anybody has access by under that name.
fn documents<'w>(declared: &Declared, world: &'w World) -> BTreeMap<PolicyName, BTreeSet<&'w Normal>> {
    let mut documents: BTreeMap<PolicyName, BTreeSet<&Normal>> = BTreeMap::new();
    let held: BTreeSet<&PolicyName> = world.attached.values().flatten().collect();
    for (name, document) in &world.policies {
        let policy = counts_as(declared, name);
        if !name.is_predefined() && (policy == *name || held.contains(name)) {
            documents.entry(policy).or_default().insert(document);
        }
    }
    documents
}

fn holders<'w>(declared: &Declared, world: &'w World) -> BTreeMap<&'w Principal, PolicyName> {
    world.attached.iter().filter_map(|(who, held)| Some((who, counts_as(declared, held.as_ref()?)))).collect()
}

/// The world after the plan; `None` if it is blocked.
fn after(scene: &Scene, plan: &Plan) -> Option<World> {
    let mut world = scene.world.clone();
    (!plan.is_blocked()).then(|| run(plan, &mut world, &scene.choices, usize::MAX, |_| Ok(())).unwrap())?;
    Some(world)
}

fn limits() -> impl Strategy<Value = Limit> {
    prop_oneof![(0..4_usize).prop_map(Limit::Number), (0..=100_u8).prop_map(Limit::Percent)]
}

fn strict() -> Guards {
    let (max_removals, max_detached) = (vec![Limit::Number(0)], vec![Limit::Percent(0)]);
    Guards { max_removals, max_detached, ..protecting(&["*"], &["*"]) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn limits_refuse_what_a_run_would_exceed(scene in scenes(false), limit in limits()) {
        let guards = Guards { max_removals: vec![limit], max_detached: vec![limit], ..Guards::default() };
        let plan = planned(&guarded(&scene.declared, guards), &scene.world);
        let Some(after) = after(&scene, &plan) else { return Ok(()) };
        let (there, then) = (documents(&scene.declared, &scene.world), documents(&scene.declared, &after));
        let removed = there.keys().filter(|name| !then.contains_key(*name)).count();
        let (held, still) = (holders(&scene.declared, &scene.world), holders(&scene.declared, &after));
        let detached = held.keys().filter(|user| !still.contains_key(*user)).count();
        let exceeded = |count: usize, all: usize| match limit {
            Limit::Number(most) => count > most,
            Limit::Percent(percent) => all == 0 && count > 0 || count as f64 / all as f64 > f64::from(percent) / 100.0,
        };
        prop_assert_eq!(refused(&plan).contains(&"guard-removals"), exceeded(removed, there.len()), "{:?}", plan.refusals);
        prop_assert_eq!(refused(&plan).contains(&"guard-detached"), exceeded(detached, held.len()), "{:?}", plan.refusals);
    }

    #[test]
    fn a_plan_that_is_not_refused_touches_nothing_protected(scene in scenes(false), which in 0..4_usize) {
        let guards = [protecting(&["*"], &[]), protecting(&[], &["*"]), protecting(&["ua", "ub"], &["pa"]), strict()];
        let declared = guarded(&scene.declared, guards[which].clone());
        let plan = planned(&declared, &scene.world);
        let Some(after) = after(&scene, &plan).filter(|_| refused(&plan).is_empty()) else { return Ok(()) };
        let guards = &declared.0.guards;
        let then = documents(&scene.declared, &after);
        for (name, bodies) in documents(&scene.declared, &scene.world) {
            prop_assert!(!guards.protected.covers_policy(&name) || then.get(&name) == Some(&bodies), "{}", name);
        }
        let (held, still) = (holders(&scene.declared, &scene.world), holders(&scene.declared, &after));
        let safe: BTreeSet<_> = held.keys().filter(|who| guards.protected.covers(who)).collect();
        for user in &safe {
            prop_assert_eq!(held.get(**user), still.get(**user), "{}", user);
        }
        let kept = |world: &World| safe.iter().all(|user| world.access(user).is_some());
        run(&plan, &mut scene.world.clone(), &scene.choices, usize::MAX, |world| {
            if kept(world) { Ok(()) } else { Err("a protected user is without access".to_owned()) }
        })
        .map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_overrides_that_a_refusal_names_let_the_same_plan_through(scene in scenes(false)) {
        let mut declared = guarded(&scene.declared, strict());
        let strict = planned(&declared, &scene.world);
        for refusal in refusals(&strict) {
            let help = refusal.help.as_deref().unwrap_or_default();
            let by = help.rsplit("--override ").next().unwrap_or_default();
            declared.0.guards.overrides.push(by.parse().map_err(|error| TestCaseError::fail(format!("{help}: {error}")))?);
        }
        let agreed = planned(&declared, &scene.world);
        prop_assert_eq!(refused(&agreed), [""; 0]);
        let overridden: Vec<_> = agreed.overrides.iter().map(|overridden| &overridden.refusal).collect();
        prop_assert_eq!(overridden, refusals(&strict));
        prop_assert_eq!(agreed.digest == strict.digest, declared.0.guards.overrides.is_empty());
        let unneeded = Override::Principal(who("nobody"));
        declared.0.guards.overrides.push(unneeded);
        prop_assert_eq!(planned(&declared, &scene.world).overrides, agreed.overrides);
    }
}

const DELETES: &str = r#"{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::logs/*"}"#;

#[test]
fn a_new_request_is_refused_though_no_action_is_new() {
    let kept = r#"{"Effect":"Deny","Action":"s3:DeleteObjectVersion","Resource":"arn:aws:s3:::logs/*"}"#;
    let world = World::new().with("p", 0).attached("alice", "p");
    let mut observed = world.observed("5.1.2");
    let before = of_statements(&format!("{DELETES},{kept}"));
    observed.policies.insert(policy("p"), Body::Known(normal(&before)));
    let mut declared = Declared::default().has("alice", "p").document("p", of_statements(DELETES)).strict();
    let refusing = plan(&declared.0, &observed);
    let [refusal] = refusals(&refusing)[..] else { panic!("{:?}", refusing.refusals) };
    assert_eq!(
        refusal.message,
        "user `alice` could delete versions for good on arn:aws:s3:::logs/* by the rules of minio-2026, for example \
         delete-version on arn:aws:s3:::logs/x"
    );
    let help = refusal.help.clone().unwrap();
    let exemption = help.split("--allow-access ").nth(1).unwrap().trim_matches('\'');
    assert_eq!(exemption, "alice:delete-version:logs/*");
    declared.0.guards.allow_access.push(exemption.parse().unwrap());
    assert_eq!(refusals(&plan(&declared.0, &observed)), [] as [&Finding; 0]);
}

#[test]
fn temporary_credentials_of_a_user_count_for_new_access() {
    let others = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/*",
        "Condition":{"StringNotEquals":{"aws:username":"alice"}}}"#;
    let world = World::new().with("p", 0).attached("alice", "p").attached("bob", "p");
    let mut observed = world.observed("5.1.2");
    observed.policies.insert(policy("p"), Body::Known(normal(&of_statements(DELETES))));
    let declared = Declared::default().has("alice", "p").has("bob", "p");
    let declared = declared.document("p", of_statements(&format!("{DELETES},{others}"))).strict();
    let shown = plan(&declared.0, &observed);
    let gaining = |name: &str| {
        let mut access = shown.changes.iter().flat_map(|change| &change.access);
        access.any(|of| of.holder.principal() == Some(&who(name)) && !of.access.gained.is_empty())
    };
    assert!(!gaining("alice") && gaining("bob"), "with their own keys");
    let refused: Vec<&str> = refusals(&shown).iter().map(|refusal| refusal.message.as_str()).collect();
    assert!(refused.iter().any(|message| message.starts_with("user `alice` would gain s3:GetObject")), "{refused:?}");
}
