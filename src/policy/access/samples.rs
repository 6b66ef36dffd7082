//! Random instances of a query. A few of them settle most of what a search is too long for.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::conditions::{Atoms, Constraint, Literal, by_chance};
use super::glob::{Glob, Token};
use super::search::{Point, Query};
use super::terms::Term;

/// The number of instances for each query.
const INSTANCES: usize = 64;

/// The longest text in place of a `*`.
const LONGEST_RUN: usize = 6;

/// The instances of a query. They are the same in each run.
struct Samples {
    letters: Vec<char>,
    random: fastrand::Rng,
}

/// An instance that fulfills the query, if one of a few random ones does.
pub(super) fn sampled(query: &Query<'_>, atoms: &Atoms) -> Option<Rc<Point>> {
    let all = || query.all.iter().chain(&query.none).chain(query.some.iter().flatten()).copied();
    let named: BTreeSet<char> = all().flat_map(Term::letters).chain(['/', 'x', 'y', '0']).collect();
    let mut samples = Samples { letters: named.into_iter().collect(), random: fastrand::Rng::with_seed(0) };
    let globs: Vec<&Glob> = query.all.iter().flat_map(|term| term.pattern.globs.iter()).collect();
    (0..INSTANCES).find_map(|instance| {
        let glob = globs.get(instance.checked_rem(globs.len())?)?;
        let resource = samples.text(glob);
        if !query.space.contains(&resource) {
            return None;
        }
        let constraint = query.constraint(&Glob::literal(&resource))?;
        let answers = samples.answers(&constraint, atoms)?;
        Some(Rc::new(Point { resource, answers }))
    })
}

impl Samples {
    /// A number below the bound, 0 if there is none.
    fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.random.usize(..bound) }
    }

    fn letter(&mut self) -> char {
        let at = self.below(self.letters.len());
        self.letters.get(at).copied().unwrap_or('x')
    }

    /// A text that the glob matches.
    fn text(&mut self, glob: &Glob) -> String {
        let mut text = String::new();
        for token in glob.tokens() {
            match token {
                Token::One(one) => text.push(*one),
                Token::Any => text.push(self.letter()),
                Token::Run => {
                    let length = self.below(LONGEST_RUN + 1);
                    text.extend((0..length).map(|_| self.letter()));
                }
            }
        }
        text
    }

    fn answers(&mut self, constraint: &Constraint, atoms: &Atoms) -> Option<Vec<Literal>> {
        let some = match &constraint.some {
            Some(some) => some.get(self.below(some.len()))?.as_slice(),
            None => &[],
        };
        let all: Vec<_> = constraint.all.iter().chain(some).copied().collect();
        by_chance(&all, &constraint.none, atoms, |bound| self.below(bound))
    }
}
