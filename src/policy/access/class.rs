//! The access that one document adds for one class of actions.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::conditions::{Literal, Solution};
use super::describe::{Describer, Description};
use super::glob::Glob;
use super::patterns::{Pattern, PatternPairs};
use super::resources::ResourceSpace;
use super::search::{Point, Query, Search, SearchResult, widest};
use super::terms::{Facts, Term};

/// The terms of a document for a class of actions.
#[derive(Default)]
pub(super) struct ClassTerms<'a> {
    pub(super) allow: Terms<'a>,
    pub(super) deny: Terms<'a>,
}

/// The terms of one effect. Both lists have the same meaning in the resource space.
#[derive(Default)]
pub(super) struct Terms<'a> {
    /// As the document has them, for descriptions.
    pub(super) written: Vec<&'a Term>,
    /// Reduced to the resource space, for searches.
    pub(super) reduced: Vec<&'a Term>,
}

impl ClassTerms<'_> {
    /// Whether both have the same terms. This is fast, and true for most classes of two revisions.
    fn is_same(&self, other: &Self) -> bool {
        let like = |(one, another): (&&Term, &&Term)| one.is_same(another);
        let same = |one: &Terms<'_>, another: &Terms<'_>| {
            one.reduced.len() == another.reduced.len() && one.reduced.iter().zip(&another.reduced).all(like)
        };
        same(&self.allow, &other.allow) && same(&self.deny, &other.deny)
    }
}

/// The terms of both documents for a class of actions. A resource is gained where `A ∧ ¬A' ∧ (¬B ∨ B')` holds. The
/// document after allows A and denies A'; the document before allows B and denies B'.
#[derive(Clone, Copy)]
pub(super) struct Class<'a> {
    pub(super) space: ResourceSpace,
    pub(super) facts: Facts<'a>,
    pub(super) before: &'a ClassTerms<'a>,
    pub(super) after: &'a ClassTerms<'a>,
}

impl<'a> Class<'a> {
    /// Reports each gained or undecided difference with its description.
    pub(super) fn gained(&self, searcher: &mut Searcher<'_>, report: &mut impl FnMut(Description, SearchResult)) {
        if self.before.is_same(self.after) {
            return;
        }
        let denied = &self.after.deny.reduced;
        let candidates = self.after.allow.reduced.iter().filter(|term| self.may_gain(term));
        let allowed = widest(candidates.map(|term| Cow::Borrowed(*term)).collect(), self.facts);
        for candidate in widest(narrow(allowed, denied, self.facts), self.facts) {
            if !self.is_covered(&candidate, &candidate.when, denied) {
                self.undenied(&candidate, searcher, report);
                self.newly_allowed(candidate, searcher, report);
            }
        }
    }

    /// Whether an Allow term of the document after can add access. Few terms of a revision can.
    fn may_gain(&self, term: &Term) -> bool {
        let (allowed, denied) = (&self.before.allow.reduced, &self.after.deny.reduced);
        let is_undenied = |deny: &&Term| self.meet(deny, term) && !self.is_covered(deny, &deny.when, denied);
        !self.is_covered(term, &term.when, denied)
            && (!self.is_covered(term, &term.when, allowed) || self.before.deny.reduced.iter().any(is_undenied))
    }

    /// `A ∧ ¬A' ∧ ¬B`: access that the document before did not allow.
    fn newly_allowed(
        &self,
        candidate: Candidate<'a>,
        searcher: &mut Searcher<'_>,
        report: &mut impl FnMut(Description, SearchResult),
    ) {
        let allowed = &self.before.allow.reduced;
        if self.is_covered(&candidate, &candidate.when, allowed) {
            return;
        }
        let none = [allowed.as_slice(), &self.after.deny.reduced].concat();
        let described = [self.before.allow.written.as_slice(), &self.after.deny.written].concat();
        for candidate in widest(narrow(vec![candidate], allowed, self.facts), self.facts) {
            let answer = match self.search(vec![&candidate], &none, None, searcher) {
                SearchResult::Found(_) if candidate.pattern.foreign => SearchResult::Undecided,
                answer @ (SearchResult::Nothing | SearchResult::Found(_) | SearchResult::Undecided) => answer,
            };
            if answer != SearchResult::Nothing {
                report(
                    Describer { facts: self.facts, candidate: &candidate, deny: None, none: &described }.description(),
                    answer,
                );
            }
        }
    }

