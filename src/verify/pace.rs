//! Not more than so many requests at once and in a second: many 403 in a moment alarm people.

use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Interval, MissedTickBehavior, interval};

pub(super) struct Pace {
    at_once: Semaphore,
    ticks: Mutex<Interval>,
}

impl Pace {
    pub(super) fn new(at_once: usize, per_second: u32) -> Self {
        let mut ticks = interval(Duration::from_secs(1) / per_second.max(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { at_once: Semaphore::new(at_once.max(1)), ticks: Mutex::new(ticks) }
    }

    /// Waits until a request may be sent. It counts as long as the permit lives.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.at_once.acquire().await.ok()?;
        self.ticks.lock().await.tick().await;
        Some(permit)
    }
}
