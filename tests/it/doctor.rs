//! `attune doctor` against the simulated cluster.

use serde_json::{Value, json};

use crate::harness::{ADMIN, Folder, Run};
use crate::served::Served;

const FILE: &str = "[cluster]\nendpoints = [\"sim:cluster.json\"]\n";

/// A cluster of that release with these switches.
fn folder(release: &str, switches: &Value) -> Folder {
    let users = json!({
        "admin": { "role": "ClusterAdmin", "password": "admin" },
        "viewer": { "role": "ReadOnly", "password": "pw" },
        "alice": { "role": "S3", "password": "pw", "policy": "readonly" },
    });
    let boss = json!({ "boss": { "role": "TenantAdmin", "password": "pw" } });
    let tenants = json!({ "Root": { "users": users }, "ml": { "users": boss } });
    let state = json!({ "format": "attune.sim/1", "release": release, "switches": switches, "tenants": tenants });
    Folder::with(&[("attune.toml", FILE), ("cluster.json", &state.to_string())])
}

/// The program as someone, against a served cluster.
fn as_user(folder: &Folder, served: &Served, user: &str, password: &str, args: &str) -> Run {
    let args = format!("doctor --cluster {} {args}", served.url);
    folder.attune_with(&args, &[("ATTUNE_USERNAME", user), ("ATTUNE_PASSWORD", password)])
}

