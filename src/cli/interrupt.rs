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

/// The signals that ask a process to end. Where they cannot be listened for, they end it as ever.
struct Interruptions {
    #[cfg(unix)]
    terminate: Option<signal::unix::Signal>,
}

impl Interruptions {
    fn new() -> Self {
        Self {
            #[cfg(unix)]
            terminate: signal::unix::signal(signal::unix::SignalKind::terminate()).ok(),
        }
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(terminate) = &mut self.terminate {
            tokio::select! {
                heard = signal::ctrl_c() => never_unless(heard.is_ok()).await,
                heard = terminate.recv() => never_unless(heard.is_some()).await,
            }
            return;
        }
        let heard = signal::ctrl_c().await;
        never_unless(heard.is_ok()).await;
    }
}

async fn never_unless(heard: bool) {
    if !heard {
        std::future::pending::<()>().await;
    }
}
