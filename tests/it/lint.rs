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
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
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
fn github_shows_findings_beside_the_lines() {
    let run = folder().attune("validate --format github").exits(1);
    run.says("::error file=policies/reports.json,line=4,col=38,title=").says("%0Ahelp: ");
    let missing = Folder::new().attune("validate --format github").exits(1);
    missing.says("::error title=no-file::cannot read attune.toml");
}

/// A folder with one document, and the findings of `policy lint` as `severity code at line`.
fn lint_of(document: &str) -> Vec<String> {
    let found = Folder::with(&[("p.json", document)]).attune("policy lint p.json --format json").json();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let findings = found["findings"].as_array().unwrap().iter();
    findings.map(|finding| format!("{} {}", text(finding, "severity"), text(finding, "code"))).collect()
}

#[test]
fn a_fix_writes_no_grant_that_was_not_written() {
    let statement = |members: &str| format!(r#"{{"Effect": "Allow", {members}}}"#);
    let document = |version: &str, statements: &[String]| {
        format!(r#"{{"Version": "{version}", "Statement": [{}]}}"#, statements.join(","))
    };
    let kept = [
        document("2012-10-17", &[statement(r#""Action": ["s3:HeadObject", "s3:HeadBucket"], "Resource": "*""#)]),
        document("2012-10-17", &[statement(r#""Action": "s3:HeadObject", "Resource": "arn:aws:s3:::data/*""#)]),
        document(
            "2012-10-17",
            &[
                statement(r#""Action": "s3:GetObject", "Resource": "arn:aws:s3:eu-west-1:1:accesspoint/a/object/*""#),
                statement(r#""Action": "s3:GetObject", "Resource": "arn:aws:s3:::home/&{aws:username}/*""#),
                statement(r#""Action": "s3:PutObject", "Resource": "arn:aws:s3:::data""#),
                r#"{"Effect": "Deny", "NotAction": "s3:HeadBucket", "Resource": "arn:aws:s3:::data/*"}"#.to_owned(),
            ],
        ),
        document(
            "2008-10-17",
            &[statement(r#""Action": "s3:GetObject", "Resource": "arn:aws:s3:::home/${aws:username}/*""#)],
        ),
    ];
    for document in kept {
        let folder = Folder::with(&[("attune.toml", "[policies.p]\ndocument = \"p.json\"\n"), ("p.json", &document)]);
        folder.attune("validate --fix").exits(1);
        assert_eq!(folder.read("p.json"), document);
    }
}

#[test]
fn a_fix_keeps_what_the_text_says() {
    let document = r#"{"Version": "2012-10-17 ", "Statement": [
        {"Effect": "Allow", "Action": ["s3:getobject ", "S3:List*"], "Resource": ["arn:aws-cn:s3:::data/*", "data", "/data"],
         "Condition": {"Bool": {"aws:securetransport": "TRUE"}}},
        {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::/data/x/*"}]}"#;
    let folder = Folder::with(&[("attune.toml", "[policies.p]\ndocument = \"p.json\"\n"), ("p.json", document)]);
    folder.attune("validate --fix");
    let fixed = folder.read("p.json");
    for (written, right) in [
        ("2012-10-17 ", "2012-10-17"),
        ("s3:getobject ", "s3:GetObject"),
        ("S3:List*", "s3:List*"),
        ("arn:aws-cn:s3:::data/*", "arn:aws:s3:::data/*"),
        ("aws:securetransport", "aws:SecureTransport"),
        ("TRUE", "true"),
        ("*", "s3:*"),
        ("arn:aws:s3:::/data/x/*", "arn:aws:s3:::data/x/*"),
    ] {
        assert!(!fixed.contains(&format!("{written:?}")) && fixed.contains(&format!("{right:?}")), "{right}: {fixed}");
    }
    assert!(fixed.contains("\"/data\""), "a path is no bucket: {fixed}");
}

#[test]
fn one_error_of_the_form_hides_no_other() {
    let document = r#"{"Version": "2008-10-17", "Statement": [
        {"Effect": "allow", "Action": ["s3:getobject", 7], "Resource": "s3://data/*", "Sid": "a b",
         "Condition": {"StringLik": {"s3:prefx": "x"}}},
        {"Action": "s3:Nope", "NotAction": "s3:x", "Resource": null},
        7]}"#;
    let codes =
        |found: &[String]| found.iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect::<Vec<_>>();
    let mut found = codes(&lint_of(document));
    found.sort();
    let expected = [
        "action-case",
        "action-form",
        "arn-prefix",
        "effect",
        "effect",
        "key-unknown",
        "resource-form",
        "sid-characters",
        "unknown-action",
        "unknown-operator",
        "version",
        "wrong-kind",
        "wrong-kind",
    ];
    assert_eq!(found, expected);
    let folder = Folder::with(&[("attune.toml", "[policies.p]\ndocument = \"p.json\"\n"), ("p.json", document)]);
    let mut in_file = folder.attune("validate --format json").codes();
    in_file.sort();
    assert_eq!(in_file, expected);
}

#[test]
fn rules_on_grants_look_at_denies() {
    let of = |deny: &str| {
        lint_of(&format!(
            r#"{{"Version": "2012-10-17", "Statement": [
                {{"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::*"]}},
                {{"Effect": "Deny", {deny}}}]}}"#
        ))
    };
    let everything = r#""Action": "s3:*", "Resource": "arn:aws:s3:::*""#;
    assert_eq!(of(everything), ["warning empty-access", "note redundant-statement"]);
    let deletes = of(r#""Action": ["s3:DeleteObject*", "s3:PutLifecycleConfiguration"], "Resource": "arn:aws:s3:::*""#);
    assert!(deletes.contains(&"warning policy-escalation".to_owned()), "everyone may be given it: {deletes:?}");
}

#[test]
fn resources_and_suggestions_are_what_a_person_means() {
    let of = |members: &str| {
        let document = format!(r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", {members}}}]}}"#);
        let run = Folder::with(&[("p.json", &document)]).attune("policy lint p.json");
        run.stdout + &run.stderr
    };
    let on = |resource: &str| {
        of(&format!(
            r#""Action": ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::data", {}]"#,
            Value::from(resource)
        ))
    };
    for (resource, said) in [
        ("arn:aws:s3::: ${aws:username}", "warning[impossible-bucket]"),
        ("arn:aws:s3:::data/* ", "warning[untidy-resource]"),
        ("arn:aws:s3:::data,arn:aws:s3:::data/*", "error[untidy-resource]"),
        ("arn:aws:s3:::data//*", "warning[untidy-resource]"),
        ("arn:aws:s3:::data/media/", "write `arn:aws:s3:::data/media/*`"),
        ("arn:aws:s3:::data/\u{202e}x", "U+202E"),
        ("arn:aws:s3:::data/%2A", "warning[regex-thinking]"),
        ("arn:aws:s3:::data/${aws:groups}/*", "warning[variable]"),
    ] {
        assert!(on(resource).contains(said), "{resource}: {}", on(resource));
    }
    for resource in ["arn:aws:s3:::*SageMaker*", "arn:aws:s3:::*_backup*", "arn:aws:s3:::data/${aws:username}"] {
        assert_eq!(on(resource), "no problems found\n", "{resource}");
    }
    let with = |action: &str| {
        let action = Value::from(action);
        of(&format!(r#""Action": {action}, "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]"#))
    };
    for (action, said) in [
        ("s3:HeadObject", "`s3:GetObject` allows the call `HeadObject`"),
        ("s3:GetBucketAcl", "`s3:GetBucketPolicy` allows the call `GetBucketAcl`"),
        ("s3:ListBucketVersions", "`s3:ListBucket` allows the call `ListBucketVersions`"),
        ("s3:PutObjectAcl", "no action allows the call `PutObjectAcl`"),
        ("s3:Get\u{41e}bject", "U+041E"),
        ("s3:GetObject\u{200b}", "U+200B"),
    ] {
        assert!(with(action).contains(said), "{action}: {}", with(action));
    }
}

#[test]
fn what_servers_refuse_is_an_error() {
    for (members, code) in [
        (r#""Condition": {"BinaryEquals": {"aws:userid": "no base64!"}}"#, "error value-type"),
        (r#""Condition": {"StringEquals": {"s3:x-amz-server-side-encryption": "aes256"}}"#, "error value-type"),
        (r#""Condition": {"StringEquals": {"s3:ExistingObjectTag/sealed": "on"}}"#, "error key-unknown"),
    ] {
        let document = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::data/*", {members}}}]}}"#
        );
        assert_eq!(lint_of(&document), [code], "{members}");
    }
    let nulls = r#"{"Version": "2012-10-17", "Id": null, "Statement": [
        {"Sid": null, "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::data/*", "Condition": null}]}"#;
    assert_eq!(lint_of(nulls), Vec::<String>::new());
    let without = r#"{"Version": "", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::data/*"}]}"#;
    assert_eq!(lint_of(without), ["warning version"]);
}

#[test]
fn advice_on_many_documents_is_one_note() {
    let statement = |name: &str| {
        format!(
            "[policies.{name}]\nstatement = [{{ effect = \"Allow\", action = \"s3:ListBucket\", resource = \"arn:aws:s3:::data\" }}]\n"
        )
    };
    let folder = Folder::with(&[("attune.toml", &["a", "b", "c"].map(statement).concat())]);
    assert_eq!(folder.attune("validate --format json").exits(0).codes(), ["missing-companion"]);
    folder.attune("validate").exits(0).says("further policies with this note: 2");
}

#[test]
fn the_output_of_another_tool_says_where_the_document_is() {
    let show = r#"{"policy": {"name": "p", "content": {"Version": "2012-10-17", "Statement": []}}}"#;
    let folder = Folder::with(&[("attune.toml", "[policies.p]\ndocument = \"p.json\"\n"), ("p.json", show)]);
    for command in ["validate", "policy lint p.json", "policy diff p.json p.json", "policy render p.json"] {
        let run = folder.attune(command).exits(1);
        let text = run.stdout.clone() + &run.stderr;
        assert!(text.contains("at `.policy.content`, as in the output of `weka s3 policy show`"), "{command}: {text}");
    }
}

#[test]
fn bucket_policies_are_compared_for_requests_without_a_login() {
    let policy = |principal: &str, action: &str| {
        format!(
            r#"{{"Version": "2012-10-17", "Statement": [
                {{"Effect": "Allow", "Principal": {principal}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}},
                {{"Effect": "Allow", "Principal": {{"AWS": ["arn:aws:iam::1:user/a"]}}, "Action": "{action}", "Resource": "arn:aws:s3:::data/*"}}]}}"#
        )
    };
    let closed = policy(r#"{"AWS": "arn:aws:iam::1:user/b"}"#, "s3:PutObject");
    let folder = Folder::with(&[("old.json", &closed), ("new.json", &policy("\"*\"", "s3:DeleteObject"))]);
    let run = folder.attune("policy diff old.json new.json").exits(2);
    run.says("s3:GetObject").warns("requests without a login").warns("gives named principals nothing");
    let found = folder.attune("policy diff old.json new.json --format json").exits(2).json();
    assert_eq!(found["gained"].as_array().map(Vec::len), Some(1), "{found}");
    folder.attune("policy lint old.json").exits(1).says("error[principal-in-identity]");
}