fn messages(run: &Run) -> Vec<String> {
    let findings = run.json()["findings"].as_array().unwrap().clone();
    findings.iter().map(|finding| finding["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn doctor_finds_no_problem_on_any_release() {
    for (release, expected, codes) in [
        ("3.14", "not reported by this release", &["attachments-not-reported"][..]),
        ("4.0", "reported by GET /s3/userPolicies", &[]),
        ("4.4", "reported by GET /users", &[]),
        ("5.1", "reported by GET /users", &[]),
    ] {
        let folder = folder(release, &json!({}));
        let before = folder.read("cluster.json");
        let run =
            folder.attune("doctor").exits(0).says("stewie").says("admin · ClusterAdmin · tenant Root · may apply");
        let run = run.says(expected).says("leftovers   none");
        assert_eq!(run.stdout.contains("no problems found"), codes.is_empty(), "{}", run.stdout);
        let machine = folder.attune("doctor --format json").exits(0);
        assert_eq!(machine.codes(), codes, "{release}");
        let report = machine.json();
        assert_eq!(report["attachments_known"], json!(release != "3.14"));
        assert!(report["clock_ahead_seconds"].as_i64().unwrap().abs() <= 60, "{report}");
        let status = if release == "5.1" { "compared" } else { "none" };
        assert_eq!(report["api_definition"]["status"], status);
        assert_eq!(folder.read("cluster.json"), before, "a check changes nothing");
    }
    let plain = folder("5.1", &json!({})).attune("doctor").exits(0).says("without key reset over REST and groups");
    plain.says("all 22 calls match the API definition of the cluster");
    let later = folder("5.1", &json!({ "key_reset": true }));
    later.attune("doctor").exits(0).says("S3 key pairs, key reset over REST, identity provider (OIDC)");
    assert_eq!(later.attune("doctor --format json").json()["capabilities"]["key_reset"], json!(true));
}

#[test]
fn a_field_that_a_release_renamed_is_named_before_an_apply() {
    let folder = folder("5.1", &json!({ "own_definition": "renamed" }));
    let run = folder.attune("doctor --format json").exits(1).warns("the cluster has problems that prevent an apply");
    let messages = messages(&run);
    for part in [
        "POST /s3/policies/attach: attune sends `user_name`, which this cluster's definition does not have; it has `user` instead",
        "POST /s3/policies/attach: this cluster's definition requires `user`",
        "POST /s3/policies/detach: attune sends `user_name`",
        "POST /s3/policies/detach: this cluster's definition requires `user`",
    ] {
        assert!(messages.iter().any(|message| message.starts_with(part)), "no {part:?} in {messages:#?}");
    }
    assert_eq!(messages.len(), 4, "{messages:#?}");
    let text = folder
        .attune("doctor")
        .exits(1)
        .says("22 calls compared with the API definition of the cluster: 4 differences");
    text.says("error[field-not-in-definition]").says("do not apply with this version of attune");
}

#[test]
fn a_definition_that_is_missing_or_no_definition_is_no_error() {
    let missing = folder("5.1", &json!({ "own_definition": "missing" }));
    assert_eq!(missing.attune("doctor --format json").exits(0).codes(), ["no-api-definition"]);
    let older = folder("4.4", &json!({ "own_definition": "missing" }));
    assert!(older.attune("doctor --format json").exits(0).codes().is_empty());
    for fault in ["GET /docs/schema=html-before:200", "GET /docs/schema=503", "GET /docs/schema=refuse:403"] {
        let folder = folder("5.1", &json!({}));
        let served = Served::start_with(&folder, &["--fault", fault]);
        let run = as_user(&folder, &served, "admin", "admin", "--retries 0 --format json").exits(2);
        assert_eq!(run.codes(), ["definition-unreadable"], "{fault}");
    }
}

#[test]
fn an_insufficient_role_is_an_error_with_help() {
    let folder = folder("5.1", &json!({}));
    let served = Served::start(&folder, "");
    let viewer = as_user(&folder, &served, "viewer", "pw", "").exits(1);
    let viewer = viewer.says("viewer · ReadOnly · tenant Root · may not apply").says("error[role-too-weak]");
    viewer.says("log in as a user with the role ClusterAdmin, or as the TenantAdmin of tenant `Root`");
    let alice = as_user(&folder, &served, "alice", "pw", "--format json").exits(1);
    assert_eq!(alice.codes(), ["role-too-weak", "read-failed", "read-failed"]);
    assert_eq!(alice.json()["leftovers"], Value::Null, "what is not known is left out");
    let boss = as_user(&folder, &served, "boss", "pw", "--tenant ml --format json").exits(0);
    assert_eq!((&boss.json()["cluster"]["tenant"], boss.codes().len()), (&json!("ml"), 0));
    let wrong = as_user(&folder, &served, "admin", "wrong", "--format json").exits(1);
    assert_eq!(
        (wrong.json()["format"].as_str(), wrong.codes()),
        (Some("attune.findings/1"), vec!["not-authorized".into()])
    );
}

#[test]
fn nothing_but_logins_and_reads_is_sent() {
    let folder = folder("5.1", &json!({}));
    let served = Served::start(&folder, "--log requests.jsonl");
    as_user(&folder, &served, "admin", "admin", "").exits(0);
    let log = folder.read("requests.jsonl");
    let calls: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(calls.iter().any(|call| call["path"] == "/api/v2/docs/schema"), "{log}");
    let fine = |call: &Value| call["method"] == "GET" || call["path"] == "/api/v2/login";
    assert!(calls.iter().all(fine), "{log}");
}

#[test]
fn what_the_definition_of_a_cluster_says_is_cached_for_its_guid_and_release() {
    let folder = folder("5.1.2", &json!({ "key_reset": true }));
    let served = Served::start(&folder, "--tls --log requests.jsonl");
    let fingerprint = served.fingerprint.as_ref().unwrap();
    folder.write("attune.toml", &format!("[cluster]\nfingerprint = \"{fingerprint}\"\n"));
    let plan = |args: &str| {
        let before = folder.read("requests.jsonl").matches("/docs/schema").count();
        folder.attune_with(&format!("plan --cluster {} {args}", served.url), &ADMIN).exits(0);
        folder.read("requests.jsonl").matches("/docs/schema").count() - before
    };
    assert_eq!([plan("--insecure"), plan("--insecure")], [1, 1], "an unchecked connection uses no cache");
    assert!(!folder.path(".cache").exists());
    assert_eq!([plan(""), plan("")], [1, 0]);
    let cached = crate::harness::files(&folder.path(".cache/attune"), ".json");
    assert_eq!(cached.len(), 1);
    std::fs::write(&cached[0], "{").unwrap();
    assert_eq!([plan(""), plan("")], [1, 0], "a damaged cache is read again");
    folder.drift(|_| ());
    let state = folder.read("cluster.json").replace("\"5.1.2\"", "\"5.1.3\"");
    folder.write("cluster.json", &state);
    assert_eq!([plan(""), plan("")], [1, 0], "another build");
    let text = std::fs::read_to_string(&cached[0]).unwrap();
    assert!(text.len() < 400 && text.contains("\"key_reset\":true"), "{text}");
}

#[test]
fn leftovers_of_an_interrupted_apply_are_a_warning_until_an_apply_finishes() {
    let case = crate::harness::root().join("tests/golden/leftovers-of-a-removed-policy");
    let folder = Folder::copy_of(&case);
    let run =
        folder.attune("doctor").exits(2).says("warning[leftover-temporary-policy]").says("for `ml`, which `alice` has");
    run.says("leftovers   attune-swap-5258d55b-ml and attune-swap-f4c2aebc-ml");
    let report = folder.attune("doctor --format json").exits(2).json();
    assert_eq!(report["leftovers"][1]["attached_to"], json!(["alice"]));
    folder.attune("apply --yes").exits(0);
    folder.attune("doctor").exits(0).says("no problems found");
}

#[test]
fn a_certificate_that_is_not_checked_is_a_warning_and_a_pinned_one_is_not() {
    let folder = folder("5.1", &json!({}));
    let served = Served::start(&folder, "--tls");
    let run = as_user(&folder, &served, "admin", "admin", "--insecure --format json").exits(2).warns("--insecure");
    assert_eq!(run.codes(), ["any-certificate"]);
    let fingerprint = served.fingerprint.as_ref().unwrap();
    folder.write("attune.toml", &format!("[cluster]\nfingerprint = \"{fingerprint}\"\n"));
    as_user(&folder, &served, "admin", "admin", "").exits(0).says("no problems found");
}

#[test]
fn doctor_with_an_explicit_cluster_needs_no_file() {
    let folder = folder("5.1", &json!({}));
    std::fs::remove_file(folder.path("attune.toml")).unwrap();
    folder.attune("doctor --cluster sim:cluster.json").exits(0).says("no problems found");
    assert_eq!(folder.attune("doctor --format json").exits(1).codes(), ["no-file"]);
    let run = folder.attune("doctor --cluster http://127.0.0.1:9 --format json").exits(1);
    assert_eq!(run.codes(), ["no-credentials"]);
}
