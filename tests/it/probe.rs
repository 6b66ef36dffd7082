//! `attune doctor --probe`: each behaviour of the simulator is told apart, and nothing stays on the cluster.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Folder, Run, files, root};
use crate::served::Served;
use crate::weka::face;

const ADMIN: [(&str, &str); 2] = [("ATTUNE_USERNAME", "admin"), ("ATTUNE_PASSWORD", "admin")];

/// A cluster with these members, with a user for the probe, and others that none may touch.
fn folder_of(cluster: &Value) -> Folder {
    let users = json!({
        "admin": { "role": "ClusterAdmin", "password": "admin" },
        "attune-test": { "role": "S3", "password": "pw" },
        "alice": { "role": "S3", "password": "pw", "policy": "readonly" },
        "eve": { "role": "S3", "password": "pw", "source": "LDAP" },
        "viewer": { "role": "ReadOnly", "password": "pw" },
    });
    let mut state = json!({ "format": "attune.sim/1", "tenants": { "Root": { "users": users } } });
    state.as_object_mut().unwrap().extend(cluster.as_object().unwrap().clone());
    Folder::with(&[("attune.toml", "[guards]\nprotected_users = [\"boss\"]\n"), ("cluster.json", &state.to_string())])
}

fn folder(release: &str, switches: &Value) -> Folder {
    folder_of(&json!({ "release": release, "switches": switches }))
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

const WITH_USER: &str = "--yes --user attune-test --again attune-test";

/// What a complete probe of a cluster with these members says: its answers and the shapes. With the cluster's settings for the
/// configuration.
fn told(cluster: &Value, reach: &str, args: &str) -> BTreeMap<String, Value> {
    let folder = folder_of(cluster);
    folder.write("attune.toml", &format!("[cluster]\n{reach}\n"));
    face(&folder);
    let before = folder.state();
    let run = folder.attune(&format!("doctor --probe --format json {args}")).exits(0);
    let probe = run.json();
    for name in ["alice", "attune-test", "Root", "stewie", "idp.example.com", "secret_key\":\""] {
        assert!(!run.stdout.contains(name), "{name} in {}", run.stdout);
    }
    let after = folder.state();
    let tenant = |state: &Value| state["tenants"]["Root"].clone();
    assert_eq!(left(&folder), 0, "{cluster}: nothing is left");
    assert_eq!(tenant(&after)["users"]["alice"]["policy"], tenant(&before)["users"]["alice"]["policy"]);
    assert_eq!(tenant(&after)["users"]["attune-test"]["policy"], Value::Null, "{cluster}");
    let answers = probe["answers"].as_array().unwrap().iter();
    let mut told: BTreeMap<String, Value> =
        answers.map(|answer| (answer["question"].as_str().unwrap().to_owned(), answer["answer"].clone())).collect();
    told.extend(probe["shapes"].as_object().unwrap().clone());
    told.insert("user".to_owned(), probe["user"].clone());
    told
}

const OVER_REST: &str = "endpoints = [\"sim:cluster.json\"]";

fn told_over_rest(release: &str, switches: &Value) -> BTreeMap<String, Value> {
    told(&json!({ "release": release, "switches": switches }), OVER_REST, WITH_USER)
}

#[test]
fn answers_are_in_words() {
    let plain = told_over_rest("5.1", &json!({}));
    for (question, answer) in [
        ("add-over", "refused"),
        ("attach-keys", "in the answer"),
        ("key-length", "20 and 40 characters"),
        ("attach-again", "accepted"),
        ("attach-over", "replaces it"),
        ("comma", "refused"),
        ("remove-held", "refused"),
        ("identity-provider", "not configured"),
        ("user", "keys_left"),
    ] {
        assert_eq!(plain[question], answer, "{question}");
    }
    assert_eq!(told_over_rest("4.0", &json!({}))["user"], "as_before", "before 5.1 there are no key pairs");
    let other = json!({
        "remove_attached": "detaches", "comma": "list", "attach_again": "present", "keys": "long", "key_reset": true,
        "add_over": "overwrite", "detach_unattached": "allow", "lists": "policies_twice", "own_definition": "renamed",
    });
    let other = told_over_rest("5.1", &other);
    for (question, answer) in [
        ("remove-held", "takes it from the user"),
        ("comma", "makes a list"),
        ("attach-again", "refused"),
        ("key-length", "128 and 128 characters"),
        ("keys-reset", "made"),
        ("add-over", "overwrites it"),
        ("detach-again", "accepted"),
        ("policy-twice", "twice"),
        ("definition", "differs from the calls of attune"),
        ("user", "as_before"),
    ] {
        assert_eq!(other[question], answer, "{question}");
    }
    let third = json!({ "attach_over": "refuse", "remove_attached": "allow", "attach_answer": "unknown" });
    let third = told_over_rest("5.1", &third);
    for (question, answer) in [
        ("attach-over", "refused"),
        ("remove-held", "leaves its name with the user"),
        ("attach-keys", "perhaps in an answer that attune does not understand"),
    ] {
        assert_eq!(third[question], answer, "{question}");
    }
}

#[test]
fn an_identity_provider_is_told_and_not_named() {
    let provider = json!({ "config_url": "https://idp.example.com/x", "claim_name": "roles" });
    let told = told(&json!({ "release": "5.1", "identity_provider": provider }), OVER_REST, WITH_USER);
    assert_eq!(told["identity-provider"], "configured");
    assert_eq!(told["GET /s3/oidc"], "{data: {claim_name: text, config_url: text}}");
}

/// The switches of the simulator and their values, the default first, as the page of the simulator has them.
fn switches() -> Vec<(String, Vec<Value>)> {
    let page = std::fs::read_to_string(root().join("docs/simulator.md")).unwrap();
    let rows = page.lines().skip_while(|line| *line != "## Switches").filter(|line| line.starts_with("| `"));
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let value = |text: String| text.parse::<bool>().map_or_else(|_| json!(text), |flag| json!(flag));
    let rows = rows.take_while(|line| !line.contains("call:4")).map(|row| row.split('|').collect::<Vec<_>>());
    rows.map(|row| (quoted(row[1]).remove(0), quoted(row[2]).into_iter().map(value).collect())).collect()
}

#[test]
fn each_switch_of_the_simulator_is_told_apart() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    let mut all: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    // A probe makes no bucket, and so asks nothing about their policies. It asks the API, not the S3 service.
    let is_asked = |switch: &str| !switch.contains("bucket") && switch != "s3_rules";
    for (switch, values) in switches().into_iter().filter(|(switch, _)| is_asked(switch)) {
        // Where a switch shows.
        let (release, reach) = match switch.as_str() {
            "user_policies_bare" => ("4.0", OVER_REST),
            "command_shape" => ("5.1", "via = \"weka\""),
            _ => ("5.1", OVER_REST),
        };
        let mut of_values: Vec<(Value, BTreeMap<String, Value>)> = Vec::new();
        for value in values {
            // A user that the cluster lists twice cannot be the user of a probe.
            let args = if value == "users_twice" { "--yes" } else { WITH_USER };
            let is_default = of_values.is_empty();
            let switches = match switch.as_str() {
                "reset_answer" => json!({ "key_reset": true, "reset_answer": value }),
                _ if is_default => json!({}),
                _ => json!({ &switch: value }),
            };
            let cluster = json!({ "release": release, "switches": switches });
            let told = all.entry(format!("{cluster} {reach}")).or_insert_with(|| told(&cluster, reach, args));
            let alike = of_values.iter().filter(|(_, other)| other == told);
            wrong.extend(alike.map(|(other, _)| format!("{switch}: {other} and {value} look the same")));
            of_values.push((value, told.clone()));
            seen += 1;
        }
        assert!(of_values.len() > 1, "{switch} has no values on its page");
    }
    assert!(seen > 60, "the page of the simulator is read otherwise: {seen}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_probe_works_over_the_weka_command() {
    let folder = folder("5.1", &json!({}));
    folder.write("attune.toml", "[cluster]\nvia = \"weka\"\n");
    face(&folder);
    let run = folder.attune(&format!("doctor --probe --format json {WITH_USER}")).exits(0);
    let probe = run.json();
    assert_eq!((&probe["transport"], &probe["user"]), (&json!("the weka command"), &json!("as_before")));
    let answer = |question: &str| {
        let mut answers = probe["answers"].as_array().unwrap().iter();
        answers.find(|answer| answer["question"] == question).map(|answer| answer["answer"].clone())
    };
    assert_eq!(answer("keys-reset"), Some(json!("made")), "the command makes a new pair, so that nobody knows it");
    assert_eq!(answer("attach-over"), Some(json!("replaces it")));
    assert_eq!(probe["shapes"]["weka s3 policy show"], "{policy: {content: object, name: text}}");
    assert_eq!((left(&folder), &folder.tenant()["users"]["attune-test"]["policy"]), (0, &Value::Null));
}

#[test]
fn the_definition_of_the_cluster_is_read_once() {
    let folder = folder("5.1", &json!({ "key_reset": true }));
    let served = Served::start(&folder, "--log requests.jsonl");
    folder.attune_with(&format!("doctor --probe --cluster {} {WITH_USER}", served.url), &ADMIN).exits(0);
    assert_eq!(folder.read("requests.jsonl").matches("/docs/schema").count(), 1);
}

/// A probe with these faults, once it has this number of such lines in its journal.
fn begun(folder: &Folder, served: &Served, args: &str, (event, times): (&str, usize)) -> Child {
    let args = format!("doctor --probe --cluster {} {args}", served.url);
    let mut command = folder.command(args.split(' '));
    command.envs(ADMIN).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    while journal(folder).matches(event).count() < times {
        assert_eq!(child.try_wait().unwrap(), None, "it ended: {}", journal(folder));
        std::thread::yield_now();
    }
    child
}

fn journal(folder: &Folder) -> String {
    let journals = std::fs::read_dir(folder.path(".attune")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut journals = journals.filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    journals.next().map(|path| std::fs::read_to_string(path).unwrap()).unwrap_or_default()
}

fn send(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

/// The last line of the journal.
fn last(folder: &Folder) -> Value {
    serde_json::from_str(journal(folder).lines().last().unwrap()).unwrap()
}

fn attached_to_the_user(folder: &Folder) -> Value {
    folder.tenant()["users"]["attune-test"]["policy"].clone()
}

#[test]
fn an_interrupted_probe_removes_what_it_made_and_says_what_it_cannot() {
    let attach = "POST /s3/policies/attach#3=delay:2s";
    let folder_of_test = folder("5.1", &json!({ "key_reset": true }));
    let served = Served::start_with(&folder_of_test, &["--fault", attach]);
    let child = begun(&folder_of_test, &served, WITH_USER, ("\"attaching\"", 3));
    send(&child, "-INT");
    let run = Run::of("doctor --probe", &child.wait_with_output().unwrap()).exits(130);
    run.says("not all questions were asked: interrupted").warns("interrupted: finishing API calls in flight");
    assert_eq!((left(&folder_of_test), attached_to_the_user(&folder_of_test)), (0, Value::Null));
    assert_eq!((&last(&folder_of_test)["event"], &last(&folder_of_test)["left"]), (&json!("over"), &json!([])));

    let folder_of_test = folder("5.1", &json!({}));
    let faults = ["--fault", "write:1=delay:2s", "--fault", "DELETE /s3/policies/*=refuse:403"];
    let served = Served::start_with(&folder_of_test, &faults);
    let child = begun(&folder_of_test, &served, "--yes", ("\"adding\"", 1));
    send(&child, "-INT");
    let run = Run::of("doctor --probe", &child.wait_with_output().unwrap()).exits(130);
    let run = run.says("weka s3 policy remove attune-probe-");
    assert_eq!(left(&folder_of_test), 1);
    let named = last(&folder_of_test)["left"][0].as_str().unwrap().to_owned();
    assert!(run.stdout.contains(&named), "{named}: {}", run.stdout);

    let folder_of_test = folder("5.1", &json!({}));
    let served = Served::start(&folder_of_test, "--fault write:1=delay:1h");
    let mut child = begun(&folder_of_test, &served, "--yes", ("\"adding\"", 1));
    send(&child, "-INT");
    // The second is sent after the message about the first: signals of one kind do not queue.
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("interrupted: finishing") {
        assert!(std::io::BufRead::read_line(&mut stderr, &mut text).unwrap() > 0, "{text}");
    }
    send(&child, "-INT");
    std::io::Read::read_to_string(&mut stderr, &mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{text}");
    assert!(text.contains("policies named `attune-probe-…` may be left"), "{text}");
    assert_eq!(last(&folder_of_test)["event"], "stopped");
}

#[test]
fn after_a_kill_the_next_doctor_names_what_is_left() {
    let folder = folder("5.1", &json!({ "key_reset": true }));
    let served = Served::start_with(&folder, &["--fault", "POST /s3/policies/attach#3=delay:1h"]);
    let mut child = begun(&folder, &served, WITH_USER, ("\"attaching\"", 3));
    send(&child, "-KILL");
    assert_eq!(child.wait().unwrap().code(), None);
    drop(served);
    assert_eq!(last(&folder)["event"], "attaching", "the journal is on the disk before the call");
    let attached = attached_to_the_user(&folder).as_str().unwrap().to_owned();
    assert!(left(&folder) == 2 && attached.starts_with("attune-probe-"));
    let served = Served::start(&folder, "");
    let doctor = folder.attune_with(&format!("doctor --cluster {} --format json", served.url), &ADMIN).exits(2);
    assert_eq!(doctor.codes(), ["leftover-of-a-probe"; 2]);
    let findings = doctor.json()["findings"].to_string();
    for name in folder.tenant()["policies"].as_object().unwrap().keys() {
        assert!(findings.contains(&format!("left the policy `{name}`")), "{name}: {findings}");
    }
    assert!(findings.contains(&format!("`{attached}`, which `attune-test` has")), "{findings}");
    assert!(findings.contains("weka user delete attune-test"), "{findings}");
    // A second probe with this user would be a second accident.
    let again = format!("doctor --probe --cluster {} {WITH_USER}", served.url);
    folder.attune_with(&again, &ADMIN).exits(1).warns("`attune-test` has the policy");
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
