//! Every scenario, every request of its run, every kind of fault: one fault, then an apply without.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use attune::apply::Status;
use attune::base::PolicyName;
use attune::desired::{DeclaredAttachment, Desired, PolicyIntent};
use attune::plan::Plan;
use attune::policy::{Normal, normal};
use attune::sim::ForeignChange;
use attune::sim::state::{ClusterState, Policy, ROOT, User};
use attune::sim::{Fault, FaultRules, StoredDocument, Trigger};

use super::invariants::{Bounds, GROUP, Standing, access};
use super::scenarios::{Scenario, document, scenarios, scenarios_with_groups};
use super::world::{Converged, Ran, Through, World, converge, run_through};

/// Of so many faults one is tried, by a seeded draw, unless `ATTUNE_FAULTS=all`: all of them take some twenty minutes of
/// one core without optimisation.
const SHARE: usize = 96;

/// How many tests share the scenarios, so that they run side by side.
const GROUPS: usize = 4;

/// The executed changes.
#[derive(Debug, Default)]
struct Counts {
    scenarios: usize,
    requests: usize,
    faults: usize,
    states: usize,
    endings: BTreeMap<&'static str, usize>,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenarios, requests, faults, states, endings } = self;
        write!(f, "{scenarios} scenarios, {requests} requests, {faults} faults, {states} states healed; {endings:?}")
    }
}

/// A scenario, its result without faults, and the results so far.
struct Case {
    scenario: Scenario,
    through: Through,
    desired: Desired,
    start: ClusterState,
    plan: Plan,
    /// How many requests it takes to observe, and to apply.
    looks: u64,
    calls: u64,
    end: Arc<ClusterState>,
    bounds: Bounds,
    /// The result of an apply without faults for each state after a fault. Equal states converge in the same way.
    healed: BTreeMap<Standing, Converged>,
    counts: Counts,
    /// Of so many faults one is tried, by this draw.
    share: usize,
    draw: fastrand::Rng,
}

impl Case {
    async fn new(scenario: Scenario, through: Through, share: usize) -> Self {
        let name = scenario.name;
        let (desired, start) = (scenario.desired(), scenario.state());
        let world = World::through(through, &start, FaultRules::default()).await;
        let plan = world.plan(&desired).await.unwrap().unwrap();
        assert!(!plan.is_blocked() && !plan.steps.is_empty(), "{name}: {:?}", plan.findings);
        let looks = world.running.requests();
        let clean = run_through(through, &start, &plan, FaultRules::default(), 1).await;
        let mut bounds =
            Bounds { before: access(&start), after: vec![access(&clean.state)], without: words(scenario.without) };
        assert_eq!(bounds.violations(&clean.events), [], "{name}");
        for user in words(scenario.without) {
            bounds.without.remove(&user);
            assert_ne!(bounds.violations(&clean.events), [], "{name}: {user} is never without access");
            bounds.without.insert(user);
        }
        assert_eq!(clean.lost_secrets(), None, "{name}");
        let after = converge(&clean.state, &desired, &bounds).await;
        assert_eq!((after.blocked, after.left), (vec![], vec![]), "{name}");
        let counts = Counts { scenarios: 1, ..Counts::default() };
        let draw = fastrand::Rng::with_seed(name.bytes().map(u64::from).sum());
        let (calls, end, healed) = (clean.events.len() as u64, clean.state, BTreeMap::new());
        Self { scenario, through, desired, start, plan, looks, calls, end, bounds, healed, counts, share, draw }
    }

