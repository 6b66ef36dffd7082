//! Access and refresh tokens, in memory only, so that another process does not know them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::sim::ids;
use crate::sim::operations::Caller;

const MAX_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[derive(Debug)]
pub(super) struct Tokens {
    /// The lifetime of an access token. The default in the documentation is 300 seconds.
    lifetime: Duration,
    /// The number of calls; unlimited by default. It makes a token expire at a known call.
    uses: Option<u32>,
    table: Mutex<TokenTable>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IssuedTokens {
    pub(crate) access: String,
    /// The refresh token, valid until the server stops; a real one about a year.
    pub(crate) refresh: String,
    pub(crate) expires_in: u64,
}

#[derive(Debug, Default)]
struct TokenTable {
    access: BTreeMap<String, AccessToken>,
    refresh: BTreeMap<String, Caller>,
}

#[derive(Debug)]
struct AccessToken {
    owner: Caller,
    until: Instant,
    uses: Option<u32>,
}

impl Tokens {
    pub(super) fn new(lifetime: Duration, uses: Option<u32>) -> Self {
        Self { lifetime, uses, table: Mutex::default() }
    }

    /// Issues a pair of tokens to a caller, with `time` as the lifetime of the access token if it is given.
    pub(super) fn issue(&self, caller: &Caller, time: Option<Duration>) -> IssuedTokens {
        let time = time.unwrap_or(self.lifetime).min(MAX_LIFETIME);
        let mut table = self.table();
        let number = fastrand::u128(..).to_string();
        let [access, refresh] = ["access", "refresh"].map(|kind| ids::token(&[kind, &number]));
        let owner = caller.clone();
        let now = Instant::now();
        table.access.retain(|_, access| access.until > now);
        table.refresh.insert(refresh.clone(), owner.clone());
        table.access.insert(access.clone(), AccessToken { owner, until: now + time, uses: self.uses });
        IssuedTokens { access, refresh, expires_in: time.as_secs() }
    }

    /// The user of a valid access token. Counts as a use of it.
    pub(super) fn check(&self, token: &str) -> Option<Caller> {
        let mut table = self.table();
        let access = table.access.get_mut(token).filter(|access| access.until > Instant::now())?;
        match &mut access.uses {
            None => {}
            Some(0) => return None,
            Some(left) => *left -= 1,
        }
        Some(access.owner.clone())
    }

    pub(super) fn refresh(&self, token: &str) -> Option<Caller> {
        self.table().refresh.get(token).cloned()
    }

    pub(super) fn expire(&self, token: &str) {
        let mut table = self.table();
        table.access.remove(token);
        table.refresh.remove(token);
    }

    fn table(&self) -> MutexGuard<'_, TokenTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::release::Role;

    fn caller() -> Caller {
        Caller { tenant: "Root".into(), user: "admin".into(), role: Role::ClusterAdmin }
    }

    fn tokens(seconds: u64, uses: Option<u32>) -> Tokens {
        Tokens::new(Duration::from_secs(seconds), uses)
    }

    #[test]
    fn a_token_is_valid_for_its_time_and_its_uses() {
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
    fn an_expired_token_and_one_of_another_server_are_invalid() {
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
