//! The search for a resource, and answers to the atoms, by which two documents differ: breadth first, so that what it
//! finds is shortest.

use std::collections::BTreeMap;

use hashbrown::HashTable;

use super::anchors::widest;
use super::atoms::{Atoms, Literal};
use super::automaton::Automaton;
use super::glob::Glob;
use super::pattern::Pattern;
use super::solve::{Solution, Wish, solve};
use super::terms::{Minus, Term};
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
    Found(Point),
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
    pub(super) fn reduced(&self, atoms: &Atoms) -> Self {
        let given: Vec<_> = self.all.iter().flat_map(|term| &term.when).copied().collect();
        let possible = self.none.iter().copied().filter(|term| !atoms.conflict(&term.when, &given));
        Self { none: widest(possible.collect(), atoms), ..self.clone() }
    }

    /// Whether a resource is what is looked for, under some answers. Each answer tried is taken off `tries`.
    pub(super) fn decide(&self, resource: &Glob, atoms: &Atoms, tries: &mut usize) -> Solution {
        let lists = |terms: &[&Term]| terms.iter().filter_map(|term| term.applies_when(resource)).collect::<Vec<_>>();
        let all = lists(&self.all);
        if all.len() < self.all.len() {
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
    /// The states seen, each one's words behind the other's.
    states: Vec<u64>,
    /// For each state, how far the resource has been read, the state before, and the character between.
    trail: Vec<(At, usize, char)>,
    seen: HashTable<usize>,
    max_states: usize,
    tries: usize,
    /// For each set of `none` that is sure to match, whether there still are answers.
    hopes: BTreeMap<Vec<bool>, bool>,
}

/// A term whose globs are laid out in the automaton.
struct Placed<'a> {
    term: &'a Term,
    globs: Vec<usize>,
    minus: Vec<(&'a Minus, Vec<usize>)>,
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
        Self {
            universe: quest.universe,
            atoms,
            automaton: Automaton::new(&globs),
            all,
            none,
            some,
            states: Vec::new(),
            trail: Vec::new(),
            seen: HashTable::new(),
            max_states,
            tries: max_states,
            hopes: BTreeMap::new(),
        }
    }

    /// Searches, and takes the states looked at off `states`.
    pub(super) fn run(mut self, states: &mut usize) -> Answer {
        let answer = self.walk();
        *states = states.saturating_sub(self.trail.len());
        answer
    }

    fn walk(&mut self) -> Answer {
        let mut state = self.automaton.start();
        let mut next = state.clone();
        self.visit(At::Start, &state, 0, ' ');
        let mut letters = Vec::new();
        let mut current = 0;
        while current < self.trail.len() {
            if current >= self.max_states {
                return Answer::Undecided;
            }
            let at = self.trail[current].0;
            state.copy_from_slice(self.state(current));
            if self.universe.accepts(at) {
                match self.decide(&state) {
                    Solution::Impossible => {}
                    Solution::Possible(answers) => {
                        return Answer::Found(Point { resource: self.read_back(current), answers });
                    }
                    Solution::Undecided => return Answer::Undecided,
                }
            }
            letters.clear();
            self.automaton.wanted(&state, &mut letters);
            let fresh: Vec<_> = self.universe.fresh(at, &letters).collect();
            for &letter in fresh.iter().chain(&letters) {
                if let Some(to) = self.universe.next(at, letter) {
                    self.automaton.step(&state, letter, &mut next);
                    self.visit(to, &next, current, letter);
                }
            }
            current += 1;
        }
        Answer::Nothing
    }

    fn state(&self, index: usize) -> &[u64] {
        let words = self.automaton.words();
        &self.states[index * words..][..words]
    }

    /// Notes a state to be looked at, unless it was seen or has no hope.
    fn visit(&mut self, at: At, state: &[u64], before: usize, letter: char) {
        let words = self.automaton.words();
        let hashed = hash(at, state);
        let known = |&index: &usize| self.trail[index].0 == at && self.states[index * words..][..words] == *state;
        if self.seen.find(hashed, known).is_some() || self.is_hopeless(state) {
            return;
        }
        self.trail.push((at, before, letter));
        self.states.extend_from_slice(state);
        let (trail, states) = (&self.trail, &self.states);
        let rehash = |&index: &usize| hash(trail[index].0, &states[index * words..][..words]);
        self.seen.insert_unique(hashed, trail.len() - 1, rehash);
    }

    /// The text that led to a state.
    fn read_back(&self, mut index: usize) -> String {
        let mut letters = Vec::new();
        while index > 0 {
            let (_, before, letter) = self.trail[index];
            letters.push(letter);
            index = before;
        }
        letters.iter().rev().collect()
    }

    /// Whether nothing that begins with what was read can be what is looked for.
    fn is_hopeless(&mut self, state: &[u64]) -> bool {
        let automaton = &self.automaton;
        if self.all.iter().any(|placed| placed.is_dead(automaton, state))
            || self.some.as_ref().is_some_and(|some| some.iter().all(|placed| placed.is_dead(automaton, state)))
        {
            return true;
        }
        let sure: Vec<_> = self.none.iter().map(|placed| placed.is_sure(automaton, state)).collect();
        if let Some(hope) = self.hopes.get(&sure) {
            return !hope;
        }
        let all = self.all.iter().flat_map(|placed| &placed.term.when).copied().collect();
        let none = self.none.iter().zip(&sure).filter(|(_, sure)| **sure).map(|(placed, _)| placed.term.when.clone());
        let wish = Wish { all, none: none.collect(), some: None };
        let hope = solve(&wish, self.atoms, &mut self.tries) != Solution::Impossible;
        self.hopes.insert(sure, hope);
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

impl<'a> Placed<'a> {
    fn new(term: &'a Term, globs: &mut Vec<&'a Glob>) -> Self {
        let mut place =
            |pattern: &'a Pattern| -> Vec<usize> { pattern.globs.iter().map(|glob| index_of(glob, globs)).collect() };
        let minus = term.minus.iter().map(|minus| (minus, place(&minus.pattern))).collect();
        Self { term, globs: place(&term.pattern), minus }
    }

    fn is_dead(&self, automaton: &Automaton, state: &[u64]) -> bool {
        self.globs.iter().all(|&glob| automaton.is_dead(glob, state))
            || self
                .minus
                .iter()
                .any(|(minus, globs)| minus.atom.is_none() && globs.iter().any(|&glob| automaton.is_sure(glob, state)))
    }

    fn is_sure(&self, automaton: &Automaton, state: &[u64]) -> bool {
        self.globs.iter().any(|&glob| automaton.is_sure(glob, state))
            && self.minus.iter().all(|(_, globs)| globs.iter().all(|&glob| automaton.is_dead(glob, state)))
    }

    /// What must hold for the term to apply to what was read; `None` when it cannot.
    fn applies_when(&self, automaton: &Automaton, state: &[u64]) -> Option<Vec<Literal>> {
        let matches = |globs: &[usize]| globs.iter().any(|&glob| automaton.matches(glob, state));
        if !matches(&self.globs) {
            return None;
        }
        let mut when = self.term.when.clone();
        for (minus, globs) in &self.minus {
            if matches(globs) {
                when.push(Literal { atom: minus.atom?, holds: false });
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

/// A multiplicative hash with a fixed seed: the same search takes the same course every time.
fn hash(at: At, state: &[u64]) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let folded = state.iter().fold(at as u64 + 1, |hash, word| (hash.rotate_left(23) ^ word).wrapping_mul(ODD));
    folded ^ folded >> 32
}
