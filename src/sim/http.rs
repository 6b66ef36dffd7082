//! Requests and responses as they go over the network, and what answers them: the API of the cluster, or its S3 service.

use std::fmt;
use std::net::IpAddr;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use crate::sim::fault::Fault;
use crate::sim::store::StateChange;

/// A request with all of its body.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    pub(crate) method: Method,
    /// The path as it was sent, without the name of one cluster of several.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) peer: IpAddr,
    pub(crate) tls: bool,
    pub(crate) body: Bytes,
}

impl HttpRequest {
    /// A header as text; bytes that are no text are replaced.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}

/// The pairs of a query or a form, as they were sent.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpResponse {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    /// Headers beside the type and the length.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: String,
}

impl HttpResponse {
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        response
            .headers_mut()
            .extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)).collect::<Vec<_>>());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response
    }
}

/// What the cluster made of a request.
#[derive(Debug)]
pub(crate) struct HttpOutcome {
    pub(crate) response: HttpResponse,
    /// Whether the call was executed, even if it changed nothing.
    pub(crate) applied: bool,
    pub(crate) change: Option<StateChange>,
}

/// One of the two interfaces of a cluster.
pub(crate) trait Side: fmt::Debug + Send + Sync {
    /// Whether a request changes the state; `None` if it is no call.
    fn writes(&self, request: &HttpRequest) -> Option<bool>;

    /// Answers a request. May block on the disk and on other processes.
    fn answer(&self, request: &HttpRequest, faults: &[Fault]) -> HttpOutcome;

    /// The response to a request whose token or credentials have expired. From now on, they have.
    fn expire(&self, request: &HttpRequest) -> HttpResponse;

    /// The response to a call that succeeded and has nothing to show.
    fn done(&self) -> HttpResponse;

    /// An error in the form of this interface.
    fn error(&self, status: StatusCode, message: &str) -> HttpResponse;
}
