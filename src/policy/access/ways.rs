//! The requests that one document adds, of a class of kinds that may ask for several actions.

use super::class::{Class, ClassTerms, Differences, Searcher};
use super::conditions::Literal;
use super::describe::{Describer, Description, Reason};
use super::formulas::WayTerms;
use super::resources::ResourceSpace;
use super::search::{Query, SearchResult, maximal, widest};
use super::terms::{Facts, Term};

/// The ways of both documents for a class of requests. A resource is gained where a way of the document after allows it,
/// and no way of the document before.
pub(super) struct Ways<'a> {
    pub(super) space: ResourceSpace,
    pub(super) facts: Facts<'a>,
    pub(super) before: &'a [WayTerms<'a>],
    pub(super) after: &'a [WayTerms<'a>],
    /// If present, only resources count to which one of these applies.
    pub(super) within: Option<&'a [Term]>,
}

/// Terms that all apply: one of each list of a way. None of them includes another.
type Candidate<'a> = Vec<&'a Term>;

/// Why a way of the document before does not allow a request.
#[derive(Clone)]
enum Lack<'a> {
    /// None of these terms applies.
    NotAllowed(Vec<&'a Term>),
    /// This term denies it.
    Denied(&'a Term),
}

/// The number of candidates and of queries beyond which a class is undecided. Real documents have a few.
const MAX_COMBINATIONS: usize = 2_000;

impl<'a> Ways<'a> {
    pub(super) fn gained(&self, searcher: &mut Searcher<'_>) -> Differences {
        if let (None, Some(before), Some(after)) = (self.within, single(self.before), single(self.after)) {
            let (space, facts) = (self.space, self.facts);
            return Class { space, facts, before: &before, after: &after }.gained(searcher);
        }
        let mut found = Vec::new();
        for way in self.after {
            match self.candidates(way) {
                Some(candidates) => {
                    for candidate in candidates {
                        self.compare(way, &candidate, searcher, &mut found);
                    }
                }
                None => found.push((everything(), SearchResult::Undecided)),
            }
        }
        found
    }

    /// The combinations of terms by which a way can allow something. `None` if there are too many.
    fn candidates(&self, way: &WayTerms<'a>) -> Option<Vec<Candidate<'a>>> {
        let within = self.within.map(|within| within.iter().collect::<Vec<_>>());
        let mut candidates: Vec<Candidate<'a>> = vec![Vec::new()];
        for list in way.allow.iter().chain(&within) {
            let list = widest(list.clone(), self.facts);
            let with = |candidate: &Candidate<'a>| -> Vec<Candidate<'a>> {
                list.iter().filter_map(|term| self.with(candidate, term)).collect()
            };
            candidates = candidates.iter().flat_map(with).collect();
            if candidates.len() > MAX_COMBINATIONS {
                return None;
            }
        }
        candidates.retain(|candidate| !self.is_denied(candidate, way));
        let includes = |wide: &Candidate<'a>, narrow: &Candidate<'a>| {
            wide.iter().all(|term| narrow.iter().any(|other| term.includes(other, self.facts)))
        };
        Some(maximal(candidates, includes))
    }

    /// A candidate to which a term is added. `None` if they never apply together.
    fn with(&self, candidate: &Candidate<'a>, term: &'a Term) -> Option<Candidate<'a>> {
        if candidate.iter().any(|other| !self.meet(other, term)) {
            return None;
        }
        if candidate.iter().any(|other| term.includes(other, self.facts)) {
            return Some(candidate.clone());
        }
        let others = candidate.iter().copied().filter(|other| !other.includes(term, self.facts));
        Some(others.chain([term]).collect())
    }

    fn is_denied(&self, candidate: &Candidate<'a>, way: &WayTerms<'_>) -> bool {
        way.deny.iter().any(|deny| self.is_sure(deny, candidate))
    }

    /// Looks for requests of a candidate that the document before does not allow.
    fn compare(
        &self,
        way: &WayTerms<'a>,
        candidate: &Candidate<'a>,
        searcher: &mut Searcher<'_>,
        found: &mut Differences,
    ) {
        let mut combinations: Vec<Vec<Lack<'a>>> = vec![Vec::new()];
        for lacks in self.before.iter().filter_map(|before| self.lacks(before, way, candidate)) {
            let with = |known: &Vec<Lack<'a>>| -> Vec<Vec<Lack<'a>>> {
                lacks.iter().map(|lack| known.iter().chain([lack]).cloned().collect()).collect()
            };
            combinations = combinations.iter().flat_map(with).collect();
            if combinations.len() > MAX_COMBINATIONS {
                found.push((self.description(candidate, &[], &[]), SearchResult::Undecided));
                return;
            }
        }
        for lacks in combinations {
            self.search(way, candidate, &lacks, searcher, found);
        }
    }

    /// How a way of the document before may not allow requests of a candidate. `None` if it allows none of them.
    fn lacks(&self, before: &WayTerms<'a>, way: &WayTerms<'a>, candidate: &Candidate<'a>) -> Option<Vec<Lack<'a>>> {
        let mut lacks = Vec::new();
        for list in &before.allow {
            let meeting: Vec<&Term> = list.iter().copied().filter(|term| self.meets(term, candidate)).collect();
            if meeting.is_empty() {
                return None;
            }
            if !meeting.iter().any(|term| self.is_sure(term, candidate)) {
                lacks.push(Lack::NotAllowed(meeting));
            }
        }
        let is_free = |deny: &&Term| {
            self.meets(deny, candidate) && !way.deny.iter().any(|other| other.includes(deny, self.facts))
        };
        let denies: Vec<&Term> = before.deny.iter().copied().filter(is_free).collect();
        lacks.extend(widest(denies, self.facts).into_iter().map(Lack::Denied));
        Some(lacks)
    }

    fn search(
        &self,
        way: &WayTerms<'a>,
        candidate: &Candidate<'a>,
        lacks: &[Lack<'a>],
        searcher: &mut Searcher<'_>,
        found: &mut Differences,
    ) {
        let mut all = candidate.clone();
        let mut excluded: Vec<(&Term, Reason)> = Vec::new();
        for lack in lacks {
            match lack {
                Lack::NotAllowed(terms) => excluded.extend(terms.iter().map(|term| (*term, Reason::Had))),
                Lack::Denied(deny) => match self.with(&all, deny) {
                    Some(narrowed) => all = narrowed,
                    None => return,
                },
            }
        }
        excluded.extend(way.deny.iter().map(|term| (*term, Reason::Denied)));
        excluded.retain(|(term, _)| self.meets(term, &all));
        if excluded.iter().any(|(term, _)| self.is_sure(term, &all)) {
            return;
        }
        let none = excluded.iter().map(|(term, _)| *term).collect();
        let answer = match searcher.answer(&Query { space: self.space, all: all.clone(), none, some: None }) {
            SearchResult::Found(_) if candidate.iter().any(|term| term.pattern.foreign) => SearchResult::Undecided,
            answer @ (SearchResult::Nothing | SearchResult::Found(_) | SearchResult::Undecided) => answer,
        };
        if answer != SearchResult::Nothing {
            found.push((self.description(&all, &excluded, candidate), answer));
        }
    }

    /// The words for requests to which all of some terms apply. Its pattern is one of `leading`, if there is any.
    fn description(&self, all: &[&Term], excluded: &[(&Term, Reason)], leading: &[&Term]) -> Description {
        let pairs = self.facts.pairs;
        let is_within_all = |term: &&&Term| all.iter().all(|other| pairs.covers(&other.pattern, &term.pattern));
        let leads = |term: &&&Term| term.exclusions.is_empty() && leading.iter().any(|other| other.id == term.id);
        let plain = |term: &&&Term| term.exclusions.is_empty();
        let narrowest = all.iter().filter(is_within_all).find(plain);
        let main = narrowest.or_else(|| all.iter().find(leads)).or_else(|| all.iter().find(plain)).or(all.first());
        let Some(main) = main else { return everything() };
        let also: Vec<&Term> = all.iter().copied().filter(|term| term.id != main.id).collect();
        Describer { facts: self.facts, candidate: main, deny: None, also: &also, none: excluded }.description()
    }

    /// Whether a term applies to everything to which all terms of a candidate apply. It can be wrongly false.
    fn is_sure(&self, term: &Term, candidate: &[&Term]) -> bool {
        let when: Vec<Literal> = candidate.iter().flat_map(|term| &term.when).copied().collect();
        candidate.iter().any(|other| term.covers(other, self.facts.pairs))
            && self.facts.atoms.all_follow(&term.when, &when)
    }

    /// Whether a term can apply together with all terms of a candidate. It can be wrongly true.
    fn meets(&self, term: &Term, candidate: &[&Term]) -> bool {
        candidate.iter().all(|other| self.meet(term, other))
    }

    fn meet(&self, one: &Term, other: &Term) -> bool {
        let pairs = self.facts.pairs;
        one.overlaps(&other.pattern, pairs)
            && other.overlaps(&one.pattern, pairs)
            && !self.facts.atoms.conflict(&one.when, &other.when)
    }
}

/// The terms of a formula that is a single action.
fn single<'a>(ways: &[WayTerms<'a>]) -> Option<ClassTerms<'a>> {
    match ways {
        [] => Some(ClassTerms::default()),
        [WayTerms { allow, deny }] => match allow.as_slice() {
            [only] => Some(ClassTerms { allow: only.clone(), deny: deny.clone() }),
            _ => None,
        },
        _ => None,
    }
}

fn everything() -> Description {
    Description { pattern: "arn:aws:s3:::*".into(), ..Description::default() }
}
