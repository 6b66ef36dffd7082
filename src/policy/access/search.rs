//! The search for a resource, and answers to the atoms, where two documents differ. It is breadth first, so that it finds
//! a shortest resource.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::automaton::{Automaton, Frontier};
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

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SearchResult {
    Nothing,
    Found(Rc<Point>),
    /// The search was too long.
    Undecided,
}

/// A resource and answers to the atoms.
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
        let lists = |terms: &[&Term]| terms.iter().filter_map(|term| term.applies_when(resource)).collect::<Vec<_>>();
        let all = lists(&self.all);
        if all.len() < self.all.len() {
            return Solution::Impossible;
        }
        if self.none.iter().any(|term| term.always_applies_to(resource)) {
            return Solution::Impossible;
        }
        let some = self.some.as_ref().map(|some| lists(some));
        solve(&Constraint { all: all.into_iter().flatten().collect(), none: lists(&self.none), some }, atoms, tries)
    }
}

/// A running search.
pub(super) struct Search<'a> {
    space: ResourceSpace,
    atoms: &'a Atoms,
    automaton: Automaton,
    all: Vec<PlacedTerm<'a>>,
    none: Vec<PlacedTerm<'a>>,
    some: Option<Vec<PlacedTerm<'a>>>,
    frontier: Frontier,
    max_states: usize,
    tries: usize,
    /// For each set of terms of `none` that certainly match, whether answers exist.
    feasible: BTreeMap<Vec<bool>, bool>,
    /// Whether each of `none` certainly matches in the current state. A buffer.
    sure: Vec<bool>,
}

impl<'a> Search<'a> {
    /// Prepares a search that visits at most `max_states` states.
    pub(super) fn new(query: &Query<'a>, atoms: &'a Atoms, max_states: usize) -> Self {
        let mut globs = Vec::new();
        let mut place = |terms: &[&'a Term]| -> Vec<PlacedTerm<'a>> {
            terms.iter().map(|term| PlacedTerm::new(term, &mut globs)).collect()
        };
        let (all, none) = (place(&query.all), place(&query.none));
        let some = query.some.as_ref().map(|some| place(some));
        let automaton = Automaton::new(&globs);
        let mut search = Self {
            space: query.space,
            atoms,
            frontier: Frontier::new(vec![0; automaton.words()]),
            automaton,
            all,
            none,
            some,
            max_states,
            tries: max_states,
            feasible: BTreeMap::new(),
            sure: Vec::new(),
        };
        search.frontier = Frontier::new(search.blocking_bits());
        search
    }

    /// The bits that can only prevent a match: globs of terms that must not apply, and of exclusions from terms that
    /// must apply.
    fn blocking_bits(&self) -> Vec<u64> {
        let marks = |covering: &[&PlacedTerm<'_>], taken_out: &[&PlacedTerm<'_>]| {
            let mut marks = vec![0; self.automaton.words()];
            let globs = covering.iter().flat_map(|placed| &placed.globs);
            let exclusions = taken_out.iter().flat_map(|placed| placed.exclusions.iter().flat_map(|(_, globs)| globs));
            globs.chain(exclusions).for_each(|&glob| self.automaton.mark(glob, &mut marks));
            marks
        };
        let wanted: Vec<_> = self.all.iter().chain(self.some.iter().flatten()).collect();
        let unwanted: Vec<_> = self.none.iter().collect();
        let (helping, mut blocking_bits) = (marks(&wanted, &unwanted), marks(&unwanted, &wanted));
        blocking_bits.iter_mut().zip(helping).for_each(|(blocking_bits, helping)| *blocking_bits &= !helping);
        blocking_bits
    }

    /// Searcher, and subtracts the visited states from `states`.
    pub(super) fn run(mut self, states: &mut usize) -> SearchResult {
        let answer = self.walk();
        *states = states.saturating_sub(self.frontier.len());
        answer
    }

    fn walk(&mut self) -> SearchResult {
        let mut state = self.automaton.start();
        let mut next = state.clone();
        self.visit(Position::Start, &state, 0, ' ');
        let mut letters = Vec::new();
        let mut current = 0;
        while current < self.frontier.len() {
            if current >= self.max_states {
                return SearchResult::Undecided;
            }
            let at = self.frontier.at(current);
            state.copy_from_slice(self.frontier.state(current));
            if self.space.accepts(at) {
                match self.decide(&state) {
                    Solution::Impossible => {}
                    Solution::Possible(answers) => {
                        let resource = self.frontier.text(current);
                        return SearchResult::Found(Rc::new(Point { resource, answers }));
                    }
                    Solution::Undecided => return SearchResult::Undecided,
                }
            }
            letters.clear();
            self.automaton.next_letters(&state, &mut letters);
            let asked = letters.len();
            letters.extend(self.space.other_letters(at, &letters).into_iter().flatten());
            letters.rotate_left(asked);
            for &letter in &letters {
                if let Some(to) = self.space.next(at, letter) {
                    self.automaton.step(&state, letter, &mut next);
                    self.visit(to, &next, current, letter);
                }
            }
            current += 1;
        }
        SearchResult::Nothing
    }

    /// Adds a state, unless it is known or hopeless.
    fn visit(&mut self, at: Position, state: &[u64], before: usize, letter: char) {
        if !self.frontier.contains(at, state) && !self.is_hopeless(state) {
            self.frontier.add(at, state, before, letter);
        }
    }

    /// Whether no text that starts with the text read so far can fulfill the query.
    fn is_hopeless(&mut self, state: &[u64]) -> bool {
        let automaton = &self.automaton;
        if self.all.iter().any(|placed| placed.is_dead(automaton, state))
            || self.some.as_ref().is_some_and(|some| some.iter().all(|placed| placed.is_dead(automaton, state)))
        {
            return true;
        }
        self.sure.clear();
        self.sure.extend(self.none.iter().map(|placed| placed.is_sure(automaton, state)));
        if let Some(feasible) = self.feasible.get(&self.sure) {
            return !feasible;
        }
        let all = self.all.iter().flat_map(|placed| &placed.term.when).copied().collect();
        let none = self.none.iter().zip(&self.sure).filter(|(_, sure)| **sure);
        let none = none.map(|(placed, _)| placed.term.when.clone()).collect();
        let constraint = Constraint { all, none, some: None };
        let feasible = solve(&constraint, self.atoms, &mut self.tries) != Solution::Impossible;
        self.feasible.insert(self.sure.clone(), feasible);
        !feasible
    }

    /// Finds answers under which the text read so far fulfills the query.
    fn decide(&mut self, state: &[u64]) -> Solution {
        let lists = |placed: &[PlacedTerm<'_>]| -> Vec<_> {
            placed.iter().filter_map(|placed| placed.applies_when(&self.automaton, state)).collect()
        };
        let all = lists(&self.all);
        if all.len() < self.all.len() {
            return Solution::Impossible;
        }
        let some = self.some.as_ref().map(|some| lists(some));
        let constraint = Constraint { all: all.into_iter().flatten().collect(), none: lists(&self.none), some };
        solve(&constraint, self.atoms, &mut self.tries)
    }
}

/// The terms that no other term includes. A search with a wider term also finds the differences of a narrower one.
pub(super) fn widest<T: Borrow<Term>>(terms: Vec<T>, facts: Facts<'_>) -> Vec<T> {
    let is_included = |index: usize, term: &Term| {
        terms.iter().map(Borrow::borrow).enumerate().any(|(other, wider): (_, &Term)| {
            other != index && wider.includes(term, facts) && (other < index || !term.includes(wider, facts))
        })
    };
    let keep: Vec<_> = terms.iter().enumerate().map(|(index, term)| !is_included(index, term.borrow())).collect();
    terms.into_iter().zip(keep).filter_map(|(term, keep)| keep.then_some(term)).collect()
}

/// A term with the indices of its globs in the automaton.
pub(super) struct PlacedTerm<'a> {
    pub(super) term: &'a Term,
    pub(super) globs: Vec<usize>,
    /// The exclusions, each with the globs of its pattern.
    pub(super) exclusions: Vec<(&'a Exclusion, Vec<usize>)>,
}

impl<'a> PlacedTerm<'a> {
    /// Adds the globs of a term to `globs`, and records their indices.
    pub(super) fn new(term: &'a Term, globs: &mut Vec<&'a Glob>) -> Self {
        let mut place =
            |pattern: &'a Pattern| -> Vec<usize> { pattern.globs.iter().map(|glob| index_of(glob, globs)).collect() };
        let exclusions = term.exclusions.iter().map(|exclusion| (exclusion, place(&exclusion.pattern))).collect();
        Self { term, globs: place(&term.pattern), exclusions }
    }

