//! The search for a resource, and answers to the atoms, by which two documents differ: breadth first, so that what it
//! finds is shortest.

use hashbrown::HashTable;

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
    /// The resource as it is written in a policy.
    pub(super) resource: String,
    /// The answers; an atom not named is answered by no.
    pub(super) answers: Vec<Literal>,
}

impl Quest<'_> {
    /// Searches, looking at no more than `states` states, of which it takes off what it looked at.
    pub(super) fn search(&self, atoms: &Atoms, states: &mut usize) -> Answer {
        let mut search = Search::new(self, atoms, *states);
        let answer = search.run();
        *states = states.saturating_sub(search.trail.len());
        answer
    }
}

struct Search<'a> {
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
}

/// A term whose globs are laid out in the automaton.
struct Placed<'a> {
    term: &'a Term,
    globs: Vec<usize>,
    minus: Vec<(&'a Minus, Vec<usize>)>,
    /// Whether its conditions hold wherever those of the terms that must apply do.
    settled: bool,
}

impl<'a> Search<'a> {
    fn new(quest: &Quest<'a>, atoms: &'a Atoms, max_states: usize) -> Self {
        let given: Vec<_> = quest.all.iter().flat_map(|term| &term.when).copied().collect();
        let mut globs = Vec::new();
        let mut place = |terms: &[&'a Term]| -> Vec<Placed<'a>> {
            terms.iter().map(|term| Placed::new(term, atoms.all_follow(&term.when, &given), &mut globs)).collect()
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
        }
    }

    fn run(&mut self) -> Answer {
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
                        let resource = self.universe.written(&self.read_back(current));
                        return Answer::Found(Point { resource, answers });
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
                    if !self.is_hopeless(&next) {
                        self.visit(to, &next, current, letter);
                    }
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

    fn visit(&mut self, at: At, state: &[u64], before: usize, letter: char) {
        let words = self.automaton.words();
        let (states, trail) = (&mut self.states, &mut self.trail);
        let known = |&index: &usize| trail[index].0 == at && states[index * words..][..words] == *state;
        if self.seen.find(hash(at, state), known).is_some() {
            return;
        }
        let index = trail.len();
        trail.push((at, before, letter));
        states.extend_from_slice(state);
        let rehash = |&index: &usize| hash(trail[index].0, &states[index * words..][..words]);
        self.seen.insert_unique(hash(at, state), index, rehash);
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
    fn is_hopeless(&self, state: &[u64]) -> bool {
        let automaton = &self.automaton;
        self.all.iter().any(|placed| placed.is_dead(automaton, state))
            || self.none.iter().any(|placed| placed.settled && placed.is_sure(automaton, state))
            || self.some.as_ref().is_some_and(|some| some.iter().all(|placed| placed.is_dead(automaton, state)))
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
    fn new(term: &'a Term, settled: bool, globs: &mut Vec<&'a Glob>) -> Self {
        let mut place =
            |pattern: &'a Pattern| -> Vec<usize> { pattern.globs.iter().map(|glob| index_of(glob, globs)).collect() };
        let minus = term.minus.iter().map(|minus| (minus, place(&minus.pattern))).collect();
        Self { term, globs: place(&term.pattern), minus, settled }
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
