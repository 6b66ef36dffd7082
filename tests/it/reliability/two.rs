//! Two concurrent applies of two configurations on one cluster that refuses to remove attached policies.

use std::time::Duration;

use attune::sim::state::ClusterState;
use attune::sim::switches::RemoveAttached;
use attune::sim::{Fault, FaultRules, Trigger};

use super::invariants::{Bounds, access};
use super::random::{cases, cluster, pair};
use super::world::{World, converge, run};
use crate::pairs::desired;

/// How many cases there are unless `ATTUNE_CASES` says otherwise.
const CASES: u64 = 60;

/// The result of two concurrent applies.
enum Together {
    /// One of the configurations alone has no changes.
    Nothing,
    /// All is well; whether the next apply has anything in its way.
    Well { blocked: bool },
    /// Someone has access that none of both gives.
    Mixed(String),
}

async fn together(seed: u64) -> Together {
    let first = pair(seed, 0);
    let second = pair(seed, 1).with_cluster_of(&first);
    let mut start = cluster(seed, &first);
    // Otherwise, one apply can remove a policy that the other just attached and add another document.
    start.switches.remove_attached = RemoveAttached::Refuse;
    let files = [desired(&first, false), desired(&second, false)];
    let rules =
        FaultRules::one(Trigger::Chance { millionths: 400_000, seed }, Fault::Delay(Duration::from_micros(700)))
            .and(Trigger::Chance { millionths: 200_000, seed: !seed }, Fault::Delay(Duration::from_millis(2)));
    let world = World::start(&start, rules).await;
    let (mut plans, mut after) = (Vec::new(), Vec::new());
    for file in &files {
        let plan = world.plan(file).await.unwrap().unwrap();
        if plan.is_blocked() || plan.steps.is_empty() {
            return Together::Nothing;
        }
        after.push(access(&run(&start, &plan, FaultRules::default(), 2).await.state));
        plans.push(plan);
    }
    tokio::join!(world.apply(&plans[0], 2), world.apply(&plans[1], 2));
    let before = access(&start);
    let without = before.keys().cloned().collect();
    let bounds = Bounds { before, after, without };
    let events = world.events().await;
    if let Some(violation) = bounds.violations(&events).first() {
        let changes = events.iter().filter(|event| event.change.is_some());
        let story: Vec<_> = changes.map(|event| format!("{} {} {}", event.seq, event.method, event.path)).collect();
        return Together::Mixed(format!("{violation}\n{}", story.join("\n")));
    }
    let end = ClusterState::clone(&world.state());
    let healed = converge(&end, &files[0], &bounds).await;
    assert_eq!(healed.left, [""; 0], "seed {seed}");
    Together::Well { blocked: !healed.blocked.is_empty() }
}

#[test]
fn two_applies_at_once_end_with_what_one_of_them_gives() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut well, mut stuck, mut mixed) = (0, 0, Vec::new());
    for seed in 0..cases(CASES) {
        match runtime.block_on(together(seed)) {
            Together::Nothing => {}
            Together::Well { blocked } => {
                well += 1;
                stuck += usize::from(blocked);
            }
            Together::Mixed(what) => mixed.push(format!("seed {seed}: {what}")),
        }
    }
    println!("two at once: {well} well, {stuck} of them with something in the way of the next, {} mixed", mixed.len());
    assert!(mixed.is_empty(), "{}", mixed.join("\n"));
}
