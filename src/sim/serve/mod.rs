//! The server: start, inspect and stop a simulated cluster.

mod handle;
mod listener;

pub use handle::KillHook;

use std::fs::File;
use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::sim::error::SimError;
use crate::sim::fault_rules::{ActiveFaults, FaultRules, Interface};
use crate::sim::http::Side;
use crate::sim::observe::Event;
use crate::sim::release::{Role, SimRelease};
use crate::sim::rest::Api;
use crate::sim::s3::S3Service;
use crate::sim::serve::handle::{Service, Shared};
use crate::sim::serve::listener::{Certificate, ConnectionHandle, CuttableListener, OnDrop, Phase, Phases};
use crate::sim::state::{ClusterState, ROOT};
use crate::sim::store::Store;
use crate::sim::switches::Switches;

/// The place of the state of a simulated cluster.
#[derive(Debug, Clone)]
pub enum StateSource {
    /// A file; a missing one starts as a new cluster.
    File(PathBuf),
    /// In memory, starting with this state. It is lost when the cluster stops.
    Memory(Box<ClusterState>),
}

with_defaults! {
    /// The options of a simulated cluster.
    #[derive(Debug, Clone)]
    pub struct Options {
        /// The place of the state.
        pub state: StateSource = StateSource::Memory(Box::default()),
        /// The address to listen on; a free port of loopback by default.
        pub listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 0)),
        /// The address of the S3 service; none by default.
        pub s3: Option<SocketAddr> = None,
        /// The release to behave as. It replaces the one of the state file.
        pub release: Option<SimRelease> = None,
        /// Switches to set, as `name=value`. They replace those of the state file.
        pub switches: Vec<String> = Vec::new(),
        /// The time from each request to its response; the request is executed meanwhile.
        pub latency: Duration = Duration::ZERO,
        /// Whether to use TLS, with a new certificate at each start.
        pub tls: bool = false,
        /// The file that gets a JSON line for each request.
        pub log: Option<PathBuf> = None,
        /// The lifetime of an access token.
        pub token_time: Duration = Duration::from_secs(300),
        /// The number of calls for which an access token is valid; unlimited by default.
        pub token_uses: Option<u32> = None,
        /// The faults.
        pub faults: FaultRules = FaultRules::default(),
        /// Whether to record every request and every state, for [`Running::events`](super::Running::events).
        pub record: bool = false,
        /// The hook to call at the fault [`Fault::Kill`](crate::sim::Fault::Kill).
        pub on_kill: Option<KillHook> = None,
    }
}

impl Options {
    /// The defaults, with this state file.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self { state: StateSource::File(state.into()), ..Self::default() }
    }

    /// The defaults, with a state in memory.
    pub fn in_memory(state: ClusterState) -> Self {
        Self { state: StateSource::Memory(Box::new(state)), ..Self::default() }
    }
}

