//! What one document gives that another does not, looked for one pattern at a time.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::anchors::{Anchor, narrow, widest};
use super::atoms::{Atoms, Literal};
use super::search::{Answer, Quest};
use super::searches::{Budget, Searches};
use super::tally::{Cover, Tally};
use super::terms::{Setting, Taken, Term};
use super::universe::Universe;
use super::wording::Wording;
use crate::policy::{Effect, Kind};

/// Two documents, taken apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comparison<'a> {
    /// What both were taken apart by.
    pub(super) setting: Setting<'a>,
    /// The atoms of both.
    pub(super) atoms: &'a Atoms,
    /// The document that may give less.
    pub(super) before: &'a [Taken],
    /// The document that may give more.
    pub(super) after: &'a [Taken],
}

impl Comparison<'_> {
    /// What `after` gives and `before` does not.
    pub(super) fn gained(self, budget: &mut Budget) -> Tally {
        let mut tally = Tally::default();
        for (kind, classes) in self.classes() {
            for &universe in Universe::of(kind, self.setting.profile) {
                let (before, after) = (View::of(self.before, universe), View::of(self.after, universe));
                let terms = before.iter().chain(&after).flat_map(|view| &view.here);
                let mut searches = Searches::new(self.atoms, budget, terms);
                for actions in classes.values() {
                    let names: Vec<_> =
                        actions.iter().map(|&action| self.setting.verbs[action].name.as_str()).collect();
                    let (before, after) = (Side::new(&before, actions[0]), Side::new(&after, actions[0]));
                    let class = Class { universe, atoms: self.atoms, before, after };
                    class.gained(&mut searches, &mut |cover, answer| {
                        tally.enter(&names, cover, answer, universe, self.atoms);
                    });
                }
            }
        }
        tally
    }

    /// The actions of each kind; those that the same statements of both documents are about cannot be told apart.
    fn classes(self) -> BTreeMap<Kind, BTreeMap<Vec<bool>, Vec<usize>>> {
        let mut classes: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
        for (index, verb) in self.setting.verbs.iter().enumerate() {
            let statements = self.before.iter().chain(self.after);
            let about = statements.map(|statement| statement.about[index]).collect();
            classes.entry(verb.kind).or_default().entry(about).or_default().push(index);
        }
        classes
    }
}

/// A statement in a universe.
struct View<'a> {
    statement: &'a Taken,
    /// Its terms as a person would have them.
    whole: Vec<Cow<'a, Term>>,
    /// Its terms as they work here.
    here: Vec<Term>,
}

impl<'a> View<'a> {
    fn of(document: &'a [Taken], universe: Universe) -> Vec<Self> {
        let view = |statement: &'a Taken| {
            let whole: Vec<_> = statement.terms.iter().map(|term| term.within(universe)).collect();
            let here = whole.iter().filter_map(|term| term.pruned(universe)).collect();
            Self { statement, whole, here }
        };
        document.iter().map(view).collect()
    }
}

/// What one document says about a class of actions.
struct Side<'a> {
    allow: Terms<'a>,
    deny: Terms<'a>,
}

/// The terms of one effect.
#[derive(Default)]
struct Terms<'a> {
    whole: Vec<&'a Term>,
    here: Vec<&'a Term>,
}

impl<'a> Side<'a> {
    fn new(document: &'a [View<'_>], action: usize) -> Self {
        let mut side = Self { allow: Terms::default(), deny: Terms::default() };
        for view in document.iter().filter(|view| view.statement.about[action]) {
            let terms = match view.statement.effect {
                Effect::Allow => &mut side.allow,
                Effect::Deny => &mut side.deny,
            };
            terms.whole.extend(view.whole.iter().map(AsRef::as_ref));
            terms.here.extend(&view.here);
        }
        side
    }
}

/// What both documents say about a class of actions. A resource is gained where `A ∧ ¬A' ∧ (¬B ∨ B')`: A and A' are what
/// the document after allows and denies, B and B' what that before does.
struct Class<'a> {
    universe: Universe,
    atoms: &'a Atoms,
    before: Side<'a>,
    after: Side<'a>,
}

impl<'a> Class<'a> {
    fn gained(&self, searches: &mut Searches<'_>, report: &mut impl FnMut(Cover, Answer)) {
        let denied = &self.after.deny.here;
        let allowed = widest(self.after.allow.here.iter().map(|term| Cow::Borrowed(*term)).collect(), self.atoms);
        for anchor in widest(narrow(allowed, denied, self.atoms), self.atoms) {
            if !self.is_covered(&anchor, &anchor.when, denied) {
                self.undenied(&anchor, searches, report);
                self.newly_allowed(anchor, searches, report);
            }
        }
    }

    /// `A ∧ ¬A' ∧ ¬B`: what was not allowed.
    fn newly_allowed(&self, anchor: Anchor<'a>, searches: &mut Searches<'_>, report: &mut impl FnMut(Cover, Answer)) {
        let allowed = &self.before.allow.here;
        if self.is_covered(&anchor, &anchor.when, allowed) {
            return;
        }
        let none = [allowed.as_slice(), &self.after.deny.here].concat();
        let worded = [self.before.allow.whole.as_slice(), &self.after.deny.whole].concat();
        for anchor in widest(narrow(vec![anchor], allowed, self.atoms), self.atoms) {
            let answer = self.search(vec![&anchor], &none, None, searches);
            if answer != Answer::Nothing {
                report(Wording { atoms: self.atoms, anchor: &anchor, deny: None, none: &worded }.cover(), answer);
            }
        }
    }

    /// `A ∧ ¬A' ∧ B ∧ B'`: what was allowed but denied as well, one Deny pattern at a time.
    fn undenied(&self, anchor: &Term, searches: &mut Searches<'_>, report: &mut impl FnMut(Cover, Answer)) {
        let (allowed, none) = (&self.before.allow.here, &self.after.deny.here);
        let meets = |deny: &&&Term| {
            deny.overlaps(&anchor.pattern) && !self.atoms.conflict(&deny.when, &anchor.when) && !allowed.is_empty()
        };
        let denies = self.before.deny.here.iter().filter(meets).map(|term| Cow::Borrowed(*term)).collect();
        for deny in widest(denies, self.atoms) {
            let when: Vec<_> = anchor.when.iter().chain(&deny.when).copied().collect();
            if self.is_covered(anchor, &when, none) || self.is_covered(&deny, &when, none) {
                continue;
            }
            let some = (!self.is_covered(anchor, &when, allowed)).then_some(allowed);
            let answer = self.search(vec![anchor, &deny], none, some, searches);
            if answer != Answer::Nothing {
                let none = &self.after.deny.whole;
                report(Wording { atoms: self.atoms, anchor, deny: Some(&deny), none }.cover(), answer);
            }
        }
    }

    /// Whether one of `terms` applies wherever the anchor does.
    fn is_covered(&self, anchor: &Term, when: &[Literal], terms: &[&Term]) -> bool {
        terms.iter().any(|term| term.covers(anchor) && self.atoms.all_follow(&term.when, when))
    }

    /// Searches among the terms that meet all anchors; the others never apply there.
    fn search(
        &self,
        all: Vec<&Term>,
        none: &[&Term],
        some: Option<&Vec<&Term>>,
        searches: &mut Searches<'_>,
    ) -> Answer {
        let meets = |term: &&&Term| all.iter().all(|anchor| term.overlaps(&anchor.pattern));
        let none = none.iter().filter(meets).copied().collect();
        let some = some.map(|some| some.iter().filter(meets).copied().collect());
        searches.answer(&Quest { universe: self.universe, all, none, some })
    }
}
