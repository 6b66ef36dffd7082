//! An automaton that runs many globs over a text at once.

use std::collections::BTreeSet;
use std::ops::Range;

use super::glob::{Glob, Token};

/// Globs, one after the other. A glob of n tokens has n + 1 places. Place i is active if its first i tokens have
/// matched the text read so far.
#[derive(Debug)]
pub(super) struct Automaton {
    places: Vec<Place>,
    globs: Vec<Range<usize>>,
}

#[derive(Debug)]
struct Place {
    /// `None` at the end of a glob.
    token: Option<Token>,
    start: usize,
}

/// The active places, sorted.
pub(super) type State = Vec<usize>;

impl Automaton {
    /// An automaton for these globs. Other methods name them by index.
    pub(super) fn new(globs: &[&Glob]) -> Self {
        let mut automaton = Self { places: Vec::new(), globs: Vec::new() };
        for glob in globs {
            let start = automaton.places.len();
            let tokens = glob.tokens().iter().copied().map(Some).chain([None]);
            automaton.places.extend(tokens.map(|token| Place { token, start }));
            automaton.globs.push(start..automaton.places.len());
        }
        automaton
    }

    pub(super) fn places(&self, glob: usize) -> Range<usize> {
        self.globs[glob].clone()
    }

    pub(super) fn start(&self) -> State {
        self.reach(self.globs.iter().map(|places| places.start))
    }

    pub(super) fn step(&self, from: &[usize], letter: char) -> State {
        let next = |&place: &usize| match self.places[place].token? {
            Token::One(one) => (one == letter).then_some(place + 1),
            Token::Any => Some(place + 1),
            Token::Run => Some(place),
        };
        self.reach(from.iter().filter_map(next))
    }

    /// The state with these places, in order. A `*` that is reached is also passed. Places before the last reached `*` of
    /// a glob lead nowhere else, so they are dropped.
    fn reach(&self, places: impl Iterator<Item = usize>) -> State {
        let mut state = State::new();
        for place in places {
            let Place { token, start } = self.places[place];
            if token == Some(Token::Run) {
                state.truncate(state.partition_point(|&active| active < start));
                state.extend([place, place + 1]);
            } else {
                state.push(place);
            }
        }
        state.dedup();
        state
    }

    /// The characters that a glob can match next in this state.
    pub(super) fn next_letters(&self, state: &[usize]) -> BTreeSet<char> {
        let letter = |&place: &usize| match self.places[place].token {
            Some(Token::One(letter)) => Some(letter),
            Some(Token::Any | Token::Run) | None => None,
        };
        state.iter().filter_map(letter).collect()
    }

    /// Whether a glob matches every text that starts with the text read so far.
    pub(super) fn is_sure(&self, glob: usize, state: &[usize]) -> bool {
        let last = self.globs[glob].end.checked_sub(2).filter(|&last| self.places[last].token == Some(Token::Run));
        last.is_some_and(|last| state.binary_search(&last).is_ok())
    }

    /// Whether a glob matches no text that starts with the text read so far.
    pub(super) fn is_dead(&self, glob: usize, state: &[usize]) -> bool {
        let Range { start, end } = self.globs[glob];
        state.get(state.partition_point(|&active| active < start)).is_none_or(|&active| active >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_globs_match_as_they_do_one_by_one() {
        let texts = ["*", "a*", "*a", "?", "?*b", "a?b", "*ab*ba*", "", "ab", "*a?", "b*b", "a*b*a*b*a"];
        let globs = texts.map(Glob::parse);
        let automaton = Automaton::new(&globs.iter().collect::<Vec<_>>());
        for number in 0..3_u32.pow(7) {
            let read: String = (0..7).map(|at| [' ', 'a', 'b'][(number / 3_u32.pow(at) % 3) as usize]).collect();
            let read = read.trim_end();
            let state = read.chars().fold(automaton.start(), |state, letter| automaton.step(&state, letter));
            for (index, glob) in globs.iter().enumerate() {
                let matches = state.contains(&(automaton.places(index).end - 1));
                assert_eq!(matches, glob.matches(read), "{glob:?} on {read:?}");
                assert!(!(automaton.is_dead(index, &state) && glob.matches(read)));
                assert!(!automaton.is_sure(index, &state) || glob.matches(&format!("{read}ab")));
            }
        }
    }
}
