//! How many requests are under way at once: at most so many, fewer while the cluster says that it is busy, and more again
//! bit by bit when it answers. All calls of a client share one.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Lets requests through, a few at a time.
#[derive(Debug)]
pub(super) struct Gate {
    /// The most at once.
    most: f64,
    /// The longest pause that a busy cluster can ask for.
    longest: Duration,
    state: Mutex<State>,
    opened: Notify,
}

#[derive(Debug)]
struct State {
    under_way: usize,
    /// How many may be, with the part of one that was gained so far.
    limit: f64,
    /// How often it was lowered.
    lowered: u64,
    /// Until when nobody is let through.
    closed_until: Option<Instant>,
}

/// A request that was let through; the next one may come when this is dropped.
#[derive(Debug)]
pub(super) struct Pass<'g> {
    gate: &'g Gate,
    /// How often the limit had been lowered when this began.
    lowered: u64,
}

impl Gate {
    /// Lets so many through at once.
    pub(super) fn new(most: usize, longest: Duration) -> Self {
        let most = most.max(1) as f64;
        let state = State { under_way: 0, limit: most, lowered: 0, closed_until: None };
        Self { most, longest, state: Mutex::new(state), opened: Notify::new() }
    }

    /// The same, with so many at once.
    pub(super) fn at_most(self, most: usize) -> Self {
        Self::new(most, self.longest)
    }

    /// Waits for its turn.
    pub(super) async fn pass(&self) -> Pass<'_> {
        loop {
            let opened = self.opened.notified();
            match self.enter(Instant::now()) {
                Ok(pass) => return pass,
                Err(Some(until)) => tokio::time::sleep_until(until.into()).await,
                Err(None) => opened.await,
            }
        }
    }

    /// Lets one through, or says until when nobody is; nothing where others have to come back first.
    fn enter(&self, now: Instant) -> Result<Pass<'_>, Option<Instant>> {
        let mut state = self.state();
        if let Some(until) = state.closed_until.filter(|until| *until > now) {
            return Err(Some(until));
        }
        // At least one always may, so that it is seen when the cluster is well again.
        if state.under_way > 0 && (state.under_way + 1) as f64 > state.limit {
            return Err(None);
        }
        state.under_way += 1;
        if ((state.under_way + 1) as f64) <= state.limit {
            // Somebody else may have been passed over while the gate was closed.
            self.opened.notify_one();
        }
        Ok(Pass { gate: self, lowered: state.lowered })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// Notes that the cluster answered: when all that may be under way have been, one more may.
    pub(super) fn answered(&self) {
        let mut state = self.gate.state();
        state.limit = (state.limit + 1.0 / state.limit).min(self.gate.most);
    }

    /// Notes that the cluster said it is busy: half as many from now on, and nobody for as long as it asks for. Of several
    /// that were told so at the same time, the first counts.
    pub(super) fn refused(&self, pause: Option<Duration>) {
        let mut state = self.gate.state();
        if self.lowered == state.lowered {
            state.limit = (state.limit / 2.0).max(1.0);
            state.lowered += 1;
            tracing::debug!(at_once = state.limit.floor(), ?pause, "the cluster is busy: fewer calls at once");
        }
        if let Some(pause) = pause {
            let until = Instant::now() + pause.min(self.gate.longest);
            state.closed_until = state.closed_until.max(Some(until));
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.state().under_way -= 1;
        self.gate.opened.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(most: usize) -> Gate {
        Gate::new(most, Duration::from_secs(30))
    }

    /// All that are let through now.
    fn all(gate: &Gate) -> Vec<Pass<'_>> {
        std::iter::from_fn(|| gate.enter(Instant::now()).ok()).collect()
    }

    #[test]
    fn as_many_are_let_through_as_may_and_one_more_when_one_comes_back() {
        let gate = gate(3);
        let mut passes = all(&gate);
        assert_eq!(passes.len(), 3);
        passes.pop();
        assert_eq!(all(&gate).len(), 1);
    }

    #[test]
    fn a_busy_cluster_gets_half_once_for_all_that_were_under_way_and_never_less_than_one() {
        let gate = gate(16);
        let passes = all(&gate);
        for pass in &passes {
            pass.refused(None);
        }
        drop(passes);
        for expected in [8, 4, 2, 1, 1] {
            let passes = all(&gate);
            assert_eq!(passes.len(), expected);
            passes[0].refused(None);
        }
    }

    #[test]
    fn each_round_of_answers_adds_one_up_to_the_most() {
        let gate = gate(4);
        for _ in 0..2 {
            all(&gate)[0].refused(None);
        }
        let mut rounds = Vec::new();
        for _ in 0..6 {
            let passes = all(&gate);
            rounds.push(passes.len());
            passes.iter().for_each(Pass::answered);
        }
        assert_eq!(rounds[0], 1);
        assert!(rounds.windows(2).all(|two| two[1] == two[0] || two[1] == two[0] + 1), "{rounds:?}");
        assert_eq!(rounds.last(), Some(&4));
    }

    #[test]
    fn nobody_is_let_through_for_as_long_as_it_asks_for_within_bounds() {
        let gate = gate(4);
        let begun = Instant::now();
        gate.enter(begun).unwrap().refused(Some(Duration::from_secs(2)));
        let until = gate.enter(begun + Duration::from_secs(1)).unwrap_err().unwrap();
        assert!(until >= begun + Duration::from_secs(2));
        assert!(gate.enter(until).is_ok());
        gate.enter(until).unwrap().refused(Some(Duration::from_secs(3_600)));
        let until = gate.enter(Instant::now()).unwrap_err().unwrap();
        assert!(until <= Instant::now() + Duration::from_secs(30));
    }

    #[tokio::test]
    async fn who_waits_gets_a_turn_when_the_gate_opens_again() {
        let gate = gate(2);
        gate.pass().await.refused(Some(Duration::from_millis(1)));
        let done = futures_util::future::join_all((0..50).map(|_| async {
            let pass = gate.pass().await;
            tokio::task::yield_now().await;
            pass.answered();
        }));
        assert_eq!(done.await.len(), 50);
    }
}
