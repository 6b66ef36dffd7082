//! A command as a destination: it gets the record on its standard input and nothing of it anywhere else.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use crate::cluster::program::{find, hide};
use crate::desired::{Argument, Names};

/// How much a command may say for its words to be shown, in bytes; more is read and dropped, so that it never blocks.
const HEARD: usize = 64 * 1024;

/// How long to wait for the last words of a command that has ended: something it started may still hold its output.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A command of the file.
pub(super) struct Program<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: &'a [Argument],
    pub(super) timeout: Duration,
    /// Whether to show what it says on stderr when it fails.
    pub(super) show_output: bool,
}

impl Program<'_> {
    /// Why it could not be run; `None` when it is there and executable.
    pub(super) fn problem(&self, search_path: &OsStr) -> Option<String> {
        let shown = self.program.display();
        if find(self.program, search_path).is_some() {
            return None;
        }
        Some(if self.program.components().count() > 1 || self.program.is_absolute() {
            format!("{shown} is not a program that can be run")
        } else {
            format!("the program `{shown}` is not in PATH")
        })
    }

    /// Why a name cannot be filled into the arguments.
    pub(super) fn unsafe_name(&self, names: Names<'_>) -> Option<String> {
        let name = self.arguments.iter().find_map(|argument| argument.unsafe_name(names))?;
        Some(format!(
            "the name {name:?} cannot be an argument of the command: an option, a path or a shell could read it otherwise"
        ))
    }

    /// Runs it with the record on its standard input. Its words are shown only when it fails and that was asked for; the
    /// caller takes secrets out of them as well as it can.
    pub(super) async fn run(&self, search_path: &OsStr, names: Names<'_>, record: &[u8]) -> Result<String, String> {
        let shown = self.program.display().to_string();
        if let Some(why) = self.unsafe_name(names) {
            return Err(why);
        }
        let program = find(self.program, search_path).ok_or_else(|| format!("`{shown}` is not there"))?;
        let mut command = Command::new(program);
        // The login to the cluster is no business of it.
        hide(command.as_std_mut(), &["ATTUNE_", "WEKA_"]);
        command.args(self.arguments.iter().map(|argument| argument.filled(names)));
        let errors = if self.show_output { Stdio::piped() } else { Stdio::null() };
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(errors).kill_on_drop(true);
        // Ctrl-C at the terminal is for attune, which lets what is under way finish.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| format!("`{shown}` cannot be started: {error}"))?;
        let (input, errors) = (child.stdin.take(), child.stderr.take());
        let heard = tokio::spawn(hear(errors));
        let ended = timeout(self.timeout, async {
            let written = match input {
                Some(mut input) => input.write_all(record).await,
                None => Ok(()),
            };
            // The input is closed by now: the command sees its end.
            (written, child.wait().await)
        });
        let Ok((written, status)) = ended.await else {
            let _ = child.kill().await;
            heard.abort();
            return Err(format!("`{shown}` did not end within {} and was stopped", seconds(self.timeout)));
        };
        let status = status.map_err(|error| format!("how `{shown}` ended is not known: {error}"))?;
        if !status.success() {
            let abort = heard.abort_handle();
            let words = timeout(LAST_WORDS, heard).await.ok().and_then(Result::ok).unwrap_or_default();
            abort.abort();
            let words = words.trim();
            let said = if words.is_empty() { String::new() } else { format!(": {words}") };
            return Err(format!("`{shown}` ended with {status}{said}"));
        }
        heard.abort();
        written.map_err(|error| format!("`{shown}` ended well without reading the secret: {error}"))?;
        Ok(format!("the command `{shown}`"))
    }
}

/// Reads all that is said. Too much of it is not shown at all: were it cut, a part of a secret could be left at the end,
/// and a part is not known for one.
async fn hear(from: Option<impl AsyncRead + Unpin>) -> Zeroizing<String> {
    let mut heard = Zeroizing::new(Vec::with_capacity(HEARD));
    let mut buffer = Zeroizing::new([0_u8; 1024]);
    let mut all = true;
    if let Some(mut from) = from {
        while let Ok(read @ 1..) = from.read(buffer.as_mut_slice()).await {
            all &= heard.len() + read <= HEARD;
            if all {
                heard.extend_from_slice(&buffer[..read]);
            }
        }
    }
    let words =
        if all { String::from_utf8_lossy(&heard).into_owned() } else { "it said too much to be shown".to_owned() };
    Zeroizing::new(words)
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}
