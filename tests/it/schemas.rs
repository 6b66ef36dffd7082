//! The checked-in schemas are up to date, and the examples match them.

use std::fs;

use serde_json::Value;

use attune::render::json::{
    AccessReportV1, DoctorV1, DriftStateV1, DriftV1, FindingsV1, ImportV1, KeysV1, ManyV1, OutcomeV1, PlanV1,
    PolicyDiffV1, ProbeV1, ReportV1, RevocationV1, SessionV1, SnapshotV1, schema_of,
};

use crate::harness::{Folder, JsonSchema, expect_file, files, root, update};

#[test]
fn the_checked_in_schemas_are_those_of_the_types_and_what_the_program_prints() {
    let folder = Folder::new();
    let schemas: [(&str, Value); 17] = [
        ("attune", attune::desired::schema()),
        ("plan", schema_of::<PlanV1>()),
        ("outcome", schema_of::<OutcomeV1>()),
        ("drift", schema_of::<DriftV1>()),
        ("drift-state", schema_of::<DriftStateV1>()),
        ("snapshot", schema_of::<SnapshotV1>()),
        ("findings", schema_of::<FindingsV1>()),
        ("policy-diff", schema_of::<PolicyDiffV1>()),
        ("access", schema_of::<AccessReportV1>()),
        ("report", schema_of::<ReportV1>()),
        ("keys", schema_of::<KeysV1>()),
        ("revocation", schema_of::<RevocationV1>()),
        ("session", schema_of::<SessionV1>()),
        ("doctor", schema_of::<DoctorV1>()),
        ("probe", schema_of::<ProbeV1>()),
        ("import", schema_of::<ImportV1>()),
        ("many", schema_of::<ManyV1>()),
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
    for path in examples {
        let text = fs::read_to_string(&path).unwrap();
        let named = text.lines().next().and_then(|line| line.strip_prefix("#:schema "));
        let named = named.unwrap_or_else(|| panic!("{} begins with no `#:schema`", path.display()));
        let named = path.parent().unwrap().join(named).canonicalize().unwrap();
        assert_eq!(named, root().join("schemas/attune.schema.json").canonicalize().unwrap());
        let value: Value = toml::from_str(&text).unwrap();
        assert_eq!(schema.misfit(&value), None, "{}", path.display());
    }
}

#[test]
fn the_schema_of_the_file_refuses_what_the_program_refuses() {
    let schema = JsonSchema::named("attune");
    for (text, fits) in [
        ("", true),
        ("[users.alice]\npolicy = \"readonly\"", true),
        ("[users.alice]\npolcy = \"readonly\"", false),
        ("[policies.p]\nabsent = \"yes\"", false),
        ("[cluster]\nreplace = \"slide\"", false),
        ("[cluster]\npassword = \"x\"", false),
        ("[[policies.p.statement]]\neffect = \"allow\"", false),
        ("[[policies.p.statement]]\naction = [\"s3:GetObject\", 3]", false),
    ] {
        let value: Value = toml::from_str(text).unwrap();
        assert_eq!(schema.misfit(&value).is_none(), fits, "{text}");
        let folder = Folder::with(&[("attune.toml", text)]);
        let codes = folder.attune("validate --format json").codes();
        let schema_errors = ["unknown-key", "wrong-type", "secret-in-file"];
        assert_eq!(!codes.iter().any(|code| schema_errors.contains(&code.as_str())), fits, "{text}: {codes:?}");
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
