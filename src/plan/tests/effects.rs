//! Effects that the list of changes does not name: who gets a policy by a name it has already, by a list, or unreported.

use super::{Declared, World, planned, policy, refused, user, who};
use crate::base::Principal;
use crate::observed::Observed;
use crate::plan::access::AccessCache;
use crate::plan::describe::not_shown;
use crate::plan::effects::Effects;
use crate::plan::{Change, ChangeKind, NotReported, Plan, plan};
use crate::policy::Catalogue;
use crate::policy::access::ALL_RULES;

fn gaining(plan: &Plan) -> Vec<Principal> {
    let shown = plan.changes.iter().flat_map(|change| &change.access);
    shown.filter(|of| !of.access.gains_nothing()).filter_map(|of| of.holder.principal().cloned()).collect()
}

#[test]
fn a_temporary_policy_of_a_predefined_one_is_a_policy_like_any_other() {
    let world = World::new()
        .with("attune-swap-deadbeef-readwrite", 1)
        .with("attune-swap-deadbeef-readonly", 2)
        .attached("mal", "attune-swap-deadbeef-readwrite")
        .attached("bob", "attune-swap-deadbeef-readonly");
    let other = planned(&Declared::default().policy("notes", 0).strict(), &world);
    assert_eq!(other.steps.len(), 1, "{:?}", other.steps);
    assert!(other.effects.is_empty() && other.refusals.is_empty());
    assert_eq!(other.unmanaged.users, [user("bob"), user("mal")]);
    let declared = planned(&Declared::default().has("bob", "readonly").strict(), &world);
    assert!(
        matches!(&declared.changes[0].kind, ChangeKind::Move { before, .. } if before.as_str().starts_with("attune-swap"))
    );
    assert_eq!(gaining(&declared), [who("bob")]);
    assert_eq!(refused(&declared), ["guard-protected-user", "guard-new-access"]);
}

#[test]
fn a_temporary_policy_counts_as_its_policy_only_while_that_is_replaced() {
    let name = "attune-swap-deadbeef-p";
    let world = World::new().with(name, 2).with("p", 0).attached("mal", name);
    for declared in [Declared::default().policy("q", 1), Declared::default().has("mal", "p")] {
        let plan = planned(&declared, &world);
        assert!(plan.changes.iter().all(|change| !matches!(change.kind, ChangeKind::ReplacePolicy { .. })));
    }
    let finished = planned(&Declared::default().policy("p", 0).strict(), &world);
    assert_eq!(gaining(&finished), [who("mal")]);
    assert_eq!(refused(&finished), ["guard-new-access"]);
}

#[test]
fn an_added_policy_is_given_to_everyone_who_has_its_name() {
    let declared = Declared::default().policy("etl", 1).strict();
    for name in ["mallory", "group/ops"] {
        let world = World::new().attached(name, "etl");
        let plan = planned(&declared, &world);
        assert_eq!(gaining(&plan), [who(name)]);
        assert_eq!(refused(&plan), ["guard-new-access"]);
        assert_eq!(plan.changes[0].attached().len(), 1);
        assert!(plan.unmanaged.users.is_empty() && plan.unmanaged.groups.is_empty());
        let before = World::new().attached(name, "");
        assert_ne!(plan.digest, planned(&declared, &before).digest, "an approval is not for those who came since");
    }
}

#[test]
fn users_that_should_leave_an_added_policy_never_have_it() {
    let world = World::new().attached("alice", "etl").attached("bob", "etl");
    let declared = Declared::default().policy("etl", 1).has("alice", "readonly").detached("bob");
    let plan = planned(&declared, &world);
    assert!(!plan.is_blocked(), "{:?}", plan.findings);
    assert_eq!(gaining(&plan), [who("alice")], "readonly, and not etl");
    super::run(&plan, &mut world.clone(), &[0], usize::MAX, |world| {
        let has = ["alice", "bob"].map(|name| world.access(&who(name)).cloned());
        match has.iter().flatten().any(|document| *document == super::normal(1)) {
            true => Err("a user has etl".to_owned()),
            false => Ok(()),
        }
    })
    .unwrap();
}

