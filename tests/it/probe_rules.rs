//! `attune doctor --probe --s3`: the rules of the S3 service are named, and everything is as before.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Folder, Run, files, validate};
use crate::served::{Served, answering};

const ADMIN: [(&str, &str); 2] = [("ATTUNE_USERNAME", "admin"), ("ATTUNE_PASSWORD", "admin")];
const WITH_USER: &str = "--yes --user attune-test --again attune-test";
const ACCESS_KEY: &str = "AKIATEST00000000000A";
const SECRET_KEY: &str = "geheim0123456789abcdefghijklmnopqrstuvwx";

/// A cluster with these switches: with a user for the probe, an empty bucket for it, and others.
fn folder(switches: &Value) -> Folder {
    let users = json!({
        "admin": { "role": "ClusterAdmin", "password": "admin" },
        "attune-test": { "role": "S3", "password": "pw" },
        "alice": { "role": "S3", "password": "pw", "policy": "readonly" },
    });
    let buckets = json!({
        "scratch": { "policy": "none" },
        "full": { "policy": "none", "objects": { "a": 3 } },
        "open": { "policy": "download" },
        "locked": { "policy": "none", "object_lock": true },
    });
    let tenant = json!({ "users": users, "buckets": buckets });
    let state =
        json!({ "format": "attune.sim/1", "release": "5.1", "switches": switches, "tenants": { "Root": tenant } });
    Folder::with(&[("attune.toml", ""), ("cluster.json", &state.to_string())])
}

fn of_rules(rules: &str) -> Folder {
    folder(&json!({ "s3_rules": rules }))
}

/// Who has which policy, which policies there are, and what each bucket has.
fn held(folder: &Folder) -> Value {
    let tenant = folder.tenant().clone();
    let users = tenant["users"].as_object().unwrap().iter().map(|(name, user)| (name.clone(), user["policy"].clone()));
    let bucket = |bucket: &Value| {
        let policy = if bucket["policy"].is_null() { json!("none") } else { bucket["policy"].clone() };
        json!([policy, bucket["objects"], bucket["settings"], bucket["delete_markers"]])
    };
    let buckets = tenant["buckets"].as_object().unwrap().iter().map(|(name, of)| (name.clone(), bucket(of)));
    let policies: Vec<&String> = tenant["policies"].as_object().into_iter().flat_map(|all| all.keys()).collect();
    json!([users.collect::<Value>(), buckets.collect::<Value>(), policies])
}

/// Runs a probe, and checks that the cluster is as before and that no key is said.
fn run_with(folder: &Folder, faults: &[&str], args: &str) -> Run {
    let mut serve = vec!["--s3"];
    serve.extend(faults.iter().flat_map(|fault| ["--fault", fault]));
    let served = Served::start_with(folder, &serve);
    let s3 = served.s3.clone().unwrap();
    let before = held(folder);
    let run = probe(folder, &served.url, &s3, args);
    drop(served);
    assert_eq!(held(folder), before, "{faults:?} {args}: {}", run.stdout);
    run
}

fn probe(folder: &Folder, url: &str, s3: &str, args: &str) -> Run {
    let line = format!("doctor --probe {WITH_USER} --cluster {url} --s3 {s3} -vvv {args}");
    let run = folder.attune_with(&line, &ADMIN);
    let keys = &folder.tenant()["users"]["attune-test"]["keys"];
    for secret in [keys["secret_key"].as_str(), Some(SECRET_KEY)].into_iter().flatten() {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{args}");
    }
    assert!(!run.stderr.contains("Signature="), "{args}");
    run
}

fn rule(told: &Value, name: &str) -> Value {
    let mut answers = told["service"]["answers"].as_array().unwrap().iter();
    answers.find(|answer| answer["rule"] == name).map_or(Value::Null, |answer| answer["value"].clone())
}

