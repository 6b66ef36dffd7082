//! A cluster is one guid: an endpoint, a login or a run of the `weka` command that leads to another cluster gets no call.

use std::time::Duration;

use attune::base::PolicyName;
use attune::cluster::rest::{Endpoint, RestCluster, RestOptions, Timeouts, Trust};
use attune::cluster::{Cluster, Credentials, PasswordLogin};
use attune::sim::state::ClusterState;
use attune::sim::{Applied, Fault, FaultRules, Options, Trigger, start};
use serde_json::{Value, json};

use super::harness::{ADMIN, Folder};
use super::served::Served;
use super::weka::temporary;

/// The state of a cluster with ten users that have a policy, and the configuration that detaches them.
fn state(name: &str, release: &str) -> Value {
    let mut root = json!({ "users": { "admin": { "role": "ClusterAdmin", "password": "admin" } }, "policies": {} });
    for number in 0..10 {
        root["users"][format!("u{number}")] = json!({ "policy": "readonly" });
    }
    json!({ "format": "attune.sim/1", "name": name, "release": release, "tenants": { "Root": root } })
}

fn detaching() -> String {
    (0..10).map(|number| format!("[users.u{number}]\ndetached = true\n")).collect()
}

/// Two clusters with the same users and the same login. The first one has this fault; both are endpoints.
struct Two {
    here: Folder,
    elsewhere: Folder,
    _served: [Served; 2],
}

impl Two {
    fn new(fault: &str, releases: [&str; 2], names: [&str; 2]) -> Self {
        let folder = |at: usize| Folder::with(&[("cluster.json", &state(names[at], releases[at]).to_string())]);
        let (here, elsewhere) = (folder(0), folder(1));
        let served =
            [Served::start_with(&here, &["--fault", fault]), Served::start_with(&elsewhere, &["--log", "log.jsonl"])];
        let endpoints = format!("[cluster]\nendpoints = [\"{}\", \"{}\"]\n", served[0].url, served[1].url);
        here.write("attune.toml", &(endpoints + &detaching()));
        Self { here, elsewhere, _served: served }
    }

    fn attached(folder: &Folder) -> usize {
        let users = folder.tenant()["users"].clone();
        users.as_object().unwrap().values().filter(|user| user["policy"] == "readonly").count()
    }

    /// Checks that the other cluster is unchanged and got only logins and the calls that identify it.
    fn is_left_alone(&self) {
        assert_eq!(Self::attached(&self.elsewhere), 10);
        for line in self.elsewhere.read("log.jsonl").lines() {
            let path = serde_json::from_str::<Value>(line).unwrap()["path"].as_str().unwrap().to_owned();
            let path = path.trim_start_matches("/api/v2");
            assert!(["/login", "/login/refresh", "/cluster", "/users/whoami"].contains(&path), "{line}");
        }
    }
}

#[test]
fn an_apply_that_fails_over_to_another_cluster_stops_and_says_what_was_not_sent() {
    let two = Two::new("write:4=stop-before", ["5.1"; 2], ["one", "other"]);
    let run = two.here.attune_with("apply --yes --jobs 1 --retries 1 --format json", &ADMIN).exits(5);
    two.is_left_alone();
    assert_eq!(Two::attached(&two.here), 7);
    let outcome = run.json();
    let of = |status: &str| outcome["steps"].as_array().unwrap().iter().filter(|step| step["status"] == status).count();
    // The call in flight has an unknown outcome; the others were not sent.
    assert_eq!((of("done"), of("unknown_outcome"), of("not_reached")), (3, 1, 6), "{outcome:#}");
    run.warns("leads to cluster \"other\"").warns("this run is about cluster \"one\"");
}

#[test]
fn an_apply_that_meets_another_cluster_before_its_first_change_exits_1() {
    let two = Two::new("GET /users#2=stop-before", ["5.1"; 2], ["one", "other"]);
    let run = two.here.attune_with("apply --yes --jobs 4 --retries 1", &ADMIN).exits(1);
    two.is_left_alone();
    assert_eq!(Two::attached(&two.here), 10);
    run.warns("leads to cluster \"other\"").warns("nothing was changed");
}

