//! Rotating key pairs, and revoking users: over the `weka` command and over REST.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use attune::sim::state::{ClusterState, ROOT};
use attune::sim::{Applied, Fault, FaultRules, KillHook, Options, Running, Trigger, start};
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};

use super::harness::{Folder, Run};
use super::weka::{face, temporary};

/// A cluster with some users of two policies, over the `weka` command, and a destination for secrets.
fn folder(destination: &str) -> Folder {
    let keys = |name: &str| json!({"access_key": format!("AK{name}"), "secret_key": format!("old-secret-of-{name}")});
    let user = |name: &str, policy: &str| json!({"policy": policy, "keys": keys(name)});
    let users = json!({
        "admin": {"role": "ClusterAdmin", "password": "admin"},
        "svc-a": user("svc-a", "readwrite"), "svc-b": user("svc-b", "readwrite"), "svc-c": user("svc-c", "readonly"),
        "alice": user("alice", "readwrite"), "nobody": {},
    });
    let state = json!({"format": "attune.sim/1", "release": "5.1", "tenants": {"Root": {"users": users}}});
    let file = format!("[cluster]\nvia = \"weka\"\n{destination}\n");
    let folder = Folder::with(&[("attune.toml", &file), ("cluster.json", &state.to_string())]);
    face(&folder);
    folder
}

const FILES: &str = "[credentials]\nfile = true\ndir = \"secrets\"";

fn user(folder: &Folder, name: &str) -> Value {
    folder.tenant()["users"][name].clone()
}

fn secret(folder: &Folder, name: &str) -> String {
    user(folder, name)["keys"]["secret_key"].as_str().unwrap().to_owned()
}

/// The users whose pair is another one than at the start.
fn rotated(folder: &Folder) -> Vec<&'static str> {
    let all = ["alice", "svc-a", "svc-b", "svc-c"];
    all.into_iter().filter(|name| secret(folder, name) != format!("old-secret-of-{name}")).collect()
}

/// Checks that the destination has the present pair of each user whose pair was rotated, and that no output has a secret.
fn are_stored(run: &Run, folder: &Folder) {
    for name in rotated(folder) {
        let record: Value = serde_json::from_str(&folder.read(&format!("secrets/{name}.json"))).unwrap();
        let secret = secret(folder, name);
        assert_eq!((&record["user"], &record["secret_key"]), (&name.into(), &secret.as_str().into()));
        assert!(!run.stdout.contains(&secret) && !run.stderr.contains(&secret), "{}{}", run.stdout, run.stderr);
    }
}

#[test]
fn names_a_pattern_and_a_policy_say_whose_keys_are_rotated() {
    for (args, expected) in [
        ("alice", vec!["alice"]),
        ("alice svc-c", vec!["alice", "svc-c"]),
        ("svc-? --max 2", vec!["svc-a", "svc-b"]),
        ("--policy readwrite", vec!["alice", "svc-a", "svc-b"]),
        ("s* --policy readwrite", vec!["svc-a", "svc-b"]),
        ("* --policy readonly", vec!["svc-c"]),
    ] {
        let folder = folder(FILES);
        let run = folder.attune(&format!("keys rotate {args} --yes")).exits(0);
        assert_eq!(rotated(&folder), expected, "{args}");
        are_stored(&run, &folder);
        let shown = run.says("the present key pair of each stops working at once");
        expected.iter().for_each(|name| assert!(shown.stdout.contains(&format!("✓ {name}:")), "{}", shown.stdout));
    }
}

