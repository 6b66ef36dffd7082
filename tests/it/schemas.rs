//! The checked-in schemas are up to date, and the examples match them.

use std::fs;

use serde_json::Value;

use attune::apply::KeyPairRecord;
use attune::render::json::{
    AccessComparisonV1, AccessReportV1, ApprovalsV1, DoctorV1, DriftStateV1, DriftV1, FindingsV1, HistoryV1, ImportV1,
    KeysV1, ManyV1, OutcomeV1, PlanV1, PolicyDiffV1, ProbeV1, ReportV1, RevocationV1, SessionV1, SnapshotV1, TargetsV1,
    TestV1, VerifyV1, schema_of,
};

use crate::harness::{Folder, JsonSchema, expect_file, files, root, update};

#[test]
fn the_checked_in_schemas_are_those_of_the_types_and_what_the_program_prints() {
    let folder = Folder::new();
    let schemas: [(&str, Value); 24] = [
        ("attune", attune::desired::schema()),
        ("plan", schema_of::<PlanV1>()),
        ("outcome", schema_of::<OutcomeV1>()),
        ("history", schema_of::<HistoryV1>()),
        ("drift", schema_of::<DriftV1>()),
        ("drift-state", schema_of::<DriftStateV1>()),
        ("snapshot", schema_of::<SnapshotV1>()),
        ("findings", schema_of::<FindingsV1>()),
        ("policy-diff", schema_of::<PolicyDiffV1>()),
        ("access", schema_of::<AccessReportV1>()),
        ("access-comparison", schema_of::<AccessComparisonV1>()),
        ("test", schema_of::<TestV1>()),
        ("report", schema_of::<ReportV1>()),
        ("keys", schema_of::<KeysV1>()),
        ("revocation", schema_of::<RevocationV1>()),
        ("destination", schema_of::<KeyPairRecord<'_>>()),
        ("session", schema_of::<SessionV1>()),
        ("doctor", schema_of::<DoctorV1>()),
        ("probe", schema_of::<ProbeV1>()),
        ("verify", schema_of::<VerifyV1>()),
        ("import", schema_of::<ImportV1>()),
        ("approvals", schema_of::<ApprovalsV1>()),
        ("many", schema_of::<ManyV1>()),
        ("targets", schema_of::<TargetsV1>()),
    ];
    for (name, schema) in schemas {
        let path = root().join(format!("schemas/{name}.schema.json"));
        expect_file(&path, &format!("{schema:#}\n"));
        let of = if name == "attune" { "file" } else { name };
        // The program has the files of its build, so that new ones are compared by the next run.
        if !update() {
            assert_eq!(
                folder.attune(&format!("schema {of}")).exits(0).stdout,
                fs::read_to_string(path).unwrap(),
                "{name}"
            );
        }
    }
    assert_eq!(folder.attune("schema file").stdout, folder.attune("schema").stdout);
}

#[test]
fn every_example_is_what_the_schema_says_and_names_it() {
    let schema = JsonSchema::named("attune");
    let examples = files(&root().join("examples"), ".toml");
    assert!(examples.len() >= 2, "{examples:?}");
    // A file of waves is no configuration.
    for path in examples.into_iter().filter(|path| !path.ends_with("fleet.toml")) {
        let text = fs::read_to_string(&path).unwrap();
        let named = text.lines().next().and_then(|line| line.strip_prefix("#:schema "));
        let named = named.unwrap_or_else(|| panic!("{} begins with no `#:schema`", path.display()));
        let named = path.parent().unwrap().join(named).canonicalize().unwrap();
        assert_eq!(named, root().join("schemas/attune.schema.json").canonicalize().unwrap());
        let mut value: Value = toml::from_str(&text).unwrap();
        dates_as_texts(&mut value);
        assert_eq!(schema.misfit(&value), None, "{}", path.display());
    }
}

/// Configurations, and the code of what is wrong with them; empty if nothing is.
const MISTAKES: &[(&str, &str)] = &[
    ("", ""),
    ("[users.alice]\npolicy = \"readonly\"", ""),
    ("[users.alice]\npolicy = \"readonly\"\ndetached = false\nrevoke_keys = false", ""),
    ("[users.alice]\ndetached = true\nrevoke_keys = true", ""),
    ("[users.alice]\npolcy = \"readonly\"", "unknown-key"),
    ("[users.alice]", "user-without-policy"),
    ("[users.alice]\ndetached = false", "user-without-policy"),
    ("[users.alice]\npolicy = \"readonly\"\ndetached = true", "user-conflict"),
    ("[users.alice]\npolicy = \"readonly\"\nrevoke_keys = true", "revoke-keys-without-detach"),
    ("[groups.a]\npolicy = \"readonly\"\ndetached = true", "user-conflict"),
    ("[groups.a]", "user-without-policy"),
    ("[users]\nalice = \"readonly\"\n[groups]\na = \"readonly\"\n[users.bob]\ndetached = true", ""),
    ("[users]\nalice = 3", "wrong-type"),
    ("[users]\nalice = [\"readonly\"]", "wrong-type"),
    (
        "[policies.p]\nstatement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"arn:aws:s3:::a/*\" }]\nattached_to = [\"alice\", \"group/ops\"]",
        "",
    ),
    (
        "[policies.p]\nstatement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"arn:aws:s3:::a/*\" }]\nattached_to = [\"svc-*\"]",
        "pattern-in-attached-to",
    ),
    (
        "[policies.p]\nstatement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"arn:aws:s3:::a/*\" }]\nattached_to = \"alice\"",
        "wrong-type",
    ),
    ("[policies.p]\nabsent = true", ""),
    ("[policies.p]\nabsent = true\nabstract = true", "policy-conflict"),
    ("[policies.p]\ncombine = []", "policy-without-document"),
    (
        "[policies.p]\ncombine = [\"q\"]\n[policies.q]\nabstract = true\nstatement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"arn:aws:s3:::a/*\" }]",
        "",
    ),
    (
        "[policies.p]\ncombine = [\"q\"]\nabsent = true\n[policies.q]\nstatement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"arn:aws:s3:::a/*\" }]",
        "policy-conflict",
    ),
    (
        "[policies.p]\ncombine = [\"q\"]\ndocument = \"p.json\"\n[policies.q]\nstatement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"arn:aws:s3:::a/*\" }]",
        "policy-conflict",
    ),
    (
        "[policies.p]\ncombine = [\"q\"]\nstatement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"arn:aws:s3:::a/*\" }]\n[policies.q]\nstatement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"arn:aws:s3:::a/*\" }]",
        "policy-conflict",
    ),
    ("[policies.p]\nabsent = \"yes\"", "wrong-type"),
    ("[policies.p]\ndescription = \"none\"", "policy-without-document"),
    ("[policies.p]\nstatement = []", "policy-without-document"),
    ("[policies.p]\nabsent = true\ndocument = \"p.json\"", "policy-conflict"),
    (
        "[policies.p]\nabsent = true\nstatement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"*\" }]",
        "policy-conflict",
    ),
    (
        "[policies.p]\ndocument = \"p.json\"\nstatement = [{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"*\" }]",
        "policy-conflict",
    ),
    ("[cluster]\nreplace = \"slide\"", "wrong-type"),
    ("[cluster]\npassword = \"x\"", "secret-in-file"),
    ("[cluster]\nrules = \"minio\"", "bad-rules"),
    ("[cluster]\nrules = [\"aws\", \"minio\"]", "bad-rules"),
    ("[cluster]\nrules = [\"aws\", \"minio-2021\"]", ""),
    ("[cluster]\nrules = { like = \"aws\", bare-star = true }", ""),
    ("[cluster]\nrules = { bare-star = true }", "bad-rules"),
    (
        "[[policies.p.statement]]\neffect = \"Allow\"\nnot_action = [\"s3:GetObject\"]\nnot_resource = \"*\"\n[policies.p.lint]\nallow = [\"S11\"]",
        "",
    ),
    ("[[policies.p.statement]]\neffect = \"allow\"\naction = \"s3:GetObject\"\nresource = \"*\"", "wrong-type"),
    ("[[policies.p.statement]]\neffect = \"Allow\"\naction = [\"s3:GetObject\", 3]\nresource = \"*\"", "wrong-type"),
    ("[[policies.p.statement]]\naction = \"s3:GetObject\"\nresource = \"*\"", "incomplete-statement"),
    ("[[policies.p.statement]]\neffect = \"Allow\"\nresource = \"*\"", "incomplete-statement"),
    ("[[policies.p.statement]]\neffect = \"Allow\"\naction = \"s3:GetObject\"", "incomplete-statement"),
    (
        "[[policies.p.statement]]\neffect = \"Allow\"\naction = \"s3:GetObject\"\nresource = \"*\"\nnot_resource = \"*\"",
        "incomplete-statement",
    ),
    (
        "[[policies.p.statement]]\neffect = \"Allow\"\naction = \"s3:GetObject\"\nnot_action = \"s3:*\"\nresource = \"*\"",
        "incomplete-statement",
    ),
    ("[credentials]", "credentials-without-destination"),
    ("[credentials]\nfile = false", "credentials-without-destination"),
    ("[credentials]\ncommand = [\"store\"]\nfile = false", ""),
    ("[credentials]\nfile = true\ndir = \"secrets\"", ""),
    ("[credentials]\nfile = true", "credentials-without-dir"),
    ("[credentials]\ncommand = [\"store\"]\ndir = \"secrets\"", "credentials-conflict"),
    ("[credentials]\ncommand = [\"store\"]\nfile = true\ndir = \"secrets\"", "credentials-conflict"),
    ("[credentials]\nage = [\"AGE\"]\ndir = \"secrets\"", ""),
    ("[credentials]\nage = [\"AGE\"]", "credentials-without-dir"),
    ("[credentials]\nage = [\"AGE\"]\ncommand = [\"store\"]\ndir = \"secrets\"", "credentials-conflict"),
    ("[credentials]\nage = [\"AGE\"]\nfile = true\ndir = \"secrets\"", "credentials-conflict"),
    ("[[drift.ignore]]\nobject = \"user/a\"\nreason = \"r\"\nuntil = 2099-01-01", ""),
    ("[[drift.ignore]]\nobject = \"user/a\"\nuntil = 2099-01-01", "incomplete-ignore"),
    ("[[drift.ignore]]\nobject = \"user/a\"\nreason = \"r\"", "incomplete-ignore"),
    ("[[drift.ignore]]\nreason = \"r\"\nuntil = 2099-01-01", "incomplete-ignore"),
];

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_schema_of_the_file_refuses_what_the_program_refuses() {
    let schema = JsonSchema::named("attune");
    for (text, code) in MISTAKES {
        let text = text.replace("AGE", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p");
        let mut value: Value = toml::from_str(&text).unwrap();
        dates_as_texts(&mut value);
        assert_eq!(schema.misfit(&value).is_none(), code.is_empty(), "{text}");
        let document = "{\"Version\": \"2012-10-17\", \"Statement\": []}";
        let folder = Folder::with(&[("attune.toml", &text), ("p.json", document)]);
        let found = folder.attune("validate --format json").json()["findings"].as_array().unwrap().clone();
        let errors: Vec<_> = found.iter().filter(|finding| finding["severity"] == "error").collect();
        assert!(
            errors.iter().all(|finding| finding["code"] == *code) && errors.is_empty() == code.is_empty(),
            "{text}: {errors:?}"
        );
    }
}

/// A date of TOML is a string for a schema.
fn dates_as_texts(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(date)) = members.get("$__toml_private_datetime") {
                *value = Value::String(date.clone());
            } else {
                members.values_mut().for_each(dates_as_texts);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(dates_as_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_schema_takes_the_limits_that_the_program_takes() {
    let schema = JsonSchema::named("attune");
    for (limit, fits) in [
        ("5", true),
        ("\"5\"", true),
        ("\"0%\"", true),
        ("\"100%\"", true),
        ("[5, \"10%\"]", true),
        ("-1", false),
        ("2.5", false),
        ("true", false),
        ("[]", false),
        ("[-1]", false),
        ("\"ten\"", false),
        ("\"-1\"", false),
        ("\"101%\"", false),
        ("[5, \"2.5%\"]", false),
    ] {
        let text = format!("[guards]\nmax_removals = {limit}\n");
        assert_eq!(schema.misfit(&toml::from_str(&text).unwrap()).is_none(), fits, "{limit}");
        let codes = Folder::with(&[("attune.toml", &text)]).attune("validate --format json").codes();
        assert_eq!(codes.is_empty(), fits, "{limit}: {codes:?}");
    }
}
