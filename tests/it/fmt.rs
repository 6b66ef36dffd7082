//! `attune fmt`: the format of a file, the messages about it, and the parts that never change.

use std::fs;
use std::path::Path;

use attune::desired::{self, Boundary, Loaded, PolicyIntent};

use super::harness::{Folder, files, root};

const DRAFT: &str = "# who has what\n\n[users.bob]\npolicy='readonly'\n[users.alice]   # first\npolicy=\"readonly\"\n";
const FORMED: &str =
    "# who has what\n\n[users.alice] # first\npolicy = \"readonly\"\n\n[users.bob]\npolicy = 'readonly'\n";

#[test]
fn a_file_is_formatted_and_then_stays_formatted() {
    let folder = Folder::with(&[("attune.toml", DRAFT)]);
    let checked = folder
        .attune("fmt --check")
        .exits(2)
        .says("not formatted: attune.toml\n--- attune.toml\n+++ attune.toml (formatted)\n");
    assert!(checked.stdout.contains("\n-policy='readonly'\n") && checked.stdout.contains("\n+[users.alice] # first\n"));
    assert_eq!(folder.read("attune.toml"), DRAFT, "a check writes nothing");
    let run = folder.attune("fmt").exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("formatted attune.toml\n", ""));
    assert_eq!(folder.read("attune.toml"), FORMED);
    for args in ["fmt", "fmt --check"] {
        let run = folder.attune(args).exits(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{args}");
    }
}

#[test]
fn included_files_are_formatted_and_documents_are_not() {
    let document = "{\"Version\":  \"2012-10-17\", \"Statement\": []}";
    let folder = Folder::with(&[
        ("attune.toml", "include=[\"teams/*\"]\n[policies.p]\ndocument=\"p.json\"\n"),
        ("teams/a.toml", DRAFT),
        ("p.json", document),
        ("other.toml", "a=1"),
    ]);
    folder.attune("fmt --check").exits(2).says("not formatted: attune.toml").says("not formatted: teams/a.toml");
    folder.attune("fmt").exits(0);
    assert_eq!(folder.read("attune.toml"), "include = [\"teams/*\"]\n\n[policies.p]\ndocument = \"p.json\"\n");
    assert_eq!(folder.read("teams/a.toml"), FORMED);
    assert_eq!(folder.read("p.json"), document);
    assert_eq!(folder.read("other.toml"), "a=1");
    folder.attune("fmt other.toml").exits(0).says("formatted other.toml");
    folder.attune("fmt missing.toml").exits(1).warns("cannot read missing.toml");
    folder.attune("fmt --file missing.toml").exits(1).warns("cannot read missing.toml").warns("--file PATH");
}

#[test]
fn an_include_that_cannot_be_read_is_reported_and_the_other_files_are_formatted() {
    let main = "include=[\"team.toml\", \"none/*.toml\", \"../outside.toml\"]\n[policies.p]\ndocument=\"none.json\"\n";
    let folder = Folder::with(&[("attune.toml", main), ("team.toml", DRAFT)]);
    let run = folder.attune("fmt").exits(1).says("formatted attune.toml\nformatted team.toml\n");
    let run = run.warns("`none/*.toml` matches no file").warns("../outside.toml: it is outside the repository");
    let run = run.warns("not all included files can be read and formatted");
    assert!(!run.stderr.contains("none.json"), "a document is not formatted: {}", run.stderr);
    folder.attune("fmt --check").exits(1);
}

#[test]
fn invalid_toml_is_reported_with_its_place_and_not_changed() {
    let broken = "[cluster]\npassword = \"hunter2\"\ntenant = \n";
    let folder = Folder::with(&[("broken.toml", broken), ("draft.toml", DRAFT)]);
    let run = folder.attune("fmt broken.toml draft.toml").exits(1).warns("broken.toml:3:10").warns("toml-syntax");
    let run = run.warns("1 file is not valid and not formatted").says("formatted draft.toml");
    assert!(!run.stderr.contains("hunter2"));
    assert_eq!(folder.read("broken.toml"), broken);
    assert_eq!(folder.read("draft.toml"), FORMED);
    // A secret in a file must not appear in the output.
    folder.write("secret.toml", "[cluster]\npassword=\"hunter2\"\n");
    let run = folder.attune("fmt --check secret.toml").exits(2);
    assert!(run.stdout.contains("password") && !run.stdout.contains("hunter2"), "{}", run.stdout);
}

