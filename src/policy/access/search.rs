//! The search for a resource, and answers to the atoms, where two documents differ. It is breadth first, so that it finds
//! a shortest resource.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::automaton::{Automaton, State};
use super::conditions::{Atoms, Constraint, Literal, Solution, solve};
use super::glob::Glob;
use super::patterns::Pattern;
use super::resources::{Position, ResourceSpace};
use super::terms::{Exclusion, Facts, Term};

/// A search for a resource and answers where all of `all` apply, none of `none` applies and, if present, one of `some`
/// applies.
#[derive(Debug, Clone)]
pub(super) struct Query<'a> {
    pub(super) space: ResourceSpace,
    /// Terms that must all apply.
    pub(super) all: Vec<&'a Term>,
    /// Terms that must not apply.
    pub(super) none: Vec<&'a Term>,
    /// Terms of which one must apply.
    pub(super) some: Option<Vec<&'a Term>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SearchResult {
    Nothing,
    Found(Rc<Point>),
    Undecided,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    /// The resource, as the space writes it.
    pub(super) resource: String,
    /// The answers. All other atoms are false.
    pub(super) answers: Vec<Literal>,
}

impl Query<'_> {
    /// The same query without terms of `none` that cannot apply, or that a wider one includes.
    pub(super) fn reduced(&self, facts: Facts<'_>) -> Self {
        let given: Vec<_> = self.all.iter().flat_map(|term| &term.when).copied().collect();
        let possible = self.none.iter().copied().filter(|term| !facts.atoms.conflict(&term.when, &given));
        Self { none: widest(possible.collect(), facts), ..self.clone() }
    }

    /// Finds answers under which a resource fulfills the query. Each attempt reduces `tries`.
    pub(super) fn answers_for(&self, resource: &Glob, atoms: &Atoms, tries: &mut usize) -> Solution {
        self.constraint(resource).map_or(Solution::Impossible, |constraint| solve(&constraint, atoms, tries))
    }

    /// What the answers must fulfill for a resource. `None` if it cannot be.
    pub(super) fn constraint(&self, resource: &Glob) -> Option<Constraint> {
        let lists = |terms: &[&Term]| terms.iter().filter_map(|term| term.applies_when(resource)).collect::<Vec<_>>();
        let all = lists(&self.all);
        let some = self.some.as_ref().map(|some| lists(some));
        (all.len() == self.all.len()).then(|| Constraint {
            all: all.into_iter().flatten().collect(),
            none: lists(&self.none),
            some,
        })
    }
}

pub(super) struct Search<'a> {
    query: &'a Query<'a>,
    atoms: &'a Atoms,
    automaton: Automaton,
    all: Vec<PlacedTerm<'a>>,
    none: Vec<PlacedTerm<'a>>,
    some: Option<Vec<PlacedTerm<'a>>>,
    /// The places that can only prevent a match.
    blocking: BTreeSet<usize>,
    steps: Vec<Step>,
    /// The blocking places of all known states, by position and other places.
    known: BTreeMap<(Position, State), BTreeSet<State>>,
    max_states: usize,
    tries: usize,
    /// For each set of terms of `none` that certainly match, whether answers exist.
    feasible: BTreeMap<Vec<bool>, bool>,
}

struct Step {
    at: Position,
    state: State,
    /// The index of the previous step, and the character that led from there to here.
    before: Option<(usize, char)>,
}

/// The number of states that a new one is compared with, to see whether it is pointless.
const MAX_COMPARED: usize = 24;

