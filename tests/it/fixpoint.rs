//! Apply a plan to the simulated cluster, observe, plan again: nothing. For random files against random clusters, for every
//! release, over real sockets.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use attune::apply::{Conditions, Custody, CustodyContext, StepOutcome, Stop, Watch, run};
use attune::base::{PolicyName, UserName};
use attune::cluster::rest::{Endpoint, RestCluster, RestOptions, Timeouts, Trust};
use attune::cluster::{Credentials, Patience, observe};
use attune::desired::{
    Authored, Desired, Ownership, PolicyEntry, PolicyIntent, Sink, Strategy as Replace, UserEntry, UserIntent,
};
use attune::plan::{Plan, Step, plan};
use attune::sim::state::State;
use attune::sim::{Options, Running, start};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

const POLICIES: [&str; 4] = ["pa", "pb", "p c", "pd"];
const USERS: [&str; 4] = ["ua", "ub", "uc", "ud"];

/// How many random pairs are tried on each kind of cluster.
const PAIRS: usize = 24;

struct Unwatched;

impl Watch for Unwatched {
    fn started(&self, _: &Step) {}
    fn ended(&self, _: &Step, _: &StepOutcome) {}
}

fn document(number: u8) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [format!("arn:aws:s3:::bucket{number}/*")]},
    ]})
}

#[derive(Debug, Clone)]
struct Pair {
    there: Vec<Option<u8>>,
    held: Vec<usize>,
    wished: Vec<u8>,
    users: Vec<usize>,
    owned: bool,
    gap: bool,
}

fn pairs() -> impl Strategy<Value = Pair> {
    let there = prop::collection::vec(prop_oneof![1 => Just(None), 2 => (0..3_u8).prop_map(Some)], POLICIES.len());
    let held = prop::collection::vec(0..7_usize, USERS.len());
    let wished = prop::collection::vec(0..5_u8, POLICIES.len());
    let users = prop::collection::vec(0..7_usize, USERS.len());
    (there, held, wished, users, any::<bool>(), any::<bool>())
        .prop_map(|(there, held, wished, users, owned, gap)| Pair { there, held, wished, users, owned, gap })
}

/// The state file of the cluster of a pair.
fn state(pair: &Pair, release: &str, switches: &Value) -> State {
    let policies: serde_json::Map<String, Value> = POLICIES
        .iter()
        .zip(&pair.there)
        .filter_map(|(name, number)| Some((name.to_string(), json!({"document": document((*number)?)}))))
        .collect();
    let mut users = serde_json::Map::new();
    users.insert("admin".into(), json!({"role": "ClusterAdmin", "password": "admin"}));
    for (user, choice) in USERS.iter().zip(&pair.held) {
        let held = POLICIES.get(*choice).filter(|name| policies.contains_key(**name)).copied();
        let held = held.or((*choice == 4).then_some("readonly"));
        users.insert(user.to_string(), json!({"role": "S3", "policy": held}));
    }
    serde_json::from_value(json!({
        "release": release, "switches": switches, "tenants": {"Root": {"users": users, "policies": policies}},
    }))
    .unwrap()
}

fn desired(pair: &Pair, only_additions: bool) -> Desired {
    let mut desired = Desired::default();
    for (name, choice) in POLICIES.iter().zip(&pair.wished) {
        let intent = match choice {
            0..=2 => PolicyIntent::Present(Authored {
                document: attune::policy::read(&document(*choice).to_string()).document.unwrap(),
                source: None,
            }),
            3 if !only_additions => PolicyIntent::Absent,
            _ => continue,
        };
        let entry = PolicyEntry { description: None, intent, lint: attune::desired::Allowed::default(), at: None };
        desired.policies.insert(PolicyName::parse(name).unwrap(), entry);
    }
    if only_additions {
        return desired;
    }
    for (user, choice) in USERS.iter().zip(&pair.users) {
        let intent = match choice {
            0..=3 => UserIntent::Holds(PolicyName::parse(POLICIES[*choice]).unwrap()),
            4 => UserIntent::Holds(PolicyName::parse("readonly").unwrap()),
            5 => UserIntent::Detached,
            _ => continue,
        };
        desired.users.insert(UserName::parse(user).unwrap(), UserEntry { intent, at: None });
    }
    let pattern = |text: &str| glob::Pattern::new(text).unwrap();
    if pair.owned {
        desired.ownership = Ownership::new(vec![pattern("p*")], vec![pattern("u*")]);
    }
    if pair.gap {
        desired.cluster.replace = Replace::Gap;
    }
    desired
}

async fn cluster(state: State) -> (Running, RestCluster) {
    let running = start(Options::in_memory(state)).await.unwrap();
    let (username, password) = running.admin_login();
    let cluster = RestCluster::new(RestOptions {
        endpoints: vec![Endpoint::parse(running.url()).unwrap()],
        credentials: Credentials::Password { username, password: password.into(), org: None },
        tenant: None,
        trust: Trust::System,
        timeouts: Timeouts::default(),
    });
    (running, cluster.unwrap())
}

/// Whether there was a plan; panics when it does not end where the file says.
async fn converges(pair: &Pair, release: &str, switches: &Value) -> bool {
    let (running, cluster) = cluster(state(pair, release, switches)).await;
    let desired = desired(pair, release.starts_with('3'));
    let before = running.state().unwrap();
    let planned: Plan = plan(&desired, &observe(&cluster, &desired, 4).await.unwrap());
    if planned.is_blocked() {
        assert!(planned.steps.is_empty());
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    let context = CustodyContext {
        cluster: "stewie".to_owned(),
        tenant: "Root".to_owned(),
        state_dir: folder.path().join("state"),
        search_path: OsString::new(),
        command_timeout: Duration::from_secs(60),
    };
    let custody = Custody::new(Some(&Sink::File { dir: folder.path().join("secrets") }), context);
    let conditions = Conditions {
        cluster: &cluster,
        custody: &custody,
        jobs: 4,
        patience: Patience::default(),
        stop: &Stop::default(),
        watch: &Unwatched,
    };
    let outcomes = run(&planned, &conditions).await;
    let bad: Vec<_> = outcomes.iter().filter(|outcome| !outcome.status.is_good()).collect();
    assert!(bad.is_empty(), "{release} {switches} {pair:?}: {bad:?}");
    let again = plan(&desired, &observe(&cluster, &desired, 4).await.unwrap());
    assert!(again.is_empty() && !again.is_blocked(), "{release} {switches} {pair:?}: {:?}", again.changes);
    let after = running.state().unwrap();
    assert_eq!(planned.steps.is_empty(), before == after, "{release} {switches} {pair:?}");
    assert!(!after.s3_deleted);
    kept(&before, &after, &folder.path().join("secrets"));
    true
}

/// Every key pair that the cluster made is in the sink.
fn kept(before: &State, after: &State, secrets: &Path) {
    for (name, user) in &after.tenants["Root"].users {
        let Some(keys) = user.keys.as_ref().filter(|_| before.tenants["Root"].users[name].keys.is_none()) else {
            continue;
        };
        let record: Value = serde_json::from_slice(&fs::read(secrets.join(format!("{name}.json"))).unwrap()).unwrap();
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
fn every_plan_is_a_fixpoint_on_a_cluster_that_takes_no_attach_over_an_attachment() {
    hold("5.1.2", &json!({"attach_over": "refuse", "list_shape": "objects", "user_policies_bare": true}));
}
