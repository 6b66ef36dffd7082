//! Puts the calls of a graph into one order that respects what waits for what, the room on the cluster, and
//! otherwise takes access away before it gives any.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::PolicyName;
use crate::desired::Strategy;
use crate::observed::Observed;

use super::build::build;
use super::change::{ChangeId, ReplaceMethod};
use super::compare::{Comparison, PolicyAction};
use super::graph::{Graph, Key};
use super::methods::{Concession, Concessions, can_gap, methods};
use super::precedence::{Precedence, Precedences};
use super::step::{Call, Step, StepId};

/// The calls in order, and how it was arranged.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    pub(super) steps: Vec<Step>,
    pub(super) methods: BTreeMap<PolicyName, ReplaceMethod>,
    pub(super) concessions: Concessions,
    /// Whether even with all concessions some call would need room that nothing gives back.
    pub(super) no_room: bool,
}

/// Orders the calls. Where the cluster has no room for one policy more, concessions are made in the order of names, as
/// few as it takes until the calls fit.
pub(super) fn order(
    comparison: &Comparison,
    observed: &Observed,
    strategy: Strategy,
    precedences: &Precedences,
) -> Ordered {
    let room = observed.limits.policies.saturating_sub(observed.policies.len());
    let attempt = |concessions: &Concessions| {
        let methods = methods(comparison, observed, strategy, concessions);
        let mut graph = build(comparison, observed, &methods, concessions);
        let sequence = sequence(&mut graph, precedences, room);
        (methods, graph, sequence)
    };
    let mut concessions = Concessions::default();
    loop {
        let (methods, graph, sequence) = attempt(&concessions);
        let stuck = match sequence {
            Ok(sequence) => return Ordered { steps: steps(&graph, &sequence), methods, concessions, no_room: false },
            Err(stuck) => stuck,
        };
        let possible = possible_concessions(&stuck, &graph, comparison, &methods);
        if concessions.with(&possible) == concessions {
            return Ordered { steps: Vec::new(), methods, concessions, no_room: true };
        }
        // A concession more never takes room away, so that the fewest that are enough can be found by halving.
        let with = |count: usize| concessions.with(&possible[..count]);
        let counts: Vec<usize> = (1..=possible.len()).collect();
        let too_few = counts.partition_point(|&count| attempt(&with(count)).2.is_err());
        concessions = with((too_few + 1).min(possible.len()));
    }
}

/// Where in the order a call likes to be, all else being free: by what its change does to access, then by its change,
/// then by the call itself.
type Rank = (Precedence, ChangeId, Key);

/// The calls that could not be placed, because those that are ready would need room that nothing gives back.
struct Stuck(BTreeSet<Key>);

