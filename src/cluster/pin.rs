//! The cluster and tenant that a run works on: the first ones it meets. Any other one stops the run.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{CallError, Effect, Identity};
use crate::base::{ApiFacts, Capabilities, Release};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SessionInfo {
    pub(super) identity: Identity,
    /// The tenant's id as text, if the cluster reports one.
    pub(super) tenant_id: Option<String>,
}

/// Pins a run to one cluster and tenant. Once another one answers, the run is stopped for good: no call is sent any more.
#[derive(Debug, Default)]
pub(super) struct ClusterPin {
    /// The tenant that the user asks for. None: the tenant of the login.
    tenant: Option<String>,
    /// The release to assume in place of the reported one.
    release: Option<Release>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    first: Option<Identity>,
    /// What the API definition of the first one says, once it was read.
    facts: Option<ApiFacts>,
    /// The other releases that a warning has named, so that each is named once.
    warned: Vec<Release>,
    /// Why the run is stopped.
    stopped: Option<CallError>,
}

impl ClusterPin {
    pub(super) fn new(tenant: Option<String>, release: Option<Release>) -> Self {
        Self { tenant, release, state: Mutex::default() }
    }

    pub(super) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    pub(super) fn check_tenant(&self, call: &str, user: &str, tenant: &str) -> Result<(), CallError> {
        let Some(expected) = self.tenant().filter(|expected| *expected != tenant) else { return Ok(()) };
        let message = format!("{user:?} is logged in to tenant {tenant:?}, and {expected:?} is expected");
        let help = format!("log in to {expected:?}, or set tenant = {tenant:?} under [cluster]");
        let error = CallError::new(call, Effect::NotSent, message).help(help);
        self.state().stopped.get_or_insert(error.clone());
        Err(error)
    }

    /// Compares the identity that a place reports with the first one. Returns it, with the release to assume. Stops the run if
    /// it is another cluster or tenant, or of a release at which the plan cannot run.
    pub(super) fn check(&self, call: &str, place: &str, found: Identity) -> Result<Identity, CallError> {
        let mut state = self.state();
        if let Some(first) = &state.first {
            let stopped = other_cluster(call, first, place, &found);
            let other = || other_release(call, first, state.facts, place, &found);
            let stopped = stopped.or_else(|| self.release.is_none().then(other)?);
            if let Some(error) = stopped {
                state.stopped = Some(error.clone());
                return Err(error);
            }
            if first.release != found.release && !state.warned.contains(&found.release) {
                tracing::warn!(
                    "{place} runs WEKA {}, and the run began with WEKA {}: an upgrade seems to be under way",
                    found.release,
                    first.release
                );
                state.warned.push(found.release.clone());
            }
        } else {
            state.first = Some(found.clone());
        }
        Ok(Identity { release: self.release.clone().unwrap_or(found.release), ..found })
    }

    /// Corrects what the first cluster can do by its own API definition.
    pub(super) fn learn(&self, facts: ApiFacts) {
        self.state().facts = Some(facts);
    }

    pub(super) fn may_send(&self, call: &str) -> Result<(), CallError> {
        let stopped = self.state().stopped.clone();
        stopped.map_or(Ok(()), |error| Err(CallError { call: call.to_owned(), ..error }))
    }

