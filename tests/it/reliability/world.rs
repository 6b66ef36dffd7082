//! Runs of the program's middle against simulated clusters in memory, with faults.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune::apply::{Remark, Status, StepOutcome};
use attune::base::{UserName, file_name};
use attune::cluster::{CallError, Cluster, RetryingCluster, observe};
use attune::desired::Desired;
use attune::plan::{Plan, plan};
use attune::sim::state::ClusterState;
use attune::sim::{Event, FaultRules, KillHook, Options, Running, start};
use tokio::sync::Notify;

use super::invariants::{Access, Bounds, Standing, Violation, access};
use crate::inside::{HASTE, Safe, apply, client, command_client};

/// The transport of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Through {
    Rest,
    Command,
}

/// A simulated cluster, and a word when its client is to be stopped.
pub(super) struct World {
    through: Through,
    pub(super) running: Running,
    killed: Arc<Notify>,
    safe: Safe,
}

/// The result of a run.
pub(super) struct Ran {
    /// Nothing when the client was killed.
    pub(super) steps: Option<Vec<StepOutcome>>,
    pub(super) events: Vec<Event>,
    pub(super) state: Arc<ClusterState>,
    /// The contents of the destination.
    kept: Vec<String>,
    /// The users that the plan says may get a key pair.
    awaited: BTreeSet<UserName>,
}

impl World {
    pub(super) async fn start(state: &ClusterState, faults: FaultRules) -> Self {
        Self::through(Through::Rest, state, faults).await
    }

    pub(super) async fn through(through: Through, state: &ClusterState, faults: FaultRules) -> Self {
        let killed = Arc::new(Notify::new());
        let kill = Arc::clone(&killed);
        let mut options = Options::in_memory(state.clone());
        options.record = true;
        options.faults = faults;
        options.on_kill = Some(KillHook::new(move || kill.notify_one()));
        Self { through, running: start(options).await.unwrap(), killed, safe: Safe::new() }
    }

    /// The result of the client; `None` if it was killed: then it makes no request any more.
    async fn unless_killed<T>(&self, client: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.killed.notified() => None,
            said = client => Some(said),
        }
    }

    fn client(&self) -> Box<dyn Cluster> {
        match self.through {
            Through::Rest => Box::new(client(&self.running)),
            Through::Command => Box::new(command_client(&self.running, &self.safe)),
        }
    }

    pub(super) async fn plan(&self, desired: &Desired) -> Option<Result<Plan, CallError>> {
        let cluster = self.client();
        let cluster = RetryingCluster::new(&*cluster, HASTE);
        let observed = self.unless_killed(observe(&cluster, &[desired], 1)).await?;
        Some(observed.map(|observed| plan(desired, &observed)))
    }

    pub(super) async fn apply(&self, plan: &Plan, jobs: usize) -> Option<Vec<StepOutcome>> {
        let cluster = self.client();
        self.unless_killed(apply(plan, &*cluster, &self.safe, jobs)).await
    }

    /// The events, once the requests in flight are done.
    pub(super) async fn events(&self) -> Vec<Event> {
        loop {
            let events = self.running.events();
            if events.len() as u64 == self.running.requests() {
                return events;
            }
            tokio::time::sleep(std::time::Duration::from_micros(200)).await;
        }
    }

    pub(super) fn state(&self) -> Arc<ClusterState> {
        self.running.state().unwrap()
    }
}

/// Applies a plan to a cluster in this state, with faults.
pub(super) async fn run(state: &ClusterState, plan: &Plan, faults: FaultRules, jobs: usize) -> Ran {
    run_through(Through::Rest, state, plan, faults, jobs).await
}

/// The same, through something.
pub(super) async fn run_through(
    through: Through,
    state: &ClusterState,
    plan: &Plan,
    faults: FaultRules,
    jobs: usize,
) -> Ran {
    let world = World::through(through, state, faults).await;
    let steps = world.apply(plan, jobs).await;
    let events = world.events().await;
    Ran { steps, events, state: world.state(), kept: world.safe.texts(), awaited: plan.may_create_keys() }
}

