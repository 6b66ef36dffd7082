//! From an HTTP request to its reply: find its cluster, read all of it, apply faults, call the API, wait, and log.

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Response, StatusCode, header};
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use serde_json::json;

use crate::sim::fault::{Applied, Fault};
use crate::sim::fault_rules::{CallInfo, Interface};
use crate::sim::http::{HttpRequest, HttpResponse, Side};
use crate::sim::observe::Event;
use crate::sim::serve::entrance::Entrance;
use crate::sim::serve::listener::{ConnectionHandle, Cut, Phase};
use crate::sim::serve::service::{Own, Service, Shared};
use crate::sim::store::StateChange;

/// The longest body in bytes: far more than any call needs.
const MAX_BODY: usize = 1 << 20;

/// Answers one request. Like a real cluster, it completes the request even if the client goes away.
pub(super) async fn handle(
    State(entrance): State<Arc<Entrance>>,
    ConnectInfo(connection): ConnectInfo<ConnectionHandle>,
    request: Request,
) -> Response<Body> {
    let shared = entrance.shared();
    let mut event = Event {
        seq: shared.requests.fetch_add(1, Ordering::Relaxed) + 1,
        interface: entrance.interface(),
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        ..Event::default()
    };
    let service = match entrance.service(request.uri(), request.headers()) {
        Ok((service, path)) => {
            event.path = path;
            event.cluster.clone_from(&service.own.name);
            service
        }
        Err(response) => {
            event.status = Some(response.status.as_u16());
            shared.record(event, connection.number);
            return response.into_response();
        }
    };
    let request = read(request, event.path.clone(), &connection, shared.tls).await;
    let reply = tokio::spawn(Arc::clone(&service).complete(event, connection.number, request)).await;
    match reply.unwrap_or_else(|error| service.error(StatusCode::INTERNAL_SERVER_ERROR, &error)) {
        Reply::Answer(response) | Reply::Stall(response) => return response,
        Reply::Close | Reply::Stop | Reply::Kill => connection.cut(Cut::Close),
        Reply::Reset(bytes) => connection.cut(Cut::Reset { bytes, sent: 0 }),
        Reply::Silent => std::future::pending().await,
    }
    // A cut connection does not send this response.
    Response::default()
}

/// Reads the body; the error says why it cannot be read.
async fn read(request: Request, path: String, connection: &ConnectionHandle, tls: bool) -> Result<HttpRequest, String> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await;
    Ok(HttpRequest {
        path,
        query: parts.uri.query().map(str::to_owned),
        method: parts.method,
        headers: parts.headers,
        peer: connection.peer,
        tls,
        body: body.map_err(|error| format!("the body cannot be read: {error}"))?,
    })
}

impl Service {
    fn error(&self, status: StatusCode, why: &dyn fmt::Display) -> Reply {
        Reply::Answer(self.side.error(status, &why.to_string()).into_response())
    }

    /// Executes and records a request. The reply comes once the latency is over, and the work counts as a part of it.
    async fn complete(
        self: Arc<Self>,
        mut event: Event,
        connection: u64,
        request: Result<HttpRequest, String>,
    ) -> Reply {
        let due = Instant::now() + self.shared.latency;
        let others = self.in_flight.begin();
        let is_call = self.interface == Interface::Api;
        if is_call {
            self.shared.in_flight.begin();
        }
        let reply = match request {
            Ok(request) => self.execute(request, others, &mut event).await,
            Err(why) => self.error(StatusCode::BAD_REQUEST, &why),
        };
        let left = due.saturating_duration_since(Instant::now());
        if !left.is_zero() && self.own.name.is_empty() {
            // The timer of a thread is finer than that of the runtime. It fails only if it is cancelled.
            let _ = tokio::task::spawn_blocking(move || std::thread::sleep(left)).await;
        } else if !left.is_zero() {
            // Of many clusters, more requests wait at once than there can be threads.
            tokio::time::sleep(left).await;
        }
        self.in_flight.end();
        if is_call {
            self.shared.in_flight.end();
        }
        event.status = reply.status();
        self.shared.record(event, connection);
        match &reply {
            Reply::Answer(_) | Reply::Close | Reply::Reset(_) | Reply::Silent | Reply::Stall(_) => {}
            Reply::Stop if self.own.name.is_empty() => self.shared.die().await,
            Reply::Stop => self.own.is_dead.store(true, Ordering::Relaxed),
            Reply::Kill => self.shared.kill().await,
        }
        reply
    }

