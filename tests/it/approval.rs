//! The scope of an approval, and whose settings apply if someone else wrote the configuration (`--base`).

use serde_json::{Value, json};

use crate::base::{AGREED, commit, document, git, plan, repository, with_git};
use crate::harness::{Folder, Run};

/// A repository whose settings are agreed on.
fn settled(settings: &str) -> Folder {
    let folder = repository();
    folder.write("live/attune.toml", &format!("{AGREED}{settings}"));
    commit(&folder);
    folder
}

fn apply(folder: &Folder, args: &str) -> Run {
    with_git(folder, &format!("apply --file live/attune.toml {args}"))
}

fn digest(run: &Run) -> String {
    run.json()["digest"].as_str().unwrap().to_owned()
}

fn policy_of(folder: &Folder, user: &str) -> Value {
    let state: Value = serde_json::from_str(&folder.read("live/cluster.json")).unwrap();
    state["tenants"]["Root"]["users"][user]["policy"].clone()
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_proposal_is_planned_and_applied_by_the_settings_of_the_base() {
    let folder = settled("[guards]\nprotected_users = [\"alice\"]\n[credentials]\nfile = true\ndir = \"secrets\"\n");
    // The proposal points to another cluster, owns everything, and disables all guards.
    let evil = AGREED.replace("sim:cluster.json", "sim:nowhere/cluster.json").replace("svc-*", "*").replace(
        "[policies.ml]",
        "[credentials]\ncommand = [\"touch\", \"stolen\"]\n[lint]\nallow = [\"A02\"]\n[guards]\nmax_removals = 0\n[policies.ml]",
    );
    folder.write("live/attune.toml", &format!("{evil}[users.svc-new]\npolicy = \"ml\"\n"));
    let text = plan(&folder, "--base main").exits(0);
    for part in [
        "changed settings: this plan uses the settings of main; approve and apply again after the merge",
        "cluster.endpoints        [\"sim:cluster.json\"] → [\"sim:nowhere/cluster.json\"]",
        "credentials.command      not set → [\"touch\", \"stolen\"]",
        "credentials.file         true → not set",
        "guards.max_removals      not set → [\"0\"]",
        "guards.protected_users   [\"alice\"] → not set",
        "lint.allow               not set → [\"A02\"]",
        "ownership.users          [\"svc-*\"] → [\"*\"]",
        "may create S3 keys for svc-new; destination of the secrets: dir = \"secrets\", file = true",
    ] {
        assert!(text.stdout.contains(part), "{part:?} is not in {}", text.stdout);
    }
    let approved = digest(&plan(&folder, "--base main --format json").exits(0));
    // Without the base, the proposal's own settings would be in force: there it is not this plan.
    assert!(plan(&folder, "").code != Some(0));
    apply(&folder, &format!("--base main --approved {approved}")).exits(0).says("1 done");
    assert_eq!(policy_of(&folder, "svc-new"), "ml");
    assert!(folder.path("live/secrets/svc-new.json").exists() && !folder.path("stolen").exists());
    // The guards of both apply.
    folder.write(
        "live/attune.toml",
        &folder.read("live/attune.toml").replace("[users.alice]\npolicy = \"ml\"", "[users.alice]\ndetached = true"),
    );
    apply(&folder, "--base main --yes").exits(3).says("user `alice` is protected").warns("a guard refuses");
    let strict = format!("{AGREED}[guards]\nmax_detached = 0\n[users.svc-new]\npolicy = \"ml\"\n");
    folder.write("live/attune.toml", &strict);
    folder.write("live/teams/b.toml", "[users.bob]\ndetached = true\n");
    apply(&folder, "--base main --yes").exits(3).says("0 may be");
    assert_eq!((policy_of(&folder, "alice"), policy_of(&folder, "bob")), (json!("ml"), json!("readonly")));
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn dropped_declarations_and_changed_settings_are_in_every_format_before_any_fold() {
    let folder = settled("[guards]\nmax_detached = 1\n[policies.old]\nabsent = true\n");
    folder.write("live/teams/b.toml", "");
    folder.write("live/policies/ml.json", &document("s3:PutObject"));
    folder.write("live/attune.toml", &AGREED.replace("[users.alice]\npolicy = \"ml\"\n", "").replace("svc-*", "*"));
    let text = plan(&folder, "--base main").exits(0);
    let begin = "no longer declared, compared with main: 3\n  policy old   no longer declared absent\n  \
                 user alice   keeps ml, unmanaged\n  user bob     keeps readonly, unmanaged\n\n\
                 2 changed settings: this plan uses the settings of main";
    assert!(text.stdout.starts_with(begin), "{}", text.stdout);
    let comment = plan(&folder, "--base main --format markdown").exits(0).stdout;
    let fold = comment.find("<details>").unwrap();
    for part in
        ["user `alice`: keeps `ml`, unmanaged", "`guards.max_detached`: `[\"1\"]` → not set", "`ownership.users`"]
    {
        assert!(comment.find(part).is_some_and(|at| at < fold), "{part} is not above the fold of {comment}");
    }
    assert!(comment.contains(" --base main\n"), "the plan is that of the base: {comment}");
    plan(&folder, "--base main --format html").exits(0).says("keeps ml, unmanaged").says("guards.max_detached");
    text.says("proposed: 1 change,").says("plan: drift and proposed changes\n");
    folder.write("live/policies/ml.json", &document("s3:GetObject"));
    let text = plan(&folder, "--base main").exits(0);
    text.says("proposed: none except those listed above").says("plan: drift and proposed changes\n");
    let agreed = folder.read("live/cluster.json");
    folder
        .write("live/cluster.json", &agreed.replace(r#""alice":{"policy":"ml"}"#, r#""alice":{"policy":"readwrite"}"#));
    let drifted = plan(&folder, "--base main").exits(0);
    let drifted = drifted.says("user alice   readwrite → ml (no longer declared: not in this plan)");
    drifted.says("plan: drift and proposed changes, without objects that are no longer declared");
    folder.write("live/cluster.json", &agreed);
    folder.write("live/policies/ml.json", &document("s3:PutObject"));
    let review = plan(&folder, "--base main --format json").exits(0).json()["review"].clone();
    assert_eq!(
        review["undeclared"][1],
        json!({"id": "user/alice", "user": "alice", "declared": "attached", "declared_policy": "ml", "owned": false})
    );
    assert_eq!(review["settings"][0], json!({"name": "guards.max_detached", "before": "[\"1\"]"}));
    // Drift shows it too, by the settings of the base.
    let drift = |args: &str| with_git(&folder, &format!("drift --file live/attune.toml --base main {args}"));
    assert!(drift("").exits(2).stdout.starts_with(begin));
    drift("--format markdown").exits(2).says("- user `bob`: keeps `readonly`, unmanaged");
    assert_eq!(drift("--format json").exits(2).json()["review"], review);
    // The same declarations and settings have nothing to show, and one digest.
    folder.write(
        "live/attune.toml",
        &format!("{AGREED}[guards]\nmax_detached = [1, 1]\n[policies.old]\nabsent = true\n"),
    );
    folder.write("live/teams/b.toml", "[users.bob]\npolicy = \"readonly\"\n");
    let by_base = plan(&folder, "--base main --format json").exits(0);
    assert!(by_base.json().get("review").is_none());
    assert_eq!(digest(&by_base), digest(&plan(&folder, "--format json").exits(0)));
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_proposal_that_takes_the_mark_of_a_role_away_removes_no_policy_in_silence() {
    let folder = settled("[roles.ml]\n");
    // Without the mark, a removal of the policy, which nobody has then, and a new document.
    let removed = AGREED.replace("document = \"policies/ml.json\"", "absent = true");
    let removed = removed.replace("policy = \"ml\"", "policy = \"readonly\"");
    folder.write("live/attune.toml", &removed);
    let refused = plan(&folder, "--base main").exits(3);
    let refused = refused.says("roles   [\"ml\"] → not set");
    refused.says("policy `ml` is mapped to identities by `[roles.ml]` and would be removed");
    apply(&folder, "--base main --yes").exits(3).warns("a guard refuses");
    apply(&folder, "--base main --yes --override max_removals=9").exits(3);
    assert_eq!(policy_of(&folder, "alice"), "ml");
    folder.write("live/attune.toml", AGREED);
    folder.write("live/policies/ml.json", &document("s3:PutObject"));
    let note = "identities mapped to it by name (OIDC) are affected";
    plan(&folder, "--base main").exits(0).says("roles   [\"ml\"] → not set").says(note);
    // A mark counts at once. It is gone after the merge.
    commit(&folder);
    assert!(!plan(&folder, "--base main").exits(0).stdout.contains(note));
    folder.write("live/attune.toml", &format!("{removed}[roles.ml]\n"));
    plan(&folder, "--base main").exits(3).says("is mapped to identities by `[roles.ml]`");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn objects_owned_by_the_base_are_removed_and_listed() {
    let folder = settled("[users.svc-new]\npolicy = \"ml\"\n");
    with_git(&folder, "apply --yes --file live/attune.toml").exits(3).warns("no destination");
    folder.write("live/attune.toml", AGREED);
    plan(&folder, "--base main").exits(0).says("user svc-new   detached, because `[ownership]` covers it");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_approval_covers_every_setting_and_every_option_that_decides() {
    let file = |settings: &str| {
        format!("[cluster]\nendpoints = [\"sim:cluster.json\"]\n{settings}\n[users.alice]\npolicy = \"readonly\"\n")
    };
    let folder = Folder::with(&[("cluster.json", r#"{"tenants":{"Root":{"users":{"alice":{}}}}}"#)]);
    folder.write("actions.json", r#"[{"name": "s3:GetObject", "kind": "object"}]"#);
    let destination = "[credentials]\nfile = true\ndir = \"secrets\"";
    let mut seen = Vec::new();
    let mut another = |settings: &str, args: &str| {
        folder.write("attune.toml", &file(settings));
        let digest = digest(&folder.attune(&format!("plan --format json {args}")));
        assert!(!seen.contains(&digest), "{settings} {args}");
        seen.push(digest);
    };
    another("", "");
    another(destination, "");
    another(&destination.replace("\"secrets", "\"other"), "");
    another("[credentials]\ncommand = [\"sh\", \"-c\", \"cat\"]", "");
    another("[credentials]\ncommand = [\"sh\", \"-c\", \"cat > x\"]", "");
    another("[credentials]\ncommand = [\"./sh\", \"-c\", \"cat\"]", "");
    another(&format!("replace = \"gap\"\n{destination}"), "");
    another(&format!("{destination}\n[guards]\nmax_removals = 1"), "");
    another(&format!("{destination}\n[guards]\nmax_removals = \"1%\""), "");
    another(&format!("{destination}\n[guards]\nprotected_users = [\"x\"]"), "");
    another(&format!("{destination}\n[ownership]\npolicies = [\"x\"]"), "");
    another(&format!("{destination}\n[roles.x]"), "");
    another(destination, "--override max_removals=3");
    another(destination, "--allow-access alice:s3:GetObject:x/*");
    another(destination, "--deny-new-access");
    another(destination, "--insecure");
    another(destination, "--catalogue actions.json");
    folder.write("actions.json", r#"[{"name": "s3:GetObject", "kind": "bucket"}]"#);
    another(destination, "--catalogue actions.json");

    // Neither the directory of the checkout nor a setting without effect matters.
    folder.write("attune.toml", &file(destination));
    let first = digest(&folder.attune("plan --format json"));
    let other =
        Folder::with(&[("deep/attune.toml", &file(destination)), ("deep/cluster.json", &folder.read("cluster.json"))]);
    assert_eq!(digest(&other.attune("plan --file deep/attune.toml --format json")), first);
    assert_eq!(digest(&folder.attune("plan --format json --jobs 1 --retries 0 --tenant Root")), first);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn every_option_that_decides_is_in_every_form_of_the_plan() {
    let folder = Folder::example("quickstart");
    let args = "--override max_removals=3 --allow-access alice:s3:GetObject:x/* --insecure";
    let options = "options: --allow-access alice:s3:GetObject:x/* --insecure --override max_removals=3\n";
    folder.attune(&format!("plan {args}")).exits(0).says(options);
    let machine = folder.attune(&format!("plan {args} --format json")).exits(0).json();
    assert_eq!(machine["options"][2], json!({"name": "--override", "value": "max_removals=3"}));
    assert_eq!(
        machine["new_keys"],
        json!({"users": ["bob"], "users_with_policy": ["alice", "dora", "zoe"], "destination": "dir = \"secrets\", file = true"})
    );
    let comment = folder.attune(&format!("plan {args} --format markdown")).exits(0);
    let command = comment.stdout.lines().find(|line| line.starts_with("attune apply")).unwrap().to_owned();
    assert!(
        command.ends_with(" --allow-access 'alice:s3:GetObject:x/*' --insecure --override max_removals=3"),
        "{command}"
    );
    comment.says("**Options**").says("destination of the secrets: ");
    folder.attune(&format!("plan {args} --format html")).exits(0).says("Options").says("destination of the secrets: ");
    folder.attune(&command.replace("attune ", "").replace('\'', "")).exits(0).says("14 done");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_destination_that_was_not_approved_gets_no_secret() {
    let file = |destination: &str| {
        format!(
            "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[credentials]\n{destination}\n[users.alice]\npolicy = \"readonly\"\n"
        )
    };
    let folder = Folder::with(&[("cluster.json", r#"{"tenants":{"Root":{"users":{"alice":{}}}}}"#)]);
    folder.write("attune.toml", &file("file = true\ndir = \"secrets\""));
    let digest = digest(&folder.attune("plan --format json").exits(0));
    folder.write("attune.toml", &file("command = [\"/bin/sh\", \"-c\", \"cat > stolen\"]"));
    folder.attune(&format!("apply --approved {digest}")).exits(4);
    assert!(!folder.path("stolen").exists());
    assert_eq!(folder.tenant()["users"]["alice"]["policy"], Value::Null);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_program_that_a_proposal_can_change_gets_no_secret() {
    let folder = settled("[credentials]\ncommand = [\"./store.sh\", \"{user}\"]\n");
    folder.write("live/store.sh", "#!/bin/sh\ncat > stolen\n");
    let state = folder.read("live/attune.toml");
    folder.write("live/attune.toml", &format!("{state}[users.svc-new]\npolicy = \"ml\"\n"));
    plan(&folder, "--base main").exits(0).warns("store.sh lies in the repository");
    apply(&folder, "--base main --yes").exits(1).warns("lies in the repository, where a proposal can change it");
    assert_eq!(policy_of(&folder, "svc-new"), Value::Null);
}

#[test]
fn a_certificate_to_trust_is_that_of_the_base() {
    let folder = repository();
    let served = folder
        .read("live/attune.toml")
        .replace("endpoints = [\"sim:cluster.json\"]", "endpoints = [\"https://localhost:1\"]\nca_file = \"ca.pem\"");
    folder.write("live/attune.toml", &served);
    commit(&folder);
    // The proposal brings the file that the base does not have.
    folder.write("live/ca.pem", "not a certificate");
    let login = [
        ("PATH", std::env::var("PATH").unwrap()),
        ("ATTUNE_USERNAME", "x".to_owned()),
        ("ATTUNE_PASSWORD", "x".to_owned()),
    ];
    let login: Vec<(&str, &str)> = login.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let run = folder.attune_with("plan --file live/attune.toml --base main", &login).exits(1);
    run.warns("attune-base-").warns("cannot be read");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn many_files_have_a_base_each() {
    let folder = repository();
    for name in ["a", "b"] {
        for file in ["attune.toml", "teams/b.toml", "policies/ml.json", "cluster.json"] {
            folder.write(&format!("clusters/{name}/{file}"), &folder.read(&format!("live/{file}")));
        }
    }
    commit(&folder);
    folder
        .write("clusters/b/attune.toml", &AGREED.replace("svc-*", "*").replace("[users.alice]\npolicy = \"ml\"\n", ""));
    let run = with_git(&folder, "plan --file clusters --base main --format json").exits(0).json();
    let review = |at: usize| run["runs"][at]["result"]["review"].clone();
    assert_eq!((review(0), &review(1)["undeclared"][0]["id"]), (Value::Null, &json!("user/alice")));
    with_git(&folder, "apply --file clusters --base main --yes").exits(0);
    // A configuration that is deleted does not leave without a word.
    std::fs::remove_dir_all(folder.path("clusters/b/teams")).unwrap();
    std::fs::remove_file(folder.path("clusters/b/attune.toml")).unwrap();
    let gone =
        with_git(&folder, "plan --file clusters --base main").exits(0).says("user bob     keeps readonly, unmanaged");
    gone.warns("clusters/b/attune.toml is removed: everything that it declares at main becomes unmanaged")
        .says("no changes");
    with_git(&folder, "plan --file clusters --file live/attune.toml --base ./live/attune.toml")
        .exits(1)
        .warns("is one file, but there are");
    let out = git(&folder, &["status", "--porcelain"]);
    assert!(!out.contains("clusters/a"), "{out}");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_drift_state_file_from_a_commit_is_not_trusted() {
    let folder = repository();
    let mut state: Value = serde_json::from_str(&folder.read("live/cluster.json")).unwrap();
    state["tenants"]["Root"]["users"]["svc-new"]["policy"] = json!("readwrite");
    folder.write("live/cluster.json", &state.to_string());
    let drift = |args: &str| with_git(&folder, &format!("drift --file live/attune.toml --since {args}"));
    drift(".attune/drift.json").exits(2).says("user svc-new");
    drift(".attune/drift.json").exits(0);
    // A proposal declares all of this as known drift.
    commit(&folder);
    drift(".attune/drift.json").exits(1).warns("it is part of the repository, where a proposal can change it");
    std::os::unix::fs::symlink(folder.path(".attune"), folder.path("link")).unwrap();
    drift("link/drift.json").exits(1).warns("it is part of the repository");
    drift("other.json").exits(2).says("user svc-new");
}
