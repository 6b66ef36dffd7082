//! Decides how each policy that is replaced gets its new document.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::base::{PolicyName, Principal};
use crate::desired::Strategy;
use crate::observed::{Body, Observed};
use crate::policy::Normal;

use super::change::ReplaceMethod;
use super::compare::{Comparison, PolicyAction};
use super::holders::AttachmentChange;

/// What must give up keeping access throughout, because the cluster has no room for one policy more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Concessions {
    /// Policies that are replaced with a gap although swapping was asked for.
    pub(super) policies: BTreeSet<PolicyName>,
    /// Users and groups that are detached before they are attached, so that the old policy can make room for the new.
    pub(super) holders: BTreeSet<Principal>,
}

/// One thing to give up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Concession {
    /// The swap of a policy, which gets a gap instead.
    Swap(PolicyName),
    /// The move of a user or group without a gap.
    Move(Principal),
}

impl Concessions {
    /// These, and some more.
    pub(super) fn with(&self, more: &[Concession]) -> Self {
        let mut all = self.clone();
        for concession in more {
            match concession {
                Concession::Swap(policy) => all.policies.insert(policy.clone()),
                Concession::Move(principal) => all.holders.insert(principal.clone()),
            };
        }
        all
    }
}

/// The way of every policy that is replaced.
pub(super) fn methods(
    comparison: &Comparison,
    observed: &Observed,
    strategy: Strategy,
    concessions: &Concessions,
) -> BTreeMap<PolicyName, ReplaceMethod> {
    let mut methods = BTreeMap::new();
    let joined = joined_from_remade(comparison, observed);
    for (policy, fate) in &comparison.policies {
        let PolicyAction::Replace(after) = fate else { continue };
        let gap = strategy == Strategy::Gap || concessions.policies.contains(policy);
        let method = if is_remade(policy, comparison, observed) {
            method(policy, after, comparison, observed, gap, joined.contains(policy))
        } else {
            ReplaceMethod::Finish
        };
        methods.insert(policy.clone(), method);
    }
    methods
}

/// The way of a policy that is remade; `joined` says that somebody comes to it from one that is remade as well.
fn method(
    policy: &PolicyName,
    after: &Normal,
    comparison: &Comparison,
    observed: &Observed,
    gap: bool,
    joined: bool,
) -> ReplaceMethod {
    let held = comparison.stayers(policy).any(|(_, user)| user.physical.as_ref() == Some(policy));
    if !held && !joined {
        ReplaceMethod::Plain
    } else if gap && can_gap(policy, comparison) {
        ReplaceMethod::Gap
    } else {
        ReplaceMethod::Swap(temporary(policy, after, comparison, observed))
    }
}

/// Whether a gap is possible at all: only declared users can be detached on the way. Were the run interrupted, nothing on
/// the cluster would tell that a user no file names held the policy before.
pub(super) fn can_gap(policy: &PolicyName, comparison: &Comparison) -> bool {
    comparison.stayers(policy).all(|(_, user)| user.declared)
}

/// The policies that a user comes to from one that is remade: it can neither wait for a new document there (the old
/// policy waits for the user to leave) nor come before it, so it needs somewhere to be in between.
fn joined_from_remade<'a>(comparison: &'a Comparison, observed: &Observed) -> BTreeSet<&'a PolicyName> {
    let moved = comparison.affected().filter(|(_, fate)| fate.before != fate.after);
    let joined =
        moved.filter_map(|(_, fate)| fate.after.as_ref().filter(|_| leaves_remade(fate, comparison, observed)));
    joined.collect()
}

/// Whether this policy is removed and added again on the way: its holders must have left before, and come after.
pub(super) fn is_remade(policy: &PolicyName, comparison: &Comparison, observed: &Observed) -> bool {
    let Some(PolicyAction::Replace(after)) = comparison.policies.get(policy) else { return false };
    observed.policies.get(policy).is_some_and(|now| now.normal() != Some(after))
}

/// Whether somebody has a policy that is removed and added again on the way.
pub(super) fn leaves_remade(fate: &AttachmentChange, comparison: &Comparison, observed: &Observed) -> bool {
    fate.before.iter().flat_map(PolicyName::listed).any(|policy| is_remade(&policy, comparison, observed))
}

/// The temporary policy for this document: one that an interrupted run left behind with the same document, or a free name that
/// nobody has. The name tells the document, so that a temporary policy for another document is never taken for this one.
fn temporary(policy: &PolicyName, after: &Normal, comparison: &Comparison, observed: &Observed) -> PolicyName {
    let mut attempt = 0_u64;
    loop {
        let mut hash = Sha256::new();
        hash.update(after.json());
        if attempt > 0 {
            hash.update(attempt.to_be_bytes());
        }
        let name = policy.transit(&hex::encode(&hash.finalize()[..4]));
        match observed.policies.get(&name) {
            None if !comparison.holders.missing.contains(&name) => return name,
            Some(Body::Known(document)) if document == after => return name,
            None | Some(Body::Known(_) | Body::NotRead | Body::Unreadable(_)) => attempt += 1,
        }
    }
}
