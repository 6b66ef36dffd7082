//! What becomes of users and groups. The most are as they should be: of them no more is kept than what is told of all.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{PolicyName, Principal};
use crate::desired::{Desired, HolderEntry, Holding};
use crate::observed::Observed;

use super::compare::PolicyFate;
use super::merged::merged;

/// What a user or group holds and what it should hold. One that holds a stand-in counts as holding the policy it stands
/// in for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HolderFate {
    /// The policy attached now, a stand-in as such.
    pub(super) physical: Option<PolicyName>,
    /// The policy held now, in effect.
    pub(super) before: Option<PolicyName>,
    /// The policy that should be held.
    pub(super) after: Option<PolicyName>,
    /// Whether a file declares it.
    pub(super) declared: bool,
    /// Whether a user's key pair is to be made worthless before it is detached.
    pub(super) retire_keys: bool,
}

/// Every user on the cluster that can hold a policy or does, and every group that does or is declared.
#[derive(Debug, Clone, Default)]
pub(super) struct Holders {
    /// Those of whom anything becomes another: what they hold, or the policy that they go on holding.
    pub(super) affected: BTreeMap<Principal, HolderFate>,
    /// How many users a file declares that hold what they should.
    pub(super) kept_users: usize,
    /// How many groups a file declares that hold what they should.
    pub(super) kept_groups: usize,
    /// Those that no file names and nobody owns, in order. Whoever holds a policy that is replaced is moved along: listed
    /// with that change, and not left alone.
    pub(super) alone: Vec<Principal>,
    /// How many hold a policy now.
    pub(super) holding: usize,
    /// The policies of which stand-ins were left behind and that anybody holds now, as such or by a stand-in.
    pub(super) held_in_transit: BTreeSet<PolicyName>,
}

impl Holders {
    /// What becomes of all users and groups where this becomes of the policies.
    pub(super) fn new(
        desired: &Desired,
        observed: &Observed,
        policies: &BTreeMap<PolicyName, PolicyFate>,
        leftovers: &BTreeMap<PolicyName, Vec<PolicyName>>,
    ) -> Self {
        let (affected, holders) = (Vec::new(), Self::default());
        let mut walk = Walk { desired, policies, leftovers, known: None, affected, holders };
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
    policies: &'a BTreeMap<PolicyName, PolicyFate>,
    leftovers: &'a BTreeMap<PolicyName, Vec<PolicyName>>,
    /// What becomes of the policy that was asked for last: whoever comes next often holds the same.
    known: Option<(PolicyName, Option<&'a PolicyFate>)>,
    /// Those that are affected, in order.
    affected: Vec<(Principal, HolderFate)>,
    /// The others.
    holders: Holders,
}

impl<'a> Walk<'a> {
    /// Takes in one of them. Returns whether a file declares it, and it holds what it should.
    fn holder(
        &mut self,
        name: impl Fn() -> Principal,
        declared: Option<&HolderEntry>,
        physical: Option<&PolicyName>,
    ) -> bool {
        let before = physical.map(PolicyName::meant);
        let before = before.as_deref();
        let intent = declared.map(|entry| &entry.intent);
        let after = match intent {
            Some(Holding::Holds(policy)) => Some(policy),
            Some(Holding::Detached | Holding::Retired) => None,
            None if self.desired.ownership.covers(&name()) => None,
            None => {
                if !self.becomes(before, PolicyFate::is_replaced) {
                    self.holders.alone.push(name());
                }
                before
            }
        };
        self.hold(before);
        let affected = physical != after || self.becomes(after, PolicyFate::is_unsettled);
        if affected {
            // Names that are one and the same are found equal at once from here on.
            let one = |policy: &PolicyName| physical.filter(|held| *held == policy).unwrap_or(policy).clone();
            let fate = HolderFate {
                physical: physical.cloned(),
                before: before.map(one),
                after: after.map(one),
                declared: declared.is_some(),
                retire_keys: intent == Some(&Holding::Retired),
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

    /// Whether this becomes of a policy, if there is one.
    fn becomes(&mut self, policy: Option<&PolicyName>, this: fn(&PolicyFate) -> bool) -> bool {
        policy.and_then(|policy| self.fate(policy)).is_some_and(this)
    }

    fn fate(&mut self, policy: &PolicyName) -> Option<&'a PolicyFate> {
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
