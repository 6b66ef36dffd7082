//! A new key pair goes where the file says, through the program: each sink, each refusal, and what is done when a sink
//! fails on the way.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::harness::{Folder, Run};
use super::served::Served;

const ATTACH: &str = "[users.alice]\npolicy = \"readonly\"\n[users.bob]\npolicy = \"readwrite\"\n";
const ADMIN: [(&str, &str); 2] = [("ATTUNE_USERNAME", "admin"), ("ATTUNE_PASSWORD", "admin")];

/// A cluster with two users that hold nothing and have no keys, and a file with this sink that attaches both.
fn folder(sink: &str) -> Folder {
    let users = r#"{"admin":{"role":"ClusterAdmin","password":"admin"},"alice":{},"bob":{}}"#;
    Folder::with(&[
        ("attune.toml", &format!("[cluster]\nendpoints = [\"sim:cluster.json\"]\n{sink}\n{ATTACH}")),
        ("cluster.json", &format!(r#"{{"format":"attune.sim/1","tenants":{{"Root":{{"users":{users}}}}}}}"#)),
    ])
}

fn keys(folder: &Folder, user: &str) -> Value {
    folder.state()["tenants"]["Root"]["users"][user]["keys"].clone()
}

/// Whether this is the record of a user's key pair as the cluster has it.
fn is_record(record: &[u8], folder: &Folder, user: &str) {
    let record: Value = serde_json::from_slice(record).unwrap();
    let keys = keys(folder, user);
    let members: Vec<&String> = record.as_object().unwrap().keys().collect();
    assert_eq!(members, ["access_key", "cluster", "created_at", "secret_key", "tenant", "user"]);
    assert_eq!(
        (&record["cluster"], &record["tenant"], &record["user"]),
        (&"stewie".into(), &"Root".into(), &user.into())
    );
    assert!(keys["secret_key"].is_string());
    assert_eq!((&record["access_key"], &record["secret_key"]), (&keys["access_key"], &keys["secret_key"]));
}

fn is_private(folder: &Folder, name: &str) {
    let mode = fs::metadata(folder.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "{name}");
}

fn is_quiet(run: &Run, folder: &Folder) {
    for user in ["alice", "bob"] {
        let keys = keys(folder, user);
        for member in ["secret_key", "access_key"] {
            let Some(text) = keys[member].as_str() else { continue };
            assert!(!run.stdout.contains(text) && !run.stderr.contains(text), "{}\n{}", run.stdout, run.stderr);
        }
    }
}

/// The outcome's step of a user.
fn step<'a>(plan: &Value, outcome: &'a Value, user: &str) -> &'a Value {
    let id = plan["steps"].as_array().unwrap().iter().find(|step| step["user"] == user).unwrap()["id"].clone();
    outcome["steps"].as_array().unwrap().iter().find(|step| step["id"] == id).unwrap()
}

#[test]
fn a_plan_that_may_make_keys_is_refused_without_a_sink() {
    let folder = folder("");
    let before = folder.read("cluster.json");
    for args in ["plan", "apply --yes"] {
        let run = folder.attune(args).exits(3).says("refused: a key pair may be made for `alice`, `bob`");
        for line in ["[credentials]", "age = [\"age1…\"]", "dir = \"secrets\""] {
            assert!(run.stdout.lines().any(|shown| shown.trim() == line), "no {line} in {}", run.stdout);
        }
    }
    assert_eq!(folder.read("cluster.json"), before);
}

#[test]
fn a_file_takes_the_pair_and_is_never_written_over() {
    let folder = folder("[credentials]\nfile = true\ndir = \"deep/secrets\"");
    folder.write("deep/secrets/bob.json", "precious");
    let plan = folder.attune("plan --format json").exits(0).json();
    let run = folder.attune("apply --yes --format json").exits(5).warns("bob.json is there already");
    is_quiet(&run, &folder);
    let outcome = run.json();
    let (alice, bob) = (step(&plan, &outcome, "alice"), step(&plan, &outcome, "bob"));
    assert_eq!((&alice["status"], &alice["remarks"][0]), (&"done".into(), &"kept".into()));
    assert_eq!(alice["keys_kept_in"], "deep/secrets/alice.json");
    is_private(&folder, "deep/secrets/alice.json");
    is_record(&fs::read(folder.path("deep/secrets/alice.json")).unwrap(), &folder, "alice");
    assert_eq!((&bob["status"], &bob["remarks"][0]), (&"failed".into(), &"kept_in_emergency".into()));
    assert_eq!(folder.read("deep/secrets/bob.json"), "precious");
    is_private(&folder, ".attune/emergency-bob-1.json");
    is_record(&fs::read(folder.path(".attune/emergency-bob-1.json")).unwrap(), &folder, "bob");
    folder.attune("plan --detailed-exitcode").exits(0).says("no changes");
}

