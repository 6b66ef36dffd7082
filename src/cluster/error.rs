//! What went wrong with a call, and whether it may have taken effect.

use std::fmt;
use std::sync::Arc;

use secrecy::zeroize::Zeroizing;

/// What a failed call may have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the request never reached the cluster (no connection, no trust, no login, a name no call can carry).
    NotSent,
    /// Nothing: the cluster refused it, with this HTTP status or exit status.
    Refused(u16),
    /// Nothing: the cluster does not accept who we are (a wrong password, a role that does not suffice).
    Unauthorized(u16),
    /// Unknown: a time-out, a reset, a 5xx, or an answer that cannot be read.
    UnknownOutcome,
}

/// An answer that was not understood, as it came: it may hold a new key pair, whose secret is shown only once. Its
/// `Debug` shows nothing of it, and it is wiped from memory when the last copy is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RawAnswer(Arc<Zeroizing<Vec<u8>>>);

impl RawAnswer {
    /// The bytes of an answer; `None` where there are none.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty()).then(|| Self(Arc::new(Zeroizing::new(bytes.to_vec()))))
    }

    /// The bytes, to be stored as a secret.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawAnswer([not shown])")
    }
}

/// A call that failed. Its words hold no secret: neither token nor password nor body of the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {message}")]
pub struct CallError {
    /// The call: method and path over REST, such as `DELETE /s3/policies/old-etl`.
    pub call: String,
    /// What it may have done.
    pub effect: Effect,
    /// What happened: the status and the cluster's own words where there are any.
    pub message: String,
    /// What to do next, where that can be said.
    pub help: Option<String>,
    /// Whether the cluster answered that it is busy or not ready: asked again later, it may do it.
    pub busy: bool,
    /// The answer to a call that may make a key pair, where it may hold one that was not found in it.
    pub answer: Option<RawAnswer>,
}

impl CallError {
    /// A failed call, with nothing to say yet about what to do next.
    #[must_use]
    pub fn new(call: impl Into<String>, effect: Effect, message: impl Into<String>) -> Self {
        Self { call: call.into(), effect, message: message.into(), help: None, busy: false, answer: None }
    }

    /// The login of `user` is to the tenant `here`, and another is meant, so that nothing more is sent.
    pub(super) fn other_tenant(call: String, user: &str, here: &str, meant: &str) -> Self {
        let message = format!("{user:?} is logged in to tenant {here:?}, and {meant:?} is meant");
        Self::new(call, Effect::NotSent, message)
            .help(format!("log in to {meant:?}, or set tenant = {here:?} under [cluster]"))
    }

    /// The same failure, with the answer that was not understood.
    #[must_use]
    pub(super) fn with_answer(self, bytes: &[u8]) -> Self {
        Self { answer: RawAnswer::of(bytes), ..self }
    }

    /// The same failure, with what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// This failure as seen by another call that had to wait for it and was therefore never sent: what is
    /// unknown about a login is not unknown about the removal that it was for.
    #[must_use]
    pub fn before_another(mut self) -> Self {
        if self.effect == Effect::UnknownOutcome {
            self.effect = Effect::NotSent;
        }
        self
    }
}
