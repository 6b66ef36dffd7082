//! The examples for pipelines: each is valid, and its attune lines run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::harness::{Folder, files, root};

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
            assert!(value.as_object().is_some_and(|members| !members.is_empty()), "{}", path.display());
            scripts(&value, &mut found);
        }
        Some("service" | "timer") => found = units(&text),
        Some("md") => {}
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
fn run(folder: &Folder, line: &str, digest: &str) -> std::process::Output {
    let here = folder.path("").display().to_string();
    let line = line
        .replace("/usr/local/bin/attune", "attune")
        .replace("/etc/attune/", &here)
        .replace("/var/lib/attune/", &here)
        .replace("/var/lib/node_exporter/", &here);
    folder
        .shell(&line)
        .env("ATTUNE_APPROVED", digest)
        .env("BASE", "HEAD")
        .env("CI_COMMIT_SHA", "HEAD")
        .env("RUNNER_TEMP", folder.path("temp"))
        .env("NOTE", folder.path("temp/comment.md"))
        .env("ATTUNE_USERNAME", "admin")
        .env("ATTUNE_PASSWORD", "admin")
        .env("GITHUB_STEP_SUMMARY", folder.path("summary.md"))
        .output()
        .unwrap()
}

#[test]
fn every_example_is_parsed_and_its_attune_lines_run() {
    let mut subcommands = BTreeSet::new();
    let mut written = BTreeSet::new();
    for path in files(&root().join("examples/ci"), "") {
        let folder = Folder::example("quickstart");
        fs::create_dir(folder.path("temp")).unwrap();
        let commit = "git init -q . && git add . && git -c user.name=a -c user.email=a@example.com commit -qm base";
        assert!(folder.shell(commit).status().unwrap().success());
        let digest = folder.attune("plan --format json").exits(0).json()["digest"].as_str().unwrap().to_owned();
        for line in lines(&path) {
            let ended = run(&folder, &line, &digest);
            let drift = line.contains("attune drift");
            let output = String::from_utf8_lossy(&ended.stderr);
            let code = ended.status.code();
            assert!(code == Some(0) || drift && code == Some(2), "{}: {line}: {code:?}\n{output}", path.display());
            subcommands.insert(line.split_whitespace().nth(1).unwrap().to_owned());
        }
        let expected = [
            ("temp/comment.md", format!("attune:digest={digest}")),
            ("summary.md", "14 done".to_owned()),
            ("attune.prom", "attune_drift".to_owned()),
        ];
        for (name, part) in expected.into_iter().filter(|(name, _)| folder.path(name).exists()) {
            assert!(folder.read(name).contains(&part), "{}: {name}", path.display());
            written.insert(name);
        }
    }
    assert_eq!(subcommands, ["apply", "drift", "fmt", "plan", "show", "validate"].map(str::to_owned).into());
    assert_eq!(written, ["attune.prom", "summary.md", "temp/comment.md"].into());
}

/// The examples for a service that runs pipelines of proposals, as YAML.
fn pipelines() -> Vec<(String, String, Value)> {
    let examples = root().join("examples/ci");
    let of = |folder: &str| files(&examples.join(folder), ".yml");
    let paths: Vec<_> = of("github").into_iter().chain(of("gitlab")).collect();
    assert!(paths.len() >= 4);
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let value = serde_saphyr::from_str(&text).unwrap();
        let commands = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect::<Vec<_>>().join("\n");
        (path.display().to_string(), commands, value)
    };
    paths.iter().map(read).collect()
}

/// Forbidden parts of a job that an untrusted person can start.
fn has_nothing_to_take(name: &str, job: &str) {
    for word in ["secrets.", "ATTUNE_", "TOKEN", "self-hosted", "environment", "tags", "write"] {
        assert!(!job.contains(word), "{name}: a job that an outsider starts has `{word}`: {job}");
    }
}