/// Starts a simulated cluster on the current runtime.
///
/// # Errors
/// The state file is invalid or not writable, the address is taken, or the log cannot be opened.
pub async fn start(options: Options) -> Result<Running, SimError> {
    let store = Arc::new(open(&options)?);
    let admin = admin_login(&*store.read()?);
    let shared = Arc::new(Shared {
        store: Arc::clone(&store),
        latency: options.latency,
        tls: options.tls,
        log: options.log.as_ref().map(open_log).transpose()?,
        events: options.record.then(Mutex::default),
        on_kill: options.on_kill,
        phases: Phases::new(),
        requests: AtomicU64::new(0),
    });
    let (tcp, address) = bind(options.listen).await?;
    let s3 = match options.s3 {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let signed = options.tls.then(|| listener::self_signed(address.ip())).transpose();
    let (certificate, tls) = signed
        .map_err(|error| SimError(format!("the simulator cannot make a certificate: {error}; it can run without TLS")))?
        .unzip();
    let service = |side: Box<dyn Side>, interface: Interface| {
        let faults = Mutex::new(ActiveFaults::of(&options.faults, interface));
        let (shared, in_flight) = (Arc::clone(&shared), AtomicU64::new(0));
        Arc::new(Service { shared, side, interface, faults, in_flight })
    };
    let url = |address: SocketAddr| format!("{}://{address}", if options.tls { "https" } else { "http" });
    let api = Api::new(Arc::clone(&store), options.token_time, options.token_uses);
    let s3_url = s3.as_ref().map(|(_, address)| url(*address));
    let mut listeners = vec![(tcp, service(Box::new(api), Interface::Api))];
    listeners.extend(s3.map(|(tcp, _)| (tcp, service(Box::new(S3Service::new(store)), Interface::S3))));
    let services = listeners.iter().map(|(_, service)| Arc::clone(service)).collect();
    let server = spawn(listeners, tls.as_ref(), &shared.phases);
    let stop = OnDrop { phases: shared.phases.clone(), to: Phase::Stopping };
    Ok(Running { url: url(address), s3_url, certificate, admin, shared, services, stop, server })
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), SimError> {
    let no_listener = |error: io::Error| {
        let instead = "choose another address, or port 0 for a free one";
        SimError(format!("the simulator cannot listen on {address}: {error}; {instead}"))
    };
    let tcp = TcpListener::bind(address).await.map_err(no_listener)?;
    let address = tcp.local_addr().map_err(no_listener)?;
    Ok((tcp, address))
}

/// Runs the services until all of them have stopped.
fn spawn(listeners: Vec<(TcpListener, Arc<Service>)>, tls: Option<&TlsAcceptor>, phases: &Phases) -> JoinHandle<()> {
    let serve = |(tcp, service): (TcpListener, Arc<Service>)| {
        let listener = CuttableListener::new(tcp, tls.cloned(), phases);
        let router = Router::new().fallback(handle::handle).with_state(service);
        axum::serve(listener, router.into_make_service_with_connect_info::<ConnectionHandle>())
            .with_graceful_shutdown(phases.reached(Phase::Stopping))
            .into_future()
    };
    let servers: Vec<_> = listeners.into_iter().map(serve).collect();
    let dead = OnDrop { phases: phases.clone(), to: Phase::Dead };
    tokio::spawn(async move {
        // None fails: after an error of the listener it continues to accept.
        let _ = join_all(servers).await;
        drop(dead);
    })
}

fn open(options: &Options) -> Result<Store, SimError> {
    let with_settings = |switches: Switches| options.switches.iter().try_fold(switches, |all, one| all.with(one));
    // The validity of a setting does not depend on the other switches.
    with_settings(Switches::default())?;
    let adjust = |mut state: ClusterState| {
        if let Some(release) = &options.release {
            state.release.clone_from(release);
        }
        state.switches = with_settings(state.switches).unwrap_or(state.switches);
        state
    };
    match &options.state {
        StateSource::File(path) => Store::open(path, adjust),
        StateSource::Memory(state) => {
            let state = adjust(ClusterState::clone(state)).complete();
            let invalid = |error| SimError(format!("the state describes no cluster: {error}"));
            state.map(Store::in_memory).map_err(invalid)
        }
    }
}

fn open_log(path: &PathBuf) -> Result<Mutex<File>, SimError> {
    let file = File::options().create(true).append(true).open(path);
    file.map(Mutex::new).map_err(|error| {
        let path = path.display();
        SimError(format!("the log `{path}` cannot be opened: {error}; its directory must exist and be writable"))
    })
}

/// The login of a cluster administrator; every complete state has one.
fn admin_login(state: &ClusterState) -> (String, String) {
    let users = state.tenants.get(ROOT).into_iter().flat_map(|tenant| &tenant.users);
    let mut admins = users.filter(|(_, user)| user.role == Role::ClusterAdmin);
    let login = admins.find_map(|(name, user)| Some((name.clone(), user.password.clone()?)));
    login.unwrap_or_default()
}

/// How long the server waits for requests in flight when it stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running simulated cluster. It stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    url: String,
    s3_url: Option<String>,
    certificate: Option<Certificate>,
    admin: (String, String),
    shared: Arc<Shared>,
    services: Vec<Arc<Service>>,
    stop: OnDrop,
    server: JoinHandle<()>,
}

/// Why a cluster stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// It was asked to.
    Requested,
    /// By the fault [`Fault::Stop`](crate::sim::Fault::Stop).
    Fault,
}

impl Running {
    /// Its URL, such as `http://127.0.0.1:41234`; the API is under `/api/v2`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of its S3 service, if [`Options::s3`] is set.
    pub fn s3_url(&self) -> Option<&str> {
        self.s3_url.as_deref()
    }

    /// With TLS, the fingerprint of its certificate: `sha256:` and the digest of the certificate (DER) in hex.
    pub fn fingerprint(&self) -> Option<&str> {
        self.certificate.as_ref().map(|certificate| certificate.fingerprint.as_str())
    }

    /// With TLS, its certificate in PEM form, for `ca_file`.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate.as_ref().map(|certificate| certificate.pem.as_str())
    }

    /// Name and password of an administrator of the tenant `Root`, as of the start.
    pub fn admin_login(&self) -> (String, String) {
        self.admin.clone()
    }

    /// The number of requests started so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The current state.
    ///
    /// # Errors
    /// The state file is gone or no longer valid.
    pub fn state(&self) -> Result<Arc<ClusterState>, SimError> {
        self.shared.store.read()
    }

    /// The requests so far and their results, in the order of arrival, if [`Options::record`] is set.
    pub fn events(&self) -> Vec<Event> {
        let Some(events) = &self.shared.events else { return Vec::new() };
        let mut events = events.lock().unwrap_or_else(PoisonError::into_inner).clone();
        events.sort_by_key(|event| event.seq);
        events
    }

    /// Replaces the fault rules. Counts start again.
    pub fn set_faults(&self, rules: &FaultRules) {
        for service in &self.services {
            let faults = ActiveFaults::of(rules, service.interface);
            *service.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
        }
    }

    /// Waits until it accepts no connection any more.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        self.shared.phases.reached(Phase::Closed)
    }

    /// Runs until `signal` or until a fault stops it.
    pub async fn until(self, signal: impl Future) -> EndReason {
        let ended = tokio::select! {
            _ = signal => EndReason::Requested,
            () = self.stopped() => EndReason::Fault,
        };
        self.stop().await;
        ended
    }

    /// Accepts no more requests, waits some time for those in flight, and stops.
    pub async fn stop(self) {
        drop(self.stop);
        let abort = self.server.abort_handle();
        if tokio::time::timeout(STOP_TIMEOUT, self.server).await.is_err() {
            abort.abort();
        }
        self.shared.phases.advance(Phase::Dead);
    }
}
