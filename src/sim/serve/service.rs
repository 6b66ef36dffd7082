//! What answers requests: one interface of a cluster, and what it shares with the other one and with other clusters.

use std::fmt;
use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::sim::fault_rules::{ActiveFaults, Interface};
use crate::sim::http::Side;
use crate::sim::observe::Event;
use crate::sim::serve::listener::Phases;
use crate::sim::store::Store;

/// A hook that kills the client.
#[derive(Clone)]
pub struct KillHook(pub(super) Arc<dyn Fn() + Send + Sync>);

impl KillHook {
    /// The hook may block.
    pub fn new(hook: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

impl fmt::Debug for KillHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KillHook")
    }
}

/// What all clusters of a simulator have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) latency: Duration,
    pub(super) tls: bool,
    /// Gets a JSON line for each request, without secrets and without the time.
    pub(super) log: Option<Mutex<File>>,
    pub(super) events: Option<Mutex<Vec<Event>>>,
    pub(super) on_kill: Option<KillHook>,
    pub(super) phases: Phases,
    pub(super) requests: AtomicU64,
    /// The API calls in flight, of all clusters.
    pub(super) in_flight: InFlight,
}

/// What both interfaces of a cluster have in common.
#[derive(Debug)]
pub(super) struct Own {
    /// Its name among several; empty if it is the only one.
    pub(super) name: String,
    pub(super) store: Arc<Store>,
    /// Whether it answers no more, while others do.
    pub(super) is_dead: AtomicBool,
}

#[derive(Debug)]
pub(super) struct Service {
    pub(super) shared: Arc<Shared>,
    pub(super) own: Arc<Own>,
    pub(super) side: Box<dyn Side>,
    pub(super) interface: Interface,
    pub(super) faults: Mutex<ActiveFaults>,
    pub(super) in_flight: InFlight,
}

/// The requests in flight: those without a response yet.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    now: AtomicU64,
    most: AtomicU64,
}

impl InFlight {
    /// Counts a request. Returns the number of others.
    pub(super) fn begin(&self) -> u64 {
        let others = self.now.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(others + 1, Ordering::Relaxed);
        others
    }

    pub(super) fn end(&self) {
        self.now.fetch_sub(1, Ordering::Relaxed);
    }

    /// The most that were in flight at once so far.
    pub(super) fn most(&self) -> u64 {
        self.most.load(Ordering::Relaxed)
    }
}
