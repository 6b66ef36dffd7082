//! How many API calls of a process are in flight at once: to each cluster, and to all of them together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// The most API calls in flight at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MostCalls {
    /// To one cluster.
    pub to_one: usize,
    /// To all clusters together.
    pub in_all: usize,
}

/// The limits of all clusters of a process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Limits(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    in_all: OnceLock<Arc<Permits>>,
    clusters: Mutex<BTreeMap<String, Arc<ClusterLimit>>>,
}

impl Limits {
    /// The limit for the cluster at these addresses. All clients with one of these addresses share it, so that several tenants of
    /// a cluster count together. Of several numbers, the largest to one cluster counts, and the smallest in all. Without an address,
    /// nobody else has this limit.
    pub fn of(&self, addresses: &[String], most: MostCalls) -> Arc<ClusterLimit> {
        let in_all = self.0.in_all.get_or_init(|| Arc::new(Permits::new(most.in_all)));
        in_all.at_most(most.in_all);
        let mut clusters = self.0.clusters.lock().unwrap_or_else(PoisonError::into_inner);
        let known = addresses.iter().find_map(|address| clusters.get(address)).cloned();
        let limit = known.unwrap_or_else(|| Arc::new(ClusterLimit::new(most.to_one, Some(Arc::clone(in_all)))));
        for address in addresses {
            clusters.entry(address.clone()).or_insert_with(|| Arc::clone(&limit));
        }
        limit.calls.at_least(most.to_one);
        limit
    }
}

/// The limit of one cluster, for all of its clients.
#[derive(Debug)]
pub struct ClusterLimit {
    calls: Permits,
    /// Until when the busy cluster asked to get no more calls.
    paused_until: Mutex<Option<Instant>>,
    in_all: Option<Arc<Permits>>,
}

/// A number of permits that can change.
#[derive(Debug)]
struct Permits {
    free: Semaphore,
    /// How many there are, free or not.
    all: Mutex<usize>,
}

impl Permits {
    fn new(all: usize) -> Self {
        let all = all.clamp(1, Semaphore::MAX_PERMITS);
        Self { free: Semaphore::new(all), all: Mutex::new(all) }
    }

    fn at_least(&self, wanted: usize) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let more = wanted.min(Semaphore::MAX_PERMITS).saturating_sub(*all);
        self.free.add_permits(more);
        *all += more;
    }

    /// Takes away free permits. Those in use stay until the next call of this function.
    fn at_most(&self, wanted: usize) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        *all -= self.free.forget_permits(all.saturating_sub(wanted.max(1)));
    }

    async fn one(&self) -> Option<SemaphorePermit<'_>> {
        self.free.acquire().await.ok()
    }
}

/// Permits one call while it exists. `None` never comes: the semaphores are not closed.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    _of_cluster: Option<SemaphorePermit<'a>>,
    _of_all: Option<SemaphorePermit<'a>>,
}

impl ClusterLimit {
    /// A limit of so many calls, whatever other clusters do.
    pub fn alone(calls: usize) -> Arc<Self> {
        Arc::new(Self::new(calls, None))
    }

    fn new(calls: usize, in_all: Option<Arc<Permits>>) -> Self {
        Self { calls: Permits::new(calls), paused_until: Mutex::default(), in_all }
    }

