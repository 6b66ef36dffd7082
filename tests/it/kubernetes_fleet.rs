//! `examples/kubernetes/fleet`: the scripts run as in an Indexed Job, and the manifests are hardened and agree.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};

use serde_json::Value;

use super::base::git;
use super::harness::{ADMIN, Folder, files, root};

const SHARDS: usize = 4;

fn fleet() -> PathBuf {
    root().join("examples/kubernetes/fleet")
}

/// A repository with seven clusters: one with drift, one whose file has an error.
pub(crate) fn repository() -> Folder {
    let folder = Folder::new();
    for number in 1..=7 {
        let error = if number == 5 { "polcy = 1" } else { "policy = \"readwrite\"" };
        let endpoints = format!("[cluster]\nendpoints = [\"sim:{number}.json\"]\n");
        folder.write(&format!("source/clusters/{number}.toml"), &format!("{endpoints}[users.alice]\n{error}\n"));
        let policy = if number == 3 { "readonly" } else { "readwrite" };
        let state = format!(
            r#"{{"format": "attune.sim/1", "guid": "7f3a52d0-0000-4000-8000-00000000000{number}", "tenants": {{"Root":
            {{"users": {{"admin": {{"role": "ClusterAdmin", "password": "admin"}}, "alice": {{"policy": "{policy}"}}}}}}}}}}"#
        );
        folder.write(&format!("source/clusters/{number}.json"), &state);
    }
    git(&folder, &["init", "-q", "-b", "main", "source"]);
    let source = ["-C", "source"];
    git(&folder, &[&source[..], &["add", "-A"]].concat());
    git(&folder, &[&source[..], &["commit", "-q", "-m", "fleet"]].concat());
    // As Kubernetes mounts a Secret: through links.
    folder.write(
        "secret/..data/logins.toml",
        "[[login]]\nendpoints = [\"sim:*\"]\nusername = \"admin\"\npassword = \"admin\"\n",
    );
    fs::set_permissions(folder.path("secret/..data/logins.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("..data/logins.toml", folder.path("secret/logins.toml")).unwrap();
    folder
}

/// The pods of a run.
struct Pods<'a> {
    folder: &'a Folder,
    command: &'a str,
    /// Each pod has results of its own, and an object store has all of them.
    store: bool,
}

impl Pods<'_> {
    fn start(&self, pod: &str, index: usize, scripts: &[&str]) -> Child {
        let scripts: Vec<String> =
            scripts.iter().map(|script| format!("sh {}", fleet().join(script).display())).collect();
        let results = if self.store { format!("results-{pod}") } else { "results".to_owned() };
        let mut shell = self.folder.shell(&scripts.join("\n"));
        for (name, path) in [
            ("RESULTS", results.as_str()),
            ("REPOSITORY", "source"),
            ("CHECKOUT", &format!("checkout-{pod}")),
            ("LOGINS", "secret/logins.toml"),
        ] {
            shell.env(name, self.folder.path(path));
        }
        let job = if pod == "merge" { "-merge" } else { "" };
        shell.env("JOB_NAME", format!("attune-{}{job}-29931245", self.command)).env("COMMAND", self.command);
        shell.env("HOSTNAME", pod).env("JOB_COMPLETION_INDEX", index.to_string());
        shell.env("JOB_COMPLETIONS", SHARDS.to_string()).env("WAIT", "1");
        if self.store {
            shell.env("EXIT_CODE", self.folder.path(&results).join("exit-code")).env("STORE", "s3://results");
            shell.env("OBJECTS", self.folder.path("objects"));
        }
        shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs all shards at the same time. The exit code of each pod.
    fn shards(&self) -> Vec<i32> {
        let scripts: &[&str] = if self.store {
            &["scripts/checkout", "overlays/object-store/scripts/share", "scripts/shard", UPLOAD]
        } else {
            &["scripts/checkout", "scripts/shard"]
        };
        let pods: Vec<Child> = (0..SHARDS).map(|index| self.start(&format!("shard-{index}"), index, scripts)).collect();
        pods.into_iter()
            .map(|pod| {
                let output = pod.wait_with_output().unwrap();
                let code = output.status.code().unwrap();
                assert!(code <= 1, "{code}: {}", String::from_utf8_lossy(&output.stderr));
                code
            })
            .collect()
    }

    fn merge(&self) -> Output {
        let scripts: &[&str] = if self.store {
            &["overlays/object-store/scripts/download", "scripts/merge", "overlays/object-store/scripts/publish"]
        } else {
            &["scripts/await", "scripts/merge"]
        };
        self.start("merge", 0, scripts).wait_with_output().unwrap()
    }
}

const UPLOAD: &str = "overlays/object-store/scripts/upload";

