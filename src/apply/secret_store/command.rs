//! A command as a destination: it gets the record on its standard input, and nothing of it anywhere else.

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

/// How many bytes of output are shown at most. All output is read, so that the command never blocks.
const MAX_OUTPUT: usize = 64 * 1024;

/// How long to wait for the output of a command that has ended: a process that it started may still hold the pipe.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct Program<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: &'a [Argument],
    pub(super) timeout: Duration,
    pub(super) show_output: bool,
}

impl Program<'_> {
    /// Why it cannot run; `None` if it can.
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

    /// Why a name cannot be part of the arguments; `None` if it can.
    pub(super) fn unsafe_name(&self, names: Names<'_>) -> Option<String> {
        let name = self.arguments.iter().find_map(|argument| argument.unsafe_name(names))?;
        Some(format!(
            "the name {name:?} cannot be an argument of the command: an option, a path or a shell could read it otherwise"
        ))
    }

    /// Runs it with the record on its standard input. The error quotes its stderr only if `show_output` is set; the caller redacts
    /// secrets in it.
    pub(super) async fn run(&self, search_path: &OsStr, names: Names<'_>, record: &[u8]) -> Result<String, String> {
        let shown = self.program.display().to_string();
        if let Some(why) = self.unsafe_name(names) {
            return Err(why);
        }
        let program = find(self.program, search_path).ok_or_else(|| format!("`{shown}` is not there"))?;
        let mut command = Command::new(program);
        // The command must not see the login to the cluster.
        hide(command.as_std_mut(), &["ATTUNE_", "WEKA_"]);
        command.args(self.arguments.iter().map(|argument| argument.filled(names)));
        let errors = if self.show_output { Stdio::piped() } else { Stdio::null() };
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(errors).kill_on_drop(true);
        // Ctrl-C at the terminal must not stop it: attune lets running calls end.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| format!("`{shown}` cannot be started: {error}"))?;
        let (input, errors) = (child.stdin.take(), child.stderr.take());
        let output = tokio::spawn(read_all(errors));
        let ended = timeout(self.timeout, async {
            let written = match input {
                Some(mut input) => input.write_all(record).await,
                None => Ok(()),
            };
            // The input is closed here, so the command sees its end.
            (written, child.wait().await)
        });
        let Ok((written, status)) = ended.await else {
            let _ = child.kill().await;
            output.abort();
            return Err(format!("`{shown}` did not end within {} s and was stopped", self.timeout.as_secs_f64()));
        };
        let status = status.map_err(|error| format!("how `{shown}` ended is not known: {error}"))?;
        if !status.success() {
            let abort = output.abort_handle();
            let text = timeout(OUTPUT_TIMEOUT, output).await.ok().and_then(Result::ok).unwrap_or_default();
            abort.abort();
            let text = text.trim();
            let quoted = if text.is_empty() { String::new() } else { format!(": {text}") };
            return Err(format!("`{shown}` ended with {status}{quoted}"));
        }
        output.abort();
        written.map_err(|error| format!("`{shown}` ended well without reading the secret: {error}"))?;
        Ok(format!("the command `{shown}`"))
    }
}

/// Reads all output. Too much of it is not shown at all: cut text could end with a part of a secret, which is not redacted.
async fn read_all(from: Option<impl AsyncRead + Unpin>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT));
    let mut buffer = Zeroizing::new([0_u8; 1024]);
    let mut all = true;
    if let Some(mut from) = from {
        while let Ok(read @ 1..) = from.read(buffer.as_mut_slice()).await {
            all &= text.len() + read <= MAX_OUTPUT;
            if all {
                text.extend_from_slice(&buffer[..read]);
            }
        }
    }
    let text =
        if all { String::from_utf8_lossy(&text).into_owned() } else { "its output is too long to be shown".to_owned() };
    Zeroizing::new(text)
}

const REDACTED: &str = "[redacted]";

const MAX_SHOWN: usize = 300;

/// The text on one line and shortened, without these secrets: plain, as in JSON or as in a URL.
pub(super) fn redacted(text: &str, secrets: &[&str]) -> String {
    let mut clean = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let json = serde_json::to_string(secret).unwrap_or_default();
        let slashes = secret.replace('/', "\\/");
        let url = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
        for form in [*secret, json.trim_matches('"'), slashes.as_str(), url.as_str(), &url.to_lowercase()] {
            clean = clean.replace(form, REDACTED);
        }
    }
    let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    match clean.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", &clean[..end]),
        None => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_redacted_in_every_form() {
        let secret = "ab/cd+\"ef";
        let text =
            "plain ab/cd+\"ef, json ab/cd+\\\"ef, slashes ab\\/cd+\"ef, url ab%2Fcd%2B%22ef %2f: ab%2fcd%2b%22ef";
        let clean = redacted(text, &[secret, ""]);
        assert_eq!(clean.matches(REDACTED).count(), 5, "{clean}");
        assert!(!clean.contains("cd"), "{clean}");
    }

    #[test]
    fn text_is_shortened_after_redaction() {
        let text = format!("{}secret", "é".repeat(MAX_SHOWN - 3));
        let clean = redacted(&text, &["secret"]);
        assert!(clean.ends_with("é[re…"), "{clean}");
        assert_eq!(redacted("a\nb\t c", &[]), "a b c");
    }
}
