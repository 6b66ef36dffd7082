//! The search for a resource, and answers to the atoms, by which two documents differ: breadth first, so that what it
//! finds is shortest.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::anchors::widest;
use super::atoms::{Atoms, Literal};
use super::automaton::Automaton;
use super::frontier::Frontier;
use super::glob::Glob;
use super::pairs::Facts;
use super::placed::Placed;
use super::solve::{Solution, Wish, solve};
use super::terms::Term;
use super::universe::{At, Universe};

/// What is looked for: a resource and answers where all of `all` apply, none of `none` does, and, when given, one of
/// `some` does.
#[derive(Debug, Clone)]
pub(super) struct Quest<'a> {
    /// Where to look.
    pub(super) universe: Universe,
    /// Terms that must apply.
    pub(super) all: Vec<&'a Term>,
    /// Terms that must not apply.
    pub(super) none: Vec<&'a Term>,
    /// Terms of which one must apply.
    pub(super) some: Option<Vec<&'a Term>>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// There is nothing.
    Nothing,
    /// There is this, for one.
    Found(Rc<Point>),
    /// The search was given up.
    Undecided,
}

/// A resource and answers to the atoms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    /// The resource, as the universe has it.
    pub(super) resource: String,
    /// The answers; an atom not named is answered by no.
    pub(super) answers: Vec<Literal>,
}

impl Quest<'_> {
    /// The same quest without those of `none` that never apply where all of `all` do, or only where a wider one does.
    pub(super) fn reduced(&self, facts: Facts<'_>) -> Self {
        let given: Vec<_> = self.all.iter().flat_map(|term| &term.when).copied().collect();
        let possible = self.none.iter().copied().filter(|term| !facts.atoms.conflict(&term.when, &given));
        Self { none: widest(possible.collect(), facts), ..self.clone() }
    }

    /// Whether a resource is what is looked for, under some answers. Each answer tried is taken off `tries`.
    pub(super) fn decide(&self, resource: &Glob, atoms: &Atoms, tries: &mut usize) -> Solution {
        let lists = |terms: &[&Term]| terms.iter().filter_map(|term| term.applies_when(resource)).collect::<Vec<_>>();
        let all = lists(&self.all);
        if all.len() < self.all.len() {
            return Solution::Impossible;
        }
        if self.none.iter().any(|term| term.always_applies_to(resource)) {
            return Solution::Impossible;
        }
        let some = self.some.as_ref().map(|some| lists(some));
        solve(&Wish { all: all.into_iter().flatten().collect(), none: lists(&self.none), some }, atoms, tries)
    }
}

/// A search under way.
pub(super) struct Search<'a> {
    universe: Universe,
    atoms: &'a Atoms,
    automaton: Automaton,
    all: Vec<Placed<'a>>,
    none: Vec<Placed<'a>>,
    some: Option<Vec<Placed<'a>>>,
    frontier: Frontier,
    max_states: usize,
    tries: usize,
    /// For each set of `none` that is sure to match, whether there still are answers.
    hopes: BTreeMap<Vec<bool>, bool>,
    /// Which of `none` are sure to match in the state looked at.
    sure: Vec<bool>,
}

