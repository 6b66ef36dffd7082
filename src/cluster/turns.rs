//! How many reads run at a time, in several streams together.

use tokio::sync::{Semaphore, SemaphorePermit};

/// The turns of reads that share a limit.
pub(super) struct Turns {
    free: Semaphore,
    /// The limit.
    pub(super) jobs: usize,
}

impl Turns {
    pub(super) fn new(jobs: usize) -> Self {
        let jobs = jobs.max(1);
        Self { free: Semaphore::new(jobs), jobs }
    }

    /// Waits for a turn, which lasts as long as the permit lives.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.free.acquire().await.ok()
    }
}
