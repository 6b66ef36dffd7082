//! The formulas of requests for some rules, and the terms of a document for them.

use super::actions::ActionSet;
use super::requests::{AskedAction, AskedOn, Formula, RequestKind};
use super::rules::Rules;
use super::terms::Term;
use super::views::{View, class_terms};
use crate::policy::Kind;

/// Some kinds of requests with their formulas.
pub(super) struct Formulas {
    pub(super) kinds: Vec<RequestKind>,
    formulas: Vec<Formula>,
    /// The actions that the formulas name.
    pub(super) action_sets: Vec<ActionSet>,
}

/// What a class of requests asks for: the statements that select each action of each way.
pub(super) type Asking = Vec<[Vec<(AskedOn, Vec<bool>)>; 2]>;

/// The terms of a document for a way: a request is allowed where one term of each list applies, and no term of `deny`.
#[derive(Debug, Clone, Default)]
pub(super) struct WayTerms<'a> {
    pub(super) allow: Vec<Vec<&'a Term>>,
    pub(super) deny: Vec<&'a Term>,
}

impl Formulas {
    pub(super) fn new(kinds: &[RequestKind], rules: &Rules) -> Self {
        let formulas: Vec<Formula> = kinds.iter().map(|kind| kind.formula(rules)).collect();
        let mut names: Vec<&str> = formulas.iter().flat_map(Formula::actions).map(|asked| asked.name).collect();
        names.sort_unstable();
        names.dedup();
        // The kind of the resource is that of the request.
        let action_sets = names.into_iter().map(|name| ActionSet::new(name, Kind::Object)).collect();
        Self { kinds: kinds.to_vec(), formulas, action_sets }
    }

    /// The indices of the actions of a formula.
    pub(super) fn actions_of(&self, formula: usize) -> impl Iterator<Item = usize> {
        self.formulas[formula].actions().into_iter().filter_map(|asked| self.index(asked))
    }

    fn index(&self, asked: AskedAction) -> Option<usize> {
        self.action_sets.iter().position(|action_set| action_set.name == asked.name)
    }

    /// Whether a formula asks for an action without a bucket.
    pub(super) fn asks_account(&self, formula: usize) -> bool {
        self.formulas[formula].actions().iter().any(|asked| asked.on == AskedOn::Account)
    }

    /// What a formula asks for, by the statements that select each action.
    pub(super) fn asking(&self, formula: usize, selects: impl Fn(usize) -> Vec<bool>) -> Asking {
        let asked = |asked: &AskedAction| (asked.on, self.index(*asked).map(&selects).unwrap_or_default());
        let ways = self.formulas[formula].ways.iter();
        ways.map(|way| [&way.allowed, &way.undenied].map(|list| list.iter().map(asked).collect())).collect()
    }

    /// The terms of a document for a formula: only ways that can allow something, in their shortest form.
    pub(super) fn terms<'a>(&self, formula: usize, document: &'a [View<'_>]) -> Vec<WayTerms<'a>> {
        let ways = self.terms_of_ways(formula, document).into_iter().map(WayTerms::shortened);
        joined(ways.filter(|way| way.allow.iter().all(|list| !list.is_empty())).collect())
    }

    /// The terms of a document for each way of a formula.
    pub(super) fn terms_of_ways<'a>(&self, formula: usize, document: &'a [View<'_>]) -> Vec<WayTerms<'a>> {
        let terms = |asked: &AskedAction| {
            self.index(*asked).map(|action| class_terms(document, action, asked.on)).unwrap_or_default()
        };
        let ways = self.formulas[formula].ways.iter().map(|way| {
            let (allowed, undenied): (Vec<_>, Vec<_>) =
                (way.allowed.iter().map(terms).collect(), way.undenied.iter().map(terms).collect());
            let deny = allowed.iter().chain(&undenied).flat_map(|terms| terms.deny.iter().copied()).collect();
            WayTerms { allow: allowed.into_iter().map(|terms| once(terms.allow)).collect(), deny: once(deny) }
        });
        ways.collect()
    }
}

impl<'a> WayTerms<'a> {
    /// The ways by which both of two documents allow a request.
    pub(super) fn of_both(one: &[Self], other: &[Self]) -> Vec<Self> {
        let both = |one: &Self, other: &Self| {
            let allow = one.allow.iter().chain(&other.allow).cloned().collect();
            let deny = once(one.deny.iter().chain(&other.deny).copied().collect());
            Self { allow, deny }.shortened()
        };
        one.iter().flat_map(|one| other.iter().map(move |other| both(one, other))).collect()
    }
}

impl WayTerms<'_> {
    /// Without a list that applies wherever another one does.
    fn shortened(mut self) -> Self {
        let mut kept: Vec<Vec<&Term>> = Vec::new();
        self.allow.sort_by_key(Vec::len);
        for list in self.allow {
            let is_wider = |narrow: &Vec<&Term>| narrow.iter().all(|term| has(&list, term));
            if !kept.iter().any(is_wider) {
                kept.push(list);
            }
        }
        Self { allow: kept, deny: self.deny }
    }
}

/// Ways of one list each and with the same denials are one way.
fn joined(ways: Vec<WayTerms<'_>>) -> Vec<WayTerms<'_>> {
    let mut joined: Vec<WayTerms<'_>> = Vec::new();
    for way in ways {
        let is_single = |way: &WayTerms<'_>| way.allow.len() == 1;
        let is_alike =
            |known: &&mut WayTerms<'_>| is_single(known) && is_single(&way) && ids(&known.deny) == ids(&way.deny);
        match joined.iter_mut().find(is_alike).and_then(|known| known.allow.first_mut()) {
            Some(list) => *list = once(list.iter().copied().chain(way.allow.into_iter().flatten()).collect()),
            None => joined.push(way),
        }
    }
    joined
}

/// Each term once.
fn once(terms: Vec<&Term>) -> Vec<&Term> {
    let mut all: Vec<&Term> = Vec::new();
    for term in terms {
        if !has(&all, term) {
            all.push(term);
        }
    }
    all
}

fn has(terms: &[&Term], term: &Term) -> bool {
    terms.iter().any(|known| known.id == term.id)
}

fn ids(terms: &[&Term]) -> Vec<usize> {
    let mut ids: Vec<usize> = terms.iter().map(|term| term.id).collect();
    ids.sort_unstable();
    ids
}

impl Rules {
    /// Whether every request asks for the same actions by both, and every document is evaluated alike.
    pub(super) fn ask_like(&self, other: &Self) -> bool {
        let formula = |rules| move |kind: &RequestKind| kind.formula(rules);
        self.evaluate_like(other)
            && RequestKind::ALL.iter().map(formula(self)).eq(RequestKind::ALL.iter().map(formula(other)))
    }
}
