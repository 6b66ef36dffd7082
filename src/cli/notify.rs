//! `--notify-command`: a program that is told of drift and of errors, with the JSON of the run on its standard input.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::exit::{self, Failure};
use crate::cluster::clean;
use crate::cluster::program::{Fed, feed, find};

/// How long the program may run.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Notifier(PathBuf);

impl Notifier {
    /// The program of the command line. One that is missing is an error before the run, not on the day of a change.
    pub(super) fn find(named: &Path) -> Result<Self, Failure> {
        let found = find(named, &std::env::var_os("PATH").unwrap_or_default());
        found.map(Self).ok_or_else(|| {
            let place =
                if named.components().count() > 1 { "it is not an executable file" } else { "it is not in PATH" };
            let message = format!("the program `{}` of `--notify-command` cannot be run: {place}", named.display());
            Failure::new(&exit::ENVIRONMENT, message).help("name a program without arguments, such as `./notify-slack`")
        })
    }

    /// Runs the program with this JSON.
    pub(super) async fn tell(&self, json: &[u8]) -> Result<(), Failure> {
        let why = match feed(Command::new(&self.0), json, Stdio::piped(), LIMIT).await {
            // A program that succeeds may ignore its input.
            Ok(Fed::Ended { status, .. }) if status.success() => return Ok(()),
            Ok(Fed::Ended { status, stderr, .. }) => match clean(&stderr, &[]) {
                text if text.is_empty() => format!("it ended with {status}"),
                text => format!("it ended with {status}: {text}"),
            },
            Ok(Fed::TimedOut) => format!("it did not end within {} s and was stopped", LIMIT.as_secs()),
            Err(error) => format!("it cannot be run: {error}"),
        };
        let message = format!("`{}` of `--notify-command` failed: {why}", self.0.display());
        Err(Failure::new(&exit::ENVIRONMENT, message).help("nobody may have been notified; the report is above"))
    }
}
