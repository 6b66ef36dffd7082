//! From an HTTP request to its answer: read it whole, wait, let the API decide, write it down.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderName, Method, Response, header};

use super::log::{Entry, RequestLog};
use crate::sim::rest::{Answer, Api, Asked};
use crate::sim::rules::Refusal;

/// The longest body that is read: far more than any call takes.
const LONGEST_BODY: usize = 1 << 20;

/// What the requests of one server share.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) api: Api,
    pub(super) latency: Duration,
    pub(super) log: Option<RequestLog>,
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
}

/// Answers one request.
pub(super) async fn handle(Shared(served): Shared<Arc<Served>>, request: Request) -> Response<Body> {
    let seq = served.requests.fetch_add(1, Ordering::Relaxed) + 1;
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if !served.latency.is_zero() {
        tokio::time::sleep(served.latency).await;
    }
    let answer = match read(request).await {
        Ok(asked) => answer(Arc::clone(&served), asked).await,
        Err(refusal) => refusal.into(),
    };
    if let Some(log) = &served.log {
        log.write(&Entry { seq, method: method.as_str(), path: &path, status: answer.status.as_u16() });
    }
    answer.into_response()
}

async fn read(request: Request) -> Result<Asked, Refusal> {
    let (parts, body) = request.into_parts();
    let header =
        |name: HeaderName| parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let body = to_bytes(body, LONGEST_BODY).await;
    Ok(Asked {
        authorization: header(header::AUTHORIZATION),
        content_type: header(header::CONTENT_TYPE),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        method: parts.method,
        body: body.map_err(|error| Refusal::invalid(format!("the body cannot be read: {error}")))?,
    })
}

async fn answer(served: Arc<Served>, asked: Asked) -> Answer {
    // A look does not wait: the state is in memory. All else may, for the lock and the disk.
    if asked.method == Method::GET || !served.api.waits() {
        return served.api.answer(&asked).answer;
    }
    let answered = tokio::task::spawn_blocking(move || served.api.answer(&asked).answer).await;
    answered.unwrap_or_else(|error| Refusal::Broken(error.to_string()).into())
}
