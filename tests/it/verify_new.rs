//! `apply --verify`: each new key pair asks the S3 service of the simulator.

use serde_json::Value;

use super::harness::{ADMIN, Folder, Run, validate};
use super::served::Served;

const POLICIES: &str = r#"
[[policies.team.statement]]
effect = "Allow"
action = ["s3:GetObject", "s3:PutObject"]
resource = ["arn:aws:s3:::data-*/*"]

[[policies.backup.statement]]
effect = "Allow"
action = ["s3:GetObject"]
resource = ["arn:aws:s3:::backup/*"]
"#;

/// A cluster with users without a policy and keys, and a configuration that attaches all of them.
fn folder(users: &[(&str, &str)]) -> Folder {
    let entries: Vec<String> = users.iter().map(|(user, policy)| format!("{user} = \"{policy}\"\n")).collect();
    let credentials = "[credentials]\nfile = true\ndir = \"secrets\"\n";
    let names: Vec<String> = users.iter().map(|(user, _)| format!(r#""{user}":{{}}"#)).collect();
    let (names, buckets) = (names.join(","), r#""backup":{"policy":"none"}"#);
    let state = format!(
        r#"{{"switches":{{"s3_rules":"minio-2026"}},"tenants":{{"Root":{{"users":{{"admin":{{"role":"ClusterAdmin","password":"admin"}},{names}}},"buckets":{{{buckets}}}}}}}}}"#
    );
    let file = format!("{credentials}{POLICIES}\n[users]\n{}", entries.concat());
    Folder::with(&[("attune.toml", &file), ("cluster.json", &state)])
}

fn apply(folder: &Folder, served: &Served, args: &str) -> Run {
    let s3 = served.s3.as_deref().unwrap();
    let args = format!("apply --yes --cluster {} --verify --s3 {s3} --rate 1000 {args}", served.url);
    let run = folder.attune_with(&args, &ADMIN);
    for user in folder.tenant()["users"].as_object().unwrap().values() {
        let Some(secret) = user["keys"]["secret_key"].as_str() else { continue };
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "{}\n{}", run.stdout, run.stderr);
    }
    run
}

fn verified(run: &Run) -> Vec<Value> {
    let outcome = run.json();
    validate(&outcome);
    outcome["verified"].as_array().unwrap().clone()
}

fn outcomes(verified: &[Value]) -> Vec<(&str, &str)> {
    verified.iter().map(|of| (of["user"].as_str().unwrap(), of["outcome"].as_str().unwrap())).collect()
}

#[test]
fn ten_new_users_are_verified_with_their_new_keys() {
    let names: Vec<String> = (0..10).map(|n| format!("u{n}")).collect();
    let users: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "team")).collect();
    let folder = folder(&users);
    let served = Served::start(&folder, "--s3");
    let run = apply(&folder, &served, "--format json").exits(0);
    let verified = verified(&run);
    assert_eq!(outcomes(&verified), users.iter().map(|(user, _)| (*user, "as_document")).collect::<Vec<_>>());
    for of in &verified {
        assert!(of["answers"]["asked"].as_u64().unwrap() > 20, "{of}");
        assert_eq!((&of["answers"]["user"], &of["answers"]["void"]), (&of["user"], &Value::Null));
        assert!(folder.path(&format!("secrets/{}.json", of["user"].as_str().unwrap())).exists());
    }
    // Nobody gets new keys by a second apply, nor one who has keys already.
    let again = apply(&folder, &served, "--format json").exits(0);
    assert_eq!(self::verified(&again), Vec::<Value>::new());
}

#[test]
fn a_difference_of_many_users_is_said_once() {
    let folder = folder(&[("ua", "team"), ("ub", "team"), ("uc", "backup")]);
    let served = Served::start(&folder, "--s3 --fault s3-allow:s3:DeleteObject");
    let run = apply(&folder, &served, "").exits(2);
    let run = run.says("cluster stewie matches the configuration").says("verified with the new keys: 0 of 3 users\n");
    let run = run.says("; the same for ub\n").says("+ ua can delete in data-*/* on the service");
    assert!(!run.stdout.contains("+ ub can"), "{}", run.stdout);
    run.says("uc: ").says("+ uc can delete in any bucket on the service, and by the file cannot");
}