    /// Waits until a call may be sent. Of the calls to all clusters, it counts only once its own cluster may be asked, so that a
    /// busy cluster delays no other. A caller has no other permit meanwhile.
    pub(super) async fn permit(&self) -> Permit<'_> {
        let of_cluster = self.calls.one().await;
        loop {
            while let Some(until) = self.pause_end() {
                tokio::time::sleep_until(until.into()).await;
            }
            let of_all = match &self.in_all {
                Some(all) => all.one().await,
                None => None,
            };
            if self.pause_end().is_none() {
                return Permit { _of_cluster: of_cluster, _of_all: of_all };
            }
        }
    }

    /// Permits no call for this time. A longer pause stays.
    pub(super) fn pause(&self, pause: Duration) {
        let mut paused_until = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused_until = (*paused_until).max(Some(Instant::now() + pause));
    }

    fn pause_end(&self) -> Option<Instant> {
        let paused_until = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        paused_until.filter(|until| *until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: MostCalls = MostCalls { to_one: 2, in_all: 3 };

    fn of(limits: &Limits, addresses: &[&str]) -> Arc<ClusterLimit> {
        limits.of(&addresses.iter().map(|address| (*address).to_owned()).collect::<Vec<_>>(), MOST)
    }

    /// Whether a permit is there at once.
    async fn is_free(limit: &ClusterLimit) -> bool {
        tokio::time::timeout(Duration::from_millis(20), limit.permit()).await.is_ok()
    }

    #[test]
    fn clients_with_an_address_in_common_share_a_limit() {
        let limits = Limits::default();
        let (one, other) = (of(&limits, &["a:1", "b:1"]), of(&limits, &["c:1"]));
        assert!(Arc::ptr_eq(&one, &of(&limits.clone(), &["d:1", "b:1"])) && Arc::ptr_eq(&one, &of(&limits, &["d:1"])));
        assert!(!Arc::ptr_eq(&one, &other) && !Arc::ptr_eq(&one, &of(&limits, &["a:2"])));
        assert!(!Arc::ptr_eq(&of(&limits, &[]), &of(&limits, &[])));
        assert!(!Arc::ptr_eq(&one, &of(&Limits::default(), &["a:1"])));
    }

    #[tokio::test]
    async fn each_cluster_and_all_together_have_a_limit() {
        let limits = Limits::default();
        let (a, b, c) = (of(&limits, &["a"]), of(&limits, &["b"]), of(&limits, &["c"]));
        let first = (a.permit().await, a.permit().await);
        assert!(!is_free(&a).await, "two to one");
        let last = b.permit().await;
        assert!(!is_free(&b).await && !is_free(&c).await, "three in all");
        drop(last);
        assert!(!is_free(&a).await && is_free(&c).await);
        drop(first);
        assert!(is_free(&a).await);
        assert!(is_free(&ClusterLimit::alone(0)).await, "one call is always possible");
    }

    #[tokio::test]
    async fn a_client_that_needs_few_calls_decides_nothing_for_later_ones() {
        let limits = Limits::default();
        let few = limits.of(&["a".to_owned()], MostCalls { to_one: 1, in_all: usize::MAX });
        let first = few.permit().await;
        let same = of(&limits, &["a"]);
        assert!(Arc::ptr_eq(&few, &same));
        let second = same.permit().await;
        assert!(!is_free(&few).await, "two to one");
        let other = of(&limits, &["b"]);
        let third = other.permit().await;
        assert!(!is_free(&of(&limits, &["c"])).await, "three in all");
        drop((first, second, third));
    }

    #[tokio::test]
    async fn a_busy_cluster_keeps_no_permit_of_all_while_it_waits() {
        let limits = Limits::default();
        let (busy, other) = (of(&limits, &["a"]), of(&limits, &["b"]));
        busy.pause(Duration::from_millis(300));
        busy.pause(Duration::from_millis(1));
        let begun = Instant::now();
        let waiting = async {
            tokio::join!(busy.permit(), busy.permit());
            begun.elapsed()
        };
        let meanwhile = async {
            let taken = (other.permit().await, other.permit().await, begun.elapsed());
            tokio::time::sleep(Duration::from_millis(1)).await;
            taken.2
        };
        let (waited, other_waited) = tokio::join!(waiting, meanwhile);
        assert!(waited >= Duration::from_millis(300) && other_waited < Duration::from_millis(200));
    }

    #[tokio::test]
    async fn a_cluster_that_becomes_busy_while_a_call_waits_for_its_turn_is_not_asked() {
        let limits = Limits::default();
        let (a, b, c) = (of(&limits, &["a"]), of(&limits, &["b"]), of(&limits, &["c"]));
        let all = (b.permit().await, b.permit().await, a.permit().await);
        let begun = Instant::now();
        let waiting = async {
            let _permit = a.permit().await;
            begun.elapsed()
        };
        let meanwhile = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            a.pause(Duration::from_millis(200));
            drop(all);
            tokio::time::sleep(Duration::from_millis(10)).await;
            let _all = (b.permit().await, b.permit().await, c.permit().await);
            begun.elapsed()
        };
        let (waited, others) = tokio::join!(waiting, meanwhile);
        assert!(waited >= Duration::from_millis(200) && others < Duration::from_millis(150), "{waited:?} {others:?}");
    }
}
