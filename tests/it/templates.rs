//! Variables: one configuration for several places.

use serde_json::Value;

use crate::base::{commit, git, plan, repository, with_git};
use crate::harness::Folder;

const CLUSTER: &str = r#"{"format": "attune.sim/1", "tenants": {"Root": {"users": {
    "admin": {"role": "ClusterAdmin", "password": "admin"}, "svc-prod": {}, "svc-dev": {}, "svc-a": {}, "svc-b": {}}}}}"#;

const ONE_POLICY: &str = r#"
[vars]
env = "prod"

[cluster]
endpoints = ["sim:cluster.json"]

[credentials]
file = true
dir  = "secrets"

[[policies.readers.statement]]
effect   = "Allow"
action   = "s3:GetObject"
resource = "arn:aws:s3:::{{env}}-data/*"

[users."svc-{{env}}"]
policy = "readers"
"#;

fn folder(configuration: &str) -> Folder {
    Folder::with(&[("attune.toml", configuration), ("cluster.json", CLUSTER)])
}

/// The names of the users that a plan changes.
fn users(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().unwrap();
    changes.iter().filter_map(|change| Some(change["user"].as_str()?.to_owned())).collect()
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let folder = folder(ONE_POLICY);
    let planned = |args: &str, variables: &[(&str, &str)]| {
        let plan = folder.attune_with(&format!("plan --format json {args}"), variables).exits(0).json();
        assert!(plan.to_string().contains(&users(&plan)[0].replace("svc-", "arn:aws:s3:::")), "{plan}");
        users(&plan)
    };
    let environment = [("ATTUNE_VAR_env", "dev")];
    assert_eq!(planned("", &[]), ["svc-prod"]);
    assert_eq!(planned("", &environment), ["svc-dev"]);
    assert_eq!(planned("--var env=a", &environment), ["svc-a"]);
    assert_eq!(planned("--var env=a --var env=b", &environment), ["svc-b"]);
    folder.attune("plan --var env").exits(1).warns("NAME=VALUE");
    folder.attune("plan --var evn=a").exits(1).warns("did you mean `env`?");
    folder.attune_with("plan", &[("ATTUNE_VAR_evn", "a")]).exits(0).warns("did you mean `env`?");
    folder.attune("history --var env=a").exits(1).warns("reads no configuration");
}

#[test]
fn a_plan_with_other_values_is_another_plan_and_its_command_has_them() {
    let folder = folder(ONE_POLICY);
    let planned = folder.attune_with("plan --format json", &[("ATTUNE_VAR_env", "dev")]).exits(0).json();
    let digest = planned["digest"].as_str().unwrap();
    let text = folder.attune_with("plan --format markdown", &[("ATTUNE_VAR_env", "dev")]).exits(0);
    let text = text.says(&format!("--approved {digest} --var env=dev"));
    assert!(!text.stdout.contains("svc-prod"));
    folder.attune(&format!("apply --yes --approved {digest}")).exits(4);
    folder.attune(&format!("apply --yes --approved {digest} --var env=dev")).exits(0);
    assert_eq!(folder.state()["tenants"]["Root"]["users"]["svc-dev"]["policy"], "readers");
}

#[test]
fn a_value_breaks_neither_a_document_nor_a_name() {
    for value in
        ["\"", "\\", "}", "{", "${aws:username}", "a,b", "a\nb", "\u{1b}[31m", "{{env}}", "a b", "*", "a/b", "?"]
    {
        let folder = folder(ONE_POLICY);
        let run = folder.attune_with("plan", &[("ATTUNE_VAR_env", value)]).exits(1);
        let run = run.warns("the value of ATTUNE_VAR_env for `env` has").warns("the cluster was not contacted");
        assert!(!run.stderr.contains('\u{1b}'), "{}", run.stderr);
    }
    // In a description, any text is a text.
    let described = ONE_POLICY.replace(
        "[vars]",
        "[vars]\nowner = \"\"\n[policies.other]\ndescription = \"of {{owner}}\"\nabsent = true\n[vars2]",
    );
    let folder = folder(&described.replace("[vars2]\nenv", "[vars.env]\nvalue"));
    for value in ["\"", "}}", "{{env}}", "${aws:username}", "a,b", "ü\u{202e}"] {
        folder.attune_with("validate", &[("ATTUNE_VAR_owner", value)]).exits(0);
    }
}

#[test]
fn settings_have_the_variables_of_the_base_and_a_changed_one_is_a_changed_setting() {
    let folder = repository();
    let agreed = folder.read("live/attune.toml");
    let with = |team: &str| {
        let owned = agreed.replace("[cluster]", &format!("[vars]\nteam = \"{team}\"\n\n[cluster]"));
        folder.write("live/attune.toml", &owned.replace("\"svc-*\"", "\"svc-{{team}}*\""));
    };
    with("new");
    git(&folder, &["add", "-A"]);
    commit(&folder);
    with("n");
    let proposed = plan(&folder, "--base main --format json").exits(0).json();
    let settings = proposed["review"]["settings"].as_array().unwrap();
    assert_eq!(settings.len(), 1, "{settings:?}");
    assert_eq!(settings[0]["name"], "ownership.users");
    assert_eq!(settings[0]["before"], "[\"svc-new*\"]");
    assert_eq!(settings[0]["after"], "[\"svc-n*\"]");
    let proposed_digest = proposed["digest"].clone();
    with("new");
    let unchanged = plan(&folder, "--base main --format json").exits(0).json();
    assert!(unchanged["review"].is_null());
    assert_eq!(proposed_digest, unchanged["digest"], "the base has the settings of both");
    let without = plan(&folder, "--format json").exits(0).json();
    with("n");
    assert_ne!(plan(&folder, "--format json").exits(0).json()["digest"], without["digest"]);
    // A value of the command line is one of both revisions.
    let both = plan(&folder, "--base main --var team=x --format json").exits(0).json();
    assert!(both["review"].is_null(), "{}", both["review"]);
    // A variable that the base lacks is no reason to distrust it.
    folder.write("live/attune.toml", &folder.read("live/attune.toml").replace("[vars]", "[vars]\nkind = \"a\""));
    let both = with_git(&folder, "plan --file live/attune.toml --base main --var kind=b");
    both.exits(0).warns("no placeholder uses the variable `kind`");
}
