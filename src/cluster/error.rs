//! A failed call: what it may have changed, and the cluster's own words about it, without secrets.

use std::fmt;
use std::sync::Arc;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use crate::base::visible;

/// What a failed call may have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the request never reached the cluster (no connection, no trust, no login, a name no call can carry).
    NotSent,
    /// Nothing: the cluster refused it, with this HTTP status or exit status.
    Refused(u16),
    /// Nothing: the cluster does not accept who we are (a wrong password, a role that does not suffice).
    Unauthorized(u16),
    /// Unknown: a timeout, a reset, a 5xx, or an answer that cannot be read.
    UnknownOutcome,
}

/// Why attune cannot connect or store secrets with these settings. Shows no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SetupProblem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl SetupProblem {
    /// A problem.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// An answer that attune cannot read, byte for byte. It may hold a new key pair, whose secret is shown only once.
/// `Debug` hides the bytes. Memory is wiped when the last copy is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RawAnswer(Arc<Zeroizing<Vec<u8>>>);

impl RawAnswer {
    /// The bytes of an answer; `None` if it is empty.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty()).then(|| Self(Arc::new(Zeroizing::new(bytes.to_vec()))))
    }

    /// The bytes, to be stored as a secret.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawAnswer([not shown])")
    }
}

/// A failed call. Its texts hold no secret: no token, no password, no body of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {message}")]
pub struct CallError {
    /// The call: method and path over REST, such as `DELETE /s3/policies/old-etl`.
    pub call: String,
    /// What the call may have done.
    pub effect: Effect,
    /// What happened: the status, and the cluster's own words if there are any.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
    /// Whether the cluster answered that it is busy or not ready. A later retry may succeed.
    pub busy: bool,
    /// The answer to a call that may create a key pair, if attune found none but the answer may hold one.
    pub answer: Option<RawAnswer>,
}

impl CallError {
    /// A failed call, without help yet.
    pub fn new(call: impl Into<String>, effect: Effect, message: impl Into<String>) -> Self {
        Self { call: call.into(), effect, message: message.into(), help: None, busy: false, answer: None }
    }

    pub(super) fn with_answer(self, bytes: &[u8]) -> Self {
        Self { answer: RawAnswer::of(bytes), ..self }
    }

    /// Adds what to do next.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same failure for a call that waited for the failed one and was never sent. A login with an unknown outcome
    /// does not leave the outcome of the removal behind it unknown.
    pub fn for_unsent_call(mut self) -> Self {
        if self.effect == Effect::UnknownOutcome {
            self.effect = Effect::NotSent;
        }
        self
    }
}

/// How much of an answer an error keeps, in characters: enough for a sentence, not for a page.
const KEPT: usize = 300;

/// The text on one line: without `secrets`, with hidden characters made visible, and cut to 300 characters.
pub fn clean(text: &str, secrets: &[&SecretString]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().map(|secret| secret.expose_secret()).filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[secret]");
    }
    let mut line = visible(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned();
    if let Some((end, _)) = line.char_indices().nth(KEPT) {
        line.truncate(end);
        line.push('…');
    }
    line
}

pub(super) const NOT_SHOWN: &str = "not shown, since it may hold a secret";

/// An answer that cannot be read, for an error to quote.
pub(super) fn quoted(answer: &str, secrets: &[&SecretString], is_confidential: bool) -> String {
    match clean(answer, secrets) {
        _ if is_confidential => NOT_SHOWN.to_owned(),
        text if text.is_empty() => "empty".to_owned(),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cleaned_text_is_one_bounded_line() {
        assert_eq!(clean(" a\r\n\tb\u{1b}[31m\u{202e}c ", &[]), r"a b\u{1b}[31m\u{202e}c");
        let long = clean(&"é".repeat(1000), &[]);
        assert_eq!(long.chars().count(), KEPT + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn a_token_is_taken_out_before_the_text_is_cut() {
        let token = SecretString::from("t0k3n".repeat(20));
        let text = format!("{} Bearer {}", "x".repeat(280), token.expose_secret());
        let shown = clean(&text, &[&token]);
        assert!(!shown.contains("t0k3n"), "{shown}");
        assert_eq!(clean("a", &[&"".into()]), "a");
    }
}
