//! A simulated cluster that is running: where it is, what it saw, and how it ends.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::handle::Served;
use super::phase::{OnDrop, Phase};
use super::tls::Certificate;
use crate::sim::faults::{Armed, Rules};
use crate::sim::observe::{Event, Recorder};
use crate::sim::state::State;
use crate::sim::store::StoreError;

/// How long requests in flight are waited for when the server stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// A simulated cluster that is running. It stops when this is dropped.
#[derive(Debug)]
pub struct Running {
    pub(super) url: String,
    pub(super) certificate: Option<Certificate>,
    pub(super) admin: (String, String),
    pub(super) served: Arc<Served>,
    pub(super) stop: OnDrop,
    pub(super) server: JoinHandle<()>,
}

/// Why a cluster ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Told,
    /// By the fault [`Fault::Stop`](crate::sim::Fault::Stop).
    Fault,
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

    /// The state as it is now.
    ///
    /// # Errors
    /// The state file vanished, or is not one any more.
    pub fn state(&self) -> Result<Arc<State>, StoreError> {
        self.served.api.state()
    }

    /// The requests so far and what came of them, in the order of their arrival; none unless
    /// [`Options::record`](super::Options::record) says so.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.served.recorder.as_ref().map(Recorder::events).unwrap_or_default()
    }

    /// From now on these faults happen and no others. Calls are counted anew.
    pub fn set_faults(&self, rules: Rules) {
        *self.served.faults.lock().unwrap_or_else(PoisonError::into_inner) = Armed::from(rules);
    }

    /// Waits until it takes no connection any more, because of a fault or of being told.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        self.served.phases.reached(Phase::Closed)
    }

    /// Runs until `signal`, then stops; or until a fault stops it.
    pub async fn until(self, signal: impl Future) -> Ended {
        let ended = tokio::select! {
            _ = signal => Ended::Told,
            () = self.stopped() => Ended::Fault,
        };
        self.stop().await;
        ended
    }

    /// Takes no more requests, waits a while for those in flight, and stops.
    pub async fn stop(self) {
        drop(self.stop);
        let abort = self.server.abort_handle();
        if tokio::time::timeout(PATIENCE, self.server).await.is_err() {
            abort.abort();
        }
        self.served.phases.advance(Phase::Dead);
    }
}
