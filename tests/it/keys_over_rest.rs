//! Rotating and revoking key pairs over REST: builds with the call for it and without, and every shape of its answer.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::harness::{ADMIN, Folder, Run};
use super::served::Served;

const FILES: &str = "[credentials]\nfile = true\ndir = \"secrets\"";

/// A cluster of this release with three users of a policy, and a configuration with this content.
fn folder(release: &str, file: &str) -> Folder {
    let user = |name: &str| {
        let keys = json!({"access_key": format!("AK{name}"), "secret_key": format!("old-secret-of-{name}")});
        json!({"policy": "readwrite", "keys": if release == "5.1" { keys } else { Value::Null }})
    };
    let users = json!({"ua": user("ua"), "ub": user("ub"), "uc": user("uc")});
    let state = json!({"release": release, "tenants": {"Root": {"users": users}}});
    Folder::with(&[("attune.toml", file), ("cluster.json", &state.to_string())])
}

fn user(folder: &Folder, name: &str) -> Value {
    folder.tenant()["users"][name].clone()
}

fn is_rotated(folder: &Folder, name: &str) -> bool {
    user(folder, name)["keys"]["secret_key"] != format!("old-secret-of-{name}").as_str()
}

fn attune(folder: &Folder, served: &Served, args: &str) -> Run {
    folder.attune_with(&format!("{args} --cluster {}", served.url), &ADMIN)
}

#[test]
fn a_pair_is_read_in_every_shape_of_the_answer() {
    for shape in ["camel", "snake", "ids", "deep", "text", "body"] {
        let folder = folder("5.1", FILES);
        let served = Served::start(&folder, &format!("--switch key_reset=true --switch reset_answer={shape}"));
        attune(&folder, &served, "keys rotate ua --yes").exits(0);
        let record: Value = serde_json::from_str(&folder.read("secrets/ua.json")).unwrap();
        assert_eq!(record["secret_key"], user(&folder, "ua")["keys"]["secret_key"], "{shape}");
        assert!(is_rotated(&folder, "ua") && !is_rotated(&folder, "ub"));
    }
}

#[test]
fn an_answer_without_a_pair_keeps_the_good_entry_and_goes_raw_to_an_encrypted_emergency_file() {
    let identity = age::x25519::Identity::generate();
    for (shape, kept) in [("unknown", true), ("message", false), ("nothing", false)] {
        let folder = folder("5.1", &format!("[credentials]\nage = [\"{}\"]\ndir = \"secrets\"", identity.to_public()));
        folder.write("secrets/ua.json.age", "a good entry");
        let served = Served::start(&folder, &format!("--switch key_reset=true --switch reset_answer={shape}"));
        let run = attune(&folder, &served, "keys rotate u* --yes").exits(5);
        let run = run.says("ua: secret unknown").says("1 without a stored secret, 2 not started");
        assert_eq!(folder.read("secrets/ua.json.age"), "a good entry");
        assert!(is_rotated(&folder, "ua") && !is_rotated(&folder, "ub"), "{shape}");
        let secret = user(&folder, "ua")["keys"]["secret_key"].as_str().unwrap().to_owned();
        assert!(!run.stdout.contains(&secret) && !run.stderr.contains(&secret));
        let path = folder.path(".attune/emergency-ua-1.answer.age");
        assert_eq!(path.exists(), kept, "{shape}");
        if kept {
            let raw = age::decrypt(&identity, &std::fs::read(path).unwrap()).unwrap();
            assert!(String::from_utf8(raw).unwrap().contains(&secret));
        }
    }
}

#[test]
fn an_attach_that_answers_with_a_message_alone_created_no_pair_that_is_shown() {
    for shape in ["message", "nothing"] {
        let folder = folder("5.1", &format!("{FILES}\n[users.new]\npolicy = \"readonly\"\n"));
        folder.drift(|root| root["users"]["new"] = json!({}));
        let served = Served::start(&folder, &format!("--switch attach_answer={shape}"));
        attune(&folder, &served, "apply --yes").exits(0);
        assert!(!folder.path("secrets/new.json").exists());
    }
}

#[test]
fn keys_are_revoked_by_a_plan_and_in_an_incident_where_the_build_has_the_call() {
    let declared = &format!("{FILES}\n[users.ua]\ndetached = true\nrevoke_keys = true\n");
    let folder_with = folder("5.1", declared);
    let served = Served::start(&folder_with, "--switch key_reset=true");
    attune(&folder_with, &served, "apply --yes").exits(0).says("2 API calls: 2 done");
    attune(&folder_with, &served, "keys revoke ub --reason x --yes")
        .exits(0)
        .says("ub: keys revoked")
        .says("ub: detached");
    for name in ["ua", "ub"] {
        assert!(is_rotated(&folder_with, name) && user(&folder_with, name).get("policy").is_none(), "{name}");
    }
    let without = folder("5.1", declared);
    let served = Served::start(&without, "");
    attune(&without, &served, "plan").exits(1).warns("over REST, this cluster has no call that creates a key pair");
    attune(&without, &served, "keys rotate ua --yes").exits(1).warns("has no REST call that makes a key pair");
    let run = attune(&without, &served, "keys revoke ub --reason x --yes").exits(5);
    run.says("ub: keys not revoked, they work again with the next policy").says("ub: detached");
    assert!(!is_rotated(&without, "ub") && user(&without, "ub").get("policy").is_none());
}

