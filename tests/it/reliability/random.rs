//! Random files and clusters, several applies with random faults, then one without.

use std::collections::BTreeSet;
use std::time::Duration;

use attune::desired::{Desired, Strategy as Replace};
use attune::sim::state::ClusterState;
use attune::sim::{Fault, FaultRules, Trigger};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

use super::invariants::{Bounds, Standing, access};
use super::world::{World, converge, run};
use crate::pairs::{Pair, desired, pairs, state};

/// How many cases there are unless `ATTUNE_CASES` says otherwise.
const CASES: u64 = 60;

/// How many applies with faults there are before the one without.
const ROUNDS: u64 = 3;

/// How many cases are to be tried.
pub(super) fn cases(default: u64) -> u64 {
    std::env::var("ATTUNE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The pair of a seed.
pub(super) fn pair(seed: u64, which: u8) -> Pair {
    let mut bytes = [which; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    pairs().new_tree(&mut TestRunner::new_with_rng(Config::default(), rng)).unwrap().current()
}

/// A cluster of a pair, of the release that the seed says.
pub(super) fn cluster(seed: u64, pair: &Pair) -> ClusterState {
    let (release, switches) = match seed % 5 {
        0 => ("4.0.6", json!({})),
        1 => ("4.4.8", json!({"remove_attached": "allow"})),
        2 => ("5.1.2", json!({"add_over": "overwrite", "detach_unattached": "allow"})),
        _ => ("5.1.2", json!({})),
    };
    state(pair, release, &switches).complete().unwrap()
}

/// Some faults, each at some requests.
fn faults(rng: &mut fastrand::Rng) -> FaultRules {
    let all = Fault::all();
    let mut rules = FaultRules::default();
    for _ in 0..6 {
        let fault = all[rng.usize(..all.len())].clone();
        // A client that is killed early tests little.
        let share = if matches!(fault, Fault::Stop(_) | Fault::Kill(_)) { 15_000 } else { 40_000 };
        rules = rules.and(Trigger::Chance { millionths: share, seed: rng.u64(..) }, fault);
    }
    let delay = Fault::Delay(Duration::from_micros(500));
    rules.and(Trigger::Chance { millionths: 100_000, seed: rng.u64(..) }, delay)
}

/// The users that may be without access temporarily: those whose policy is replaced with a gap.
fn without(desired: &Desired) -> BTreeSet<String> {
    match desired.cluster.replace {
        Replace::Gap => desired.users.keys().map(ToString::to_string).collect(),
        Replace::Swap => BTreeSet::new(),
    }
}

/// How many faults there were; `None` when there was nothing to apply.
async fn survives(seed: u64) -> Option<usize> {
    let pair = pair(seed, 0);
    let (desired, start) = (desired(&pair, false), cluster(seed, &pair));
    let planned = World::start(&start, FaultRules::default()).await.plan(&desired).await?.unwrap();
    if planned.is_blocked() || planned.steps.is_empty() {
        return None;
    }
    let clean = run(&start, &planned, FaultRules::default(), 4).await;
    let bounds = Bounds { before: access(&start), after: vec![access(&clean.state)], without: without(&desired) };
    assert_eq!(bounds.violations(&clean.events), [], "seed {seed}");
    let (mut now, mut happened) = (start, 0);
    for round in 0..ROUNDS {
        let at = format!("seed {seed}, round {round}");
        let mut rng = fastrand::Rng::with_seed(seed << 8 | round);
        let world = World::start(&now, faults(&mut rng)).await;
        if let Some(Ok(plan)) = world.plan(&desired).await {
            assert!(!plan.is_blocked(), "{at}: {:?}", plan.findings);
            world.apply(&plan, 4).await;
        }
        let events = world.events().await;
        assert_eq!(bounds.violations(&events), [], "{at}");
        happened += events.iter().map(|event| event.faults.len()).sum::<usize>();
        now = ClusterState::clone(&world.state());
    }
    let healed = converge(&now, &desired, &bounds).await;
    assert_eq!((healed.blocked, healed.left, healed.violations), (vec![], vec![], vec![]), "seed {seed}");
    assert_eq!(healed.end.without_keys(), Standing::of(&clean.state).without_keys(), "seed {seed}");
    Some(happened)
}

#[test]
fn random_faults_are_survived_by_random_applies() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut applied, mut happened) = (0, 0);
    for seed in 0..cases(CASES) {
        let Some(faults) = runtime.block_on(survives(seed)) else { continue };
        applied += 1;
        happened += faults;
    }
    println!("random: {applied} scenarios, {} applies with {happened} faults", applied * ROUNDS);
    assert!(happened > 0);
}
