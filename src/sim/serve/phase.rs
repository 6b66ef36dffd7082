//! How far a server is on its way from open to dead.

use std::future::Future;

use tokio::sync::watch;

/// Where a server is. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// It takes connections.
    Open,
    /// It was told to stop.
    Stopping,
    /// It takes no connection any more.
    Closed,
    /// It answers nothing and changes nothing any more.
    Dead,
}

/// The phase of one server, for all that have to know.
#[derive(Debug, Clone)]
pub(super) struct Phases(watch::Sender<Phase>);

impl Phases {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Phase::Open))
    }

    /// Goes on to a phase, unless it is reached.
    pub(super) fn advance(&self, to: Phase) {
        self.0.send_if_modified(|phase| {
            let later = *phase < to;
            if later {
                *phase = to;
            }
            later
        });
    }

    pub(super) fn has_reached(&self, phase: Phase) -> bool {
        *self.0.borrow() >= phase
    }

    /// Waits until a phase is reached.
    pub(super) fn reached(&self, phase: Phase) -> impl Future<Output = ()> + Send + use<> {
        let mut receiver = self.0.subscribe();
        async move {
            // An error means that nobody is left who could go on.
            let _ = receiver.wait_for(|now| *now >= phase).await;
        }
    }
}

/// Goes on to a phase when dropped.
#[derive(Debug)]
pub(super) struct OnDrop {
    pub(super) phases: Phases,
    pub(super) to: Phase,
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.phases.advance(self.to);
    }
}