#[test]
fn new_keys_and_policies_may_take_a_moment() {
    for answer in ["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"] {
        let folder = folder(&[("ua", "team")]);
        let fault = format!("s3 * /*,times=3=refuse:403:{answer}");
        let served = Served::start_with(&folder, &["--s3", "--fault", &fault]);
        let run = apply(&folder, &served, "--format json").exits(0);
        assert_eq!(outcomes(&verified(&run)), [("ua", "as_document")], "{answer}");
    }
}

#[test]
fn a_service_that_does_not_answer_is_found_before_the_first_call() {
    let folder = folder(&[("ua", "team")]);
    let served = Served::start(&folder, "--s3");
    let before = folder.state();
    let args = format!("apply --yes --cluster {} --verify", served.url);
    folder.attune_with(&args, &ADMIN).exits(1).warns("there is no address of an S3 service");
    // The cluster's management port is no S3 service, and nothing listens on port 1.
    for (address, why) in [(served.url.as_str(), "is no S3 service"), ("http://127.0.0.1:1", "no connection to")] {
        let run = folder.attune_with(&format!("{args} --s3 {address}"), &ADMIN).exits(1);
        run.warns(why).warns("nothing was changed");
    }
    assert_eq!(folder.state()["tenants"], before["tenants"]);
}

#[test]
fn who_cannot_be_verified_is_said() {
    let folder = folder(&[("ua", "team")]);
    let served = Served::start_with(&folder, &["--s3", "--fault", "s3 call:20=refuse:403:InvalidAccessKeyId"]);
    let run = apply(&folder, &served, "--format json");
    let verified = verified(&run.exits(5));
    assert_eq!(outcomes(&verified), [("ua", "not_verified")]);
    assert_eq!(verified[0]["why"], "the run is void");
    assert!(verified[0]["answers"]["void"].as_str().unwrap().contains("stopped taking the keys"), "{verified:?}");
}

#[test]
fn a_user_whose_keys_reached_no_destination_is_not_verified() {
    let folder = folder(&[("ua", "team"), ("ub", "team")]);
    let file = folder.read("attune.toml");
    let (fails, stores) = ("exit 1", "cat > stored-$1.json");
    let script = format!("#!/bin/sh\nPATH=/usr/bin:/bin\nif [ $1 = ua ]; then {fails}; else {stores}; fi\n");
    folder.write("store", &script);
    std::fs::set_permissions(folder.path("store"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    folder.write("attune.toml", &file.replace("file = true\ndir = \"secrets\"", "command = [\"./store\", \"{user}\"]"));
    let served = Served::start(&folder, "--s3");
    let run = apply(&folder, &served, "--format json").exits(5);
    assert_eq!(outcomes(&verified(&run)), [("ub", "as_document")]);
    assert!(folder.path("stored-ub.json").exists());
}

#[test]
fn an_interruption_leaves_the_rest_unverified() {
    let names: Vec<String> = ('a'..='z').map(|letter| format!("u{letter}")).collect();
    let folder = folder(&names.iter().map(|name| (name.as_str(), "team")).collect::<Vec<_>>());
    let served = Served::start(&folder, "--s3");
    let s3 = served.s3.as_deref().unwrap();
    let args =
        ["apply", "--yes", "--cluster", &served.url, "--verify", "--s3", s3, "--rate", "200", "--format", "json"];
    let mut command = folder.command(args);
    command.envs(ADMIN).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    // All of them ask for more than four seconds.
    while !is_over(&folder) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let run = Run::of("apply --verify", &child.wait_with_output().unwrap()).exits(5);
    let verified = verified(&run);
    let (done, left): (Vec<_>, Vec<_>) = verified.iter().partition(|of| of["outcome"] == "as_document");
    assert!(!done.is_empty() && !left.is_empty() && done.len() + left.len() == 26, "{}", done.len());
    assert!(left.iter().all(|of| of["why"] == "the run was interrupted"), "{left:?}");
}

/// Whether the journal says that all calls have ended.
fn is_over(folder: &Folder) -> bool {
    let journals = std::fs::read_dir(folder.path(".attune")).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut journals = journals.filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    journals.any(|path| std::fs::read_to_string(path).unwrap().contains("\"over\""))
}
