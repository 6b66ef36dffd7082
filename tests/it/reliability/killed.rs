//! The program itself, killed at random points of a swap for 50 users until it converges, of a rename, and of 50 attaches that
//! create key pairs, of which none may be lost without being named.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use attune::policy::{normal, read_bucket_policy};
use attune::sim::state::{ClusterState, ROOT};
use attune::sim::{Applied, Event, Fault, FaultRules, KillHook, Options, Running, Trigger, start};
use serde_json::{Map, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::runtime::{Builder, Runtime};

use super::invariants::{Bounds, access};
use super::scenarios::policy;
use crate::harness::{Folder, files};

/// How many kills there are in each of the two tests, unless `ATTUNE_KILLS` says otherwise.
const KILLS: usize = 60;

/// Every fifth of these users is unmanaged.
const USERS: usize = 50;

/// The calls of the whole swap: the users move to the temporary policy and back, and four calls are for the policies.
const CALLS: usize = 2 * USERS + 4;

/// How long a program may take: far longer than any does.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A cluster in which all users have a policy, and a configuration with another document for it.
struct Swap {
    running: Running,
    child: Arc<Mutex<Option<Child>>>,
    folder: Folder,
    bounds: Bounds,
    /// The last call at which the program is killed, counted from its start.
    last: usize,
    rng: fastrand::Rng,
}

fn cluster(number: u8) -> ClusterState {
    cluster_with("ml", number, USERS)
}

/// A cluster in which all users have this policy.
fn cluster_with(name: &str, number: u8, users: usize) -> ClusterState {
    let user = |at: usize| {
        let keys = json!({"access_key": format!("0AKIA{at:015}"), "secret_key": format!("{at:040}")});
        (format!("u{at:02}"), json!({"policy": name, "keys": keys}))
    };
    let users: Map<_, _> = (0..users).map(user).collect();
    let state: ClusterState = serde_json::from_value(json!({"tenants": {"Root": {"users": users}}})).unwrap();
    let mut state = state.complete().unwrap();
    state.tenants.get_mut(ROOT).unwrap().policies.insert(name.to_owned(), policy(number));
    state
}

/// The same users without policies and keys.
fn bare_cluster() -> ClusterState {
    let users: Map<_, _> = (0..USERS).map(|at| (format!("u{at:02}"), json!({}))).collect();
    let state: ClusterState = serde_json::from_value(json!({"tenants": {"Root": {"users": users}}})).unwrap();
    state.complete().unwrap()
}

/// A file that attaches a policy to each of them.
fn attaching_file(url: &str) -> String {
    let users: String = (0..USERS).map(|at| format!("[users.u{at:02}]\npolicy = \"readonly\"\n")).collect();
    format!("[cluster]\nendpoints = [\"{url}\"]\n[credentials]\nfile = true\ndir = \"secrets\"\n{users}")
}

fn file(url: &str) -> String {
    file_with(url, "", USERS)
}

/// The same with more keys of the policy.
fn file_with(url: &str, keys: &str, users: usize) -> String {
    let declared = (0..users).filter(|at| at % 5 != 0).map(|at| format!("[users.u{at:02}]\npolicy = \"ml\"\n"));
    let statement = r#"{ effect = "Allow", action = "s3:GetObject", resource = "arn:aws:s3:::bucket1/*" }"#;
    let users: String = declared.collect();
    format!("[cluster]\nendpoints = [\"{url}\"]\n[policies.ml]\n{keys}statement = [{statement}]\n{users}")
}

impl Swap {
    fn new(runtime: &Runtime, seed: u64) -> Self {
        Self::of(runtime, seed, cluster(2), file)
    }

    fn of(runtime: &Runtime, seed: u64, state: ClusterState, file: impl Fn(&str) -> String) -> Self {
        let child: Arc<Mutex<Option<Child>>> = Arc::default();
        let victim = Arc::clone(&child);
        let mut options = Options::in_memory(state);
        options.record = true;
        options.on_kill = Some(KillHook::new(move || {
            if let Some(child) = victim.lock().unwrap().as_mut() {
                child.kill().unwrap();
            }
        }));
        let running = runtime.block_on(start(options)).unwrap();
        let folder = Folder::with(&[("attune.toml", &file(running.url()))]);
        let (before, after) = (access(&cluster(2)), vec![access(&cluster(1))]);
        let bounds = Bounds { before, after, without: BTreeSet::new() };
        Self { running, child, folder, bounds, last: CALLS / 2, rng: fastrand::Rng::with_seed(seed) }
    }

    /// All users have `old` with that document, and the configuration renames it.
    fn renaming(runtime: &Runtime, seed: u64, number: u8, users: usize) -> Self {
        let before = cluster_with("old", number, users);
        let file = |url: &str| file_with(url, "renamed_from = \"old\"\n", users);
        let (access_before, after) = (access(&before), vec![access(&cluster_with("ml", 1, users))]);
        let bounds = Bounds { before: access_before, after, without: BTreeSet::new() };
        // Each kill comes in another third of the calls.
        let last = (2 * users + 4) / 3;
        Self { bounds, last, ..Self::of(runtime, seed, before, file) }
    }

    /// Runs an apply and kills it at some point; whether that came before its end.
    fn killed(&mut self) -> bool {
        self.killed_in("apply --yes --quiet --jobs 8")
    }

    fn killed_in(&mut self, args: &str) -> bool {
        let call = self.rng.usize(1..=self.last);
        let exactly = self.rng.bool();
        let rules = match exactly {
            true => {
                let applied = if self.rng.bool() { Applied::Yes } else { Applied::No };
                FaultRules::one(Trigger::Write(call as u64), Fault::Kill(applied))
            }
            false => FaultRules::default(),
        };
        self.running.set_faults(&rules);
        let until = self.running.requests() + call as u64;
        self.spawn(args);
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < TIMEOUT, "the program hangs");
            let mut child = self.child.lock().unwrap();
            let running = child.as_mut().unwrap();
            if !exactly && self.running.requests() >= until {
                running.kill().unwrap();
            }
            if let Some(status) = running.try_wait().unwrap() {
                assert!(matches!(status.code(), None | Some(0)), "{status}");
                return status.code().is_none();
            }
            drop(child);
            std::thread::sleep(Duration::from_micros(300));
        }
    }

    fn spawn(&self, args: &str) {
        let mut command = self.folder.command(args.split(' '));
        let (user, password) = self.running.admin_login();
        command.env("ATTUNE_USERNAME", user).env("ATTUNE_PASSWORD", password);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        *self.child.lock().unwrap() = Some(child);
    }

    /// How many calls have had an effect so far.
    fn changes(&self) -> usize {
        self.running.events().iter().filter(|event| event.change.is_some()).count()
    }

    /// Checks the invariants at the end and at every instant before.
    fn check(&self, seed: u64) {
        let events: Vec<Event> = self.running.events();
        assert_eq!(self.bounds.violations(&events), [], "seed {seed}");
        assert_eq!(access(&self.running.state().unwrap()), self.bounds.after[0], "seed {seed}");
        assert_eq!(self.running.state().unwrap().tenants["Root"].policies.len(), 1, "seed {seed}");
        self.running.set_faults(&FaultRules::default());
        self.spawn("plan --detailed-exitcode --quiet");
        let status = self.child.lock().unwrap().as_mut().unwrap().wait().unwrap();
        assert_eq!(status.code(), Some(0), "seed {seed}: the plan afterwards");
    }
}

