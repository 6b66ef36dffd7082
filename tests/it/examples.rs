//! Every example is true: it is valid, its plan can be applied, and the cluster is then as the file says.

use std::fs;
use std::path::PathBuf;

use super::harness::{Folder, files, root};

fn examples() -> Vec<PathBuf> {
    let mains = files(&root().join("examples"), "attune.toml");
    let mut folders: Vec<PathBuf> = mains.iter().map(|file| file.parent().unwrap().to_path_buf()).collect();
    folders.dedup();
    assert!(folders.len() >= 2, "the examples are gone");
    folders
}

#[test]
fn every_example_is_valid_and_converges() {
    for example in examples() {
        let folder = Folder::copy_of(&example);
        folder.attune("validate").exits(0);
        folder.attune("plan --detailed-exitcode").exits(2);
        folder.attune("apply --yes").exits(0).says("matches the configuration");
        folder.attune("plan --detailed-exitcode").exits(0).says("no changes");
    }
}

#[test]
fn the_quickstart_has_every_kind_of_change() {
    let plan = Folder::example("quickstart").attune("plan --format json").exits(0).json();
    for kind in ["add", "replace", "remove", "attach", "move", "detach"] {
        assert!(plan["summary"][kind].as_u64() > Some(0), "no {kind} in {}", plan["summary"]);
    }
}

#[test]
fn the_page_about_backups_shows_the_documents_of_its_example() {
    let page = fs::read_to_string(root().join("docs/protecting-backups.md")).unwrap();
    let documents = files(&root().join("examples/backups/policies"), ".json");
    assert_eq!(documents.len(), 3);
    for path in documents {
        let name = path.file_stem().unwrap().to_string_lossy();
        let shown = format!("<!-- document: {name} -->\n```json\n{}```\n", fs::read_to_string(&path).unwrap());
        assert!(page.contains(&shown), "the page shows another {name}");
    }
}
