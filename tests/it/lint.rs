//! Lint rules through the binary: places, suppressions and fixes.

use serde_json::Value;

use crate::harness::Folder;

const FILE: &str = r#"[cluster]
endpoints = ["sim:cluster.json"]

[policies.inline]
statement = [
    # kept as it is
    { effect = "Allow", action = ['S3:getobject', "s3:ListBucket"], resource = ["arn:aws:s3:::data", "arn:aws:s3:::data/*"], condition.stringequals."aws:username" = "alice" },
]

[policies.from-a-file]
document = "policies/reports.json"
"#;

const DOCUMENT: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow",   "Action": ["s3:getobject"], "Resource": ["arn:aws:s3:::reports/*"]}
  ]
}
"#;

fn folder() -> Folder {
    Folder::with(&[("attune.toml", FILE), ("policies/reports.json", DOCUMENT), ("cluster.json", CLUSTER)])
}

const CLUSTER: &str = r#"{"format": "attune.sim/1", "tenants": {"Root": {"users": {"admin": {"role": "ClusterAdmin", "password": "admin"}}}}}"#;

/// A policy for an impossible bucket, which is a warning.
fn impossible(head: &str, tail: &str) -> Folder {
    let policy = "[policies.p]\nstatement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"arn:aws:s3:::B/*\" }]\n";
    Folder::with(&[("attune.toml", &format!("{head}{policy}{tail}"))])
}

#[test]
fn findings_point_into_the_documents() {
    let run = folder().attune("validate").exits(1);
    run.says("attune.toml:7:35").says("policies/reports.json:4:38").says("[A0");
    let found = folder().attune("validate --format json").exits(1).json();
    let places = found["findings"].as_array().unwrap().iter().map(|finding| {
        let number = |name: &str| finding[name].as_u64().unwrap();
        (finding["file"].as_str().unwrap() != "attune.toml", number("line"), number("column"))
    });
    assert!(places.is_sorted());
}

#[test]
fn suppressed_findings_are_not_shown() {
    let codes = |folder: Folder| folder.attune("validate --format json").codes();
    let reported = |codes: &[String]| codes.iter().any(|code| code == "impossible-bucket");
    assert!(reported(&codes(impossible("", ""))));
    assert!(!reported(&codes(impossible("[lint]\nallow = [\"R10\"]\n", ""))));
    assert!(!reported(&codes(impossible("[lint]\nallow = [\"impossible-bucket\"]\n", ""))));
    assert!(!reported(&codes(impossible("", "[policies.p.lint]\nallow = [\"R10\"]\n"))));
    assert!(reported(&codes(impossible("", "[policies.q]\nabsent = true\n[policies.q.lint]\nallow = [\"R10\"]\n"))));
}

#[test]
fn a_note_on_the_text_can_be_allowed_and_an_error_cannot() {
    let statement =
        r#"{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}}"#;
    let file = "[lint]\nallow = [\"S07\", \"json-syntax\"]\n[policies.p]\ndocument = \"p.json\"\n";
    let folder = Folder::with(&[("attune.toml", file), ("p.json", statement)]);
    assert!(!folder.attune("validate --format json").exits(0).codes().contains(&"statement-form".to_owned()));
    folder.write("p.json", "{");
    folder.attune("validate").exits(1).says("error[json-syntax]");
}

#[test]
fn an_unknown_rule_is_an_error_and_only_the_main_file_has_the_section() {
    let run = impossible("[lint]\nallow = [\"impossible-buckt\"]\n", "").attune("validate").exits(1);
    run.says("error[unknown-lint]").says("did you mean `impossible-bucket`?");
    impossible("", "[policies.p.lint]\nallow = [\"r10\"]\n").attune("validate").exits(1).says("did you mean `R10`?");
    let main = ("attune.toml", "include = [\"team.toml\"]\n");
    let folder = Folder::with(&[main, ("team.toml", "[lint]\nallow = [\"R10\"]\n")]);
    folder.attune("validate").exits(1).says("error[section-in-include]: an included file cannot have `[lint]`");
}

#[test]
fn the_actions_are_those_of_the_release_or_of_a_table() {
    let file = "[policies.p]\nstatement = [{ effect = \"Allow\", action = \"s3:GetObjectTagging\", resource = \"arn:aws:s3:::data/*\" }]\n";
    let table = r#"[{"name": "s3:PutObject", "kind": "object"}]"#;
    let folder = Folder::with(&[("attune.toml", file), ("actions.json", table)]);
    let count = |args: &str| folder.attune(&format!("validate --format json {args}")).codes();
    let newest = count("");
    assert_eq!(newest, count("--release 5.1"));
    assert_ne!(newest, count("--release 4.4"));
    assert_ne!(newest, count("--catalogue actions.json"));
    folder.attune("validate --release five").exits(1).warns("a release starts with two numbers");
    folder.attune("validate --catalogue nowhere.json").exits(1).warns("the catalogue nowhere.json");
}

#[test]
fn a_plan_with_a_document_that_a_server_misreads_has_no_steps() {
    let folder = folder();
    let plan = folder.attune("plan --format json").exits(1).warns("plan blocked by errors").json();
    assert_eq!(plan["steps"], Value::Array(Vec::new()));
    folder.attune("apply --yes").exits(1);
    assert!(!folder.read("cluster.json").contains("reports"));
    folder.attune("validate --fix").exits(0);
    folder.attune("apply --yes").exits(0);
}

#[test]
fn unambiguous_errors_are_fixed_and_nothing_else_changes() {
    let folder = folder();
    let run = folder.attune("validate --fix").exits(0).says("attune.toml is valid");
    for line in [
        "fixed attune.toml:7: 'S3:getobject' → \"s3:GetObject\"",
        "fixed attune.toml:7: stringequals → \"StringEquals\"",
        "fixed policies/reports.json:4: \"s3:getobject\" → \"s3:GetObject\"",
    ] {
        assert!(run.stderr.contains(line), "no `{line}` in {}", run.stderr);
    }
    let fixed = FILE.replace("'S3:getobject'", "\"s3:GetObject\"").replace("stringequals", "\"StringEquals\"");
    assert_eq!(folder.read("attune.toml"), fixed);
    assert_eq!(folder.read("policies/reports.json"), DOCUMENT.replace("s3:getobject", "s3:GetObject"));
    assert_eq!(folder.attune("validate --fix").exits(0).stderr, "", "there is nothing left to fix");
}

#[test]
fn conflicting_edits_are_not_applied() {
    let file = "[[policies.p.statement]]\neffect = \"Allow\"\naction = \"s3:GetObject\"\nresource = \"arn:aws:s3:::data/*\"\n\
                condition.StringEquals.\"aws:username\" = \"a\"\ncondition.stringequals.\"aws:username\" = \"a\"\n";
    let folder = Folder::with(&[("attune.toml", file)]);
    folder.attune("validate --fix").exits(1).warns("attune.toml was not changed");
    assert_eq!(folder.read("attune.toml"), file);
}

#[test]
fn sarif_has_the_place_and_the_rule() {
    let run = folder().attune("validate --format sarif").exits(1);
    let log: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]), "{result}");
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["region"]["startLine"].is_u64() && place["region"]["endColumn"].is_u64(), "{place}");
    }
    let last = &results[results.len() - 1]["locations"][0]["physicalLocation"];
    assert_eq!(last["artifactLocation"]["uri"], "policies/reports.json");
}

#[test]
fn github_shows_findings_beside_the_lines() {
    let run = folder().attune("validate --format github").exits(1);
    run.says("::error file=policies/reports.json,line=4,col=38,title=").says("%0Ahelp: ");
    let missing = Folder::new().attune("validate --format github").exits(1);
    missing.says("::error title=no-file::cannot read attune.toml");
}
