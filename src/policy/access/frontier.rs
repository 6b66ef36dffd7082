//! The states a search has seen: what it still has to look at, and how it came there.

use hashbrown::HashTable;

use super::universe::At;

/// How many states a new one is compared with, to see whether one of them makes it pointless.
const MAX_COMPARED: usize = 24;

/// Where a search stands after some text.
#[derive(Debug, Clone, Copy)]
struct Step {
    at: At,
    /// The index of the state before.
    before: usize,
    /// The character between.
    letter: char,
}

/// The states seen, in the order they were.
#[derive(Debug)]
pub(super) struct Frontier {
    words: usize,
    /// Bits that can only be in the way of what is looked for.
    hurting: Vec<u64>,
    /// The states, each one's words behind the other's.
    states: Vec<u64>,
    steps: Vec<Step>,
    seen: HashTable<usize>,
    /// The first states that differ in hurting bits only.
    alike: HashTable<Vec<usize>>,
}

impl Frontier {
    /// No states yet. `hurting` are the bits that can only be in the way.
    pub(super) fn new(hurting: Vec<u64>) -> Self {
        let (states, steps) = (Vec::new(), Vec::new());
        Self { words: hurting.len(), hurting, states, steps, seen: HashTable::new(), alike: HashTable::new() }
    }

    /// How many states there are.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// How far the resource has been read in a state.
    pub(super) fn at(&self, index: usize) -> At {
        self.steps[index].at
    }

    /// A state.
    pub(super) fn state(&self, index: usize) -> &[u64] {
        &self.states[index * self.words..][..self.words]
    }

    /// The text that led to a state.
    pub(super) fn text(&self, mut index: usize) -> String {
        let mut letters = Vec::new();
        while index > 0 {
            let Step { before, letter, .. } = self.steps[index];
            letters.push(letter);
            index = before;
        }
        letters.iter().rev().collect()
    }

    /// Whether a state is there already, or one that is like it with less in the way.
    pub(super) fn knows(&self, at: At, state: &[u64]) -> bool {
        let same = |&index: &usize| self.at(index) == at && self.state(index) == state;
        let better = |&index: &usize| self.state(index).iter().zip(state).all(|(known, new)| known & !new == 0);
        self.seen.find(hash(at, state.iter().copied()), same).is_some()
            || self.alike(at, state).is_some_and(|alike| alike.iter().any(better))
    }

    /// Adds a state that is not known.
    pub(super) fn add(&mut self, at: At, state: &[u64], before: usize, letter: char) {
        let index = self.steps.len();
        self.steps.push(Step { at, before, letter });
        self.states.extend_from_slice(state);
        let (words, states, steps, hurting) = (self.words, &self.states, &self.steps, &self.hurting);
        let words_of = |index: usize| &states[index * words..][..words];
        let whole = |&index: &usize| hash(steps[index].at, words_of(index).iter().copied());
        let helping = |index: usize| hash(steps[index].at, without(words_of(index), hurting));
        self.seen.insert_unique(whole(&index), index, whole);
        let like = |alike: &Vec<usize>| {
            steps[alike[0]].at == at && without(words_of(alike[0]), hurting).eq(without(state, hurting))
        };
        match self.alike.find_mut(helping(index), like) {
            Some(alike) if alike.len() < MAX_COMPARED => alike.push(index),
            Some(_) => {}
            None => {
                self.alike.insert_unique(helping(index), vec![index], |alike| helping(alike[0]));
            }
        }
    }

    fn alike(&self, at: At, state: &[u64]) -> Option<&Vec<usize>> {
        self.alike.find(hash(at, without(state, &self.hurting)), |alike| {
            self.at(alike[0]) == at && without(self.state(alike[0]), &self.hurting).eq(without(state, &self.hurting))
        })
    }
}

fn without(state: &[u64], hurting: &[u64]) -> impl Iterator<Item = u64> {
    state.iter().zip(hurting).map(|(word, hurting)| word & !hurting)
}

/// A multiplicative hash with a fixed seed: the same search takes the same course every time.
fn hash(at: At, words: impl Iterator<Item = u64>) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let folded = words.fold(at as u64 + 1, |hash, word| (hash.rotate_left(23) ^ word).wrapping_mul(ODD));
    folded ^ folded >> 32
}
