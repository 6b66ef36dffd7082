//! Lockouts: after some failed logins, a user cannot log in for a while. In memory only.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sim::operations::Refusal;
use crate::sim::switches::Limits;

#[derive(Debug, Default)]
pub(super) struct Lockouts(Mutex<BTreeMap<(String, String), Failures>>);

#[derive(Debug, Default)]
struct Failures {
    count: u32,
    until: Option<Instant>,
}

impl Lockouts {
    /// Makes a login, unless its user is locked out. Each try during a lockout starts it again.
    pub(super) fn guard<T>(
        &self,
        (tenant, user): (&str, &str),
        limits: &Limits,
        log_in: impl FnOnce() -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (tenant.to_lowercase(), user.to_owned());
        let failures = all.entry(name.clone()).or_default();
        let (now, lockout) = (Instant::now(), Duration::from_secs(limits.lockout_seconds));
        if failures.until.is_some_and(|until| until > now) {
            failures.until = now.checked_add(lockout);
            return Err(Refusal::LockedOut(limits.lockout_seconds));
        }
        let done = log_in();
        if done.is_ok() {
            all.remove(&name);
            return done;
        }
        failures.count += 1;
        if failures.count >= limits.login_attempts {
            *failures = Failures { count: 0, until: now.checked_add(lockout) };
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_locked_out_after_some_failures_and_only_that_user() {
        let lockouts = Lockouts::default();
        let limits = Limits { login_attempts: 2, lockout_seconds: 115, ..Limits::default() };
        let fail = |user| lockouts.guard(("Root", user), &limits, || Err::<(), _>(Refusal::Unauthorized));
        let succeed = |tenant, user| lockouts.guard((tenant, user), &limits, || Ok(()));
        assert_eq!(fail("a"), Err(Refusal::Unauthorized));
        assert_eq!(succeed("Root", "a"), Ok(()), "a success forgets the failures");
        assert_eq!([fail("a"), fail("a")], [Err(Refusal::Unauthorized), Err(Refusal::Unauthorized)]);
        for tenant in ["Root", "root"] {
            let locked = succeed(tenant, "a").unwrap_err();
            assert_eq!(locked, Refusal::LockedOut(115));
            assert!(locked.message().contains("for another 1m55s due to"), "{}", locked.message());
        }
        assert_eq!((succeed("Root", "b"), succeed("lab", "a")), (Ok(()), Ok(())));
        let short = Limits { lockout_seconds: 0, ..limits };
        assert!(lockouts.guard(("Root", "c"), &short, || Err::<(), _>(Refusal::Unauthorized)).is_err());
        assert!(lockouts.guard(("Root", "c"), &short, || Err::<(), _>(Refusal::Unauthorized)).is_err());
        assert_eq!(lockouts.guard(("Root", "c"), &short, || Ok(())), Ok(()), "the lockout is over");
    }
}
