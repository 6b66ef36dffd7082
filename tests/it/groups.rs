//! Groups: from 6.0 they can have policies, and only the `weka` command reports and changes them.

use serde_json::{Value, json};

use super::harness::{Folder, allowing};
use super::rollback_file::left;
use super::weka::{example, face};

/// A cluster of 6.0 behind the `weka` command whose groups have these policies, with this text after `[cluster]`.
fn world(groups: &Value, file: &str) -> Folder {
    let folder = Folder::with(&[("attune.toml", &format!("[cluster]\nvia = \"weka\"\n{file}"))]);
    let document = |bucket: &str| json!({"document": allowing("s3:GetObject", &format!("arn:aws:s3:::{bucket}/*"))});
    let state = json!({"format": "attune.sim/1", "release": "6.0.1", "tenants": {"Root": {
        "users": {"admin": {"role": "ClusterAdmin", "password": "admin"}, "alice": {"policy": "ml"}},
        "policies": {"ml": document("models"), "web": document("web")},
        "groups": groups,
    }}});
    folder.write("cluster.json", &state.to_string());
    face(&folder);
    folder
}

fn groups(folder: &Folder) -> Value {
    folder.tenant()["groups"].clone()
}

const ML: &str = "[policies.ml]\nstatement = [{ effect = \"Allow\", action = \"s3:PutObject\", resource = \"arn:aws:s3:::models/*\" }]\n";

#[test]
fn groups_are_attached_moved_detached_and_rolled_back() {
    let before = json!({"b": "web", "c": "web", "d": "ml", "other": "web"});
    let folder = world(
        &before,
        "[groups.a]\npolicy = \"ml\"\n[groups.b]\npolicy = \"ml\"\n[groups.c]\ndetached = true\n[groups.d]\npolicy = \"ml\"\n",
    );
    let plan = folder.attune("plan").exits(0);
    for line in
        ["+ group a   attach ml", "> group b   web → ml", "- group c   detach web", "\n    group a and group b\n"]
    {
        assert!(plan.stdout.contains(line), "{line}: {}", plan.stdout);
    }
    assert!(!plan.stdout.contains("key pair"), "{}", plan.stdout);
    let steps = folder.attune("plan --format json").exits(0).json()["steps"].clone();
    assert!(steps.as_array().unwrap().iter().any(|step| step["group"] == "a" && step.get("user").is_none()), "{steps}");
    folder.attune("apply --yes").exits(0);
    assert_eq!(groups(&folder), json!({"a": "ml", "b": "ml", "d": "ml", "other": "web"}));
    folder.attune("plan --detailed-exitcode").exits(0).says("2 policies, 1 user, 1 group");
    let back = left(&folder, "before-").into_iter().find(|name| name.ends_with(".toml")).unwrap();
    folder.attune(&format!("apply --yes --file .attune/{back}")).exits(0);
    assert_eq!(groups(&folder), before);
}

#[test]
fn a_policy_of_an_unmanaged_group_is_swapped_for_it_and_not_removed() {
    let folder = world(&json!({"etl": "ml"}), ML);
    folder.attune("plan").exits(0).says("alice (unmanaged) and group etl (unmanaged)");
    folder.attune("apply --yes").exits(0);
    assert_eq!(groups(&folder), json!({"etl": "ml"}));
    folder.attune("plan --detailed-exitcode").exits(0);

    let folder = world(&json!({"etl": "web"}), "[policies.web]\nabsent = true\n");
    let before = folder.state();
    let refused = folder.attune("apply --yes").exits(1);
    for part in [
        "policy `web` is to be removed, but group `etl`, which is unmanaged, has it",
        "declare `[groups.etl]` with another policy or `detached = true`, or let `[ownership] groups` cover it",
    ] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    assert_eq!(folder.state(), before);
    folder.write("attune.toml", &format!("{}[ownership]\ngroups = [\"e*\"]\n", folder.read("attune.toml")));
    folder.attune("apply --yes").exits(0);
    assert_eq!(groups(&folder), Value::Null);
}

#[test]
fn groups_have_guards_of_their_own() {
    let file = "[guards]\nprotected_groups = [\"etl\"]\nprotected_users = [\"*\"]\nmax_detached = 0\ndeny_new_access = true\n\
                [groups.etl]\ndetached = true\n[groups.web]\npolicy = \"web\"\n";
    let folder = world(&json!({"etl": "ml"}), file);
    let plan = folder.attune("plan").exits(3);
    for part in [
        "group `etl` is protected by `[guards]` and would be detached from `ml`",
        "--override protected_groups=etl",
        "1 group would be left without access: `group/etl`; at most 0 may be",
        "group `web` would gain s3:GetObject on arn:aws:s3:::web/*",
        "--allow-access 'group/web:s3:GetObject:web/*'",
    ] {
        assert!(plan.stdout.contains(part), "{part}: {}", plan.stdout);
    }
    folder.attune("apply --yes").exits(3);
    let agreed =
        "apply --yes --override protected_groups=etl --override max_detached=1 --allow-access group/web:s3:*:web/*";
    folder.attune(agreed).exits(0);
    assert_eq!(groups(&folder), json!({"web": "web"}));
}

#[test]
fn the_access_of_a_group_can_be_queried() {
    let folder = world(&json!({"etl": "web"}), "[groups.etl]\npolicy = \"web\"\n");
    let ask = "access group/etl s3:GetObject arn:aws:s3:::web/x --observed";
    folder.attune(ask).exits(0).says("group etl has web");
    let who = folder.attune("access --who s3:GetObject arn:aws:s3:::web/x --observed --format json").exits(0).json();
    assert_eq!(who["principals"][0]["group"], "etl");
    assert!(folder.attune("access group/elt --observed").exits(1).stderr.contains("did you mean `group/etl`?"));
}

#[test]
fn groups_are_refused_with_a_reason_if_the_cluster_does_not_report_them() {
    let folder = world(&json!({}), "[groups.etl]\npolicy = \"ml\"\n");
    let file = folder.read("attune.toml");
    folder.write("attune.toml", &file.replace("via = \"weka\"", "endpoints = [\"sim:cluster.json\"]"));
    let refused = folder.attune("plan").exits(1);
    assert!(
        refused.stderr.contains("over REST, WEKA 6.0.1 does not report the policies of groups"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("via = \"weka\""), "{}", refused.stderr);
    // Before 6.0 there are no groups and no request for them; if the configured release is wrong, the command says so.
    let older = example("5.1", true);
    older.write(
        "attune.toml",
        &older.read("attune.toml").replace("via = \"weka\"", "via = \"weka\"\nrelease = \"6.0\""),
    );
    older.attune("apply --yes").exits(0);
    older.attune("plan --detailed-exitcode").exits(0);
}

#[test]
fn groups_are_imported_and_the_plan_of_that_is_empty() {
    let folder = world(&json!({"etl": "web", "ops": "readonly"}), "");
    let out = folder.attune("import --out new --format json").exits(0).json();
    assert_eq!(out["groups"], json!([{"name": "etl", "policy": "web"}, {"name": "ops", "policy": "readonly"}]));
    folder.attune("plan --detailed-exitcode --file new/attune.toml").exits(0).says("2 policies, 1 user and 2 groups");
    folder.attune("import --out some --groups e*").exits(0).says("1 policy, 0 users, 1 group");
    assert!(folder.read("some/attune.toml").contains("[groups]\netl = \"web\"\n"));
}