    /// `A ∧ ¬A' ∧ B ∧ B'`: access that the document before allowed and denied, one Deny pattern after the other.
    fn undenied(
        &self,
        candidate: &Term,
        searcher: &mut Searcher<'_>,
        report: &mut impl FnMut(Description, SearchResult),
    ) {
        let (allowed, none) = (&self.before.allow.reduced, &self.after.deny.reduced);
        if allowed.is_empty() {
            return;
        }
        let both = |deny: &Term| candidate.when.iter().chain(&deny.when).copied().collect::<Vec<_>>();
        let is_relevant = |deny: &&&Term| self.meet(deny, candidate) && !self.is_covered(deny, &both(deny), none);
        let denies = self.before.deny.reduced.iter().filter(is_relevant).map(|term| Cow::Borrowed(*term)).collect();
        for deny in widest(denies, self.facts) {
            let when = both(&deny);
            if self.is_covered(candidate, &when, none) {
                continue;
            }
            let some = (!self.is_covered(candidate, &when, allowed)).then_some(allowed);
            let answer = self.search(vec![candidate, &deny], none, some, searcher);
            if answer != SearchResult::Nothing {
                let none = &self.after.deny.written;
                report(Describer { facts: self.facts, candidate, deny: Some(&deny), none }.description(), answer);
            }
        }
    }

    /// Whether one of `terms` applies wherever the candidate does.
    fn is_covered(&self, candidate: &Term, when: &[Literal], terms: &[&Term]) -> bool {
        let covers = |term: &&Term| term.covers(candidate, self.facts.pairs);
        terms.iter().any(|term| covers(term) && self.facts.atoms.all_follow(&term.when, when))
    }

    /// Whether both terms can apply to the same request.
    fn meet(&self, one: &Term, other: &Term) -> bool {
        one.overlaps(&other.pattern, self.facts.pairs) && !self.facts.atoms.conflict(&one.when, &other.when)
    }

    /// Searches with the terms that overlap all of `all`. Other terms never apply there.
    fn search(
        &self,
        all: Vec<&Term>,
        none: &[&Term],
        some: Option<&Vec<&Term>>,
        searcher: &mut Searcher<'_>,
    ) -> SearchResult {
        let meets = |term: &&&Term| all.iter().all(|candidate| term.overlaps(&candidate.pattern, self.facts.pairs));
        let none = none.iter().filter(meets).copied().collect();
        let some = some.map(|some| some.iter().filter(meets).copied().collect());
        searcher.answer(&Query { space: self.space, all, none, some })
    }
}

/// A term of the document after that is examined alone, perhaps narrowed to a part of the one in the document.
pub(super) type Candidate<'a> = Cow<'a, Term>;

/// Narrows candidates by terms that must not apply. A resource outside of `NotResource: [n…]` is inside some `n`. So a
/// candidate is equal to its parts within those, which are patterns of the document.
pub(super) fn narrow<'a>(candidates: Vec<Candidate<'a>>, none: &[&Term], facts: Facts<'_>) -> Vec<Candidate<'a>> {
    none.iter().filter(|term| !term.exclusions.is_empty()).fold(candidates, |candidates, term| {
        candidates.into_iter().flat_map(|candidate| parts(candidate, term, facts)).collect()
    })
}

fn parts<'a>(candidate: Candidate<'a>, none: &Term, facts: Facts<'_>) -> Vec<Candidate<'a>> {
    if !facts.atoms.all_follow(&none.when, &candidate.when)
        || none.exclusions.iter().any(|exclusion| exclusion.atom.is_some())
    {
        return vec![candidate];
    }
    let pairs = facts.pairs;
    let within = none
        .exclusions
        .iter()
        .map(|exclusion| &exclusion.pattern)
        .filter(|within| pairs.overlap(within, &candidate.pattern));
    let parts: Option<Vec<_>> = within.map(|within| common(&candidate.pattern, within, pairs)).collect();
    match parts {
        None => vec![candidate],
        Some(parts) => {
            let part =
                |pattern: &Pattern| Cow::Owned(Term { pattern: pattern.clone(), ..candidate.clone().into_owned() });
            parts.into_iter().map(part).collect()
        }
    }
}