/// What one run for all targets prints.
pub(crate) fn unsharded(folder: &Folder, command: &str) -> String {
    let line = format!("cd source && attune {command} --file clusters --base $(git rev-parse HEAD)");
    String::from_utf8(folder.shell(&line).envs(ADMIN).output().unwrap().stdout).unwrap()
}

#[test]
fn shards_of_an_indexed_job_merge_to_what_one_run_prints() {
    for command in ["drift", "plan"] {
        let folder = repository();
        let pods = Pods { folder: &folder, command, store: false };
        // Drift is no failure of a pod; the shard with the wrong file fails, and the others do not care.
        let codes = pods.shards();
        assert_eq!(codes.iter().filter(|code| **code == 1).count(), 1, "{codes:?}");
        let merged = pods.merge();
        let log = String::from_utf8_lossy(&merged.stderr);
        assert_eq!(merged.status.code(), Some(1), "{log}");
        assert_eq!(String::from_utf8_lossy(&merged.stdout), unsharded(&folder, command));
        assert!(folder.read(&format!("results/metrics/attune-{command}.prom")).contains("attune_targets 7\n"));
        let run = format!("results/{command}/29931245");
        assert!(folder.read(&format!("{run}/merged.md")).contains("clusters/3.toml"));
        assert!(folder.read(&format!("{run}/merged.json")).contains("attune.many/1"));

        fs::remove_file(folder.path(&format!("{run}/results/2.json"))).unwrap();
        let merged = pods.merge();
        assert_eq!(merged.status.code(), Some(1));
        let log = String::from_utf8_lossy(&merged.stderr);
        assert!(log.contains("Not all 4 shards have a result") && log.contains("there is no result of"), "{log}");
    }
}

/// `aws` with a folder as its store.
const AWS: &str = r#"#!/bin/sh
set -eu
at() { case $1 in s3://*) echo "$OBJECTS/${1#s3://}" ;; *) echo "$1" ;; esac; }
case "$1 $2" in
"s3api put-object")
  [ "$3 $5 $7 $9" = "--bucket --key --body --if-none-match" ]
  to=$OBJECTS/$4/$6
  mkdir -p "$(dirname "$to")"
  cp "$8" "$to.$HOSTNAME" && { ln "$to.$HOSTNAME" "$to" 2> /dev/null || lost=1; }
  rm "$to.$HOSTNAME"
  [ -z "${lost:-}" ] || { echo "An error occurred (PreconditionFailed) when calling the PutObject operation" >&2; exit 254; }
  exit
  ;;
"s3 ls") ls "$(at "$3")" ;;
"s3 cp")
  [ "$3" = --only-show-errors ]
  shift 3
  if [ "$1" = --recursive ]; then cp -R "$(at "$2")." "$(at "$3")"; exit; fi
  to=$(at "$2")
  mkdir -p "$(dirname "$to")"
  cp "$(at "$1")" "$to"
  ;;
*) exit 64 ;;
esac
"#;

#[test]
fn results_go_through_a_store_without_a_volume() {
    let folder = repository();
    folder.write("aws", AWS);
    fs::set_permissions(folder.path("aws"), fs::Permissions::from_mode(0o755)).unwrap();
    let pods = Pods { folder: &folder, command: "drift", store: true };
    let codes = pods.shards();
    assert_eq!(codes.iter().filter(|code| **code == 1).count(), 1, "{codes:?}");
    let merged = pods.merge();
    assert_eq!(merged.status.code(), Some(1), "{}", String::from_utf8_lossy(&merged.stderr));
    assert_eq!(String::from_utf8_lossy(&merged.stdout), unsharded(&folder, "drift"));
    assert!(folder.read("objects/results/metrics/attune-drift.prom").contains("attune_targets 7\n"));
    assert!(folder.read("objects/results/drift/29931245/merged.md").contains("clusters/3.toml"));
}

#[test]
fn a_proposal_is_planned_with_the_settings_of_the_default_branch_and_never_checked_for_drift() {
    let folder = repository();
    git(&folder, &["-C", "source", "checkout", "-q", "-b", "proposal"]);
    let stolen = folder.read("source/clusters/1.toml").replace("sim:1.json", "sim:2.json");
    folder.write("source/clusters/1.toml", &stolen);
    git(&folder, &["-C", "source", "commit", "-q", "-a", "-m", "steal"]);
    git(&folder, &["-C", "source", "checkout", "-q", "main"]);
    for (command, passes) in [("plan", true), ("drift", false)] {
        let script = format!("export REVISION=proposal\nsh {}", fleet().join("scripts/checkout").display());
        let mut shell = folder.shell(&script);
        for (name, path) in
            [("RESULTS", "results"), ("REPOSITORY", "source"), ("CHECKOUT", "co"), ("LOGINS", "secret/logins.toml")]
        {
            shell.env(name, folder.path(path));
        }
        shell.envs([("JOB_NAME", "attune-plan-1"), ("COMMAND", command), ("HOSTNAME", "pod")]);
        let ended = shell.output().unwrap();
        assert_eq!(ended.status.success(), passes, "{}", String::from_utf8_lossy(&ended.stderr));
    }
    let read = |name: &str| folder.read(&format!("results/plan/1/{name}"));
    assert_eq!(read("base"), git(&folder, &["-C", "source", "rev-parse", "main"]));
    assert_eq!(read("commit"), git(&folder, &["-C", "source", "rev-parse", "proposal"]));
}