/// Swaps one cluster after the other, until there were enough kills.
fn converges(seeds: impl Iterator<Item = u64>) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let wanted = std::env::var("ATTUNE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let (mut kills, mut inside, mut swaps) = (0, [0_usize; 4], 0);
    for seed in seeds {
        if kills >= wanted {
            break;
        }
        let mut swap = Swap::new(&runtime, seed);
        while swap.killed() {
            kills += 1;
            inside[(swap.changes() * inside.len() / (CALLS + 1)).min(inside.len() - 1)] += 1;
        }
        swap.check(seed);
        swaps += 1;
    }
    println!("killed {kills} times over {swaps} swaps; by how far the swap had come, in quarters: {inside:?}");
    assert!(inside.iter().all(|quarter| *quarter > 0), "some part of the swap saw no kill: {inside:?}");
}

#[test]
fn a_program_that_is_killed_again_and_again_converges_1() {
    converges(0..);
}

#[test]
fn a_program_that_is_killed_again_and_again_converges_2() {
    converges(1_000_000..);
}

/// A cluster's users whose access ends: that of each second one at an instant, that of the others a day later.
fn ending_file(url: &str, end: OffsetDateTime) -> String {
    let text = |at: OffsetDateTime| at.format(&Rfc3339).unwrap();
    let until = |at: usize| text(if at.is_multiple_of(2) { end } else { end + time::Duration::DAY });
    let user = |at: usize| format!("u{at:02} = {{ policy = \"ml\", until = {} }}\n", until(at));
    let users: String = (0..USERS).map(user).collect();
    format!("[cluster]\nendpoints = [\"{url}\"]\n[users]\n{users}")
}

