//! From an HTTP request to its reply: read all of it, wait, apply faults, call the API, and log.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, Method, Response, header};
use serde::Serialize;
use tokio::task::JoinError;

use crate::sim::fault::{Applied, Fault};
use crate::sim::fault_rules::{ActiveFaults, CallInfo};
use crate::sim::observe::{Event, Recorder};
use crate::sim::operations::Refusal;
use crate::sim::rest::{Api, ApiOutcome, ApiRequest, ApiResponse, Route};
use crate::sim::serve::listener::{ConnectionHandle, Phase, Phases};
use crate::sim::serve::options::KillHook;
use crate::sim::serve::reply::{Reply, stalling_response};
use crate::sim::store::StateChange;

/// The longest body in bytes: far more than any call needs.
const MAX_BODY: usize = 1 << 20;

/// The state that all requests of one server share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) api: Api,
    pub(super) latency: Duration,
    pub(super) log: Option<RequestLog>,
    pub(super) faults: Mutex<ActiveFaults>,
    pub(super) recorder: Option<Recorder>,
    pub(super) on_kill: Option<KillHook>,
    pub(super) phases: Phases,
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    /// The number of requests without a response yet.
    pub(super) in_flight: AtomicU64,
}

/// What a request and its faults did to the state.
struct Executed {
    foreign_changes: Vec<StateChange>,
    own: Option<ApiOutcome>,
}

/// How late the timers of the runtime may be: they count in milliseconds.
const TIMER_ERROR: Duration = Duration::from_millis(2);

/// Sleeps precisely: the last part in a thread, whose timer is finer.
async fn sleep_until(due: Instant) {
    if let Some(early) = due.checked_sub(TIMER_ERROR).filter(|early| *early > Instant::now()) {
        tokio::time::sleep_until(early.into()).await;
    }
    let left = due.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        // It fails only if it is cancelled, and then nothing is lost.
        let _ = tokio::task::spawn_blocking(move || std::thread::sleep(left)).await;
    }
}

/// Answers one request. Like a real cluster, it completes the request even if the client goes away.
pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<ConnectionHandle>,
    request: Request,
) -> Response<Body> {
    let event = Event {
        seq: shared.requests.fetch_add(1, Ordering::Relaxed) + 1,
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        route: None,
        faults: Vec::new(),
        foreign_changes: Vec::new(),
        applied: false,
        change: None,
        status: None,
    };
    let request = read(request).await;
    let reply = match tokio::spawn(shared.complete(event, connection.number, request)).await {
        Ok(reply) => reply,
        Err(error) => ApiResponse::from(Refusal::Broken(error.to_string())).into(),
    };
    match reply {
        Reply::Answer(reply) => return reply.into_response(),
        Reply::Close | Reply::Stop | Reply::Kill => connection.close(),
        Reply::Reset(bytes) => connection.reset_after(bytes),
        Reply::Silent => std::future::pending().await,
        Reply::Stall(answer) => return stalling_response(answer),
    }
    // A cut connection does not send this response.
    Response::default()
}

async fn read(request: Request) -> Result<ApiRequest, Refusal> {
    let (parts, body) = request.into_parts();
    let header =
        |name: HeaderName| parts.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let body = to_bytes(body, MAX_BODY).await;
    Ok(ApiRequest {
        authorization: header(header::AUTHORIZATION),
        content_type: header(header::CONTENT_TYPE),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        method: parts.method,
        body: body.map_err(|error| Refusal::invalid(format!("the body cannot be read: {error}")))?,
    })
}

impl Shared {
    async fn complete(
        self: Arc<Self>,
        mut event: Event,
        connection: u64,
        request: Result<ApiRequest, Refusal>,
    ) -> Reply {
        let others = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let reply = self.reply_after_latency(&mut event, others, request).await;
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        event.status = reply.status();
        self.record(event, connection);
        match &reply {
            Reply::Answer(_) | Reply::Close | Reply::Reset(_) | Reply::Silent | Reply::Stall(_) => {}
            Reply::Stop => self.die().await,
            Reply::Kill => self.kill().await,
        }
        reply
    }

    /// Replies once the latency is over. The work counts as a part of it.
    async fn reply_after_latency(
        self: &Arc<Self>,
        event: &mut Event,
        others: u64,
        request: Result<ApiRequest, Refusal>,
    ) -> Reply {
        let due = Instant::now() + self.latency;
        let reply = match request {
            Ok(request) => self.execute_with_faults(request, others, event).await,
            Err(refusal) => ApiResponse::from(refusal).into(),
        };
        sleep_until(due).await;
        reply
    }

