//! Runs a plan: sends its calls, several at a time where nothing stands between them, and says what became of each.

mod custody;
mod keys;
mod look;
mod outcome;
mod send;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::cluster::Cluster;
use crate::plan::{Plan, Step, StepId};

pub use custody::{Custody, CustodyContext, CustodyProblem, Kept};
pub use outcome::{Outcome, Remark, Status, StepOutcome};

/// Is told what happens while a plan runs, for showing it.
pub trait Watch: Sync {
    /// A step is about to be sent.
    fn started(&self, step: &Step);
    /// A step ended, or will not be reached.
    fn ended(&self, step: &Step, outcome: &StepOutcome);
}

/// Runs the steps of a plan, at most `jobs` at a time. A step that fails stops what depends on it, not the rest. New key
/// pairs go to `custody`.
pub async fn run(
    plan: &Plan,
    cluster: &dyn Cluster,
    custody: &Custody,
    jobs: usize,
    watch: &dyn Watch,
) -> Vec<StepOutcome> {
    let keys = &keys::Keys::new(plan, custody);
    let mut run = Run::new(&plan.steps);
    let mut calls = FuturesUnordered::new();
    loop {
        while calls.len() < jobs.max(1) {
            let Some(step) = run.next() else { break };
            watch.started(step);
            calls.push(async move { (step, send::send(&step.call, cluster, keys).await) });
        }
        let Some((step, (status, remarks))) = calls.next().await else { break };
        for outcome in run.end(StepOutcome { id: step.id, status, remarks }) {
            if let Some(step) = run.steps.get(&outcome.id) {
                watch.ended(step, &outcome);
            }
        }
    }
    run.outcomes.into_values().collect()
}

/// Which steps are where: waiting, ready, or ended.
struct Run<'a> {
    steps: BTreeMap<StepId, &'a Step>,
    waits: BTreeMap<StepId, usize>,
    followers: BTreeMap<StepId, Vec<StepId>>,
    ready: BTreeSet<StepId>,
    outcomes: BTreeMap<StepId, StepOutcome>,
}

impl<'a> Run<'a> {
    fn new(steps: &'a [Step]) -> Self {
        let mut followers: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
        for step in steps {
            for first in &step.after {
                followers.entry(*first).or_default().push(step.id);
            }
        }
        Self {
            steps: steps.iter().map(|step| (step.id, step)).collect(),
            waits: steps.iter().map(|step| (step.id, step.after.len())).collect(),
            followers,
            ready: steps.iter().filter(|step| step.after.is_empty()).map(|step| step.id).collect(),
            outcomes: BTreeMap::new(),
        }
    }

    /// The next step that waits for nothing, in the plan's order.
    fn next(&mut self) -> Option<&'a Step> {
        let id = self.ready.pop_first()?;
        self.steps.get(&id).copied()
    }

    /// Notes how a step ended, and all that will not be reached because of it.
    fn end(&mut self, outcome: StepOutcome) -> Vec<StepOutcome> {
        if outcome.status.is_good() {
            self.release(outcome.id);
            self.outcomes.insert(outcome.id, outcome.clone());
            return vec![outcome];
        }
        let root = outcome.id;
        let mut ended = vec![outcome];
        let mut lost = vec![root];
        let mut seen = BTreeSet::from([root]);
        while let Some(id) = lost.pop() {
            for follower in self.followers.remove(&id).unwrap_or_default() {
                if !self.outcomes.contains_key(&follower) && seen.insert(follower) {
                    ended.push(StepOutcome { id: follower, status: Status::NotReached(root), remarks: Vec::new() });
                    lost.push(follower);
                }
            }
        }
        self.outcomes.extend(ended.iter().map(|outcome| (outcome.id, outcome.clone())));
        ended
    }

    fn release(&mut self, id: StepId) {
        for follower in self.followers.remove(&id).unwrap_or_default() {
            let Some(waits) = self.waits.get_mut(&follower) else { continue };
            *waits -= 1;
            if *waits == 0 {
                self.ready.insert(follower);
            }
        }
    }
}
