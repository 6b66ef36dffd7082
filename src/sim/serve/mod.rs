//! The server: start, inspect and stop one simulated cluster, or several.

mod cluster;
mod entrance;
mod handle;
mod listener;
mod options;
mod service;

pub use cluster::SimulatedCluster;
pub use options::{Options, StateSource};
pub use service::KillHook;

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
use crate::sim::fault_rules::{FaultRules, Interface};
use crate::sim::observe::Event;
use crate::sim::serve::entrance::{Entrance, Several};
use crate::sim::serve::listener::{Certificate, ConnectionHandle, CuttableListener, OnDrop, Phase, Phases};
use crate::sim::serve::service::{InFlight, Shared};
use crate::sim::state::ClusterState;
use crate::sim::store::Store;

/// Starts a simulated cluster, or several at one address, on the current runtime.
///
/// # Errors
/// A state file is invalid or not writable, two clusters are the same one, the address is taken, or the log cannot be opened.
pub async fn start(options: Options) -> Result<Running, SimError> {
    let stores = options.open()?;
    let shared = Arc::new(Shared {
        latency: options.latency,
        tls: options.tls,
        log: options.log.as_ref().map(open_log).transpose()?,
        events: options.record.then(Mutex::default),
        on_kill: options.on_kill.clone(),
        phases: Phases::new(),
        requests: AtomicU64::new(0),
        in_flight: InFlight::default(),
    });
    let (tcp, address) = bind(options.listen).await?;
    let s3 = match options.s3 {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let signed = options.tls.then(|| listener::self_signed(address.ip(), hosts(&stores))).transpose();
    let (certificate, tls) = signed
        .map_err(|error| SimError(format!("the simulator cannot make a certificate: {error}; it can run without TLS")))?
        .unzip();
    let url = |address: SocketAddr| format!("{}://{address}", if options.tls { "https" } else { "http" });
    let s3_url = s3.as_ref().map(|(_, address)| url(*address));
    let is_one = matches!(options.state, StateSource::File(_) | StateSource::Memory(_));
    let mut clusters = Vec::new();
    for (name, store) in stores {
        let own_url = if is_one { url(address) } else { url_of(&name, &url(address)) };
        clusters.push(SimulatedCluster::new(name, store, own_url, &options, &shared)?);
    }
    let entrance = |interface: Interface| match (is_one, clusters.as_slice()) {
        (true, [one]) => Entrance::One(Arc::clone(one.service(interface))),
        (_, several) => {
            let services = several.iter().map(|one| (one.name().to_owned(), Arc::clone(one.service(interface))));
            Entrance::Several(Several { shared: Arc::clone(&shared), interface, services: services.collect() })
        }
    };
    let mut listeners = vec![(tcp, entrance(Interface::Api))];
    listeners.extend(s3.map(|(tcp, _)| (tcp, entrance(Interface::S3))));
    let server = spawn(listeners, tls.as_ref(), &shared.phases);
    let stop = OnDrop { phases: shared.phases.clone(), to: Phase::Stopping };
    Ok(Running { url: url(address), s3_url, certificate, shared, clusters, stop, server })
}

/// How many bytes of names a certificate has at most: a message of a TLS handshake has 64 KiB.
const MOST_NAMES: usize = 40_000;

/// The host names of several clusters, for the certificate.
fn hosts(stores: &[(String, Store)]) -> Vec<String> {
    let names = stores.iter().map(|(name, _)| name).filter(|name| !name.is_empty());
    let hosts: Vec<String> = names.map(|name| format!("{name}.localhost")).collect();
    if hosts.iter().map(|host| host.len() + 2).sum::<usize>() > MOST_NAMES {
        tracing::warn!("the certificate names no cluster, because there are too many: trust it by its fingerprint");
        return Vec::new();
    }
    hosts
}

/// The URL of one cluster of several, by its host name. It needs no DNS: see RFC 6761.
fn url_of(name: &str, url: &str) -> String {
    let (scheme, address) = url.split_once("://").unwrap_or(("http", url));
    let port = address.rsplit_once(':').map_or("", |(_, port)| port);
    format!("{scheme}://{name}.localhost:{port}")
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
fn spawn(listeners: Vec<(TcpListener, Entrance)>, tls: Option<&TlsAcceptor>, phases: &Phases) -> JoinHandle<()> {
    let serve = |(tcp, entrance): (TcpListener, Entrance)| {
        let listener = CuttableListener::new(tcp, tls.cloned(), phases);
        let router = Router::new().fallback(handle::handle).with_state(Arc::new(entrance));
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

fn open_log(path: &PathBuf) -> Result<Mutex<File>, SimError> {
    let file = File::options().create(true).append(true).open(path);
    file.map(Mutex::new).map_err(|error| {
        let path = path.display();
        SimError(format!("the log `{path}` cannot be opened: {error}; its directory must exist and be writable"))
    })
}

/// How long the server waits for requests in flight when it stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running simulator of one cluster or of several. It stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    url: String,
    s3_url: Option<String>,
    certificate: Option<Certificate>,
    shared: Arc<Shared>,
    clusters: Vec<SimulatedCluster>,
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
    /// Its URL, such as `http://127.0.0.1:41234`; the API is under `/api/v2`. Of several clusters, each has its own.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The clusters, in the order of their names.
    pub fn clusters(&self) -> &[SimulatedCluster] {
        &self.clusters
    }

    /// One cluster of several.
    pub fn cluster(&self, name: &str) -> Option<&SimulatedCluster> {
        self.clusters.iter().find(|cluster| cluster.name() == name)
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

    /// Name and password of an administrator of the tenant `Root`, as of the start. Of several clusters, those of the first.
    pub fn admin_login(&self) -> (String, String) {
        self.clusters.first().map(SimulatedCluster::admin_login).unwrap_or_default()
    }

    /// The number of requests started so far.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The most API calls that were in flight at once so far, over all clusters.
    pub fn most_in_flight(&self) -> u64 {
        self.shared.in_flight.most()
    }

    /// The current state of a single cluster.
    ///
    /// # Errors
    /// The state file is gone or no longer valid, or there are several clusters.
    pub fn state(&self) -> Result<Arc<ClusterState>, SimError> {
        match self.clusters.as_slice() {
            [one] => one.state(),
            several => Err(SimError(format!("there are {} clusters, each with its state", several.len()))),
        }
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
        self.clusters.iter().for_each(|cluster| cluster.set_faults(rules));
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
