//! What an interruption does to an apply: the first is a request, the second an order.

use tokio::signal;

use crate::apply::Stop;

/// Does the work to its end. At the first interruption (Ctrl-C, or SIGTERM as schedulers send it) `stop` is asked and
/// `told` is called; at the second the work is dropped where it is, and there is no result.
pub(super) async fn interruptible<T>(work: impl Future<Output = T>, stop: &Stop, told: impl FnOnce()) -> Option<T> {
    tokio::pin!(work);
    let mut interruptions = Interruptions::new();
    tokio::select! {
        biased;
        () = interruptions.next() => {}
        done = &mut work => return Some(done),
    }
    stop.ask();
    told();
    tokio::select! {
        biased;
        () = interruptions.next() => None,
        done = &mut work => Some(done),
    }
}

/// The signals that ask a process to end. Each is listened for from the start, so that none is lost in between. Where
/// they cannot be listened for, they end the process as ever.
struct Interruptions {
    #[cfg(unix)]
    kinds: [Option<signal::unix::Signal>; 2],
}

#[cfg(unix)]
impl Interruptions {
    fn new() -> Self {
        use signal::unix::{SignalKind, signal};
        Self { kinds: [SignalKind::interrupt(), SignalKind::terminate()].map(|kind| signal(kind).ok()) }
    }

    async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.kinds;
        tokio::select! {
            () = heard(interrupt) => {}
            () = heard(terminate) => {}
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
