//! The examples for pipelines: each is valid, and its attune lines run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::harness::{ADMIN, Folder, files, root};

/// The keys whose texts are run.
const RUN: [&str; 5] = ["run", "script", "after_script", "before_script", "entry"];

/// The scripts of a YAML document.
fn scripts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let (Some(Value::Array(command)), Some(Value::Array(args))) =
                (members.get("command"), members.get("args"))
            {
                let words = command.iter().chain(args).map(|word| word.as_str().unwrap());
                found.push(words.collect::<Vec<_>>().join(" "));
            }
            let mut members: Vec<_> = members.iter().collect();
            // The reader puts them in the order of their names.
            members.sort_by_key(|(key, _)| ["apply", "after_script"].contains(&key.as_str()));
            for (key, value) in members {
                match value {
                    Value::String(text) if RUN.contains(&key.as_str()) => found.push(text.clone()),
                    Value::Array(lines) if RUN.contains(&key.as_str()) => {
                        found.extend(lines.iter().map(|line| line.as_str().unwrap().to_owned()));
                    }
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Array(_)
                    | Value::Object(_) => scripts(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| scripts(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The commands of a systemd unit.
fn units(text: &str) -> Vec<String> {
    let mut section = "";
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
        assert!(!section.is_empty() && key.chars().all(char::is_alphanumeric), "{line}");
        if (section, key) == ("Service", "ExecStart") {
            found.push(value.to_owned());
        }
    }
    found
}

/// The lines of a file that run attune.
fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let mut found = Vec::new();
    match path.extension().and_then(|end| end.to_str()) {
        Some("yml" | "yaml") => {
            let value: Value =
                serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(value.is_object() || value.is_array(), "{}", path.display());
            scripts(&value, &mut found);
        }
        Some("service" | "timer") => found = units(&text),
        Some("md" | "sysusers" | "tmpfiles") => {}
        // A program for `--notify-command`.
        None => assert!(text.starts_with("#!/bin/sh\n") && !text.contains("\nattune "), "{}", path.display()),
        other => panic!("{}: {other:?}", path.display()),
    }
    let of_attune = |line: &str| line.starts_with("attune ") || line.starts_with("/usr/local/bin/attune ");
    let joined = found.iter().map(|script| script.replace("\\\n", " "));
    joined
        .flat_map(|script| script.lines().map(str::trim).map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| of_attune(line))
        .collect()
}

/// Runs a line of a script in its folder, like the pipeline.
fn run(folder: &Folder, line: &str) -> std::process::Output {
    let here = folder.path("").display().to_string();
    let line = line
        .replace("/usr/local/bin/attune", "attune")
        .replace("/etc/attune/", &here)
        .replace("/var/lib/attune/", &here)
        .replace("/var/lib/node_exporter/textfile/", &here);
    folder.shell(&line).envs(ADMIN).output().unwrap()
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn every_example_is_parsed_and_its_attune_lines_run() {
    let mut subcommands = BTreeSet::new();
    let mut with_metrics = 0;
    // Those of a fleet run in `fleet_pipelines.rs`.
    let examples =
        files(&root().join("examples/ci"), "").into_iter().filter(|path| !path.parent().unwrap().ends_with("fleet"));
    for path in examples.chain([root().join(".pre-commit-hooks.yaml")]) {
        let folder = Folder::example("quickstart");
        for line in lines(&path) {
            let ended = run(&folder, &line);
            let drift = line.contains("attune drift");
            let output = String::from_utf8_lossy(&ended.stderr);
            let code = ended.status.code();
            assert!(code == Some(0) || drift && code == Some(2), "{}: {line}: {code:?}\n{output}", path.display());
            subcommands.insert(line.split_whitespace().nth(1).unwrap().to_owned());
        }
        if folder.path("attune.prom").exists() {
            assert!(folder.read("attune.prom").contains("attune_drift"), "{}", path.display());
            with_metrics += 1;
        }
    }
    assert_eq!(subcommands, ["apply", "drift", "fmt", "validate"].map(str::to_owned).into());
    assert_eq!(with_metrics, 1);
}

/// The workflows of GitHub, as YAML.
fn workflows() -> Vec<(String, String, Value)> {
    let paths = files(&root().join("examples/ci/github"), ".yml");
    assert_eq!(paths.len(), 6);
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let value = serde_saphyr::from_str(&text).unwrap();
        (path.display().to_string(), without_comments(&text), value)
    };
    paths.iter().map(read).collect()
}

fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n")
}

/// The jobs of the component of GitLab: the second document of its file.
fn component() -> (String, Value) {
    let text = fs::read_to_string(root().join("templates/attune.yml")).unwrap();
    let (_, jobs) = text.split_once("\n---\n").unwrap();
    (without_comments(jobs), serde_saphyr::from_str(jobs).unwrap())
}

/// The steps of a job that use this action.
fn uses<'a>(job: &'a Value, action: &str) -> Vec<&'a Value> {
    let steps = job["steps"].as_array().unwrap();
    steps.iter().filter(|step| step["uses"].as_str().unwrap().starts_with(action)).collect()
}

/// Parts of a pipeline that runs on events that anyone can cause, or on what anyone can write.
const OPEN_TO_ANYONE: [&str; 7] = [
    "pull_request_target",
    "issue_comment",
    "workflow_run",
    "pull_request_review",
    "gh pr view",
    "download-artifact",
    "/comments",
];

