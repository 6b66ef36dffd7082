//! A new key pair goes to the configured destination: each destination, each refusal, and a destination that
//! fails on the way.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::harness::{ADMIN, Folder, JsonSchema, Run};
use super::served::Served;

const ATTACH: &str = "[users.alice]\npolicy = \"readonly\"\n[users.bob]\npolicy = \"readwrite\"\n";
/// A cluster with two users without a policy and keys, and a configuration with this destination that attaches both.
fn folder(destination: &str) -> Folder {
    let users = r#"{"admin":{"role":"ClusterAdmin","password":"admin"},"alice":{},"bob":{}}"#;
    Folder::with(&[
        ("attune.toml", &format!("[cluster]\nendpoints = [\"sim:cluster.json\"]\n{destination}\n{ATTACH}")),
        ("cluster.json", &format!(r#"{{"format":"attune.sim/1","tenants":{{"Root":{{"users":{users}}}}}}}"#)),
    ])
}

fn keys(folder: &Folder, user: &str) -> Value {
    folder.tenant()["users"][user]["keys"].clone()
}

/// Whether this is the record of a user's key pair as the cluster has it.
fn is_record(record: &[u8], folder: &Folder, user: &str) {
    let record: Value = serde_json::from_slice(record).unwrap();
    let keys = keys(folder, user);
    let schema = JsonSchema::named("destination");
    assert_eq!(schema.misfit(&record), None);
    let members: Vec<&String> = record.as_object().unwrap().keys().collect();
    assert_eq!(members, ["access_key", "cluster", "created_at", "secret_key", "tenant", "user"]);
    for member in members {
        let mut less = record.clone();
        less.as_object_mut().unwrap().remove(member);
        assert!(schema.misfit(&less).is_some(), "the schema does not require {member}");
    }
    let created_at = record["created_at"].as_str().unwrap();
    let format = &time::format_description::well_known::Rfc3339;
    assert!(time::OffsetDateTime::parse(created_at, format).unwrap().offset().is_utc(), "{created_at}");
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
fn a_plan_that_may_create_keys_is_refused_without_a_destination() {
    let folder = folder("");
    let before = folder.read("cluster.json");
    for args in ["plan", "apply --yes"] {
        let run = folder.attune(args).exits(3).says("refused: the cluster may create a key pair for `alice`, `bob`");
        for line in ["[credentials]", "age = [\"age1…\"]", "dir = \"secrets\""] {
            assert!(run.stdout.lines().any(|shown| shown.trim() == line), "no {line} in {}", run.stdout);
        }
    }
    assert_eq!(folder.read("cluster.json"), before);
}

#[test]
fn a_file_gets_the_new_pair_for_an_old_one_and_the_rest_goes_to_an_emergency_file() {
    let folder = folder("[credentials]\nfile = true\ndir = \"deep/secrets\"");
    folder.write("deep/secrets/alice.json", "an old pair");
    let plan = folder.attune("plan --format json").exits(0).json();
    let before = folder.read("cluster.json");
    fs::create_dir(folder.path("deep/secrets/bob.json")).unwrap();
    folder
        .attune("apply --yes")
        .exits(1)
        .warns("bob.json is a directory")
        .warns("no working destination for new secrets");
    assert_eq!(folder.read("cluster.json"), before);
    fs::remove_dir(folder.path("deep/secrets/bob.json")).unwrap();
    let run = folder.attune("apply --yes --format json").exits(0);
    is_quiet(&run, &folder);
    let outcome = run.json();
    for user in ["alice", "bob"] {
        let step = step(&plan, &outcome, user);
        assert_eq!((&step["status"], &step["remarks"][0]), (&"done".into(), &"kept".into()));
        let place = format!("deep/secrets/{user}.json");
        assert_eq!(step["keys_stored_in"], place.as_str());
        is_private(&folder, &place);
        is_record(&fs::read(folder.path(&place)).unwrap(), &folder, user);
    }
    assert_eq!(emergencies(&folder, ".attune"), [""; 0]);
    folder.attune("plan --detailed-exitcode").exits(0).says("no changes");
}

/// The emergency files in a state directory.
fn emergencies(folder: &Folder, dir: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.path(dir)).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !["journal-", "before-", "lock-", ".gitignore"].iter().any(|known| name.starts_with(known)));
    names.sort();
    names
}

#[cfg(feature = "age")]
#[test]
fn an_age_file_is_for_its_recipient_alone() {
    let identity = age::x25519::Identity::generate();
    let folder = folder(&format!("[credentials]\nage = [\"{}\"]\ndir = \"secrets\"", identity.to_public()));
    let run = folder.attune("apply --yes -vvv").exits(0).says("created S3 keys, stored in secrets/bob.json.age");
    is_quiet(&run, &folder);
    for user in ["alice", "bob"] {
        let name = format!("secrets/{user}.json.age");
        is_private(&folder, &name);
        let sealed = fs::read(folder.path(&name)).unwrap();
        is_record(&age::decrypt(&identity, &sealed).unwrap(), &folder, user);
    }
}

#[test]
fn a_command_gets_the_key_pair_and_its_output_is_redacted() {
    let folder = folder("[credentials]\ncommand = [\"./destination.sh\", \"{cluster}/{tenant}/{user}\"]");
    let script = "#!/bin/sh\nPATH=/usr/bin:/bin\necho \"$@\" >> args\n\
                  case \"$1\" in */bob) cat >&2; echo 'sealed' >&2; exit 9;; esac\ncat > got.json\n";
    folder.write("destination.sh", script);
    folder
        .attune("apply --yes")
        .exits(1)
        .warns("destination.sh is not a program that can be run")
        .warns("no working destination for new secrets; nothing was changed");
    assert!(keys(&folder, "alice").is_null());
    fs::set_permissions(folder.path("destination.sh"), fs::Permissions::from_mode(0o700)).unwrap();

    let again = folder.state();
    let run = folder.attune("apply --yes -vvv --state-dir state --jobs 1").exits(5);
    is_quiet(&run, &folder);
    let run =
        run.says("stored in the command `./destination.sh`").says("the emergency file state/emergency-bob-1.json");
    let run = run.says("ended with exit status: 9");
    assert!(!run.stdout.contains("sealed") && !run.stderr.contains("sealed"), "{}{}", run.stdout, run.stderr);
    is_record(&fs::read(folder.path("got.json")).unwrap(), &folder, "alice");
    is_record(&fs::read(folder.path("state/emergency-bob-1.json")).unwrap(), &folder, "bob");
    is_private(&folder, "state/emergency-bob-1.json");
    let args = folder.read("args");
    assert_eq!(args.lines().collect::<Vec<_>>(), ["stewie/Root/alice", "stewie/Root/bob"]);

    folder
        .attune("plan --state-dir state")
        .exits(0)
        .warns("emergency files contain new secrets: `state/emergency-bob-1.json`");
    folder.write("cluster.json", &again.to_string());
    let run = folder.attune("apply --yes --state-dir loud --jobs 1 --show-command-output").exits(5).says("sealed");
    is_quiet(&run, &folder);
    assert!(run.stdout.contains("[redacted]"), "{}", run.stdout);
}

#[test]
fn nothing_is_sent_if_a_secret_could_not_be_stored() {
    for (destination, flags, part) in [
        ("[credentials]\nfile = true\ndir = \"cluster.json/secrets\"", "", "cluster.json/secrets, cannot be written"),
        ("[credentials]\ncommand = [\"no-such-program\"]", "", "`no-such-program` is not in PATH"),
        ("[credentials]\nfile = true\ndir = \"secrets\"", "--state-dir cluster.json/state", "emergency files"),
    ] {
        let folder = folder(destination);
        let before = folder.read("cluster.json");
        let run = folder.attune(&format!("apply --yes {flags}")).exits(1).warns(part);
        run.warns("error[credentials-destination]");
        assert_eq!(folder.read("cluster.json"), before);
    }
}

#[test]
fn a_key_pair_in_a_lost_response_is_reported_as_unknown() {
    let folder = folder("[credentials]\nfile = true\ndir = \"secrets\"");
    let served = Served::start(&folder, "--fault write:1=drop-after");
    let run = folder.attune_with(&format!("apply --yes --jobs 1 --cluster {}", served.url), &ADMIN).exits(5);
    let run = run.says("their secret is lost").says("create others with `weka s3 user keys-generate --user alice`");
    is_quiet(&run, &folder);
    for args in ["plan", "drift", "doctor", "apply --yes"] {
        let run = folder.attune_with(&format!("{args} --cluster {}", served.url), &ADMIN).exits(0);
        run.warns("a run ended before it recorded the new key pairs of `alice`").warns("attune keys rotate NAME");
    }
    let quiet = folder.attune_with(&format!("plan --state-dir elsewhere --cluster {}", served.url), &ADMIN).exits(0);
    assert!(!quiet.stderr.contains("lost"), "{}", quiet.stderr);
    assert!(!folder.path("secrets/alice.json").exists() && folder.path("secrets/bob.json").exists());
}

#[test]
fn a_key_pair_in_a_later_response_is_not_reported_as_unknown() {
    let folder = folder("[credentials]\nfile = true\ndir = \"secrets\"");
    let served = Served::start(&folder, "--fault write:1=drop-before");
    let run = folder.attune_with(&format!("apply --yes --jobs 1 --cluster {}", served.url), &ADMIN).exits(0);
    assert!(!run.stdout.contains("is not known"), "{}", run.stdout);
    is_record(&fs::read(folder.path("secrets/alice.json")).unwrap(), &folder, "alice");
}

#[cfg(feature = "age")]
#[test]
fn an_unknown_response_is_kept_and_reported() {
    let identity = age::x25519::Identity::generate();
    for (destination, end) in [
        ("[credentials]\nfile = true\ndir = \"secrets\"".to_owned(), ""),
        (format!("[credentials]\nage = [\"{}\"]\ndir = \"secrets\"", identity.to_public()), ".age"),
    ] {
        let folder = folder(&destination);
        let served = Served::start(&folder, "--switch attach_answer=unknown");
        let run = folder.attune_with(&format!("apply --yes --jobs 1 --cluster {}", served.url), &ADMIN).exits(5);
        is_quiet(&run, &folder);
        let name = format!(".attune/emergency-alice-1.answer{end}");
        let run = run.says(&format!("the response is not understood and may contain new S3 keys: it is in {name}"));
        assert!(run.stdout.contains("2 API calls: 2 done"), "{}", run.stdout);
        is_private(&folder, &name);
        let kept = fs::read(folder.path(&name)).unwrap();
        let plain = if end.is_empty() { kept } else { age::decrypt(&identity, &kept).unwrap() };
        let secret = keys(&folder, "alice")["secret_key"].as_str().unwrap().to_owned();
        assert!(String::from_utf8(plain).unwrap().contains(&secret));
        folder.attune_with(&format!("plan --cluster {}", served.url), &ADMIN).exits(0).warns(&name);
    }
}

#[test]
fn a_key_pair_is_found_in_every_shape_of_a_response() {
    for shape in ["camel", "ids", "deep", "text", "body"] {
        let folder = folder("[credentials]\nfile = true\ndir = \"secrets\"");
        let served = Served::start(&folder, &format!("--switch attach_answer={shape}"));
        folder.attune_with(&format!("apply --yes --cluster {}", served.url), &ADMIN).exits(0);
        for user in ["alice", "bob"] {
            is_record(&fs::read(folder.path(&format!("secrets/{user}.json"))).unwrap(), &folder, user);
        }
    }
}

#[test]
fn few_open_files_are_enough() {
    let folder = folder("[credentials]\nfile = true\ndir = \"secrets\"");
    let users: String = (0..40).map(|at| format!("[users.u{at}]\npolicy = \"readonly\"\n")).collect();
    folder.write("attune.toml", &format!("{}{users}", folder.read("attune.toml")));
    folder.drift(|root| (0..40).for_each(|at| root["users"][format!("u{at}")] = serde_json::json!({})));
    let served = Served::start(&folder, "");
    let line = format!("ulimit -n 32; attune apply --yes --jobs 64 --cluster {}", served.url);
    let output = folder.shell(&line).envs(ADMIN).output().unwrap();
    let run = Run::of("apply", &output).exits(0);
    run.warns("at once: the open file limit is too low");
    for at in 0..40 {
        is_record(&fs::read(folder.path(&format!("secrets/u{at}.json"))).unwrap(), &folder, &format!("u{at}"));
    }
    assert_eq!(emergencies(&folder, ".attune"), [""; 0]);
}

#[test]
fn the_first_key_pair_of_a_user_with_a_policy_is_announced_and_stored() {
    let folder = folder("");
    folder
        .write("attune.toml", "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[users.alice]\npolicy = \"readonly\"\n");
    folder.drift(|root| root["users"]["alice"]["policy"] = "readwrite".into());
    let plan = folder.attune("plan --format json").exits(0);
    assert_eq!(plan.json()["new_keys"], serde_json::json!({"users": [], "users_with_policy": ["alice"]}));
    folder.attune("plan").exits(0).says("may create S3 keys for alice if they have none").says("an emergency file");
    folder.attune("plan --format markdown").exits(0).says("may create S3 keys for");
    folder.attune("plan --format html").exits(0).says("may create S3 keys for");
    let run = folder.attune("apply --yes").exits(0).says("move them from .attune/emergency-alice-1.json");
    is_quiet(&run, &folder);
    is_record(&fs::read(folder.path(".attune/emergency-alice-1.json")).unwrap(), &folder, "alice");
}

#[test]
fn nothing_is_written_through_links_that_a_proposal_brings() {
    let folder = folder("[credentials]\nfile = true\ndir = \"secrets\"");
    fs::create_dir(folder.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(folder.path("elsewhere"), folder.path(".attune")).unwrap();
    folder.attune("apply --yes").exits(1).warns("it is a link").warns("nothing was changed");
    fs::remove_file(folder.path(".attune")).unwrap();
    let plan = folder.attune("plan --format json").exits(0).json();
    // Which name the journal has is known before it is there.
    fs::create_dir(folder.path(".attune")).unwrap();
    folder.attune("apply --yes --state-dir first").exits(0);
    let journal = fs::read_dir(folder.path("first")).unwrap().map(|entry| entry.unwrap().file_name());
    let journal = journal.map(|name| name.into_string().unwrap()).find(|name| name.starts_with("journal-")).unwrap();
    assert!(plan["digest"].as_str().unwrap().starts_with(&journal["journal-".len()..journal.len() - ".jsonl".len()]));
    folder.write("elsewhere/victim", "precious\n");
    let link = folder.path(".attune").join(&journal);
    std::os::unix::fs::symlink(folder.path("elsewhere/victim"), link).unwrap();
    folder.drift(|root| {
        for user in ["alice", "bob"] {
            root["users"][user] = serde_json::json!({});
        }
    });
    folder.attune("apply --yes").exits(1).warns("cannot be written");
    assert_eq!(folder.read("elsewhere/victim"), "precious\n");
    assert_eq!(folder.read("first/.gitignore"), "*\n");
    assert_eq!(folder.read("secrets/.gitignore"), "*\n");
}