#[test]
fn nothing_is_rotated_that_was_not_agreed_to() {
    let folder = folder(FILES);
    for (args, exit, part) in [
        ("keys rotate alice", 1, "use `--yes`"),
        ("keys rotate alice gone --yes", 1, "no user matches `gone`"),
        ("keys rotate x* --yes", 1, "no user matches `x*`"),
        ("keys rotate nobody --yes", 1, "the cluster makes keys only for users with one"),
        ("keys rotate --policy none --yes", 1, "no user has this policy"),
        ("keys rotate --yes", 1, "without a policy: `admin`"),
    ] {
        folder.attune(args).exits(exit).warns(part);
    }
    folder.write(
        "attune.toml",
        &format!("[cluster]\nvia = \"weka\"\n{FILES}\n[guards]\nprotected_users = [\"svc-*\"]\n"),
    );
    let refused = folder.attune("keys rotate --policy readwrite --yes").exits(3);
    refused.warns("`[guards]` protects `svc-a` and `svc-b`").warns("--override protected_users=svc-a");
    folder.attune("keys rotate svc-a --yes --override max_removals=1").exits(1).warns("only `protected_users=NAME`");
    std::fs::remove_dir_all(folder.path("secrets")).unwrap();
    folder.write("secrets", "a file");
    folder.attune("keys rotate alice --yes").exits(1).warns("no working destination for new secrets");
    assert_eq!(rotated(&folder), [""; 0]);
    std::fs::remove_file(folder.path("secrets")).unwrap();
    folder.attune("keys rotate svc-a --yes --override protected_users=svc-a").exits(0);
    assert_eq!(rotated(&folder), ["svc-a"]);
}

#[test]
fn a_run_with_a_maximum_is_continued_and_rotates_no_user_twice() {
    let folder = folder(FILES);
    let first = folder.attune("keys rotate --policy readwrite --max 1 --yes").exits(0);
    first.says("left for a later run").warns("--resume");
    let alice = secret(&folder, "alice");
    let again = folder.attune("keys rotate --policy readwrite --yes").exits(1);
    again.warns("has rotated 1 of these users already").warns("`--resume` rotates only the others");
    let rest = folder.attune("keys rotate --policy readwrite --resume --yes --format json").exits(0);
    assert_eq!((rotated(&folder), secret(&folder, "alice")), (vec!["alice", "svc-a", "svc-b"], alice.clone()));
    assert_eq!(rest.json()["rotated_before"], json!(["alice"]));
    are_stored(&rest, &folder);
    // The rotation is over, so the next one begins anew.
    folder.attune("keys rotate --policy readwrite --yes").exits(0);
    assert_ne!(secret(&folder, "alice"), alice);
    folder.attune("keys rotate --policy readwrite --max 1 --yes").exits(0);
    let alice = secret(&folder, "alice");
    folder.attune("keys rotate --policy readwrite --restart --yes").exits(0);
    assert_ne!(secret(&folder, "alice"), alice);
}

