//! Numbers for terms and patterns, and what is known of pairs of patterns: whether one covers the other, and whether
//! they meet. Classes of actions, and both profiles, ask the same again and again, so each pair is looked at once.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::Profile;
use super::atoms::{Atoms, Literal};
use super::pattern::{Dialect, Pattern};
use super::terms::Term;

/// Numbers for what a comparison has to do with: the same for patterns of the same text that are read alike, and for
/// terms of the same patterns and conditions.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    patterns: usize,
    /// For each text, as what it is read, by whose rules and with variables or without. Two revisions of a document
    /// share nearly all.
    texts: BTreeMap<String, Vec<(Profile, bool, Pattern)>>,
    terms: BTreeMap<Said, usize>,
}

/// What a term says: its patterns, with the atoms of those that are taken out, and its conditions.
type Said = (usize, Vec<(usize, Option<usize>)>, Vec<Literal>);

impl Numbers {
    /// Reads a pattern, and numbers it.
    pub(super) fn read(&mut self, text: &str, dialect: Dialect<'_>) -> Pattern {
        let readings = self.texts.entry(text.to_owned()).or_default();
        let is_it =
            |(profile, variables, _): &&(_, _, _)| (*profile, *variables) == (dialect.profile, dialect.variables);
        if let Some((_, _, known)) = readings.iter().find(is_it) {
            return known.clone();
        }
        let mut pattern = Pattern::read(text, dialect);
        let same = readings.iter().find(|(_, _, reading)| reading.is_read_like(&pattern));
        pattern.number = same.map_or(self.patterns, |(_, _, same)| same.number);
        self.patterns = self.patterns.max(pattern.number + 1);
        readings.push((dialect.profile, dialect.variables, pattern.clone()));
        pattern
    }

    /// The number of the next pattern, which is made of another.
    pub(super) fn next(&mut self) -> usize {
        self.patterns += 1;
        self.patterns - 1
    }

    /// Numbers a term, whose patterns have their numbers.
    pub(super) fn enter(&mut self, term: &mut Term) {
        let minus = term.minus.iter().map(|minus| (minus.pattern.number, minus.atom)).collect();
        let next = self.terms.len();
        term.id = *self.terms.entry((term.pattern.number, minus, term.when.clone())).or_insert(next);
    }
}

const COVERS_ASKED: u8 = 1;
const COVERS: u8 = 2;
const MEETS_ASKED: u8 = 4;
const MEETS: u8 = 8;

/// What is known beside the terms themselves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    /// What the conditions' indices mean.
    pub(super) atoms: &'a Atoms,
    /// How patterns stand to each other.
    pub(super) pairs: &'a Pairs,
}

/// What is known of pairs of numbered patterns.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// For each pattern, what is known of it and each other.
    known: Vec<Vec<Cell<u8>>>,
}

impl Pairs {
    /// Makes room for the patterns numbered so far.
    pub(super) fn make_room(&mut self, numbers: &Numbers) {
        self.known.resize_with(numbers.patterns, Vec::new);
        self.known.iter_mut().for_each(|row| row.resize(numbers.patterns, Cell::new(0)));
    }

    /// Whether a pattern covers another; see [`Pattern::covers`].
    pub(super) fn covers(&self, wide: &Pattern, narrow: &Pattern) -> bool {
        self.ask(wide, narrow, COVERS_ASKED, COVERS, || wide.covers(narrow))
    }

    /// Whether two patterns meet; see [`Pattern::overlaps`].
    pub(super) fn meet(&self, one: &Pattern, other: &Pattern) -> bool {
        self.ask(one, other, MEETS_ASKED, MEETS, || one.overlaps(other))
    }

    fn ask(&self, one: &Pattern, other: &Pattern, asked: u8, yes: u8, find: impl Fn() -> bool) -> bool {
        let cell = &self.known[one.number][other.number];
        if cell.get() & asked == 0 {
            cell.set(cell.get() | asked | if find() { yes } else { 0 });
        }
        cell.get() & yes != 0
    }
}
