//! From an HTTP request to what comes of it: read it whole, wait, let faults and the API decide, write it down.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State as Shared};
use axum::http::{HeaderName, Method, Response, header};
use tokio::task::JoinError;

use super::log::{Entry, RequestLog};
use super::options::Hook;
use super::phase::{Phase, Phases};
use super::reply::{Reply, stalled};
use super::wire::Line;
use crate::sim::faults::{Applied, Armed, Call, Fault};
use crate::sim::observe::{Event, Recorder};
use crate::sim::rest::{Answer, Answered, Api, Asked, Route};
use crate::sim::rules::Refusal;
use crate::sim::store::Changed;

/// The longest body that is read: far more than any call takes.
const LONGEST_BODY: usize = 1 << 20;

/// What the requests of one server share.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) api: Api,
    pub(super) latency: Duration,
    pub(super) log: Option<RequestLog>,
    pub(super) faults: Mutex<Armed>,
    pub(super) recorder: Option<Recorder>,
    pub(super) on_kill: Option<Hook>,
    pub(super) phases: Phases,
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    /// How many requests are not answered yet.
    pub(super) under_way: AtomicU64,
}

/// What came of the state's side of a request.
struct Decided {
    behind: Vec<Changed>,
    own: Option<Answered>,
}

/// How much too late the timers of the runtime may be, which count in milliseconds.
const COARSE: Duration = Duration::from_millis(2);

/// Sleeps exactly as long: the last bit in a thread, whose timer is finer.
async fn sleep_until(due: Instant) {
    if let Some(early) = due.checked_sub(COARSE).filter(|early| *early > Instant::now()) {
        tokio::time::sleep_until(early.into()).await;
    }
    let left = due.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        // It can only fail by being cut off, and nothing is lost then.
        let _ = tokio::task::spawn_blocking(move || std::thread::sleep(left)).await;
    }
}

/// Answers one request. It is seen through even if the client goes away meanwhile, as a cluster would.
pub(super) async fn handle(
    Shared(served): Shared<Arc<Served>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    let event = Event {
        seq: served.requests.fetch_add(1, Ordering::Relaxed) + 1,
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        route: None,
        faults: Vec::new(),
        behind: Vec::new(),
        applied: false,
        changed: None,
        status: None,
    };
    let asked = read(request).await;
    let reply = match tokio::spawn(served.see_through(event, line.number, asked)).await {
        Ok(reply) => reply,
        Err(error) => Answer::from(Refusal::Broken(error.to_string())).into(),
    };
    match reply {
        Reply::Answer(spoken) => return spoken.into_response(),
        Reply::Close | Reply::Stop | Reply::Kill => line.close(),
        Reply::Reset(words) => line.reset_after(words),
        Reply::Silent => std::future::pending().await,
        Reply::Stall(answer) => return stalled(answer),
    }
    // Whatever is written to a line that is cut is not sent.
    Response::default()
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

impl Served {
    async fn see_through(self: Arc<Self>, mut event: Event, connection: u64, asked: Result<Asked, Refusal>) -> Reply {
        let others = self.under_way.fetch_add(1, Ordering::Relaxed);
        let reply = self.decide_in_time(&mut event, others, asked).await;
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        event.status = reply.status();
        self.write_down(event, connection);
        match &reply {
            Reply::Answer(_) | Reply::Close | Reply::Reset(_) | Reply::Silent | Reply::Stall(_) => {}
            Reply::Stop => self.die().await,
            Reply::Kill => self.kill().await,
        }
        reply
    }

    /// Decides, and lets the time pass that an answer takes: what the deciding took of it is not added.
    async fn decide_in_time(self: &Arc<Self>, event: &mut Event, others: u64, asked: Result<Asked, Refusal>) -> Reply {
        let due = Instant::now() + self.latency;
        let reply = match asked {
            Ok(asked) => self.work(asked, others, event).await,
            Err(refusal) => Answer::from(refusal).into(),
        };
        sleep_until(due).await;
        reply
    }

    /// Does what the request asks for, or what a fault makes of it, and notes in the event what that was.
    async fn work(self: &Arc<Self>, asked: Asked, others: u64, event: &mut Event) -> Reply {
        event.route = self.api.route(&asked);
        let writes = matches!(event.route, Some(Route::Change(_)));
        let call = Call { method: &event.method, path: &event.path, writes, others };
        event.faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner).next(call);
        for fault in &event.faults {
            if let Fault::Delay(time) = fault {
                tokio::time::sleep(*time).await;
            }
        }
        if self.phases.has_reached(Phase::Dead) {
            return Reply::Close;
        }
        match self.decide(asked, event.faults.clone()).await {
            Ok(Decided { behind, own }) => {
                event.behind = behind;
                event.applied = own.as_ref().is_some_and(|own| own.applied);
                let (answer, changed) = own.map(|own| (own.answer, own.changed)).unzip();
                event.changed = changed.flatten();
                Reply::new(event.faults.iter().find(|fault| fault.decides()), answer)
            }
            Err(error) => Answer::from(Refusal::Broken(error.to_string())).into(),
        }
    }

    async fn decide(self: &Arc<Self>, asked: Asked, faults: Vec<Fault>) -> Result<Decided, JoinError> {
        // A look does not wait: the state is in memory. All else may, for the lock and the disk.
        let looks = asked.method == Method::GET && faults.is_empty();
        if looks || !self.api.waits() {
            return Ok(self.decide_at_once(&asked, &faults));
        }
        let served = Arc::clone(self);
        tokio::task::spawn_blocking(move || served.decide_at_once(&asked, &faults)).await
    }

    fn decide_at_once(&self, asked: &Asked, faults: &[Fault]) -> Decided {
        let behind = faults.iter().filter_map(|fault| self.change_behind(fault)).collect();
        let fault = faults.iter().find(|fault| fault.decides());
        if fault == Some(&Fault::Expire) {
            self.api.expire(asked);
        }
        let own = fault.is_none_or(|fault| fault.applied() == Applied::Yes).then(|| self.api.answer(asked));
        Decided { behind, own }
    }

    fn change_behind(&self, fault: &Fault) -> Option<Changed> {
        let Fault::Behind(behind) = fault else { return None };
        let changed = self.api.alter(|state| behind.apply(state));
        changed.unwrap_or_else(|refusal| {
            tracing::warn!("`{fault}` has no effect: {}", refusal.message());
            None
        })
    }

    fn write_down(&self, event: Event, connection: u64) {
        if let Some(log) = &self.log {
            log.write(&Entry {
                seq: event.seq,
                connection,
                method: &event.method,
                path: &event.path,
                status: event.status,
                faults: event.faults.iter().map(Fault::name).collect(),
            });
        }
        if let Some(recorder) = &self.recorder {
            recorder.keep(event);
        }
    }

    /// Stops as a process that dies: first nobody can connect any more, then all connections end.
    async fn die(&self) {
        self.phases.advance(Phase::Stopping);
        self.phases.reached(Phase::Closed).await;
        self.phases.advance(Phase::Dead);
    }

    /// Lets the client be stopped.
    async fn kill(&self) {
        let Some(hook) = self.on_kill.clone() else { return };
        if let Err(error) = tokio::task::spawn_blocking(move || hook.call()).await {
            tracing::warn!("the client was not stopped: {error}");
        }
    }
}
