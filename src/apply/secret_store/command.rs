//! A command as a destination: it gets the record on its standard input, and nothing of it anywhere else.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cluster::program::{Fed, feed, find};
use crate::desired::{Argument, Names};

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
        command.args(self.arguments.iter().map(|argument| argument.filled(names)));
        let errors = if self.show_output { Stdio::piped() } else { Stdio::null() };
        let fed = feed(command, record, errors, self.timeout).await;
        match fed.map_err(|error| format!("`{shown}` cannot be run: {error}"))? {
            Fed::TimedOut => {
                Err(format!("`{shown}` did not end within {} s and was stopped", self.timeout.as_secs_f64()))
            }
            Fed::Ended { status, stderr, .. } if !status.success() => {
                let text = stderr.trim();
                let quoted = if text.is_empty() { String::new() } else { format!(": {text}") };
                Err(format!("`{shown}` ended with {status}{quoted}"))
            }
            Fed::Ended { read, .. } => {
                read.map_err(|error| format!("`{shown}` ended well without reading the secret: {error}"))?;
                Ok(format!("the command `{shown}`"))
            }
        }
    }
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