#[test]
fn an_outsider_starts_no_job_that_has_a_login() {
    let mut with_login = 0;
    for (name, text, value) in pipelines() {
        // They run with secrets on events that anyone can cause; comments and artifacts may be by anyone.
        for word in [
            "pull_request_target",
            "issue_comment",
            "workflow_run",
            "pull_request_review",
            "gh pr view",
            "download-artifact",
            "/comments",
        ] {
            assert!(!text.contains(word), "{name}: {word}");
        }
        if let Some(on) = value.get("on") {
            let triggers: Vec<&String> = on.as_object().unwrap().keys().collect();
            if triggers == ["pull_request"] {
                has_nothing_to_take(&name, &text);
                assert_eq!(value["permissions"], serde_json::json!({"contents": "read"}), "{name}");
                continue;
            }
            assert_eq!(triggers, ["workflow_dispatch"], "{name}");
            for job in value["jobs"].as_object().unwrap().values() {
                let condition = job["if"].as_str().unwrap_or_default();
                assert!(condition.contains("github.ref_name == github.event.repository.default_branch"), "{name}");
                assert!(job["environment"].is_string(), "{name}: its secrets are not kept from other branches");
                with_login += 1;
            }
        } else {
            assert!(value.get("variables").is_none() && value.get("default").is_none(), "{name}: what all jobs have");
            for (job, of) in value.as_object().unwrap().iter().filter(|(_, of)| of.get("script").is_some()) {
                let conditions: Vec<&str> =
                    of["rules"].as_array().unwrap().iter().map(|rule| rule["if"].as_str().unwrap()).collect();
                if conditions.iter().any(|condition| condition.contains("merge_request")) {
                    has_nothing_to_take(job, &of.to_string());
                    continue;
                }
                for condition in conditions {
                    let trusted = "$CI_PIPELINE_SOURCE == \"web\" && $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && ";
                    assert!(condition.starts_with(trusted) && !condition.contains("||"), "{job}: {condition}");
                }
                assert!(of["environment"].is_string(), "{job}");
                with_login += 1;
            }
        }
    }
    assert_eq!(with_login, 4);
}

#[test]
fn a_job_with_a_login_plans_a_proposal_with_a_base_and_writes_outside_of_it() {
    let (mut plans, mut applies) = (0, 0);
    for (name, text, value) in pipelines() {
        let mut commands = Vec::new();
        scripts(&value, &mut commands);
        let lines: Vec<&str> = commands.iter().flat_map(|script| script.lines()).map(str::trim).collect();
        for line in &lines {
            // A text of the pull request must not become part of a script.
            assert!(!line.contains("${{"), "{name}: {line}");
            if line.contains("attune plan") {
                let based = ["--base \"$BASE\"", "--base \"$CI_COMMIT_SHA\""].iter().any(|base| line.contains(base));
                let outside = ["> \"$RUNNER_TEMP/", "> \"$NOTE\""].iter().any(|to| line.contains(to));
                assert!(based && outside && !line.contains("--cluster"), "{name}: {line}");
                plans += 1;
            }
            if line.contains("attune apply") {
                assert!(line.starts_with("attune apply --approved \"$ATTUNE_APPROVED\" "), "{name}: {line}");
                applies += 1;
            }
        }
        if lines.iter().any(|line| line.contains("attune plan")) {
            // The plan is of the reviewed commit, even if the proposal changed since.
            assert!(lines.iter().any(|line| line.ends_with("= \"$COMMIT\"")), "{name}");
        }
        assert_eq!(
            text.matches("actions/checkout@").count(),
            text.matches("persist-credentials: false").count(),
            "{name}"
        );
        // One base is the default branch, as it was when the job began.
        assert!(!text.contains("BASE:") || text.contains("BASE: ${{ github.sha }}"), "{name}");
        assert!(
            !text.contains("ATTUNE_APPROVED:") || text.contains("ATTUNE_APPROVED: ${{ inputs.approved }}"),
            "{name}"
        );
        if text.contains("attune apply") && value.get("on").is_some() {
            assert!(text.contains("cancel-in-progress: false"), "{name}");
        }
    }
    assert_eq!((plans, applies), (2, 2));
}
