//! The comparison of two documents: for each group of rules, resource space and class of actions or requests.

use std::collections::BTreeMap;

use super::Context;
use super::actions::{ActionSet, ActionSets};
use super::class::{Budget, Class, Differences, ResultCache, Searcher};
use super::conditions::Atoms;
use super::findings::{Findings, GroupFindings, Names};
use super::formulas::{Asking, Formulas, WayTerms};
use super::lines::Side;
use super::patterns::{Dialect, PatternPairs, Requester};
use super::requests::{AskedOn, RequestKind};
use super::resources::{ResourceSpace, unused_letter};
use super::rules::Rules;
use super::terms::{CompiledStatement, Compiler, Facts, Numbers, Term, normal_statements};
use super::views::{Known, View, class_terms};
use super::ways::Ways;
use crate::policy::{Document, Effect, Kind};

/// Two documents that are compared. Actions and requests share searches and their limit.
pub(super) struct Engine<'c> {
    before: Option<Document>,
    after: Option<Document>,
    /// The requests that it allows do not count as gained. Actions do not use it.
    granted: Option<Document>,
    context: Context<'c>,
    /// The context of the document before, if it is about another sender.
    pub(super) other: Option<Context<'c>>,
    /// Whether to look for the requests that both documents allow, as gained, instead of what only one of them allows.
    pub(super) is_common: bool,
    atoms: Atoms,
    shared: Shared,
}

/// What all rules and all classes of actions share.
struct Shared {
    numbers: Numbers,
    pairs: PatternPairs,
    answers: BTreeMap<ResourceSpace, ResultCache>,
    budget: Budget,
}

impl<'c> Engine<'c> {
    pub(super) fn new(before: Option<&Document>, after: Option<&Document>, context: &Context<'c>) -> Self {
        Self::beyond(before, after, None, context)
    }

    /// The same without the gained requests that another document allows.
    pub(super) fn beyond(
        before: Option<&Document>,
        after: Option<&Document>,
        granted: Option<&Document>,
        context: &Context<'c>,
    ) -> Self {
        let shared = Shared {
            numbers: Numbers::default(),
            pairs: PatternPairs::default(),
            answers: BTreeMap::new(),
            budget: Budget { each: context.state_cap, left: context.state_cap.saturating_mul(2) },
        };
        let [before, after, granted] = [before, after, granted].map(|document| document.map(normal_statements));
        let (other, atoms) = (None, Atoms::default());
        Self { before, after, granted, context: *context, other, is_common: false, atoms, shared }
    }

    /// The actions that only one of the documents allows, by side and group of rules.
    pub(super) fn actions<'a>(
        &mut self,
        sides: &[Side],
        action_sets: &'a ActionSets,
    ) -> BTreeMap<Side, GroupFindings<'a>> {
        let mut found: BTreeMap<Side, GroupFindings<'a>> = BTreeMap::new();
        for group in self.context.groups(Rules::evaluate_like) {
            let Some(&rules) = group.first() else { continue };
            let (comparison, shared) = self.compile(rules, &action_sets.all);
            for (side, mut findings) in comparison.actions(sides, shared) {
                if action_sets.is_truncated {
                    findings.add_all_unknown();
                }
                found.entry(side).or_default().push((group.clone(), findings));
            }
        }
        found
    }

    /// The requests that only one of the documents allows, by side and group of rules: on the resources that one of
    /// some patterns covers, if there are any.
    pub(super) fn requests(
        &mut self,
        sides: &[Side],
        kinds: &[RequestKind],
        within: Option<&[String]>,
    ) -> BTreeMap<Side, GroupFindings<'static>> {
        let mut found: BTreeMap<Side, GroupFindings<'static>> = BTreeMap::new();
        for group in self.context.groups(Rules::ask_like) {
            let Some(&rules) = group.first() else { continue };
            let formulas = Formulas::new(kinds, &self.context.asked(rules));
            let (comparison, shared) = self.compile(rules, &formulas.action_sets);
            for (side, findings) in comparison.requests(sides, &formulas, within, shared) {
                found.entry(side).or_default().push((group.clone(), findings));
            }
        }
        found
    }

    fn compile<'e, 'v: 'e>(
        &'e mut self,
        rules: Rules,
        action_sets: &'v [ActionSet],
    ) -> (Comparison<'e, 'v>, &'e mut Shared) {
        let compiler = Compiler { rules, requester: self.context.requester(&rules), action_sets };
        let of_other =
            self.other.map_or(compiler.requester, |other| Requester { is_other: true, ..other.requester(&rules) });
        let (atoms, numbers) = (&mut self.atoms, &mut self.shared.numbers);
        let mut compile = |(document, requester): (&Option<Document>, _)| {
            let compiler = Compiler { requester, ..compiler };
            document.as_ref().map_or(Vec::new(), |document| compiler.compile(document, atoms, numbers))
        };
        let all = [&self.before, &self.after, &self.granted];
        let requesters = [of_other, compiler.requester, compiler.requester];
        let [before, after, granted] = std::array::from_fn(|index| compile((all[index], requesters[index])));
        let is_anonymous = requesters.map(|requester| requester.is_anonymous);
        let terms = before.iter().chain(&after).chain(&granted).flat_map(|statement| &statement.terms);
        let letter = unused_letter(terms.flat_map(Term::letters));
        let known = Known { atoms: &self.atoms, conditions: self.context.conditions };
        let is_common = self.is_common;
        let comparison =
            Comparison { compiler, action_sets, known, before, after, granted, is_anonymous, letter, is_common };
        (comparison, &mut self.shared)
    }
}

