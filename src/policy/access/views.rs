//! The terms of two documents as they work in one universe.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::class::Stance;
use super::glob::Glob;
use super::pairs::Numbers;
use super::pattern::Pattern;
use super::terms::{Taken, Term};
use super::universe::Universe;
use crate::policy::Effect;

/// A statement in a universe.
pub(super) struct View<'a> {
    statement: &'a Taken,
    /// Its terms as a person would have them.
    whole: Vec<Cow<'a, Term>>,
    /// Its terms as they work here.
    here: Vec<Cow<'a, Term>>,
}

/// Looks at statements in a universe, and remembers the patterns it has seen: documents have most of them more than once.
pub(super) struct Lens {
    universe: Universe,
    shape: Glob,
    /// By the number of a pattern, its number where it had to be put in other words.
    placed: BTreeMap<usize, usize>,
    /// By the number of a pattern, what it is here; `None` where that is the same.
    pruned: BTreeMap<usize, Option<Pattern>>,
}

impl Lens {
    /// Nothing has been seen yet.
    pub(super) fn new(universe: Universe) -> Self {
        Self { universe, shape: universe.shape(), placed: BTreeMap::new(), pruned: BTreeMap::new() }
    }

    /// A statement as it works here.
    pub(super) fn view<'a>(&mut self, statement: &'a Taken, numbers: &mut Numbers) -> View<'a> {
        let whole: Vec<_> = statement.terms.iter().map(|term| self.placed(term, numbers)).collect();
        let here = whole.iter().filter_map(|term| self.pruned(term, numbers)).collect();
        View { statement, whole, here }
    }

    /// A term as a person would have it in this universe.
    fn placed<'a>(&mut self, term: &'a Term, numbers: &mut Numbers) -> Cow<'a, Term> {
        let mut placed = term.within(self.universe);
        if let Cow::Owned(term) = &mut placed {
            term.patterns_mut().for_each(|pattern| {
                let number = self.placed.entry(pattern.number).or_insert_with(|| numbers.next());
                pattern.number = *number;
            });
            numbers.enter(term);
        }
        placed
    }

    /// A term as it works here: of equal effect, without globs that have none; `None` when nothing is left.
    fn pruned<'a>(&mut self, term: &Cow<'a, Term>, numbers: &mut Numbers) -> Option<Cow<'a, Term>> {
        let mut pruned = term.clone();
        if term.patterns().any(|pattern| self.pattern(pattern, numbers).is_some()) {
            let pruned = pruned.to_mut();
            for pattern in pruned.patterns_mut() {
                if let Some(other) = self.pattern(pattern, numbers) {
                    *pattern = other;
                }
            }
            numbers.enter(pruned);
        }
        (!pruned.pattern.globs.is_empty()).then_some(pruned)
    }

    fn pattern(&mut self, pattern: &Pattern, numbers: &mut Numbers) -> Option<Pattern> {
        let find = || {
            let mut pruned = pattern.pruned(self.universe, &self.shape)?;
            pruned.number = numbers.next();
            Some(pruned)
        };
        self.pruned.entry(pattern.number).or_insert_with(find).clone()
    }
}

/// What a document says about an action.
pub(super) fn stance<'a>(document: &'a [View<'_>], action: usize) -> Stance<'a> {
    let mut stance = Stance::default();
    for view in document.iter().filter(|view| view.statement.about[action]) {
        let terms = match view.statement.effect {
            Effect::Allow => &mut stance.allow,
            Effect::Deny => &mut stance.deny,
        };
        terms.whole.extend(view.whole.iter().map(AsRef::as_ref));
        terms.here.extend(view.here.iter().map(AsRef::as_ref));
    }
    stance
}
