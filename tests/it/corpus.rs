//! Documents as real sites have them: what lint, the fixes, the normal form, a comparison and an import make of them.

use std::fmt::Write;
use std::fs;

use super::harness::{Folder, Run, expect_file, files, root};

const FILE: &str = "[policies.p]\ndocument = \"p.json\"\n";
const IMPORT: &str = "import --cluster sim:cluster.json --inline --out imported";
const NOTHING: &str = r#"{"Version": "2012-10-17", "Statement": []}"#;

fn cluster(document: &str) -> String {
    format!(
        r#"{{"format": "attune.sim/1", "tenants": {{"Root": {{"policies": {{"p": {{"document": {document}}}}}}}}}}}"#
    )
}

fn section(text: &mut String, args: &str, run: &Run) {
    let _ = writeln!(text, "$ attune {args}\n{}{}", run.stdout, run.stderr);
}

#[test]
fn each_document_is_checked_fixed_compared_and_imported_as_recorded() {
    let documents = files(&root().join("tests/corpus"), "json");
    assert_eq!(documents.len(), 20);
    for path in documents {
        let document = fs::read_to_string(&path).unwrap();
        let folder = Folder::with(&[("attune.toml", FILE), ("p.json", &document), ("nothing.json", NOTHING)]);
        let elsewhere = Folder::with(&[("cluster.json", &cluster(&document))]);
        let mut text = String::new();
        for args in ["policy lint p.json", "policy render p.json", "policy diff nothing.json p.json", "validate --fix"]
        {
            section(&mut text, args, &folder.attune(args));
        }
        let fixed = folder.read("p.json");
        let _ = writeln!(text, "$ cat p.json\n{}", if fixed == document { "(unchanged)" } else { &fixed });
        section(&mut text, IMPORT, &elsewhere.attune(IMPORT));
        let imported = fs::read_to_string(elsewhere.path("imported/attune.toml"));
        let _ = writeln!(text, "$ cat imported/attune.toml\n{}", imported.unwrap_or_else(|_| "(no file)\n".to_owned()));
        expect_file(&path.with_extension("txt"), &text);
    }
}
