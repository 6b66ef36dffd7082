//! What goes back to the client: the cluster's answer, or what a fault makes of it.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use crate::sim::faults::Fault;
use crate::sim::rest::Answer;
use crate::sim::rules::Refusal;

/// What goes back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// An answer.
    Answer(Spoken),
    /// Nothing; the connection is closed.
    Close,
    /// These bytes, which are no whole answer; the connection is reset.
    Reset(Vec<u8>),
    /// Nothing; the connection stays open.
    Silent,
    /// The beginning of an answer; the connection stays open.
    Stall(Answer),
    /// Nothing, from now on, to anybody.
    Stop,
    /// Nothing, to nobody: the client is stopped.
    Kill,
}

/// An answer as HTTP has it, whether a cluster would give it or not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spoken {
    answer: Answer,
    is_html: bool,
    retry_after: Option<u32>,
}

impl Reply {
    /// The reply to a call. `fault` is the one that decides, and `own` the cluster's answer if the call was done.
    pub(super) fn new(fault: Option<&Fault>, own: Option<Answer>) -> Self {
        let own = own.unwrap_or_else(Answer::done);
        let Some(fault) = fault else { return own.into() };
        let ok = |body: String| Self::from(Answer { status: StatusCode::OK, body });
        match fault {
            Fault::Delay(_) | Fault::Behind(_) => own.into(),
            Fault::Refuse { status, message } => told(*status, message, None),
            Fault::Drop(_) => Self::Close,
            Fault::Reset => Self::Reset(broken_off(&own)),
            Fault::Silent(_) => Self::Silent,
            Fault::Stall => Self::Stall(own),
            Fault::Status { status, retry_after, .. } => told(*status, "a fault of the simulator", *retry_after),
            Fault::Html { status, .. } => page(*status),
            Fault::Shape(_) => ok(json!({ "data": { "unexpected": [true] } }).to_string()),
            Fault::Truncated(_) => ok(half(&own.body).to_owned()),
            Fault::Expire => Answer::from(Refusal::Unauthorized).into(),
            Fault::Stop(_) => Self::Stop,
            Fault::Kill(_) => Self::Kill,
        }
    }

    /// The status of a whole answer.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(spoken) => Some(spoken.answer.status.as_u16()),
            Self::Close | Self::Reset(_) | Self::Silent | Self::Stall(_) | Self::Stop | Self::Kill => None,
        }
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Answer(Spoken { answer, is_html: false, retry_after: None })
    }
}

impl Spoken {
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = self.answer.into_response();
        let headers = response.headers_mut();
        if self.is_html {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// An answer as the cluster words its refusals.
fn told(status: u16, message: &str, retry_after: Option<u32>) -> Reply {
    let answer = Answer { status: code(status), body: json!({ "message": message }).to_string() };
    Reply::Answer(Spoken { answer, is_html: false, retry_after })
}

/// What a proxy answers.
fn page(status: u16) -> Reply {
    let title = code(status).to_string();
    let body = format!("<html>\n<head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n");
    Reply::Answer(Spoken { answer: Answer { status: code(status), body }, is_html: true, retry_after: None })
}

/// An answer of which half is sent, and then nothing more for as long as the connection lasts.
pub(super) fn stalled(answer: Answer) -> Response<Body> {
    let beginning = half(&answer.body).to_owned();
    let mut response = answer.into_response();
    let beginning = stream::once(async { Ok::<_, Infallible>(beginning) });
    *response.body_mut() = Body::from_stream(beginning.chain(stream::pending()));
    response
}

/// The head of an answer and half of its body.
fn broken_off(answer: &Answer) -> Vec<u8> {
    let Answer { status, body } = answer;
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), half(body).as_bytes()].concat()
}

fn half(text: &str) -> &str {
    let end = (0..=text.len() / 2).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
