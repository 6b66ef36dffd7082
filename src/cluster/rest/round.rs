//! One call and the endpoints it is asked of: which gave no answer, and why.

use std::time::Duration;

use reqwest::Response;
use secrecy::zeroize::Zeroizing;

use super::endpoints::Endpoint;
use super::failure::{Unreachable, reason};
use super::request::Request;
use crate::cluster::{CallError, Effect};

/// The longest answer that is read, in bytes: 1024 policies or users are far below it.
pub(super) const LONGEST_ANSWER: usize = 16 << 20;

/// The body of an answer, wiped when dropped: it can hold a token or a secret key.
pub(super) type Body = Zeroizing<String>;

/// The endpoints that one call was asked of.
#[derive(Default)]
pub(super) struct Round {
    /// Those that gave no answer, in order.
    pub(super) tried: Vec<usize>,
    /// Those to which no connection came about.
    pub(super) unreachable: Unreachable,
    /// Why the last of those gave no answer that stayed silent.
    pub(super) silent: Option<CallError>,
}

impl Round {
    /// Why there is no answer from any of them. Of a call that changes something, nothing was sent: one that was sent is never
    /// asked of another.
    pub(super) fn error(self, request: &Request) -> CallError {
        match self.silent {
            None => self.unreachable.error(request),
            Some(error) if request.may_repeat() => error,
            Some(error) => CallError { call: request.call(), ..error.before_another() },
        }
    }
}

/// Why one endpoint gave no answer.
pub(super) enum Missed {
    /// No connection came about, so that nothing was sent.
    Unreachable(reqwest::Error),
    /// It did not answer in time.
    Silent(CallError),
    /// The call has failed.
    Failed(CallError),
}

/// Why an answer cannot be read.
pub(super) struct Broken {
    pub(super) reason: String,
    /// Whether it did not come in time.
    pub(super) silent: bool,
}

/// The whole answer as text, or why there is none; what came of it is in `bytes` in any case.
pub(super) async fn body(
    response: &mut Response,
    bytes: &mut Zeroizing<Vec<u8>>,
    limit: Duration,
) -> Result<Body, Broken> {
    let broken = |reason: String| Broken { reason, silent: false };
    while let Some(chunk) = response.chunk().await.map_err(|error| broken_off(&error, limit))? {
        if bytes.len() + chunk.len() > LONGEST_ANSWER {
            return Err(broken(format!("it is longer than {} MiB", LONGEST_ANSWER >> 20)));
        }
        bytes.extend_from_slice(&chunk);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| broken("it is not text".to_owned()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// What a request came to that got no answer within `limit`.
pub(super) fn missed(endpoint: &Endpoint, request: &Request, error: reqwest::Error, limit: Duration) -> Missed {
    // The URL is left out: errors name the endpoint in their own way.
    let error = error.without_url();
    tracing::debug!(method = request.method.as_str(), path = request.path, %endpoint, reason = reason(&error), "failed");
    if error.is_connect() {
        return Missed::Unreachable(error);
    }
    if error.is_builder() {
        let message = "not sent: the token holds characters that no header can carry";
        return Missed::Failed(CallError::new(request.call(), Effect::NotSent, message));
    }
    let message = if error.is_timeout() {
        format!("{endpoint} did not answer within {} s", limit.as_secs_f32())
    } else {
        format!("the connection to {endpoint} broke before the answer: {}", reason(&error))
    };
    let silent = error.is_timeout();
    let error = CallError::new(request.call(), Effect::UnknownOutcome, message);
    if silent { Missed::Silent(error) } else { Missed::Failed(error) }
}

fn broken_off(error: &reqwest::Error, limit: Duration) -> Broken {
    match error.is_timeout() {
        true => Broken { reason: format!("it was not complete within {} s", limit.as_secs_f32()), silent: true },
        false => Broken { reason: format!("it broke off: {}", reason(error)), silent: false },
    }
}