impl<'a> Search<'a> {
    /// A search for what a quest asks, that gives up after so many states.
    pub(super) fn new(quest: &Quest<'a>, atoms: &'a Atoms, max_states: usize) -> Self {
        let mut globs = Vec::new();
        let mut place = |terms: &[&'a Term]| -> Vec<Placed<'a>> {
            terms.iter().map(|term| Placed::new(term, &mut globs)).collect()
        };
        let (all, none) = (place(&quest.all), place(&quest.none));
        let some = quest.some.as_ref().map(|some| place(some));
        let automaton = Automaton::new(&globs);
        let mut search = Self {
            universe: quest.universe,
            atoms,
            frontier: Frontier::new(vec![0; automaton.words()]),
            automaton,
            all,
            none,
            some,
            max_states,
            tries: max_states,
            hopes: BTreeMap::new(),
            sure: Vec::new(),
        };
        search.frontier = Frontier::new(search.hurting());
        search
    }

    /// The places of globs that are only ever in the way: those of terms that must not apply, and what is taken out of
    /// those that must.
    fn hurting(&self) -> Vec<u64> {
        let marks = |covering: &[&Placed<'_>], taken_out: &[&Placed<'_>]| {
            let mut marks = vec![0; self.automaton.words()];
            let globs = covering.iter().flat_map(|placed| &placed.globs);
            let minus = taken_out.iter().flat_map(|placed| placed.minus.iter().flat_map(|(_, globs)| globs));
            globs.chain(minus).for_each(|&glob| self.automaton.mark(glob, &mut marks));
            marks
        };
        let wanted: Vec<_> = self.all.iter().chain(self.some.iter().flatten()).collect();
        let unwanted: Vec<_> = self.none.iter().collect();
        let (helping, mut hurting) = (marks(&wanted, &unwanted), marks(&unwanted, &wanted));
        hurting.iter_mut().zip(helping).for_each(|(hurting, helping)| *hurting &= !helping);
        hurting
    }

    /// Searches, and takes the states looked at off `states`.
    pub(super) fn run(mut self, states: &mut usize) -> Answer {
        let answer = self.walk();
        *states = states.saturating_sub(self.frontier.len());
        answer
    }

    fn walk(&mut self) -> Answer {
        let mut state = self.automaton.start();
        let mut next = state.clone();
        self.visit(At::Start, &state, 0, ' ');
        let mut letters = Vec::new();
        let mut current = 0;
        while current < self.frontier.len() {
            if current >= self.max_states {
                return Answer::Undecided;
            }
            let at = self.frontier.at(current);
            state.copy_from_slice(self.frontier.state(current));
            if self.universe.accepts(at) {
                match self.decide(&state) {
                    Solution::Impossible => {}
                    Solution::Possible(answers) => {
                        let resource = self.frontier.text(current);
                        return Answer::Found(Rc::new(Point { resource, answers }));
                    }
                    Solution::Undecided => return Answer::Undecided,
                }
            }
            letters.clear();
            self.automaton.wanted(&state, &mut letters);
            let asked = letters.len();
            letters.extend(self.universe.fresh(at, &letters).into_iter().flatten());
            letters.rotate_left(asked);
            for &letter in &letters {
                if let Some(to) = self.universe.next(at, letter) {
                    self.automaton.step(&state, letter, &mut next);
                    self.visit(to, &next, current, letter);
                }
            }
            current += 1;
        }
        Answer::Nothing
    }

    /// Notes a state to be looked at, unless it leads nowhere new or nowhere at all.
    fn visit(&mut self, at: At, state: &[u64], before: usize, letter: char) {
        if !self.frontier.knows(at, state) && !self.is_hopeless(state) {
            self.frontier.add(at, state, before, letter);
        }
    }

    /// Whether nothing that begins with what was read can be what is looked for.
    fn is_hopeless(&mut self, state: &[u64]) -> bool {
        let automaton = &self.automaton;
        if self.all.iter().any(|placed| placed.is_dead(automaton, state))
            || self.some.as_ref().is_some_and(|some| some.iter().all(|placed| placed.is_dead(automaton, state)))
        {
            return true;
        }
        self.sure.clear();
        self.sure.extend(self.none.iter().map(|placed| placed.is_sure(automaton, state)));
        if let Some(hope) = self.hopes.get(&self.sure) {
            return !hope;
        }
        let all = self.all.iter().flat_map(|placed| &placed.term.when).copied().collect();
        let none = self.none.iter().zip(&self.sure).filter(|(_, sure)| **sure);
        let none = none.map(|(placed, _)| placed.term.when.clone()).collect();
        let wish = Wish { all, none, some: None };
        let hope = solve(&wish, self.atoms, &mut self.tries) != Solution::Impossible;
        self.hopes.insert(self.sure.clone(), hope);
        !hope
    }

    /// Whether what was read is what is looked for, under some answers.
    fn decide(&mut self, state: &[u64]) -> Solution {
        let lists = |placed: &[Placed<'_>]| -> Vec<_> {
            placed.iter().filter_map(|placed| placed.applies_when(&self.automaton, state)).collect()
        };
        let all = lists(&self.all);
        if all.len() < self.all.len() {
            return Solution::Impossible;
        }
        let some = self.some.as_ref().map(|some| lists(some));
        let wish = Wish { all: all.into_iter().flatten().collect(), none: lists(&self.none), some };
        solve(&wish, self.atoms, &mut self.tries)
    }
}
