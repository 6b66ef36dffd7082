//! The access that one document adds for one class of actions.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::conditions::{Literal, Solution};
use super::describe::{Describer, Description, Reason};
use super::glob::Glob;
use super::patterns::{Pattern, PatternPairs};
use super::resources::ResourceSpace;
use super::samples::sampled;
use super::search::{Point, Query, Search, SearchResult, widest};
use super::terms::{Facts, Term};

/// The terms of a document for a class of actions, reduced to a resource space.
#[derive(Default)]
pub(super) struct ClassTerms<'a> {
    pub(super) allow: Vec<&'a Term>,
    pub(super) deny: Vec<&'a Term>,
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

pub(super) type Differences = Vec<(Description, SearchResult)>;

impl Class<'_> {
    pub(super) fn gained(&self, searcher: &mut Searcher<'_>) -> Differences {
        let denied = &self.after.deny;
        let candidates = self.after.allow.iter().filter(|term| self.may_gain(term));
        let allowed = widest(candidates.map(|term| Term::clone(term)).collect(), self.facts);
        let mut found = Vec::new();
        for candidate in widest(narrow(allowed, denied, self.facts), self.facts) {
            if !self.is_covered(&candidate, &candidate.when, denied) {
                self.undenied(&candidate, searcher, &mut found);
                self.newly_allowed(candidate, searcher, &mut found);
            }
            if searcher.is_one_enough && found.iter().any(|(_, answer)| matches!(answer, SearchResult::Found(_))) {
                break;
            }
        }
        found
    }

    /// Whether an Allow term of the document after can add access. Few terms of a revision can.
    fn may_gain(&self, term: &Term) -> bool {
        let (allowed, denied) = (&self.before.allow, &self.after.deny);
        let is_undenied = |deny: &&Term| self.meet(deny, term) && !self.is_covered(deny, &deny.when, denied);
        !self.is_covered(term, &term.when, denied)
            && (!self.is_covered(term, &term.when, allowed) || self.before.deny.iter().any(is_undenied))
    }

    /// `A ∧ ¬A' ∧ ¬B`: access that the document before did not allow.
    fn newly_allowed(&self, candidate: Term, searcher: &mut Searcher<'_>, found: &mut Differences) {
        let allowed = &self.before.allow;
        if self.is_covered(&candidate, &candidate.when, allowed) {
            return;
        }
        let none = [allowed.as_slice(), &self.after.deny].concat();
        let excluded: Vec<_> = allowed.iter().map(|term| (*term, Reason::Had)).chain(self.denied()).collect();
        for candidate in widest(narrow(vec![candidate], allowed, self.facts), self.facts) {
            let answer = match self.search(vec![&candidate], &none, None, searcher) {
                SearchResult::Found(_) if candidate.pattern.foreign => SearchResult::Undecided,
                answer @ (SearchResult::Nothing | SearchResult::Found(_) | SearchResult::Undecided) => answer,
            };
            if answer != SearchResult::Nothing {
                let describer =
                    Describer { facts: self.facts, candidate: &candidate, deny: None, also: &[], none: &excluded };
                found.push((describer.description(), answer));
            }
        }
    }

    /// `A ∧ ¬A' ∧ B ∧ B'`: access that the document before allowed and denied, one Deny pattern after the other.
    fn undenied(&self, candidate: &Term, searcher: &mut Searcher<'_>, found: &mut Differences) {
        let (allowed, none) = (&self.before.allow, &self.after.deny);
        if allowed.is_empty() {
            return;
        }
        let both = |deny: &Term| candidate.when.iter().chain(&deny.when).copied().collect::<Vec<_>>();
        let is_relevant = |deny: &&Term| self.meet(deny, candidate) && !self.is_covered(deny, &both(deny), none);
        let denies = self.before.deny.iter().copied().filter(is_relevant).collect();
        for deny in widest(denies, self.facts) {
            let when = both(deny);
            if self.is_covered(candidate, &when, none) {
                continue;
            }
            let some = (!self.is_covered(candidate, &when, allowed)).then_some(allowed);
            let answer = self.search(vec![candidate, deny], none, some, searcher);
            if answer != SearchResult::Nothing {
                let none: Vec<_> = self.denied().collect();
                let describer = Describer { facts: self.facts, candidate, deny: Some(deny), also: &[], none: &none };
                found.push((describer.description(), answer));
            }
        }
    }

    fn denied(&self) -> impl Iterator<Item = (&Term, Reason)> {
        self.after.deny.iter().map(|term| (*term, Reason::Denied))
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

/// Narrows candidates by terms that must not apply. A resource outside of `NotResource: [n…]` is inside some `n`. So a
/// candidate is equal to its parts within those, which are patterns of the document.
fn narrow(candidates: Vec<Term>, none: &[&Term], facts: Facts<'_>) -> Vec<Term> {
    none.iter().filter(|term| !term.exclusions.is_empty()).fold(candidates, |candidates, term| {
        candidates.into_iter().flat_map(|candidate| parts(candidate, term, facts)).collect()
    })
}

fn parts(candidate: Term, none: &Term, facts: Facts<'_>) -> Vec<Term> {
    let pairs = facts.pairs;
    if !facts.atoms.all_follow(&none.when, &candidate.when)
        || none.exclusions.iter().any(|exclusion| exclusion.atom.is_some())
    {
        return vec![candidate];
    }
    let within = none.exclusions.iter().map(|exclusion| &exclusion.pattern);
    let part = |within| Some(Term { pattern: common(&candidate.pattern, within, pairs)?.clone(), ..candidate.clone() });
    let parts: Option<Vec<_>> = within.filter(|within| pairs.overlap(within, &candidate.pattern)).map(part).collect();
    parts.unwrap_or_else(|| vec![candidate])
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

const MAX_EXAMPLES: usize = 12;

pub(super) struct Searcher<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) budget: &'a mut Budget,
    /// A letter for examples that no pattern names.
    pub(super) letter: Option<char>,
    /// Whether a class needs no more than one example.
    pub(super) is_one_enough: bool,
    pub(super) answers: &'a mut ResultCache,
}