#[test]
fn a_plan_that_does_not_show_all_it_does_is_refused() {
    let world = World::new().attached("mallory", "etl");
    let declared = Declared::default().policy("etl", 1);
    let (desired, made) = (declared.0.clone(), planned(&declared, &world));
    let catalogue = Catalogue::newest();
    let effects = Effects::new(&made.steps, &world.observed("5.1.2"), &AccessCache::new(&catalogue, &ALL_RULES));
    assert!(not_shown(&desired, &made.changes, &made.steps, &effects).is_empty());
    let defects = |changes: &[Change]| not_shown(&desired, changes, &made.steps, &effects).len();
    assert_eq!(defects(&[]), 2, "neither the step nor the effect");
    let silent: Vec<Change> =
        made.changes.iter().map(|change| Change { access: Vec::new(), ..change.clone() }).collect();
    assert_eq!(defects(&silent), 1, "not the effect");
    let defective = Effects { defects: vec!["access on the way".to_owned()], ..Effects::default() };
    assert_eq!(not_shown(&desired, &made.changes, &[], &defective).len(), 1);
    let timeless = crate::desired::testing::desired("[users]\na = { policy = 'readonly', until = 2030-12-31 }\n");
    assert_eq!(not_shown(&timeless, &made.changes, &made.steps, &effects).len(), 1, "for which instant?");
}

#[test]
fn a_list_of_policies_gives_each_of_them() {
    let world = World::new().with("a", 0).attached("alice", "a,readonly");
    let replaced = planned(&Declared::default().policy("a", 1), &world);
    assert_eq!(replaced.findings[0].code.id, "several-policies-at-once", "{:?}", replaced.findings);
    assert!(replaced.steps.is_empty());
    assert_eq!(planned(&Declared::default().absent("a"), &world).findings[0].code.id, "several-policies-at-once");
    let moved = planned(&Declared::default().policy("a", 1).has("alice", "a").strict(), &world);
    assert_eq!(gaining(&moved), [who("alice")]);
    assert_eq!(refused(&moved), ["guard-protected-user", "guard-new-access"]);
    let added =
        planned(&Declared::default().policy("new", 1).strict(), &World::new().attached("alice", "new, readonly"));
    assert_eq!((gaining(&added), refused(&added)), (vec![who("alice")], vec!["guard-new-access"]));
    let of = added.changes[0].access.first().unwrap();
    assert!(of.access.loses_nothing(), "readonly stays: {:?}", of.access);
}

#[test]
fn an_unknown_policy_in_a_list_makes_access_undecided() {
    let world = World::new().with("a", 0).attached("alice", "a,b").attached("bob", "c,readonly");
    let mut observed = world.observed("5.1.2");
    observed.policies.insert(policy("b"), crate::observed::Body::Unreadable("?".to_owned()));
    observed.policies.insert(policy("c,readonly"), crate::observed::Body::NotRead);
    for name in ["alice", "bob"] {
        let plan = plan(&Declared::default().has(name, "readonly").strict().0, &observed);
        assert_eq!(gaining(&plan), [who(name)]);
        assert!(plan.changes[0].access[0].access.gained.is_empty(), "it is undecided");
        assert!(refused(&plan).contains(&"guard-new-access"));
    }
}

fn unreported(release: &str, groups_known: bool, identity_provider: Option<bool>) -> Observed {
    let world = World::new().with("p", 0);
    Observed { groups_known, identity_provider, ..world.observed(release) }
}

#[test]
fn new_access_of_unreported_users_is_undecided() {
    let (widened, added) = (Declared::default().policy("p", 1).strict(), Declared::default().policy("q", 1).strict());
    let codes = |declared: &Declared, observed: &Observed| refused(&plan(&declared.0, observed)).len();
    let over_rest = unreported("6.0.0", false, Some(false));
    assert_eq!((codes(&widened, &over_rest), codes(&added, &over_rest)), (1, 0));
    for provider in [None, Some(true)] {
        let federated = unreported("5.1.2", true, provider);
        assert_eq!((codes(&widened, &federated), codes(&added, &federated)), (1, 1), "{provider:?}");
    }
    for reported in [unreported("6.0.0", true, Some(false)), unreported("5.0.1", false, None)] {
        assert_eq!((codes(&widened, &reported), codes(&added, &reported)), (0, 0));
    }
    let plan = plan(&widened.0, &over_rest);
    let kinds = [NotReported::Groups, NotReported::ServiceAccounts, NotReported::BucketPolicies];
    assert_eq!(plan.unreported.kinds, kinds);
    assert_eq!(plan.unreported.by_name[0].policy, policy("p"));
    let help = plan.refusals[0].help.clone().unwrap();
    let mut agreed = widened;
    let exemption = help.split("--allow-access ").nth(1).unwrap().trim_matches('\'').parse().unwrap();
    agreed.0.guards.allow_access.push(exemption);
    assert_eq!(codes(&agreed, &over_rest), 0, "{help}");
}