    /// A fault at every request of the observation: the same plan comes out, or none.
    async fn observe(&mut self) {
        for call in 1..=self.looks {
            for fault in Fault::all() {
                if !self.takes() {
                    continue;
                }
                let at = format!("{}: {fault} at request {call} of observing", self.scenario.name);
                let world =
                    World::through(self.through, &self.start, FaultRules::one(Trigger::Call(call), fault)).await;
                if let Some(Ok(plan)) = world.plan(&self.desired).await {
                    // A bucket whose policy the cluster refuses to show is unknown, which another approval has to accept.
                    let known = |plan: &Plan| {
                        let effects = plan.bucket_effects.values();
                        effects.map(|of| (of.before.clone(), of.given.clone())).collect::<Vec<_>>()
                    };
                    assert!(plan.digest == self.plan.digest || known(&plan) != known(&self.plan), "{at}");
                }
                assert_eq!(*world.state(), self.start, "{at}");
                self.counts.faults += 1;
            }
        }
        self.counts.requests += usize::try_from(self.looks).unwrap();
    }

    /// A fault at every request of the apply.
    async fn apply(&mut self) {
        let changes = self.foreign_changes();
        for call in 1..=self.calls {
            for fault in Fault::all().into_iter().chain(changes.iter().cloned().map(Fault::Behind)) {
                if !self.takes() {
                    continue;
                }
                let rules = FaultRules::one(Trigger::Call(call), fault.clone());
                let ran = run_through(self.through, &self.start, &self.plan, rules, 1).await;
                self.judge(&fault, &format!("{}: {fault} at request {call}", self.scenario.name), &ran).await;
            }
        }
        self.counts.requests += usize::try_from(self.calls).unwrap();
    }

    /// Whether the next fault is among those that are tried.
    fn takes(&mut self) -> bool {
        self.draw.usize(..self.share) == 0
    }

    async fn judge(&mut self, fault: &Fault, at: &str, ran: &Ran) {
        let mut concerned = BTreeSet::new();
        if let Fault::Behind(behind) = fault {
            concerned = self.bounds.concerned(behind, &self.start, &self.end);
        }
        let standing = Standing::of(&ran.state);
        if !self.healed.contains_key(&standing) {
            let healed = converge(&ran.state, &self.desired, &self.bounds).await;
            self.healed.insert(standing.clone(), healed);
            self.counts.states += 1;
        }
        let healed = &self.healed[&standing];
        let story = || format!("{at}\n{:#?}\n{standing:#?}", ran.steps);
        assert_eq!(ran.lost_secrets(), None, "{}", story());
        self.truthful(fault, ran, &story);
        let mut violations = self.bounds.violations(&ran.events);
        violations.extend(healed.violations.iter().cloned());
        violations.retain(|violation| violation.user.as_ref().is_none_or(|user| !concerned.contains(user)));
        assert_eq!(violations, [], "{}", story());
        if let Fault::Behind(_) = fault {
            assert_eq!(healed.blocked, self.blockers(&ran.state), "{}", story());
            assert_eq!(healed.left, [""; 0], "{}", story());
            for (user, access) in healed.access.iter().filter(|(user, _)| !concerned.contains(*user)) {
                let blocked = !healed.blocked.is_empty();
                assert!(blocked || *access == self.bounds.after[0][user], "{user} has {access:?}: {}", story());
            }
        } else {
            assert_eq!((&healed.blocked, &healed.left), (&vec![], &vec![]), "{}", story());
            let is_forgotten = |user: &String| healed.access[user].is_none();
            let forgotten = words(self.scenario.forgotten).into_iter().filter(is_forgotten).collect();
            let expected = Standing::of(&self.end).without_keys().without(&forgotten);
            assert_eq!(healed.end.clone().without_keys(), expected, "{}", story());
        }
        self.counts.faults += 1;
        for (ending, count) in ran.endings() {
            *self.counts.endings.entry(ending).or_default() += count;
        }
    }

