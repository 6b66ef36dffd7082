//! What went wrong with a call, and whether it may have taken effect.

/// What a failed call may have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the request never reached the cluster (no connection, no trust, a name no call can carry).
    NotSent,
    /// Nothing: the cluster refused it, with this HTTP status or exit status.
    Refused(u16),
    /// Nothing: the cluster does not accept who we are (a wrong password, a role that does not suffice).
    Unauthorized(u16),
    /// Unknown: a time-out, a reset, a 5xx, or an answer that cannot be read.
    InDoubt,
}

/// A call that failed. Holds no secret: neither token nor password nor body of the request.
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
}
