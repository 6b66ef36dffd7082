//! Two documents side by side: the same questions for each profile, universe and class of actions.

use std::collections::BTreeMap;

use super::atoms::Atoms;
use super::class::Class;
use super::lines::{Side, Tallies};
use super::pairs::{Facts, Numbers, Pairs};
use super::searches::{Answers, Budget, Searches};
use super::tally::Tally;
use super::terms::{Setting, Taken, Term, normal_statements};
use super::universe::{Universe, unasked};
use super::verbs::Verbs;
use super::views::{Lens, stance};
use super::{Context, Profile};
use crate::policy::{Document, Effect, Kind};

/// What one document gives and the other does not, by side and profile.
pub(super) fn compare<'a>(
    before: Option<&Document>,
    after: Option<&Document>,
    sides: &[Side],
    verbs: &'a Verbs,
    context: &Context<'a>,
) -> BTreeMap<Side, Tallies<'a>> {
    let (before, after) = (before.map(normal_statements), after.map(normal_statements));
    let mut atoms = Atoms::default();
    let mut memory = Memory::new(Budget { each: context.state_cap, left: context.state_cap.saturating_mul(2) });
    let mut found: BTreeMap<Side, Tallies<'a>> = BTreeMap::new();
    for profile in Profile::ALL.into_iter().filter(|profile| context.profile.is_none_or(|only| only == *profile)) {
        let setting = Setting { profile, user: context.user, verbs: &verbs.all };
        let mut take = |document: &Option<_>| {
            document.as_ref().map_or(Vec::new(), |document| setting.take(document, &mut atoms, &mut memory.numbers))
        };
        let (before, after) = (take(&before), take(&after));
        let terms = before.iter().chain(&after).flat_map(|taken| &taken.terms);
        let letter = unasked(terms.flat_map(Term::letters));
        let comparison = Comparison { setting, atoms: &atoms, before: &before, after: &after, letter };
        for (side, mut tally) in comparison.run(sides, &mut memory) {
            if verbs.is_cut {
                tally.leave_all_open();
            }
            found.entry(side).or_default().push((profile, tally));
        }
    }
    found
}

/// What is remembered through a comparison: classes of actions, and both profiles, ask much the same.
struct Memory {
    numbers: Numbers,
    pairs: Pairs,
    lenses: BTreeMap<Universe, Lens>,
    answers: BTreeMap<Universe, Answers>,
    budget: Budget,
}

impl Memory {
    fn new(budget: Budget) -> Self {
        let (lenses, answers) = (BTreeMap::new(), BTreeMap::new());
        Self { numbers: Numbers::default(), pairs: Pairs::default(), lenses, answers, budget }
    }
}

/// Two documents, taken apart.
#[derive(Clone, Copy)]
struct Comparison<'a, 'v> {
    setting: Setting<'v>,
    atoms: &'a Atoms,
    before: &'a [Taken],
    after: &'a [Taken],
    /// A letter for examples, that no pattern asks for.
    letter: Option<char>,
}

impl<'a, 'v> Comparison<'a, 'v> {
    fn run(self, sides: &[Side], memory: &mut Memory) -> BTreeMap<Side, Tally<'v>> {
        let mut tallies: BTreeMap<_, _> = sides.iter().map(|side| (*side, Tally::default())).collect();
        for (kind, classes) in self.classes() {
            for &universe in Universe::of(kind, self.setting.profile) {
                self.within(universe, &classes, memory, &mut tallies);
            }
        }
        tallies
    }

    fn within(
        self,
        universe: Universe,
        classes: &Classes,
        memory: &mut Memory,
        tallies: &mut BTreeMap<Side, Tally<'v>>,
    ) {
        let is_asked = |statement: &Taken| classes.values().any(|actions| statement.about[actions[0]]);
        let lens = memory.lenses.entry(universe).or_insert_with(|| Lens::new(universe));
        let [before, after] = [self.before, self.after].map(|document| {
            let asked = document.iter().filter(|taken| is_asked(taken));
            asked.map(|taken| lens.view(taken, &mut memory.numbers)).collect::<Vec<_>>()
        });
        memory.pairs.make_room(&memory.numbers);
        let facts = Facts { atoms: self.atoms, pairs: &memory.pairs };
        let answers = memory.answers.entry(universe).or_default();
        let mut searches = Searches { facts, budget: &mut memory.budget, letter: self.letter, answers };
        for actions in classes.values() {
            let verbs: Vec<_> = actions.iter().map(|&action| &self.setting.verbs[action]).collect();
            let (before, after) = (stance(&before, actions[0]), stance(&after, actions[0]));
            for (side, tally) in tallies.iter_mut() {
                let (before, after) = match side {
                    Side::Gained => (&before, &after),
                    Side::Lost => (&after, &before),
                };
                let class = Class { universe, facts, before, after };
                class.gained(&mut searches, &mut |cover, answer| {
                    tally.enter(&verbs, cover, answer, (universe, self.atoms));
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
        classes.values_mut().for_each(|classes| classes.retain(|_, actions| self.differ(actions[0])));
        classes.retain(|_, classes| !classes.is_empty());
        classes
    }

    /// Whether the documents say something else about an action, or the same in other words. Most of two revisions of a
    /// document is the same.
    fn differ(self, action: usize) -> bool {
        let said = |document: &'a [Taken], effect: Effect| {
            let about = document.iter().filter(move |taken| taken.effect == effect && taken.about[action]);
            about.flat_map(|taken| &taken.terms)
        };
        let same = |effect| {
            let (mut before, mut after) = (said(self.before, effect), said(self.after, effect));
            loop {
                match (before.next(), after.next()) {
                    (None, None) => break true,
                    (Some(one), Some(other)) if one.is_like(other) => {}
                    _ => break false,
                }
            }
        };
        ![Effect::Allow, Effect::Deny].into_iter().all(same)
    }
}

/// The indices of actions, by which statements are about them.
type Classes = BTreeMap<Vec<bool>, Vec<usize>>;
