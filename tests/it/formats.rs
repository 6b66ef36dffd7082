//! `attune validate` for tools that collect results: SARIF, JUnit and GitLab's code quality, for several files.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Folder, JsonSchema, Run, expect_file, root};

/// The repository has two configurations. They share a document with an error and one without.
fn repository() -> Folder {
    let document = |action: &str| {
        format!(
            "{{\"Version\": \"2012-10-17\", \"Statement\": [\n  {{\"Effect\": \"Allow\",\n   \"Action\": \"{action}\",\n   \
             \"Resource\": \"arn:aws:s3:::reports/*\"}}\n]}}\n"
        )
    };
    let policies = "[policies.weekly]\ndocument = \"../policies/weekly & daily.json\"\n\n\
                    [policies.raw]\ndocument = \"../policies/raw.json\"\n";
    let folder = Folder::with(&[
        ("s3/clusters/a.toml", &format!("{policies}\n[users.alice]\npolcy = \"weekly\"\n")),
        ("s3/clusters/b.toml", &format!("include = [\"teams/*.toml\"]\n\n{policies}")),
        ("s3/clusters/teams/ml.toml", "[users.bob]\npolicy = \"raw\"\ndetached = true\n"),
        ("s3/policies/weekly & daily.json", &document("s3:GetObjct")),
        ("s3/policies/raw.json", &document("s3:GetObject")),
    ]);
    fs::create_dir(folder.path(".git")).unwrap();
    folder
}

/// Runs the program in a directory of the folder.
fn run_in(folder: &Folder, directory: &str, args: &str) -> Run {
    let mut command = folder.command(args.split_whitespace());
    Run::of(args, &command.current_dir(folder.path(directory)).output().unwrap())
}

fn parsed(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stdout))
}

const BOTH: &str = "--file s3/clusters/a.toml --file s3/clusters/b.toml";

/// The formats, and their golden files.
const FORMATS: [(&str, &str); 3] = [("sarif", "sarif"), ("junit", "junit.xml"), ("gitlab", "gitlab.json")];

/// The text without the version and the repository of this build.
fn unnamed(text: &str) -> String {
    text.replace(env!("CARGO_PKG_REPOSITORY"), "https://example.com/attune").replace(env!("CARGO_PKG_VERSION"), "0.0.0")
}

#[test]
fn several_configurations_are_one_document_with_expected_text() {
    let folder = repository();
    for (format, ending) in FORMATS {
        let run = folder.attune(&format!("validate {BOTH} --format {format}")).exits(1);
        expect_file(&root().join(format!("tests/formats/errors.{ending}")), &unnamed(&run.stdout));
        for file in ["a", "b"] {
            assert!(run.stderr.contains(&format!("error: s3/clusters/{file}.toml is not valid\n")), "{}", run.stderr);
        }
        let valid = Folder::with(&[("attune.toml", "[users.alice]\npolicy = \"readonly\"\n")]);
        let run = valid.attune(&format!("validate --format {format}")).exits(0);
        expect_file(&root().join(format!("tests/formats/none.{ending}")), &unnamed(&run.stdout));
    }
}

#[test]
fn paths_start_at_the_top_level_of_the_repository_from_every_directory() {
    let folder = repository();
    let absolute = folder.path("s3/clusters").canonicalize().unwrap().display().to_string();
    for (format, _) in FORMATS {
        let expected = folder.attune(&format!("validate {BOTH} --format {format}")).stdout;
        for (directory, files) in [
            ("s3", "--file clusters/a.toml --file clusters/b.toml".to_owned()),
            ("s3/clusters", "--file a.toml --file ./b.toml".to_owned()),
            ("s3/policies", "--file ../clusters/a.toml --file ../../s3/clusters/b.toml".to_owned()),
            ("", format!("--file {absolute}/a.toml --file {absolute}/b.toml")),
            ("", "--file s3/clusters".to_owned()),
        ] {
            let run = run_in(&folder, directory, &format!("validate {files} --format {format}")).exits(1);
            assert_eq!(run.stdout, expected, "{format} in {directory}: {files}");
        }
    }
    // Without a repository, they start where the command runs.
    fs::remove_dir(folder.path(".git")).unwrap();
    let run = folder.attune("validate --file s3/clusters/a.toml --format gitlab");
    assert_eq!(parsed(&run)[0]["location"]["path"], "s3/clusters/a.toml");
}

#[test]
fn sarif_is_what_the_schema_of_oasis_says() {
    let schema = fs::read_to_string(root().join("tests/formats/sarif-2.1.0.schema.json")).unwrap();
    let schema = JsonSchema::new(serde_json::from_str(&schema).unwrap());
    let folder = repository();
    for args in ["--file s3/clusters", "--file s3/clusters/a.toml", "--file none.toml", "--file none.toml --file /none"]
    {
        let log = parsed(&folder.attune(&format!("validate {args} --format sarif")).exits(1));
        assert_eq!(schema.misfit(&log), None, "{args}");
        let run = &log["runs"][0];
        assert_eq!(log["runs"].as_array().unwrap().len(), 1);
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        for result in run["results"].as_array().unwrap() {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            // GitHub needs a line.
            let place = &result["locations"][0]["physicalLocation"];
            assert!(place["region"]["startLine"].as_u64().unwrap() > 0, "{result}");
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            let relative = place["artifactLocation"]["uriBaseId"] == "%SRCROOT%";
            assert!(relative != uri.starts_with("file:///"), "{place}");
        }
    }
    assert!(schema.misfit(&serde_json::json!({"version": "2.1.0", "runs": [{"results": []}]})).is_some());
}

fn anchors(page: &str) -> BTreeSet<String> {
    super::docs::links_and_anchors(&fs::read_to_string(root().join("docs").join(page)).unwrap()).1
}

