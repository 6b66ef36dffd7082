//! Runs of the program: exit code, time and resources.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::Outcome;

/// The path of the program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_attune");

/// The resources of a run.
pub(crate) struct Took {
    /// From its start to its end.
    pub(crate) wall: Duration,
    /// Of the processors, in the program and in the system for it.
    pub(crate) cpu: Duration,
    /// The most memory it had, in bytes.
    pub(crate) peak: u64,
}

/// The program with these arguments in a folder, with nothing of the environment.
pub(crate) fn attune(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env_clear().env("HOME", folder).stdin(Stdio::null());
    command.env("ATTUNE_USERNAME", "admin").env("ATTUNE_PASSWORD", "admin");
    command
}

/// Runs the program, which must end with this code. Its stdout is dropped, its stderr is shown if it fails.
pub(crate) fn run(folder: &Path, args: &[&str], code: i32) -> Outcome<Took> {
    let said = folder.join("stderr");
    let mut command = attune(folder, args);
    command.stdout(Stdio::null()).stderr(File::create(&said)?);
    let started = Instant::now();
    let ended = command.spawn()?.wait4()?;
    let wall = started.elapsed();
    if ended.status.code() != Some(code) {
        let said = std::fs::read_to_string(&said)?;
        return Err(format!("attune {} ended with {}, not {code}:\n{said}", args.join(" "), ended.status).into());
    }
    Ok(Took { wall, cpu: ended.rusage.utime + ended.rusage.stime, peak: ended.rusage.maxrss })
}