/// The timer of access that ends is killed around the end, before and after it. No moment sees anyone else without access.
#[test]
fn access_ends_though_the_program_is_killed_on_both_sides_of_the_end() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let end = (OffsetDateTime::now_utc() + time::Duration::MINUTE).replace_nanosecond(0).unwrap();
    let args = |at: OffsetDateTime| format!("apply --expired --quiet --jobs 4 --now {}", at.format(&Rfc3339).unwrap());
    let ends = |name: &str| name.trim_start_matches('u').parse::<usize>().unwrap().is_multiple_of(2);
    let mut kills = 0;
    for seed in 4_000_000..4_000_004 {
        let mut run = Swap::of(&runtime, seed, cluster(1), |url| ending_file(url, end));
        run.last = USERS / 4;
        kills += usize::from(run.killed_in(&args(end - time::Duration::SECOND)));
        assert_eq!(run.changes(), 0, "seed {seed}: the access has not ended yet");
        while run.killed_in(&args(end)) {
            kills += 1;
            assert!(run.changes() <= USERS / 2, "seed {seed}: {:?}", run.running.events());
        }
        let state = run.running.state().unwrap();
        for (name, user) in state.tenants[ROOT].users.iter().filter(|(name, _)| name.starts_with('u')) {
            assert_eq!(user.policy.is_none(), ends(name), "seed {seed}: {name}");
            assert!(user.keys.is_some(), "seed {seed}: {name} keeps its key pair");
        }
        assert_eq!(run.changes(), USERS / 2, "seed {seed}: each of them once, and nothing else");
    }
    assert!(kills > 8, "only {kills} kills");
}

/// Enough buckets that a run takes some time.
const BUCKETS: usize = 40;

/// A cluster with one policy and these buckets: the even ones are public, or after the apply without a policy; the odd ones have
/// none, or after it a document.
fn buckets(after: bool) -> ClusterState {
    let policy_of = |at: usize| match (at.is_multiple_of(2), after) {
        (true, false) => json!("public"),
        (true, true) | (false, false) => json!("none"),
        (false, true) => serde_json::from_str(&bucket_document(at)).unwrap(),
    };
    let all: Map<_, _> = (0..BUCKETS).map(|at| (format!("data-{at:02}"), json!({ "policy": policy_of(at) }))).collect();
    let state: ClusterState = serde_json::from_value(json!({"tenants": {"Root": {"buckets": all}}})).unwrap();
    let mut state = state.complete().unwrap();
    state.tenants.get_mut(ROOT).unwrap().policies.insert("ml".to_owned(), policy(1));
    state
}

/// As it is sent.
fn bucket_document(at: usize) -> String {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":["*"]}},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::data-{at:02}/*"]}}]}}"#
    );
    normal(&read_bucket_policy(&text).document.unwrap()).json().to_owned()
}

fn bucket_file(url: &str) -> String {
    let bucket = |at: usize| match at.is_multiple_of(2) {
        true => format!("[buckets.data-{at:02}]\npolicy = \"none\"\n"),
        false => format!(
            "[[buckets.data-{at:02}.statement]]\neffect = \"Allow\"\nprincipal = \"*\"\naction = \"s3:GetObject\"\n\
             resource = \"arn:aws:s3:::data-{at:02}/*\"\n"
        ),
    };
    format!("[cluster]\nendpoints = [\"{url}\"]\n{}", (0..BUCKETS).map(bucket).collect::<String>())
}