#[test]
fn a_destination_that_fails_stops_the_run_before_the_next_user() {
    let folder = folder("[credentials]\ncommand = [\"./store.sh\", \"{user}\"]");
    temporary(&folder, &folder.read("weka"));
    let script = "#!/bin/sh\ncase \"$1\" in svc-a) exit 9;; esac\n/bin/cat > \"got-$1.json\"\n";
    folder.write("store.sh", script);
    std::fs::set_permissions(folder.path("store.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let run = folder.attune("keys rotate --policy readwrite --yes").exits(5);
    let run = run.says("svc-a: rotated, but the secret is in the emergency file .attune/emergency-svc-a-1.json");
    run.says("1 user rotated, 1 without a stored secret, 1 not started").warns("--resume");
    assert_eq!(rotated(&folder), ["alice", "svc-a"]);
    assert!(folder.read(".attune/emergency-svc-a-1.json").contains(&secret(&folder, "svc-a")));
    folder.write("store.sh", &script.replace("exit 9", ""));
    let (alice, old) = (secret(&folder, "alice"), secret(&folder, "svc-a"));
    let rest = folder.attune("keys rotate --policy readwrite --yes --resume").exits(0);
    rest.warns("`.attune/emergency-svc-a-1.json`: this rotation has revoked an older pair that such a file holds");
    assert_eq!((rotated(&folder), secret(&folder, "alice")), (vec!["alice", "svc-a", "svc-b"], alice));
    assert_ne!(secret(&folder, "svc-a"), old);
}

#[test]
fn an_answer_that_is_not_understood_never_replaces_a_good_entry() {
    for (answer, kept) in [
        ("{\"id\":\"AKNEW\",\"value\":\"bbbbbbbbbbBBBBBBBBBBB\"}", true),
        ("", false),
        ("null", false),
        ("{\"message\":\"done\"}", false),
    ] {
        let folder = folder(FILES);
        folder.write("secrets/alice.json", "a good entry");
        let real = folder.read("weka");
        let (head, run) = real.split_once('\n').unwrap();
        let quoted = format!("case \"$*\" in *keys-generate*) echo '{answer}'; exit 0;; esac");
        temporary(&folder, &format!("{head}\n{quoted}\n{run}"));
        let run = folder.attune("keys rotate alice svc-a --yes --format json").exits(5);
        let (first, second) = (run.json()["users"][0].clone(), run.json()["users"][1].clone());
        assert_eq!((&first["status"], &second["status"]), (&"secret_unknown".into(), &"not_started".into()));
        assert_eq!(folder.read("secrets/alice.json"), "a good entry");
        let path = folder.path(".attune/emergency-alice-1.answer");
        assert_eq!(path.exists(), kept, "{answer}");
        assert_eq!(first.get("secret_stored_in").is_some(), kept, "{answer}");
        if kept {
            assert!(std::fs::read_to_string(path).unwrap().contains("bbbbbbbbbbBBBBBBBBBBB"));
            assert!(!run.stdout.contains("bbbbbbbbbbBBBBBBBBBBB") && !run.stderr.contains("bbbbbbbbbbBBBBBBBBBBB"));
        }
    }
}

#[test]
fn a_revoked_user_has_no_policy_and_its_old_keys_are_useless() {
    let folder = folder("");
    let run = folder.attune("keys revoke alice nobody svc-a --reason ticket-4711 --yes").exits(5);
    let run = run.says("alice: keys revoked").says("alice: detached").says("nobody: had no policy");
    run.says("nobody: keys not revoked, they work again with the next policy: the user has no policy")
        .says("temporary credentials and service accounts of a user end only when the user is deleted:")
        .says("weka user delete alice");
    assert_eq!(rotated(&folder), ["alice", "svc-a"]);
    let attached = |name| user(&folder, name).get("policy").cloned();
    assert_eq!((attached("alice"), attached("svc-a")), (None, None));
    assert_eq!(attached("svc-b"), Some("readwrite".into()));
    // The new secret is nowhere.
    let all: BTreeMap<_, _> = super::harness::files(&folder.path(""), "")
        .into_iter()
        .filter(|path| !path.ends_with("cluster.json"))
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect();
    assert!(!all.values().any(|text| text.contains(&secret(&folder, "alice"))), "{:?}", all.keys());
    let journal = all.iter().find(|(path, _)| path.to_string_lossy().contains("journal-keys-")).unwrap().1;
    assert!(journal.contains("\"reason\":\"ticket-4711\"") && journal.contains("\"by\":\"admin\""), "{journal}");
    assert!(journal.contains("\"keys\":\"revoked\",\"policy\":\"detached\",\"user\":\"alice\""), "{journal}");
}

#[test]
fn a_revocation_needs_a_confirmation_with_a_reason_and_all_names() {
    let folder = folder("");
    folder.attune("keys revoke alice --yes").exits(1).warns("--reason");
    folder.attune("keys revoke alice --reason x").exits(1).warns("use `--yes` and `--reason`");
    folder.attune("keys revoke alice bob --reason x --yes").exits(1).warns("not in tenant Root: `bob`");
    folder.write("attune.toml", "[cluster]\nvia = \"weka\"\n[guards]\nprotected_users = [\"al*\"]\n");
    folder.attune("keys revoke alice --reason x --yes").exits(3).warns("`[guards]` protects `alice`");
    assert_eq!(rotated(&folder), [""; 0]);
    folder.attune("keys revoke alice --reason x --yes --override protected_users=alice").exits(0);
    assert_eq!(rotated(&folder), ["alice"]);
}

#[test]
fn a_revocation_works_while_the_configuration_is_broken() {
    let broken = "<<<<<<< HEAD\n[users.alice]\npolicy = 7\n=======\n";
    let folder = folder("");
    folder
        .write("attune.toml", &format!("[cluster]\nvia = \"weka\"\n[guards]\nprotected_users = [\"svc-*\"]\n{broken}"));
    folder.attune("plan").exits(1);
    folder.attune("keys revoke svc-a --reason x --yes").exits(3);
    folder.attune("keys revoke alice --reason x --yes --format json").exits(0).json();
    folder.write("attune.toml", &format!("[cluster\n{broken}"));
    std::fs::remove_file(folder.path("attune.toml")).unwrap();
    folder.attune("keys revoke svc-a --reason x --yes").exits(1).warns("cannot read attune.toml");
    folder.attune("keys revoke svc-a --reason x --yes --via weka").exits(0);
    folder.write("attune.toml", "[cluster]\nvia = \"wekka\"\n[guards]\nprotected = 1\n");
    let unread = folder.attune("keys revoke svc-b --reason x --yes").exits(1);
    unread.warns("`[cluster]` in attune.toml cannot be read").warns("`--cluster URL`");
    let refused = folder.attune("keys revoke svc-b --reason x --yes --via weka").exits(3);
    refused.warns("every user counts as protected").warns("--override protected_users=svc-b");
    folder.attune("keys revoke svc-b --reason x --yes --via weka --override protected_users=svc-b").exits(0);
    assert_eq!(rotated(&folder), ["alice", "svc-a", "svc-b"]);
}

#[test]
fn what_a_cluster_cannot_do_is_said_and_the_rest_is_done() {
    let folder = folder("");
    folder.drift(|root| root["users"]["alice"]["source"] = "LDAP".into());
    let mut state = folder.state();
    state["release"] = "4.4".into();
    folder.write("cluster.json", &state.to_string());
    let run = folder.attune("keys revoke alice --reason x --yes").exits(5);
    let run = run.says("the name and the password are the key pair").says("alice: detached");
    run.says("the detach holds until the next refresh").says("alice: delete it in the directory");
    assert_eq!(user(&folder, "alice").get("policy"), None);
    folder.attune("keys rotate svc-a --yes").exits(1);
    state["release"] = "6.0".into();
    folder.write("cluster.json", &state.to_string());
    folder.attune("keys revoke svc-a --reason x --yes").exits(0).says("a user keeps the access that its groups have");
}

/// How many users of the policy there are, unless `ATTUNE_ROTATE_USERS` says otherwise.
const USERS: usize = 24;

/// How long a run may take: far longer than any does.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A later build of 5.1, whose keys are rotated over REST into files for an age recipient, by a program that is killed.
struct Killed {
    running: Running,
    child: Arc<Mutex<Option<Child>>>,
    folder: Folder,
    identity: age::x25519::Identity,
    users: Vec<String>,
}

impl Killed {
    fn new(runtime: &Runtime, count: usize) -> Self {
        let users: Vec<String> = (0..count).map(|at| format!("u{at:03}")).collect();
        let user = |name: &String| {
            let keys = json!({"access_key": format!("AK{name}"), "secret_key": format!("old-secret-of-{name}")});
            (name.clone(), json!({"policy": "ml-rw", "keys": keys}))
        };
        let mut all: Map<_, _> = users.iter().map(user).collect();
        let keys = json!({"access_key": "AKother", "secret_key": "old-secret-of-other"});
        all.insert("other".to_owned(), json!({"policy": "readonly", "keys": keys}));
        let state = json!({
            "release": "5.1", "switches": {"key_reset": true},
            "tenants": {"Root": {"users": all, "policies": {"ml-rw": {"document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::ml/*"}]}}}}},
        });
        let state: ClusterState = serde_json::from_value(state).unwrap();
        let child: Arc<Mutex<Option<Child>>> = Arc::default();
        let victim = Arc::clone(&child);
        let mut options = Options::in_memory(state.complete().unwrap());
        options.record = true;
        options.on_kill = Some(KillHook::new(move || {
            if let Some(child) = victim.lock().unwrap().as_mut() {
                child.kill().unwrap();
            }
        }));
        let running = runtime.block_on(start(options)).unwrap();
        let identity = age::x25519::Identity::generate();
        let file = format!(
            "[cluster]\nendpoints = [\"{}\"]\n[credentials]\nage = [\"{}\"]\ndir = \"secrets\"\n",
            running.url(),
            identity.to_public()
        );
        Self { running, child, folder: Folder::with(&[("attune.toml", &file)]), identity, users }
    }

    /// How many users have a file at the destination.
    fn stored(&self) -> usize {
        let stored = |user: &&String| self.folder.path(&format!("secrets/{user}.json.age")).exists();
        self.users.iter().filter(stored).count()
    }

    /// Runs the rotation with these faults, and kills it once this many users have a file. Its exit code; `None` if it was
    /// killed.
    fn run(&self, faults: &FaultRules, kill_at: usize) -> Option<i32> {
        self.running.set_faults(faults);
        let mut command = self.folder.command("keys rotate --policy ml-rw --yes --resume --quiet".split(' '));
        let (user, password) = self.running.admin_login();
        command.env("ATTUNE_USERNAME", user).env("ATTUNE_PASSWORD", password);
        *self.child.lock().unwrap() = Some(command.stdout(Stdio::null()).spawn().unwrap());
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < TIMEOUT, "the program hangs");
            let mut child = self.child.lock().unwrap();
            let running = child.as_mut().unwrap();
            if self.stored() >= kill_at {
                running.kill().unwrap();
            }
            if let Some(status) = running.try_wait().unwrap() {
                return status.code();
            }
            drop(child);
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    fn resets(&self) -> usize {
        let is_reset = |path: &str| path.ends_with("/s3/resetCredentials");
        self.running.events().iter().filter(|event| event.applied && is_reset(&event.path)).count()
    }
}