#[test]
fn the_rules_of_each_switch_are_named() {
    let cases = [
        ("minio-2021", ""),
        ("minio-2026", ""),
        ("minio-2021", "--bucket scratch"),
        ("minio-2026", "--bucket scratch"),
        ("aws", "--bucket scratch"),
    ];
    at_once(&cases, |(rules, args)| {
        let folder = of_rules(rules);
        let run = run_with(&folder, &[], &format!("{args} --format json")).exits(0);
        let told = run.json();
        validate(&told);
        assert_eq!(told["settings"], format!("[cluster]\nrules = \"{rules}\"\n"), "{args}: {told}");
        let answered = told["service"]["answers"].as_array().unwrap().len();
        assert_eq!(answered, if args.is_empty() { 20 } else { 24 }, "{told}");
        assert!(!run.stdout.contains("scratch") && !run.stdout.contains("attune-test"), "{}", run.stdout);
        let is_asked = |name: &str| rule(&told, name) != Value::Null;
        assert_eq!([is_asked("bucket-policies"), is_asked("missing-object-hidden")], [!args.is_empty(); 2]);
    });
}

/// The cases at once: a probe waits most of its time.
fn at_once<T: Copy + Send>(cases: &[T], of: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases.iter().copied() {
            let of = &of;
            scope.spawn(move || of(case));
        }
    });
}

#[test]
fn other_clusters_are_asked_as_well() {
    let cases = [
        json!({ "attach_over": "refuse" }),
        json!({ "remove_attached": "detaches", "key_reset": true }),
        json!({ "comma": "list", "remove_attached": "allow" }),
    ];
    at_once(&cases.each_ref(), |switches| {
        let run = run_with(&folder(switches), &[], "--format json").exits(0);
        assert_eq!(run.json()["rules"], "minio-2021", "{switches}");
        let comma = &run.json()["service"]["comma"];
        assert_eq!(comma == "both policies", switches.get("comma").is_some(), "{switches} {comma}");
    });
    // A policy has to take effect first: the keys are new.
    let faults =
        ["s3 call:3=refuse:403:InvalidAccessKeyId", "s3 call:4=refuse:403:InvalidAccessKeyId", "s3 call:60=503"];
    run_with(&of_rules("minio-2026"), &faults, "").exits(0).says("[cluster] rules = \"minio-2026\"");
}

#[test]
fn a_mixture_is_a_table_for_the_configuration() {
    let folder = of_rules("minio-2021");
    let faults = ["s3-deny:s3:GetBucketLocation"];
    let run = run_with(&folder, &faults, "").exits(0);
    let line = "rules = { like = \"minio-2021\", objects-cover-bucket = false }";
    let run = run.says(&format!("[cluster] {line}")).says("objects-cover-bucket = false");
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 100), "{}", run.stdout);
    folder.write("attune.toml", &format!("[cluster]\n{line}\n"));
    folder.attune("validate").exits(0);
    let forget = || folder.drift(|state| state["users"]["attune-test"]["keys"] = Value::Null);
    forget();
    run_with(&folder, &faults, "").exits(0);
    folder.write("attune.toml", "[cluster]\nrules = \"minio-2021\"\n");
    forget();
    run_with(&folder, &faults, "").exits(2).warns("but the answers point to { like = \"minio-2021\",");
}

#[test]
fn a_service_that_looks_for_the_bucket_first_needs_one() {
    let run = run_with(&of_rules("aws"), &[], "").exits(1);
    run.says("it looks for the bucket before it decides").says("--bucket").says("no set of rules");
}

#[test]
fn a_bucket_that_was_not_made_for_this_is_refused() {
    let folder = of_rules("minio-2021");
    for (bucket, why) in [
        ("nowhere", "the bucket `nowhere` does not exist; nothing was changed"),
        ("open", "the bucket `open` has a policy; nothing was changed"),
    ] {
        run_with(&folder, &[], &format!("--bucket {bucket}")).exits(1).warns(why);
    }
    for (bucket, why) in [("full", "is not empty"), ("locked", "has versions or object lock")] {
        let run = run_with(&of_rules("minio-2021"), &[], &format!("--bucket {bucket} --format json")).exits(1);
        let service = &run.json()["service"];
        assert!(service["stopped"].as_str().unwrap().contains(why), "{service}");
        assert_eq!(service["answers"], json!([]), "nothing is asked about it");
    }
}

#[test]
fn a_service_that_does_not_enforce_the_policies_tells_nothing() {
    let (nothing, all) = ("s3-deny:s3:ListMultipartUploadParts", "s3-allow:s3:ListMultipartUploadParts");
    for (fault, why) in [
        (nothing, "had no effect for 1 s: the service denies what the policy allows"),
        (all, "lets through what the policy denies"),
        ("s3 * /*=503", "the service is busy"),
    ] {
        let run = run_with(&of_rules("minio-2021"), &[fault], "--s3-wait 1 --format json").exits(1);
        let told = run.json();
        validate(&told);
        let stopped = told["service"]["stopped"].as_str().unwrap();
        assert!(stopped.contains(why) && told["service"]["answers"] == json!([]), "{fault}: {stopped}");
        assert!(told["answers"].as_array().unwrap().len() > 30, "the questions to the API are answered");
    }
}

