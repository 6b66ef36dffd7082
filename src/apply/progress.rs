//! The two ways in which a run and its caller talk: progress, and the request to stop.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::outcome::StepOutcome;
use super::secret_store::StoredIn;
use crate::base::UserName;
use crate::plan::Step;

/// Receives the events of a run, to show or record them.
pub trait Progress: Sync {
    /// A step is about to be sent.
    fn started(&self, step: &Step);
    /// A step ended, or will not be reached.
    fn ended(&self, step: &Step, outcome: &StepOutcome);
    /// A new key pair of a user was stored, or could not be. Called before the emergency file is removed.
    fn keys_stored(&self, _user: &UserName, _stored: &StoredIn) {}
}

/// A request to stop a run: calls under way end, and no more calls begin.
#[derive(Debug, Default)]
pub struct StopSignal {
    requested: AtomicBool,
    notify: Notify,
}

impl StopSignal {
    /// Requests the stop.
    pub fn request(&self) {
        self.requested.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    /// Whether it is requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst)
    }

    /// Waits, but not longer than until the stop is requested.
    pub(super) async fn or_requested(&self, wait: impl Future<Output = ()>) {
        let requested = self.notify.notified();
        if !self.is_requested() {
            tokio::select! {
                () = wait => {}
                () = requested => {}
            }
        }
    }
}