/// Forbidden parts of a job that an untrusted person can start. Each job of GitLab has a token of who started it.
fn has_nothing_to_take(name: &str, job: &str) {
    let job = job.replace("CI_JOB_TOKEN", "").replace("JOB-TOKEN", "");
    for word in ["secrets.", "ATTUNE_", "TOKEN", "self-hosted", "environment", "tags", "write"] {
        assert!(!job.contains(word), "{name}: a job that an outsider starts has `{word}`: {job}");
    }
}

#[test]
fn an_outsider_starts_no_job_that_has_a_login() {
    let mut with_login = 0;
    for (name, text, value) in workflows() {
        for word in OPEN_TO_ANYONE {
            assert!(!text.contains(word), "{name}: {word}");
        }
        let triggers: Vec<&String> = value["on"].as_object().unwrap().keys().collect();
        if triggers == ["pull_request"] {
            has_nothing_to_take(&name, &text);
            // A preview reads the artifact with the snapshot.
            let mut permissions = value["permissions"].as_object().unwrap().clone();
            let artifacts = permissions.remove("actions");
            assert!(artifacts.is_none() || artifacts == Some("read".into()) && text.contains(" snapshot: "), "{name}");
            assert_eq!(Value::from(permissions), serde_json::json!({"contents": "read"}), "{name}");
            continue;
        }
        for trigger in triggers {
            assert!(["push", "schedule", "workflow_dispatch"].contains(&trigger.as_str()), "{name}: {trigger}");
        }
        for job in value["jobs"].as_object().unwrap().values() {
            let condition = job["if"].as_str().unwrap_or_default();
            assert!(condition.contains("github.ref_name == github.event.repository.default_branch"), "{name}");
            assert!(job["environment"].is_string(), "{name}: its secrets are not kept from other branches");
            with_login += 1;
        }
    }
    let (text, value) = component();
    for word in OPEN_TO_ANYONE {
        assert!(!text.contains(word), "{word}");
    }
    for (job, of) in value.as_object().unwrap() {
        let conditions: Vec<&str> =
            of["rules"].as_array().unwrap().iter().map(|rule| rule["if"].as_str().unwrap()).collect();
        if conditions.iter().any(|condition| condition.contains("merge_request")) {
            has_nothing_to_take(job, &of.to_string());
            continue;
        }
        for condition in conditions {
            let trusted = ["web", "schedule"].iter().any(|source| {
                let source = format!("$CI_PIPELINE_SOURCE == \"{source}\" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH");
                condition.starts_with(&source)
            });
            assert!(trusted && !condition.contains("||"), "{job}: {condition}");
        }
        assert!(of["environment"].is_string() || of["environment"]["name"].is_string(), "{job}");
        with_login += 1;
    }
    assert_eq!(with_login, 9);
}

#[test]
fn a_job_with_a_login_plans_a_proposal_with_a_base_and_writes_outside_of_it() {
    // The workflows leave all of it to the action, whose scripts have tests of their own.
    let mut commands = Vec::new();
    for (name, text, value) in workflows() {
        for job in value["jobs"].as_object().unwrap().values() {
            let [checkout] = uses(job, "actions/checkout@")[..] else { panic!("{name}: one checkout") };
            let [action] = uses(job, "OWNER/attune@")[..] else { panic!("{name}: one step of attune") };
            assert_eq!(job["steps"].as_array().unwrap().len(), 2, "{name}: another step");
            assert_eq!(checkout["with"]["persist-credentials"], false, "{name}");
            let given = action["with"].as_object().unwrap();
            let command = given["command"].as_str().unwrap();
            // The plan is of the commit that a person has read, even if the proposal has changed since.
            let proposal = checkout["with"]["ref"].as_str().is_some_and(|of| of.starts_with("refs/pull/"));
            assert_eq!(proposal, given.contains_key("commit") && given.contains_key("pull-request"), "{name}");
            assert!(!proposal || command == "plan", "{name}");
            assert!(!given.contains_key("base") && !given.contains_key("cluster"), "{name}");
            if command == "apply" {
                assert!(text.contains("cancel-in-progress: false"), "{name}");
                assert_eq!(given["approved"], "${{ inputs.approved }}", "{name}");
            }
            commands.push(command.to_owned());
        }
    }
    commands.sort_unstable();
    assert_eq!(commands, ["apply", "drift", "plan", "plan", "plan", "snapshot", "validate"]);
    let (_, value) = component();
    let mut scripts_of_jobs = Vec::new();
    scripts(&value, &mut scripts_of_jobs);
    let lines = scripts_of_jobs.iter().flat_map(|script| script.lines()).map(str::trim);
    let mut based = 0;
    for line in lines.filter(|line| line.contains("attune plan") || line.contains("attune apply")) {
        let base = ["--base \"$CI_COMMIT_SHA\"", "--base \"$base\""].iter().any(|base| line.contains(base));
        let to = ["> \"$work/", "> attune-result/"].iter().any(|to| line.contains(to));
        assert!(base && to && !line.contains("--cluster"), "{line}");
        based += 1;
    }
    assert_eq!(based, 4);
}
