//! An automaton that runs many globs over a text at once, and the states that a search has seen.

use std::collections::BTreeMap;
use std::ops::Range;

use hashbrown::HashTable;

use super::glob::{Glob, Token};
use super::resources::Position;

const BITS: usize = u64::BITS as usize;

/// Globs, one after the other. A glob of n tokens has n + 1 places. Place i is active if its first i tokens have
/// matched the text read so far.
#[derive(Debug)]
pub(super) struct Automaton {
    words: usize,
    /// For each place, the first place of its glob.
    glob_start: Vec<usize>,
    /// For each place, the character that its token matches.
    letter: Vec<Option<char>>,
    /// Places whose token is a character.
    letters: Vec<u64>,
    /// For each character, the places whose token it is.
    one: BTreeMap<char, Vec<u64>>,
    /// Places whose token is `?`.
    any: Vec<u64>,
    /// Places whose token is `*`.
    run: Vec<u64>,
    slots: Vec<Slot>,
}

/// The places of one glob.
#[derive(Debug, Clone)]
struct Slot {
    places: Range<usize>,
    /// Whether its last token is `*`.
    ends_open: bool,
}

impl Automaton {
    /// An automaton for these globs. Other methods name them by index.
    pub(super) fn new(globs: &[&Glob]) -> Self {
        let places: usize = globs.iter().map(|glob| glob.tokens().len() + 1).sum();
        let words = places.div_ceil(BITS).max(1);
        let mut automaton = Self {
            words,
            glob_start: Vec::with_capacity(places),
            letter: Vec::with_capacity(places),
            letters: vec![0; words],
            one: BTreeMap::new(),
            any: vec![0; words],
            run: vec![0; words],
            slots: Vec::with_capacity(globs.len()),
        };
        globs.iter().for_each(|glob| automaton.add_glob(glob));
        automaton
    }

    fn add_glob(&mut self, glob: &Glob) {
        let start = self.glob_start.len();
        for (place, token) in (start..).zip(glob.tokens()) {
            self.glob_start.push(start);
            self.letter.push(None);
            match *token {
                Token::One(letter) => {
                    self.letter[place] = Some(letter);
                    set(&mut self.letters, place);
                    set(self.one.entry(letter).or_insert_with(|| vec![0; self.words]), place);
                }
                Token::Any => set(&mut self.any, place),
                Token::Run => set(&mut self.run, place),
            }
        }
        self.glob_start.push(start);
        self.letter.push(None);
        let ends_open = glob.tokens().last() == Some(&Token::Run);
        self.slots.push(Slot { places: start..self.glob_start.len(), ends_open });
    }

    /// The number of words of a state.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    pub(super) fn start(&self) -> Vec<u64> {
        let mut state = vec![0; self.words];
        for slot in &self.slots {
            set(&mut state, slot.places.start);
        }
        self.normalize(&mut state);
        state
    }

    /// Reads one character.
    pub(super) fn step(&self, from: &[u64], letter: char, to: &mut [u64]) {
        let one = self.one.get(&letter);
        let mut carry = 0;
        for word in 0..self.words {
            let taken = from[word] & (self.any[word] | one.map_or(0, |one| one[word]));
            to[word] = taken << 1 | carry | from[word] & self.run[word];
            carry = taken >> (BITS - 1);
        }
        self.normalize(to);
    }

    /// Normalizes a state. A `*` that is reached is also passed; `*` are never adjacent, so one pass is enough. Places
    /// before the last reached `*` are cleared, because they lead nowhere else.
    fn normalize(&self, state: &mut [u64]) {
        let mut carry = 0;
        for word in 0..self.words {
            let reached = state[word] & self.run[word];
            state[word] |= reached << 1 | carry;
            carry = reached >> (BITS - 1);
            let mut stars = state[word] & self.run[word];
            while stars != 0 {
                let place = word * BITS + stars.trailing_zeros() as usize;
                stars &= stars - 1;
                clear(state, self.glob_start[place]..place);
            }
        }
    }

    /// Adds the characters that a glob can match next in this state.
    pub(super) fn next_letters(&self, state: &[u64], letters: &mut Vec<char>) {
        for (word, (active, letters_here)) in state.iter().zip(&self.letters).enumerate() {
            let mut active = active & letters_here;
            while active != 0 {
                let place = word * BITS + active.trailing_zeros() as usize;
                active &= active - 1;
                letters.extend(self.letter[place]);
            }
        }
        letters.sort_unstable();
        letters.dedup();
    }

    pub(super) fn mark(&self, glob: usize, places: &mut [u64]) {
        self.slots[glob].places.clone().for_each(|place| set(places, place));
    }

    /// Whether a glob matches the text read so far.
    pub(super) fn matches(&self, glob: usize, state: &[u64]) -> bool {
        get(state, self.slots[glob].places.end - 1)
    }

    /// Whether a glob matches every text that starts with the text read so far.
    pub(super) fn is_sure(&self, glob: usize, state: &[u64]) -> bool {
        let slot = &self.slots[glob];
        slot.ends_open && get(state, slot.places.end - 2)
    }

    /// Whether a glob matches no text that starts with the text read so far.
    pub(super) fn is_dead(&self, glob: usize, state: &[u64]) -> bool {
        let Range { start, end } = self.slots[glob].places;
        spans(start..end).all(|(word, mask)| state[word] & mask == 0)
    }
}

fn set(state: &mut [u64], place: usize) {
    state[place / BITS] |= 1 << (place % BITS);
}

fn get(state: &[u64], place: usize) -> bool {
    state[place / BITS] >> (place % BITS) & 1 == 1
}

fn clear(state: &mut [u64], places: Range<usize>) {
    for (word, mask) in spans(places) {
        state[word] &= !mask;
    }
}

