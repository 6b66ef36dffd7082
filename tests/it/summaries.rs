//! Summaries of access: a folder contains two documents, and the output of `attune policy diff` and `attune policy lint`.
//!
//! `old.json` and `new.json` are the input. `diff.txt` and `lint.txt` (of `new.json`) are expected: the output, and the exit code
//! in their last line; `UPDATE_EXPECT=1` overwrites them. The names of the cases are their topics: a quirk of some
//! servers, or a part of a summary.

use std::path::Path;

use crate::harness::{Folder, expect_file, folders, root};

/// Both outputs of a run, and its exit code.
fn said(folder: &Folder, args: &str) -> String {
    let run = folder.attune(args);
    let code = run.code.expect("an exit code");
    format!("{}{}exit {code}\n", run.stdout, run.stderr)
}

fn cases() -> Vec<std::path::PathBuf> {
    folders(&root().join("tests/summaries"))
}

#[test]
fn every_pair_of_documents_has_the_expected_summary() {
    for case in cases() {
        let folder = Folder::copy_of(&case);
        let expect = |name: &str, args: &str| expect_file(&case.join(name), &said(&folder, args));
        expect("diff.txt", "policy diff old.json new.json");
        expect("lint.txt", "policy lint new.json");
        if folder.path("old.json").exists() {
            folder.attune("policy diff old.json old.json").exits(0).says("the same document");
        }
    }
}

#[test]
fn each_quirk_and_each_part_has_a_summary() {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let names: Vec<_> = cases().iter().filter_map(|path| name(path)).collect();
    for quirk in ["quirk-1-", "quirk-2-", "quirk-3-", "quirk-4-", "quirk-5-", "quirk-8-", "summary-"] {
        assert!(names.iter().any(|name| name.starts_with(quirk)), "no case begins with {quirk}");
    }
}