struct Comparison<'e, 'v> {
    compiler: Compiler<'e>,
    action_sets: &'v [ActionSet],
    known: Known<'e>,
    before: Vec<CompiledStatement>,
    after: Vec<CompiledStatement>,
    granted: Vec<CompiledStatement>,
    /// Whether each of these is for requests without a login.
    is_anonymous: [bool; 3],
    /// A letter for examples that no pattern names.
    letter: Option<char>,
    is_common: bool,
}

/// Indices of actions or requests, grouped by the statements that select what they ask for.
type Classes<K> = BTreeMap<K, Vec<usize>>;

impl<'v> Comparison<'_, 'v> {
    fn actions(&self, sides: &[Side], shared: &mut Shared) -> BTreeMap<Side, Findings<'v>> {
        let mut all_findings: BTreeMap<_, _> = sides.iter().map(|side| (*side, Findings::default())).collect();
        for (kind, classes) in self.classes() {
            let is_needed = |statement: &CompiledStatement| classes.values().any(|class| statement.selects[class[0]]);
            for &space in ResourceSpace::of(kind, &self.compiler.rules) {
                let [before, after, _] = self.views(is_needed, space, None, &mut shared.numbers);
                let mut searcher = self.searcher(space, shared);
                let facts = searcher.facts;
                for actions in classes.values() {
                    let names = Names::of(actions.iter().map(|&action| &self.action_sets[action]));
                    let [before, after] =
                        [&before, &after].map(|views| class_terms(views, actions[0], AskedOn::Resource));
                    for (side, findings) in &mut all_findings {
                        let [less, more] = side.ordered(&before, &after);
                        let differences = Class { space, facts, before: less, after: more }.gained(&mut searcher);
                        self.enter(&names, differences, space, findings);
                    }
                }
            }
        }
        all_findings
    }

    fn requests(
        &self,
        sides: &[Side],
        formulas: &Formulas,
        within: Option<&[String]>,
        shared: &mut Shared,
    ) -> BTreeMap<Side, Findings<'static>> {
        let mut all_findings: BTreeMap<_, _> = sides.iter().map(|side| (*side, Findings::default())).collect();
        for ((kind, has_account), classes) in self.classes_of_requests(formulas) {
            let rules = &self.compiler.rules;
            let of_account = ResourceSpace::of(Kind::Account, rules).iter().copied().map(Some);
            let accounts: Vec<_> = if has_account { of_account.collect() } else { vec![None] };
            for (&space, account) in
                ResourceSpace::of(kind, rules).iter().flat_map(|s| accounts.iter().map(move |a| (s, *a)))
            {
                let [before, after, granted] = self.views(|_| true, space, account, &mut shared.numbers);
                let within = within.map(|within| self.patterns(within, space, &mut shared.numbers));
                let mut searcher = self.searcher(space, shared);
                let facts = searcher.facts;
                for class in classes.values() {
                    let known = class.iter().map(|&index| formulas.kinds[index].word()).collect();
                    let names = Names { known, unknown: Vec::new() };
                    let [before, after, granted] =
                        [&before, &after, &granted].map(|views| formulas.terms(class[0], views));
                    let common = if self.is_common { WayTerms::of_both(&before, &after) } else { Vec::new() };
                    for (side, findings) in &mut all_findings {
                        let [less, more] = if self.is_common {
                            [&[][..], &common]
                        } else {
                            side.ordered(before.as_slice(), after.as_slice())
                        };
                        let less = [less, &granted].concat();
                        let ways = Ways { space, facts, before: &less, after: more, within: within.as_deref() };
                        self.enter(&names, ways.gained(&mut searcher), space, findings);
                    }
                }
            }
        }
        all_findings
    }

    fn enter<'n>(&self, names: &Names<'n>, found: Differences, space: ResourceSpace, findings: &mut Findings<'n>) {
        let dialect = Dialect { rules: self.compiler.rules, variables: true, requester: self.compiler.requester };
        for (description, answer) in found {
            findings.enter(names, description, answer, space, (self.known.atoms, dialect));
        }
    }

    fn searcher<'s>(&'s self, space: ResourceSpace, shared: &'s mut Shared) -> Searcher<'s> {
        shared.pairs.make_room(shared.numbers.patterns());
        let facts = Facts { atoms: self.known.atoms, pairs: &shared.pairs };
        let answers = shared.answers.entry(space).or_default();
        Searcher { facts, budget: &mut shared.budget, letter: self.letter, answers }
    }

    fn views(
        &self,
        is_needed: impl Fn(&CompiledStatement) -> bool,
        space: ResourceSpace,
        account: Option<ResourceSpace>,
        numbers: &mut Numbers,
    ) -> [Vec<View<'_>>; 3] {
        let documents = [&self.before, &self.after, &self.granted];
        std::array::from_fn(|index| {
            // No bucket policy is about what has no bucket.
            let is_without_bucket = self.is_anonymous[index] && space.only_resource().is_some();
            let account = account.filter(|_| !self.is_anonymous[index]);
            let needed = documents[index].iter().filter(|statement| is_needed(statement) && !is_without_bucket);
            needed.map(|statement| View::new(statement, space, account, self.known, numbers)).collect()
        })
    }

    /// The terms of patterns of names of buckets, or of buckets with keys. They mean the same by all rules.
    fn patterns(&self, patterns: &[String], space: ResourceSpace, numbers: &mut Numbers) -> Vec<Term> {
        let dialect = Dialect { rules: Rules::AWS, variables: false, requester: self.compiler.requester };
        let term = |text: &String| Term::plain(&space.as_named(text), dialect, numbers).reduced(space, numbers);
        patterns.iter().filter_map(term).collect()
    }

    /// The actions of each kind for which the documents differ, grouped by the statements that select them.
    fn classes(&self) -> BTreeMap<Kind, Classes<Vec<bool>>> {
        let mut classes: BTreeMap<_, Classes<_>> = BTreeMap::new();
        for (index, action_set) in self.action_sets.iter().enumerate().filter(|(index, _)| self.differ(*index)) {
            classes.entry(action_set.kind).or_default().entry(self.selects(index)).or_default().push(index);
        }
        classes
    }

    /// The same of requests, also by whether they ask for an action without a bucket.
    fn classes_of_requests(&self, formulas: &Formulas) -> BTreeMap<(Kind, bool), Classes<Asking>> {
        let mut classes: BTreeMap<_, Classes<_>> = BTreeMap::new();
        for (index, kind) in formulas.kinds.iter().enumerate() {
            if self.is_common || formulas.actions_of(index).any(|action| self.differ(action)) {
                let asking = formulas.asking(index, |action| self.selects(action));
                let key = (kind.kind(), formulas.asks_account(index));
                classes.entry(key).or_default().entry(asking).or_default().push(index);
            }
        }
        classes
    }

    /// The statements that select an action: of the document before, then of that after, then of the granted one.
    fn selects(&self, action: usize) -> Vec<bool> {
        let statements = self.before.iter().chain(&self.after).chain(&self.granted);
        statements.map(|statement| statement.selects[action]).collect()
    }

    /// Whether the terms of the documents for an action differ. For most actions of two revisions they do not.
    fn differ(&self, action: usize) -> bool {
        [Effect::Allow, Effect::Deny].into_iter().any(|effect| {
            let ids = |document: &'_ [CompiledStatement]| -> Vec<usize> {
                let selecting = document.iter().filter(|one| one.effect == effect && one.selects[action]);
                selecting.flat_map(|statement| statement.terms.iter().map(|term| term.id)).collect()
            };
            ids(&self.before) != ids(&self.after)
        })
    }
}

impl Side {
    /// What is before and what is after, as this side sees it.
    fn ordered<T>(self, before: T, after: T) -> [T; 2] {
        match self {
            Self::Gained => [before, after],
            Self::Lost => [after, before],
        }
    }
}
