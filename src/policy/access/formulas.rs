//! The formulas of actions and of requests for some rules, and the terms of a document for them.

use std::borrow::Cow;

use super::actions::ActionSet;
use super::requests::{AskedAction, AskedOn, Formula, RequestKind, Way};
use super::rules::Rules;
use super::terms::Term;
use super::views::{View, class_terms};
use crate::policy::Kind;

/// Actions or kinds of requests with their formulas.
pub(super) struct Formulas<'a> {
    pub(super) all: Vec<Subject<'a>>,
    /// The actions that the formulas name.
    pub(super) action_sets: Cow<'a, [ActionSet]>,
}

/// An action or a kind of requests, and the actions that it asks for.
pub(super) struct Subject<'a> {
    /// The name of the action or of the set of actions, or the word of the kind.
    pub(super) name: &'a str,
    /// Whether it is no set of unknown actions.
    pub(super) is_known: bool,
    /// The kind of its resource.
    pub(super) kind: Kind,
    /// Of each way, the indices of the actions that must be allowed, and of those that must not be denied.
    ways: Vec<[Vec<(AskedOn, usize)>; 2]>,
}

/// What a class asks for: the statements that select each action of each way.
pub(super) type Asking = Vec<[Vec<(AskedOn, Vec<bool>)>; 2]>;

/// The terms of a document for a way: a request is allowed where one term of each list applies, and no term of `deny`.
#[derive(Debug, Clone, Default)]
pub(super) struct WayTerms<'a> {
    pub(super) allow: Vec<Vec<&'a Term>>,
    pub(super) deny: Vec<&'a Term>,
}

impl<'a> Formulas<'a> {
    pub(super) fn of_actions(action_sets: &'a [ActionSet]) -> Self {
        let subject = |(index, action_set): (usize, &'a ActionSet)| Subject {
            name: &action_set.name,
            is_known: action_set.known,
            kind: action_set.kind,
            ways: vec![[vec![(AskedOn::Resource, index)], Vec::new()]],
        };
        Self { all: action_sets.iter().enumerate().map(subject).collect(), action_sets: Cow::Borrowed(action_sets) }
    }

    pub(super) fn of_requests(kinds: &[RequestKind], rules: &Rules) -> Self {
        let formulas: Vec<Formula> = kinds.iter().map(|kind| kind.formula(rules)).collect();
        let mut names: Vec<&str> = formulas.iter().flat_map(Formula::actions).map(|asked| asked.name).collect();
        names.sort_unstable();
        names.dedup();
        let index = |asked: &AskedAction| Some((asked.on, names.binary_search(&asked.name).ok()?));
        let way = |way: &Way| [&way.allowed, &way.undenied].map(|list| list.iter().filter_map(index).collect());
        let subject = |(kind, formula): (&RequestKind, &Formula)| Subject {
            name: kind.word(),
            is_known: true,
            kind: kind.kind(),
            ways: formula.ways.iter().map(way).collect(),
        };
        let all = kinds.iter().zip(&formulas).map(subject).collect();
        // The kind of the resource is that of the request.
        Self { all, action_sets: names.iter().map(|name| ActionSet::new(name, Kind::Object)).collect() }
    }
}

impl Subject<'_> {
    /// All actions that it asks for, with their resources.
    pub(super) fn actions(&self) -> impl Iterator<Item = (AskedOn, usize)> {
        self.ways.iter().flatten().flatten().copied()
    }

    /// What it asks for, by the statements that select each action.
    pub(super) fn asking(&self, selects: impl Fn(usize) -> Vec<bool>) -> Asking {
        let asked = |(on, action): &(AskedOn, usize)| (*on, selects(*action));
        self.ways.iter().map(|way| way.each_ref().map(|list| list.iter().map(asked).collect())).collect()
    }

    /// The terms of a document for it: only ways that can allow something, in their shortest form.
    pub(super) fn terms<'t>(&self, document: &'t [View<'_>]) -> Vec<WayTerms<'t>> {
        let ways = self.terms_of_ways(document).into_iter().map(WayTerms::shortened);
        joined(ways.filter(|way| way.allow.iter().all(|list| !list.is_empty())).collect())
    }

    /// The terms of a document for each way.
    pub(super) fn terms_of_ways<'t>(&self, document: &'t [View<'_>]) -> Vec<WayTerms<'t>> {
        let ways = self.ways.iter().map(|way| {
            let [allowed, undenied] = way.each_ref().map(|list| -> Vec<_> {
                list.iter().map(|(on, action)| class_terms(document, *action, *on)).collect()
            });
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
