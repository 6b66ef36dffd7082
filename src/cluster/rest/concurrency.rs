//! The limit of concurrent requests of a client. It halves while the cluster is busy, and rises step by step when the
//! cluster answers.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

#[derive(Debug)]
pub(super) struct ConcurrencyLimit {
    max: f64,
    /// The longest pause that a busy cluster can ask for.
    max_pause: Duration,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    running: usize,
    /// How many may run. Answers add fractions.
    limit: f64,
    /// How often the limit was halved.
    halved: u64,
    paused_until: Option<Instant>,
}

/// Permits one request. Dropping it lets the next one run.
#[derive(Debug)]
pub(super) struct Permit<'l> {
    limit: &'l ConcurrencyLimit,
    /// [`State::halved`] when the request began.
    halved: u64,
}

impl ConcurrencyLimit {
    pub(super) fn new(max: usize, max_pause: Duration) -> Self {
        let max = max.max(1) as f64;
        let state = State { running: 0, limit: max, halved: 0, paused_until: None };
        Self { max, max_pause, state: Mutex::new(state), changed: Notify::new() }
    }

    pub(super) fn at_most(&mut self, max: usize) {
        *self = Self::new(max, self.max_pause);
    }

    pub(super) async fn acquire(&self) -> Permit<'_> {
        loop {
            let changed = self.changed.notified();
            match self.try_acquire(Instant::now()) {
                Ok(permit) => return permit,
                Err(Some(until)) => tokio::time::sleep_until(until.into()).await,
                Err(None) => changed.await,
            }
        }
    }

    /// A permit, or the end of the pause; `None` if others have to end first.
    fn try_acquire(&self, now: Instant) -> Result<Permit<'_>, Option<Instant>> {
        let mut state = self.state();
        if let Some(until) = state.paused_until.filter(|until| *until > now) {
            return Err(Some(until));
        }
        // One request may always run, to see when the cluster recovers.
        if state.running > 0 && (state.running + 1) as f64 > state.limit {
            return Err(None);
        }
        state.running += 1;
        if ((state.running + 1) as f64) <= state.limit {
            // Another one may have missed its wake-up during a pause.
            self.changed.notify_one();
        }
        Ok(Permit { limit: self, halved: state.halved })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// Records an answer. One round of answers raises the limit by one.
    pub(super) fn answered(&self) {
        let mut state = self.limit.state();
        state.limit = (state.limit + 1.0 / state.limit).min(self.limit.max);
    }

    /// Records that the cluster is busy: halves the limit, and pauses all requests for as long as the cluster asks. Of
    /// several such answers to concurrent requests only the first halves.
    pub(super) fn busy(&self, pause: Option<Duration>) {
        let mut state = self.limit.state();
        if self.halved == state.halved {
            state.limit = (state.limit / 2.0).max(1.0);
            state.halved += 1;
            tracing::debug!(limit = state.limit.floor(), ?pause, "the cluster is busy: fewer calls at once");
        }
        if let Some(pause) = pause {
            let until = Instant::now() + pause.min(self.limit.max_pause);
            state.paused_until = state.paused_until.max(Some(until));
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.limit.state().running -= 1;
        self.limit.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(max: usize) -> ConcurrencyLimit {
        ConcurrencyLimit::new(max, Duration::from_secs(30))
    }

    fn all(limit: &ConcurrencyLimit) -> Vec<Permit<'_>> {
        std::iter::from_fn(|| limit.try_acquire(Instant::now()).ok()).collect()
    }

    #[test]
    fn as_many_as_the_limit_run_and_one_more_when_one_ends() {
        let limit = limit(3);
        let mut permits = all(&limit);
        assert_eq!(permits.len(), 3);
        permits.pop();
        assert_eq!(all(&limit).len(), 1);
    }

    #[test]
    fn a_busy_cluster_halves_the_limit_once_for_all_that_ran_and_never_below_one() {
        let limit = limit(16);
        let permits = all(&limit);
        for permit in &permits {
            permit.busy(None);
        }
        drop(permits);
        for expected in [8, 4, 2, 1, 1] {
            let permits = all(&limit);
            assert_eq!(permits.len(), expected);
            permits[0].busy(None);
        }
    }

    #[test]
    fn each_round_of_answers_raises_the_limit_by_one_up_to_the_maximum() {
        let limit = limit(4);
        for _ in 0..2 {
            all(&limit)[0].busy(None);
        }
        let mut rounds = Vec::new();
        for _ in 0..6 {
            let permits = all(&limit);
            rounds.push(permits.len());
            permits.iter().for_each(Permit::answered);
        }
        assert_eq!(rounds[0], 1);
        assert!(rounds.windows(2).all(|two| two[1] == two[0] || two[1] == two[0] + 1), "{rounds:?}");
        assert_eq!(rounds.last(), Some(&4));
    }

    #[test]
    fn nothing_runs_for_as_long_as_the_cluster_asks_within_bounds() {
        let limit = limit(4);
        let begun = Instant::now();
        limit.try_acquire(begun).unwrap().busy(Some(Duration::from_secs(2)));
        let until = limit.try_acquire(begun + Duration::from_secs(1)).unwrap_err().unwrap();
        assert!(until >= begun + Duration::from_secs(2));
        assert!(limit.try_acquire(until).is_ok());
        limit.try_acquire(until).unwrap().busy(Some(Duration::from_secs(3_600)));
        let until = limit.try_acquire(Instant::now()).unwrap_err().unwrap();
        assert!(until <= Instant::now() + Duration::from_secs(30));
    }

    #[tokio::test]
    async fn all_that_wait_get_a_permit_after_a_pause() {
        let limit = limit(2);
        limit.acquire().await.busy(Some(Duration::from_millis(1)));
        let done = futures_util::future::join_all((0..50).map(|_| async {
            let permit = limit.acquire().await;
            tokio::task::yield_now().await;
            permit.answered();
        }));
        assert_eq!(done.await.len(), 50);
    }
}
