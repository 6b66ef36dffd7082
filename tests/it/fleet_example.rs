//! The example of a fleet runs from its list of targets to its last check of drift.

use std::io::Write;
use std::process::{Command, Stdio};

use super::harness::root;

/// Whether these programs are there; else prints SKIPPED, and fails in CI.
fn have(tools: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |tool: &str| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    let Some(missing) = tools.iter().find(|tool| !is_there(tool)) else { return true };
    let is_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false");
    assert!(!is_ci, "there is no {missing}, and in CI there must be");
    // Not `eprintln`, because the test runner captures it.
    let _ = writeln!(std::io::stderr(), "SKIPPED: there is no {missing} on PATH; the example of a fleet did not run");
    false
}

#[test]
fn forty_targets_are_planned_in_shards_approved_by_two_applied_in_waves_and_resumed() {
    if !have(&["git", "ssh-keygen"]) {
        return;
    }
    let script = root().join("examples/fleet/run.sh");
    let mut command = Command::new("sh");
    command.arg(script).env("ATTUNE", env!("CARGO_BIN_EXE_attune")).stdin(Stdio::null());
    let ended = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{stdout}\n{stderr}");
    for said in [
        "3 of 40 targets have the new team\nthe second wave did not start: 36 targets\n",
        "north-7: exit 5   2 API calls: 1 refused, 1 not started",
        "east-7: exit 0   0 API calls · matches the configuration\n",
        "40 of 40 targets have the new team\n",
    ] {
        assert!(stdout.contains(said), "{said}: {stdout}");
    }
    let last = "done: 40 targets, 4 shards, 2 signatures, 2 waves, resumed after a failure";
    assert_eq!(stdout.lines().last(), Some(last));
}
