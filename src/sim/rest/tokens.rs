//! Access and refresh tokens: in memory only, so that another process knows nothing of them.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::sim::ids;
use crate::sim::rules::Caller;

/// The longest life of an access token: a longer one could not be told from it.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The tokens one server has given out.
#[derive(Debug)]
pub(super) struct Tokens {
    /// Keeps the tokens of two servers apart.
    seed: String,
    life: Life,
    given: Mutex<Given>,
}

/// How long an access token holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// For so long. The documentation's default is 300 seconds.
    pub time: Duration,
    /// For so many calls, when not for any number: a way to let a token run out at a known place.
    pub uses: Option<u32>,
}

/// A pair of tokens as it is told to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issued {
    /// The access token.
    pub access: String,
    /// The refresh token. It holds while the server lives; a real one about a year.
    pub refresh: String,
    /// How many seconds the access token holds.
    pub expires_in: u64,
}

/// Whom a token was given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    /// The tenant.
    pub tenant: String,
    /// The user's name.
    pub user: String,
}

#[derive(Debug, Default)]
struct Given {
    count: u64,
    access: BTreeMap<String, Access>,
    refresh: BTreeMap<String, Holder>,
}

#[derive(Debug)]
struct Access {
    holder: Holder,
    until: Instant,
    uses: Option<u32>,
}

impl Tokens {
    /// No tokens yet.
    #[must_use]
    pub(super) fn new(life: Life) -> Self {
        let seed = RandomState::new().hash_one("tokens").to_string();
        Self { seed, life, given: Mutex::default() }
    }

    /// Gives a pair of tokens to a caller; the access token holds for `time` when given.
    pub(super) fn issue(&self, caller: &Caller, time: Option<Duration>) -> Issued {
        let time = time.unwrap_or(self.life.time).min(LONGEST);
        let mut given = self.given();
        given.count += 1;
        let count = given.count.to_string();
        let access = ids::token(&["access", &self.seed, &count]);
        let refresh = ids::token(&["refresh", &self.seed, &count]);
        let holder = Holder { tenant: caller.tenant.clone(), user: caller.user.clone() };
        let now = Instant::now();
        given.access.retain(|_, access| access.until > now);
        given.refresh.insert(refresh.clone(), holder.clone());
        given.access.insert(access.clone(), Access { holder, until: now + time, uses: self.life.uses });
        Issued { access, refresh, expires_in: time.as_secs() }
    }

    /// Whom an access token was given to, while it holds. Counts as a use of it.
    pub(super) fn check(&self, token: &str) -> Option<Holder> {
        let mut given = self.given();
        let access = given.access.get_mut(token).filter(|access| access.until > Instant::now())?;
        match &mut access.uses {
            None => {}
            Some(0) => return None,
            Some(left) => *left -= 1,
        }
        Some(access.holder.clone())
    }

    /// Whom a refresh token was given to.
    pub(super) fn refresh(&self, token: &str) -> Option<Holder> {
        self.given().refresh.get(token).cloned()
    }

    /// Lets a token run out, of whatever kind it is.
    pub(super) fn expire(&self, token: &str) {
        let mut given = self.given();
        given.access.remove(token);
        given.refresh.remove(token);
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::state::Role;

    fn caller() -> Caller {
        Caller { tenant: "Root".into(), user: "admin".into(), role: Role::ClusterAdmin }
    }

    fn tokens(seconds: u64, uses: Option<u32>) -> Tokens {
        Tokens::new(Life { time: Duration::from_secs(seconds), uses })
    }

    #[test]
    fn a_token_holds_for_its_time_and_its_uses() {
        let tokens = tokens(300, Some(2));
        let issued = tokens.issue(&caller(), None);
        assert_eq!(issued.expires_in, 300);
        assert_eq!(tokens.check(&issued.access).unwrap().user, "admin");
        assert!(tokens.check(&issued.access).is_some());
        assert!(tokens.check(&issued.access).is_none());
        assert!(tokens.refresh(&issued.refresh).is_some());
        assert!(tokens.refresh(&issued.access).is_none() && tokens.check(&issued.refresh).is_none());
    }

    #[test]
    fn a_token_without_life_never_holds_and_another_server_knows_none() {
        let short = tokens(0, None);
        let issued = short.issue(&caller(), None);
        assert!(short.check(&issued.access).is_none());
        let longer = short.issue(&caller(), Some(Duration::from_secs(9)));
        assert!(short.check(&longer.access).is_some());
        assert!(short.issue(&caller(), Some(Duration::MAX)).expires_in < u64::MAX);
        assert!(tokens(300, None).check(&longer.access).is_none());
        short.expire(&longer.access);
        short.expire(&longer.refresh);
        assert!(short.check(&longer.access).is_none() && short.refresh(&longer.refresh).is_none());
    }
}
