//! Many globs run over a text at once: one bit for each place in each glob.

use std::collections::BTreeMap;
use std::ops::Range;

use super::glob::{Glob, Token};

const BITS: usize = u64::BITS as usize;

/// The globs, laid out one behind the other. A glob of n steps has n + 1 places; place i is active when its first i
/// steps have matched what was read.
#[derive(Debug)]
pub(super) struct Automaton {
    words: usize,
    /// For each place, where its glob begins.
    home: Vec<usize>,
    /// For each place, the character its step asks for.
    letter: Vec<Option<char>>,
    /// Places whose step is some character.
    letters: Vec<u64>,
    /// Places whose step is this character.
    one: BTreeMap<char, Vec<u64>>,
    /// Places whose step is `?`.
    any: Vec<u64>,
    /// Places whose step is `*`.
    run: Vec<u64>,
    slots: Vec<Slot>,
}

/// Where a glob is laid out.
#[derive(Debug, Clone)]
struct Slot {
    places: Range<usize>,
    /// Whether its last step is `*`.
    ends_open: bool,
}

impl Automaton {
    /// Lays out globs; they are asked for by their index.
    pub(super) fn new(globs: &[&Glob]) -> Self {
        let places: usize = globs.iter().map(|glob| glob.tokens().len() + 1).sum();
        let words = places.div_ceil(BITS).max(1);
        let mut automaton = Self {
            words,
            home: Vec::with_capacity(places),
            letter: Vec::with_capacity(places),
            letters: vec![0; words],
            one: BTreeMap::new(),
            any: vec![0; words],
            run: vec![0; words],
            slots: Vec::with_capacity(globs.len()),
        };
        globs.iter().for_each(|glob| automaton.lay(glob));
        automaton
    }

    fn lay(&mut self, glob: &Glob) {
        let start = self.home.len();
        for (place, token) in (start..).zip(glob.tokens()) {
            self.home.push(start);
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
        self.home.push(start);
        self.letter.push(None);
        let ends_open = glob.tokens().last() == Some(&Token::Run);
        self.slots.push(Slot { places: start..self.home.len(), ends_open });
    }

    /// How many words a state takes.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// The state before anything is read.
    pub(super) fn start(&self) -> Vec<u64> {
        let mut state = vec![0; self.words];
        for slot in &self.slots {
            set(&mut state, slot.places.start);
        }
        self.settle(&mut state);
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
        self.settle(to);
    }

    /// Brings a state into its one form: a `*` that is reached is also passed (no two of them touch, so once is enough),
    /// and what is before the last `*` that is reached is forgotten, since it could lead nowhere else.
    fn settle(&self, state: &mut [u64]) {
        let mut carry = 0;
        for word in 0..self.words {
            let reached = state[word] & self.run[word];
            state[word] |= reached << 1 | carry;
            carry = reached >> (BITS - 1);
            let mut stars = state[word] & self.run[word];
            while stars != 0 {
                let place = word * BITS + stars.trailing_zeros() as usize;
                stars &= stars - 1;
                clear(state, self.home[place]..place);
            }
        }
    }

    /// Adds the characters that some glob asks for in this state.
    pub(super) fn wanted(&self, state: &[u64], letters: &mut Vec<char>) {
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

    /// Adds the places of a glob.
    pub(super) fn mark(&self, glob: usize, places: &mut [u64]) {
        self.slots[glob].places.clone().for_each(|place| set(places, place));
    }

    /// Whether a glob matches what was read.
    pub(super) fn matches(&self, glob: usize, state: &[u64]) -> bool {
        get(state, self.slots[glob].places.end - 1)
    }

    /// Whether a glob matches what was read and all that may follow.
    pub(super) fn is_sure(&self, glob: usize, state: &[u64]) -> bool {
        let slot = &self.slots[glob];
        slot.ends_open && get(state, slot.places.end - 2)
    }

    /// Whether a glob matches nothing that begins with what was read.
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

/// The words a range of places lies in, each with the mask of its part of the range.
fn spans(places: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
    let Range { start, end } = places;
    let words = if start < end { start / BITS..end.div_ceil(BITS) } else { 0..0 };
    words.map(move |word| {
        let low = start.saturating_sub(word * BITS);
        let high = (end - word * BITS).min(BITS);
        (word, (u64::MAX >> (BITS - (high - low))) << low)
    })
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