    /// Executes the request with its faults, and records in the event what happened.
    async fn execute_with_faults(self: &Arc<Self>, request: ApiRequest, others: u64, event: &mut Event) -> Reply {
        event.route = self.api.route(&request);
        let writes = matches!(event.route, Some(Route::Write(_)));
        let call = CallInfo { method: &event.method, path: &event.path, writes, others };
        event.faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner).next(call);
        for fault in &event.faults {
            if let Fault::Delay(time) = fault {
                tokio::time::sleep(*time).await;
            }
        }
        if self.phases.has_reached(Phase::Dead) {
            return Reply::Close;
        }
        match self.execute(request, event.faults.clone()).await {
            Ok(Executed { foreign_changes, own }) => {
                event.foreign_changes = foreign_changes;
                event.applied = own.as_ref().is_some_and(|own| own.applied);
                let (answer, change) = own.map(|own| (own.response, own.change)).unzip();
                event.change = change.flatten();
                Reply::new(event.faults.iter().find(|fault| fault.replaces_response()), answer)
            }
            Err(error) => ApiResponse::from(Refusal::Broken(error.to_string())).into(),
        }
    }

    async fn execute(self: &Arc<Self>, request: ApiRequest, faults: Vec<Fault>) -> Result<Executed, JoinError> {
        // Reading does not block: the state is in memory. Everything else may, on the lock and the disk.
        let only_reads = request.method == Method::GET && faults.is_empty();
        if only_reads || !self.api.may_block() {
            return Ok(self.execute_now(&request, &faults));
        }
        let shared = Arc::clone(self);
        tokio::task::spawn_blocking(move || shared.execute_now(&request, &faults)).await
    }

    fn execute_now(&self, request: &ApiRequest, faults: &[Fault]) -> Executed {
        let foreign_changes = faults.iter().filter_map(|fault| self.apply_foreign_change(fault)).collect();
        let fault = faults.iter().find(|fault| fault.replaces_response());
        if fault == Some(&Fault::Expire) {
            self.api.expire(request);
        }
        let own = fault.is_none_or(|fault| fault.applied() == Applied::Yes).then(|| self.api.answer(request));
        Executed { foreign_changes, own }
    }

    fn apply_foreign_change(&self, fault: &Fault) -> Option<StateChange> {
        let Fault::Behind(foreign) = fault else { return None };
        let change = self.api.alter(|state| foreign.apply(state));
        change.unwrap_or_else(|refusal| {
            tracing::warn!("`{fault}` has no effect: {}", refusal.message());
            None
        })
    }

    fn record(&self, event: Event, connection: u64) {
        if let Some(log) = &self.log {
            log.write(&LogEntry {
                seq: event.seq,
                connection,
                method: &event.method,
                path: &event.path,
                status: event.status,
                faults: event.faults.iter().map(Fault::name).collect(),
            });
        }
        if let Some(recorder) = &self.recorder {
            recorder.record(event);
        }
    }

    /// Stops like a killed process: first it accepts no connection any more, then all connections end.
    async fn die(&self) {
        self.phases.advance(Phase::Stopping);
        self.phases.reached(Phase::Closed).await;
        self.phases.advance(Phase::Dead);
    }

    /// Calls the hook that kills the client.
    async fn kill(&self) {
        let Some(hook) = self.on_kill.clone() else { return };
        if let Err(error) = tokio::task::spawn_blocking(move || hook.call()).await {
            tracing::warn!("the client was not stopped: {error}");
        }
    }
}

/// The log: a JSON line for each request, without secrets and without the time.
#[derive(Debug)]
pub(super) struct RequestLog(Mutex<File>);

/// One request, without query, headers and body: these can contain secrets.
#[derive(Debug, Serialize)]
pub(super) struct LogEntry<'r> {
    /// The number of the request in the order of arrival, from 1. Lines are in the order of the responses.
    pub(super) seq: u64,
    /// The number of the connection, from 1.
    pub(super) connection: u64,
    pub(super) method: &'r str,
    /// The path as it was sent.
    pub(super) path: &'r str,
    /// The status of the response, if a complete one was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// The names of the faults that happened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) faults: Vec<String>,
}

impl RequestLog {
    /// Opens a log and appends to it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        File::options().create(true).append(true).open(path).map(|file| Self(Mutex::new(file)))
    }

    /// Writes a line immediately. A failed write does not stop the cluster.
    pub(super) fn write(&self, entry: &LogEntry<'_>) {
        let line = serde_json::to_string(entry).map_err(io::Error::from);
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = line.and_then(|line| file.write_all(format!("{line}\n").as_bytes())) {
            tracing::warn!("the log of the simulator cannot be written: {error}");
        }
    }
}
