//! The record of a simulated cluster: every request, its result, and every state in between.

use crate::sim::fault::Fault;
use crate::sim::fault_rules::Interface;
use crate::sim::state::Keys;
use crate::sim::store::StateChange;

/// One request and its result.
#[derive(Debug, Clone, Default)]
pub struct Event {
    /// Its number in the order of arrival, from 1.
    pub seq: u64,
    /// The cluster, if the simulator serves several.
    pub cluster: String,
    /// The interface that it went to.
    pub interface: Interface,
    /// The HTTP method.
    pub method: String,
    /// The path as it was sent, without the name of the cluster.
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

/// A new key pair whose secret is in the cluster's response to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKeys {
    /// The user.
    pub user: String,
    /// The pair.
    pub keys: Keys,
    /// Whether the complete response was sent. If not, a fault lost it, and nobody knows the secret.
    pub sent: bool,
}

impl Event {
    /// The key pairs that the call created and that its response contained.
    pub fn shown_keys(&self) -> Vec<ShownKeys> {
        let Some(StateChange { before, after, .. }) = &self.change else { return Vec::new() };
        let had = |tenant: &str, user: &str| before.tenants.get(tenant)?.users.get(user)?.keys.as_ref();
        let mut shown = Vec::new();
        for (tenant, inside) in after.tenants.iter().filter(|_| after.switches.attach_shows_keys) {
            for (user, account) in &inside.users {
                if let Some(keys) = account.keys.as_ref().filter(|keys| had(tenant, user) != Some(*keys)) {
                    let sent = !self.faults.iter().any(Fault::replaces_response);
                    shown.push(ShownKeys { user: user.clone(), keys: keys.clone(), sent });
                }
            }
        }
        shown
    }
}

/// All changes of the state in their order, each with the request that made it or that it came just before.
pub fn history<'e>(events: &'e [Event]) -> Vec<(&'e Event, &'e StateChange)> {
    let all = |event: &'e Event| event.foreign_changes.iter().chain(&event.change).map(move |change| (event, change));
    let mut history: Vec<_> = events.iter().flat_map(all).collect();
    history.sort_by_key(|(_, change)| change.number);
    history
}
