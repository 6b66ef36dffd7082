//! `attune policy`: documents looked at offline, through the binary.

use serde_json::json;

use crate::harness::Folder;

const OLD: &str = r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "arn:aws:s3:::logs/*"}
]}"#;

/// A folder with `old.json` and `new.json`, the latter being the former with one text for another.
fn pair(from: &str, to: &str) -> Folder {
    assert!(OLD.contains(from));
    Folder::with(&[("old.json", OLD), ("new.json", &OLD.replace(from, to))])
}

#[test]
fn equal_documents_are_reported_as_equal() {
    let folder = pair(r#"["s3:GetObject", "s3:ListBucket"]"#, r#"["s3:ListBucket", "s3:GetObject"]"#);
    let run = folder.attune("policy diff old.json new.json").exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("the same document\n", ""));
    let json = folder.attune("policy diff old.json new.json --format json").exits(0).json();
    assert_eq!((&json["same_document"], &json["same_access"]), (&json!(true), &json!(true)));
}

#[test]
fn ids_and_access_are_compared_separately() {
    let ids = pair("Read", "ReadLogs");
    ids.attune("policy diff old.json new.json").exits(2).says("only ids change: no access change");
    let redundant = pair(r#""s3:ListBucket"]"#, r#""s3:ListBucket", "s3:GetObjec?"]"#);
    redundant.attune("policy diff old.json new.json").exits(2).says("s3:GetObjec?").says("\nno access change\n");
    let json = redundant.attune("policy diff old.json new.json --format json").exits(2).json();
    assert_eq!((&json["same_document"], &json["same_access"]), (&json!(false), &json!(true)));
}

#[test]
fn gains_and_losses_are_shown_by_entry_and_by_access() {
    let folder = pair(r#""s3:GetObject", "#, r#""s3:PutObject", "#);
    let run = folder.attune("policy diff old.json new.json").exits(2);
    let run = run.says("- action    \"s3:GetObject\"").says("+ action    \"s3:PutObject\"");
    run.says("+ s3:PutObject   on logs/*").says("- s3:GetObject   on logs/*");
    let json = folder.attune("policy diff old.json new.json --format json").exits(2).json();
    assert_eq!(json["gained"][0]["actions"], json!(["s3:PutObject"]));
    assert_eq!(json["lost"][0]["actions"], json!(["s3:GetObject"]));
    assert_eq!(json["undecided"], json!([]));
}

#[test]
fn a_profile_and_a_table_of_actions_can_be_chosen() {
    let folder = pair(r#", "s3:ListBucket""#, "");
    let lost = |args: &str| {
        let args = format!("policy diff old.json new.json --format json {args}");
        folder.attune(&args).exits(2).json()["lost"].clone()
    };
    assert_eq!(lost("--rules aws"), json!([]), "`logs/*` is no bucket there");
    assert_eq!(lost("--rules minio-2021")[0]["actions"], json!(["s3:ListBucket"]));
    assert_eq!(lost(""), lost("--rules minio-2021"), "these lead");
    folder.write("actions.json", "[{\"name\": \"s3:GetObject\"}]");
    folder.attune("policy diff old.json new.json --catalogue actions.json").exits(1).warns("actions.json");
    folder.attune("policy diff old.json new.json --release x").exits(1).warns("5.1.2");
}

#[test]
fn broken_documents_are_findings_with_their_place() {
    let folder = pair("\"Effect\"", "\"Efect\"");
    for args in ["policy diff old.json new.json", "policy lint old.json new.json", "policy render new.json"] {
        let run = folder.attune(args).exits(1);
        let said = run.stdout + &run.stderr;
        assert!(said.contains("new.json:2:") && said.contains("Efect"), "{args}: {said}");
    }
    let json = folder.attune("policy diff old.json new.json --format json").exits(1).json();
    assert_eq!((&json["findings"][0]["file"], &json["findings"][0]["line"]), (&json!("new.json"), &json!(2)));
    folder.attune("policy lint none.json").exits(1).says("cannot read the policy document none.json");
}

#[test]
fn rendered_bytes_are_those_that_are_sent() {
    let folder = pair("Read", "Read");
    let run = folder.attune("policy render old.json").exits(0);
    let sent = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Read","Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::logs/*"]}]}"#;
    assert_eq!(run.stdout, sent, "and not a byte more");
    assert_eq!(run.stderr, format!("{} of 2048 bytes\n", sent.len()));
    assert_eq!(folder.attune("policy render old.json --quiet").exits(0).stderr, "");
    folder.write("large.json", &OLD.replace("logs/", &"x".repeat(2048)));
    folder.attune("policy render large.json").exits(1).warns("the limit is 2048");
}

#[test]
fn lint_finds_errors_and_likely_mistakes() {
    let fine = OLD.replace("[\"s3:GetObject\", \"s3:ListBucket\"]", "\"s3:PutObject\"");
    let folder = Folder::with(&[("fine.json", &fine), ("typo.json", &fine.replace("PutObject", "PutObjekt"))]);
    folder.attune("policy lint fine.json").exits(0).says("no problems found");
    let run = folder.attune("policy lint fine.json typo.json").exits(1);
    run.says("typo.json:2:").says("s3:PutObjekt").warns("2 documents checked");
    assert!(!folder.attune("policy lint typo.json --format json").exits(1).codes().is_empty());
    assert!(folder.attune("policy lint fine.json --format json").exits(0).codes().is_empty());
}
