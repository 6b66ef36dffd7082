//! Several simulated clusters on one port, and the program as a client of each.

use serde_json::Value;

use super::harness::{ADMIN, Folder};
use super::served::Served;

const NAMES: [&str; 3] = ["c1", "c2", "c3"];

/// Three states, in which alice has `readonly`.
fn three() -> Folder {
    let folder = Folder::new();
    for name in NAMES {
        folder.write(
            &format!("states/{name}.json"),
            r#"{"release": "4.4", "tenants": {"Root": {"users": {"alice": {"policy": "readonly"}}}}}"#,
        );
    }
    folder
}

/// A configuration for each cluster, in which alice gets `readwrite`.
fn configurations(folder: &Folder, served: &Served, settings: &str) {
    for name in NAMES {
        let url = served.url_of(name);
        let text = format!("[cluster]\nendpoints = [\"{url}\"]\n{settings}[users.alice]\npolicy = \"readwrite\"\n");
        folder.write(&format!("conf/{name}.toml"), &text);
    }
}

fn policy_of_alice(folder: &Folder, name: &str) -> Value {
    let state: Value = serde_json::from_str(&folder.read(&format!("states/{name}.json"))).unwrap();
    state["tenants"]["Root"]["users"]["alice"]["policy"].clone()
}

#[test]
fn each_state_is_planned_and_changed_under_its_host_name() {
    let folder = three();
    let served = Served::several(&folder, &["--log", "log.jsonl"]);
    configurations(&folder, &served, "");
    folder.attune_with("plan -f conf/c3.toml", &ADMIN).exits(0).says("cluster c3 ").says("1 to move");
    folder.attune_with("apply -f conf/c3.toml --yes", &ADMIN).exits(0);
    assert_eq!(NAMES.map(|name| policy_of_alice(&folder, name)), ["readonly", "readonly", "readwrite"]);
    let all = folder.attune_with("plan -f conf --format json", &ADMIN).exits(0).json();
    let guids: std::collections::BTreeSet<&str> =
        all["runs"].as_array().unwrap().iter().map(|run| run["result"]["cluster"]["guid"].as_str().unwrap()).collect();
    assert_eq!(guids.len(), 3, "{all}");
    assert!(folder.read("log.jsonl").lines().all(|line| line.contains("\"cluster\":\"c")));
    // No file of the directory is a cluster of this name.
    folder
        .attune_with(&format!("plan -f conf/c3.toml --cluster {}", served.url_of("c4")), &ADMIN)
        .exits(1)
        .warns("There are 3, for example `c1`");
}

#[test]
fn one_cluster_that_stops_does_not_stop_the_others() {
    let folder = three();
    let served = Served::several(&folder, &["--tls", "--fault", "c2:GET /users#1=stop-before"]);
    let fingerprint = format!("fingerprint = \"{}\"\n", served.fingerprint.as_deref().unwrap());
    configurations(&folder, &served, &fingerprint);
    let run = folder.attune_with("plan -f conf --retries 0", &ADMIN).exits(1);
    let exits: Vec<&str> = run.stdout.lines().filter(|line| line.contains("   exit ")).collect();
    assert!(exits[0].contains("exit 0") && exits[1].contains("exit 1") && exits[2].contains("exit 0"), "{exits:?}");
}

#[test]
fn the_weka_command_reaches_one_of_several_by_the_path() {
    let folder = three();
    let served = Served::several(&folder, &[]);
    let url = format!("{}/c2", served.url);
    let status = folder.attune(&format!("sim weka --url {url} -- status --json")).exits(0);
    assert_eq!(serde_json::from_str::<Value>(&status.stdout).unwrap()["name"], "c2");
}

#[test]
fn a_directory_without_a_cluster_is_an_error() {
    let folder = Folder::with(&[("states/Big.json", "{}"), ("empty/x.txt", "")]);
    folder.attune("sim serve --states empty").exits(1).warns("has no state file");
    folder.attune("sim serve --states states").exits(1).warns("Big.json` cannot be addressed");
    folder.attune("sim serve --states missing").exits(1).warns("cannot be read");
    folder.attune("sim serve --states states --state x.json").exits(1).warns("cannot be used with");
    folder.attune("sim serve").exits(1).warns("--state");
}
