//! Asks a run to come to its end.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether a run should stop: what is under way is seen through, and nothing more is begun.
#[derive(Debug, Default)]
pub struct StopSignal {
    asked: AtomicBool,
    told: Notify,
}

impl StopSignal {
    /// Asks the run to stop.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
        self.told.notify_waiters();
    }

    /// Whether it was asked to.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Waits, and no longer than until it is asked to stop.
    pub(super) async fn unless_asked(&self, wait: impl Future<Output = ()>) {
        let told = self.told.notified();
        if !self.is_asked() {
            tokio::select! {
                () = wait => {}
                () = told => {}
            }
        }
    }
}
