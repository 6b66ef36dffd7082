//! Faults: what goes wrong with a call, at which calls, and how often.

mod behind;
mod rules;
mod text;
mod when;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use behind::Behind;
pub use rules::{Rule, Rules};
pub use text::FaultProblem;
pub use when::{Calls, When};

pub(super) use rules::{Armed, Call};

/// What goes wrong with a call. `-before` and `-after` in the text form are [`Applied::No`] and [`Applied::Yes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is not done, and refused in the cluster's words.
    Refuse {
        /// The status, of 400 to 499.
        status: u16,
        /// Why.
        message: String,
    },
    /// It waits, and is then answered as ever, unless another fault says otherwise.
    Delay(Duration),
    /// The connection is closed, and there is no answer.
    Drop(Applied),
    /// It is done; the head of the answer and half of its body are sent, and the connection is reset.
    Reset,
    /// There is no answer, and the connection stays open, as at an endpoint that hangs.
    Silent(Applied),
    /// It is done; the head of the answer and half of its body are sent, then nothing more, and the connection stays open.
    Stall,
    /// The answer is this status, with a body as the cluster writes them.
    Status {
        /// The status: 429, or of 500 to 599.
        status: u16,
        /// Whether it is done first.
        applied: Applied,
        /// The header `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// The answer is a page in HTML, as a proxy gives it.
    Html {
        /// The status: 200, or one of a proxy that is in trouble.
        status: u16,
        /// Whether it is done first.
        applied: Applied,
    },
    /// The answer is 200 and JSON, but of a shape that no call has.
    Shape(Applied),
    /// The answer is 200 and ends in the middle of its JSON, although all of it was sent.
    Truncated(Applied),
    /// It is not done, and answered with 401; so is every later call with the same token.
    Expire,
    /// Another administrator changes something just before. The call goes on, unless another fault says otherwise.
    Behind(Behind),
    /// The cluster stops: it takes no connection any more, and closes those it has.
    Stop(Applied),
    /// Who made the call is stopped: [`Options::on_kill`](super::Options::on_kill) is called, the connection is closed,
    /// and the cluster goes on. In process only: its text form is not read.
    Kill(Applied),
}

/// Whether a call with a fault is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The fault comes first, and the call never reaches the cluster's state.
    No,
    /// The call is done, as far as the cluster does not refuse it; then the fault hides its answer.
    Yes,
}

impl Applied {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::No, Self::Yes];
}

impl Fault {
    /// One fault of every kind and variant, but for [`Fault::Behind`], which depends on what is there, and those of which a
    /// client knows only after a long time: [`Fault::Silent`] and [`Fault::Stall`].
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all = vec![
            Self::Refuse { status: 400, message: "refused by a fault".to_owned() },
            Self::Delay(Duration::from_millis(1)),
            Self::Reset,
            Self::Expire,
        ];
        for applied in Applied::BOTH {
            all.extend([Self::Drop(applied), Self::Shape(applied), Self::Truncated(applied)]);
            all.extend([500, 503].map(|status| Self::Status { status, applied, retry_after: None }));
            all.push(Self::Status { status: 429, applied, retry_after: Some(1) });
            all.extend([200, 502].map(|status| Self::Html { status, applied }));
            all.extend([Self::Stop(applied), Self::Kill(applied)]);
        }
        all
    }

    /// What it is called in the text form, without what follows a colon.
    #[must_use]
    pub fn name(&self) -> String {
        let with = |name: &str, applied: Applied| format!("{name}{}", applied.suffix());
        match self {
            Self::Refuse { .. } => "refuse".to_owned(),
            Self::Delay(_) => "delay".to_owned(),
            Self::Drop(applied) => with("drop", *applied),
            Self::Reset => "reset".to_owned(),
            Self::Silent(applied) => with("silent", *applied),
            Self::Stall => "stall".to_owned(),
            Self::Status { status, applied, .. } => with(&status.to_string(), *applied),
            Self::Html { applied, .. } => with("html", *applied),
            Self::Shape(applied) => with("shape", *applied),
            Self::Truncated(applied) => with("truncated", *applied),
            Self::Expire => "expire".to_owned(),
            Self::Behind(_) => "behind".to_owned(),
            Self::Stop(applied) => with("stop", *applied),
            Self::Kill(applied) => with("kill", *applied),
        }
    }

    /// Whether it takes the place of the call or of its answer. The others let both be.
    #[must_use]
    pub fn decides(&self) -> bool {
        match self {
            Self::Delay(_) | Self::Behind(_) => false,
            Self::Refuse { .. }
            | Self::Drop(_)
            | Self::Reset
            | Self::Silent(_)
            | Self::Stall
            | Self::Status { .. }
            | Self::Html { .. }
            | Self::Shape(_)
            | Self::Truncated(_)
            | Self::Expire
            | Self::Stop(_)
            | Self::Kill(_) => true,
        }
    }

    /// Whether the call is done.
    #[must_use]
    pub fn applied(&self) -> Applied {
        match self {
            Self::Refuse { .. } | Self::Expire => Applied::No,
            Self::Delay(_) | Self::Behind(_) | Self::Reset | Self::Stall => Applied::Yes,
            Self::Drop(applied)
            | Self::Silent(applied)
            | Self::Status { applied, .. }
            | Self::Html { applied, .. }
            | Self::Shape(applied)
            | Self::Truncated(applied)
            | Self::Stop(applied)
            | Self::Kill(applied) => *applied,
        }
    }
}

impl Applied {
    fn suffix(self) -> &'static str {
        match self {
            Self::No => "-before",
            Self::Yes => "-after",
        }
    }
}
