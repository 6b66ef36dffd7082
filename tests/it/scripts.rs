//! The scripts around the program, each with tests of its own: the action of GitHub, the component of GitLab, the installer, the image.
//!
//! The tests are Python, which needs nothing but its standard library. Without it they are skipped, and fail in CI.

use std::process::{Command, Stdio};

use super::harness::root;

/// Runs the tests of a script, with this program.
fn passes(script: &str) {
    let mut python = Command::new("python3");
    python.arg(root().join("tests").join(script)).env("ATTUNE", env!("CARGO_BIN_EXE_attune")).stdin(Stdio::null());
    match python.output() {
        Ok(ended) => {
            let output = String::from_utf8_lossy(&ended.stderr);
            assert!(ended.status.success(), "{script}:\n{}{output}", String::from_utf8_lossy(&ended.stdout));
        }
        Err(error) => assert!(std::env::var_os("CI").is_none(), "{script}: python3: {error}"),
    }
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_action_takes_nothing_from_a_proposal_a_comment_or_another_run() {
    passes("action/run");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_component_takes_nothing_from_a_merge_request_or_a_note() {
    passes("gitlab/run");
}

#[test]
fn the_installer_verifies_what_it_downloads() {
    passes("install/run");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn the_image_has_one_program_and_runs_it_without_rights() {
    passes("image/run");
}
