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
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
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
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_quickstart_has_every_kind_of_change() {
    let plan = Folder::example("quickstart").attune("plan --format json").exits(0).json();
    for kind in ["add", "replace", "remove", "attach", "move", "detach"] {
        assert!(plan["summary"][kind].as_u64() > Some(0), "no {kind} in {}", plan["summary"]);
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn ten_teams_with_four_kinds_of_access_on_three_clusters_are_planned_by_one_command() {
    let folder = Folder::example("teams");
    let written = [".toml", "shared/policies"].map(|part| {
        let all = files(&root().join("examples/teams"), "").into_iter();
        all.filter(|path| path.to_string_lossy().contains(part)).map(|path| fs::read_to_string(path).unwrap()).collect()
    });
    let written: Vec<String> = written.into_iter().flat_map(|texts: Vec<String>| texts).collect();
    assert!(written.iter().map(|text| text.lines().count()).sum::<usize>() < 120);
    let plans = folder.attune("plan --file . --format json").exits(0).json();
    let runs = plans["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 3);
    for (run, env) in runs.iter().zip(["prod", "prod-eu", "test"]) {
        let plan = &run["result"];
        assert_eq!((plan["summary"]["add"].as_u64(), plan["summary"]["attach"].as_u64()), (Some(40), Some(40)));
        assert!(plan.to_string().contains(&format!("arn:aws:s3:::{env}-genomes/*")));
    }
    let digests: Vec<&str> = runs.iter().map(|run| run["result"]["digest"].as_str().unwrap()).collect();
    let approved: String = digests.iter().map(|digest| format!(" --approved {digest}")).collect();
    folder.attune(&format!("apply --file .{approved}")).exits(0);
    folder.attune("plan --file . --detailed-exitcode").exits(0);
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