/// At no moment has a bucket a policy that neither side gives, and each is set once.
#[test]
fn bucket_policies_are_set_though_the_program_is_killed() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut kills = 0;
    for seed in 5_000_000..5_000_006 {
        let mut run = Swap::of(&runtime, seed, buckets(false), bucket_file);
        run.bounds =
            Bounds { before: access(&buckets(false)), after: vec![access(&buckets(true))], without: BTreeSet::new() };
        run.last = BUCKETS / 2;
        while run.killed() {
            kills += 1;
        }
        assert_eq!(run.changes(), BUCKETS, "seed {seed}");
        run.check(seed);
    }
    assert!(kills > 8, "only {kills} kills");
}

/// The users of the renamed policy: enough that a run takes some time, unless `ATTUNE_RENAME_USERS` says otherwise.
const RENAMED_USERS: usize = 40;

/// With the same document, and with another one at once.
#[test]
fn a_rename_that_is_killed_twice_converges_without_a_moment_of_lost_access() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let users = std::env::var("ATTUNE_RENAME_USERS").ok().and_then(|text| text.parse().ok()).unwrap_or(RENAMED_USERS);
    for (seed, number) in [(3_000_000, 1), (3_000_001, 2), (3_000_002, 1), (3_000_003, 2)] {
        let mut rename = Swap::renaming(&runtime, seed, number, users);
        for kill in 1..=2 {
            assert!(rename.killed(), "seed {seed}: kill {kill} came too late");
        }
        let changes = rename.changes();
        assert!(changes < 2 * users + 4, "seed {seed}: nothing was left to do after {changes} changes");
        rename.running.set_faults(&FaultRules::default());
        rename.spawn("apply --yes --quiet --jobs 8");
        let status = rename.child.lock().unwrap().as_mut().unwrap().wait().unwrap();
        assert_eq!(status.code(), Some(0), "seed {seed}");
        rename.check(seed);
        println!("renamed for {users} users, killed twice within the first {changes} changes");
    }
}

impl Swap {
    /// The users with a key pair on the cluster whose secret is in no file.
    fn lost(&self) -> BTreeSet<String> {
        let texts: Vec<String> = files(&self.folder.path(""), "")
            .iter()
            .map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned())
            .collect();
        let state = self.running.state().unwrap();
        let with_keys = state.tenants[ROOT].users.iter().filter_map(|(name, user)| Some((name, user.keys.as_ref()?)));
        let lost = with_keys.filter(|(_, keys)| !texts.iter().any(|text| text.contains(&keys.secret_key)));
        lost.map(|(name, _)| name.clone()).collect()
    }

    /// The warnings of the next plan.
    fn warned(&self) -> String {
        self.running.set_faults(&FaultRules::default());
        let (user, password) = self.running.admin_login();
        let mut command = self.folder.command(["plan"]);
        let output = command.env("ATTUNE_USERNAME", user).env("ATTUNE_PASSWORD", password).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    }
}

/// A quarter of the other kills here, unless `ATTUNE_KILLS` says otherwise: after each of them a plan is made.
#[test]
fn each_key_pair_that_a_killed_program_lost_is_named_by_the_next_command() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let wanted = std::env::var("ATTUNE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS / 4);
    let (mut kills, mut losing, mut lost_in_all, mut named_in_vain) = (0, 0, 0, 0);
    for seed in 2_000_000.. {
        if kills >= wanted {
            break;
        }
        let mut run = Swap::of(&runtime, seed, bare_cluster(), attaching_file);
        let mut before = BTreeSet::new();
        loop {
            let killed = run.killed();
            let (lost, warned) = (run.lost(), run.warned());
            let named = |user: &String| warned.contains(&format!("`{user}`"));
            let silent: Vec<_> = lost.iter().filter(|user| !named(user)).collect();
            assert!(silent.is_empty(), "seed {seed}: {silent:?} are lost, and nobody says so: {warned}");
            let all = (0..USERS).map(|at| format!("u{at:02}"));
            named_in_vain += all.filter(|user| named(user) && !lost.contains(user)).count();
            if !killed {
                break;
            }
            kills += 1;
            losing += usize::from(lost.len() > before.len());
            before = lost;
        }
        lost_in_all += before.len();
    }
    println!(
        "killed {kills} times, {losing} of them lost key pairs: {lost_in_all} in all, each named; {named_in_vain} others were named"
    );
}