/// The narrower of two patterns, if their intersection is this pattern.
fn common<'a>(candidate: &'a Pattern, within: &'a Pattern, pairs: &PatternPairs) -> Option<&'a Pattern> {
    if pairs.covers(within, candidate) {
        return Some(candidate);
    }
    (!candidate.opaque && pairs.covers(candidate, within)).then_some(within)
}

/// The number of states that searches may visit. A search without budget is undecided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// For one search.
    pub(super) each: usize,
    /// For all further searches.
    pub(super) left: usize,
}

/// The number of states that every search may visit, so that one hard pattern does not leave all later ones undecided.
const FLOOR: usize = 200;

/// The number of examples that are tried before a search.
const MAX_EXAMPLES: usize = 12;

/// Runs searches within one space.
pub(super) struct Searcher<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) budget: &'a mut Budget,
    /// A letter for examples that no pattern names.
    pub(super) letter: Option<char>,
    pub(super) answers: &'a mut ResultCache,
}

/// The results of earlier searches.
pub(super) type ResultCache = BTreeMap<QueryKey, SearchResult>;

/// A query as the numbers of its terms, with `END` between the kinds.
pub(super) type QueryKey = Vec<usize>;

const END: usize = usize::MAX;

impl Searcher<'_> {
    pub(super) fn answer(&mut self, query: &Query<'_>) -> SearchResult {
        let query_key = query_key(query);
        if let Some(known) = self.answers.get(&query_key) {
            return known.clone();
        }
        let limit = self.budget.each.min(self.budget.left.max(FLOOR));
        let mut left = limit;
        let guess = self.guess(query, &mut left);
        let answer =
            guess.unwrap_or_else(|| Search::new(&query.reduced(self.facts), self.facts.atoms, left).run(&mut left));
        self.budget.left = self.budget.left.saturating_sub(limit - left);
        self.answers.insert(query_key, answer.clone());
        answer
    }

    /// Tries examples. This is faster than a search and finds most differences, and an example is more readable than a
    /// shortest resource.
    fn guess(&self, query: &Query<'_>, left: &mut usize) -> Option<SearchResult> {
        let all = query.all.iter().map(|term| globs([&term.pattern]));
        let some = query.some.iter().map(|some| globs(some.iter().map(|term| &term.pattern)));
        // A resource outside of a `NotResource` term is in one of its patterns.
        let beside = query.none.iter().filter(|term| !term.exclusions.is_empty());
        let within = beside.map(|term| globs(term.exclusions.iter().map(|exclusion| &exclusion.pattern)));
        let letter = self.letter?;
        let globs = all.chain(some).chain(within).fold(None, |within, limit| Some(joined(within, limit)))?;
        let mut examples = globs.filter_map(|glob| query.space.example(&glob, letter));
        examples.find_map(|resource| match query.answers_for(&Glob::literal(&resource), self.facts.atoms, left) {
            Solution::Possible(answers) => Some(SearchResult::Found(Rc::new(Point { resource, answers }))),
            Solution::Impossible | Solution::Undecided => None,
        })
    }
}

fn globs<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> Vec<Glob> {
    patterns.into_iter().flat_map(|pattern| pattern.globs.iter().cloned()).take(MAX_EXAMPLES).collect()
}

type Globs<'a> = Box<dyn Iterator<Item = Glob> + 'a>;

/// Each of `some` joined with each of `others`, up to a limit. Without `some`, the others.
fn joined<'a>(some: Option<Globs<'a>>, others: Vec<Glob>) -> Globs<'a> {
    let Some(some) = some else { return Box::new(others.into_iter()) };
    let each = move |one: Glob| others.iter().map(|other| one.joined(other)).collect::<Vec<_>>();
    Box::new(some.flat_map(each).take(MAX_EXAMPLES))
}

/// A term that must apply may be narrowed, so its pattern is also part of the key.
fn query_key(query: &Query<'_>) -> QueryKey {
    let all = query.all.iter().flat_map(|term| [term.id, term.pattern.number]);
    let none = query.none.iter().map(|term| term.id);
    let some = query.some.iter().flat_map(|some| [END].into_iter().chain(some.iter().map(|term| term.id)));
    all.chain([END]).chain(none).chain(some).collect()
}
