//! A result that cannot be written: the exit code and the message are true of the cluster.

use std::fs::{File, OpenOptions};
use std::process::Stdio;

use super::harness::{Folder, Run, files};
use super::weka::example;

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// A pipe that nobody reads.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn run(folder: &Folder, args: &str, stdout: impl Into<Stdio>) -> Run {
    let mut command = folder.command(args.split_whitespace());
    command.stdout(stdout).stderr(Stdio::piped());
    Run::of(args, &command.spawn().unwrap().wait_with_output().unwrap())
}

#[test]
fn an_unwritable_result_after_changes_exits_5_and_says_so() {
    for stdout in [|| Stdio::from(full()), closed] {
        let folder = Folder::example("quickstart");
        let run = run(&folder, "apply --yes --format json", stdout()).exits(5);
        let run = run.warns("applied; the result could not be written");
        assert!(!run.stderr.contains("nothing was changed"), "{}", run.stderr);
        folder.attune("plan --detailed-exitcode").exits(0);
    }
}

#[test]
fn the_plan_is_written_before_the_first_call() {
    let folder = Folder::example("quickstart");
    let before = folder.state();
    run(&folder, "apply --yes", full()).exits(1).warns("cannot write the result");
    assert_eq!(folder.state(), before);
}

#[test]
fn an_unwritable_result_of_many_files_keeps_the_worst_exit_code() {
    let folder = Folder::example("quickstart");
    folder.write("files/a.toml", &folder.read("attune.toml").replace("sim:cluster.json", "sim:../cluster.json"));
    folder.write("files/b.toml", "[cluster]\nendpoints = [\"sim:../other.json\"]\n");
    folder.write("other.json", &folder.read("cluster.json"));
    for file in files(&folder.path("policies"), ".json") {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        folder.write(&format!("files/policies/{name}"), &folder.read(&format!("policies/{name}")));
    }
    let before = folder.state();
    let run = run(&folder, "apply --yes --format json --file files/a.toml --file files/b.toml", full());
    assert_ne!(folder.state(), before, "{}", run.stderr);
    run.exits(5).warns("applied; the result could not be written");
}

#[test]
fn a_new_key_pair_is_named_even_if_the_result_cannot_be_written() {
    let folder = example("5.1", true);
    let ended = run(&folder, "keys rotate alice --yes --format json", full()).exits(5);
    ended.warns("the result could not be written").warns("the new key pairs exist").warns("alice.json");
}

#[test]
fn an_unwritable_result_of_a_read_is_an_error_but_a_closed_pipe_is_not() {
    let folder = Folder::example("quickstart");
    for args in [
        "plan",
        "plan --format json",
        "plan --format html",
        "drift",
        "drift --format json",
        "validate",
        "report",
        "doctor",
    ] {
        run(&folder, args, full()).exits(1).warns("cannot write the result");
        let left = run(&folder, args, closed());
        assert!(matches!(left.code, Some(0 | 2)), "{args}: {left:?}");
    }
    for args in
        ["plan --out /dev/full", "report --out /dev/full", "drift --metrics /dev/full", "plan --out none/p.json"]
    {
        folder.attune(args).exits(1).warns("cannot");
    }
}

#[test]
fn a_saved_plan_is_written_as_a_whole_or_not_at_all() {
    let folder = Folder::example("quickstart");
    folder.write("p.json", "old");
    folder.attune("plan --out p.json").exits(0);
    assert!(serde_json::from_str::<serde_json::Value>(&folder.read("p.json")).is_ok());
    let left: Vec<_> = std::fs::read_dir(folder.path("")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".attune-")), "{left:?}");
}