    async fn execute(self: &Arc<Self>, request: HttpRequest, others: u64, event: &mut Event) -> Reply {
        event.writes = self.side.writes(&request);
        let writes = event.writes == Some(true);
        let call = CallInfo { method: &event.method, path: &event.path, writes, others };
        event.faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner).next(call);
        for fault in &event.faults {
            if let Fault::Delay(time) = fault {
                tokio::time::sleep(*time).await;
            }
        }
        if self.shared.phases.has_reached(Phase::Dead) || self.own.is_dead.load(Ordering::Relaxed) {
            return Reply::Close;
        }
        // A change may block on the disk and on other processes.
        let (service, faults) = (Arc::clone(self), event.faults.clone());
        let executed = tokio::task::spawn_blocking(move || {
            let foreign_changes: Vec<_> = faults.iter().filter_map(|fault| service.own.foreign_change(fault)).collect();
            let side = &*service.side;
            let fault = faults.iter().find(|fault| fault.replaces_response());
            if fault == Some(&Fault::Expire) {
                return (foreign_changes, None, Reply::Answer(side.expire(&request).into_response()));
            }
            let is_executed = fault.is_none_or(|fault| fault.applied() == Applied::Yes);
            let own = is_executed.then(|| side.answer(&request, &faults));
            let response = own.as_ref().map(|own| own.response.clone());
            let reply = match fault {
                Some(fault) => Reply::of_fault(fault, response, side),
                None => response.map_or(Reply::Close, |response| Reply::Answer(response.into_response())),
            };
            (foreign_changes, own, reply)
        });
        match executed.await {
            Ok((foreign_changes, own, reply)) => {
                event.foreign_changes = foreign_changes;
                event.applied = own.as_ref().is_some_and(|own| own.applied);
                event.change = own.and_then(|own| own.change);
                reply
            }
            Err(error) => self.error(StatusCode::INTERNAL_SERVER_ERROR, &error),
        }
    }
}

impl Own {
    fn foreign_change(&self, fault: &Fault) -> Option<StateChange> {
        let Fault::Behind(foreign) = fault else { return None };
        let changed = self.store.change(|state| foreign.apply(state));
        changed.map(|((), change)| change).unwrap_or_else(|refusal| {
            tracing::warn!("`{fault}` has no effect: {}", refusal.message());
            None
        })
    }
}

impl Shared {
    /// Notes the request in the log and among the events. A failed write does not stop the cluster.
    fn record(&self, event: Event, connection: u64) {
        if let Some(log) = &self.log {
            let line = serde_json::to_string(&LogEntry {
                seq: event.seq,
                connection,
                cluster: &event.cluster,
                method: &event.method,
                path: &event.path,
                s3: event.interface == Interface::S3,
                // A query of the API may contain a secret; one of S3 only in a URL that is signed.
                query: event
                    .query
                    .as_deref()
                    .filter(|_| event.interface == Interface::S3)
                    .filter(|query| !is_signed(query)),
                status: event.status,
                faults: event.faults.iter().map(Fault::name).collect(),
            });
            let mut file = log.lock().unwrap_or_else(PoisonError::into_inner);
            let written = line.map_err(io::Error::from).and_then(|line| file.write_all(format!("{line}\n").as_bytes()));
            if let Err(error) = written {
                tracing::warn!("the log of the simulator cannot be written: {error}");
            }
        }
        if let Some(events) = &self.events {
            events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        }
    }

