//! The calls of a plan as a graph: each call once, with what it waits for.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{PolicyName, Principal, UserName};

use super::change::ChangeId;
use super::step::Call;

/// What a call does to what: no plan does the same thing to the same objects twice. The order of the variants breaks
/// ties: what takes access away comes before what gives it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// Retire the keys of this user.
    Retire(UserName),
    /// Detach this user or group.
    Detach(Principal),
    /// Add this policy.
    Add(PolicyName),
    /// Attach this policy to this user or group.
    Attach(Principal, PolicyName),
    /// Remove this policy.
    Remove(PolicyName),
}

/// A call with what it belongs to and what it waits for.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) change: ChangeId,
    pub(super) call: Call,
    pub(super) after: BTreeSet<Key>,
}

/// All calls.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    pub(super) nodes: BTreeMap<Key, Node>,
}

impl Graph {
    /// Puts a call in.
    pub(super) fn call(&mut self, key: Key, change: &ChangeId, call: Call) {
        self.nodes.insert(key, Node { change: change.clone(), call, after: BTreeSet::new() });
    }

    /// Whether the call is part of the plan.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.nodes.contains_key(key)
    }

    /// Lets `key` wait for `first`, when both are part of the plan.
    pub(super) fn wait(&mut self, key: &Key, first: &Key) {
        if key == first || !self.nodes.contains_key(first) {
            return;
        }
        if let Some(node) = self.nodes.get_mut(key) {
            node.after.insert(first.clone());
        }
    }
}
