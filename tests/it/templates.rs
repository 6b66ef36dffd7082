//! Variables and templates, and the flat configuration that they stand for.

use std::path::Path;

use attune::desired::{self, Boundary, Overrides};
use proptest::prelude::*;
use serde_json::Value;

use crate::base::{commit, git, plan, repository, with_git};
use crate::harness::{Folder, folders, root};

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
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
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
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_plan_with_other_values_is_another_plan_and_its_command_has_them() {
    let folder = folder(ONE_POLICY);
    let planned = folder.attune_with("plan --format json", &[("ATTUNE_VAR_env", "dev")]).exits(0).json();
    let digest = planned["digest"].as_str().unwrap();
    let text = folder.attune_with("plan --format markdown", &[("ATTUNE_VAR_env", "dev")]).exits(0);
    let text = text.says(&format!("--approved {digest} --var env=dev"));
    assert!(!text.stdout.contains("svc-prod"));
    folder.attune(&format!("apply --approved {digest}")).exits(4);
    folder.attune(&format!("apply --approved {digest} --var env=dev")).exits(0);
    assert_eq!(folder.tenant()["users"]["svc-dev"]["policy"], "readers");
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
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
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

/// A configuration without errors, written flat.
fn flat(path: &Path) -> Option<String> {
    let (loaded, text) = desired::expand(path, Boundary::Repository, &Overrides::default()).ok()?;
    (!loaded.has_errors()).then_some(text)
}

/// A plan without its findings, whose places are in files.
fn without_findings(mut plan: Value) -> Value {
    plan.as_object_mut().unwrap().remove("findings");
    plan
}

#[test]
fn a_flat_configuration_has_the_same_plan_and_is_its_own_flat_configuration() {
    let (mut expanded, mut compared) = (0, 0);
    let parents = ["tests/golden", "examples"].map(|parent| folders(&root().join(parent)));
    for case in parents.into_iter().flatten().filter(|case| case.join("attune.toml").exists()) {
        let folder = Folder::copy_of(&case);
        let Some(text) = flat(&folder.path("attune.toml")) else { continue };
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let planned = |folder: &Folder| {
            let [text, json] = ["text", "json"].map(|format| folder.attune(&format!("plan --format {format}")));
            (text.stdout, json.code, serde_json::from_str(&json.stdout).map(without_findings).ok())
        };
        let has_plan =
            ["templates", "variables", "includes", "every-kind-of-change", "ownership"].contains(&name.as_str());
        let before = has_plan.then(|| planned(&folder));
        folder.write("attune.toml", &text);
        expanded += 1;
        assert_eq!(flat(&folder.path("attune.toml")).as_deref(), Some(text.as_str()), "{name}");
        if let Some(before) = before {
            compared += 1;
            assert_eq!(planned(&folder), before, "{name}:\n{text}");
        }
    }
    assert!(expanded > 50 && compared == 5, "{expanded} {compared}");
}

#[test]
fn a_flat_configuration_names_the_template_and_the_row() {
    let folder = Folder::copy_of(&root().join("tests/golden/templates"));
    let printed = folder.attune("expand").exits(0);
    let path = folder.path("tests.toml");
    folder.attune(&format!("expand --out {}", path.display())).exits(0);
    assert_eq!(folder.read("tests.toml"), printed.stdout);
    for part in [
        "# row `ml` of `[tables.team]` (line 6), in the template `[policies.\"{{team}}-rw\"]` (attune.toml:20)\n[policies.ml-rw]\n",
        "# row 3 of `each` (line 34), in the template `[users.\"svc-{{team}}-{{kind}}\"]` (attune.toml:33)\n[users.svc-bio-rw]\n",
        "# Nobody else.\n[users.bob]\n",
        "description = \"bio writes to genomes\"",
        "\"arn:aws:s3:::prod-genomes/*\"",
        "\"arn:aws:s3:::home/${aws:username}/*\"",
    ] {
        assert!(printed.stdout.contains(part), "no {part} in\n{}", printed.stdout);
    }
    assert!(printed.stdout.lines().all(|line| !line.contains("{{") || line.starts_with('#')));
    folder.attune("expand --var none=1").exits(1).warns("names no variable");
}

#[test]
fn a_document_that_no_statements_express_keeps_a_row_with_its_values() {
    let document = r#"{"Version": "2008-10-17", "Id": "{{team}}", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{{env}}-{{bucket}}"}]}"#;
    let folder = Folder::with(&[
        (
            "attune.toml",
            "[vars]\nenv = \"prod\"\n[tables.team]\ncolumns = { bucket = { pattern = true } }\nml = { bucket = \"a/*\" }\n\
             [cluster]\nendpoints = [\"sim:cluster.json\"]\n[policies.\"{{team}}-{{{{x\"]\neach = \"team\"\ndocument = \"d.json\"\n",
        ),
        ("d.json", document),
        ("cluster.json", CLUSTER),
    ]);
    let before = folder.attune("plan --format json").json();
    let text = folder.attune("expand").exits(0).stdout;
    assert!(text.contains("value = \"a/*\", pattern = true"), "{text}");
    folder.write("attune.toml", &text);
    assert_eq!(folder.attune("expand").exits(0).stdout, text);
    assert_eq!(without_findings(folder.attune("plan --format json").json()), without_findings(before), "{text}");
}

/// The texts that a template is made of: placeholders, and texts that must stay as they are.
const PIECES: [&str; 12] =
    ["{{team}}", "{{kind}}", "{{env}}", "${aws:username}", "\"", "}}", "{ ", "é", "\\", "#", "'", "{{{{team}}"];

fn template() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..5).prop_map(|pieces| pieces.join(""))
}

