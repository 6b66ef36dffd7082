//! `attune doctor --probe`: each behaviour of the simulator is told apart, and nothing stays on the cluster.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Folder, Run, files};
use crate::served::Served;

const ADMIN: [(&str, &str); 2] = [("ATTUNE_USERNAME", "admin"), ("ATTUNE_PASSWORD", "admin")];

/// A cluster with a user for the probe, and others that none may touch.
fn folder(release: &str, switches: &Value) -> Folder {
    let users = json!({
        "admin": { "role": "ClusterAdmin", "password": "admin" },
        "attune-test": { "role": "S3", "password": "pw" },
        "alice": { "role": "S3", "password": "pw", "policy": "readonly" },
        "eve": { "role": "S3", "password": "pw", "source": "LDAP" },
        "viewer": { "role": "ReadOnly", "password": "pw" },
    });
    let tenants = json!({ "Root": { "users": users } });
    let state = json!({ "format": "attune.sim/1", "release": release, "switches": switches, "tenants": tenants });
    Folder::with(&[("attune.toml", "[guards]\nprotected_users = [\"boss\"]\n"), ("cluster.json", &state.to_string())])
}

fn run(folder: &Folder, args: &str) -> Run {
    let served = Served::start(folder, "");
    folder.attune_with(&format!("doctor --probe --cluster {} {args}", served.url), &ADMIN)
}

/// How many policies of probes are on the cluster.
fn left(folder: &Folder) -> usize {
    let state = folder.state();
    let policies = state["tenants"]["Root"]["policies"].as_object();
    policies.map_or(0, |policies| policies.keys().filter(|name| name.starts_with("attune-probe-")).count())
}

/// What a complete probe of such a cluster says: its answers and the shapes.
fn told(release: &str, switches: &Value) -> BTreeMap<String, Value> {
    let folder = folder(release, switches);
    let before = folder.state();
    let args = "--yes --user attune-test --again attune-test --format json";
    let run = run(&folder, args);
    assert_eq!(run.code, Some(0), "{switches}: {}{}", run.stdout, run.stderr);
    let probe = run.json();
    for name in ["alice", "attune-test", "Root", "stewie", "secret_key\":\""] {
        assert!(!run.stdout.contains(name), "{name} in {}", run.stdout);
    }
    let after = folder.state();
    let tenant = |state: &Value| state["tenants"]["Root"].clone();
    assert_eq!(left(&folder), 0, "{switches}: nothing is left");
    assert_eq!(tenant(&after)["users"]["alice"]["policy"], tenant(&before)["users"]["alice"]["policy"]);
    assert_eq!(tenant(&after)["users"]["attune-test"]["policy"], Value::Null, "{switches}");
    let answers = probe["answers"].as_array().unwrap().iter();
    let mut told: BTreeMap<String, Value> =
        answers.map(|answer| (answer["question"].as_str().unwrap().to_owned(), answer["answer"].clone())).collect();
    told.extend(probe["shapes"].as_object().unwrap().clone());
    told.insert("user".to_owned(), probe["user"].clone());
    told
}

