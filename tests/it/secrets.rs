//! No secret is in anything that the program prints or writes, however talkative it is.

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
    let users = folder.state()["tenants"]["Root"]["users"].as_object().unwrap().clone();
    let of = |user: &serde_json::Value| {
        [&user["password"], &user["keys"]["secret_key"]].map(|secret| secret.as_str().map(str::to_owned))
    };
    users.values().flat_map(of).flatten().collect()
}

fn clean(folder: &Folder, run: &Run) {
    let secrets = secrets(folder);
    assert!(secrets.len() >= 2);
    for secret in &secrets {
        assert!(!run.stdout.contains(secret), "stdout of `attune {}` holds a secret", run.args);
        assert!(!run.stderr.contains(secret), "stderr of `attune {}` holds a secret", run.args);
    }
    for word in ["Bearer ey", "access_token", "refresh_token"] {
        assert!(!run.stdout.contains(word) && !run.stderr.contains(word), "`attune {}` shows {word}", run.args);
    }
    let written = files(&folder.path(""), "").into_iter().filter(|path| !path.ends_with("cluster.json"));
    for path in written {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{} holds a secret", path.display());
    }
}

#[test]
fn no_secret_is_in_any_output_at_any_level() {
    let folder = folder();
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
    let users = folder.state()["tenants"]["Root"]["users"].clone();
    assert!(users["bob"]["keys"]["secret_key"].is_string(), "no key pair was made: the test shows nothing");
}

#[test]
fn no_secret_is_in_the_output_of_a_simulated_cluster_of_its_own() {
    let folder = folder();
    for args in ["plan -vvv", "apply -vvv --yes", "validate -vvv", "schema -vvv"] {
        clean(&folder, &folder.attune(args));
    }
}
