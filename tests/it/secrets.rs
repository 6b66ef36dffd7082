//! No secret is in anything that the program prints or writes, however talkative it is.

use std::collections::BTreeSet;

use super::harness::{Folder, Run, files};
use super::served::Served;

const PASSWORD: &str = "S3cret-Adm1n-Passw0rd";
const PAIR: &str = "0123456789abcdefghijABCDEFGHIJ+/0123456789"; // the secret key of a user that has one

fn folder() -> Folder {
    let folder = Folder::example("quickstart");
    folder.drift(|root| {
        root["users"]["admin"]["password"] = PASSWORD.into();
        root["users"]["zoe"]["keys"] = serde_json::json!({"access_key": "0000ZOEZOEZOEZOEZOE0", "secret_key": PAIR});
    });
    folder
}

/// All secrets that the cluster knows by now.
fn secrets(folder: &Folder) -> Vec<String> {
    let users = folder.tenant()["users"].as_object().unwrap().clone();
    let of = |user: &serde_json::Value| {
        [&user["password"], &user["keys"]["secret_key"]].map(|secret| secret.as_str().map(str::to_owned))
    };
    users.values().flat_map(of).flatten().collect()
}

fn clean(folder: &Folder, run: &Run) {
    let secrets = secrets(folder);
    assert!(secrets.len() >= 2);
    for secret in &secrets {
        assert!(!run.stdout.contains(secret), "stdout of `attune {}` has a secret", run.args);
        assert!(!run.stderr.contains(secret), "stderr of `attune {}` has a secret", run.args);
    }
    for word in ["Bearer ey", "access_token", "refresh_token"] {
        assert!(!run.stdout.contains(word) && !run.stderr.contains(word), "`attune {}` shows {word}", run.args);
    }
    // Secrets belong in the destination only.
    let belongs = |path: &std::path::Path| path.ends_with("cluster.json") || path.starts_with(folder.path("secrets"));
    let written = files(&folder.path(""), "").into_iter().filter(|path| !belongs(path));
    for path in written {
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{} has a secret", path.display());
    }
}

/// Every key pair that the cluster showed is in the destination, and no other one.
fn kept(folder: &Folder, already: &BTreeSet<String>) {
    let users = folder.tenant()["users"].clone();
    let made: Vec<String> = with_keys(folder).difference(already).cloned().collect();
    assert!(!made.is_empty(), "no key pair was made: the test shows nothing");
    assert_eq!(files(&folder.path("secrets"), ".json").len(), made.len());
    for name in made {
        let record: serde_json::Value = serde_json::from_str(&folder.read(&format!("secrets/{name}.json"))).unwrap();
        assert_eq!(record["secret_key"], users[&name]["keys"]["secret_key"], "{name}");
    }
}

/// The users that have a key pair.
fn with_keys(folder: &Folder) -> BTreeSet<String> {
    let users = folder.tenant()["users"].as_object().unwrap().clone();
    users.into_iter().filter(|(_, user)| !user["keys"].is_null()).map(|(name, _)| name).collect()
}

#[test]
fn no_secret_is_in_any_output_at_any_level() {
    let folder = folder();
    let before = with_keys(&folder);
    let served = Served::start(&folder, "--log requests.jsonl");
    let login = [("ATTUNE_USERNAME", "admin"), ("ATTUNE_PASSWORD", PASSWORD)];
    for args in [
        "plan -vvv",
        "plan -vvv --format json --out plan.json",
        "apply -vvv",
        "apply -vvv --yes --format json",
        "plan -vvv --detailed-exitcode",
    ] {
        let run = folder.attune_with(&format!("{args} --cluster {}", served.url), &login);
        clean(&folder, &run);
    }
    let users = folder.tenant()["users"].clone();
    assert!(users["bob"]["keys"]["secret_key"].is_string(), "no key pair was made: the test shows nothing");
    kept(&folder, &before);
}

#[test]
fn no_secret_is_in_the_output_of_a_simulated_cluster_of_its_own() {
    let folder = folder();
    let before = with_keys(&folder);
    for args in ["plan -vvv", "apply -vvv --yes", "validate -vvv", "schema -vvv"] {
        clean(&folder, &folder.attune(args));
    }
    kept(&folder, &before);
}
