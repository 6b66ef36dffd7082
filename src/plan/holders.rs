//! What each user and group has, and what it should have. Unchanged principals are only counted.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{PolicyName, Principal};
use crate::desired::{DeclaredAttachment, Desired, PrincipalEntry};
use crate::observed::Observed;

use super::compare::PolicyAction;
use super::merged::merged;

/// What is attached to a user or group and what should be. A temporary policy that an interrupted run left behind counts as its
/// policy only while this plan replaces or removes that policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttachmentChange {
    /// The name attached now: of a policy, a temporary policy, a policy that does not exist, or a list of several.
    pub(super) physical: Option<PolicyName>,
    /// The same, but for a temporary policy the policy that it counts as.
    pub(super) before: Option<PolicyName>,
    /// The policy that should be held.
    pub(super) after: Option<PolicyName>,
    /// Whether a file declares it.
    pub(super) declared: bool,
    /// Whether a user's key pair is to be made worthless before it is detached.
    pub(super) revoke_keys: bool,
}

/// Every user on the cluster that can hold a policy or does, and every group that does or is declared.
#[derive(Debug, Clone, Default)]
pub(super) struct Holders {
    /// Those of whom anything becomes another: what they hold, or the policy that they go on holding.
    pub(super) affected: BTreeMap<Principal, AttachmentChange>,
    /// How many users a file declares that hold what they should.
    pub(super) kept_users: usize,
    /// How many groups a file declares that hold what they should.
    pub(super) kept_groups: usize,
    /// Those that no file names and nobody owns, in order. Whoever holds a policy that is replaced is moved along: listed
    /// with that change, and not left alone.
    pub(super) alone: Vec<Principal>,
    /// How many hold a policy now.
    pub(super) holding: usize,
    /// The policies of which `leftovers` were left behind and that anyone has now, as such or as a temporary one.
    pub(super) held_in_transit: BTreeSet<PolicyName>,
    /// The names that are attached to anyone although no such policy exists: who adds one gives it to them.
    pub(super) missing: BTreeSet<PolicyName>,
}

impl Holders {
    /// What becomes of all users and groups where this becomes of the policies.
    pub(super) fn new(
        desired: &Desired,
        observed: &Observed,
        policies: &BTreeMap<PolicyName, PolicyAction>,
        leftovers: &BTreeMap<PolicyName, Vec<PolicyName>>,
    ) -> Self {
        let (affected, holders) = (Vec::new(), Self::default());
        let temporary =
            leftovers.iter().flat_map(|(policy, names)| names.iter().map(move |name| (name, policy))).collect();
        let mut walk = Walk { desired, observed, policies, leftovers, temporary, known: None, affected, holders };
        for (name, declared, user) in merged(&desired.users, &observed.users) {
            let Some(user) = user.filter(|user| declared.is_some() || user.can_hold() || user.holds.is_some()) else {
                continue;
            };
            let kept = walk.holder(|| Principal::from(name), declared, user.holds.as_ref());
            walk.holders.kept_users += usize::from(kept);
        }
        for (name, declared, holds) in merged(&desired.groups, &observed.groups) {
            let kept = walk.holder(|| Principal::from(name), declared, holds);
            walk.holders.kept_groups += usize::from(kept);
        }
        Self { affected: walk.affected.into_iter().collect(), ..walk.holders }
    }
}

struct Walk<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    policies: &'a BTreeMap<PolicyName, PolicyAction>,
    leftovers: &'a BTreeMap<PolicyName, Vec<PolicyName>>,
    /// The policy that a leftover counts as.
    temporary: BTreeMap<&'a PolicyName, &'a PolicyName>,
    /// What becomes of the policy that was asked for last: whoever comes next often holds the same.
    known: Option<(PolicyName, Option<&'a PolicyAction>)>,
    /// Those that are affected, in order.
    affected: Vec<(Principal, AttachmentChange)>,
    /// The others.
    holders: Holders,
}

impl<'a> Walk<'a> {
    /// Takes in one of them. Returns whether a file declares it, and it holds what it should.
    fn holder(
        &mut self,
        name: impl Fn() -> Principal,
        declared: Option<&PrincipalEntry>,
        physical: Option<&PolicyName>,
    ) -> bool {
        let before = physical.map(|name| self.temporary.get(name).copied().unwrap_or(name));
        self.miss(physical);
        let intent = declared.map(|entry| &entry.intent);
        let after = match intent {
            Some(DeclaredAttachment::Has(policy)) => Some(policy),
            Some(DeclaredAttachment::Detached | DeclaredAttachment::Revoked) => None,
            None if self.desired.ownership.covers(&name()) => None,
            None => {
                if !self.becomes(before, PolicyAction::has_document) {
                    self.holders.alone.push(name());
                }
                before
            }
        };
        self.hold(before);
        let affected = physical != after || self.becomes(after, PolicyAction::is_unsettled);
        if affected {
            // Names that are one and the same are found equal at once from here on.
            let one = |policy: &PolicyName| physical.filter(|held| *held == policy).unwrap_or(policy).clone();
            let fate = AttachmentChange {
                physical: physical.cloned(),
                before: before.map(one),
                after: after.map(one),
                declared: declared.is_some(),
                revoke_keys: intent == Some(&DeclaredAttachment::Revoked),
            };
            self.affected.push((name(), fate));
        }
        declared.is_some() && (!affected || before == after)
    }

    /// Counts what somebody holds.
    fn hold(&mut self, policy: Option<&PolicyName>) {
        let Some(policy) = policy else { return };
        self.holders.holding += 1;
        if self.leftovers.contains_key(policy) {
            self.holders.held_in_transit.insert(policy.clone());
        }
    }

    /// Notes the names that are attached although no such policy exists.
    fn miss(&mut self, attached: Option<&PolicyName>) {
        let Some(attached) = attached else { return };
        if attached.is_list() {
            let missing = attached.listed().filter(|name| !self.observed.policies.contains_key(name));
            self.holders.missing.extend(missing);
        } else if !self.observed.policies.contains_key(attached) {
            self.holders.missing.insert(attached.clone());
        }
    }

    /// Whether the action of a policy, or of any of a list, satisfies the predicate.
    fn becomes(&mut self, attached: Option<&PolicyName>, predicate: fn(&PolicyAction) -> bool) -> bool {
        let Some(attached) = attached else { return false };
        if attached.is_list() {
            let counted = |policy: PolicyName| match self.temporary.get(&policy) {
                Some(counts_as) => PolicyName::clone(counts_as),
                None => policy,
            };
            return attached.listed().map(counted).any(|policy| self.policies.get(&policy).is_some_and(predicate));
        }
        self.fate(attached).is_some_and(predicate)
    }

    fn fate(&mut self, policy: &PolicyName) -> Option<&'a PolicyAction> {
        match &self.known {
            Some((known, fate)) if known == policy => *fate,
            Some(_) | None => {
                let fate = self.policies.get(policy);
                self.known = Some((policy.clone(), fate));
                fate
            }
        }
    }
}
