//! Sends requests at a pace, and again while the service is busy: many 403 in a moment alarm people.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::answer::{Class, S3Answer};
use super::client::{S3Client, S3Problem};
use super::keys::S3Keys;
use super::request::S3Request;

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
    busy: Duration,
}

impl Pace {
    /// The pace of these manners. It needs a runtime with time.
    pub fn of(manners: &Manners) -> Self {
        let mut ticks = interval(Duration::from_secs(1) / manners.per_second.max(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { at_once: Semaphore::new(manners.at_once.max(1)), ticks: Mutex::new(ticks), busy: manners.busy }
    }
}

/// How often a request is sent if the service is busy or the connection breaks.
const TRIES: u32 = 5;

/// The service of a run.
#[derive(Debug)]
pub struct Service<'a> {
    client: &'a S3Client,
    pace: &'a Pace,
    sent: AtomicUsize,
}

impl<'a> Service<'a> {
    /// A service that was sent nothing yet.
    pub fn new(client: &'a S3Client, pace: &'a Pace) -> Self {
        Self { client, pace, sent: AtomicUsize::new(0) }
    }

    /// The number of requests that were sent.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends a request, again if the service is busy or the connection breaks. Returns what the answer tells.
    pub async fn ask(&self, request: &S3Request, keys: Option<&S3Keys>) -> Result<(Class, S3Answer), S3Problem> {
        let mut pause = self.pace.busy;
        for attempt in 1.. {
            let permit = self.pace.at_once.acquire().await;
            self.pace.ticks.lock().await.tick().await;
            self.sent.fetch_add(1, Ordering::Relaxed);
            let answer = self.client.send(request, keys).await;
            drop(permit);
            let now = OffsetDateTime::now_utc().unix_timestamp();
            match answer.map(|answer| (answer.class(now), answer)) {
                Ok((Class::Busy, _)) if attempt < TRIES => {}
                Err(problem) if attempt < TRIES && !problem.not_sent => {}
                told => return told,
            }
            sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the loop returns")
    }
}
