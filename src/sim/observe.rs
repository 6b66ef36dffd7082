//! The record of a simulated cluster: every request, its result, and every state in between.

use crate::sim::fault::Fault;
use crate::sim::fault_rules::Interface;
use crate::sim::state::{ClusterState, Keys};
use crate::sim::store::StateChange;

/// One request and its result.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// Its number in the order of arrival, from 1.
    pub seq: u64,
    /// The interface that it went to.
    pub interface: Interface,
    /// The HTTP method.
    pub method: String,
    /// The path as it was sent.
    pub path: String,
    /// The query as it was sent.
    pub query: Option<String>,
    /// Whether the call changes the state; `None` if the request is no call.
    pub writes: Option<bool>,
    /// The faults that happened.
    pub faults: Vec<Fault>,
    /// The changes that others made just before.
    pub foreign_changes: Vec<StateChange>,
    /// Whether the call was executed, even if it changed nothing or its response was lost.
    pub applied: bool,
    /// The change it made.
    pub change: Option<StateChange>,
    /// The status that was sent; `None` without a complete response.
    pub status: Option<u16>,
}

/// A change of the state, with its request.
#[derive(Debug, Clone, Copy)]
pub struct HistoryEntry<'e> {
    /// The request.
    pub event: &'e Event,
    /// Who made the change.
    pub by: ChangedBy,
    /// The states before and after.
    pub change: &'e StateChange,
}

/// Who changed the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedBy {
    /// The client, by its request.
    Client,
    /// Somebody else, just before it.
    Other,
}

/// A new key pair whose secret is in the cluster's response to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKeys {
    /// The number of the request.
    pub seq: u64,
    /// The user's tenant.
    pub tenant: String,
    /// The user.
    pub user: String,
    /// The pair.
    pub keys: Keys,
    /// Whether the complete response was sent. If not, a fault lost it, and nobody knows the secret.
    pub sent: bool,
}

impl Event {
    /// Whether the cluster's own response was sent, and not lost to a fault.
    pub fn delivered(&self) -> bool {
        !self.faults.iter().any(Fault::replaces_response)
    }

    /// The key pairs that the call created and that its response contained.
    pub fn shown_keys(&self) -> Vec<ShownKeys> {
        let Some(StateChange { before, after, .. }) = &self.change else { return Vec::new() };
        if !after.switches.attach_shows_keys {
            return Vec::new();
        }
        let shown = |(tenant, user, keys): (&str, &str, &Keys)| ShownKeys {
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

/// All changes of the state in their order.
pub fn history(events: &[Event]) -> Vec<HistoryEntry<'_>> {
    let mut history = Vec::new();
    for event in events {
        history.extend(event.foreign_changes.iter().map(|change| HistoryEntry { event, by: ChangedBy::Other, change }));
        history.extend(event.change.iter().map(|change| HistoryEntry { event, by: ChangedBy::Client, change }));
    }
    history.sort_by_key(|entry| entry.change.number);
    history
}

fn all_keys(state: &ClusterState) -> impl Iterator<Item = (&str, &str, &Keys)> {
    state.tenants.iter().flat_map(|(tenant, inside)| {
        inside.users.iter().filter_map(move |(name, user)| Some((tenant.as_str(), name.as_str(), user.keys.as_ref()?)))
    })
}

fn keys_of<'s>(state: &'s ClusterState, tenant: &str, user: &str) -> Option<&'s Keys> {
    state.tenants.get(tenant)?.users.get(user)?.keys.as_ref()
}
