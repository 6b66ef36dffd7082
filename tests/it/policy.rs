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

#[test]
fn no_access_change_says_what_it_rests_on() {
    let folder = pair("\"arn:aws:s3:::logs/*\"", "[\"arn:aws:s3:::logs/*\", \"arn:aws:s3:::Logs/*\"]");
    let run = folder.attune("policy diff old.json new.json").exits(2);
    run.says("no access change\n  Logs/* counts for nothing: no bucket can have such a name");
    let json = folder.attune("policy diff old.json new.json --format json").exits(2).json();
    assert_eq!(json["basis"][0], json!({"kind": "no-such-resource", "pattern": "arn:aws:s3:::Logs/*"}));
    folder.write("new.json", &OLD.replace("\"s3:ListBucket\"", "\"s3:ListBucket\", \"s3:GetObjec?\""));
    let run = folder.attune("policy diff old.json new.json").exits(2);
    run.says("no access change\n  s3:GetObjec? counts for known actions only; others may change");
}

#[test]
fn a_document_far_over_the_limit_is_not_compared() {
    let resources: Vec<String> = (0..28_000).map(|n| format!("\"arn:aws:s3:::bucket-{n}/*\"")).collect();
    let folder = pair("\"arn:aws:s3:::logs/*\"", &format!("[{}]", resources.join(", ")));
    assert!(folder.read("new.json").len() > 800_000);
    for args in ["old.json new.json", "new.json old.json"] {
        let run = folder.attune(&format!("policy diff {args}")).exits(1);
        run.warns("in normal form; the limit of a cluster is 2048").warns("is this the right file?");
    }
    let json = folder.attune("policy diff old.json new.json --format json").exits(1).json();
    assert_eq!((&json["findings"][0]["code"], &json["findings"][0]["line"]), (&json!("size"), &json!(1)));
}

#[test]
fn bucket_policies_are_compared_as_requests_without_a_login_meet_them() {
    let folder = pair("\"Effect\"", "\"Principal\": \"*\", \"Effect\"");
    let run = folder.attune("policy diff old.json new.json").exits(2);
    run.says("no access change").warns("the access is that of requests without a login");
    folder.write(
        "new.json",
        &OLD.replace("\"Effect\"", "\"Principal\": {\"AWS\": \"arn:aws:iam::1:user/a\"}, \"Effect\""),
    );
    folder.attune("policy diff old.json new.json").exits(2).says("- s3:GetObject").warns("named principals nothing");
    folder.write(
        "new.json",
        &OLD.replace("\"Effect\"", "\"NotPrincipal\": {\"AWS\": \"arn:aws:iam::1:user/a\"}, \"Effect\""),
    );
    let run = folder.attune("policy diff old.json new.json").exits(2);
    run.says("no access change").warns("MinIO servers refuse a `NotPrincipal`");
    folder.write("new.json", &OLD.replace("\"Effect\"", "\"NotPrincipal\": \"*\", \"Effect\""));
    folder.attune("policy diff old.json new.json").exits(2).says("- s3:GetObject").warns("leaves out everyone");
    folder.attune("policy lint new.json").exits(1).says("`NotPrincipal` belongs in bucket policies");
}

#[test]
fn what_other_programs_put_into_a_file_is_named() {
    let folder = pair("Read", "Read");
    folder.write("new.json", &format!("\u{feff}{OLD}"));
    folder.attune("policy diff old.json new.json").exits(1).warns("byte order mark").warns("save it as UTF-8");
    folder.write("new.json", &OLD.replace("\"Version\"", "\u{201c}Version\u{201d}"));
    folder.attune("policy diff old.json new.json").exits(1).warns("`\u{201c}` is no quote of JSON");
    let utf16: Vec<u8> = std::iter::once(0xfeff).chain(OLD.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    std::fs::write(folder.path("new.json"), utf16).unwrap();
    folder.attune("policy lint new.json").exits(1).says("it is UTF-16 text").says("save it as UTF-8");
}
