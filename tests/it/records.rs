//! Several records of one name: a user of two directories, or an answer that is wrong.

use serde_json::json;

use super::harness::{Folder, allowing};
use super::weka::face;

const ML: &str = "[policies.ml]\nstatement = [{ effect = \"Allow\", action = \"s3:PutObject\", resource = \"arn:aws:s3:::models/*\" }]\n";

/// A cluster with these lists, at which alice has `ml` and bob nothing, and this configuration.
fn world(lists: &str, release: &str, configuration: &str) -> Folder {
    let document = json!({"document": allowing("s3:GetObject", "arn:aws:s3:::models/*")});
    let state = json!({"format": "attune.sim/1", "release": release, "switches": {"lists": lists}, "tenants": {"Root": {
        "users": {"admin": {"role": "ClusterAdmin", "password": "admin"}, "alice": {"policy": "ml"}, "bob": {}},
        "policies": {"ml": document, "web": document},
    }}});
    let folder = Folder::with(&[
        ("cluster.json", &state.to_string()),
        ("attune.toml", &format!("[cluster]\nendpoints = [\"sim:cluster.json\"]\n{configuration}")),
        ("weka.toml", &format!("[cluster]\nvia = \"weka\"\n{configuration}")),
    ]);
    face(&folder);
    folder
}

#[test]
fn a_plan_that_depends_on_a_user_with_two_records_is_blocked_and_others_are_warned_of() {
    let of_alice = "2 records of user `alice` (Internal, role S3, `ml`; LDAP, role S3, no policy)";
    for (configuration, is_error) in [
        ("[users.alice]\npolicy = \"web\"\n", true),
        ("[users.alice]\npolicy = \"ml\"\n", true),
        ("[users.alice]\ndetached = true\n", true),
        ("[ownership]\nusers = [\"al*\"]\n", true),
        (ML, true),
        ("[policies.web]\nabsent = true\n", false),
    ] {
        for (release, file) in [("4.4", "attune.toml"), ("5.1", "weka.toml")] {
            let folder = world("users_twice", release, configuration);
            let before = folder.state();
            let plan = folder.attune(&format!("plan --file {file}")).exits(i32::from(is_error));
            let severity = if is_error { "error" } else { "warning" };
            let plan = plan.warns(&format!("{severity}[several-records]: {of_alice}"));
            assert!(plan.stderr.contains("warning[several-records]: 2 records of user `bob`"), "{}", plan.stderr);
            if is_error {
                folder.attune(&format!("apply --yes --file {file}")).exits(1);
                assert_eq!(folder.state(), before, "{configuration}");
            }
        }
    }
}

#[test]
fn drift_of_a_user_with_two_records_is_unknown() {
    let folder = world("users_twice", "5.1", "[users.alice]\npolicy = \"ml\"\n");
    folder.attune("drift").exits(1).warns("error[several-records]: 2 records of user `alice`");
}

#[test]
fn a_policy_that_is_listed_twice_is_not_changed() {
    for file in ["attune.toml", "weka.toml"] {
        let folder = world("policies_twice", "5.1", ML);
        let plan = folder.attune(&format!("plan --file {file}")).exits(1);
        plan.warns("error[several-records]: the cluster lists policy `ml` 2 times")
            .warns("warning[several-records]: the cluster lists policy `web` 2 times");
    }
}

#[test]
fn an_import_omits_users_with_several_records_and_doctor_names_them() {
    let folder = world("users_twice", "5.1", "");
    folder
        .attune("import --cluster sim:cluster.json --out imported")
        .exits(0)
        .warns("warning[several-records]: 2 records of user `alice`");
    assert!(!folder.read("imported/attune.toml").contains("alice"));
    folder
        .attune("doctor")
        .exits(2)
        .says("2 records of user `bob` (Internal, role S3, no policy; LDAP, role S3, no policy)");
}
