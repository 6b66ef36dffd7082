//! What an apply leaves behind: the way back, the journal, and a lock while it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::harness::Folder;

/// The names of the files in `.attune`, those whose names begin so.
pub(crate) fn left(folder: &Folder, prefix: &str) -> Vec<String> {
    let entries = fs::read_dir(folder.path(".attune")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    names
}

/// The policies of the tenant `Root`, and who holds what.
pub(crate) fn access(state: &Value) -> (Value, Vec<(String, Value)>) {
    let root = &state["tenants"]["Root"];
    let users = root["users"].as_object().unwrap();
    let held = users.iter().map(|(name, user)| (name.clone(), user["policy"].clone())).collect();
    (root["policies"].clone(), held)
}

#[test]
fn what_was_before_can_be_applied() {
    let folder = Folder::example("quickstart");
    let before = access(&folder.state());
    folder.attune("apply --yes").exits(0);
    assert_ne!(access(&folder.state()), before);
    let file = left(&folder, "before-").into_iter().find(|name| name.ends_with(".toml")).unwrap();
    folder.attune(&format!("validate --file .attune/{file}")).exits(0);
    folder.attune(&format!("apply --yes --file .attune/{file}")).exits(0).says("is as the file says");
    let after = access(&folder.state());
    let policies = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(policies(&after.0), policies(&before.0));
    assert_eq!(after.1, before.1);
    folder.attune(&format!("plan --detailed-exitcode --file .attune/{file}")).exits(0);
}

#[test]
fn what_no_rule_would_let_pass_can_be_brought_back_if_it_was_there() {
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
fn the_journal_tells_each_call_and_how_it_ended_and_is_for_its_owner_alone() {
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
fn an_apply_that_cannot_write_the_way_back_changes_nothing() {
    let folder = Folder::example("quickstart");
    folder.write("taken", "");
    let before = folder.state();
    folder.attune("apply --yes --state-dir taken").exits(1).warns("nothing was changed");
    assert_eq!(folder.state(), before);
}