/// Another version may have another order of sections.
#[test]
fn a_file_for_another_version_is_not_formatted() {
    let other = format!("required_version = \">=99\"\n{DRAFT}");
    let folder = Folder::with(&[("attune.toml", &other), ("own.toml", DRAFT)]);
    for args in ["fmt", "fmt --check", "fmt attune.toml"] {
        folder.attune(args).exits(1).warns("this configuration requires attune >=99").warns("other-version");
    }
    assert_eq!(folder.read("attune.toml"), other);
    folder.attune("fmt own.toml").exits(0);
}

#[test]
fn the_standard_input_is_answered_on_the_standard_output() {
    let folder = Folder::new();
    for text in [DRAFT, FORMED] {
        assert_eq!(folder.attune_fed("fmt -", text).exits(0).stdout, FORMED);
    }
    folder.attune_fed("fmt - --check", DRAFT).exits(2).says("not formatted: standard input");
    assert_eq!(folder.attune_fed("fmt - --check", FORMED).exits(0).stdout, "");
    let broken = folder.attune_fed("fmt -", "x = ").exits(1).warns("standard input:1:");
    assert_eq!(broken.stdout, "");
    folder.attune_fed("fmt - other.toml", DRAFT).exits(1).warns("excludes other files");
}

#[cfg(unix)]
#[test]
fn a_file_keeps_its_permissions_and_nothing_is_written_through_a_link() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with(&[("real.toml", DRAFT)]);
    fs::set_permissions(folder.path("real.toml"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real.toml", folder.path("attune.toml")).unwrap();
    for args in ["fmt", "fmt attune.toml"] {
        folder
            .attune(args)
            .exits(1)
            .warns("attune does not write through links")
            .warns("use the path of the file itself");
        assert_eq!(folder.read("real.toml"), DRAFT);
    }
    folder.attune("fmt --check").exits(2);
    folder.attune("fmt real.toml").exits(0);
    assert_eq!(folder.read("real.toml"), FORMED);
    assert_eq!(fs::metadata(folder.path("real.toml")).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(folder.path("attune.toml")).unwrap().is_symlink());
    assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 2, "nothing is left behind");
}

/// The content of a file, without positions.
fn said(loaded: &Loaded) -> String {
    let desired = &loaded.desired;
    let endpoints: Vec<&str> = desired.cluster.endpoints.iter().map(|endpoint| endpoint.text.as_str()).collect();
    let policies = desired.policies.iter().map(|(name, entry)| {
        let document = match &entry.intent {
            PolicyIntent::Present(authored) => format!("{:?}", authored.document()),
            PolicyIntent::Absent => "absent".to_owned(),
        };
        format!("{name} {:?} {:?} {document}", entry.description, entry.lint)
    });
    let users = desired.users.iter().map(|(name, entry)| format!("{name} {:?}", entry.intent));
    let mut findings: Vec<String> = loaded.findings.iter().map(|finding| finding.message.clone()).collect();
    findings.sort();
    format!(
        "{endpoints:?} {:?} {:?} {:?} {:?}\n{}\n{}\n{findings:?}",
        desired.cluster.tenant,
        desired.ownership,
        desired.lint,
        desired.credentials.is_some(),
        policies.collect::<Vec<_>>().join("\n"),
        users.collect::<Vec<_>>().join("\n"),
    )
}

#[test]
fn every_file_of_the_golden_cases_keeps_its_meaning_when_formatted() {
    let mut formed = 0;
    for file in
        files(&root().join("tests/golden"), "attune.toml").iter().chain(&files(&root().join("examples"), "attune.toml"))
    {
        let folder = Folder::copy_of(file.parent().unwrap_or(Path::new("")));
        let before = desired::load(&folder.path("attune.toml"), Boundary::Repository).unwrap();
        let comments = |text: &str| text.matches('#').count();
        let text = folder.read("attune.toml");
        let is_for_another = text.contains("required_version = \">=99");
        if is_for_another || toml::from_str::<toml::Table>(&text).is_err() {
            continue;
        }
        folder.attune("fmt").says("");
        let after = desired::load(&folder.path("attune.toml"), Boundary::Repository).unwrap();
        assert_eq!(said(&before), said(&after), "{}", file.display());
        assert_eq!(comments(&text), comments(&folder.read("attune.toml")), "{}", file.display());
        assert_eq!(folder.attune("fmt --check attune.toml").exits(0).stdout, "");
        formed += 1;
    }
    assert!(formed > 50, "only {formed}");
}

#[test]
fn the_examples_are_formatted() {
    for file in files(&root().join("examples"), ".toml") {
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(desired::format_toml("example", &text).unwrap(), text, "{}", file.display());
    }
}
