//! The examples for pipelines: each is what it says it is, and its attune lines run.

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

/// Runs a line of a script where its files are, as the pipeline would.
fn run(folder: &Folder, line: &str, digest: &str) -> std::process::Output {
    let here = folder.path("").display().to_string();
    let line = line
        .replace("/usr/local/bin/attune", "attune")
        .replace("/etc/attune/", &here)
        .replace("/var/lib/attune/", &here)
        .replace("/var/lib/node_exporter/", &here);
    folder
        .shell(&line)
        .env("ATTUNE_CLUSTER", "sim:cluster.json")
        .env("ATTUNE_APPROVED", digest)
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
        let digest = folder.attune("plan --format json").exits(0).json()["digest"].as_str().unwrap().to_owned();
        for line in lines(&path) {
            let ended = run(&folder, &line, &digest);
            let drift = line.contains("attune drift");
            let told = String::from_utf8_lossy(&ended.stderr);
            let code = ended.status.code();
            assert!(code == Some(0) || drift && code == Some(2), "{}: {line}: {code:?}\n{told}", path.display());
            subcommands.insert(line.split_whitespace().nth(1).unwrap().to_owned());
        }
        let expected = [
            ("comment.md", format!("attune:digest={digest}")),
            ("summary.md", "14 done".to_owned()),
            ("attune.prom", "attune_drift".to_owned()),
            ("plan.html", digest[..32].to_owned()),
        ];
        for (name, part) in expected.into_iter().filter(|(name, _)| folder.path(name).exists()) {
            assert!(folder.read(name).contains(&part), "{}: {name}", path.display());
            written.insert(name);
        }
    }
    assert_eq!(subcommands, ["apply", "drift", "fmt", "plan", "show", "validate"].map(str::to_owned).into());
    assert_eq!(written, ["attune.prom", "comment.md", "plan.html", "summary.md"].into());
}

/// The plan of a pull request is told by its files where the cluster is, unless the command line says so.
#[test]
fn a_plan_of_what_is_not_trusted_names_the_cluster() {
    for (file, trigger) in
        [("github/plan.yml", "pull_request_target"), ("gitlab/.gitlab-ci.yml", "merge_request_event")]
    {
        let path = root().join("examples/ci").join(file);
        assert!(fs::read_to_string(&path).unwrap().contains(trigger));
        let plans: Vec<String> = lines(&path).into_iter().filter(|line| line.starts_with("attune plan")).collect();
        assert!(!plans.is_empty());
        for line in plans {
            assert!(line.contains("--cluster \"$ATTUNE_CLUSTER\" --via rest"), "{line}");
        }
    }
    let workflow = fs::read_to_string(root().join("examples/ci/github/plan.yml")).unwrap();
    assert!(workflow.contains("persist-credentials: false"));
    // A text of the pull request must not become part of a script.
    assert!(lines(&root().join("examples/ci/github/plan.yml")).iter().all(|line| !line.contains("${{")));
    let apply = fs::read_to_string(root().join("examples/ci/github/apply.yml")).unwrap();
    assert!(apply.contains("cancel-in-progress: false"));
}
