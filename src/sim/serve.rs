//! The server: a listener on loopback, the API behind it, and how it is started and stopped.

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderName, Method, Response, header};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::release::SimRelease;
use super::rest::{Answer, Api, Asked, Life};
use super::rules::Refusal;
use super::state::{ROOT, Role, State};
use super::store::{Store, StoreError};
use super::switches::Switches;

/// The longest body that is read: far more than any call takes.
const LONGEST_BODY: usize = 1 << 20;

/// How long requests in flight are waited for when the server stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a simulated cluster is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The state file; one that is not there is begun as a fresh cluster.
    pub state: PathBuf,
    /// Where to listen. The default is any free port of loopback.
    pub listen: SocketAddr,
    /// The release to behave as; what is given wins over the file's, and is saved.
    pub release: Option<SimRelease>,
    /// The switches to behave by; what is given wins over the file's, and is saved.
    pub switches: Option<Switches>,
    /// How long each request waits before it is answered.
    pub latency: Duration,
    /// How long an access token holds.
    pub token_time: Duration,
    /// For how many calls an access token holds; for any number when not given.
    pub token_uses: Option<u32>,
}

impl Options {
    /// The defaults, over this state file.
    #[must_use]
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self {
            state: state.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            release: None,
            switches: None,
            latency: Duration::ZERO,
            token_time: Duration::from_secs(300),
            token_uses: None,
        }
    }
}

/// The simulated cluster cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("the simulator cannot listen on {address}: {source}; choose another address, or port 0 for a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// A simulated cluster that is running. It stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    url: String,
    admin: (String, String),
    served: Arc<Served>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

/// What the requests share.
#[derive(Debug)]
struct Served {
    api: Api,
    latency: Duration,
    requests: AtomicU64,
}

/// Starts a simulated cluster.
///
/// # Errors
/// The state file is not one or cannot be written, or the address is taken.
pub async fn start(options: Options) -> Result<Running, SimError> {
    let store = open(&options)?;
    let admin = admin(&*store.read()?);
    let api = Api::new(store, Life { time: options.token_time, uses: options.token_uses });
    let served = Arc::new(Served { api, latency: options.latency, requests: AtomicU64::new(0) });
    let no_listener = |source| SimError::Listen { address: options.listen, source };
    let listener = TcpListener::bind(options.listen).await.map_err(no_listener)?;
    let url = format!("http://{}", listener.local_addr().map_err(no_listener)?);
    let (stop, stopped) = oneshot::channel();
    let router = Router::new().fallback(handle).with_state(Arc::clone(&served));
    let serve = axum::serve(listener, router).with_graceful_shutdown(async {
        // Also when the sender is dropped.
        let _ = stopped.await;
    });
    let server = tokio::spawn(async {
        // It never fails: it goes on accepting after an error.
        let _ = serve.into_future().await;
    });
    Ok(Running { url, admin, served, stop, server })
}

impl Running {
    /// Where it listens, such as `http://127.0.0.1:41234`; the API is under `/api/v2`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Name and password of an administrator of the tenant `Root`, as of the start.
    #[must_use]
    pub fn admin_login(&self) -> (String, String) {
        self.admin.clone()
    }

    /// How many requests were begun so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.served.requests.load(Ordering::Relaxed)
    }

    /// Runs until `signal`, then stops.
    pub async fn until(self, signal: impl Future) {
        signal.await;
        self.stop().await;
    }

    /// Takes no more requests, waits a while for those in flight, and stops.
    pub async fn stop(self) {
        // The server may be gone already.
        let _ = self.stop.send(());
        let abort = self.server.abort_handle();
        if tokio::time::timeout(PATIENCE, self.server).await.is_err() {
            abort.abort();
        }
    }
}

fn open(options: &Options) -> Result<Store, StoreError> {
    let adjust = |mut state: State| {
        if let Some(release) = &options.release {
            state.release.clone_from(release);
        }
        state.switches = options.switches.unwrap_or(state.switches);
        state
    };
    let fresh = || adjust(State::default()).complete();
    Store::open(&options.state, fresh, adjust)
}

/// That there is one is seen to whenever a state is read.
fn admin(state: &State) -> (String, String) {
    let users = state.tenants.get(ROOT).into_iter().flat_map(|tenant| &tenant.users);
    let mut admins = users.filter(|(_, user)| user.role == Role::ClusterAdmin);
    let login = admins.find_map(|(name, user)| Some((name.clone(), user.password.clone()?)));
    login.unwrap_or_default()
}

async fn handle(Shared(served): Shared<Arc<Served>>, request: Request) -> Response<Body> {
    served.requests.fetch_add(1, Ordering::Relaxed);
    if !served.latency.is_zero() {
        tokio::time::sleep(served.latency).await;
    }
    let answer = match read(request).await {
        Ok(asked) => answer(served, asked).await,
        Err(refusal) => refusal.into(),
    };
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
    if asked.method == Method::GET {
        return served.api.answer(&asked);
    }
    let answered = tokio::task::spawn_blocking(move || served.api.answer(&asked)).await;
    answered.unwrap_or_else(|error| Refusal::Broken(error.to_string()).into())
}
