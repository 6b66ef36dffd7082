//! In what order changes are made that do not wait for each other.

use super::world::{Wish, World, policy};
use crate::desired::{Authored, PolicyIntent};
use crate::plan::{Plan, plan};
use crate::policy::{Document, normal, read};

/// A document that lets all objects under these paths be read.
fn reading(paths: &[&str]) -> Document {
    let resources: Vec<_> = paths.iter().map(|path| format!("\"arn:aws:s3:::{path}/*\"")).collect();
    let statement =
        format!(r#"{{"Effect": "Allow", "Action": "s3:GetObject", "Resource": [{}]}}"#, resources.join(","));
    read(&format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#)).document.expect("a document")
}

const NARROW: &[&str] = &["data"];
/// As narrow, in other words.
const REWORDED: &[&str] = &["data", "data/raw"];
const WIDE: &[&str] = &["data", "logs"];

fn there(mut world: World, name: &str, paths: &[&str]) -> World {
    world.policies.insert(policy(name), normal(&reading(paths)));
    world
}

fn wished(wish: Wish, name: &str, paths: &[&str]) -> Wish {
    let mut wish = wish.policy(name, 0);
    if let Some(PolicyIntent::Present(authored)) = wish.0.policies.get_mut(&policy(name)).map(|entry| &mut entry.intent)
    {
        *authored = Authored::new(reading(paths), None);
    }
    wish
}

/// The changes in the order of their first calls.
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
fn what_tightens_comes_first_and_what_widens_last() {
    let mut world = there(World::new(), "a-widens", NARROW).holding("ua", "a-widens");
    world = there(world, "b-neutral", NARROW).holding("ub", "b-neutral");
    world = there(world, "c-tightens", WIDE).holding("uc", "c-tightens");
    world = there(there(there(world, "narrow", NARROW), "reworded", REWORDED), "wide", WIDE);
    world = world.holding("va-widens", "narrow").holding("vb-neutral", "narrow").holding("vc-tightens", "wide");
    world = world.holding("wa-comes", "").holding("wz-goes", "wide");
    let mut wish = wished(Wish::default(), "a-widens", WIDE);
    wish = wished(wish, "b-neutral", REWORDED);
    wish = wished(wish, "c-tightens", NARROW);
    wish = wished(wished(wish, "x-new", NARROW), "d-new", NARROW);
    wish = wish.holds("va-widens", "wide").holds("vb-neutral", "reworded").holds("vc-tightens", "x-new");
    wish = wish.holds("wa-comes", "d-new").detached("wz-goes");
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
    assert_eq!(changes(&plan(&wish.0, &world.observed("5.1.2"))), expected);
    // Room for the new policies and for one stand-in at a time.
    let little_room = world.room(3);
    let order = changes(&plan(&wish.0, &little_room.observed("5.1.2")));
    let place = |change: &str| order.iter().position(|other| other == change);
    assert!(place("policy/c-tightens") < place("policy/b-neutral"), "{order:?}");
    assert!(place("policy/b-neutral") < place("policy/a-widens"), "{order:?}");
}

#[test]
fn a_replacement_widens_when_it_does_for_any_holder() {
    // The one user comes from a stand-in of a wide document, so that it loses what the other gains.
    let mut world = there(World::new(), "a-mixed", NARROW).holding("ua", "a-mixed");
    let temporary = policy("a-mixed").transit("00000000");
    world.policies.insert(temporary.clone(), normal(&reading(&["data", "logs", "old"])));
    world = world.holding("ub", temporary.as_str());
    world = there(world, "b-neutral", NARROW).holding("uc", "b-neutral");
    let wish = wished(wished(Wish::default(), "a-mixed", WIDE), "b-neutral", REWORDED);
    assert_eq!(changes(&plan(&wish.0, &world.observed("5.1.2"))), ["policy/b-neutral", "policy/a-mixed"]);
}
