//! Documents whose effect was measured on real servers: what attune says about them.
//!
//! A folder of `tests/lineage` contains documents, perhaps a configuration, and `ask.txt` with one command per line.
//! `right.txt` is expected: the output of each command, and its exit code; `UPDATE_EXPECT=1` overwrites it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::harness::{Folder, expect_file, files, folders, root};

fn cases() -> Vec<PathBuf> {
    folders(&root().join("tests/lineage"))
}

#[test]
fn each_case_has_its_right_answers() {
    for case in cases() {
        let folder = Folder::copy_of(&case);
        let mut text = String::new();
        for args in fs::read_to_string(case.join("ask.txt")).unwrap().lines() {
            let run = folder.attune(args);
            let code = run.code.expect("an exit code");
            let _ = writeln!(text, "$ attune {args}\n{}{}exit {code}\n", run.stdout, run.stderr);
        }
        expect_file(&case.join("right.txt"), &text);
    }
}

/// The warnings and errors of each case, and its notes on locks and on keys that the client chooses. `UPDATE_EXPECT` does not
/// change them.
const FOUND: &[(&str, &[&str])] = &[
    ("client-chosen-keys", &["words-of-the-client"]),
    ("deny-bypass-void", &["lock-bypass", "lock-bypass", "lock-bypass"]),
    ("deny-delete-version", &["lock-bypass", "void-deny-of-versions"]),
    ("deny-delete-version-remove-it", &["void-deny-of-versions"]),
    ("deny-prefix-hides-nothing", &["deny-of-prefix"]),
    ("deny-tagging-evaded", &["lock-bypass", "deny-of-tags"]),
    ("deny-without-sse", &["deny-without-header"]),
    ("diff-versions", &["lock-bypass", "void-deny-of-versions"]),
    ("except-noise", &["address-of-the-client"]),
    ("existing-tag-put", &["key-unknown"]),
    ("folder-star-no-list", &["lock-bypass", "bucket-action-on-object-arn"]),
    ("folder-without-star", &["untidy-resource"]),
    ("g06-404", &[]),
    ("get-object-v-star", &["void-version-action"]),
    ("list-star", &["bucket-action-on-object-arn"]),
    ("listbuckets-deny", &["lock-bypass", "missing-prefix-slash", "deny-of-bucket-names"]),
    ("listbuckets-filtered", &["account-action-resource"]),
    ("lock-cfg-bypass", &["lock-bypass"]),
    ("lock-cfg-fixed", &[]),
    ("null-versionid", &["never-absent"]),
    ("policy-hole-delete", &["policy-escalation"]),
    ("prefix-empty", &["lists-below-prefix"]),
    ("retention-shortened", &["lock-bypass"]),
    ("retention-shortened-deny", &["lock-bypass"]),
    ("source-ip-spoofed", &["address-of-the-client"]),
    ("star-includes-bypass", &["lock-bypass"]),
    ("star-on-bucket-only", &["object-action-on-bucket-arn"]),
    ("three-contradicting", &["bucket-action-on-object-arn"]),
    ("user-name-with-star", &["name-with-wildcard"]),
    ("username-dash", &["missing-prefix-slash", "lock-bypass"]),
    ("username-deny-evaded", &["deny-by-username"]),
    ("username-known", &[]),
    ("username-variable-star", &["missing-prefix-slash", "lock-bypass"]),
    ("version-actions", &[]),
    ("version-actions-only", &["void-version-action"]),
    ("who-versions", &["lock-bypass", "void-version-action"]),
];

/// Questions about a case, and whether what they ask for is possible by MinIO of 2021 and of 2026. `UPDATE_EXPECT` does not change
/// them.
const MEASURED: &[(&str, &str, [bool; 2])] = &[
    ("version-actions", "nora delete-version ward-versions/k", [true, true]),
    ("version-actions", "nora s3:DeleteObjectVersion ward-versions/k", [true, true]),
    ("version-actions-only", "nora delete-version ward-versions/k", [false, false]),
    ("version-actions-only", "nora s3:DeleteObjectVersion ward-versions/k", [false, false]),
    ("who-versions", "ward-keeper delete-version ward-versions/k", [true, true]),
    ("who-versions", "ward-purger delete-version ward-versions/k", [false, false]),
    ("who-versions", "backup delete-locked-version ward-locked/k", [true, false]),
    ("username-known", "ines s3:DeleteObject ward-files/k", [true, true]),
    ("get-object-v-star", "nora s3:GetObjectVersion ward-versions/k", [false, false]),
    ("listbuckets-filtered", "nora s3:ListAllMyBuckets *", [true, true]),
    ("listbuckets-filtered", "nora see-buckets ward-files", [true, true]),
    ("listbuckets-deny", "nora see-buckets ward-files", [true, true]),
    ("lock-cfg-bypass", "nora delete-locked-version ward-locked/k", [true, false]),
    ("lock-cfg-fixed", "nora delete-locked-version ward-locked/k", [false, false]),
    ("deny-bypass-void", "nora s3:BypassGovernanceRetention ward-locked/k", [true, false]),
    ("star-includes-bypass", "nora delete-locked-version ward-locked/k", [true, true]),
    ("deny-delete-version", "nora delete-version ward-versions/k", [true, false]),
    ("retention-shortened", "nora shorten-retention ward-locked/k", [true, true]),
    ("username-deny-evaded", "nora s3:DeleteObject ward-files/k", [false, false]),
    ("folder-star-no-list", "nora list ward-files", [false, false]),
];

