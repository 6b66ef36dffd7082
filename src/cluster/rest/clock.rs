//! How far the clock of the cluster is from the one of this machine, as its answers tell.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use reqwest::header::{DATE, HeaderMap};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// What stands for a distance that is not known.
const UNKNOWN: i64 = i64::MIN;

/// The distance that the last answer with a `Date` told.
#[derive(Debug)]
pub(super) struct Clock(AtomicI64);

impl Default for Clock {
    fn default() -> Self {
        Self(AtomicI64::new(UNKNOWN))
    }
}

impl Clock {
    /// Reads what an answer that has just come tells. It was made a moment ago, and tells whole seconds.
    pub(super) fn note(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        if let Some(ahead) = date.and_then(|date| ahead(date, SystemTime::now().into())) {
            self.0.store(ahead, Ordering::Relaxed);
        }
    }

    /// By how many seconds the clock there is ahead; negative when it is behind.
    pub(super) fn ahead(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|ahead| *ahead != UNKNOWN)
    }
}

fn ahead(date: &str, now: OffsetDateTime) -> Option<i64> {
    let there = OffsetDateTime::parse(date, &Rfc2822).ok()?;
    Some((there - now).whole_seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_tells_the_distance() {
        let now = OffsetDateTime::from_unix_timestamp(784_111_777).unwrap();
        assert_eq!(ahead("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(0));
        assert_eq!(ahead("Sun, 06 Nov 1994 08:52:37 GMT", now), Some(180));
        assert_eq!(ahead("Sun, 06 Nov 1994 08:47:37 GMT", now), Some(-120));
        assert_eq!(ahead("yesterday", now), None);
    }

    #[test]
    fn without_a_date_nothing_is_known() {
        let clock = Clock::default();
        clock.note(&HeaderMap::new());
        assert_eq!(clock.ahead(), None);
        let old = [(DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap())].into_iter().collect();
        clock.note(&old);
        assert!(clock.ahead().unwrap() < -900_000_000);
    }
}
