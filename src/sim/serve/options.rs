//! How a simulated cluster is started, and why it may not be.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use super::tls::TlsError;
use crate::sim::faults::Rules;
use crate::sim::release::SimRelease;
use crate::sim::state::{State, StateProblem};
use crate::sim::store::StoreError;
use crate::sim::switches::SwitchProblem;

/// Where the state of a simulated cluster is kept.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a file; one that is not there is begun as a fresh cluster.
    File {
        /// The file.
        path: PathBuf,
        /// Whether a change is on the disk before it is answered. Without it a crash of the machine, not of the
        /// process, may lose changes.
        durable: bool,
    },
    /// In memory, from this state on. It is gone when the cluster stops.
    Memory(Box<State>),
}

/// How a simulated cluster is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the state is kept.
    pub state: Place,
    /// Where to listen. The default is any free port of loopback.
    pub listen: SocketAddr,
    /// The release to behave as; what is given wins over the file's, and is saved.
    pub release: Option<SimRelease>,
    /// Switches to be set, as `name=value`; the others stay as the file has them. They are saved.
    pub switches: Vec<String>,
    /// How long each request takes to be answered; what it asks for is done meanwhile.
    pub latency: Duration,
    /// Whether to speak TLS, with a certificate that is new at each start.
    pub tls: bool,
    /// Where to write a JSON line for each request; what is there already stays.
    pub log: Option<PathBuf>,
    /// How long an access token holds; 300 seconds by default.
    pub token_time: Duration,
    /// For how many calls an access token holds; for any number when not given.
    pub token_uses: Option<u32>,
    /// What goes wrong, and when.
    pub faults: Rules,
    /// Whether to keep every request and every state, for [`Running::events`](super::Running::events).
    pub record: bool,
    /// What to do at the fault [`Fault::Kill`](crate::sim::Fault::Kill).
    pub on_kill: Option<Hook>,
}

/// Something to do.
#[derive(Clone)]
pub struct Hook(Arc<dyn Fn() + Send + Sync>);

impl Hook {
    /// This, which may block.
    pub fn new(hook: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(super) fn call(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl Options {
    /// The defaults, over this state file.
    #[must_use]
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self::over(Place::File { path: state.into(), durable: true })
    }

    /// The defaults, over a state that is kept in memory.
    #[must_use]
    pub fn in_memory(state: State) -> Self {
        Self::over(Place::Memory(Box::new(state)))
    }

    fn over(state: Place) -> Self {
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
            faults: Rules::default(),
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
    State(#[from] StoreError),
    /// The state given describes what no cluster can be.
    #[error("the state describes no cluster: {0}")]
    Invalid(#[from] StateProblem),
    /// A switch cannot be set.
    #[error(transparent)]
    Switch(#[from] SwitchProblem),
    /// The address cannot be listened on.
    #[error("the simulator cannot listen on {address}: {source}; choose another address, or port 0 for a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// There is no certificate.
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
