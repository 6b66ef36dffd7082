//! Holds a plan against the guards: what they refuse, and what to say to have it let through.

mod limits;
mod new_access;
mod protected;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{Finding, PolicyName, Principal};
use crate::desired::{Desired, Guards, Override};
use crate::observed::{Body, Observed};
use crate::policy::Catalogue;
use crate::policy::access::Access;

use super::access;
use super::compare::Comparison;
use super::holders::HolderFate;
use super::merged::merged;
use super::{Change, Plan, Step};

/// A refusal that did not come about, because somebody said so for this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overridden {
    /// What was said.
    pub by: Override,
    /// What would have been refused.
    pub refusal: Finding,
}

/// What the guards say to a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ruling {
    /// What they refuse; nothing when the plan may run.
    pub(super) refusals: Vec<Finding>,
    /// What they would have refused.
    pub(super) overrides: Vec<Overridden>,
}

impl Ruling {
    /// A refusal, or none where this run overrides it.
    fn refuse_unless(&mut self, by: &[&Override], refusal: Finding) {
        if by.is_empty() {
            return self.refusals.push(refusal);
        }
        self.overrides.extend(by.iter().map(|by| Overridden { by: (*by).clone(), refusal: refusal.clone() }));
    }
}

/// What the guards refuse of the changes and of the steps that make them.
pub(super) fn refusals(
    desired: &Desired,
    observed: &Observed,
    comparison: &Comparison,
    (changes, steps): (&[Change], &[Step]),
    (accesses, catalogue): (&BTreeMap<Principal, Arc<Access>>, &Catalogue),
) -> Ruling {
    let there = policies_there(comparison, observed);
    let mut view = View { desired, observed, comparison, steps, there, bereft: BTreeSet::new() };
    view.bereft = access::bereft(comparison, observed, (accesses, catalogue), |principal| view.is_guarded(principal));
    let mut ruling = Ruling::default();
    limits::removals(&view, &mut ruling);
    limits::detached(&view, &mut ruling);
    protected::policies(&view, &mut ruling);
    protected::holders(&view, &mut ruling);
    ruling.refusals.extend(new_access::refusals(changes, view.guards()));
    ruling
}

/// All that the guards look at.
struct View<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    comparison: &'a Comparison,
    steps: &'a [Step],
    /// The policies there are, without the predefined ones, in order.
    there: Vec<&'a PolicyName>,
    /// The guarded users and groups that have access now and none then, by the documents.
    bereft: BTreeSet<Principal>,
}

impl<'a> View<'a> {
    fn guards(&self) -> &'a Guards {
        &self.desired.guards
    }

    /// Whether it matters to any guard what becomes of this access.
    fn is_guarded(&self, principal: &Principal) -> bool {
        let limit = |by: &Override| matches!(by, Override::MaxDetached(_));
        !self.guards().max_detached.is_empty()
            || self.guards().overrides.iter().any(limit)
            || self.guards().protects(principal)
            || self.is_own(principal)
    }

    /// Whether this is the user that attune is logged in as, of whom no file speaks: one that a file declares was meant.
    fn is_own(&self, principal: &Principal) -> bool {
        principal.user() == Some(&self.observed.identity.user) && self.desired.entry(principal).is_none()
    }

    /// The users and groups that hold a policy and of whom anything becomes another.
    fn holders(&self) -> impl Iterator<Item = (&'a Principal, &'a HolderFate, &'a PolicyName)> {
        self.comparison.affected().filter_map(|(principal, fate)| Some((principal, fate, fate.before.as_ref()?)))
    }
}

/// The policies there are, without the predefined ones. One whose name is absent because a replacement was interrupted is
/// there for as long as anybody holds a stand-in of it.
fn policies_there<'a>(comparison: &'a Comparison, observed: &'a Observed) -> Vec<&'a PolicyName> {
    let there = |policy: &PolicyName, body: Option<&Body>| {
        !policy.is_predefined() && (body.is_some() || comparison.holders.held_in_transit.contains(policy))
    };
    merged(&comparison.policies, &observed.policies)
        .filter_map(|(policy, fate, body)| fate.filter(|_| there(policy, body)).map(|_| policy))
        .collect()
}

/// How many names a refusal lists before it only counts the rest.
const NAMED: usize = 8;

/// Names in a sentence: `a`, `b` and 3 more.
fn named(names: &[&str]) -> String {
    let mut words: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    if names.len() > NAMED {
        words.push(format!("{} more", names.len() - NAMED));
    }
    match words.as_slice() {
        [front @ .., last] if !front.is_empty() => format!("{} and {last}", front.join(", ")),
        _ => words.concat(),
    }
}

/// The argument that lets it through, as a shell takes it.
fn agreement(by: &Override) -> String {
    let text = by.to_string();
    let plain = text.chars().all(|c| c.is_alphanumeric() || "=%_-.@+:,".contains(c));
    let text = if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) };
    format!("to agree to it for one run: --override {text}")
}

impl Plan {
    /// Whether a guard refuses to let it run.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !self.refusals.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::UserName;

    #[test]
    fn names_are_listed_up_to_a_few() {
        assert_eq!(named(&["a"]), "`a`");
        assert_eq!(named(&["a", "b"]), "`a` and `b`");
        let many = ["a"; 10];
        assert!(named(&many).ends_with("`a` and 2 more"), "{}", named(&many));
    }

    #[test]
    fn an_agreement_is_safe_to_paste_into_a_shell() {
        let argument = |name: &str| agreement(&Override::Holder(Principal::User(UserName::reported(name))));
        assert!(argument("svc-backup").ends_with("--override protected_users=svc-backup"));
        assert!(argument("a b;'c").ends_with(r"--override 'protected_users=a b;'\''c'"));
    }
}
