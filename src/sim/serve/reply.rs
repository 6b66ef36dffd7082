//! The reply to a request: the response of the cluster, or what a fault makes of it.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use crate::sim::fault::Fault;
use crate::sim::operations::Refusal;
use crate::sim::rest::ApiResponse;

/// The reply to a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A complete response.
    Answer(HttpReply),
    /// No response; the connection is closed.
    Close,
    /// These bytes, which are no complete response; then the connection is reset.
    Reset(Vec<u8>),
    /// No response; the connection stays open.
    Silent,
    /// The beginning of a response; the connection stays open.
    Stall(ApiResponse),
    /// No response to any request from now on: the cluster stops.
    Stop,
    /// No response: the client is killed.
    Kill,
}

/// A response with what is special about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HttpReply {
    response: ApiResponse,
    is_html: bool,
    retry_after: Option<u32>,
}

impl Reply {
    /// The reply to a call. `fault` replaces the response; `own` is the cluster's response if the call was executed.
    pub(super) fn new(fault: Option<&Fault>, own: Option<ApiResponse>) -> Self {
        let own = own.unwrap_or_else(ApiResponse::done);
        let Some(fault) = fault else { return own.into() };
        let ok = |body: String| Self::from(ApiResponse { status: StatusCode::OK, body });
        match fault {
            Fault::Delay(_) | Fault::Behind(_) => own.into(),
            Fault::Refuse { status, message } => error_reply(*status, message, None),
            Fault::Drop(_) => Self::Close,
            Fault::Reset => Self::Reset(partial_response(&own)),
            Fault::Silent(_) => Self::Silent,
            Fault::Stall => Self::Stall(own),
            Fault::Status { status, retry_after, .. } => error_reply(*status, "a fault of the simulator", *retry_after),
            Fault::Html { status, .. } => html_page(*status),
            Fault::Shape(_) => ok(json!({ "data": { "unexpected": [true] } }).to_string()),
            Fault::Truncated(_) => ok(half(&own.body).to_owned()),
            Fault::Expire => ApiResponse::from(Refusal::Unauthorized).into(),
            Fault::Stop(_) => Self::Stop,
            Fault::Kill(_) => Self::Kill,
        }
    }

    /// The status of a complete response.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(reply) => Some(reply.response.status.as_u16()),
            Self::Close | Self::Reset(_) | Self::Silent | Self::Stall(_) | Self::Stop | Self::Kill => None,
        }
    }
}

impl From<ApiResponse> for Reply {
    fn from(response: ApiResponse) -> Self {
        Self::Answer(HttpReply { response, is_html: false, retry_after: None })
    }
}

impl HttpReply {
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = self.response.into_response();
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

/// An error response in the shape of the cluster.
fn error_reply(status: u16, message: &str, retry_after: Option<u32>) -> Reply {
    let response = ApiResponse { status: code(status), body: json!({ "message": message }).to_string() };
    Reply::Answer(HttpReply { response, is_html: false, retry_after })
}

/// An error page of a proxy.
fn html_page(status: u16) -> Reply {
    let title = code(status).to_string();
    let body = format!("<html>\n<head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n");
    Reply::Answer(HttpReply { response: ApiResponse { status: code(status), body }, is_html: true, retry_after: None })
}

/// A response of which half is sent, and then nothing more while the connection is open.
pub(super) fn stalling_response(response: ApiResponse) -> Response<Body> {
    let beginning = half(&response.body).to_owned();
    let mut response = response.into_response();
    let beginning = stream::once(async { Ok::<_, Infallible>(beginning) });
    *response.body_mut() = Body::from_stream(beginning.chain(stream::pending()));
    response
}

/// The head of a response and half of its body.
fn partial_response(response: &ApiResponse) -> Vec<u8> {
    let ApiResponse { status, body } = response;
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