    pub(super) fn stopped(&self) -> Option<String> {
        self.state().stopped.as_ref().map(|stopped| stopped.message.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn other_cluster(call: &str, first: &Identity, place: &str, found: &Identity) -> Option<CallError> {
    if (&first.guid, &first.tenant) == (&found.guid, &found.tenant) {
        return None;
    }
    let described = |it: &Identity| format!("cluster {:?} (guid {:?}, tenant {:?})", it.name, it.guid, it.tenant);
    let (found, first) = (described(found), described(first));
    let help =
        "reach one cluster and one tenant only: check `[cluster]` endpoints and the login, then run `attune plan`";
    let message =
        format!("{place} leads to {found}, and this run is about {first}; the call and all later ones are not sent");
    Some(CallError::new(call, Effect::NotSent, message).help(help))
}

/// Stops a plan that was made for the first release and may need something that works otherwise at the found one. Builds of one
/// line have the same definition, as far as attune knows.
fn other_release(
    call: &str,
    first: &Identity,
    facts: Option<ApiFacts>,
    place: &str,
    found: &Identity,
) -> Option<CallError> {
    let corrected = |release: &Release| {
        let (of_release, is_same_line) = (Capabilities::of(release), release.line() == first.release.line());
        facts.filter(|_| is_same_line).map_or(of_release, |facts| of_release.corrected_by(&facts))
    };
    let (planned, other) = (corrected(&first.release), corrected(&found.release));
    let difference = if other.attachments < planned.attachments {
        "it reports less of who has which policy"
    } else if planned.key_pairs != other.key_pairs {
        "the two differ in when S3 key pairs are made"
    } else if planned.groups && !other.groups {
        "it has no policies of groups"
    } else {
        return None;
    };
    let (found, first) = (&found.release, &first.release);
    let message = format!(
        "{place} runs WEKA {found}, and this run began with WEKA {first}: {difference}; the call and all later ones \
         are not sent"
    );
    let help = "wait until the upgrade has ended, then run `attune plan`";
    Some(CallError::new(call, Effect::NotSent, message).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UserName;

    fn identity(guid: &str, tenant: &str, release: &str) -> Identity {
        let (release, user) = (Release::parse(release).unwrap(), UserName::reported("u"));
        Identity { name: "w".into(), guid: guid.into(), release, tenant: tenant.into(), user, role: "r".into() }
    }

    #[test]
    fn another_cluster_or_tenant_stops_a_run_for_good() {
        for other in [identity("h", "Root", "5.1.2"), identity("g", "ml", "5.1.2")] {
            let pin = ClusterPin::default();
            let first = identity("g", "Root", "5.1.2");
            pin.check("GET /cluster", "a", first.clone()).unwrap();
            pin.check("GET /cluster", "b", first).unwrap();
            let error = pin.check("GET /cluster", "c", other).unwrap_err();
            assert_eq!(error.effect, Effect::NotSent);
            assert!(error.message.starts_with("c leads to cluster \"w\" (guid "), "{error}");
            let error = pin.may_send("DELETE /x").unwrap_err();
            assert_eq!((error.call.as_str(), pin.stopped()), ("DELETE /x", Some(error.message.clone())));
        }
    }

    #[test]
    fn the_definition_of_the_first_cluster_says_what_the_plan_was_made_for() {
        let facts = ApiFacts {
            key_reset: true,
            users_have_policy: Some(true),
            user_policies: true,
            identity_provider: false,
            tenants: false,
        };
        for (planned, other, without, with) in [
            ("5.0.9", "5.1.2", false, true),
            ("5.0.9", "5.0.10", true, true),
            ("5.0.9", "4.4.8", true, false),
            ("5.1.2", "5.0.9", false, false),
        ] {
            for (facts, goes_on) in [(None, without), (Some(facts), with)] {
                let pin = ClusterPin::default();
                pin.check("c", "a", identity("g", "t", planned)).unwrap();
                facts.into_iter().for_each(|facts| pin.learn(facts));
                assert_eq!(
                    pin.check("c", "b", identity("g", "t", other)).is_ok(),
                    goes_on,
                    "{planned} {other} {facts:?}"
                );
            }
        }
    }

    #[test]
    fn another_release_stops_a_run_only_if_the_plan_may_not_work_there() {
        for (planned, other, goes_on) in [
            ("5.1.2", "5.1.3", true),
            ("5.1.2", "6.0.0", true),
            ("6.0.0", "5.1.2", false),
            ("5.0.2", "5.1.2", false),
            ("4.3.1", "4.4.0", true),
            ("4.4.0", "4.3.1", false),
            ("4.0.0", "3.14.0", false),
        ] {
            let pin = ClusterPin::default();
            pin.check("c", "a", identity("g", "t", planned)).unwrap();
            assert_eq!(pin.check("c", "b", identity("g", "t", other)).is_ok(), goes_on, "{planned} {other}");
            assert_eq!(pin.stopped().is_none(), goes_on);
            let assumed = ClusterPin::new(None, Release::parse("5.1"));
            assumed.check("c", "a", identity("g", "t", planned)).unwrap();
            assert_eq!(assumed.check("c", "b", identity("g", "t", other)).unwrap().release.to_string(), "5.1");
        }
    }
}
