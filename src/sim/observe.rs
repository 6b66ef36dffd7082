//! What a simulated cluster saw: every request, what came of it, and every state in between.

use std::sync::{Mutex, PoisonError};

use super::faults::Fault;
use super::rest::Route;
use super::state::{Keys, State};
use super::store::Changed;

/// One request and what came of it.
#[derive(Debug, Clone)]
pub struct Event {
    /// Which request it was, in the order of arrival, from 1.
    pub seq: u64,
    /// The method.
    pub method: String,
    /// The path as it was sent.
    pub path: String,
    /// The call that it was, if it was one.
    pub route: Option<Route>,
    /// What went wrong with it.
    pub faults: Vec<Fault>,
    /// What others changed just before.
    pub behind: Vec<Changed>,
    /// Whether it was done, even if that changed nothing or its answer was lost.
    pub applied: bool,
    /// What it changed.
    pub changed: Option<Changed>,
    /// The status that was sent; none when there was no whole answer.
    pub status: Option<u16>,
}

/// A change of the state, with the request it came with.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'e> {
    /// The request.
    pub event: &'e Event,
    /// Whether the request made the change.
    pub by: By,
    /// The states around it.
    pub changed: &'e Changed,
}

/// Who changed the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The client, by its request.
    Client,
    /// Somebody else, just before it.
    Other,
}

/// A key pair that a call has made and whose secret was in the cluster's answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The request.
    pub seq: u64,
    /// The user's tenant.
    pub tenant: String,
    /// The user.
    pub user: String,
    /// The pair.
    pub keys: Keys,
    /// Whether the answer was sent whole. If not, a fault lost it, and nobody knows the secret.
    pub sent: bool,
}

impl Event {
    /// Whether the cluster's own answer was sent, and not lost to a fault.
    #[must_use]
    pub fn delivered(&self) -> bool {
        !self.faults.iter().any(Fault::decides)
    }

    /// The key pairs that the call made and that its answer held.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        let Some(Changed { before, after, .. }) = &self.changed else { return Vec::new() };
        if !after.switches.attach_shows_keys {
            return Vec::new();
        }
        let shown = |(tenant, user, keys): (&str, &str, &Keys)| Shown {
            seq: self.seq,
            tenant: tenant.to_owned(),
            user: user.to_owned(),
            keys: keys.clone(),
            sent: self.delivered(),
        };
        let is_new = |(tenant, user, keys): &(&str, &str, &Keys)| keys_of(before, tenant, user) != Some(*keys);
        all_keys(after).filter(is_new).map(shown).collect()
    }
}

/// All changes of the state in the order in which they happened.
#[must_use]
pub fn history(events: &[Event]) -> Vec<Snapshot<'_>> {
    let mut history = Vec::new();
    for event in events {
        history.extend(event.behind.iter().map(|changed| Snapshot { event, by: By::Other, changed }));
        history.extend(event.changed.iter().map(|changed| Snapshot { event, by: By::Client, changed }));
    }
    history.sort_by_key(|snapshot| snapshot.changed.number);
    history
}

/// Keeps the events of a server.
#[derive(Debug, Default)]
pub(super) struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    pub(super) fn keep(&self, event: Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    /// The events so far, in the order of arrival of their requests.
    pub(super) fn events(&self) -> Vec<Event> {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        events.sort_by_key(|event| event.seq);
        events
    }
}

fn all_keys(state: &State) -> impl Iterator<Item = (&str, &str, &Keys)> {
    state.tenants.iter().flat_map(|(tenant, inside)| {
        inside.users.iter().filter_map(move |(name, user)| Some((tenant.as_str(), name.as_str(), user.keys.as_ref()?)))
    })
}

fn keys_of<'s>(state: &'s State, tenant: &str, user: &str) -> Option<&'s Keys> {
    state.tenants.get(tenant)?.users.get(user)?.keys.as_ref()
}