/// Places one call after the other: always the first in rank among those that are ready, and an addition only when
/// there is room for it. Where the room comes from a removal, the addition is made to wait for that removal, so that
/// the limit holds in whatever order independent calls run.
fn sequence(graph: &mut Graph, precedences: &Precedences, room: usize) -> Result<Vec<Key>, Stuck> {
    let additions = graph.nodes.keys().filter(|key| matches!(key, Key::Add(_))).count();
    let mut rooms: VecDeque<Option<Key>> = std::iter::repeat_n(None, room.min(additions)).collect();
    let mut waits: BTreeMap<Key, usize> =
        graph.nodes.iter().map(|(key, node)| (key.clone(), node.after.len())).collect();
    let mut followers: BTreeMap<Key, Vec<Key>> = BTreeMap::new();
    for (key, node) in &graph.nodes {
        for first in &node.after {
            followers.entry(first.clone()).or_default().push(key.clone());
        }
    }
    let ranked = |key: &Key, graph: &Graph| {
        graph.nodes.get(key).map(|node| (precedences.of(&node.change), node.change.clone(), key.clone()))
    };
    let mut ready: BTreeSet<Rank> =
        waits.iter().filter(|(_, count)| **count == 0).filter_map(|(key, _)| ranked(key, graph)).collect();
    let mut roomless: BTreeSet<Rank> = BTreeSet::new();
    let mut kept: BTreeSet<PolicyName> = BTreeSet::new();
    let mut sequence = Vec::with_capacity(graph.nodes.len());
    while let Some(next) = ready.pop_first() {
        let key = next.2.clone();
        match &key {
            Key::Add(policy) if !kept.contains(policy) => match rooms.pop_front() {
                Some(None) => {}
                Some(Some(removal)) => graph.wait(&key, &removal),
                None => {
                    roomless.insert(next);
                    continue;
                }
            },
            Key::Remove(policy) if added_again(policy, &key, graph) => {
                kept.insert(policy.clone());
            }
            Key::Remove(_) => {
                rooms.push_back(Some(key.clone()));
                ready.append(&mut roomless);
            }
            Key::Add(_) | Key::Attach(..) | Key::Retire(_) | Key::Detach(_) => {}
        }
        waits.remove(&key);
        for follower in followers.remove(&key).unwrap_or_default() {
            let Some(count) = waits.get_mut(&follower) else { continue };
            *count -= 1;
            if *count == 0 {
                ready.extend(ranked(&follower, graph));
            }
        }
        sequence.push(key);
    }
    if waits.is_empty() { Ok(sequence) } else { Err(Stuck(waits.into_keys().collect())) }
}

/// Whether the name that this call removes is added again later: the place it gives back is kept for that.
fn added_again(policy: &PolicyName, removal: &Key, graph: &Graph) -> bool {
    graph.nodes.get(&Key::Add(policy.clone())).is_some_and(|node| node.after.contains(removal))
}

/// What can be given up, in the order in which it is: first the swaps of policies that could not be finished, then moves
/// whose old policies could make room.
fn possible_concessions(
    stuck: &Stuck,
    graph: &Graph,
    comparison: &Comparison,
    methods: &BTreeMap<PolicyName, ReplaceMethod>,
) -> Vec<Concession> {
    let swaps = stuck.0.iter().filter_map(|key| match &graph.nodes.get(key)?.change {
        ChangeId::Policy(policy)
            if matches!(methods.get(policy), Some(ReplaceMethod::Swap(_))) && can_gap(policy, comparison) =>
        {
            Some(Concession::Swap(policy.clone()))
        }
        ChangeId::Policy(_) | ChangeId::Holder(_) => None,
    });
    let mut swaps: Vec<_> = swaps.collect();
    swaps.dedup();
    if !swaps.is_empty() {
        return swaps;
    }
    let moves = stuck.0.iter().filter_map(|key| match &graph.nodes.get(key)?.call {
        Call::Attach { principal, expects: Some(held), .. } if removed(held, comparison) => {
            Some(Concession::Move(principal.clone()))
        }
        Call::Attach { .. }
        | Call::AddPolicy { .. }
        | Call::RemovePolicy { .. }
        | Call::RevokeKeys { .. }
        | Call::Detach { .. } => None,
    });
    moves.collect()
}

fn removed(policy: &PolicyName, comparison: &Comparison) -> bool {
    matches!(comparison.policies.get(policy), Some(PolicyAction::Remove))
}

fn steps(graph: &Graph, sequence: &[Key]) -> Vec<Step> {
    let numbers: BTreeMap<&Key, StepId> = sequence.iter().zip(1..).map(|(key, number)| (key, StepId(number))).collect();
    sequence
        .iter()
        .filter_map(|key| graph.nodes.get(key).map(|node| (key, node)))
        .map(|(key, node)| {
            let after: BTreeSet<StepId> = node.after.iter().filter_map(|first| numbers.get(first).copied()).collect();
            Step {
                id: numbers.get(key).copied().unwrap_or(StepId(0)),
                change: node.change.clone(),
                call: node.call.clone(),
                after: after.into_iter().collect(),
            }
        })
        .collect()
}