/// A text as a row makes it.
fn made(template: &str, row: &[(&str, &str)]) -> String {
    let mut text = template.replace("{{{{", "\u{1}");
    for (name, value) in row {
        text = text.replace(&format!("{{{{{name}}}}}"), value);
    }
    text.replace('\u{1}', "{{")
}

/// The entries of a policy and a user.
fn entries(name: &str, resource: &str, about: &str) -> [(String, toml::Table); 2] {
    let statement = toml::Table::from_iter([
        ("effect".to_owned(), "Allow".into()),
        ("action".to_owned(), toml::Value::from(vec!["s3:GetObject"])),
        ("resource".to_owned(), toml::Value::from(vec![format!("arn:aws:s3:::{resource}")])),
    ]);
    let policy = [("description".to_owned(), about.into()), ("statement".to_owned(), vec![statement].into())];
    let user = [("policy".to_owned(), name.into())];
    [(format!("p-{name}"), toml::Table::from_iter(policy)), (format!("u-{name}"), toml::Table::from_iter(user))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_configuration_that_is_folded_into_templates_expands_to_itself(
        resources in proptest::collection::vec((template(), template()), 1..4),
        teams in proptest::collection::btree_set("[a-z][a-z0-9._-]{0,5}", 1..4),
        kinds in proptest::collection::btree_set("[a-zé]{1,3}", 1..3),
        env in "[a-z]{0,4}",
    ) {
        let rows: Vec<[(&str, &str); 3]> = teams
            .iter()
            .flat_map(|team| kinds.iter().map(|kind| [("team", team.as_str()), ("kind", kind.as_str()), ("env", env.as_str())]))
            .collect();
        let (mut folded, mut flat) = (toml::Table::new(), toml::Table::new());
        let section = |of: &mut toml::Table, section: &str, (name, entry): (String, toml::Table)| {
            let table = of.entry(section).or_insert_with(|| toml::Table::new().into());
            table.as_table_mut().unwrap().insert(name, entry.into());
        };
        folded.insert("vars".into(), toml::Table::from_iter([("env".to_owned(), env.clone().into())]).into());
        let cells = |row: &[(&str, &str); 3]| -> toml::Value {
            toml::Table::from_iter(row[..2].iter().map(|(name, value)| ((*name).to_owned(), (*value).into()))).into()
        };
        for (at, (resource, about)) in resources.iter().enumerate() {
            let [mut policy, mut user] = entries(&format!("{at}-{{{{team}}}}.{{{{kind}}}}"), resource, about);
            for entry in [&mut policy, &mut user] {
                entry.1.insert("each".into(), rows.iter().map(cells).collect::<Vec<_>>().into());
            }
            section(&mut folded, "policies", policy);
            section(&mut folded, "users", user);
            for row in &rows {
                // What has two braces is written with four.
                let written = |template: &str| made(template, row).replace("{{", "{{{{");
                let name = made(&format!("{at}-{{{{team}}}}.{{{{kind}}}}"), row);
                let [policy, user] = entries(&name, &written(resource), &written(about));
                section(&mut flat, "policies", policy);
                section(&mut flat, "users", user);
            }
        }
        let folder = Folder::with(&[("attune.toml", &folded.to_string()), ("flat.toml", &flat.to_string())]);
        let expand = |name: &str| desired::expand(&folder.path(name), Boundary::Repository, &Overrides::default()).unwrap();
        let ((loaded, text), (flat_loaded, flat_text)) = (expand("attune.toml"), expand("flat.toml"));
        let errors: Vec<_> = loaded.findings.iter().chain(&flat_loaded.findings).filter(|finding| finding.is_error()).collect();
        prop_assert!(errors.is_empty(), "{errors:?}\n{folded}");
        prop_assert_eq!(toml::from_str::<toml::Table>(&text).unwrap(), flat, "{}", text);
        let without_comments = |text: &str| text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        prop_assert_eq!(without_comments(&text), without_comments(&flat_text));
        folder.write("again.toml", &text);
        prop_assert_eq!(expand("again.toml").1, text);
    }
}

#[test]
fn each_use_of_a_document_is_checked_and_named() {
    let folder = Folder::copy_of(&root().join("tests/golden/templates"));
    folder.write("policies/rw.json", &folder.read("policies/rw.json").replace("s3:PutObject", "s3:{{bucket}}"));
    let findings = folder.attune("validate --format json").json();
    let found: Vec<&Value> = findings["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| {
            let message = finding["message"].as_str().unwrap();
            message.contains("s3:datasets") || message.contains("s3:genomes")
        })
        .collect();
    let uses: Vec<Vec<(&str, u64)>> = found
        .iter()
        .map(|finding| {
            let uses = finding["uses"].as_array().unwrap().iter();
            uses.map(|of| (of["text"].as_str().unwrap(), of["line"].as_u64().unwrap())).collect()
        })
        .collect();
    assert_eq!(found.len(), 2, "{found:#?}");
    for (team, line) in [("bio", 7), ("ml", 6)] {
        let row = format!("row `{team}` of `[tables.team]`");
        assert!(uses.contains(&vec![(&*format!("policy `{team}-rw` uses it"), 23), (&*row, line)]), "{uses:?}");
    }
    assert!(found.iter().all(|finding| finding["file"] == "policies/rw.json" && finding["line"] == 6));
    let text = folder.attune("validate");
    let text = text.says("policy `ml-rw` uses it").says("row `ml` of `[tables.team]`");
    assert!(text.stdout.contains("attune.toml"), "{}", text.stdout);
    folder.attune("validate --format github").says("policy `ml-rw` uses it: attune.toml:23");
    folder.attune("validate --format sarif").says("row `ml` of `[tables.team]`");
}

