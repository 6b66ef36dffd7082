//! `examples/ci/fleet`: the scripts of the jobs run with the environment of GitHub and GitLab, and no outsider starts them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use serde_json::Value;

use super::base::git;
use super::harness::{Folder, root};
use super::kubernetes_fleet::{repository, unsharded};

fn pipeline(name: &str) -> Value {
    let text = fs::read_to_string(root().join("examples/ci/fleet").join(name)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// The variables of each run: the logins as text and as a file.
fn run(folder: &Folder, script: &str, variables: &[(&str, &str)]) -> Output {
    let path = folder.path("source").display().to_string();
    let program = format!("cd '{path}'\n{script}");
    let mut shell = folder.shell("bash -euo pipefail -c \"$SCRIPT\"");
    shell.env("SCRIPT", program).env("COMMAND", "drift").env("LOGINS", folder.read("secret/logins.toml"));
    shell.env("ATTUNE_LOGINS", folder.path("secret/logins.toml")).env("RUNNER_TEMP", folder.path("temp"));
    shell.env("GITHUB_STEP_SUMMARY", folder.path("summary.md")).envs(variables.iter().copied());
    shell.output().unwrap()
}

/// Runs the scripts of shards and of the merge, and then without one result.
fn shards_and_merge(folder: &Folder, shard: impl Fn(&str) -> Output, merge: impl Fn() -> Output, results: &str) {
    let mut codes = Vec::new();
    for number in 1..=16 {
        let ended = shard(&number.to_string());
        codes.push(ended.status.code().unwrap());
        assert!(ended.status.code() <= Some(1), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    // Drift is no failure of a job; the wrong file is one.
    assert_eq!(codes.iter().sum::<i32>(), 1, "{codes:?}");
    let merged = merge();
    let log = String::from_utf8_lossy(&merged.stderr);
    assert_eq!(merged.status.code(), Some(1), "{log}");
    assert_eq!(String::from_utf8_lossy(&merged.stdout), unsharded(folder, "drift"));
    let lost = (1..=16).map(|number| folder.path(&format!("{results}/{number}.json")));
    let lost = lost.into_iter().find(|path| fs::read_to_string(path).unwrap().contains("clusters/3.toml")).unwrap();
    fs::remove_file(lost).unwrap();
    let log = String::from_utf8_lossy(&merge().stderr).into_owned();
    assert!(log.contains("there is no result of") && log.contains("clusters/3.toml"), "{log}");
}

#[test]
fn the_jobs_of_github_run_and_merge() {
    let workflow = pipeline("github.yml");
    let folder = repository();
    fs::create_dir_all(folder.path("temp/results")).unwrap();
    let script = |job: &str| -> String {
        let steps = workflow["jobs"][job]["steps"].as_array().unwrap();
        let scripts: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
        assert_eq!(scripts.len(), 1, "{job}");
        assert!(!scripts[0].contains("${{"), "{job}: an expression in a script");
        scripts[0].to_owned()
    };
    let listed = run(&folder, &script("targets"), &[]);
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let numbers = workflow["jobs"]["shard"]["strategy"]["matrix"]["shard"].as_array().unwrap();
    assert_eq!(numbers.iter().map(|of| of.as_u64().unwrap()).collect::<Vec<_>>(), (1..=16).collect::<Vec<_>>());
    let shard = |number: &str| {
        let ended = run(&folder, &script("shard"), &[("SHARD", number)]);
        let result = format!("{number}.json");
        fs::rename(folder.path("temp").join(&result), folder.path("temp/results").join(&result)).unwrap();
        ended
    };
    shards_and_merge(&folder, shard, || run(&folder, &script("merge"), &[]), "temp/results");
    assert!(folder.read("summary.md").contains("clusters/3.toml"));

    for (name, job) in workflow["jobs"].as_object().unwrap() {
        let condition = job["if"].as_str().unwrap();
        assert!(condition.contains("github.ref_name == github.event.repository.default_branch"), "{name}");
        assert_eq!(job["environment"].is_string(), name != "merge", "{name}: secrets are those of an environment");
        for step in job["steps"].as_array().unwrap() {
            let Some(action) = step["uses"].as_str() else { continue };
            let (_, commit) = action.split_once('@').unwrap();
            assert!(commit.len() == 40 && commit.chars().all(|digit| digit.is_ascii_hexdigit()), "{action}");
        }
    }
    let triggers: Vec<&String> = workflow["on"].as_object().unwrap().keys().collect();
    assert_eq!(triggers, ["schedule", "workflow_dispatch"]);
    assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}));
}

/// `gh` that has one comment of a person and, after the first, one of the workflow.
const GH: &str = r#"#!/bin/sh
set -eu
case "$*" in
*--paginate*)
  [ "$*" = "api --paginate repos/o/r/issues/7/comments" ]
  printf '[{"id": 1, "user": {"login": "mallory"}, "body": "<!-- attune:plan files=clusters -->"}]'
  [ ! -e comment ] || printf '[{"id": 2, "user": {"login": "github-actions[bot]"}, "body": "<!-- attune:plan files=clusters -->\\n"}]'
  ;;
*) echo "$5 $4" >> sent && cp "${7#body=@}" comment ;;
esac
"#;

