//! Decides how each policy is replaced.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use crate::base::{PolicyName, Principal};
use crate::desired::Strategy;
use crate::observed::{Body, Observed};
use crate::policy::Normal;

use super::change::ReplaceMethod;
use super::compare::{AttachmentChange, Comparison, PolicyAction};

/// The policies and principals that lose access for a moment because the cluster has no room for another policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fallbacks {
    /// Policies that are replaced with a gap although the configuration asks for a swap.
    pub(super) gap: BTreeSet<PolicyName>,
    /// Users and groups that are detached before they are attached, so that the old policy can make room for the new.
    pub(super) detach_first: BTreeSet<Principal>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fallback {
    /// Replace this policy with a gap.
    Gap(PolicyName),
    /// Detach this user or group first.
    DetachFirst(Principal),
}

impl Fallbacks {
    /// These and some more.
    pub(super) fn with(&self, more: &[Fallback]) -> Self {
        let mut all = self.clone();
        for fallback in more {
            match fallback {
                Fallback::Gap(policy) => all.gap.insert(policy.clone()),
                Fallback::DetachFirst(principal) => all.detach_first.insert(principal.clone()),
            };
        }
        all
    }
}

/// The method of every policy that is replaced.
pub(super) fn methods(
    comparison: &Comparison,
    observed: &Observed,
    strategy: Strategy,
    fallbacks: &Fallbacks,
) -> BTreeMap<PolicyName, ReplaceMethod> {
    let mut methods = BTreeMap::new();
    let entered = entered_from_recreated(comparison, observed);
    for (policy, action) in &comparison.policies {
        let PolicyAction::Replace(after) = action else { continue };
        let gap = strategy == Strategy::Gap || fallbacks.gap.contains(policy);
        let has_policy = || comparison.keeping(policy).any(|(_, change)| change.attached.as_ref() == Some(policy));
        let method = if !is_recreated(policy, comparison, observed) {
            ReplaceMethod::Finish
        } else if !has_policy() && !entered.contains(policy) {
            ReplaceMethod::Plain
        } else if gap && can_gap(policy, comparison) {
            ReplaceMethod::Gap
        } else {
            ReplaceMethod::Swap(temporary(policy, after, comparison, observed))
        };
        methods.insert(policy.clone(), method);
    }
    methods
}

/// Whether a policy can be replaced with a gap: only declared users can be detached on the way. After an interruption, nothing
/// on the cluster would tell that an undeclared user had the policy.
pub(super) fn can_gap(policy: &PolicyName, comparison: &Comparison) -> bool {
    comparison.keeping(policy).all(|(_, change)| change.declared)
}

/// The policies that a user moves to from a recreated one. The user can neither wait for the new document there (the old
/// policy waits for the user to leave) nor move before it, so it needs a policy in between.
fn entered_from_recreated<'a>(comparison: &'a Comparison, observed: &Observed) -> BTreeSet<&'a PolicyName> {
    let moved = comparison.affected.values().filter(|change| change.before != change.after);
    moved.filter(|change| leaves_recreated(change, comparison, observed)).filter_map(|c| c.after.as_ref()).collect()
}

/// Whether this plan removes a policy and adds it again: its users and groups must leave before, and come back after.
pub(super) fn is_recreated(policy: &PolicyName, comparison: &Comparison, observed: &Observed) -> bool {
    let Some(PolicyAction::Replace(after)) = comparison.policies.get(policy) else { return false };
    observed.policies.get(policy).is_some_and(|now| now.normal() != Some(after))
}

/// Whether a user or group has a recreated policy.
pub(super) fn leaves_recreated(change: &AttachmentChange, comparison: &Comparison, observed: &Observed) -> bool {
    change.before.iter().flat_map(PolicyName::listed).any(|policy| is_recreated(&policy, comparison, observed))
}

/// The temporary policy for this document: a leftover with the same document, or a free name that no user or group has. The
/// name carries the document's hash, so that a temporary policy is never mistaken for one of another document.
fn temporary(policy: &PolicyName, after: &Normal, comparison: &Comparison, observed: &Observed) -> PolicyName {
    let mut attempt = 0_u64;
    loop {
        let mut hash = Sha256::new();
        hash.update(after.json());
        if attempt > 0 {
            hash.update(attempt.to_be_bytes());
        }
        let name = policy.temporary(&hex::encode(&hash.finalize()[..4]));
        match observed.policies.get(&name) {
            None if !comparison.missing.contains(&name) => return name,
            Some(Body::Known(document)) if document == after => return name,
            None | Some(Body::Known(_) | Body::NotRead | Body::Unreadable(_)) => attempt += 1,
        }
    }
}
