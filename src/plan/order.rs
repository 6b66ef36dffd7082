//! Orders the calls of a graph: by what waits for what, by the room on the cluster, and otherwise so that calls that take access
//! away come before calls that give it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::base::{BucketName, PolicyName, Principal};
use crate::desired::Strategy;
use crate::observed::Observed;
use crate::policy::access::Access;

use super::buckets::BucketEffect;
use super::change::{Call, ChangeId, ReplaceMethod, Step, StepId};
use super::compare::{Comparison, PolicyAction};
use super::graph::{Graph, Key, Node, build, can_gap, methods};

#[derive(Debug, Default)]
pub(super) struct Ordered {
    pub(super) steps: Vec<Step>,
    pub(super) methods: BTreeMap<PolicyName, ReplaceMethod>,
    /// The policies that are replaced with a gap although the configuration asks for a swap, and the users and groups that are
    /// detached before they are attached: the cluster has no room for another policy.
    pub(super) fallbacks: BTreeSet<ChangeId>,
    /// Whether some call needs room that no call frees, even with all fallbacks.
    pub(super) no_room: bool,
}

/// Orders the calls. If the cluster has no room for another policy, falls back in the order of names, as little as it takes
/// until the calls fit.
pub(super) fn order(
    comparison: &Comparison,
    observed: &Observed,
    strategy: Strategy,
    precedences: &Precedences,
) -> Ordered {
    let room = observed.limits.policies.saturating_sub(observed.policies.len());
    let attempt = |fallbacks: &BTreeSet<ChangeId>| {
        let methods = methods(comparison, observed, strategy, fallbacks);
        let mut graph = build(comparison, observed, &methods, fallbacks);
        let sequence = sequence(&mut graph, precedences, room);
        (methods, graph, sequence)
    };
    let mut fallbacks = BTreeSet::new();
    loop {
        let (methods, graph, sequence) = attempt(&fallbacks);
        let unplaced = match sequence {
            Ok(sequence) => return Ordered { steps: steps(&graph, &sequence), methods, fallbacks, no_room: false },
            Err(unplaced) => unplaced,
        };
        let possible = possible_fallbacks(&unplaced, &graph, comparison, &methods);
        let with =
            |count: usize| -> BTreeSet<ChangeId> { fallbacks.iter().chain(&possible[..count]).cloned().collect() };
        if with(possible.len()) == fallbacks {
            return Ordered { steps: Vec::new(), methods, fallbacks, no_room: true };
        }
        // Another fallback never takes room away, so a binary search finds the fewest that are enough.
        let counts: Vec<usize> = (1..=possible.len()).collect();
        let too_few = counts.partition_point(|&count| attempt(&with(count)).2.is_err());
        fallbacks = with((too_few + 1).min(possible.len()));
    }
}

/// The place of a call among those that are ready: by what its change does to access, then by its change, then by the call.
type Rank = (Precedence, ChangeId, Key);