#[test]
fn a_proposal_for_a_fleet_is_planned_with_the_settings_of_the_default_branch_in_one_comment() {
    let workflow = pipeline("github-plan.yml");
    let triggers: Vec<&String> = workflow["on"].as_object().unwrap().keys().collect();
    assert_eq!(triggers, ["workflow_dispatch"]);
    assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}));
    for (name, job) in workflow["jobs"].as_object().unwrap() {
        assert!(job["if"].as_str().unwrap().contains("github.ref_name == github.event.repository.default_branch"));
        // The job with a token for comments has no login, and those with a login have no such token.
        assert_eq!(job["environment"].is_string(), name != "merge", "{name}");
        assert_eq!(job["permissions"]["pull-requests"] == "write", name == "merge", "{name}");
    }
    let script = |job: &str| -> String {
        let steps = workflow["jobs"][job]["steps"].as_array().unwrap();
        let scripts: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
        assert!(scripts.len() == 1 && !scripts[0].contains("${{"), "{job}");
        scripts[0].to_owned()
    };
    let folder = repository();
    fs::create_dir_all(folder.path("temp/results")).unwrap();
    folder.write("source/gh", GH);
    fs::set_permissions(folder.path("source/gh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(folder.path("source/gh"), folder.path("gh")).unwrap();
    let base = git(&folder, &["-C", "source", "rev-parse", "HEAD"]);
    // The proposal takes access from alice, and would send the login elsewhere.
    let proposed = folder.read("source/clusters/1.toml").replace("sim:1.json", "https://127.0.0.1:1");
    folder.write("source/clusters/1.toml", &proposed.replace("readwrite", "readonly"));
    git(&folder, &["-C", "source", "commit", "-q", "-a", "-m", "proposal"]);
    let head = git(&folder, &["-C", "source", "rev-parse", "HEAD"]);
    let with = |commit: &str, job: &str, shard: &str| {
        let variables = [("GITHUB_SHA", base.trim()), ("COMMIT", commit), ("SHARD", shard), ("PULL_REQUEST", "7")];
        run(&folder, &script(job), &[&variables[..], &[("GITHUB_REPOSITORY", "o/r")]].concat())
    };
    let later = with(base.trim(), "targets", "");
    assert!(!later.status.success() && !folder.path("temp/targets.json").exists(), "a commit that nobody has read");
    assert!(with(head.trim(), "targets", "").status.success());
    let mut codes = Vec::new();
    for number in 1..=16 {
        let number = number.to_string();
        codes.push(with(head.trim(), "shard", &number).status.code().unwrap());
        let result = format!("{number}.json");
        fs::rename(folder.path("temp").join(&result), folder.path("temp/results").join(&result)).unwrap();
    }
    assert_eq!(codes.iter().sum::<i32>(), 1, "only the wrong file fails: {codes:?}");
    for method in ["POST", "PATCH"] {
        let merged = with(head.trim(), "merge", "");
        assert_eq!(merged.status.code(), Some(1), "{method}: {}", String::from_utf8_lossy(&merged.stderr));
    }
    assert_eq!(folder.read("source/sent"), "repos/o/r/issues/7/comments POST\nrepos/o/r/issues/comments/2 PATCH\n");
    let comment = folder.read("source/comment");
    assert!(comment.starts_with("<!-- attune:plan files=clusters -->\n") && comment.contains("alice"), "{comment}");
    assert!(comment.contains("`clusters/5.toml`: error") && !comment.contains("`clusters/1.toml`: error"), "{comment}");
}

#[test]
fn the_apply_of_github_takes_approvals_after_a_merge_and_nothing_else() {
    let workflow = pipeline("github-apply.yml");
    assert_eq!(workflow["on"], serde_json::json!({"push": {"branches": ["main"]}}));
    assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}));
    assert_eq!(workflow["concurrency"]["cancel-in-progress"], false);
    let job = &workflow["jobs"]["apply"];
    assert!(job["if"].as_str().unwrap().contains("github.ref_name == github.event.repository.default_branch"));
    assert!(job["environment"].is_string());
    let steps = job["steps"].as_array().unwrap();
    assert_eq!(steps[0]["with"]["persist-credentials"], false);
    // The scripts of the action have tests of their own, in `tests/action/run`.
    let given = serde_json::json!({"command": "apply", "file": "clusters", "approvals-branch": "attune-approvals", "waves": "fleet.toml"});
    assert_eq!(steps[2]["with"], given);
    let folder = repository();
    fs::create_dir_all(folder.path("temp")).unwrap();
    let ended = run(&folder, steps[1]["run"].as_str().unwrap(), &[]);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(folder.read("temp/logins.toml").trim(), folder.read("secret/logins.toml").trim());
    let listed =
        folder.shell("cd source && attune targets --file clusters --logins ../temp/logins.toml").output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    assert!(run(&folder, steps[3]["run"].as_str().unwrap(), &[]).status.success());
    assert!(!folder.path("temp/logins.toml").exists());
}

#[test]
fn the_jobs_of_gitlab_run_and_merge() {
    let jobs = pipeline("gitlab.yml");
    let folder = repository();
    let script = |job: &str| jobs[job]["script"][0].as_str().unwrap().to_owned();
    let listed = run(&folder, &script("attune-targets"), &[]);
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    assert_eq!(jobs["attune-shards"]["parallel"], 16);
    let shard =
        |number: &str| run(&folder, &script("attune-shards"), &[("CI_NODE_INDEX", number), ("CI_NODE_TOTAL", "16")]);
    let results = "source/attune-fleet/results";
    shards_and_merge(&folder, shard, || run(&folder, &script("attune-merge"), &[]), results);
    assert!(folder.read("source/attune-fleet/merged.md").contains("clusters/3.toml"));
    assert!(folder.read("source/attune-fleet/metrics.prom").contains("attune_targets 7\n"));

    for rule in jobs[".fleet"]["rules"].as_array().unwrap() {
        assert!(rule["if"].as_str().unwrap().contains("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"), "{rule}");
    }
    for job in ["attune-targets", "attune-shards", "attune-merge"] {
        assert_eq!(jobs[job]["extends"], ".fleet");
        assert_eq!(jobs[job]["environment"]["name"].is_string(), job != "attune-merge", "{job}");
    }
}