#[test]
fn every_rule_has_an_address_that_leads_to_its_text() {
    let address = format!("{}/blob/v{}/docs/", env!("CARGO_PKG_REPOSITORY"), env!("CARGO_PKG_VERSION"));
    let pages = ["findings.md", "lints.md"].map(|page| (page, anchors(page)));
    let mut seen = 0;
    for (text, files) in [
        ("include = [\"../x\"]\n[cluster]\npassword = \"x\"\nreplace = 1\n[users.a]\n", "--file attune.toml"),
        ("[policies.p]\ndocument = \"p.json\"\n[policies.attune-swap-]\n", "--file attune.toml --file none.toml"),
    ] {
        let folder = Folder::with(&[("attune.toml", text), ("p.json", "{\"Statement\": {\"Principal\": \"*\"}}")]);
        let log = parsed(&folder.attune(&format!("validate {files} --format sarif")).exits(1));
        for rule in log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap() {
            let uri = rule["helpUri"].as_str().unwrap();
            let (page, anchor) = uri.strip_prefix(&address).unwrap().split_once('#').unwrap();
            let (_, anchors) = pages.iter().find(|(name, _)| *name == page).unwrap();
            assert!(anchors.contains(anchor), "{uri}");
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn code_quality_has_the_documented_members_and_stable_fingerprints() {
    let folder = repository();
    let before = parsed(&folder.attune(&format!("validate {BOTH} --format gitlab")));
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let fingerprints = |report: &Value| -> Vec<String> {
        report.as_array().unwrap().iter().map(|issue| issue["fingerprint"].as_str().unwrap().to_owned()).collect()
    };
    for issue in before.as_array().unwrap() {
        assert_eq!(
            names(issue),
            ["check_name", "description", "fingerprint", "location", "severity"].map(str::to_owned)
        );
        assert!(["info", "minor", "critical"].contains(&issue["severity"].as_str().unwrap()), "{issue}");
        assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() > 0);
    }
    assert_eq!(fingerprints(&before).iter().collect::<BTreeSet<_>>().len(), before.as_array().unwrap().len());
    let document = "s3/policies/weekly & daily.json";
    folder.write(document, &format!("\n\n{}", folder.read(document).replace("   \"Action\"", "\t\"Action\"")));
    let moved = parsed(&folder.attune(&format!("validate {BOTH} --format gitlab")));
    assert_ne!(before, moved);
    assert_eq!(fingerprints(&before), fingerprints(&moved));
}

#[test]
fn a_configuration_that_cannot_be_read_is_in_every_format() {
    let folder = repository();
    let args = "validate --file s3/clusters/a.toml --file s3/none.toml --format";
    let junit = folder.attune(&format!("{args} junit")).exits(1).stdout;
    assert!(junit.contains("<testcase classname=\"s3/none.toml\" name=\"s3/none.toml\" file=\"s3/none.toml\">\n      <failure message=\"cannot read s3/none.toml"), "{junit}");
    let gitlab = parsed(&folder.attune(&format!("{args} gitlab")).exits(1));
    let last = gitlab.as_array().unwrap().last().unwrap();
    assert_eq!((&last["check_name"], &last["location"]["path"]), (&"no-file".into(), &"s3/none.toml".into()));
}

/// Another reader of XML than the one that wrote it: that of Python, which reads strictly.
#[test]
fn junit_is_well_formed_and_its_counts_are_right() {
    const READ: &str = "import sys, xml.etree.ElementTree as tree
suites = tree.parse(sys.stdin).getroot()
count = lambda of, name: len(of.findall('.//' + name))
for of in [suites, *suites]:
    assert int(of.get('tests')) == count(of, 'testcase') > 0, of.attrib
    assert int(of.get('failures')) == count(of, 'failure'), of.attrib
names = [(case.get('classname'), case.get('name')) for case in suites.iter('testcase')]
assert len(names) == len(set(names)), names
print(count(suites, 'failure'), [text for text in suites.itertext() if '\\x1b' in text])
";
    let folder = repository();
    folder.write("s3/clusters/teams/nasty.toml", "[users.\"]]>\\u001b<b>&\"]\npolicy = \"raw\"\npolcy = 1\n");
    for (args, failures) in [(BOTH, "5"), ("--file s3/none.toml", "1")] {
        let xml = folder.attune(&format!("validate {args} --format junit")).exits(1).stdout;
        folder.write("report.xml", &xml);
        let mut python = Command::new("python3");
        let python = python.args(["-c", READ]).stdin(fs::File::open(folder.path("report.xml")).unwrap());
        let read = match python.output() {
            Ok(read) => read,
            Err(error) => return assert!(std::env::var_os("CI").is_none(), "python3: {error}"),
        };
        let said = String::from_utf8_lossy(&read.stdout);
        assert_eq!(said.trim(), format!("{failures} []"), "{xml}\n{}", String::from_utf8_lossy(&read.stderr));
    }
}

#[test]
fn every_format_names_the_row_and_the_use_of_a_finding() {
    let main =
        "[tables.team]\nml = {}\nbio = {}\n[policies.\"{{team}}-rw\"]\neach = \"team\"\ndocument = \"rw.json\"\n";
    let document = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:{{team}}", "Resource": "arn:aws:s3:::{{team}}-data/*"}]}"#;
    let folder = Folder::with(&[("attune.toml", main), ("rw.json", document)]);
    for format in ["junit", "gitlab", "sarif"] {
        let printed = folder.attune(&format!("validate --format {format}")).stdout;
        for part in ["policy `ml-rw` uses it: attune.toml:6", "row `bio` of `[tables.team]`: attune.toml:3"] {
            assert!(printed.contains(part), "{format}: no {part} in\n{printed}");
        }
    }
}