/// All documents of the manifests; the patches of the overlay, too.
fn documents() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for path in files(&fleet(), ".yaml") {
        let text = fs::read_to_string(&path).unwrap();
        for document in text.split("\n---\n") {
            let value = serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            found.push((path.strip_prefix(fleet()).unwrap().display().to_string(), value));
        }
    }
    found
}

/// All objects in a document.
fn objects<'a>(value: &'a Value, found: &mut Vec<&'a serde_json::Map<String, Value>>) {
    match value {
        Value::Object(members) => {
            found.push(members);
            members.values().for_each(|value| objects(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_manifests_agree_about_the_shards_and_name_scripts_that_are_there() {
    let mut counts = Vec::new();
    let mut named = BTreeSet::new();
    for (name, document) in documents() {
        let mut all = Vec::new();
        objects(&document, &mut all);
        for object in all {
            if let Some(count) = object.get("completions") {
                counts.push(count.to_string());
                assert_eq!(object["completionMode"], "Indexed", "{name}");
                assert!(object["backoffLimitPerIndex"].is_u64() && !object.contains_key("maxFailedIndexes"), "{name}");
            }
            if let Some(sequence) = object.get("withSequence") {
                counts.push(sequence["count"].as_str().unwrap().to_owned());
            }
            if object.get("name").is_some_and(|of| of == "JOB_COMPLETIONS") {
                counts.push(object["value"].as_str().unwrap().to_owned());
            }
            if let Some(command) = object.get("command").and_then(Value::as_array) {
                assert_eq!((command.len(), &command[0]), (2, &Value::from("sh")), "{name}");
                named.insert(command[1].as_str().unwrap().to_owned());
            }
        }
    }
    assert_eq!(counts, vec!["16"; counts.len()]);
    assert_eq!(counts.len(), 10);
    let scripts = |folder: &str, mount: &str| -> Vec<String> {
        let names = files(&fleet().join(folder), "").into_iter().filter(|path| path.extension().is_none());
        names.map(|path| format!("{mount}/{}", path.file_name().unwrap().to_string_lossy())).collect()
    };
    let there = [scripts("scripts", "/scripts"), scripts("overlays/object-store/scripts", "/store")].concat();
    assert_eq!(named, there.iter().cloned().collect());
    let kustomizations =
        files(&fleet(), "kustomization.yaml").into_iter().map(|path| fs::read_to_string(path).unwrap());
    let lists: Vec<String> =
        kustomizations.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let listed: String = lists.iter().filter(|line| line.contains("files:")).map(String::as_str).collect();
    for script in there {
        let script = script.rsplit('/').next().unwrap();
        assert!(listed.split(&['[', ' ', '/', ',', ']']).any(|word| word == script), "{script}");
    }
}

#[test]
fn the_pods_are_hardened_and_no_secret_is_in_their_environment() {
    let (mut containers, mut pods) = (0, 0);
    for (name, document) in documents() {
        let mut all = Vec::new();
        objects(&document, &mut all);
        for object in all {
            if object.contains_key("command") && object.contains_key("env") {
                containers += 1;
                let context = &object["securityContext"];
                assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(context["capabilities"]["drop"][0], "ALL", "{name}");
                assert!(object["resources"]["limits"]["memory"].is_string(), "{name}");
                for variable in object["env"].as_array().unwrap() {
                    assert!(variable["valueFrom"]["secretKeyRef"].is_null(), "{name}: {variable}");
                    let variable = variable["name"].as_str().unwrap();
                    assert!(
                        !["PASSWORD", "TOKEN", "SECRET", "KEY"].iter().any(|word| variable.contains(word)),
                        "{name}"
                    );
                }
            }
            if object.get("restartPolicy").is_some_and(|policy| policy == "Never") || object.contains_key("entrypoint")
            {
                pods += 1;
                assert_eq!(object["automountServiceAccountToken"], false, "{name}");
                assert_eq!(object["securityContext"]["runAsNonRoot"], true, "{name}");
                assert_eq!(object["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{name}");
            }
            if object.contains_key("secretName") {
                let text = fs::read_to_string(fleet().join(&name)).unwrap();
                assert_eq!(text.matches("secretName: ").count(), text.matches("defaultMode: 0440\n").count(), "{name}");
            }
        }
    }
    assert_eq!((containers, pods), (20, 5));
}