    /// Stops like a killed process: first it accepts no connection any more, then all connections end.
    async fn die(&self) {
        self.phases.advance(Phase::Stopping);
        self.phases.reached(Phase::Closed).await;
        self.phases.advance(Phase::Dead);
    }

    async fn kill(&self) {
        let Some(hook) = self.on_kill.clone() else { return };
        if let Err(error) = tokio::task::spawn_blocking(move || (hook.0)()).await {
            tracing::warn!("the client was not stopped: {error}");
        }
    }
}

fn is_signed(query: &str) -> bool {
    query.to_ascii_lowercase().contains("signature=")
}

/// One request, without headers and body, and for the API without the query: these can contain secrets.
#[derive(Serialize)]
struct LogEntry<'r> {
    /// Lines are in the order of the responses, numbers in that of the requests.
    seq: u64,
    connection: u64,
    /// One of several.
    #[serde(skip_serializing_if = "str::is_empty")]
    cluster: &'r str,
    method: &'r str,
    path: &'r str,
    /// Whether it went to the S3 service.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    s3: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<String>,
}

/// The reply to a request: the response of the cluster, or what a fault makes of it.
enum Reply {
    Answer(Response<Body>),
    /// No response; the connection is closed.
    Close,
    /// These bytes, which are no complete response; then the connection is reset.
    Reset(Vec<u8>),
    /// No response; the connection stays open.
    Silent,
    /// The beginning of a response; the connection stays open.
    Stall(Response<Body>),
    /// No response to any request from now on: the cluster stops.
    Stop,
    Kill,
}

impl Reply {
    /// The reply to a call with a fault that replaces the response. `own` is the response of the cluster, if it executed the
    /// call.
    fn of_fault(fault: &Fault, own: Option<HttpResponse>, side: &dyn Side) -> Self {
        let answer = |response: HttpResponse| Self::Answer(response.into_response());
        let json = |body: String| answer(HttpResponse { body, ..side.done() });
        let own = own.unwrap_or_else(|| side.done());
        match fault {
            Fault::Delay(_) | Fault::Behind(_) | Fault::S3(_) | Fault::Expire => answer(own),
            Fault::Refuse { status, message } => answer(side.error(code(*status), message)),
            Fault::Drop(_) => Self::Close,
            Fault::Reset => Self::Reset(partial_response(&own)),
            Fault::Silent(_) => Self::Silent,
            Fault::Stall => Self::Stall(stalling_response(own)),
            Fault::Status { status, retry_after, .. } => {
                let mut response = side.error(code(*status), "a fault of the simulator").into_response();
                response.headers_mut().extend(retry_after.map(|seconds| (header::RETRY_AFTER, seconds.into())));
                Self::Answer(response)
            }
            Fault::Html { status, .. } => answer(html_page(*status)),
            Fault::Shape(_) => json(json!({ "data": { "unexpected": [true] } }).to_string()),
            Fault::Truncated(_) => json(half(&own.body).to_owned()),
            Fault::Stop(_) => Self::Stop,
            Fault::Kill(_) => Self::Kill,
        }
    }

    fn status(&self) -> Option<u16> {
        let Self::Answer(response) = self else { return None };
        Some(response.status().as_u16())
    }
}

fn html_page(status: u16) -> HttpResponse {
    let title = code(status).to_string();
    let body = format!("<html>\n<head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n");
    HttpResponse { status: code(status), content_type: "text/html", headers: Vec::new(), body }
}

/// A response of which half is sent, and then nothing more while the connection is open.
fn stalling_response(response: HttpResponse) -> Response<Body> {
    let beginning = half(&response.body).to_owned();
    let beginning = stream::once(async { Ok::<_, Infallible>(beginning) });
    response.into_response().map(|_| Body::from_stream(beginning.chain(stream::pending())))
}

fn partial_response(response: &HttpResponse) -> Vec<u8> {
    let HttpResponse { status, content_type, body, .. } = response;
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), half(body).as_bytes()].concat()
}

fn half(text: &str) -> &str {
    let end = (0..=text.len() / 2).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
