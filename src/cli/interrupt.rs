//! What an interruption does to a run: the first is a request, the second an order, and only the third ends the storing of
//! a secret.

use tokio::signal;

use crate::apply::{SecretStore, StopSignal};

/// What a person is told about an interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// What is under way is finished, and nothing more is begun.
    Stopping,
    /// A secret that has come is stored, and then all ends.
    Storing,
}

impl Heard {
    /// In words.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Stopping => "interrupted: seeing through the calls under way; once more stops at once",
            Self::Storing => {
                "interrupted again: storing the secrets that have come; once more leaves them in emergency files"
            }
        }
    }
}

/// Does the work to its end. At the first interruption (Ctrl-C, SIGTERM as schedulers send it, SIGHUP of a session that is
/// closed) `stop` is asked; at the second the work goes on only until no secret is being stored, and there is no result.
/// `told` is called with what is done.
pub(super) async fn interruptible<T>(
    work: impl Future<Output = T>,
    stop: &StopSignal,
    secret_store: &SecretStore,
    mut told: impl FnMut(Heard),
) -> Option<T> {
    tokio::pin!(work);
    let mut interruptions = Interruptions::new();
    tokio::select! {
        biased;
        () = interruptions.next() => {}
        done = &mut work => return Some(done),
    }
    stop.request();
    told(Heard::Stopping);
    tokio::select! {
        biased;
        done = &mut work => return Some(done),
        () = interruptions.next() => {}
    }
    let storing = secret_store.is_storing();
    if storing {
        told(Heard::Storing);
    }
    // Where nothing is being stored, this ends at once: after the work has had the answers that are there.
    tokio::select! {
        biased;
        done = &mut work => Some(done),
        () = secret_store.idle() => None,
        () = interruptions.next() => None,
    }
}

/// The signals that ask a process to end. Each is listened for from the start, so that none is lost in between. Where
/// they cannot be listened for, they end the process as ever.
struct Interruptions {
    #[cfg(unix)]
    kinds: [Option<signal::unix::Signal>; 3],
}

#[cfg(unix)]
impl Interruptions {
    fn new() -> Self {
        use signal::unix::{SignalKind, signal};
        Self {
            kinds: [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
                .map(|kind| signal(kind).ok()),
        }
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.kinds;
        tokio::select! {
            () = heard(interrupt) => {}
            () = heard(terminate) => {}
            () = heard(hangup) => {}
        }
    }
}

#[cfg(unix)]
async fn heard(signal: &mut Option<signal::unix::Signal>) {
    if let Some(signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

#[cfg(not(unix))]
impl Interruptions {
    fn new() -> Self {
        Self {}
    }

    async fn next(&mut self) {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
