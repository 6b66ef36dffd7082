//! `attune snapshot` and `attune plan --snapshot`: a plan without a login, which nobody can approve.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::{Value, json};

use crate::base::{git, plan, repository, with_git};
use crate::harness::{Folder, JsonSchema, Run, folders, root};

/// A cluster and a configuration that changes it, with the snapshot `s.json` of before.
fn folder() -> Folder {
    let folder = Folder::copy_of(&root().join("tests/golden/every-kind-of-change"));
    let taken = folder.attune("snapshot --out s.json").exits(0);
    assert!(taken.stdout.starts_with("s.json: ") && taken.stdout.contains(" policies and "), "{}", taken.stdout);
    folder
}

fn snapshot(folder: &Folder) -> Value {
    serde_json::from_str(&folder.read("s.json")).unwrap()
}

/// The plan from a changed snapshot.
fn with(folder: &Folder, change: impl FnOnce(&mut Value)) -> Run {
    let mut value = snapshot(folder);
    change(&mut value);
    folder.write("changed.json", &value.to_string());
    folder.attune("plan --snapshot changed.json")
}

/// Without the parts that only a plan from a snapshot has, or that only another plan has.
fn same(mut plan: Value) -> Value {
    for member in ["digest", "snapshot"] {
        plan.as_object_mut().unwrap().remove(member);
    }
    // A snapshot always has the policies of buckets.
    let kinds = plan["unreported"]["kinds"].as_array_mut().unwrap();
    kinds.retain(|kind| kind != "bucket_policies");
    plan
}

