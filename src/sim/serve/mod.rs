//! The server: a listener on loopback, the API behind it, and how it is started and stopped.

mod handle;
mod log;
mod options;
mod tls;

use std::future::{Future, IntoFuture};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::serve::{Listener, ListenerExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use options::{Options, Place, SimError};
pub use tls::TlsError;

use self::handle::Served;
use self::log::RequestLog;
use self::tls::{Certificate, TlsListener};
use super::rest::{Api, Life};
use super::state::{ROOT, Role, State};
use super::store::Store;
use super::switches::Switches;

/// How long requests in flight are waited for when the server stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// A simulated cluster that is running. It stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    url: String,
    certificate: Option<Certificate>,
    admin: (String, String),
    served: Arc<Served>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

/// Starts a simulated cluster on the current runtime.
///
/// # Errors
/// The state file is not one or cannot be written, the address is taken, or the log cannot be opened.
pub async fn start(options: Options) -> Result<Running, SimError> {
    let store = open(&options)?;
    let admin = admin(&*store.read()?);
    let served = Arc::new(Served {
        api: Api::new(store, Life { time: options.token_time, uses: options.token_uses }),
        latency: options.latency,
        log: open_log(&options)?,
        connections: AtomicU64::new(0),
        requests: AtomicU64::new(0),
    });
    let no_listener = |source| SimError::Listen { address: options.listen, source };
    let tcp = TcpListener::bind(options.listen).await.map_err(no_listener)?;
    let address = tcp.local_addr().map_err(no_listener)?;
    let (stop, stopped) = oneshot::channel();
    let (scheme, certificate, server) = if options.tls {
        let (certificate, acceptor) = tls::self_signed(address.ip())?;
        let listener = TlsListener::new(tcp, acceptor).tap_io(|stream| at_once(stream.get_ref().0));
        ("https", Some(certificate), spawn(listener, &served, stopped))
    } else {
        ("http", None, spawn(tcp.tap_io(|stream| at_once(stream)), &served, stopped))
    };
    Ok(Running { url: format!("{scheme}://{address}"), certificate, admin, served, stop, server })
}

impl Running {
    /// Where it listens, such as `http://127.0.0.1:41234`; the API is under `/api/v2`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// With TLS, what its certificate is known by: `sha256:` and the digest of the certificate (DER) in hex.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        self.certificate.as_ref().map(|certificate| certificate.fingerprint.as_str())
    }

    /// With TLS, its certificate, which can be trusted as a CA file.
    #[must_use]
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate.as_ref().map(|certificate| certificate.pem.as_str())
    }

    /// Name and password of an administrator of the tenant `Root`, as of the start.
    #[must_use]
    pub fn admin_login(&self) -> (String, String) {
        self.admin.clone()
    }

    /// How many connections were taken so far; with TLS, those whose handshake ended well.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.served.connections.load(Ordering::Relaxed)
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

fn spawn<L>(listener: L, served: &Arc<Served>, stopped: oneshot::Receiver<()>) -> JoinHandle<()>
where
    L: Listener<Addr: std::fmt::Debug>,
{
    let counted = Arc::clone(served);
    let listener = listener.tap_io(move |_| {
        counted.connections.fetch_add(1, Ordering::Relaxed);
    });
    let router = Router::new().fallback(handle::handle).with_state(Arc::clone(served));
    let serve = axum::serve(listener, router).with_graceful_shutdown(async {
        // An error means that the sender was dropped, which is to stop it too.
        let _ = stopped.await;
    });
    tokio::spawn(async {
        // It never fails: after an error of the listener it goes on accepting.
        let _ = serve.into_future().await;
    })
}

/// Sends small answers without waiting for more to send.
fn at_once(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("TCP_NODELAY cannot be set: {error}");
    }
}

fn open(options: &Options) -> Result<Store, SimError> {
    let set = |switches: Switches| options.switches.iter().try_fold(switches, |all, one| all.with(one));
    // Whether a setting is one does not depend on what it is applied to.
    set(Switches::default())?;
    let adjust = |mut state: State| {
        if let Some(release) = &options.release {
            state.release.clone_from(release);
        }
        state.switches = set(state.switches).unwrap_or(state.switches);
        state
    };
    match &options.state {
        Place::File { path, durable } => {
            let fresh = || adjust(State::default()).complete();
            Ok(Store::open(path, *durable, fresh, adjust)?)
        }
        Place::Memory(state) => Ok(Store::in_memory(adjust(State::clone(state)).complete()?)),
    }
}

fn open_log(options: &Options) -> Result<Option<RequestLog>, SimError> {
    let open = |path: &std::path::PathBuf| {
        RequestLog::open(path).map_err(|source| SimError::Log { path: path.clone(), source })
    };
    options.log.as_ref().map(open).transpose()
}

/// That there is one is seen to whenever a state is read.
fn admin(state: &State) -> (String, String) {
    let users = state.tenants.get(ROOT).into_iter().flat_map(|tenant| &tenant.users);
    let mut admins = users.filter(|(_, user)| user.role == Role::ClusterAdmin);
    let login = admins.find_map(|(name, user)| Some((name.clone(), user.password.clone()?)));
    login.unwrap_or_default()
}