#[test]
fn a_plan_is_not_made_of_two_clusters() {
    let two = Two::new("GET /users#1=stop-before", ["5.1"; 2], ["one", "other"]);
    let run = two.here.attune_with("plan --retries 1", &ADMIN).exits(1);
    two.is_left_alone();
    run.warns("leads to cluster \"other\"").warns("reach one cluster and one tenant only");
}

#[test]
fn a_run_continues_at_another_endpoint_and_warns_of_another_release() {
    let stopped = Two::new("GET /users#2=stop-before", ["5.1.2", "5.1.3"], ["one", "one"]);
    stopped
        .here
        .attune_with("apply --yes --jobs 1 --retries 1", &ADMIN)
        .exits(0)
        .warns("runs WEKA 5.1.3, and the run began with WEKA 5.1.2");
    assert_eq!(Two::attached(&stopped.elsewhere), 0);
}

#[test]
fn a_weka_command_that_leads_to_another_cluster_changes_nothing() {
    // From the first detach on, the command of the host leads to another cluster.
    let folder = Folder::with(&[
        ("cluster.json", &state("one", "5.1").to_string()),
        ("other.json", &state("other", "5.1").to_string()),
        ("attune.toml", &("[cluster]\nvia = \"weka\"\n".to_owned() + &detaching())),
    ]);
    let here = folder.path("").display().to_string();
    let program = env!("CARGO_BIN_EXE_attune");
    temporary(
        &folder,
        &format!(
            "#!/bin/sh\nstate=cluster.json\nif [ -e {here}/moved ]; then state=other.json; fi\n\
             case \"$*\" in *'policy detach'*) : > {here}/moved;; esac\n\
             exec {program} sim weka --state {here}/$state -- \"$@\"\n"
        ),
    );
    let run = folder.attune("apply --yes --jobs 1 --retries 1").exits(5);
    run.warns("the `weka` command leads to cluster \"other\"");
    let attached = |name: &str| {
        let state: Value = serde_json::from_str(&folder.read(name)).unwrap();
        let users = state["tenants"]["Root"]["users"].as_object().unwrap().clone();
        users.values().filter(|user| user["policy"] == "readonly").count()
    };
    assert_eq!((attached("cluster.json"), attached("other.json")), (9, 10));
}

#[tokio::test]
async fn a_simulated_endpoint_that_hangs_is_replaced_by_another() {
    for fault in [Fault::Silent(Applied::No), Fault::Silent(Applied::Yes), Fault::Stall] {
        let state: ClusterState = serde_json::from_value(state("one", "5.1")).unwrap();
        let start = async |faults| start(Options { faults, ..Options::in_memory(state.clone()) }).await.unwrap();
        let hangs = start(FaultRules::one("GET /s3/policies*".parse::<Trigger>().unwrap(), fault)).await;
        let sound = start(FaultRules::default()).await;
        let endpoints = [&hangs, &sound].map(|one| Endpoint::parse(one.url()).unwrap()).to_vec();
        let (username, password) = sound.admin_login();
        let cluster = RestCluster::new(RestOptions {
            cache: None,
            endpoints,
            credentials: Credentials::Password(PasswordLogin { username, password: password.into(), org: None }),
            tenant: None,
            release: None,
            trust: Trust::default(),
            timeouts: Timeouts { answer: Duration::from_millis(300), ..Timeouts::default() },
        })
        .unwrap();
        let asked = hangs.requests();
        for _ in 0..10 {
            cluster.list_policies().await.unwrap();
            cluster.show_policy(&PolicyName::parse("readonly").unwrap()).await.unwrap();
        }
        // The login, the proof, and one call that was not answered.
        assert_eq!(hangs.requests() - asked, 4);
    }
}
