//! Two documents side by side: the same questions for each profile, universe and class of actions.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::atoms::Atoms;
use super::class::{Class, Stance};
use super::lines::{Side, Tallies};
use super::searches::{Budget, Searches};
use super::tally::Tally;
use super::terms::{Setting, Taken, Term};
use super::universe::Universe;
use super::verbs::verbs;
use super::{Context, Profile};
use crate::policy::{Document, Effect, Kind};

/// What one document gives and the other does not, by side and profile.
pub(super) fn compare(
    before: Option<&Document>,
    after: Option<&Document>,
    sides: &[Side],
    context: &Context<'_>,
) -> BTreeMap<Side, Tallies> {
    let documents: Vec<_> = before.into_iter().chain(after).collect();
    let verbs = verbs(context.catalogue, &documents);
    let mut budget = Budget { each: context.state_cap, left: context.state_cap.saturating_mul(2) };
    let mut found: BTreeMap<Side, Tallies> = BTreeMap::new();
    for profile in Profile::ALL.into_iter().filter(|profile| context.profile.is_none_or(|only| only == *profile)) {
        let setting = Setting { profile, user: context.user, verbs: &verbs };
        let mut atoms = Atoms::default();
        let mut take = |number, document: Option<&_>| {
            document.map_or(Vec::new(), |document| setting.take(number, document, &mut atoms))
        };
        let (before, after) = (take(0, before), take(1, after));
        let comparison = Comparison { setting, atoms: &atoms, before: &before, after: &after };
        for (side, tally) in comparison.run(sides, &mut budget) {
            found.entry(side).or_default().push((profile, tally));
        }
    }
    found
}

/// Two documents, taken apart.
#[derive(Clone, Copy)]
struct Comparison<'a> {
    setting: Setting<'a>,
    atoms: &'a Atoms,
    before: &'a [Taken],
    after: &'a [Taken],
}

impl Comparison<'_> {
    fn run(self, sides: &[Side], budget: &mut Budget) -> BTreeMap<Side, Tally> {
        let mut tallies: BTreeMap<_, _> = sides.iter().map(|side| (*side, Tally::default())).collect();
        for (kind, classes) in self.classes() {
            for &universe in Universe::of(kind, self.setting.profile) {
                self.within(universe, &classes, &mut tallies, budget);
            }
        }
        tallies
    }

    fn within(self, universe: Universe, classes: &Classes, tallies: &mut BTreeMap<Side, Tally>, budget: &mut Budget) {
        let (before, after) = (View::of(self.before, universe), View::of(self.after, universe));
        let terms = before.iter().chain(&after).flat_map(|view| &view.here);
        let mut searches = Searches::new(self.atoms, budget, terms);
        for actions in classes.values() {
            let names: Vec<_> = actions.iter().map(|&action| self.setting.verbs[action].name.as_str()).collect();
            let (before, after) = (stance(&before, actions[0]), stance(&after, actions[0]));
            for (side, tally) in tallies.iter_mut() {
                let (before, after) = match side {
                    Side::Gained => (&before, &after),
                    Side::Lost => (&after, &before),
                };
                let class = Class { universe, atoms: self.atoms, before, after };
                class.gained(&mut searches, &mut |cover, answer| {
                    tally.enter(&names, cover, answer, universe, self.atoms);
                });
            }
        }
    }

    /// The actions of each kind; those that the same statements of both documents are about cannot be told apart.
    fn classes(self) -> BTreeMap<Kind, Classes> {
        let mut classes: BTreeMap<_, Classes> = BTreeMap::new();
        for (index, verb) in self.setting.verbs.iter().enumerate() {
            let statements = self.before.iter().chain(self.after);
            let about = statements.map(|statement| statement.about[index]).collect();
            classes.entry(verb.kind).or_default().entry(about).or_default().push(index);
        }
        classes
    }
}

/// The indices of actions, by which statements are about them.
type Classes = BTreeMap<Vec<bool>, Vec<usize>>;

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

/// What a document says about an action.
fn stance<'a>(document: &'a [View<'_>], action: usize) -> Stance<'a> {
    let mut stance = Stance::default();
    for view in document.iter().filter(|view| view.statement.about[action]) {
        let terms = match view.statement.effect {
            Effect::Allow => &mut stance.allow,
            Effect::Deny => &mut stance.deny,
        };
        terms.whole.extend(view.whole.iter().map(AsRef::as_ref));
        terms.here.extend(&view.here);
    }
    stance
}