impl Ran {
    /// What became of a secret that the cluster showed, where it is not what should: one in an answer that came is in its
    /// destination or in an emergency file, also when the client was killed later; one that was lost with its answer is said to
    /// be. None is in an outcome.
    pub(super) fn lost_secrets(&self) -> Option<String> {
        let said = format!("{:?}", self.steps);
        let unknown = self.steps.iter().flatten().flat_map(|step| &step.remarks).any(|at| *at == Remark::PairUnknown);
        for shown in self.events.iter().flat_map(Event::shown_keys) {
            let user = &shown.user;
            if said.contains(&shown.keys.secret_key) {
                return Some(format!("the secret of {user} is in the outcome"));
            }
            let kept = self.kept.iter().any(|text| text.contains(&shown.keys.secret_key));
            let awaited = self.awaited.contains(&UserName::reported(user.as_str()));
            if shown.sent && !kept {
                return Some(format!("the secret of {user} was shown and is nowhere"));
            }
            // A truncated response is kept as it is, under the name of the user.
            let name = format!("emergency-{}-", file_name(user.as_str()));
            let is_kept = |at: &Remark| matches!(at, Remark::ResponseStored(path) if path.contains(&name));
            let answer = self.steps.iter().flatten().flat_map(|step| &step.remarks).any(is_kept);
            if !shown.sent && awaited && self.steps.is_some() && !unknown && !answer {
                return Some(format!("the secret of {user} was lost on the way, and nobody says so"));
            }
        }
        None
    }

    /// How many steps ended in which way.
    pub(super) fn endings(&self) -> BTreeMap<&'static str, usize> {
        let mut endings = BTreeMap::new();
        for step in self.steps.iter().flatten() {
            *endings.entry(word(&step.status)).or_default() += 1;
        }
        endings
    }
}

fn word(status: &Status) -> &'static str {
    match status {
        Status::Done => "done",
        Status::AlreadyDone => "already done",
        Status::Refused(_) => "refused",
        Status::Drifted(_) => "drifted",
        Status::UnknownOutcome(_) => "unknown outcome",
        Status::Failed(_) => "failed",
        Status::NotReached(_) => "not reached",
        Status::Interrupted => "interrupted",
    }
}

/// The result of an apply without faults.
pub(super) struct Converged {
    /// The codes of the errors; then nothing was done.
    pub(super) blocked: Vec<String>,
    /// The changes of a plan made afterwards, and failed steps.
    pub(super) left: Vec<String>,
    pub(super) violations: Vec<Violation>,
    pub(super) end: Standing,
    pub(super) access: Access,
}

/// Observes, plans, applies, observes again and plans again.
pub(super) async fn converge(state: &ClusterState, desired: &Desired, bounds: &Bounds) -> Converged {
    // Over REST if possible: that is faster.
    let through = if desired.groups.is_empty() { Through::Rest } else { Through::Command };
    let world = World::through(through, state, FaultRules::default()).await;
    let planned = world.plan(desired).await.unwrap().unwrap();
    let mut blocked: Vec<String> = Vec::new();
    let mut left = Vec::new();
    if planned.is_blocked() {
        let errors = planned.findings.iter().filter(|finding| finding.is_error());
        blocked.extend(errors.map(|finding| finding.code.id.to_owned()));
    } else {
        let steps = world.apply(&planned, 1).await.unwrap();
        let bad = steps.iter().filter(|step| !step.status.is_good());
        left.extend(bad.map(|step| format!("{:?}: {step:?}", planned.steps[step.id.0 - 1].call)));
        let again = world.plan(desired).await.unwrap().unwrap();
        left.extend(again.changes.iter().map(|change| format!("{}: {:?}", change.id, change.kind)));
        left.extend(again.findings.iter().filter(|finding| finding.is_error()).map(|finding| finding.message.clone()));
    }
    let state = world.state();
    Converged {
        blocked,
        left,
        violations: bounds.violations(&world.events().await),
        end: Standing::of(&state),
        access: access(&state),
    }
}
