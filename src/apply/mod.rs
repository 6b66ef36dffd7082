//! Runs a plan: sends its calls, independent ones concurrently, and reports the outcome of each.

mod check;
pub mod files;
mod outcome;
mod secret_store;
mod send;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::base::PolicyName;
use crate::cluster::{Cluster, RetryPolicy, RetryingCluster};
use crate::observed::{Body, Buckets, Observed};
use crate::plan::{Call, Plan, Step, StepId};

pub use outcome::{NewKeys, Outcome, Progress, Remark, Status, StepOutcome, StopSignal};
pub use secret_store::{KeyPairRecord, SecretStore, SecretStoreContext, Slot, StoredIn};

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
    /// Where new key pairs stay in memory after they were stored, if anything is to be asked with them.
    pub new_keys: Option<&'a NewKeys>,
}

/// What a run did, and what it has read.
pub struct Ran {
    /// The outcomes of all steps, in the plan's order.
    pub steps: Vec<StepOutcome>,
    /// The documents of policies that the run changed, and has read since.
    pub documents: BTreeMap<PolicyName, Body>,
}

impl Ran {
    /// What was read before the run and did not change by its calls, and what it has read since. The second part is the number
    /// of documents and policies of buckets of the first kind.
    pub fn known(&self, plan: &Plan, before: &Observed) -> (Observed, usize) {
        let mut known = before.clone();
        for step in &plan.steps {
            match (&step.call, &mut known.buckets) {
                (Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. }, _) => {
                    known.policies.remove(policy);
                }
                (Call::SetBucketPolicy { bucket, .. }, Buckets::Known(buckets)) => {
                    buckets.remove(bucket);
                }
                (Call::SetBucketPolicy { .. }, Buckets::NotRead | Buckets::Unreadable(_))
                | (Call::Attach { .. } | Call::Detach { .. } | Call::RevokeKeys { .. }, _) => {}
            }
        }
        let buckets = known.buckets.known().map_or(0, BTreeMap::len);
        let unchanged = known.policies.values().filter(|body| **body != Body::NotRead).count() + buckets;
        known.policies.extend(self.documents.iter().map(|(policy, body)| (policy.clone(), body.clone())));
        (known, unchanged)
    }
}

/// Runs the steps of a plan. A failed step stops its dependent steps, not the rest. A step that finds another cluster than the
/// plan's stops the run. After a stop signal, running calls end and no more begin.
pub async fn run(plan: &Plan, options: &RunOptions<'_>) -> Ran {
    let cluster = RetryingCluster::reached(options.cluster, options.retry_policy);
    let sender = Sender {
        cluster: &cluster,
        checker: Checker::new(&cluster),
        secret_store: options.secret_store,
        may_create_keys: plan.may_create_keys(),
        progress: options.progress,
        retry_policy: options.retry_policy,
        stop: options.stop,
        new_keys: options.new_keys,
    };
    let mut run = Run { steps: &plan.steps, waiting: plan.steps.iter().collect(), outcomes: BTreeMap::new() };
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
        for (step, outcome) in run.end(step, StepOutcome { id: step.id, status, remarks }) {
            options.progress.ended(step, &outcome);
        }
    }
    Ran { steps: run.outcomes(stopped_by), documents: sender.checker.read_since() }
}

struct Run<'a> {
    steps: &'a [Step],
    /// Those that have not begun, in the plan's order.
    waiting: Vec<&'a Step>,
    outcomes: BTreeMap<StepId, StepOutcome>,
}

impl<'a> Run<'a> {
    fn next(&mut self) -> Option<&'a Step> {
        let is_done = |first: &StepId| self.outcomes.get(first).is_some_and(|outcome| outcome.status.is_good());
        let at = self.waiting.iter().position(|step| step.after.iter().all(is_done))?;
        Some(self.waiting.remove(at))
    }

    /// Ends a step, and all steps that will not be reached because of it: they come later in the plan's order.
    fn end(&mut self, step: &'a Step, outcome: StepOutcome) -> Vec<(&'a Step, StepOutcome)> {
        let (root, is_good) = (step.id, outcome.status.is_good());
        let mut ended = vec![(step, outcome)];
        if !is_good {
            let mut lost = BTreeSet::from([root]);
            self.waiting.retain(|step| {
                let is_lost = step.after.iter().any(|first| lost.contains(first));
                if is_lost {
                    lost.insert(step.id);
                    let status = Status::NotReached(root);
                    ended.push((*step, StepOutcome { id: step.id, status, remarks: Vec::new() }));
                }
                !is_lost
            });
        }
        self.outcomes.extend(ended.iter().map(|(step, outcome)| (step.id, outcome.clone())));
        ended
    }

    /// The outcomes of all steps, in the plan's order. Steps without one did not begin before the end of the run.
    fn outcomes(mut self, stopped_by: Option<StepId>) -> Vec<StepOutcome> {
        let status = stopped_by.map_or(Status::Interrupted, Status::NotReached);
        for Step { id, .. } in self.steps {
            let left = StepOutcome { id: *id, status: status.clone(), remarks: Vec::new() };
            self.outcomes.entry(*id).or_insert(left);
        }
        self.outcomes.into_values().collect()
    }
}