#[test]
fn a_revocation_needs_no_pair_in_the_answer() {
    for shape in ["unknown", "message", "nothing"] {
        let folder = folder("5.1", &format!("{FILES}\n[users.ua]\ndetached = true\nrevoke_keys = true\n"));
        let served = Served::start(&folder, &format!("--switch key_reset=true --switch reset_answer={shape}"));
        attune(&folder, &served, "apply --yes").exits(0);
        attune(&folder, &served, "keys revoke ub --reason x --yes").exits(0).says("ub: keys revoked");
        for name in ["ua", "ub"] {
            assert!(is_rotated(&folder, name) && user(&folder, name).get("policy").is_none(), "{shape} {name}");
        }
        let kept = std::fs::read_dir(folder.path(".attune")).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(!kept.into_iter().any(|name| name.to_string_lossy().starts_with("emergency-")), "nobody gets the pair");
    }
}

#[test]
fn a_user_is_detached_on_a_release_that_reports_no_attachments() {
    let folder = folder("3.14", "");
    let served = Served::start(&folder, "");
    let run = attune(&folder, &served, "keys revoke ua --reason x --yes").exits(5);
    run.says("the cluster does not report it").says("ua: detached");
    assert!(user(&folder, "ua").get("policy").is_none());
}

fn begun(folder: &Folder, served: &Served) -> Child {
    let mut command = folder.command(["keys", "rotate", "u*", "--yes", "--cluster", &served.url]);
    command.envs(ADMIN).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn an_interruption_finishes_the_user_in_work_and_the_rest_is_resumed() {
    let folder = folder("5.1", FILES);
    let served = Served::start(&folder, "--switch key_reset=true --fault write:2=delay:2s");
    let mut child = begun(&folder, &served);
    loop {
        let journals = std::fs::read_dir(folder.path(".attune")).into_iter().flatten().flatten();
        let mut journals =
            journals.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
        let text = journals.next().map(|path| std::fs::read_to_string(path).unwrap()).unwrap_or_default();
        if text.matches("\"generating\"").count() == 2 {
            break;
        }
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it was interrupted: {text}");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let run = Run::of("keys rotate", &child.wait_with_output().unwrap()).exits(130);
    run.says("2 users rotated, 1 not started").warns("to continue, run the same command with `--resume`");
    let secrets = [folder.read("secrets/ua.json"), folder.read("secrets/ub.json")];
    attune(&folder, &served, "keys rotate u* --yes --resume").exits(0).says("1 user rotated, 2 rotated before");
    assert_eq!(secrets, [folder.read("secrets/ua.json"), folder.read("secrets/ub.json")]);
    assert!(is_rotated(&folder, "uc"));
}

#[test]
fn a_rotation_reads_the_users_once_for_all_of_them() {
    let folder = folder("5.1", FILES);
    let served = Served::start(&folder, "--switch key_reset=true --log requests.jsonl");
    attune(&folder, &served, "keys rotate u* --yes").exits(0).says("3 users rotated");
    let reads = folder.read("requests.jsonl").matches("\"path\":\"/api/v2/users\"").count();
    assert_eq!(reads, 2, "which users there are, and their ids");
}

#[test]
fn a_lost_answer_ends_the_run_and_that_user_is_rotated_again() {
    let folder = folder("5.1", FILES);
    let served = Served::start(&folder, "--switch key_reset=true --fault write:2=drop-after");
    let run = attune(&folder, &served, "keys rotate u* --yes").exits(5);
    run.says("ub: secret unknown: the old pair may be revoked")
        .says("1 user rotated, 1 without a stored secret, 1 not started");
    let first = folder.read("secrets/ua.json");
    attune(&folder, &served, "keys rotate u* --yes --resume").exits(0).says("2 users rotated, 1 rotated before");
    assert_eq!(folder.read("secrets/ua.json"), first);
    for name in ["ub", "uc"] {
        let record: Value = serde_json::from_str(&folder.read(&format!("secrets/{name}.json"))).unwrap();
        assert_eq!(record["secret_key"], user(&folder, name)["keys"]["secret_key"]);
    }
}
