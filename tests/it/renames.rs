//! `renamed_from`, through the binary: the rename, its rollback, drift, `--base`, and `validate --fix`.

use serde_json::{Value, json};

use crate::base::{commit, git, with_git};
use crate::harness::{Folder, allowing};

const STATEMENT: &str =
    "statement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"arn:aws:s3:::reports/*\" }]\n";

const SETTINGS: &str = "[cluster]\nendpoints = [\"sim:cluster.json\"]\n\n[guards]\nmax_removals = 5\n\n";

fn declaring(policy: &str, key: &str, user: &str) -> String {
    format!("{SETTINGS}[policies.{policy}]\n{key}{STATEMENT}\n[users.alice]\npolicy = \"{user}\"\n")
}

fn old() -> String {
    declaring("bi-readers", "", "bi-readers")
}

fn renamed() -> String {
    declaring("analytics-readers", "# Since May.\nrenamed_from = \"bi-readers\"   # CHG-4711\n", "analytics-readers")
}

/// A cluster with `bi-readers`, which alice has, and zoe, whom nobody declares.
fn folder(configuration: &str) -> Folder {
    let document = allowing("s3:GetObject", "arn:aws:s3:::reports/*");
    let keys = |at: u8| json!({"access_key": format!("0AKIA{at:015}"), "secret_key": format!("{at:040}")});
    let state = json!({"format": "attune.sim/1", "tenants": {"Root": {
        "users": {"admin": {"role": "ClusterAdmin", "password": "admin"},
            "alice": {"policy": "bi-readers", "keys": keys(1)}, "zoe": {"policy": "bi-readers", "keys": keys(2)}},
        "policies": {"bi-readers": {"document": document}}}}});
    Folder::with(&[("attune.toml", configuration), ("cluster.json", &state.to_string())])
}

/// The policies of the cluster, and what alice and zoe have.
fn cluster(folder: &Folder) -> (Vec<String>, [Value; 2]) {
    let tenant = folder.tenant();
    let policies = tenant["policies"].as_object().unwrap().keys().cloned().collect();
    (policies, ["alice", "zoe"].map(|user| tenant["users"][user]["policy"].clone()))
}

#[test]
fn a_rename_moves_everyone_and_is_rolled_back() {
    let folder = folder(&renamed());
    let plan = folder.attune("plan --detailed-exitcode").exits(2);
    plan.says("renamed from bi-readers without interruption for 2 users").says("zoe (unmanaged)").says("1 to rename ·");
    folder.attune("apply --yes").exits(0);
    assert_eq!(
        cluster(&folder),
        (vec!["analytics-readers".into()], ["analytics-readers", "analytics-readers"].map(Value::from))
    );
    let done = folder.attune("plan --detailed-exitcode").exits(0);
    let done = done.says("no changes");
    assert!(done.stderr.contains("note[rename-without-effect]"), "{}", done.stderr);
    let back = std::fs::read_dir(folder.path(".attune"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let back = back.into_iter().find(|name| name.starts_with("before-") && name.ends_with(".toml")).unwrap();
    folder.attune(&format!("apply --yes --file .attune/{back}")).exits(0);
    assert_eq!(cluster(&folder), (vec!["bi-readers".into()], ["bi-readers", "bi-readers"].map(Value::from)));
}

#[test]
fn every_format_says_renamed_and_counts_no_removal() {
    let folder = folder(&renamed());
    let json = folder.attune("plan --format json").exits(0).json();
    let change = &json["changes"][0];
    let [kind, policy, from] = ["kind", "policy", "renamed_from"].map(|member| change[member].as_str().unwrap());
    assert_eq!((kind, policy, from), ("rename_policy", "analytics-readers", "bi-readers"));
    let of = |member: &str| json["summary"][member].as_u64().unwrap();
    assert_eq!((of("rename"), of("add"), of("remove"), of("move")), (1, 0, 0, 0));
    folder
        .attune("plan --format markdown")
        .exits(0)
        .says("**Renamed: 1 policy**")
        .says("renamed from <code>bi-readers</code>");
    folder.attune("plan --format html").exits(0).says("rename policy").says("renamed from bi-readers");
    folder.attune("plan --out plan.json --quiet").exits(0);
    folder.attune("show plan.json").exits(0).says("renamed from bi-readers without interruption for 2 users");
}

#[test]
fn drift_names_a_rename_that_is_not_applied() {
    let folder = folder(&renamed());
    let drift = folder.attune("drift").exits(2);
    drift.says("policy analytics-readers   still has its old name bi-readers");
    let json = folder.attune("drift --format json").exits(2).json();
    assert_eq!(json["drift"][0]["kind"], "policy_renamed");
    assert_eq!(json["drift"][0]["renamed_from"], "bi-readers");
}

#[test]
fn fix_removes_a_rename_only_when_the_cluster_no_longer_has_the_old_name() {
    let folder = folder(&renamed());
    let fix = |folder: &Folder| {
        folder.attune("snapshot --out s.json").exits(0);
        folder.attune("validate --fix --snapshot s.json").exits(0)
    };
    fix(&folder);
    folder.attune("validate --fix").exits(0);
    assert_eq!(folder.read("attune.toml"), renamed());
    folder.attune("apply --yes").exits(0);
    let fixed = fix(&folder);
    assert!(fixed.stderr.contains("fixed attune.toml:9: renamed_from = \"bi-readers\""), "{}", fixed.stderr);
    let expected = declaring("analytics-readers", "# Since May.\n# CHG-4711\n", "analytics-readers");
    assert_eq!(folder.read("attune.toml"), expected);
    let plan = folder.attune("plan --detailed-exitcode").exits(0);
    assert!(!plan.stderr.contains("rename"), "{}", plan.stderr);
}

#[test]
fn a_rename_of_a_policy_of_the_base_is_no_removal() {
    let folder = folder(&old().replace("max_removals = 5", "max_removals = 0"));
    folder.write(".gitignore", "*.lock\n.attune\n");
    git(&folder, &["init", "-q", "-b", "main"]);
    commit(&folder);
    folder.write("attune.toml", &renamed());
    let plan = with_git(&folder, "plan --base main").exits(0);
    plan.says("no longer declared, compared with main: 1").says("policy bi-readers   renamed to analytics-readers");
    let json = with_git(&folder, "plan --base main --format json").exits(0).json();
    assert_eq!(json["review"]["undeclared"][0]["renamed_to"], "analytics-readers");
    assert_eq!(json["base"]["proposed"][0]["kind"], "rename_policy");
    assert_eq!(json["base"]["drift"], json!([]));
    // Nobody trusted says that the old name is of this configuration.
    folder.write("attune.toml", &renamed().replace("max_removals = 5", "max_removals = 0"));
    let refused = folder.attune("plan").exits(3);
    refused.says("1 policy would be removed: `bi-readers`");
}