#[test]
fn each_switch_of_the_simulator_is_told_apart() {
    let plain = BTreeMap::from(["4.0", "5.1"].map(|release| (release, told(release, &json!({})))));
    assert_eq!(plain["5.1"]["add-over"], "refused");
    assert_eq!(plain["5.1"]["attach-keys"], "in the answer");
    assert_eq!(plain["5.1"]["attach-over"], "replaces it");
    assert_eq!(plain["5.1"]["user"], "keys_left", "without the call, the pair cannot be replaced over REST");
    assert_eq!(plain["4.0"]["user"], "as_before", "before 5.1 there are no key pairs");
    let mut wrong = Vec::new();
    for (release, switch, value, member, expected) in [
        ("5.1", "remove_attached", json!("allow"), "remove-held", "leaves its name with the user"),
        ("5.1", "attach_over", json!("refuse"), "attach-over", "refused"),
        ("5.1", "add_over", json!("overwrite"), "add-over", "overwrites it"),
        ("5.1", "detach_unattached", json!("allow"), "detach-again", "accepted"),
        ("5.1", "attach_shows_keys", json!(false), "attach-keys", "not in the answer"),
        ("5.1", "attach_answer", json!("camel"), "POST /s3/policies/attach", ""),
        (
            "5.1",
            "attach_answer",
            json!("unknown"),
            "attach-keys",
            "perhaps in an answer that attune does not understand",
        ),
        ("5.1", "list_shape", json!("objects"), "GET /s3/policies", ""),
        ("5.1", "list_shape", json!("bare_names"), "GET /s3/policies", ""),
        ("5.1", "lists", json!("policies_twice"), "policy-twice", "twice"),
        ("5.1", "content_as_string", json!(true), "GET /s3/policies/{policy}", ""),
        ("4.0", "user_policies_bare", json!(true), "GET /s3/userPolicies", "{users: {…: text}}"),
        ("5.1", "sts_in_data", json!(true), "POST /s3/sts", ""),
        ("5.1", "no_provider", json!("unknown"), "identity-provider", ""),
        ("5.1", "own_definition", json!("renamed"), "definition", "differs from the calls of attune"),
        ("5.1", "own_definition", json!("missing"), "definition", "is missing"),
        ("5.1", "key_reset", json!(true), "keys-reset", "made"),
    ] {
        let told = told(release, &json!({ switch: value }));
        let (answer, usual) = (told.get(member), plain[release].get(member));
        if answer == usual || !(expected.is_empty() || answer.is_some_and(|answer| answer == expected)) {
            wrong.push(format!("{switch}={value}: {member} is {answer:?}, and {usual:?} by default"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(
        told("5.1", &json!({"key_reset": true}))["user"],
        "as_before",
        "the pair was replaced before the detach"
    );
}

#[test]
fn a_probe_asks_first_and_refuses_every_user_that_was_not_made_for_it() {
    let folder = folder("5.1", &json!({}));
    let before = folder.state();
    run(&folder, "").exits(1).warns("cannot ask for confirmation").warns("they grant only on buckets");
    run(&folder, "--yes --user attune-test").exits(1).warns("use `--again attune-test`");
    run(&folder, "--yes --user attune-test --again alice").exits(1).warns("not entered again");
    for (user, why) in [
        ("alice", "`alice` has the policy `readonly`"),
        ("eve", "`eve` is from a directory"),
        ("viewer", "`viewer` has the role ReadOnly, not S3"),
        ("nobody", "`nobody` does not exist"),
    ] {
        run(&folder, &format!("--yes --user {user} --again {user}")).exits(1).warns(why).warns("nothing was changed");
    }
    folder.write("attune.toml", "[guards]\nprotected_users = [\"attune-*\"]\n");
    run(&folder, "--yes --user attune-test --again attune-test").exits(3).warns("attune-test");
    assert_eq!(folder.state()["tenants"], before["tenants"]);
}

#[test]
fn a_probe_without_a_user_attaches_nothing() {
    let folder = folder("5.1", &json!({}));
    let text = run(&folder, "--yes").exits(0).says("adding a policy under a name that exists");
    assert!(!text.stdout.contains("attaching"), "{}", text.stdout);
    assert!(text.stdout.lines().all(|line| line.chars().count() <= 100), "{}", text.stdout);
    let journals = files(&folder.path(".attune"), ".jsonl");
    let journal = std::fs::read_to_string(&journals[0]).unwrap();
    assert!(journal.contains("\"adding\"") && journal.trim_end().lines().last().unwrap().contains("\"over\""));
}

#[test]
fn a_probe_that_fails_removes_what_it_made_and_doctor_names_what_it_cannot() {
    let folder = folder("5.1", &json!({}));
    let served = Served::start_with(&folder, &["--fault", "DELETE /s3/policies/*=refuse:403"]);
    let args = format!("doctor --probe --yes --cluster {}", served.url);
    let failed = folder.attune_with(&args, &ADMIN).exits(1);
    failed.says("not all questions were asked").says("weka s3 policy remove attune-probe-");
    drop(served);
    let served = Served::start(&folder, "");
    let doctor = folder.attune_with(&format!("doctor --cluster {} --format json", served.url), &ADMIN).exits(2);
    assert_eq!(doctor.codes(), ["leftover-of-a-probe"]);
    drop(served);
    let served = Served::start_with(&folder, &["--fault", "GET /s3/policies/*,times=1=refuse:403"]);
    let again = folder.attune_with(&format!("doctor --probe --yes --cluster {}", served.url), &ADMIN).exits(1);
    again.says("not all questions were asked");
    assert_eq!(left(&folder), 1, "only what the first run could not remove");
}

#[test]
fn rules_that_the_answers_contradict_are_a_warning() {
    for (rules, code) in [("aws", 2), ("minio-2021", 0)] {
        let folder = folder("5.1", &json!({ "remove_attached": "detaches" }));
        folder.write("attune.toml", &format!("[cluster]\nrules = \"{rules}\"\n"));
        let run = run(&folder, "--yes --user attune-test --again attune-test").exits(code);
        let run = run.says("the answers point to: [cluster] rules = \"minio-2021\"");
        assert_eq!(run.stderr.contains("but the answers point to"), code == 2, "{}", run.stderr);
    }
}
