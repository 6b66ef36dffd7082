//! The server: a listener on loopback, the API behind it, and how it is started and stopped.

mod handle;
mod log;
mod options;
mod phase;
mod reply;
mod running;
mod tls;
mod wire;

use std::future::IntoFuture;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use options::{Hook, Options, Place, SimError};
pub use running::{Ended, Running};
pub use tls::TlsError;

use self::handle::Served;
use self::log::RequestLog;
use self::phase::{OnDrop, Phase, Phases};
use self::tls::TlsListener;
use self::wire::{Door, Line, Wired};
use super::faults::Armed;
use super::observe::Recorder;
use super::rest::{Api, Life};
use super::state::{ROOT, Role, State};
use super::store::Store;
use super::switches::Switches;

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
        faults: Mutex::new(Armed::from(options.faults)),
        recorder: options.record.then(Recorder::default),
        on_kill: options.on_kill,
        phases: Phases::new(),
        connections: AtomicU64::new(0),
        requests: AtomicU64::new(0),
        under_way: AtomicU64::new(0),
    });
    let no_listener = |source| SimError::Listen { address: options.listen, source };
    let tcp = TcpListener::bind(options.listen).await.map_err(no_listener)?;
    let address = tcp.local_addr().map_err(no_listener)?;
    let (scheme, certificate, door) = if options.tls {
        let (certificate, acceptor) = tls::self_signed(address.ip())?;
        ("https", Some(certificate), Door::Tls(TlsListener::new(tcp, acceptor)))
    } else {
        ("http", None, Door::Plain(tcp))
    };
    let server = spawn(door, &served);
    let stop = OnDrop { phases: served.phases.clone(), to: Phase::Stopping };
    Ok(Running { url: format!("{scheme}://{address}"), certificate, admin, served, stop, server })
}

fn spawn(door: Door, served: &Arc<Served>) -> JoinHandle<()> {
    let counted = Arc::clone(served);
    let phases = &served.phases;
    let taken = move || counted.connections.fetch_add(1, Ordering::Relaxed) + 1;
    let router = Router::new().fallback(handle::handle).with_state(Arc::clone(served));
    let serve = axum::serve(Wired::new(door, phases, taken), router.into_make_service_with_connect_info::<Line>())
        .with_graceful_shutdown(phases.reached(Phase::Stopping));
    let dead = OnDrop { phases: phases.clone(), to: Phase::Dead };
    tokio::spawn(async move {
        // It never fails: after an error of the listener it goes on accepting.
        let _ = serve.into_future().await;
        drop(dead);
    })
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
