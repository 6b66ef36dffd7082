//! Terms whose globs are laid out in an automaton, and what a state says of them.

use super::atoms::Literal;
use super::automaton::Automaton;
use super::glob::Glob;
use super::pattern::Pattern;
use super::terms::{Minus, Term};

/// A term whose globs are laid out in the automaton.
pub(super) struct Placed<'a> {
    /// The term.
    pub(super) term: &'a Term,
    /// The globs of its pattern.
    pub(super) globs: Vec<usize>,
    /// What is taken out of it, each with the globs of its pattern.
    pub(super) minus: Vec<(&'a Minus, Vec<usize>)>,
}

impl<'a> Placed<'a> {
    /// Lays out a term; `globs` are those laid out before, to which its own are added.
    pub(super) fn new(term: &'a Term, globs: &mut Vec<&'a Glob>) -> Self {
        let mut place =
            |pattern: &'a Pattern| -> Vec<usize> { pattern.globs.iter().map(|glob| index_of(glob, globs)).collect() };
        let minus = term.minus.iter().map(|minus| (minus, place(&minus.pattern))).collect();
        Self { term, globs: place(&term.pattern), minus }
    }

    /// Whether it applies to nothing that begins with what was read.
    pub(super) fn is_dead(&self, automaton: &Automaton, state: &[u64]) -> bool {
        self.globs.iter().all(|&glob| automaton.is_dead(glob, state))
            || self
                .minus
                .iter()
                .any(|(minus, globs)| minus.atom.is_none() && globs.iter().any(|&glob| automaton.is_sure(glob, state)))
    }

    /// Whether it applies, under its conditions, to what was read and to all that may follow.
    pub(super) fn is_sure(&self, automaton: &Automaton, state: &[u64]) -> bool {
        self.globs.iter().any(|&glob| automaton.is_sure(glob, state))
            && self.minus.iter().all(|(_, globs)| globs.iter().all(|&glob| automaton.is_dead(glob, state)))
    }

    /// What must hold for the term to apply to what was read; `None` when it cannot.
    pub(super) fn applies_when(&self, automaton: &Automaton, state: &[u64]) -> Option<Vec<Literal>> {
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