#[test]
fn a_fix_changes_a_template_once_or_not_at_all() {
    let folder = Folder::copy_of(&root().join("tests/golden/templates"));
    let misspelled = folder.read("policies/rw.json").replace("s3:PutObject", "s3:putobject");
    folder.write("policies/rw.json", &misspelled);
    folder.attune("validate --fix").exits(0);
    assert_eq!(folder.read("policies/rw.json"), misspelled.replace("s3:putobject", "s3:PutObject"));

    // Only one of the rows needs it, or the text has a placeholder: then no text fits all rows.
    let action = folder.read("policies/rw.json").replace("s3:PutObject", "s3:{{action}}");
    folder.write("policies/rw.json", &action);
    let rows = |ml: &str, bio: &str| {
        let text = std::fs::read_to_string(root().join("tests/golden/templates/attune.toml")).unwrap();
        let text = text.replace("bucket = \"datasets\"", &format!("bucket = \"datasets\", action = \"{ml}\""));
        text.replace("bucket = \"genomes\"", &format!("bucket = \"genomes\", action = \"{bio}\""))
    };
    for (ml, bio) in [("putobject", "putobject"), ("putobject", "PutObject")] {
        let text = rows(ml, bio);
        folder.write("attune.toml", &text);
        folder.attune("validate --fix");
        assert_eq!(folder.read("policies/rw.json"), action);
        assert_eq!(folder.read("attune.toml"), text);
    }
}

#[test]
fn the_number_of_made_entries_is_limited() {
    let rows: String = (0..1001).map(|row| format!("r{row} = {{ }}\n")).collect();
    let policies: String =
        (0..100).map(|policy| format!("[policies.\"p{policy}-{{{{n}}}}\"]\neach = \"n\"\nabsent = true\n")).collect();
    let folder = folder(&format!("[tables.n]\n{rows}{policies}"));
    let run = folder.attune("validate").exits(1);
    let run = run.says("templates make more than 100000 entries").says("1 error");
    assert!(run.stdout.len() < 10_000);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn what_a_cluster_has_with_two_braces_is_imported_as_it_is() {
    let folder = folder("");
    folder.drift(|tenant| {
        let statement =
            serde_json::json!({"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::a{{b}}/*"]});
        tenant["policies"]["p{{x}}"] =
            serde_json::json!({"document": {"Version": "2012-10-17", "Statement": [statement]}});
        tenant["users"]["svc-a"]["policy"] = serde_json::json!("p{{x}}");
        tenant["users"]["u{{{y"] = serde_json::json!({"policy": "readonly"});
    });
    for style in ["", "--inline"] {
        std::fs::remove_file(folder.path("attune.toml")).unwrap();
        let _ = std::fs::remove_file(folder.path("attune.schema.json"));
        let _ = std::fs::remove_dir_all(folder.path("policies"));
        folder.attune(&format!("import --cluster sim:cluster.json {style}")).exits(0);
        folder.attune("plan --detailed-exitcode").exits(0).says("no changes");
        folder.attune("expand --out attune.toml").exits(0);
        folder.attune("plan --detailed-exitcode").exits(0).says("no changes");
    }
}
