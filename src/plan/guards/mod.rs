//! Holds a plan against the guards: what they refuse, and what to say to have it let through.

mod limits;
mod new_access;
mod protected;

use std::collections::BTreeSet;

use crate::base::{Finding, PolicyName, Principal, list_some, shell_line};
use crate::desired::{Desired, Guards, Override};
use crate::observed::{Body, Observed};

use super::access::{Answers, Gives, Held};
use super::compare::Comparison;
use super::effects::Effects;
use super::merged::merged;
use super::{Effect, Plan, Unreported};

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

/// What there is of a plan for the guards to look at.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) comparison: &'a Comparison,
    pub(super) effects: &'a Effects,
    pub(super) unreported: &'a Unreported,
}

/// What the guards refuse of the steps and of their effects.
pub(super) fn refusals(desired: &Desired, observed: &Observed, found: Found<'_>, answers: &Answers<'_>) -> Ruling {
    let there = policies_there(found.comparison, observed);
    let mut view = View { desired, observed, found, there, bereft: BTreeSet::new() };
    view.bereft = view.bereft(answers);
    let mut ruling = Ruling::default();
    limits::removals(&view, &mut ruling);
    limits::detached(&view, &mut ruling);
    protected::policies(&view, &mut ruling);
    protected::holders(&view, &mut ruling);
    ruling.refusals.extend(new_access::refusals(&found, view.guards()));
    ruling
}

/// All that the guards look at.
struct View<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    found: Found<'a>,
    /// The policies there are, without the predefined ones, in order.
    there: Vec<&'a PolicyName>,
    /// The guarded users and groups that have access before and none after, by the documents.
    bereft: BTreeSet<Principal>,
}

impl<'a> View<'a> {
    fn guards(&self) -> &'a Guards {
        &self.desired.guards
    }

    /// Whether any guard depends on this access.
    fn is_guarded(&self, principal: &Principal) -> bool {
        let limit = |by: &Override| matches!(by, Override::MaxDetached(_));
        !self.guards().max_detached.is_empty()
            || self.guards().overrides.iter().any(limit)
            || self.guards().protects(principal)
            || self.is_own(principal)
    }

    /// Whether this is the user that attune is logged in as and that no configuration declares: a declared one was meant.
    fn is_own(&self, principal: &Principal) -> bool {
        principal.user() == Some(&self.observed.identity.user) && self.desired.entry(principal).is_none()
    }

    /// The users and groups to whom something is attached before, with what the steps do to them.
    fn holders(&self) -> impl Iterator<Item = (&'a Principal, &'a Effect, &'a PolicyName)> {
        self.found
            .effects
            .on
            .iter()
            .filter_map(|(principal, effect)| Some((principal, effect, effect.before.as_ref()?)))
    }

    /// The guarded users and groups whose document gives them something before and nothing after. Where it is not decided
    /// whether the one after gives anything, it is taken to give nothing.
    fn bereft(&self, answers: &Answers<'_>) -> BTreeSet<Principal> {
        let gains = |effect: &Effect| effect.access.as_ref().is_some_and(|access| !access.gained.is_empty());
        let changed: Vec<(&Principal, &Effect)> = self
            .found
            .effects
            .on
            .iter()
            .filter(|(principal, effect)| effect.access.is_some() && !gains(effect) && self.is_guarded(principal))
            .collect();
        let asked: Vec<(&Held, &Principal)> = changed
            .iter()
            .flat_map(|(principal, effect)| [(&effect.first, *principal), (&effect.last, *principal)])
            .collect();
        let gives = answers.gives(&asked);
        let bereft = changed.iter().zip(gives.chunks_exact(2)).filter(|(_, gives)| match gives {
            [before, after] => *before != Gives::Nothing && *after != Gives::Something,
            _ => false,
        });
        bereft.map(|((principal, _), _)| Principal::clone(principal)).collect()
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
    list_some(names, NAMED, |name| format!("`{name}`"))
}

/// The argument that lets it through, as a shell takes it.
fn agreement(by: &Override) -> String {
    match shell_line(["--override", &by.to_string()]) {
        Some(arguments) => format!("to agree to it for one run: {arguments}"),
        None => "to agree to it for one run, give `--override` with exactly this name".to_owned(),
    }
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
    fn an_agreement_is_safe_to_paste_into_a_shell() {
        let argument = |name: &str| agreement(&Override::Holder(Principal::User(UserName::reported(name))));
        assert!(argument("svc-backup").ends_with("--override protected_users=svc-backup"));
        let (_, line) = argument("a b;'c").split_once("run: ").map(|(_, line)| ((), line.to_owned())).unwrap();
        assert_eq!(shlex::split(&line).unwrap(), ["--override", "protected_users=a b;'c"]);
        assert!(!argument("a\u{202e}b").contains("run: "));
    }
}