pub(super) type ResultCache = BTreeMap<QueryKey, SearchResult>;

/// The numbers of `all`, `none` and `some`.
type QueryKey = (Vec<(usize, usize)>, Vec<usize>, Option<Vec<usize>>);

impl Searcher<'_> {
    pub(super) fn answer(&mut self, query: &Query<'_>) -> SearchResult {
        let query_key = query_key(query);
        if let Some(known) = self.answers.get(&query_key) {
            return known.clone();
        }
        let limit = self.budget.each.min(self.budget.left.max(FLOOR));
        let mut left = limit;
        let guess = self.guess(query, &mut left);
        let answer = guess.unwrap_or_else(|| {
            let reduced = query.reduced(self.facts);
            match Search::new(&reduced, self.facts.atoms, left).run(&mut left) {
                SearchResult::Undecided => {
                    sampled(&reduced, self.facts.atoms).map_or(SearchResult::Undecided, SearchResult::Found)
                }
                settled @ (SearchResult::Nothing | SearchResult::Found(_)) => settled,
            }
        });
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
        let joined = |some: Vec<Glob>, others: Vec<Glob>| -> Vec<Glob> {
            some.iter().flat_map(|one| others.iter().map(|other| one.joined(other))).take(MAX_EXAMPLES).collect()
        };
        let globs = all.chain(some).chain(within).reduce(joined)?;
        let mut examples = globs.iter().filter_map(|glob| query.space.example(glob, letter));
        examples.find_map(|resource| match query.answers_for(&Glob::literal(&resource), self.facts.atoms, left) {
            Solution::Possible(answers) => Some(SearchResult::Found(Rc::new(Point { resource, answers }))),
            Solution::Impossible | Solution::Undecided => None,
        })
    }
}

fn globs<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> Vec<Glob> {
    patterns.into_iter().flat_map(|pattern| pattern.globs.iter().cloned()).take(MAX_EXAMPLES).collect()
}

/// A term that must apply may be narrowed, so its pattern is also part of the key.
fn query_key(query: &Query<'_>) -> QueryKey {
    let ids = |terms: &Vec<&Term>| terms.iter().map(|term| term.id).collect();
    let all = query.all.iter().map(|term| (term.id, term.pattern.number)).collect();
    (all, ids(&query.none), query.some.as_ref().map(ids))
}