    /// Whether the outcome says what is: all is done exactly when the cluster is as it should be. A fault that passes is
    /// survived by the run itself.
    fn truthful(&self, fault: &Fault, ran: &Ran, story: &dyn Fn() -> String) {
        let Some(steps) = &ran.steps else { return };
        let all_good = steps.iter().all(|step| step.status.is_good());
        let known = steps.iter().all(|step| !matches!(step.status, Status::UnknownOutcome(_)));
        let there = Standing::of(&ran.state).without_keys() == Standing::of(&self.end).without_keys();
        match fault {
            Fault::Behind(_) | Fault::S3(_) | Fault::Kill(_) => {}
            // A refusal stands, and so does a cluster that is gone.
            Fault::Refuse { .. } | Fault::Stop(_) => {
                assert!(!known || all_good == there, "not as the outcome says: {}", story());
            }
            // A login with a 401 is not retried: each attempt counts towards locking the account.
            Fault::Expire if ran.events.first().is_some_and(|event| !event.faults.is_empty()) => {
                assert!(!known || all_good == there, "not as the outcome says: {}", story());
            }
            Fault::Delay(_)
            | Fault::Drop(_)
            | Fault::Reset
            | Fault::Silent(_)
            | Fault::Stall
            | Fault::Status { .. }
            | Fault::Html { .. }
            | Fault::Shape(_)
            | Fault::Truncated(_)
            | Fault::Expire => assert!(all_good && there, "not survived: {}", story()),
        }
    }

    /// What others may do meanwhile: detach or move who is declared, attach who is not to what goes, add under a name
    /// that is to come, remove what is there.
    fn foreign_changes(&self) -> Vec<ForeignChange> {
        let tenant = || ROOT.to_owned();
        let mut changes = Vec::new();
        for (user, access) in &self.bounds.before {
            if self.declares(user) {
                let policy = if access == &self.bounds.after[0][user] { "writeonly" } else { "readwrite" };
                changes.push(ForeignChange::Attach { tenant: tenant(), policy: policy.to_owned(), user: user.clone() });
                changes.push(ForeignChange::Detach { tenant: tenant(), user: user.clone() });
            }
        }
        let absent = self.desired.policies.iter().find(|(_, entry)| matches!(entry.intent, PolicyIntent::Absent));
        let undeclared =
            self.bounds.before.keys().find(|user| !self.declares(user) && *user != "admin" && !user.starts_with(GROUP));
        if let (Some((policy, _)), Some(user)) = (absent, undeclared) {
            changes.push(ForeignChange::Attach { tenant: tenant(), policy: policy.to_string(), user: user.clone() });
        }
        let strange = StoredDocument::parse(document(7).json()).unwrap();
        for policy in self.desired.policies.keys().take(1) {
            changes.push(ForeignChange::Add {
                tenant: tenant(),
                policy: policy.to_string(),
                document: strange.clone(),
            });
            changes.push(ForeignChange::Remove { tenant: tenant(), policy: policy.to_string() });
        }
        changes
    }

    fn declares(&self, user: &str) -> bool {
        self.desired.users.keys().any(|name| name.as_str() == user)
    }