/// With `ATTUNE_ROTATE_USERS=200` for as many users as a policy of a large team has.
#[test]
fn a_rotation_over_rest_that_is_killed_again_and_again_loses_no_secret_and_repeats_no_user_needlessly() {
    let count = std::env::var("ATTUNE_ROTATE_USERS").ok().and_then(|text| text.parse().ok()).unwrap_or(USERS);
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let killed = Killed::new(&runtime, count);
    let mut kills = 0;
    for part in 1..4 {
        // Killed after the call was done and before its answer, before it was done, and at the destination.
        for applied in [Applied::Yes, Applied::No] {
            let rules = FaultRules::one(Trigger::Write(2), Fault::Kill(applied));
            assert_eq!(killed.run(&rules, usize::MAX), None);
            kills += 1;
        }
        if killed.run(&FaultRules::default(), count * part / 4).is_none() {
            kills += 1;
        }
    }
    assert_eq!(killed.run(&FaultRules::default(), usize::MAX), Some(0));
    let (resets, state) = (killed.resets(), killed.running.state().unwrap());
    for user in &killed.users {
        let sealed = std::fs::read(killed.folder.path(&format!("secrets/{user}.json.age"))).unwrap();
        let record: Value = serde_json::from_slice(&age::decrypt(&killed.identity, &sealed).unwrap()).unwrap();
        let keys = state.tenants[ROOT].users[user].keys.clone().unwrap();
        assert_eq!((&record["user"], &record["secret_key"]), (&user.as_str().into(), &keys.secret_key.as_str().into()));
        assert_ne!(keys.secret_key, format!("old-secret-of-{user}"));
    }
    let other = state.tenants[ROOT].users["other"].keys.clone().unwrap();
    assert_eq!(other.secret_key, "old-secret-of-other");
    // Each kill costs at most the user that was in work.
    assert!((count..=count + kills).contains(&resets), "{resets} calls for {count} users and {kills} kills");
    println!("{count} users, {kills} kills, {resets} calls");
    // The rotation is over: the next one begins anew, and asks for nothing.
    assert_eq!(killed.run(&FaultRules::default(), usize::MAX), Some(0));
    assert_eq!(killed.resets(), resets + count);
}