/// Places one call after the other: always the ready call of the first rank, and an addition only when there is room for it.
/// Where room is scarce, additions that give their room back come first. An addition waits for the removal that makes its
/// room, so that the limit holds in every order of independent calls. The error has the calls that could not be placed,
/// because the ready ones need room that no call frees.
fn sequence(graph: &mut Graph, precedences: &Precedences, room: usize) -> Result<Vec<Key>, BTreeSet<Key>> {
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
    let mut returning = returning(graph);
    // Additions that wait for room, or leave it to those that give it back.
    let mut held_back: BTreeSet<Rank> = BTreeSet::new();
    let mut reserved: BTreeSet<PolicyName> = BTreeSet::new();
    let mut sequence = Vec::with_capacity(graph.nodes.len());
    loop {
        let first = ready.pop_first();
        let is_last_resort = first.is_none();
        let Some(next) = first.or_else(|| if rooms.is_empty() { None } else { held_back.pop_first() }) else { break };
        let key = next.2.clone();
        match &key {
            Key::Add(policy) if !reserved.contains(policy) => {
                let leaves_room = !is_last_resort && !returning.contains(&key) && rooms.len() <= returning.len();
                let Some(room) = (if leaves_room { None } else { rooms.pop_front() }) else {
                    held_back.insert(next);
                    continue;
                };
                if let Some(removal) = room {
                    graph.wait(&key, &removal);
                }
                returning.remove(&key);
                if returning.is_empty() {
                    ready.append(&mut held_back);
                }
            }
            Key::Remove(policy) => match graph.added_instead.get(policy) {
                // Its room is reserved.
                Some(added) => _ = reserved.insert(added.clone()),
                None => {
                    rooms.push_back(Some(key.clone()));
                    ready.append(&mut held_back);
                }
            },
            Key::Add(_) | Key::Attach(..) | Key::RevokeKeys(_) | Key::Detach(_) | Key::Bucket(_) => {}
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
    if waits.is_empty() { Ok(sequence) } else { Err(waits.into_keys().collect()) }
}

/// The additions whose change later removes another policy, such as a temporary one: their room is free again then.
fn returning(graph: &Graph) -> BTreeSet<Key> {
    let frees = |key: &Key| matches!(key, Key::Remove(policy) if !graph.added_instead.contains_key(policy));
    let freeing: BTreeSet<&ChangeId> =
        graph.nodes.iter().filter(|(key, _)| frees(key)).map(|(_, node)| &node.change).collect();
    let instead: BTreeSet<&PolicyName> = graph.added_instead.values().collect();
    let returns = |(key, node): &(&Key, &Node)| {
        matches!(key, Key::Add(policy) if !instead.contains(policy)) && freeing.contains(&node.change)
    };
    graph.nodes.iter().filter(returns).map(|(key, _)| key.clone()).collect()
}

/// The possible fallbacks, in the order in which they are taken: first a gap for policies whose swap could not be finished,
/// then a detach of users and groups whose old policy could make room.
fn possible_fallbacks(
    unplaced: &BTreeSet<Key>,
    graph: &Graph,
    comparison: &Comparison,
    methods: &BTreeMap<PolicyName, ReplaceMethod>,
) -> Vec<ChangeId> {
    let swaps = unplaced.iter().filter_map(|key| {
        let ChangeId::Policy(policy) = &graph.nodes.get(key)?.change else { return None };
        let is_swap = matches!(methods.get(policy), Some(ReplaceMethod::Swap(_)));
        (is_swap && can_gap(policy, comparison)).then(|| ChangeId::Policy(policy.clone()))
    });
    let mut swaps: Vec<_> = swaps.collect();
    swaps.dedup();
    if !swaps.is_empty() {
        return swaps;
    }
    let moves = unplaced.iter().filter_map(|key| {
        let Call::Attach { principal, expects: Some(left), .. } = &graph.nodes.get(key)?.call else { return None };
        let is_removed = comparison.policies.get(left) == Some(&PolicyAction::Remove);
        let may_make_room = is_removed || comparison.renamed_to(left).is_some();
        may_make_room.then(|| ChangeId::Principal(principal.clone()))
    });
    moves.collect()
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

/// The place of a change: one of the first variant comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Precedence {
    /// A user or group loses its policy.
    Detach,
    /// A policy is removed. No one has access by it any more, and other policies may need its room.
    Remove,
    /// A policy gets another document, or a user or group another policy. Someone loses access, and certainly none gains any.
    Tighten,
    /// The same, and no access changes.
    Neutral,
    /// The same, and someone gains access, or may.
    Widen,
    /// A policy is added that no moved user or group waits for.
    Add,
    /// A user or group that had none gets a policy.
    Attach,
}

#[derive(Debug, Default)]
pub(super) struct Precedences(BTreeMap<ChangeId, Precedence>);

impl Precedences {
    /// The places, from the access that users and groups gain and lose.
    pub(super) fn new(
        comparison: &Comparison,
        accesses: &BTreeMap<Principal, Arc<Access>>,
        of_buckets: &BTreeMap<BucketName, BucketEffect>,
    ) -> Self {
        let mut places = BTreeMap::new();
        for (bucket, effect) in of_buckets {
            let gains = effect.access.iter().any(|(_, access)| !access.gains_nothing());
            let loses = effect.access.iter().any(|(_, access)| !access.loses_nothing());
            places.insert(ChangeId::Bucket(bucket.clone()), Precedence::shift(gains, loses));
        }
        // A replacement widens if any user or group with the policy gains access.
        let mut replaced: BTreeMap<&PolicyName, [bool; 2]> = BTreeMap::new();
        // A new policy comes as early as the first of the users and groups that wait for it.
        let mut awaited: BTreeMap<&PolicyName, Precedence> = BTreeMap::new();
        for (principal, change) in &comparison.affected {
            let change_of_access = |access: &Arc<Access>| [!access.gains_nothing(), !access.loses_nothing()];
            let [gains, loses] = accesses.get(principal).map_or([false, false], change_of_access);
            let place = match (&change.before, &change.after) {
                (_, None) => Precedence::Detach,
                (None, Some(_)) => Precedence::Attach,
                (Some(before), Some(after)) if before == after => {
                    let any = replaced.entry(after).or_default();
                    *any = [any[0] | gains, any[1] | loses];
                    continue;
                }
                (Some(_), Some(after)) => {
                    let place = Precedence::shift(gains, loses);
                    let first = awaited.entry(after).or_insert(place);
                    *first = place.min(*first);
                    place
                }
            };
            places.insert(ChangeId::Principal(principal.clone()), place);
        }
        for (policy, action) in &comparison.policies {
            let place = match action {
                PolicyAction::Remove => Precedence::Remove,
                PolicyAction::Replace(_) => {
                    let [gains, loses] = replaced.get(policy).copied().unwrap_or_default();
                    Precedence::shift(gains, loses)
                }
                PolicyAction::Add(_) => awaited.get(policy).copied().unwrap_or(Precedence::Add),
                PolicyAction::Keep | PolicyAction::Unmanaged => continue,
            };
            places.insert(ChangeId::Policy(policy.clone()), place);
        }
        Self(places)
    }

    pub(super) fn of(&self, change: &ChangeId) -> Precedence {
        self.0.get(change).copied().unwrap_or(Precedence::Add)
    }
}

impl Precedence {
    fn shift(gains: bool, loses: bool) -> Self {
        match (gains, loses) {
            (true, _) => Self::Widen,
            (false, true) => Self::Tighten,
            (false, false) => Self::Neutral,
        }
    }
}