    /// The errors that a foreign change must cause in the next plan: an unmanaged user has a policy that is to be removed;
    /// someone adds a policy under the new name of a rename before it has begun;
    /// an undeclared policy that a declared user should have is gone; or a release that does not report attachments
    /// has a document that differs from the configuration.
    fn blockers(&self, state: &ClusterState) -> Vec<String> {
        let tenant = &state.tenants[ROOT];
        let mut found = Vec::new();
        for entry in self.desired.users.values() {
            let DeclaredAttachment::Has(policy) = &entry.intent else { continue };
            let there = tenant.policies.contains_key(policy.as_str()) || policy.is_predefined();
            if !there && !self.desired.policies.contains_key(policy) {
                found.push("no-such-policy");
            }
        }
        for (policy, old) in self.desired.renames() {
            let [new, old] = [policy, &old.policy].map(|name| tenant.policies.get(name.as_str()));
            let is_running = tenant.policies.keys().any(|name| name.starts_with(PolicyName::TEMPORARY_PREFIX));
            let text = |policy: Option<&Policy>| policy.map(|policy| policy.document.as_str().to_owned());
            if !is_running && new.is_some() && old.is_some() && text(new) != text(old) {
                found.push("renamed-and-there");
            }
        }
        let blind = state.release.as_str().starts_with('3');
        for (policy, entry) in &self.desired.policies {
            let (goes, document) = match &entry.intent {
                PolicyIntent::Absent => (true, None),
                PolicyIntent::Present(authored) => (false, Some(normal(authored.document()))),
            };
            let there = tenant.policies.get(policy.as_str()).map(|policy| policy.document.as_str());
            let has = |user: &User| user.policy.as_deref() == Some(policy.as_str());
            let attached = tenant.users.iter().filter(|(name, user)| has(user) && !self.declares(name)).count();
            found.extend(std::iter::repeat_n("attached-to-unmanaged-user", if goes { attached } else { 0 }));
            if blind && there.is_some() && there != document.as_ref().map(Normal::json) {
                found.push("attachments-unknown");
            }
        }
        found.into_iter().map(str::to_owned).collect()
    }
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Runs some scenarios, and of so many faults one in each.
fn survive(name: &str, scenarios: impl Iterator<Item = Scenario>, through: Through, share: usize) {
    let mut all = Counts::default();
    for scenario in scenarios {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let counts = runtime.block_on(async {
            let mut case = Case::new(scenario.clone(), through, share).await;
            case.observe().await;
            case.apply().await;
            case.counts.states = case.healed.len();
            case.counts
        });
        println!("{}: {counts}", scenario.name);
        all.scenarios += counts.scenarios;
        all.requests += counts.requests;
        all.faults += counts.faults;
        all.states += counts.states;
        for (ending, count) in counts.endings {
            *all.endings.entry(ending).or_default() += count;
        }
    }
    println!("{name}: {all}");
}

fn everything() -> bool {
    std::env::var("ATTUNE_FAULTS").is_ok_and(|value| value == "all")
}

fn survive_group(group: usize) {
    let some = scenarios().into_iter().skip(group).step_by(GROUPS);
    survive(&format!("group {group}"), some, Through::Rest, if everything() { 1 } else { SHARE });
}

#[test]
fn any_fault_at_any_request_is_survived_1() {
    survive_group(0);
}

#[test]
fn any_fault_at_any_request_is_survived_2() {
    survive_group(1);
}

#[test]
fn any_fault_at_any_request_is_survived_3() {
    survive_group(2);
}

#[test]
fn any_fault_at_any_request_is_survived_4() {
    survive_group(3);
}

/// The releases that report attachments.
const RELEASES: [&str; 4] = ["4.0.6", "4.4.8", "5.1.2", "6.0.1"];

/// Every scenario without faults, on every release: nobody is ever without access that should have it, and the end is as
/// the file says. Unless `ATTUNE_FAULTS=all`, each scenario on one release, in turn, and over the command every third.
fn end_well(through: Through) {
    let of_all_releases = scenarios().into_iter().filter(|scenario| !scenario.release.starts_with('3'));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let each = if matches!(through, Through::Command) && !everything() { 3 } else { 1 };
    for (scenario, turn) in of_all_releases.step_by(each).zip(0..) {
        let releases = RELEASES.iter().enumerate().filter(|(at, _)| everything() || turn % RELEASES.len() == *at);
        for (_, release) in releases {
            println!("{} on {release}", scenario.name);
            runtime.block_on(Case::new(Scenario { release, ..scenario.clone() }, through, 1));
        }
    }
}

#[test]
fn every_scenario_converges_on_every_release_over_rest() {
    end_well(Through::Rest);
}

#[test]
fn every_scenario_converges_on_every_release_over_the_command() {
    end_well(Through::Command);
}

/// Each request is a run of a program here, which takes a hundred times as long: of the scenarios one in 24 is run,
/// or with `ATTUNE_FAULTS=all` each, and fewer faults in each.
#[test]
fn any_fault_at_any_run_of_the_command_is_survived() {
    let (each, share) = if everything() { (1, 64) } else { (24, 150) };
    let some = scenarios().into_iter().chain(scenarios_with_groups()).step_by(each);
    survive("over the command", some, Through::Command, share);
}