#[test]
fn a_user_that_is_attached_again_is_not_held_up_by_the_file_it_has() {
    let folder = folder("[credentials]\nfile = true\ndir = \"secrets\"");
    folder.attune("apply --yes").exits(0).says("a new key pair was made, and is in secrets/alice.json");
    folder.drift(|root| root["users"]["alice"]["policy"] = Value::Null);
    folder.attune("apply --yes").exits(0).warns("alice.json is there already");
    assert!(!folder.path(".attune/emergency-alice-1.json").exists());
}

#[test]
fn an_age_file_is_for_its_recipient_alone() {
    let identity = age::x25519::Identity::generate();
    let folder = folder(&format!("[credentials]\nage = [\"{}\"]\ndir = \"secrets\"", identity.to_public()));
    let run =
        folder.attune("apply --yes -vvv").exits(0).says("a new key pair was made, and is in secrets/bob.json.age");
    is_quiet(&run, &folder);
    for user in ["alice", "bob"] {
        let name = format!("secrets/{user}.json.age");
        is_private(&folder, &name);
        let sealed = fs::read(folder.path(&name)).unwrap();
        is_record(&age::decrypt(&identity, &sealed).unwrap(), &folder, user);
    }
}

#[test]
fn a_command_gets_the_pair_and_what_it_says_is_not_believed_to_be_clean() {
    let folder = folder("[credentials]\ncommand = [\"./sink.sh\", \"{cluster}/{tenant}/{user}\"]");
    let script = "#!/bin/sh\nPATH=/usr/bin:/bin\necho \"$@\" >> args\n\
                  case \"$1\" in */bob) cat >&2; echo 'sealed' >&2; exit 9;; esac\ncat > got.json\n";
    folder.write("sink.sh", script);
    folder
        .attune("apply --yes")
        .exits(1)
        .warns("sink.sh is not a program that can be run")
        .warns("nothing was changed");
    assert!(keys(&folder, "alice").is_null());
    fs::set_permissions(folder.path("sink.sh"), fs::Permissions::from_mode(0o700)).unwrap();

    let run = folder.attune("apply --yes -vvv --state-dir state --jobs 1").exits(5);
    is_quiet(&run, &folder);
    let run =
        run.says("is in the command `./sink.sh`").says("the emergency file state/emergency-bob-1.json").says("sealed");
    assert!(run.stdout.contains("[redacted]"), "{}", run.stdout);
    is_record(&fs::read(folder.path("got.json")).unwrap(), &folder, "alice");
    is_record(&fs::read(folder.path("state/emergency-bob-1.json")).unwrap(), &folder, "bob");
    is_private(&folder, "state/emergency-bob-1.json");
    let args = folder.read("args");
    assert_eq!(args.lines().collect::<Vec<_>>(), ["stewie/Root/alice", "stewie/Root/bob"]);
}

#[test]
fn nothing_is_sent_when_a_secret_could_not_be_kept() {
    for (sink, flags, part) in [
        ("[credentials]\nfile = true\ndir = \"cluster.json/secrets\"", "", "cluster.json/secrets, cannot be written"),
        ("[credentials]\ncommand = [\"no-such-program\"]", "", "`no-such-program` is not in PATH"),
        ("[credentials]\nfile = true\ndir = \"secrets\"", "--state-dir cluster.json/state", "emergency files"),
    ] {
        let folder = folder(sink);
        let before = folder.read("cluster.json");
        let run = folder.attune(&format!("apply --yes {flags}")).exits(1).warns(part);
        run.warns("error[credential-sink]");
        assert_eq!(folder.read("cluster.json"), before);
    }
}

#[test]
fn a_pair_whose_answer_was_lost_is_said_to_be_unknown() {
    let folder = folder("[credentials]\nfile = true\ndir = \"secrets\"");
    let served = Served::start(&folder, "--fault write:1=drop-after");
    let run = folder.attune_with(&format!("apply --yes --jobs 1 --cluster {}", served.url), &ADMIN).exits(0);
    let run = run.says("its secret is not known: `weka s3 user keys-generate --user alice` makes another");
    is_quiet(&run, &folder);
    assert!(!folder.path("secrets/alice.json").exists() && folder.path("secrets/bob.json").exists());
}

#[test]
fn a_pair_that_comes_with_a_later_answer_is_not_said_to_be_unknown() {
    let folder = folder("[credentials]\nfile = true\ndir = \"secrets\"");
    let served = Served::start(&folder, "--fault write:1=drop-before");
    let run = folder.attune_with(&format!("apply --yes --jobs 1 --cluster {}", served.url), &ADMIN).exits(0);
    assert!(!run.stdout.contains("is not known"), "{}", run.stdout);
    is_record(&fs::read(folder.path("secrets/alice.json")).unwrap(), &folder, "alice");
}
