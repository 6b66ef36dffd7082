//! Runs a plan: sends its calls, several at a time where nothing stands between them, and says what became of each.

pub mod files;
mod keys;
mod look;
mod outcome;
mod secret_store;
mod send;
mod stop;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::base::UserName;
use crate::cluster::{Cluster, RetryPolicy, RetryingCluster};
use crate::plan::{Plan, Step, StepId};

pub use outcome::{Outcome, Remark, Status, StepOutcome};
pub use secret_store::{SecretStore, SecretStoreContext, SecretStoreProblem, Slot, StoredIn};
pub use stop::StopSignal;

use keys::Keys;
use look::Looker;
use send::Sender;

/// Is told what happens while a plan runs, for showing it.
pub trait Progress: Sync {
    /// A step is about to be sent.
    fn started(&self, step: &Step);
    /// A step ended, or will not be reached.
    fn ended(&self, step: &Step, outcome: &StepOutcome);
    /// A new key pair of a user was stored, or could not be. Told before the emergency file goes.
    fn kept(&self, _user: &UserName, _kept: &StoredIn) {}
}

/// What a run goes by.
pub struct RunOptions<'a> {
    /// The cluster; its reads are asked again as often as `retry_policy` says.
    pub cluster: &'a dyn Cluster,
    /// Where new key pairs go.
    pub secret_store: &'a SecretStore,
    /// How many calls may be under way at once.
    pub jobs: usize,
    /// How often a call that did not happen is sent again.
    pub retry_policy: RetryPolicy,
    /// Whether to come to an end early.
    pub stop: &'a StopSignal,
    /// Who is told.
    pub progress: &'a dyn Progress,
}

/// Runs the steps of a plan, so many at a time. A step that fails stops what depends on it, not the rest; but one that finds
/// another cluster than the one of the plan stops the run. When asked to stop, it sees through what is under way and begins
/// nothing more.
pub async fn run(plan: &Plan, options: &RunOptions<'_>) -> Vec<StepOutcome> {
    let cluster = RetryingCluster::reached(options.cluster, options.retry_policy);
    let sender = Sender {
        cluster: &cluster,
        looker: Looker::new(&cluster),
        keys: Keys::new(plan, options.secret_store, options.progress),
        retry_policy: options.retry_policy,
        stop: options.stop,
    };
    let mut run = Run::new(&plan.steps);
    let mut calls = FuturesUnordered::new();
    let mut stopped_by = None;
    loop {
        while calls.len() < options.jobs.max(1) && !options.stop.is_asked() && stopped_by.is_none() {
            let Some(step) = run.next() else { break };
            options.progress.started(step);
            let sender = &sender;
            calls.push(async move { (step, sender.carry_out(&step.call).await) });
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

    /// How all steps ended, in the plan's order. Those that nothing was said of were not begun before the end, or before one
    /// step stopped the run.
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