/// The words of a range of places, each with the mask of its part of the range.
fn spans(places: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
    let Range { start, end } = places;
    let words = if start < end { start / BITS..end.div_ceil(BITS) } else { 0..0 };
    words.map(move |word| {
        let low = start.saturating_sub(word * BITS);
        let high = (end - word * BITS).min(BITS);
        (word, (u64::MAX >> (BITS - (high - low))) << low)
    })
}

/// The number of states that a new one is compared with, to see whether it is pointless.
const MAX_COMPARED: usize = 24;

/// How a state was reached.
#[derive(Debug, Clone, Copy)]
struct Step {
    at: Position,
    /// The index of the previous state.
    before: usize,
    /// The character that led from there to here.
    letter: char,
}

/// The states that a search has seen, in this order.
#[derive(Debug)]
pub(super) struct Frontier {
    words: usize,
    /// Bits that can only prevent a match.
    blocking_bits: Vec<u64>,
    /// The words of all states, one state after the other.
    states: Vec<u64>,
    steps: Vec<Step>,
    seen: HashTable<usize>,
    /// The first states that differ only in blocking bits.
    similar: HashTable<Vec<usize>>,
}

impl Frontier {
    pub(super) fn new(blocking_bits: Vec<u64>) -> Self {
        let (states, steps) = (Vec::new(), Vec::new());
        Self {
            words: blocking_bits.len(),
            blocking_bits,
            states,
            steps,
            seen: HashTable::new(),
            similar: HashTable::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    pub(super) fn at(&self, index: usize) -> Position {
        self.steps[index].at
    }

    pub(super) fn state(&self, index: usize) -> &[u64] {
        &self.states[index * self.words..][..self.words]
    }

    pub(super) fn text(&self, mut index: usize) -> String {
        let mut letters = Vec::new();
        while index > 0 {
            let Step { before, letter, .. } = self.steps[index];
            letters.push(letter);
            index = before;
        }
        letters.iter().rev().collect()
    }

    /// Whether the state is known, or a state that differs only by fewer blocking bits.
    pub(super) fn contains(&self, at: Position, state: &[u64]) -> bool {
        let same = |&index: &usize| self.at(index) == at && self.state(index) == state;
        let better = |&index: &usize| self.state(index).iter().zip(state).all(|(known, new)| known & !new == 0);
        self.seen.find(hash(at, state.iter().copied()), same).is_some()
            || self.similar(at, state).is_some_and(|similar| similar.iter().any(better))
    }

    /// Adds an unknown state.
    pub(super) fn add(&mut self, at: Position, state: &[u64], before: usize, letter: char) {
        let index = self.steps.len();
        self.steps.push(Step { at, before, letter });
        self.states.extend_from_slice(state);
        let (words, states, steps, blocking_bits) = (self.words, &self.states, &self.steps, &self.blocking_bits);
        let words_of = |index: usize| &states[index * words..][..words];
        let whole = |&index: &usize| hash(steps[index].at, words_of(index).iter().copied());
        let helping = |index: usize| hash(steps[index].at, without(words_of(index), blocking_bits));
        self.seen.insert_unique(whole(&index), index, whole);
        let like = |similar: &Vec<usize>| {
            steps[similar[0]].at == at && without(words_of(similar[0]), blocking_bits).eq(without(state, blocking_bits))
        };
        match self.similar.find_mut(helping(index), like) {
            Some(similar) if similar.len() < MAX_COMPARED => similar.push(index),
            Some(_) => {}
            None => {
                self.similar.insert_unique(helping(index), vec![index], |similar| helping(similar[0]));
            }
        }
    }

    fn similar(&self, at: Position, state: &[u64]) -> Option<&Vec<usize>> {
        self.similar.find(hash(at, without(state, &self.blocking_bits)), |similar| {
            self.at(similar[0]) == at
                && without(self.state(similar[0]), &self.blocking_bits).eq(without(state, &self.blocking_bits))
        })
    }
}

fn without(state: &[u64], blocking_bits: &[u64]) -> impl Iterator<Item = u64> {
    state.iter().zip(blocking_bits).map(|(word, blocking_bits)| word & !blocking_bits)
}

/// A multiplicative hash with a fixed seed, so that equal searches visit the same states.
fn hash(at: Position, words: impl Iterator<Item = u64>) -> u64 {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let folded = words.fold(at as u64 + 1, |hash, word| (hash.rotate_left(23) ^ word).wrapping_mul(ODD));
    folded ^ folded >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_globs_match_as_they_do_one_by_one() {
        let texts = ["*", "a*", "*a", "?", "?*b", "a?b", "*ab*ba*", "", "ab", "*a?", "b*b", "a*b*a*b*a"];
        // Enough copies that places and slots lie across words.
        let globs: Vec<_> = texts.iter().cycle().take(60).map(|text| Glob::parse(text)).collect();
        let automaton = Automaton::new(&globs.iter().collect::<Vec<_>>());
        for number in 0..3_u32.pow(7) {
            let read: String = (0..7).map(|at| [' ', 'a', 'b'][(number / 3_u32.pow(at) % 3) as usize]).collect();
            let read = read.trim_end();
            let mut state = automaton.start();
            for letter in read.chars() {
                let mut next = vec![0; automaton.words()];
                automaton.step(&state, letter, &mut next);
                state = next;
            }
            for (index, glob) in globs.iter().enumerate() {
                assert_eq!(automaton.matches(index, &state), glob.matches(read), "{glob:?} on {read:?}");
                assert!(!(automaton.is_dead(index, &state) && glob.matches(read)));
                assert!(!automaton.is_sure(index, &state) || glob.matches(&format!("{read}ab")));
            }
        }
    }
}
