//! Runs a plan: sends its calls, independent ones concurrently, and reports the outcome of each.

mod check;
pub mod files;
mod outcome;
mod progress;
mod secret_store;
mod send;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::cluster::{Cluster, RetryPolicy, RetryingCluster};
use crate::plan::{Plan, Step, StepId};

pub use outcome::{Outcome, Remark, Status, StepOutcome};
pub use progress::{Progress, StopSignal};
pub use secret_store::{SecretStore, SecretStoreContext, SecretStoreProblem, Slot, StoredIn};

use check::Checker;
use send::Sender;

/// The options of a run.
pub struct RunOptions<'a> {
    /// The cluster.
    pub cluster: &'a dyn Cluster,
    /// The store for new key pairs.
    pub secret_store: &'a SecretStore,
    /// How many calls may run at once.
    pub jobs: usize,
    /// How often reads, and calls that did not happen, are retried.
    pub retry_policy: RetryPolicy,
    /// The request to stop early.
    pub stop: &'a StopSignal,
    /// The receiver of events.
    pub progress: &'a dyn Progress,
}

/// Runs the steps of a plan. A failed step stops its dependent steps, not the rest. A step that finds another cluster than the
/// plan's stops the run. After a stop signal, running calls end and no more begin.
pub async fn run(plan: &Plan, options: &RunOptions<'_>) -> Vec<StepOutcome> {
    let cluster = RetryingCluster::reached(options.cluster, options.retry_policy);
    let sender = Sender {
        cluster: &cluster,
        checker: Checker::new(&cluster),
        secret_store: options.secret_store,
        may_create_keys: plan.may_create_keys(),
        progress: options.progress,
        retry_policy: options.retry_policy,
        stop: options.stop,
    };
    let mut run = Run::new(&plan.steps);
    let mut calls = FuturesUnordered::new();
    let mut stopped_by = None;
    loop {
        while calls.len() < options.jobs.max(1) && !options.stop.is_requested() && stopped_by.is_none() {
            let Some(step) = run.next() else { break };
            options.progress.started(step);
            let sender = &sender;
            calls.push(async move { (step, sender.run(&step.call).await) });
        }
        let Some((step, (status, remarks))) = calls.next().await else { break };
        if stopped_by.is_none() && !status.is_good() && cluster.stopped().is_some() {
            stopped_by = Some(step.id);
        }
        for outcome in run.end(StepOutcome { id: step.id, status, remarks }) {
            if let Some(step) = run.steps.get(&outcome.id) {
                options.progress.ended(step, &outcome);
            }
        }
    }
    run.outcomes(stopped_by)
}

/// The steps by state: waiting, ready, or ended.
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

    /// The next ready step, in the plan's order.
    fn next(&mut self) -> Option<&'a Step> {
        let id = self.ready.pop_first()?;
        self.steps.get(&id).copied()
    }

    /// Ends a step, and all steps that will not be reached because of it.
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

    /// The outcomes of all steps, in the plan's order. Steps without one did not begin before the end of the run.
    fn outcomes(mut self, stopped_by: Option<StepId>) -> Vec<StepOutcome> {
        let status = stopped_by.map_or(Status::Interrupted, Status::NotReached);
        for id in self.steps.keys() {
            let left = StepOutcome { id: *id, status: status.clone(), remarks: Vec::new() };
            self.outcomes.entry(*id).or_insert(left);
        }
        self.outcomes.into_values().collect()
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