#[test]
fn what_is_no_s3_service_of_the_cluster_is_said() {
    for (head, body, why) in [
        ("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>", "the service denies what the policy allows"),
        ("404 Not Found", "<Error><Code>NoSuchBucket</Code></Error>", "answers 404 NoSuchBucket without a login"),
        ("200 OK", "", "answers 200 without a login"),
        ("403 Forbidden", "<Error><Code>InvalidAccessKeyId</Code></Error>", "does not know the access key"),
    ] {
        let (folder, args) = (of_rules("minio-2021"), "--s3-wait 1 --format json");
        let served = Served::start(&folder, "");
        let run = probe(&folder, &served.url, &answering(head, body), args).exits(1);
        let stopped = run.json()["service"]["stopped"].as_str().unwrap().to_owned();
        assert!(stopped.contains(why), "{body}: {stopped}");
        assert_eq!(folder.tenant()["users"]["attune-test"]["policy"], Value::Null);
    }
    let folder = of_rules("minio-2021");
    let served = Served::start(&folder, "");
    let before = folder.state();
    probe(&folder, &served.url, "http://127.0.0.1:1", "").exits(1).warns("no connection to http://127.0.0.1:1");
    let page = answering("200 OK\r\nContent-Type: text/html", "<html>sign in</html>");
    probe(&folder, &served.url, &page, "").exits(1).warns("is no S3 service: the answer is a page for people");
    assert_eq!(folder.state(), before, "nothing is changed before the service answers");
}

/// Whatever fails at the API while the service is asked, the user, the policies and the bucket are as before.
#[test]
fn everything_is_as_before_after_a_fault() {
    // The API alone takes about 75 calls before the service is asked.
    let faults = [
        "POST /s3/policies/attach#9=refuse:403",
        "POST /s3/policies/attach#8=drop-after",
        "POST /s3/policies#22,times=1=500-after",
        "DELETE /s3/policies/*#24,times=1=refuse:403",
        "PUT /s3/buckets/*#1=drop-after",
        "s3 call:40=reset",
    ];
    at_once(&faults, |fault| {
        let run = run_with(&of_rules("minio-2026"), &[fault], "--bucket scratch");
        assert!(run.code == Some(0) || run.code == Some(1), "{fault}: {}", run.stdout);
        assert!(!run.stdout.contains("may be left") && !run.stdout.contains("may have a policy"), "{fault}");
    });
}

/// A server that denies or refuses something once must not turn into an answer about its rules.
#[test]
fn an_answer_that_does_not_last_is_no_answer() {
    let faults = [
        // The policies of the questions start with the 20th.
        "POST /s3/policies#27,times=1=refuse:400",
        "POST /s3/policies#28,times=1=500-before",
        "s3 call:20=refuse:403:AccessDenied",
        "s3 call:46=refuse:403:AccessDenied",
        "s3 call:80=refuse:403:AccessDenied",
        "s3 p=0.02,seed=3=refuse:403:AccessDenied",
    ];
    at_once(&faults, |fault| {
        let told = run_with(&of_rules("minio-2026"), &[fault], "--format json").exits(0).json();
        assert_eq!(told["rules"], "minio-2026", "{fault}: {}", told["service"]);
    });
    let clock = run_with(&of_rules("minio-2021"), &["s3-clock:20m"], "").exits(1);
    clock.says("the clock of this machine differs from the service by");
}

#[test]
fn a_policy_of_the_bucket_that_stays_is_said() {
    let folder = of_rules("minio-2026");
    let fault = "PUT /s3/buckets/scratch/policy=refuse:403";
    let served = Served::start_with(&folder, &["--s3", "--fault", fault]);
    let s3 = served.s3.clone().unwrap();
    let run = probe(&folder, &served.url, &s3, "--bucket scratch").exits(1);
    run.says("weka s3 bucket policy reset scratch");
    let policy = &folder.tenant()["buckets"]["scratch"]["policy"];
    assert!(policy.is_object(), "the fault keeps it: {policy}");
}

