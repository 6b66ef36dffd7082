//! All searches of a comparison within one universe: what they may cost, what they remember, and where they look first.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::glob::Glob;
use super::pairs::Facts;
use super::pattern::Pattern;
use super::search::{Answer, Point, Quest, Search};
use super::solve::Solution;

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
    /// What is known of the terms.
    pub(super) facts: Facts<'a>,
    /// What may still be looked at.
    pub(super) budget: &'a mut Budget,
    /// A letter that no pattern asks for, to make examples of.
    pub(super) letter: Option<char>,
    /// What was asked before.
    pub(super) answers: &'a mut Answers,
}

/// Answers by question.
pub(super) type Answers = BTreeMap<Question, Answer>;

/// A quest, by the numbers of its terms, those of one kind behind those of the other.
pub(super) type Question = Vec<usize>;

/// Stands between kinds of terms in a question.
const END: usize = usize::MAX;

impl Searches<'_> {
    /// The answer to a quest.
    pub(super) fn answer(&mut self, quest: &Quest<'_>) -> Answer {
        let question = question(quest);
        if let Some(known) = self.answers.get(&question) {
            return known.clone();
        }
        let limit = self.budget.each.min(self.budget.left.max(FLOOR));
        let mut left = limit;
        let guess = self.guess(quest, &mut left);
        let answer =
            guess.unwrap_or_else(|| Search::new(&quest.reduced(self.facts), self.facts.atoms, left).run(&mut left));
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
        let letter = self.letter?;
        let globs = all.chain(some).chain(within).fold(None, |within, limit| Some(joined(within, limit)))?;
        let mut examples = globs.filter_map(|glob| quest.universe.example(&glob, letter));
        examples.find_map(|resource| match quest.decide(&Glob::literal(&resource), self.facts.atoms, left) {
            Solution::Possible(answers) => Some(Answer::Found(Rc::new(Point { resource, answers }))),
            Solution::Impossible | Solution::Undecided => None,
        })
    }
}

fn globs<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> Vec<Glob> {
    patterns.into_iter().flat_map(|pattern| pattern.globs.iter().cloned()).take(MAX_EXAMPLES).collect()
}

type Globs<'a> = Box<dyn Iterator<Item = Glob> + 'a>;

/// Each of some globs joined with each of others, as far as there are not too many; without some, the others.
fn joined<'a>(some: Option<Globs<'a>>, others: Vec<Glob>) -> Globs<'a> {
    let Some(some) = some else { return Box::new(others.into_iter()) };
    let each = move |one: Glob| others.iter().map(|other| one.joined(other)).collect::<Vec<_>>();
    Box::new(some.flat_map(each).take(MAX_EXAMPLES))
}

/// The numbers of the terms; those that must apply may have been narrowed, which the numbers of their patterns tell.
fn question(quest: &Quest<'_>) -> Question {
    let all = quest.all.iter().flat_map(|term| [term.id, term.pattern.number]);
    let none = quest.none.iter().map(|term| term.id);
    let some = quest.some.iter().flat_map(|some| [END].into_iter().chain(some.iter().map(|term| term.id)));
    all.chain([END]).chain(none).chain(some).collect()
}