impl<'a> Search<'a> {
    /// Prepares a search that visits at most `max_states` states.
    pub(super) fn new(query: &'a Query<'a>, atoms: &'a Atoms, max_states: usize) -> Self {
        let mut globs = Vec::new();
        let mut place = |terms: &[&'a Term]| -> Vec<PlacedTerm<'a>> {
            terms.iter().map(|term| PlacedTerm::new(term, &mut globs)).collect()
        };
        let (all, none) = (place(&query.all), place(&query.none));
        let some = query.some.as_ref().map(|some| place(some));
        let automaton = Automaton::new(&globs);
        let places = |covering: &[&PlacedTerm<'_>], taken_out: &[&PlacedTerm<'_>]| -> BTreeSet<usize> {
            let exclusions = taken_out.iter().flat_map(|placed| placed.exclusions.iter().flat_map(|(_, globs)| globs));
            let globs = covering.iter().flat_map(|placed| &placed.globs).chain(exclusions);
            globs.flat_map(|&glob| automaton.places(glob)).collect()
        };
        let wanted: Vec<_> = all.iter().chain(some.iter().flatten()).collect();
        let unwanted: Vec<_> = none.iter().collect();
        // Globs of terms that must not apply, and of exclusions from terms that must apply.
        let blocking = &places(&unwanted, &wanted) - &places(&wanted, &unwanted);
        Self {
            query,
            atoms,
            automaton,
            all,
            none,
            some,
            blocking,
            steps: Vec::new(),
            known: BTreeMap::new(),
            max_states,
            tries: max_states,
            feasible: BTreeMap::new(),
        }
    }

    pub(super) fn run(mut self, states: &mut usize) -> SearchResult {
        let answer = self.walk();
        *states = states.saturating_sub(self.steps.len());
        answer
    }

    fn walk(&mut self) -> SearchResult {
        self.visit(Position::Start, self.automaton.start(), None);
        let mut current = 0;
        while let Some(Step { at, state, .. }) = self.steps.get(current) {
            if current >= self.max_states {
                return SearchResult::Undecided;
            }
            let (at, state) = (*at, state.clone());
            if self.query.space.accepts(at) {
                let resource = self.text(current);
                match self.query.answers_for(&Glob::literal(&resource), self.atoms, &mut self.tries) {
                    Solution::Impossible => {}
                    Solution::Possible(answers) => return SearchResult::Found(Rc::new(Point { resource, answers })),
                    Solution::Undecided => return SearchResult::Undecided,
                }
            }
            let named = self.automaton.next_letters(&state);
            let others = self.query.space.other_letters(at, &named);
            for letter in others.into_iter().flatten().chain(named) {
                if let Some(to) = self.query.space.next(at, letter) {
                    self.visit(to, self.automaton.step(&state, letter), Some((current, letter)));
                }
            }
            current += 1;
        }
        SearchResult::Nothing
    }

    fn text(&self, step: usize) -> String {
        let letters: Vec<char> =
            std::iter::successors(self.steps[step].before, |(before, _)| self.steps[*before].before)
                .map(|(_, letter)| letter)
                .collect();
        letters.iter().rev().collect()
    }

    /// Adds a step, unless its state is hopeless, or known: perhaps with fewer blocking places.
    fn visit(&mut self, at: Position, state: State, before: Option<(usize, char)>) {
        let (blocking, others): (State, State) = state.iter().partition(|place| self.blocking.contains(place));
        let known = self.known.entry((at, others)).or_default();
        let is_better = |known: &State| known.iter().all(|place| blocking.contains(place));
        let is_known = known.contains(&blocking) || known.iter().take(MAX_COMPARED).any(is_better);
        if !is_known {
            known.insert(blocking);
            if !self.is_hopeless(&state) {
                self.steps.push(Step { at, state, before });
            }
        }
    }

    /// Whether no text that starts with the text read so far can fulfill the query.
    fn is_hopeless(&mut self, state: &[usize]) -> bool {
        let automaton = &self.automaton;
        if self.all.iter().any(|placed| placed.is_dead(automaton, state))
            || self.some.as_ref().is_some_and(|some| some.iter().all(|placed| placed.is_dead(automaton, state)))
        {
            return true;
        }
        let sure: Vec<bool> = self.none.iter().map(|placed| placed.is_sure(automaton, state)).collect();
        if let Some(feasible) = self.feasible.get(&sure) {
            return !feasible;
        }
        let all = self.all.iter().flat_map(|placed| &placed.term.when).copied().collect();
        let none = self.none.iter().zip(&sure).filter(|(_, sure)| **sure);
        let none = none.map(|(placed, _)| placed.term.when.clone()).collect();
        let constraint = Constraint { all, none, some: None };
        let feasible = solve(&constraint, self.atoms, &mut self.tries) != Solution::Impossible;
        self.feasible.insert(sure, feasible);
        !feasible
    }
}

/// The terms that no other term includes. A search with a wider term also finds the differences of a narrower one.
pub(super) fn widest<T: Borrow<Term>>(terms: Vec<T>, facts: Facts<'_>) -> Vec<T> {
    maximal(terms, |wide, narrow| wide.borrow().includes(narrow.borrow(), facts))
}

/// The items that no other one includes. Of items that include each other, the first stays.
pub(super) fn maximal<T>(items: Vec<T>, includes: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let is_included = |(index, item): (usize, &T)| {
        let mut others = items.iter().enumerate().filter(|(other, _)| *other != index);
        others.any(|(other, wide)| includes(wide, item) && (other < index || !includes(item, wide)))
    };
    let included: Vec<_> = items.iter().enumerate().map(is_included).collect();
    items.into_iter().zip(included).filter_map(|(item, included)| (!included).then_some(item)).collect()
}

/// A term with the indices of its globs in the automaton.
struct PlacedTerm<'a> {
    term: &'a Term,
    globs: Vec<usize>,
    /// The exclusions, each with the globs of its pattern.
    exclusions: Vec<(&'a Exclusion, Vec<usize>)>,
}

impl<'a> PlacedTerm<'a> {
    /// Adds the globs of a term to `globs`, and records their indices.
    fn new(term: &'a Term, globs: &mut Vec<&'a Glob>) -> Self {
        let mut place =
            |pattern: &'a Pattern| -> Vec<usize> { pattern.globs.iter().map(|glob| index_of(glob, globs)).collect() };
        let exclusions = term.exclusions.iter().map(|exclusion| (exclusion, place(&exclusion.pattern))).collect();
        Self { term, globs: place(&term.pattern), exclusions }
    }

    /// Whether it applies to no text that starts with the text read so far.
    fn is_dead(&self, automaton: &Automaton, state: &[usize]) -> bool {
        self.globs.iter().all(|&glob| automaton.is_dead(glob, state))
            || self.exclusions.iter().any(|(exclusion, globs)| {
                exclusion.atom.is_none() && globs.iter().any(|&glob| automaton.is_sure(glob, state))
            })
    }

    /// Whether it applies, under its conditions, to every text that starts with the text read so far.
    fn is_sure(&self, automaton: &Automaton, state: &[usize]) -> bool {
        self.globs.iter().any(|&glob| automaton.is_sure(glob, state))
            && self.exclusions.iter().all(|(_, globs)| globs.iter().all(|&glob| automaton.is_dead(glob, state)))
    }
}

fn index_of<'a>(glob: &'a Glob, globs: &mut Vec<&'a Glob>) -> usize {
    globs.iter().position(|known| *known == glob).unwrap_or_else(|| {
        globs.push(glob);
        globs.len() - 1
    })
}
