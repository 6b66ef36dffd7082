//! Where in the order a change likes to be, all else being free: what takes access away before what gives any.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{PolicyName, Principal};
use crate::policy::access::Access;

use super::change::ChangeId;
use super::compare::{Comparison, PolicyAction};

/// What a change does to the access of those it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tendency {
    /// Somebody loses access, and certainly nobody gains any.
    Tightens,
    /// Nobody's access becomes another.
    Neutral,
    /// Somebody gains access, or may.
    Widens,
}

/// The place of a change, the first variant first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Precedence {
    /// A user loses its policy.
    Detach,
    /// A policy goes. Nobody has access by it any more, and others may need its room.
    Remove,
    /// A document or what a user holds becomes another.
    Shift(Tendency),
    /// A policy comes that no moved user waits for.
    Add,
    /// A user that had nothing gets a policy.
    Attach,
}

/// The place of every change.
#[derive(Debug, Default)]
pub(super) struct Precedences(BTreeMap<ChangeId, Precedence>);

impl Precedences {
    /// The places, from the access that users gain and lose.
    pub(super) fn new(comparison: &Comparison, accesses: &BTreeMap<Principal, Arc<Access>>) -> Self {
        let mut places = BTreeMap::new();
        // A policy that is replaced widens when it does for any of its holders.
        let mut replaced: BTreeMap<&PolicyName, (bool, bool)> = BTreeMap::new();
        // A new policy comes as early as the first of the users that wait for it.
        let mut awaited: BTreeMap<&PolicyName, Precedence> = BTreeMap::new();
        for (principal, fate) in comparison.affected() {
            let access = accesses.get(principal).map(AsRef::as_ref);
            let place = match (&fate.before, &fate.after) {
                (_, None) => Precedence::Detach,
                (None, Some(_)) => Precedence::Attach,
                (Some(before), Some(after)) if before == after => {
                    let (gains, loses) = replaced.entry(after).or_default();
                    *gains |= access.is_some_and(|access| !access.gains_nothing());
                    *loses |= access.is_some_and(|access| !access.loses_nothing());
                    continue;
                }
                (Some(_), Some(after)) => {
                    let place = Precedence::Shift(access.map_or(Tendency::Neutral, Tendency::of));
                    let first = awaited.entry(after).or_insert(place);
                    *first = place.min(*first);
                    place
                }
            };
            places.insert(ChangeId::Holder(principal.clone()), place);
        }
        for (policy, fate) in &comparison.policies {
            let place = match fate {
                PolicyAction::Remove => Precedence::Remove,
                PolicyAction::Replace(_) => {
                    let (gains, loses) = replaced.get(policy).copied().unwrap_or_default();
                    Precedence::Shift(Tendency::new(gains, loses))
                }
                PolicyAction::Add(_) => awaited.get(policy).copied().unwrap_or(Precedence::Add),
                PolicyAction::Keep | PolicyAction::LeaveAlone => continue,
            };
            places.insert(ChangeId::Policy(policy.clone()), place);
        }
        Self(places)
    }

    /// The place of one change.
    pub(super) fn of(&self, change: &ChangeId) -> Precedence {
        self.0.get(change).copied().unwrap_or(Precedence::Add)
    }
}

impl Tendency {
    fn of(access: &Access) -> Self {
        Self::new(!access.gains_nothing(), !access.loses_nothing())
    }

    fn new(gains: bool, loses: bool) -> Self {
        match (gains, loses) {
            (true, _) => Self::Widens,
            (false, true) => Self::Tightens,
            (false, false) => Self::Neutral,
        }
    }
}
