//! Not more than so many requests at once and in a second: many 403 in a moment alarm people.

use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How much is asked at once, and how long attune waits before it asks again.
#[derive(Debug, Clone)]
pub struct Manners {
    /// Requests at once.
    pub at_once: usize,
    /// Requests in a second.
    pub per_second: u32,
    /// The pauses before a difference is asked again.
    pub pauses: Vec<Duration>,
    /// The first pause of a busy service. Each further one is twice as long.
    pub busy: Duration,
}

impl Default for Manners {
    /// 4 at once and 20 a second, and a difference again after 2 s and 10 s.
    fn default() -> Self {
        let pauses = [2, 10].map(Duration::from_secs).to_vec();
        Self { at_once: 4, per_second: 20, pauses, busy: Duration::from_millis(500) }
    }
}

/// The pace of one run, or of several together.
#[derive(Debug)]
pub struct Pace {
    at_once: Semaphore,
    ticks: Mutex<Interval>,
}

impl Pace {
    /// The pace of these manners. It needs a runtime with time.
    #[must_use]
    pub fn of(manners: &Manners) -> Self {
        let mut ticks = interval(Duration::from_secs(1) / manners.per_second.max(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { at_once: Semaphore::new(manners.at_once.max(1)), ticks: Mutex::new(ticks) }
    }

    /// Waits until a request may be sent. It counts as long as the permit lives.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.at_once.acquire().await.ok()?;
        self.ticks.lock().await.tick().await;
        Some(permit)
    }
}