#[test]
fn what_a_user_can_do_is_as_measured() {
    let mut wrong = Vec::new();
    for (case, question, measured) in MEASURED {
        let folder = Folder::copy_of(&root().join("tests/lineage").join(case));
        for (rules, can) in ["minio-2021", "minio-2026"].into_iter().zip(measured) {
            let run = folder.attune(&format!("access {question} --rules {rules}"));
            if run.code != Some(if *can { 0 } else { 2 }) {
                wrong.push(format!("{case}: {question} by {rules} is {:?}: {}{}", run.code, run.stdout, run.stderr));
            }
        }
        // By default all rules count, and those of 2021 lead.
        assert_eq!(folder.attune(&format!("access {question}")).code, Some(if measured[0] { 0 } else { 2 }), "{case}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Notes that are not about the topic of a case.
const BESIDE: [&str; 2] = ["missing-companion", "redundant-statement"];

fn found(case: &Path) -> Vec<String> {
    let folder = Folder::copy_of(case);
    let about = |args: &str| {
        let codes = folder.attune(&format!("{args} --format json")).codes();
        codes.into_iter().filter(|code| !BESIDE.contains(&code.as_str())).collect::<Vec<_>>()
    };
    let asked = fs::read_to_string(case.join("ask.txt")).unwrap();
    let checks = asked.lines().filter(|args| args.starts_with("policy lint") || args.starts_with("validate"));
    checks.flat_map(about).collect()
}

#[test]
fn each_case_has_its_findings() {
    let expected: BTreeMap<&str, &[&str]> = FOUND.iter().copied().collect();
    let cases = cases();
    assert_eq!(cases.len(), expected.len());
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let mut codes = found(&case);
        codes.sort();
        let mut expected = expected[name.as_str()].to_vec();
        expected.sort_unstable();
        assert_eq!(codes, expected, "{name}");
    }
}

#[test]
fn no_help_removes_what_protects_or_shows_every_bucket() {
    for case in cases() {
        let right = fs::read_to_string(case.join("right.txt")).unwrap();
        assert!(!right.contains("or remove it"), "{}: {right}", case.display());
        assert!(!right.contains("move it to its own statement"), "{}: {right}", case.display());
    }
}

/// Rules on protection: no ordinary document breaks one with a warning.
const ABOUT_PROTECTION: [&str; 8] = [
    "deny-by-username",
    "deny-of-bucket-names",
    "deny-of-prefix",
    "deny-of-tags",
    "lists-below-prefix",
    "lock-bypass",
    "void-deny-of-versions",
    "void-version-action",
];

#[test]
fn ordinary_documents_have_no_warning_about_protection() {
    let documents = files(&root().join("tests/corpus"), ".json");
    assert_eq!(documents.len(), 20);
    let check = |name: &str, folder: &Folder, args: &str| {
        let report = folder.attune(args).json();
        for finding in report["findings"].as_array().unwrap() {
            let code = finding["code"].as_str().unwrap();
            let is_note = finding["severity"] == "note";
            assert!(is_note || !ABOUT_PROTECTION.contains(&code), "{name}: {finding}");
        }
    };
    for path in documents {
        let folder = Folder::with(&[("p.json", &fs::read_to_string(&path).unwrap())]);
        check(&path.to_string_lossy(), &folder, "policy lint p.json --format json");
    }
    let examples = folders(&root().join("examples"));
    for example in examples.iter().filter(|example| example.join("attune.toml").exists()) {
        check(&example.to_string_lossy(), &Folder::copy_of(example), "validate --format json");
    }
}