#[test]
fn an_interrupted_probe_puts_everything_back() {
    let folder = of_rules("minio-2021");
    // The policies take no effect, so that it waits.
    let served = Served::start_with(&folder, &["--s3", "--fault", "s3-deny:s3:ListMultipartUploadParts"]);
    let before = held(&folder);
    let s3 = served.s3.as_deref().unwrap();
    let line = format!("doctor --probe {WITH_USER} --cluster {} --s3 {s3} -vvv", served.url);
    let mut command = folder.command(line.split(' '));
    let mut child = command.envs(ADMIN).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while !text.contains("uploadId") {
        text.clear();
        assert!(stderr.read_line(&mut text).unwrap() > 0, "it ended");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    stderr.read_to_string(&mut text).unwrap();
    let run = Run::of(&line, &child.wait_with_output().unwrap()).exits(130);
    run.says("not all questions were asked: interrupted");
    assert_eq!(held(&folder), before);
}

#[test]
fn a_bucket_policy_is_taken_away_after_an_interruption() {
    let folder = of_rules("minio-2021");
    let served = Served::start_with(&folder, &["--s3", "--fault", "PUT /s3/buckets/scratch/policyJson=delay:2s"]);
    let before = held(&folder);
    let line = format!(
        "doctor --probe {WITH_USER} --cluster {} --s3 {} --bucket scratch",
        served.url,
        served.s3.clone().unwrap()
    );
    let mut command = folder.command(line.split(' '));
    let child = command.envs(ADMIN).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let journal = || {
        let dir = folder.path(".attune");
        let journals = if dir.exists() { files(&dir, ".jsonl") } else { Vec::new() };
        journals.first().map(|path| std::fs::read_to_string(path).unwrap()).unwrap_or_default()
    };
    while !journal().contains("\"opening\"") {
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let run = Run::of(&line, &child.wait_with_output().unwrap()).exits(130);
    run.says("interrupted");
    assert_eq!(held(&folder), before);
}

#[test]
fn keys_that_the_user_has_are_named_and_stay() {
    let keys = json!({ "access_key": ACCESS_KEY, "secret_key": SECRET_KEY });
    let folder = folder(&json!({ "key_reset": true }));
    folder.drift(|state| state["users"]["attune-test"]["keys"] = keys.clone());
    let of = |user: &str| json!({ "cluster": "stewie", "tenant": "Root", "user": user, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY });
    folder.write("keys.json", &of("attune-test").to_string());
    folder.write("bob.json", &of("bob").to_string());
    run_with(&folder, &[], "--keys bob.json").exits(1).warns("the keys are those of user `bob`; nothing was changed");
    let run = run_with(&folder, &[], "--keys keys.json --format json").exits(0);
    assert_eq!((&run.json()["user"], &run.json()["rules"]), (&json!("as_before"), &json!("minio-2021")));
    assert_eq!(folder.tenant()["users"]["attune-test"]["keys"], keys);
    // Without them, the cluster makes new ones; without that, nobody knows them.
    folder.drift(|state| state["users"]["attune-test"]["keys"] = keys.clone());
    run_with(&folder, &[], "").exits(0).says("[cluster] rules = \"minio-2021\"");
    let folder = of_rules("minio-2021");
    folder.drift(|state| state["users"]["attune-test"]["keys"] = keys);
    run_with(&folder, &[], "").exits(1).says("name the keys of the user with `--keys`");
}

#[test]
fn a_service_is_asked_only_by_a_probe_with_a_user() {
    let folder = of_rules("minio-2021");
    let help = "write `attune doctor --probe --s3 URL --user NAME`";
    for args in ["--s3 http://127.0.0.1:1", "--probe --yes --s3 http://127.0.0.1:1", "--probe --yes --keys x"] {
        folder.attune(&format!("doctor --cluster http://127.0.0.1:1 {args}")).exits(1).warns(help);
    }
    folder.attune("doctor --probe --bucket scratch").exits(1).warns("--s3");
    let served = Served::start(&folder, "");
    for s3 in ["http://s3.example.com", "https://u:p@h"] {
        let args = format!("doctor --probe {WITH_USER} --cluster {} --s3 {s3}", served.url);
        folder.attune_with(&args, &ADMIN).exits(1);
    }
    assert_eq!(folder.tenant()["users"]["attune-test"]["keys"], Value::Null);
}
