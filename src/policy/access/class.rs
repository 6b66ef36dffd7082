//! What one document gives that another does not for one class of actions, looked for one pattern at a time.

use std::borrow::Cow;

use super::anchors::{Anchor, narrow, widest};
use super::atoms::Literal;
use super::pairs::Facts;
use super::search::{Answer, Quest};
use super::searches::Searches;
use super::tally::Cover;
use super::terms::Term;
use super::universe::Universe;
use super::wording::Wording;

/// What a document says about a class of actions.
#[derive(Default)]
pub(super) struct Stance<'a> {
    /// What it allows.
    pub(super) allow: Terms<'a>,
    /// What it denies.
    pub(super) deny: Terms<'a>,
}

/// The terms of one effect.
#[derive(Default)]
pub(super) struct Terms<'a> {
    /// As a person would have them.
    pub(super) whole: Vec<&'a Term>,
    /// As they work in the universe looked at.
    pub(super) here: Vec<&'a Term>,
}

impl Stance<'_> {
    /// Whether both say the same in the same words, as most of two revisions of a document does.
    fn is_like(&self, other: &Self) -> bool {
        let like = |(one, another): (&&Term, &&Term)| one.is_like(another);
        let same = |one: &Terms<'_>, another: &Terms<'_>| {
            one.here.len() == another.here.len() && one.here.iter().zip(&another.here).all(like)
        };
        same(&self.allow, &other.allow) && same(&self.deny, &other.deny)
    }
}

/// What both documents say about a class of actions. A resource is gained where `A ∧ ¬A' ∧ (¬B ∨ B')`: A and A' are what
/// the document after allows and denies, B and B' what that before does.
#[derive(Clone, Copy)]
pub(super) struct Class<'a> {
    /// The resources looked at.
    pub(super) universe: Universe,
    /// What is known of the terms of both documents.
    pub(super) facts: Facts<'a>,
    /// What the document before says.
    pub(super) before: &'a Stance<'a>,
    /// What the document after says.
    pub(super) after: &'a Stance<'a>,
}

impl<'a> Class<'a> {
    /// Reports what is gained, or was not decided, and how it is put.
    pub(super) fn gained(&self, searches: &mut Searches<'_>, report: &mut impl FnMut(Cover, Answer)) {
        if self.before.is_like(self.after) {
            return;
        }
        let denied = &self.after.deny.here;
        let candidates = self.after.allow.here.iter().filter(|term| self.may_gain(term));
        let allowed = widest(candidates.map(|term| Cow::Borrowed(*term)).collect(), self.facts);
        for anchor in widest(narrow(allowed, denied, self.facts), self.facts) {
            if !self.is_covered(&anchor, &anchor.when, denied) {
                self.undenied(&anchor, searches, report);
                self.newly_allowed(anchor, searches, report);
            }
        }
    }

    /// Whether a term of what is allowed after is worth a closer look. Of two revisions of a document few are.
    fn may_gain(&self, term: &Term) -> bool {
        let (allowed, denied) = (&self.before.allow.here, &self.after.deny.here);
        let is_undenied = |deny: &&Term| self.meet(deny, term) && !self.is_covered(deny, &deny.when, denied);
        !self.is_covered(term, &term.when, denied)
            && (!self.is_covered(term, &term.when, allowed) || self.before.deny.here.iter().any(is_undenied))
    }

    /// `A ∧ ¬A' ∧ ¬B`: what was not allowed.
    fn newly_allowed(&self, anchor: Anchor<'a>, searches: &mut Searches<'_>, report: &mut impl FnMut(Cover, Answer)) {
        let allowed = &self.before.allow.here;
        if self.is_covered(&anchor, &anchor.when, allowed) {
            return;
        }
        let none = [allowed.as_slice(), &self.after.deny.here].concat();
        let worded = [self.before.allow.whole.as_slice(), &self.after.deny.whole].concat();
        for anchor in widest(narrow(vec![anchor], allowed, self.facts), self.facts) {
            let answer = match self.search(vec![&anchor], &none, None, searches) {
                Answer::Found(_) if anchor.pattern.foreign => Answer::Undecided,
                answer @ (Answer::Nothing | Answer::Found(_) | Answer::Undecided) => answer,
            };
            if answer != Answer::Nothing {
                report(Wording { facts: self.facts, anchor: &anchor, deny: None, none: &worded }.cover(), answer);
            }
        }
    }

    /// `A ∧ ¬A' ∧ B ∧ B'`: what was allowed but denied as well, one Deny pattern at a time.
    fn undenied(&self, anchor: &Term, searches: &mut Searches<'_>, report: &mut impl FnMut(Cover, Answer)) {
        let (allowed, none) = (&self.before.allow.here, &self.after.deny.here);
        if allowed.is_empty() {
            return;
        }
        let both = |deny: &Term| anchor.when.iter().chain(&deny.when).copied().collect::<Vec<_>>();
        let stood = |deny: &&&Term| self.meet(deny, anchor) && !self.is_covered(deny, &both(deny), none);
        let denies = self.before.deny.here.iter().filter(stood).map(|term| Cow::Borrowed(*term)).collect();
        for deny in widest(denies, self.facts) {
            let when = both(&deny);
            if self.is_covered(anchor, &when, none) {
                continue;
            }
            let some = (!self.is_covered(anchor, &when, allowed)).then_some(allowed);
            let answer = self.search(vec![anchor, &deny], none, some, searches);
            if answer != Answer::Nothing {
                let none = &self.after.deny.whole;
                report(Wording { facts: self.facts, anchor, deny: Some(&deny), none }.cover(), answer);
            }
        }
    }

    /// Whether one of `terms` applies wherever the anchor does.
    fn is_covered(&self, anchor: &Term, when: &[Literal], terms: &[&Term]) -> bool {
        let covers = |term: &&Term| term.covers(anchor, self.facts.pairs);
        terms.iter().any(|term| covers(term) && self.facts.atoms.all_follow(&term.when, when))
    }

    /// Whether there may be a resource and answers to the conditions where both apply.
    fn meet(&self, one: &Term, other: &Term) -> bool {
        one.overlaps(&other.pattern, self.facts.pairs) && !self.facts.atoms.conflict(&one.when, &other.when)
    }

    /// Searches among the terms that meet all anchors; the others never apply there.
    fn search(
        &self,
        all: Vec<&Term>,
        none: &[&Term],
        some: Option<&Vec<&Term>>,
        searches: &mut Searches<'_>,
    ) -> Answer {
        let meets = |term: &&&Term| all.iter().all(|anchor| term.overlaps(&anchor.pattern, self.facts.pairs));
        let none = none.iter().filter(meets).copied().collect();
        let some = some.map(|some| some.iter().filter(meets).copied().collect());
        searches.answer(&Quest { universe: self.universe, all, none, some })
    }
}
