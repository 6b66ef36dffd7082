//! Apply a plan to the simulated cluster, observe, plan again: nothing. For random files against random clusters, for every
//! release, over real sockets.

use attune::cluster::observe;
use attune::plan::{Plan, plan};
use attune::sim::state::ClusterState;
use attune::sim::{Options, start};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::inside::{Safe, apply, client};
use crate::pairs::{Pair, desired, pairs, state};

/// How many random pairs are tried on each kind of cluster.
const PAIRS: usize = 24;

/// Whether there was a plan; panics if it does not end in the declared state.
async fn converges(pair: &Pair, release: &str, switches: &Value) -> bool {
    let running = start(Options::in_memory(state(pair, release, switches))).await.unwrap();
    let cluster = client(&running);
    let desired = desired(pair, release.starts_with('3'));
    let before = running.state().unwrap();
    let planned: Plan = plan(&desired, &observe(&cluster, &[&desired], 4).await.unwrap());
    if planned.is_blocked() {
        assert!(planned.steps.is_empty());
        return false;
    }
    let safe = Safe::new();
    let outcomes = apply(&planned, &cluster, &safe, 4).await;
    let bad: Vec<_> = outcomes.iter().filter(|outcome| !outcome.status.is_good()).collect();
    assert!(bad.is_empty(), "{release} {switches} {pair:?}: {bad:?}");
    let again = plan(&desired, &observe(&cluster, &[&desired], 4).await.unwrap());
    assert!(again.is_empty() && !again.is_blocked(), "{release} {switches} {pair:?}: {:?}", again.changes);
    let after = running.state().unwrap();
    assert_eq!(planned.steps.is_empty(), before == after, "{release} {switches} {pair:?}");
    assert!(!after.s3_deleted);
    kept(&before, &after, &safe);
    true
}

/// Every key pair that the cluster created is in the destination.
fn kept(before: &ClusterState, after: &ClusterState, safe: &Safe) {
    for (name, user) in &after.tenants["Root"].users {
        let Some(keys) = user.keys.as_ref().filter(|_| before.tenants["Root"].users[name].keys.is_none()) else {
            continue;
        };
        let record: Value = serde_json::from_slice(&std::fs::read(safe.of(name)).unwrap()).unwrap();
        assert_eq!((&record["access_key"], &record["secret_key"]), (&json!(keys.access_key), &json!(keys.secret_key)));
    }
}

fn hold(release: &str, switches: &Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::deterministic();
    let open = (0..PAIRS)
        .filter(|_| {
            let pair = pairs().new_tree(&mut runner).unwrap().current();
            runtime.block_on(converges(&pair, release, switches))
        })
        .count();
    assert!(open >= PAIRS / 6, "only {open} of {PAIRS} pairs have a plan on {release}");
}

#[test]
fn every_plan_is_a_fixpoint_on_4_0() {
    hold("4.0.6", &json!({}));
}

#[test]
fn every_plan_is_a_fixpoint_on_4_4() {
    hold("4.4.8", &json!({}));
}

#[test]
fn every_plan_is_a_fixpoint_on_5_1() {
    hold("5.1.2", &json!({}));
}

#[test]
fn every_plan_is_a_fixpoint_where_only_additions_are_possible() {
    hold("3.14.4", &json!({}));
}

#[test]
fn every_plan_is_a_fixpoint_on_a_cluster_that_refuses_to_replace_an_attachment() {
    hold("5.1.2", &json!({"attach_over": "refuse", "list_shape": "objects", "user_policies_bare": true}));
}
