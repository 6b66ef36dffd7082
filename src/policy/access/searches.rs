//! All searches of a comparison within one universe: what they may cost, what they remember, and where they look first.

use std::collections::BTreeMap;

use super::atoms::Atoms;
use super::glob::Glob;
use super::pattern::Pattern;
use super::search::{Answer, Point, Quest, Search};
use super::solve::Solution;
use super::terms::{Term, TermId};

/// How many states may be looked at: the searches share a purse, and what it cannot pay for stays undecided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// By one search.
    pub(super) each: usize,
    /// By all that are still to come.
    pub(super) left: usize,
}

/// How many states a search may always look at, so that one hard pattern does not leave all easy ones behind it
/// undecided.
const FLOOR: usize = 200;

/// How many examples are looked at before a search.
const MAX_EXAMPLES: usize = 12;

/// The searches within one universe.
pub(super) struct Searches<'a> {
    atoms: &'a Atoms,
    budget: &'a mut Budget,
    /// The letters of all patterns.
    letters: Vec<char>,
    /// Classes of actions often ask the same.
    answers: BTreeMap<Question, Answer>,
}

/// A term and, as it may have been narrowed, what it matches.
type Name = (TermId, Vec<Glob>);

/// A quest, by the names of its terms.
type Question = (Vec<Name>, Vec<TermId>, Option<Vec<TermId>>);

impl<'a> Searches<'a> {
    /// Searches among the terms given.
    pub(super) fn new<'t>(atoms: &'a Atoms, budget: &'a mut Budget, terms: impl Iterator<Item = &'t Term>) -> Self {
        let mut letters: Vec<_> = terms.flat_map(Term::letters).collect();
        letters.sort_unstable();
        letters.dedup();
        Self { atoms, budget, letters, answers: BTreeMap::new() }
    }

    /// The answer to a quest.
    pub(super) fn answer(&mut self, quest: &Quest<'_>) -> Answer {
        let ids = |terms: &[&Term]| terms.iter().map(|term| term.id).collect::<Vec<_>>();
        let question = (names(&quest.all), ids(&quest.none), quest.some.as_ref().map(|some| ids(some)));
        if let Some(known) = self.answers.get(&question) {
            return known.clone();
        }
        let limit = self.budget.each.min(self.budget.left.max(FLOOR));
        let mut left = limit;
        let guess = self.guess(quest, &mut left);
        let answer = guess.unwrap_or_else(|| Search::new(&quest.reduced(self.atoms), self.atoms, left).run(&mut left));
        self.budget.left = self.budget.left.saturating_sub(limit - left);
        self.answers.insert(question, answer.clone());
        answer
    }

    /// Looks at examples first: most differences show there, without a look at all that may be in the way, and an example
    /// reads better than what is shortest.
    fn guess(&self, quest: &Quest<'_>, left: &mut usize) -> Option<Answer> {
        let all = quest.all.iter().map(|term| globs([&term.pattern]));
        let some = quest.some.iter().map(|some| globs(some.iter().map(|term| &term.pattern)));
        // Not to be in a `NotResource` is to be in one of its patterns.
        let beside = quest.none.iter().filter(|term| !term.minus.is_empty());
        let within = beside.map(|term| globs(term.minus.iter().map(|minus| &minus.pattern)));
        let limits = all.chain(some).chain(within);
        let globs = limits.fold(vec![Glob::parse("*")], |within, limit| products(&within, &limit));
        let mut examples = globs.iter().filter_map(|glob| quest.universe.example(glob, &self.letters));
        examples.find_map(|resource| match quest.decide(&Glob::literal(&resource), self.atoms, left) {
            Solution::Possible(answers) => Some(Answer::Found(Point { resource, answers })),
            Solution::Impossible | Solution::Undecided => None,
        })
    }
}

fn globs<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> Vec<&'a Glob> {
    patterns.into_iter().flat_map(|pattern| &pattern.globs).collect()
}

/// Each of some globs joined with each of others, as far as there are not too many.
fn products(some: &[Glob], others: &[&Glob]) -> Vec<Glob> {
    some.iter().flat_map(|one| others.iter().map(|other| one.joined(other))).take(MAX_EXAMPLES).collect()
}

fn names(terms: &[&Term]) -> Vec<Name> {
    terms.iter().map(|term| (term.id, term.pattern.globs.clone())).collect()
}
