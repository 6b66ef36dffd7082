//! The options of a simulated cluster, and the errors at its start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use crate::sim::fault_rules::FaultRules;
use crate::sim::release::SimRelease;
use crate::sim::serve::listener::TlsError;
use crate::sim::state::{ClusterState, StateError};
use crate::sim::store::StoreError;
use crate::sim::switches::SwitchError;

/// The place of the state of a simulated cluster.
#[derive(Debug, Clone)]
pub enum StateSource {
    /// A file; a missing one starts as a new cluster.
    File(PathBuf),
    /// In memory, starting with this state. It is lost when the cluster stops.
    Memory(Box<ClusterState>),
}

/// The options of a simulated cluster.
#[derive(Debug, Clone)]
pub struct Options {
    /// The place of the state.
    pub state: StateSource,
    /// The address to listen on; a free port of loopback by default.
    pub listen: SocketAddr,
    /// The release to behave as. It replaces the one of the state file.
    pub release: Option<SimRelease>,
    /// Switches to set, as `name=value`. They replace those of the state file.
    pub switches: Vec<String>,
    /// The time from each request to its response; the request is executed meanwhile.
    pub latency: Duration,
    /// Whether to use TLS, with a new certificate at each start.
    pub tls: bool,
    /// The file that gets a JSON line for each request.
    pub log: Option<PathBuf>,
    /// The lifetime of an access token; 300 seconds by default.
    pub token_time: Duration,
    /// The number of calls for which an access token is valid; unlimited by default.
    pub token_uses: Option<u32>,
    /// The faults.
    pub faults: FaultRules,
    /// Whether to record every request and every state, for [`Running::events`](super::Running::events).
    pub record: bool,
    /// The hook to call at the fault [`Fault::Kill`](crate::sim::Fault::Kill).
    pub on_kill: Option<KillHook>,
}

/// A hook that kills the client.
#[derive(Clone)]
pub struct KillHook(Arc<dyn Fn() + Send + Sync>);

impl KillHook {
    /// The hook may block.
    pub fn new(hook: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(super) fn call(&self) {
        (self.0)();
    }
}

impl fmt::Debug for KillHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KillHook")
    }
}

impl Options {
    /// The defaults, with this state file.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self::with_state(StateSource::File(state.into()))
    }

    /// The defaults, with a state in memory.
    pub fn in_memory(state: ClusterState) -> Self {
        Self::with_state(StateSource::Memory(Box::new(state)))
    }

    fn with_state(state: StateSource) -> Self {
        Self {
            state,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            release: None,
            switches: Vec::new(),
            latency: Duration::ZERO,
            tls: false,
            log: None,
            token_time: Duration::from_secs(300),
            token_uses: None,
            faults: FaultRules::default(),
            record: false,
            on_kill: None,
        }
    }
}

/// The simulated cluster cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The state file cannot be used.
    #[error(transparent)]
    ClusterState(#[from] StoreError),
    /// The given state describes an impossible cluster.
    #[error("the state describes no cluster: {0}")]
    Invalid(#[from] StateError),
    /// A switch cannot be set.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// The server cannot listen on the address.
    #[error("the simulator cannot listen on {address}: {source}; choose another address, or port 0 for a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate cannot be created.
    #[error("the simulator cannot make a certificate: {0}; it can run without TLS")]
    Tls(#[from] TlsError),
    /// The log cannot be opened.
    #[error("the log `{path}` cannot be opened: {source}; its directory must exist and be writable")]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}
