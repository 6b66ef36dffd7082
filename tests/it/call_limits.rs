//! Limits of API calls: for each cluster, for all together, and that a busy cluster slows only itself.

use std::time::{Duration, Instant};

use attune::sim::state::ClusterState;
use attune::sim::{FaultRule, FaultRules, Options, Running, start};

use super::harness::{ADMIN, Folder};

/// Policies that nobody declares, so that a plan of all reads many documents.
const POLICIES: usize = 12;

/// Clusters that answer after some milliseconds. In each, there are policies to read.
async fn clusters(names: &[&str], latency: u64, faults: &[&str]) -> Running {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}"#;
    let policies: Vec<String> =
        (0..POLICIES).map(|number| format!(r#""p{number}": {{"document": {document}}}"#)).collect();
    let state = format!(r#"{{"release": "4.4", "tenants": {{"Root": {{"policies": {{{}}}}}}}}}"#, policies.join(","));
    let state: ClusterState = serde_json::from_str(&state).unwrap();
    let faults = FaultRules(faults.iter().map(|rule| rule.parse::<FaultRule>().unwrap()).collect());
    let latency = Duration::from_millis(latency);
    let several = Options::several(names.iter().map(|name| ((*name).to_owned(), state.clone())));
    start(Options { faults, latency, record: true, ..several }).await.unwrap()
}

/// A configuration for each of these clusters, which may be the same one several times. It owns all policies.
fn configurations(running: &Running, of: &[&str]) -> Folder {
    let folder = Folder::new();
    for (number, name) in of.iter().enumerate() {
        let url = running.cluster(name).unwrap().url();
        let text = format!(
            "[cluster]\nendpoints = [\"{url}\"]\n[ownership]\npolicies = [\"p*\"]\n[policies.p0]\nabsent = true\n"
        );
        folder.write(&format!("conf/{number}-{name}.toml"), &text);
    }
    folder
}

fn plan(folder: &Folder, options: &str) {
    let run = folder.attune_with(&format!("plan --file conf --format json {options}"), &ADMIN);
    assert!([Some(0), Some(3)].contains(&run.code), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cluster_has_a_limit_and_all_together_another() {
    let names = ["a", "b", "c", "d"];
    let running = clusters(&names, 20, &[]).await;
    let folder = configurations(&running, &names);
    plan(&folder, "--jobs 2");
    let most = |running: &Running| running.clusters().iter().map(|cluster| cluster.most_in_flight()).max().unwrap();
    assert_eq!(most(&running), 2);
    assert!(running.most_in_flight() > 3, "without a limit of all: {}", running.most_in_flight());
    drop(running);
    let running = clusters(&names, 20, &[]).await;
    let folder = configurations(&running, &names);
    plan(&folder, "--jobs 2 --calls-at-once 3");
    assert_eq!((most(&running), running.most_in_flight()), (2, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_configurations_of_one_cluster_share_its_limit() {
    let running = clusters(&["a"], 10, &[]).await;
    plan(&configurations(&running, &["a", "a", "a"]), "--jobs 2");
    assert_eq!(running.most_in_flight(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenants_of_a_cluster_share_its_limit_however_they_are_listed() {
    let running = clusters(&["a"], 10, &[]).await;
    let folder = configurations(&running, &["a"]);
    let text = folder.read("conf/0-a.toml").replace("[ownership]", "tenants = [\"*\"]\n[ownership]");
    folder.write("conf/0-a.toml", &text);
    plan(&folder, "--jobs 3");
    assert_eq!(running.most_in_flight(), 3, "the list of tenants needs one call at once");
    let running = clusters(&["a"], 10, &[]).await;
    let folder = configurations(&running, &["a"]);
    folder
        .write("conf/0-a.toml", &folder.read("conf/0-a.toml").replace("[ownership]", "tenants = [\"*\"]\n[ownership]"));
    plan(&folder, "--jobs 3 --calls-at-once 2");
    assert_eq!(running.most_in_flight(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_cluster_slows_only_itself() {
    let running = clusters(&["a", "b", "c"], 2, &["a:GET /users,times=1=503:2"]).await;
    let folder = configurations(&running, &["a", "b", "c"]);
    let begun = Instant::now();
    plan(&folder, "--calls-at-once 1");
    assert!(begun.elapsed() >= Duration::from_secs(2));
    let events = running.events();
    let busy = events.iter().position(|event| event.status == Some(503)).unwrap();
    let again = busy + 1 + events[busy + 1..].iter().position(|event| event.cluster == "a").unwrap();
    let (meanwhile, after) = (&events[busy + 1..again], &events[again..]);
    assert!(after.iter().all(|event| event.cluster == "a"), "the others were ready before");
    assert!(meanwhile.len() > POLICIES, "{}", meanwhile.len());
}
