//! Ctrl-C during an apply: the first finishes the calls in flight, the second stops at once, the third also stops the storing
//! of a secret.

use tokio::signal;

use crate::apply::{SecretStore, StopSignal};

const STOPPING: &str = "interrupted: finishing API calls in flight; press Ctrl-C again to stop at once";

const STORING: &str = "interrupted again: storing new secrets; press Ctrl-C again to leave them in emergency files";

/// Runs the work to its end. The first interruption (Ctrl-C, SIGTERM, SIGHUP) sets `stop`, unless it is set already. After the second the work continues
/// only while a secret is being stored, and there is no result. `print` gets a message for each.
pub(super) async fn interruptible<T>(
    work: impl Future<Output = T>,
    stop: &StopSignal,
    secret_store: &SecretStore,
    mut print: impl FnMut(&str),
) -> Option<T> {
    tokio::pin!(work);
    let mut interruptions = Interruptions::new();
    if !stop.is_requested() {
        tokio::select! {
            biased;
            () = interruptions.next() => {}
            done = &mut work => return Some(done),
        }
        stop.request();
        print(STOPPING);
    }
    tokio::select! {
        biased;
        done = &mut work => return Some(done),
        () = interruptions.next() => {}
    }
    if secret_store.is_storing() {
        print(STORING);
    }
    // If nothing is being stored, this ends at once, after the work has read the responses that arrived.
    tokio::select! {
        biased;
        done = &mut work => Some(done),
        () = secret_store.idle() => None,
        () = interruptions.next() => None,
    }
}

/// The signals that end a process. All are caught from the start, so that none is lost. One that cannot be caught ends the
/// process.
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
            () = received(interrupt) => {}
            () = received(terminate) => {}
            () = received(hangup) => {}
        }
    }
}

#[cfg(unix)]
async fn received(signal: &mut Option<signal::unix::Signal>) {
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
