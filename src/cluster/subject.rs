//! Which cluster and tenant a run is about, and whether an answer comes from another one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{CallError, Effect};
use crate::base::{Capabilities, Release};

/// A cluster, a tenant of it, and its release, as one place told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) guid: String,
    pub(super) tenant: String,
    pub(super) release: Release,
}

/// What a run is about: what was first told. Another cluster or tenant stops it for good, so that nothing more is sent.
#[derive(Debug, Default)]
pub(super) struct RunSubject {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    first: Option<Subject>,
    /// The releases that were told of in a note, so that each is told of once.
    noted: Vec<Release>,
    stopped: Option<Stopped>,
}

/// Why nothing more is sent.
#[derive(Debug, Clone)]
struct Stopped {
    message: String,
    help: String,
}

impl RunSubject {
    /// Holds what a place tells against what the run is about. `fixed` says that the release to speak to is set by hand.
    ///
    /// # Errors
    /// It is another cluster or tenant, or of a release that what was planned cannot be done at. The run is stopped.
    pub(super) fn prove(&self, call: &str, place: &str, told: Subject, fixed: bool) -> Result<(), CallError> {
        let mut state = self.state();
        let Some(first) = &state.first else {
            state.first = Some(told);
            return Ok(());
        };
        let stopped = first.other_cluster(place, &told).or_else(|| {
            let lacks = first.lacks(&told).filter(|_| !fixed)?;
            Some(first.other_release(place, &told, lacks))
        });
        if let Some(stopped) = stopped {
            state.stopped = Some(stopped);
            drop(state);
            return self.may_send(call);
        }
        if first.release != told.release && !state.noted.contains(&told.release) {
            tracing::warn!(
                "{place} runs WEKA {}, and the run began with WEKA {}: an upgrade seems to be under way",
                told.release,
                first.release
            );
            state.noted.push(told.release);
        }
        Ok(())
    }

    /// Stops the run for another reason: nothing more is sent.
    pub(super) fn stop(&self, error: &CallError) {
        let help = error.help.clone().unwrap_or_default();
        self.state().stopped.get_or_insert(Stopped { message: error.message.clone(), help });
    }

    /// Whether anything may be sent still.
    ///
    /// # Errors
    /// The run is stopped; says why.
    pub(super) fn may_send(&self, call: &str) -> Result<(), CallError> {
        match &self.state().stopped {
            None => Ok(()),
            Some(Stopped { message, help }) => {
                Err(CallError::new(call, Effect::NotSent, message.as_str()).help(help.as_str()))
            }
        }
    }

    /// Why nothing more is sent, once the run is stopped.
    pub(super) fn stopped(&self) -> Option<String> {
        self.state().stopped.as_ref().map(|stopped| stopped.message.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subject {
    fn other_cluster(&self, place: &str, told: &Self) -> Option<Stopped> {
        if (&self.guid, &self.tenant) == (&told.guid, &told.tenant) {
            return None;
        }
        let message = format!(
            "{place} leads to {}, and this run is about {}; not sent, and nothing more is",
            told.described(),
            self.described()
        );
        let help =
            "reach one cluster and one tenant only: check `[cluster]` endpoints and the login, then run `attune plan`";
        Some(Stopped { message, help: help.to_owned() })
    }

    fn described(&self) -> String {
        format!("cluster {:?} (guid {:?}, tenant {:?})", self.name, self.guid, self.tenant)
    }

    fn other_release(&self, place: &str, told: &Self, lacks: &str) -> Stopped {
        let message = format!(
            "{place} runs WEKA {}, and this run began with WEKA {}: {lacks}; not sent, and nothing more is",
            told.release, self.release
        );
        Stopped { message, help: "wait until the upgrade has ended, then run `attune plan`".to_owned() }
    }

    /// What a plan that was made for this release may need, and is otherwise at the other one.
    fn lacks(&self, other: &Self) -> Option<&'static str> {
        let (planned, other) = (Capabilities::of(&self.release), Capabilities::of(&other.release));
        if other.attachments < planned.attachments {
            return Some("it reports less of who has which policy");
        }
        if planned.key_pairs != other.key_pairs {
            return Some("the two differ in when S3 key pairs are made");
        }
        (planned.groups && !other.groups).then_some("it has no policies of groups")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(guid: &str, tenant: &str, release: &str) -> Subject {
        let release = Release::parse(release).unwrap();
        Subject { name: "w".into(), guid: guid.into(), tenant: tenant.into(), release }
    }

    #[test]
    fn another_cluster_or_tenant_stops_a_run_for_good() {
        for other in [subject("h", "Root", "5.1.2"), subject("g", "ml", "5.1.2")] {
            let run = RunSubject::default();
            let first = subject("g", "Root", "5.1.2");
            run.prove("GET /cluster", "a", first.clone(), false).unwrap();
            run.prove("GET /cluster", "b", first.clone(), false).unwrap();
            let error = run.prove("GET /cluster", "c", other, false).unwrap_err();
            assert_eq!(error.effect, Effect::NotSent);
            assert!(error.message.starts_with("c leads to cluster \"w\" (guid "), "{error}");
            let error = run.may_send("DELETE /x").unwrap_err();
            assert_eq!((error.call.as_str(), run.stopped()), ("DELETE /x", Some(error.message.clone())));
        }
    }

    #[test]
    fn another_release_stops_a_run_only_where_what_was_planned_is_otherwise_there() {
        for (planned, other, goes_on) in [
            ("5.1.2", "5.1.3", true),
            ("5.1.2", "6.0.0", true),
            ("6.0.0", "5.1.2", false),
            ("5.0.2", "5.1.2", false),
            ("4.3.1", "4.4.0", true),
            ("4.4.0", "4.3.1", false),
            ("4.0.0", "3.14.0", false),
        ] {
            let run = RunSubject::default();
            run.prove("c", "a", subject("g", "t", planned), false).unwrap();
            assert_eq!(run.prove("c", "b", subject("g", "t", other), false).is_ok(), goes_on, "{planned} {other}");
            assert_eq!(run.stopped().is_none(), goes_on);
            let fixed = RunSubject::default();
            fixed.prove("c", "a", subject("g", "t", planned), true).unwrap();
            assert!(fixed.prove("c", "b", subject("g", "t", other), true).is_ok());
        }
    }
}