    /// Whether it applies to no text that starts with the text read so far.
    pub(super) fn is_dead(&self, automaton: &Automaton, state: &[u64]) -> bool {
        self.globs.iter().all(|&glob| automaton.is_dead(glob, state))
            || self.exclusions.iter().any(|(exclusion, globs)| {
                exclusion.atom.is_none() && globs.iter().any(|&glob| automaton.is_sure(glob, state))
            })
    }

    /// Whether it applies, under its conditions, to every text that starts with the text read so far.
    pub(super) fn is_sure(&self, automaton: &Automaton, state: &[u64]) -> bool {
        self.globs.iter().any(|&glob| automaton.is_sure(glob, state))
            && self.exclusions.iter().all(|(_, globs)| globs.iter().all(|&glob| automaton.is_dead(glob, state)))
    }

    /// The literals that must hold for the term to apply to the text read so far. `None` if it cannot apply.
    pub(super) fn applies_when(&self, automaton: &Automaton, state: &[u64]) -> Option<Vec<Literal>> {
        let matches = |globs: &[usize]| globs.iter().any(|&glob| automaton.matches(glob, state));
        if !matches(&self.globs) {
            return None;
        }
        let mut when = self.term.when.clone();
        for (exclusion, globs) in &self.exclusions {
            if matches(globs) {
                when.push(Literal { atom: exclusion.atom?, holds: false });
            }
        }
        Some(when)
    }
}

fn index_of<'a>(glob: &'a Glob, globs: &mut Vec<&'a Glob>) -> usize {
    globs.iter().position(|known| *known == glob).unwrap_or_else(|| {
        globs.push(glob);
        globs.len() - 1
    })
}