#[test]
fn a_plan_from_a_snapshot_is_the_plan_of_the_cluster_in_every_golden_case() {
    let mut compared = 0;
    for path in folders(&root().join("tests/golden")) {
        let name = path.file_name().unwrap().to_string_lossy();
        let folder = Folder::copy_of(&path);
        let args = fs::read_to_string(path.join("args")).unwrap_or_default();
        // A plan from a snapshot names no cluster.
        let connected = ["--cluster", "--via"].iter().any(|option| args.contains(option));
        if connected || !path.join("cluster.json").exists() || folder.attune("snapshot --out s.json").code != Some(0) {
            continue;
        }
        let there = folder.attune(&format!("plan --format json {args}"));
        let file = folder.read("cluster.json");
        fs::remove_file(folder.path("cluster.json")).unwrap();
        let from = folder.attune(&format!("plan --format json --snapshot s.json {args}"));
        assert_eq!((from.code, &from.stderr), (there.code, &there.stderr), "{name}");
        assert!(!folder.path("cluster.json").exists(), "{name}: it was not contacted; {file}");
        assert_eq!(same(from.json()), same(there.json()), "{name}");
        compared += 1;
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn a_plan_from_a_snapshot_says_so_in_every_format_and_cannot_be_approved() {
    let folder = folder();
    let mut value = snapshot(&folder);
    assert_eq!(JsonSchema::named("snapshot").misfit(&value), None);
    // No format gives a digest or a command that applies.
    let digest = folder.attune("plan --format json").exits(0).json()["digest"].as_str().unwrap().to_owned();
    for format in ["text", "json", "markdown", "html"] {
        let run = folder.attune(&format!("plan --snapshot s.json --format {format}")).exits(0).says("snapshot");
        assert!(!run.stdout.contains(&digest[..16]) && !run.stdout.contains("--approved"), "{}", run.stdout);
    }
    let text = folder.attune("plan --snapshot s.json").exits(0);
    text.says(", less than a minute old: the cluster was not read\n")
        .says("\nplan from a snapshot: ")
        .says("A plan from a snapshot cannot be approved: plan again with a login, and approve that plan.");
    let from = folder.attune("plan --snapshot s.json --format json --detailed-exitcode").exits(2).json();
    let other = from["digest"].as_str().unwrap();
    assert!(other.strip_prefix("snapshot:").is_some_and(|digits| digits.len() == 64), "{other}");
    assert_eq!(from["snapshot"]["taken"], value["taken"]);
    // The age is that of the time of the plan.
    value["taken"] = json!("2026-01-01T00:00:00Z");
    folder.write("s.json", &value.to_string());
    let old = folder.attune("plan --snapshot s.json --out plan.json").exits(0);
    let old = old.says(" days old").warns("warning[old-snapshot]: the snapshot is of 2026-01-01T00:00:00Z");
    let shown = folder.attune("show plan.json").exits(0);
    assert_eq!(shown.stdout, old.stdout);
    folder.attune("show plan.json --format markdown").exits(0).says("attune:not-to-be-approved=").says(" days old");
    // Approving it changes nothing, and says what to do.
    let before = folder.read("cluster.json");
    let refused = folder.attune(&format!("apply --approved {other}")).exits(4);
    let refused = refused.warns("is of a plan from a snapshot, which cannot be approved; nothing was changed");
    refused.warns(&format!("it makes the same changes as that plan; then approve its digest, {}", &digest[..32]));
    let digits = other.strip_prefix("snapshot:").unwrap();
    folder.attune(&format!("apply --approved {digits}")).exits(4).warns("not the approved");
    let changed = format!("snapshot:{}", "0".repeat(64));
    let refused = folder.attune(&format!("apply --approved {changed}")).exits(4).warns("review the plan above; then");
    assert!(!refused.stderr.contains("the same changes"), "{}", refused.stderr);
    assert_eq!(folder.read("cluster.json"), before);
    folder.attune(&format!("apply --approved {digest}")).exits(0).says("matches the configuration");
}

#[test]
fn a_snapshot_holds_no_secret_and_only_its_owner_can_read_it() {
    let folder = folder();
    let text = folder.read("s.json");
    let state = folder.state();
    let users = state["tenants"]["Root"]["users"].as_object().unwrap();
    assert!(users.len() > 3);
    for word in ["password", "secret", "token"] {
        assert!(!text.contains(word), "{word} is in {text}");
    }
    assert_eq!(fs::metadata(folder.path("s.json")).unwrap().permissions().mode() & 0o777, 0o600);
    let printed = folder.attune("snapshot").exits(0);
    assert_eq!(printed.json()["users"], snapshot(&folder)["users"]);
}

#[test]
fn a_snapshot_that_is_not_understood_or_of_another_cluster_changes_nothing() {
    let folder = folder();
    let refused = |run: Run, why: &str| {
        let run = run.exits(1).warns("error: cannot use changed.json: ").warns(why).warns("\nhelp: ");
        assert_eq!(run.stdout, "", "there is no plan");
    };
    let twice = |kind: &'static str| {
        move |value: &mut Value| {
            let list = value[kind].as_array_mut().unwrap();
            list.push(list[0].clone());
        }
    };
    refused(with(&folder, twice("policies")), "it has the policy `");
    refused(with(&folder, twice("users")), "it has the user `");
    refused(with(&folder, |value| value["users"][0]["records"] = json!([])), "without a record");
    refused(
        with(&folder, |value| {
            value["format"] = json!("attune.snapshot/2");
            value["tool_version"] = json!("9.0.0");
        }),
        "its format is `attune.snapshot/2`, written by attune 9.0.0; this attune reads `attune.snapshot/1`",
    );
    refused(with(&folder, |value| value["more"] = json!(1)), "unknown field `more`");
    refused(with(&folder, |value| value["users"][0]["secret"] = json!("x")), "unknown field `secret`");
    refused(with(&folder, |value| value["taken"] = json!("yesterday")), "`yesterday` is not a time");
    refused(with(&folder, |value| value["taken"] = json!("9999-01-01T00:00:00Z")), "taken in the future");
    refused(with(&folder, |value| value["cluster"]["release"] = json!("x\u{1b}[2J")), "`x\\u{1b}[2J` is not a release");
    refused(with(&folder, |value| *value = json!([])), "it is not a snapshot");
    let both = |value: &mut Value| {
        let named = value["policies"].as_array_mut().unwrap().iter_mut().find(|of| of["document"].is_object());
        named.unwrap()["text"] = json!("x");
    };
    refused(with(&folder, both), "has both a document and a text");
    // One name twice in an object.
    let doubled = folder.read("s.json").replacen("\"users\": [", "\"users\": [], \"users\": [", 1);
    folder.write("changed.json", &doubled);
    refused(folder.attune("plan --snapshot changed.json"), "duplicate field `users`");
    // Another tenant or release than the configuration and the command line name.
    let of = |args: &str, why: &str| {
        let run = folder.attune(&format!("plan --snapshot s.json {args}")).exits(1);
        run.warns("error: cannot use s.json: ").warns(why);
    };
    of("--tenant ml", "it is of the tenant \"Root\", not of \"ml\"");
    let configuration = folder.read("attune.toml");
    let pinned = |line: &str| {
        folder.write("attune.toml", &configuration.replace("[cluster]\n", &format!("[cluster]\n{line}\n")));
    };
    pinned("tenant = \"ml\"");
    of("", "not of \"ml\"");
    pinned("release = \"4.4\"");
    of("", "and `[cluster]` has 4.4");
    folder.write("attune.toml", &configuration);
    let fed = folder.attune_fed("plan --snapshot - --detailed-exitcode", &folder.read("s.json")).exits(2);
    fed.says("plan from a snapshot: ");
    folder.attune_fed("plan --snapshot -", "{}").exits(1).warns("cannot use standard input: it is not a snapshot");
    folder.attune("plan --snapshot missing.json").exits(1).warns("cannot use missing.json: No such file");
    folder.attune("plan --snapshot .").exits(1).warns("not a regular file");
    folder.attune("plan --snapshot /dev/zero").exits(1).warns("not a regular file");
    folder.attune("plan --snapshot s.json --cluster sim:cluster.json").exits(1).warns("cannot be used with");
    // A name of the file is shown as one of a cluster is.
    let odd = |value: &mut Value| value["cluster"]["name"] = json!("x\u{1b}[2J\u{202e}");
    let run = with(&folder, odd).exits(0);
    assert!(run.stdout.contains("x\\u{1b}[2J\\u{202e}"), "{}", run.stdout);
}

#[test]
fn a_snapshot_that_a_proposal_can_put_there_is_not_used() {
    let folder = repository();
    let outside = Folder::new();
    let place = |name: &str| outside.path(name).canonicalize().unwrap().display().to_string();
    let inside = with_git(&folder, "snapshot --file live/attune.toml --out live/s.json").exits(0);
    inside.warns("`attune plan --snapshot` does not use this file: it lies in the Git repository");
    let text = folder.read("live/s.json");
    outside.write("s.json", &text);
    // Without any connection: the cluster is gone.
    let state = folder.read("live/cluster.json");
    fs::remove_file(folder.path("live/cluster.json")).unwrap();
    plan(&folder, &format!("--snapshot {}", place("s.json"))).exits(0).says("no changes");
    assert!(!folder.path("live/cluster.json").exists());
    folder.write("live/cluster.json", &state);
    let refused = |path: &str| {
        let run = plan(&folder, &format!("--base main --snapshot {path}")).exits(1);
        run.warns("it lies in the Git repository").warns("where a proposal can put it");
    };
    // Untracked, tracked, and ignored.
    refused("live/s.json");
    git(&folder, &["add", "live/s.json"]);
    refused("live/s.json");
    git(&folder, &["commit", "-q", "-m", "x"]);
    refused(&folder.path("live/s.json").display().to_string());
    folder.write(".gitignore", "*.json\n");
    folder.write("live/ignored.json", &text);
    refused("live/ignored.json");
    // A link of the proposal to another snapshot, and a link to a file of the proposal.
    symlink(outside.path("s.json"), folder.path("live/link.json")).unwrap();
    refused("live/link.json");
    symlink(folder.path("live/s.json"), outside.path("link.json")).unwrap();
    refused(&outside.path("link.json").display().to_string());
    symlink(folder.path("live"), outside.path("directory")).unwrap();
    refused(&outside.path("directory/s.json").display().to_string());
    symlink(folder.path("live/link.json"), outside.path("through.json")).unwrap();
    refused(&outside.path("through.json").display().to_string());
    // With a base, drift and proposed changes are apart, as with a connection.
    folder.write("live/teams/b.toml", "[users.bob]\npolicy = \"ml\"\n");
    let planned = plan(&folder, &format!("--base main --snapshot {}", place("s.json"))).exits(0);
    planned.says("proposed: 1 change, compared with main").says("plan from a snapshot: 1 to move");
}

#[test]
fn a_plan_from_a_snapshot_needs_no_login_and_no_endpoint() {
    let folder = folder();
    let configuration = folder.read("attune.toml");
    let nowhere = configuration.replace("sim:cluster.json", "https://127.0.0.1:1");
    assert_ne!(nowhere, configuration);
    folder.write("attune.toml", &nowhere);
    folder.attune("plan").exits(1).warns("ATTUNE_USERNAME");
    folder.attune("plan --snapshot s.json --detailed-exitcode").exits(2).says("plan from a snapshot: ");
}

#[test]
fn a_snapshot_without_buckets_compares_none() {
    let folder = Folder::copy_of(&root().join("tests/golden/bucket-policies"));
    folder.attune("snapshot --out snapshot.json").exits(0);
    let mut snapshot: Value = serde_json::from_str(&folder.read("snapshot.json")).unwrap();
    assert_eq!(snapshot["buckets"].as_array().unwrap().len(), 7);
    snapshot.as_object_mut().unwrap().remove("buckets");
    folder.write("snapshot.json", &snapshot.to_string());
    folder.attune("plan --snapshot snapshot.json").exits(1).warns("buckets-unknown");
}
