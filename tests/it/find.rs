//! The configuration that no `--file` names: `ATTUNE_FILE`, here, or above up to the top level of the repository; and the
//! version of attune that it requires.

use std::fs;
use std::os::unix::fs::{chown, symlink};

use crate::base::{git, repository, with_git};
use crate::harness::{Folder, Run};

/// Runs attune in a folder below.
fn below(folder: &Folder, directory: &str, args: &str, variables: &[(&str, &str)]) -> Run {
    fs::create_dir_all(folder.path(directory)).unwrap();
    let mut command = folder.command(args.split_whitespace());
    command.current_dir(folder.path(directory)).envs(variables.iter().copied());
    Run::of(args, &command.output().unwrap())
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_configuration_is_searched_upwards_to_the_top_of_the_repository_and_no_further() {
    let folder = repository();
    let found = below(&folder, "live/deep/er", "plan", &[]).exits(0).says("no changes");
    assert_eq!(found.stderr, "configuration: ../../attune.toml\n");
    below(&folder, "live/deep", "plan --quiet", &[]).exits(0).says("no changes");
    // A command that reads none says nothing.
    assert_eq!(below(&folder, "live/deep/er", "schema", &[]).exits(0).stderr, "");
    // Here, none above is searched, and none in another directory.
    assert_eq!(below(&folder, "live", "plan", &[]).exits(0).stderr, "");
    below(&folder, "elsewhere", "plan", &[]).exits(1).warns("cannot read attune.toml: No such file");
    // The nearest one counts.
    folder.write("attune.toml", "[users.x]\n");
    below(&folder, "live/deep", "validate", &[]).exits(0).warns("configuration: ../attune.toml");
    below(&folder, "elsewhere", "validate", &[]).exits(1).says("user-without-policy");
    // A repository inside ends the search, and outside of one there is none.
    fs::create_dir_all(folder.path("live/inner/.git")).unwrap();
    below(&folder, "live/inner/deep", "plan", &[]).exits(1).warns("cannot read attune.toml: No such file");
    let outside = Folder::with(&[("attune.toml", "[users.x]\n")]);
    below(&outside, "deep", "validate", &[]).exits(1).warns("cannot read attune.toml: No such file");
    // All that reads a configuration finds it, also its base.
    let mut command = folder.command(["plan", "--base", "main"]);
    command.current_dir(folder.path("live/deep")).env("PATH", std::env::var("PATH").unwrap());
    Run::of("plan --base main", &command.output().unwrap()).exits(0).says("proposed: none");
    below(&folder, "live/deep", "access alice", &[]).exits(0);
}

/// Whoever applies in one directory and looks in another one sees the same applies.
#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_state_directory_is_beside_the_configuration_that_was_found_above() {
    let folder = repository();
    folder.write("live/teams/b.toml", &folder.read("live/teams/b.toml").replace("readonly", "readwrite"));
    let applied = below(&folder, "live/deep", "apply --yes", &[]).exits(0);
    assert!(applied.stdout.contains("../.attune/before-"), "{}", applied.stdout);
    assert!(!folder.path("live/deep/.attune").exists() && folder.path("live/.attune").exists());
    let history = |directory: &str| below(&folder, directory, "history", &[]).exits(0);
    let [deep, top] = ["live/deep", "live"].map(|directory| history(directory).stdout);
    assert!(deep.contains("applied") && deep.lines().count() == top.lines().count(), "{deep}{top}");
    assert_eq!(history("live/deep").stderr, "");
    // The printed command works where it was printed.
    let command = applied.stdout.lines().find_map(|line| line.split_once("attune apply ")).unwrap().1;
    below(&folder, "live/deep", &format!("apply {command}"), &[]).exits(0);
    below(&folder, "live/deep", "history --state-dir .", &[]).exits(0).says("no applies");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn attune_file_names_a_configuration_and_file_wins() {
    let folder = repository();
    let variable = [("ATTUNE_FILE", "live/attune.toml")];
    folder.attune_with("plan", &variable).exits(0).says("no changes");
    folder.attune_with("plan --file missing.toml", &variable).exits(1).warns("cannot read missing.toml");
    folder.attune_with("plan", &[("ATTUNE_FILE", "")]).exits(1).warns("cannot read attune.toml");
    folder
        .attune_with("plan", &[("ATTUNE_FILE", "gone.toml")])
        .exits(1)
        .warns("cannot read gone.toml: ")
        .warns("ATTUNE_FILE names it");
    // It may be a directory of several, as `--file` may.
    folder.write("many/a.toml", "");
    folder.write("many/b.toml", "");
    folder.attune_with("validate", &[("ATTUNE_FILE", "many")]).exits(0).says("== 2 files");
}

#[test]
fn a_configuration_above_that_belongs_to_someone_else_is_not_used() {
    const SOMEONE: u32 = 54321;
    let folder = repository();
    folder.write("top/evil.toml", "[cluster]\nendpoints = [\"https://evil.example.com:14000\"]\n");
    let file = folder.path("attune.toml");
    fs::write(&file, folder.read("top/evil.toml")).unwrap();
    if chown(&file, Some(SOMEONE), None).is_err() {
        eprintln!("skipped: only root can give a file to someone else");
        return;
    }
    let refused = |args: &str| {
        let run = below(&folder, "elsewhere", args, &[]).exits(1);
        let run = run.warns("../attune.toml is not used, since it belongs to user 54321, neither to you nor to root");
        assert!(!run.stderr.contains("evil"), "{}", run.stderr);
    };
    ["plan", "apply --yes", "drift", "validate", "keys revoke alice --yes --reason x"].into_iter().for_each(refused);
    // A link of this user to the file of someone else, and a link of someone else.
    fs::rename(&file, folder.path("theirs.toml")).unwrap();
    symlink("theirs.toml", &file).unwrap();
    refused("plan");
    fs::remove_file(&file).unwrap();
    symlink("live/attune.toml", &file).unwrap();
    std::os::unix::fs::lchown(&file, Some(SOMEONE), None).unwrap();
    refused("plan");
    // A person can name it.
    fs::remove_file(&file).unwrap();
    fs::rename(folder.path("theirs.toml"), &file).unwrap();
    below(&folder, "elsewhere", "validate --file ../attune.toml", &[]).exits(0);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn another_required_version_is_the_only_finding_of_a_configuration() {
    let folder = repository();
    let configuration = folder.read("live/attune.toml");
    let newer =
        format!("required_version = \">=99.1\"\n{configuration}[future]\nkey = 1\n[users.x]\nlevel = \"new\"\n");
    folder.write("live/attune.toml", &newer);
    let version = env!("CARGO_PKG_VERSION");
    for command in ["plan", "apply --yes", "drift", "validate"] {
        let run = folder.attune(&format!("{command} --file live/attune.toml")).exits(1);
        let text = run.stdout + &run.stderr;
        let message =
            format!("error[other-version]: this configuration requires attune >=99.1, and this is attune {version}");
        assert!(text.contains(&message) && text.contains("live/attune.toml:1:20"), "{text}");
        assert!(!text.contains("unknown-key") && text.matches("error[").count() == 1, "{text}");
    }
    for (text, code) in [(">=0.1, <99", 0), ("0.1", 0), (">=0.x.y", 1), ("", 1)] {
        folder.write("live/attune.toml", &format!("required_version = \"{text}\"\n{configuration}"));
        let run = folder.attune("validate --file live/attune.toml").exits(code);
        assert!(code == 0 || run.stdout.contains("[bad-version]"), "{}", run.stdout);
    }
    folder.write("live/attune.toml", &format!("required_version = 1\n{configuration}"));
    folder.attune("validate --file live/attune.toml").exits(1).says("`required_version` takes a string");
    // It belongs to the main file, and a change of it is a changed setting.
    folder.write("live/attune.toml", &configuration);
    folder.write("live/teams/b.toml", "required_version = \">=0.1\"\n");
    folder.attune("validate --file live/attune.toml").exits(1).says("an included file cannot have `required_version`");
    git(&folder, &["checkout", "-q", "."]);
    folder.write("live/attune.toml", &format!("required_version = \">=0.1\"\n{configuration}"));
    let planned = with_git(&folder, "plan --file live/attune.toml --base main").exits(0);
    planned.says("required_version   not set → \">=0.1\"");
}
