//! The files of an apply: the rollback file, the journal, and a lock while it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::harness::{Folder, Run, root};

/// The names of the files in `.attune` with this prefix.
pub(crate) fn left(folder: &Folder, prefix: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.path(".attune")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    names
}

/// The policies and attachments of the tenant `Root`.
pub(crate) fn access(state: &Value) -> (Value, Vec<(String, Value)>) {
    let root = &state["tenants"]["Root"];
    let users = root["users"].as_object().unwrap();
    let attached = users.iter().map(|(name, user)| (name.clone(), user["policy"].clone())).collect();
    (root["policies"].clone(), attached)
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_rollback_file_restores_the_state_before() {
    let folder = Folder::example("quickstart");
    let before = access(&folder.state());
    folder.attune("apply --yes").exits(0);
    assert_ne!(access(&folder.state()), before);
    let file = left(&folder, "before-").into_iter().find(|name| name.ends_with(".toml")).unwrap();
    folder.attune(&format!("validate --file .attune/{file}")).exits(0);
    folder.attune(&format!("apply --yes --file .attune/{file}")).exits(0).says("matches the configuration");
    let after = access(&folder.state());
    let policies = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(policies(&after.0), policies(&before.0));
    assert_eq!(after.1, before.1);
    folder.attune(&format!("plan --detailed-exitcode --file .attune/{file}")).exits(0);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_rollback_file_restores_the_policies_of_buckets() {
    let folder = Folder::copy_of(&root().join("tests/golden/bucket-policies"));
    let buckets = |folder: &Folder| folder.tenant()["buckets"].clone();
    let policies = |all: Value| {
        let all = all.as_object().unwrap().iter();
        // A bucket without a policy has `none`, written or not.
        let policy = |bucket: &Value| bucket.get("policy").cloned().unwrap_or_else(|| "none".into());
        all.map(|(name, bucket)| (name.clone(), policy(bucket))).collect::<Vec<_>>()
    };
    let before = policies(buckets(&folder));
    folder.attune("apply --yes").exits(0).says("5 API calls: 5 done");
    assert_ne!(policies(buckets(&folder)), before);
    let file = left(&folder, "before-").into_iter().find(|name| name.ends_with(".toml")).unwrap();
    folder.attune(&format!("validate --file .attune/{file}")).exits(0);
    folder.attune(&format!("apply --yes --file .attune/{file}")).exits(0).says("matches the configuration");
    assert_eq!(policies(buckets(&folder)), before);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_rollback_may_restore_a_document_that_the_lint_refuses() {
    let folder = Folder::with(&[
        (
            "cluster.json",
            r#"{"tenants":{"Root":{"users":{"u":{"policy":"p"}},"policies":{"p":{"document":
                {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObjekt"],"Resource":["arn:aws:s3:::b"]}]}}}}}}"#,
        ),
        (
            "attune.toml",
            "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[credentials]\nfile = true\ndir = \"secrets\"\n\
             [[policies.p.statement]]\neffect = \"Allow\"\naction = \"s3:GetObject\"\nresource = \"arn:aws:s3:::b/*\"\n",
        ),
    ]);
    folder.attune("apply --yes").exits(0);
    let file = left(&folder, "before-").into_iter().find(|name| name.ends_with(".toml")).unwrap();
    folder.attune(&format!("apply --yes --file .attune/{file}")).exits(0);
    assert!(folder.read("cluster.json").contains("GetObjekt"));
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_journal_has_each_call_with_its_result_and_is_private() {
    let folder = Folder::example("quickstart");
    let calls = folder.attune("plan --format json").exits(0).json()["steps"].as_array().unwrap().len();
    folder.attune("apply --yes").exits(0);
    let journal = left(&folder, "journal-").remove(0);
    let text = folder.read(&format!(".attune/{journal}"));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events = |kind: &str| lines.iter().filter(|line| line["event"] == kind).count();
    assert_eq!((events("begun"), events("started"), events("ended"), events("over")), (1, calls, calls, 1));
    assert!(lines.iter().all(|line| line["event"] != "ended" || line["outcome"]["status"] == "done"), "{text}");
    for name in left(&folder, "") {
        let mode = fs::metadata(folder.path(&format!(".attune/{name}"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} has mode {mode:o}");
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn two_applies_from_one_directory_do_not_run_at_once() {
    let folder = Folder::example("quickstart");
    folder.attune("apply --yes").exits(0);
    folder.drift(|root| root["users"]["alice"]["policy"] = "readonly".into());
    let lock = fs::File::open(folder.path(&format!(".attune/{}", left(&folder, "lock-")[0]))).unwrap();
    lock.lock().unwrap();
    let before = folder.state();
    folder.attune("apply --yes").exits(1).warns("another apply to cluster");
    assert_eq!(folder.state(), before);
    drop(lock);
    folder.attune("apply --yes").exits(0);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_apply_that_cannot_write_the_rollback_file_changes_nothing() {
    let folder = Folder::example("quickstart");
    folder.write("taken", "");
    let before = folder.state();
    folder.attune("apply --yes --state-dir taken").exits(1).warns("nothing was changed");
    assert_eq!(folder.state(), before);
}

/// The command that an apply prints, run by a shell in the directory of the apply.
fn rolled_back(folder: &Folder, applied: &Run) -> Run {
    let line = applied.stdout.lines().find_map(|line| line.strip_prefix("to roll back: "));
    let line = line.unwrap_or_else(|| panic!("no command in {}{}", applied.stdout, applied.stderr));
    Run::of(line, &folder.shell(line).output().unwrap())
}

const ODD: [&str; 4] = ["o'b; touch pwned", "a \"b\" $(touch pwned)", "-rf", "é #x"];

/// Users with odd names, some with a policy, and a configuration that changes all of that.
fn odd_folder(credentials: &str) -> Folder {
    let folder = Folder::new();
    let mut users = serde_json::json!({ "admin": { "role": "ClusterAdmin", "password": "admin" } });
    let mut file = format!(
        "[cluster]\nendpoints = [\"sim:cluster.json\"]\n{credentials}[[policies.new.statement]]\neffect = \"Allow\"\n\
         action = \"s3:GetObject\"\nresource = \"arn:aws:s3:::b/*\"\n"
    );
    for (at, name) in ODD.iter().enumerate() {
        users[*name] = serde_json::json!({ "role": "S3", "policy": "readonly" });
        let intent = if at % 2 == 0 { "detached = true" } else { "policy = \"new\"" };
        file += &format!("[users.{}]\n{intent}\n", toml::Value::from(*name));
    }
    folder.write(
        "cluster.json",
        &serde_json::json!({ "release": "5.1.2", "tenants": { "Root": { "users": users } } }).to_string(),
    );
    folder.write("attune.toml", &file);
    folder
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_printed_rollback_command_works_as_printed_with_and_without_a_destination() {
    for credentials in ["", "[credentials]\nfile = true\ndir = \"secrets\"\n"] {
        for dir in [".attune", "my state's \"dir\"", "-state"] {
            let folder = odd_folder(credentials);
            let before = access(&folder.state());
            let state_dir = format!("--state-dir={dir}");
            let output = folder.command(["apply", "--yes", &state_dir]).output().unwrap();
            let applied = Run::of("apply", &output).exits(0);
            assert_ne!(access(&folder.state()), before);
            rolled_back(&folder, &applied).exits(0).says("matches the configuration");
            let after = access(&folder.state());
            assert_eq!(after.1, before.1, "{dir}");
            assert!(!folder.path("pwned").exists());
        }
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_rollback_goes_to_the_cluster_that_the_command_line_named() {
    let folder = odd_folder("");
    fs::rename(folder.path("cluster.json"), folder.path("other cluster.json")).unwrap();
    let before = folder.read("other cluster.json");
    let output = folder.command(["apply", "--yes", "--cluster", "sim:other cluster.json"]).output().unwrap();
    let applied = Run::of("apply", &output).exits(0);
    rolled_back(&folder, &applied).exits(0);
    let state = |text: &str| access(&serde_json::from_str(text).unwrap()).1;
    assert_eq!(state(&folder.read("other cluster.json")), state(&before));
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn an_impossible_rollback_has_no_file_and_a_stated_reason() {
    let folder = Folder::with(&[
        (
            "cluster.json",
            r#"{"release":"5.1.2","tenants":{"Root":{"users":{"admin":{"role":"ClusterAdmin","password":"admin"},"u":{"role":"S3","policy":"readonly,writeonly"}}}}}"#,
        ),
        ("attune.toml", "[cluster]\nendpoints = [\"sim:cluster.json\"]\n[users.u]\ndetached = true\n"),
    ]);
    let run = folder.attune("apply --yes").exits(0).warns("nothing can be rolled back").warns("readonly,writeonly");
    assert!(!run.stdout.contains("to roll back"), "{}", run.stdout);
    assert_eq!(left(&folder, "before-"), Vec::<String>::new());
}
