//! The comparison of two documents: for each group of rules, resource space and class of actions or requests.

use std::collections::BTreeMap;

use super::Context;
use super::actions::ActionSets;
use super::class::{Budget, Differences, ResultCache, Searcher};
use super::conditions::Atoms;
use super::findings::{Findings, GroupFindings, Names};
use super::formulas::{Asking, Formulas, Subject, WayTerms};
use super::lines::Side;
use super::patterns::{Dialect, PatternPairs, Requester};
use super::requests::{AskedOn, RequestKind};
use super::resources::{ResourceSpace, unused_letter};
use super::rules::Rules;
use super::terms::{CompiledStatement, Compiler, Facts, Numbers, Term, normal_statements};
use super::views::{Known, View};
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
    /// Whether one example of each class is enough.
    pub(super) is_one_enough: bool,
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
        let (is_common, is_one_enough) = (false, false);
        Self { before, after, granted, context: *context, other, is_common, is_one_enough, atoms, shared }
    }

    /// The actions that only one of the documents allows, by side and group of rules.
    pub(super) fn actions<'a>(
        &mut self,
        sides: &[Side],
        action_sets: &'a ActionSets,
    ) -> BTreeMap<Side, GroupFindings<'a>> {
        let mut found = self.compare(sides, Rules::evaluate_like, |_| Formulas::of_actions(&action_sets.all), None);
        let findings = found.values_mut().flatten().filter(|_| action_sets.is_truncated);
        findings.for_each(|(_, findings)| findings.add_all_unknown());
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
        let context = self.context;
        self.compare(sides, Rules::ask_like, |rules| Formulas::of_requests(kinds, &context.asked(rules)), within)
    }

    fn compare<'a>(
        &mut self,
        sides: &[Side],
        is_like: fn(&Rules, &Rules) -> bool,
        formulas: impl Fn(Rules) -> Formulas<'a>,
        within: Option<&[String]>,
    ) -> BTreeMap<Side, GroupFindings<'a>> {
        let mut found: BTreeMap<Side, GroupFindings<'a>> = BTreeMap::new();
        for group in self.context.groups(is_like) {
            let Some(&rules) = group.first() else { continue };
            let formulas = formulas(rules);
            let (comparison, shared) = self.compile(rules, &formulas);
            for (side, findings) in comparison.findings(sides, within, shared) {
                found.entry(side).or_default().push((group.clone(), findings));
            }
        }
        found
    }

    fn compile<'e, 'a>(&'e mut self, rules: Rules, formulas: &'e Formulas<'a>) -> (Comparison<'e, 'a>, &'e mut Shared) {
        let requester = self.context.requester(&rules);
        let compiler = Compiler { rules, requester, action_sets: &formulas.action_sets };
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
        let (is_common, is_one_enough) = (self.is_common, self.is_one_enough);
        let comparison = Comparison {
            compiler,
            formulas,
            known,
            before,
            after,
            granted,
            is_anonymous,
            letter,
            is_common,
            is_one_enough,
        };
        (comparison, &mut self.shared)
    }
}

struct Comparison<'e, 'a> {
    compiler: Compiler<'e>,
    formulas: &'e Formulas<'a>,
    known: Known<'e>,
    before: Vec<CompiledStatement>,
    after: Vec<CompiledStatement>,
    granted: Vec<CompiledStatement>,
    /// Whether each of these is for requests without a login.
    is_anonymous: [bool; 3],
    /// A letter for examples that no pattern names.
    letter: Option<char>,
    is_common: bool,
    is_one_enough: bool,
}

/// Actions or requests, grouped by the statements that select what they ask for.
type Classes<'e, 'a> = BTreeMap<Asking, Vec<&'e Subject<'a>>>;

impl<'e, 'a> Comparison<'e, 'a> {
    fn findings(&self, sides: &[Side], within: Option<&[String]>, shared: &mut Shared) -> BTreeMap<Side, Findings<'a>> {
        let mut all_findings: BTreeMap<_, _> = sides.iter().map(|side| (*side, Findings::default())).collect();
        let rules = &self.compiler.rules;
        for ((kind, has_account), classes) in self.classes() {
            let of_account = ResourceSpace::of(Kind::Account, rules).iter().copied().map(Some);
            let accounts: Vec<_> = if has_account { of_account.collect() } else { vec![None] };
            for (&space, account) in
                ResourceSpace::of(kind, rules).iter().flat_map(|s| accounts.iter().map(move |a| (s, *a)))
            {
                let [before, after, granted] = self.views(&classes, space, account, &mut shared.numbers);
                let within = within.map(|within| self.patterns(within, space, &mut shared.numbers));
                let mut searcher = self.searcher(space, shared);
                let facts = searcher.facts;
                for class in classes.values() {
                    let names = Names::of(class);
                    let [before, after, granted] = [&before, &after, &granted].map(|views| class[0].terms(views));
                    let common = if self.is_common { WayTerms::of_both(&before, &after) } else { Vec::new() };
                    for (side, findings) in &mut all_findings {
                        let [less, more] = match side {
                            _ if self.is_common => [&[][..], &common],
                            Side::Gained => [before.as_slice(), &after],
                            Side::Lost => [after.as_slice(), &before],
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

    fn enter(&self, names: &Names<'a>, found: Differences, space: ResourceSpace, findings: &mut Findings<'a>) {
        let dialect = Dialect { rules: self.compiler.rules, variables: true, requester: self.compiler.requester };
        for (description, answer) in found {
            findings.enter(names, description, answer, space, (self.known.atoms, dialect));
        }
    }

    fn searcher<'s>(&'s self, space: ResourceSpace, shared: &'s mut Shared) -> Searcher<'s> {
        shared.pairs.make_room(shared.numbers.patterns());
        let facts = Facts { atoms: self.known.atoms, pairs: &shared.pairs };
        let answers = shared.answers.entry(space).or_default();
        Searcher { facts, budget: &mut shared.budget, letter: self.letter, is_one_enough: self.is_one_enough, answers }
    }

    /// The statements that select an action of some classes.
    fn views(
        &self,
        classes: &Classes<'_, '_>,
        space: ResourceSpace,
        account: Option<ResourceSpace>,
        numbers: &mut Numbers,
    ) -> [Vec<View<'_>>; 3] {
        let documents = [&self.before, &self.after, &self.granted];
        let is_needed = |statement: &CompiledStatement| {
            classes.values().any(|class| class[0].actions().any(|(_, action)| statement.selects[action]))
        };
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

    /// The actions or requests for which the documents differ, by kind of resource and by whether they ask for an action without
    /// a bucket.
    fn classes(&self) -> BTreeMap<(Kind, bool), Classes<'e, 'a>> {
        let mut classes: BTreeMap<_, Classes<'_, '_>> = BTreeMap::new();
        for subject in &self.formulas.all {
            if self.is_common || subject.actions().any(|(_, action)| self.differ(action)) {
                let key = (subject.kind, subject.actions().any(|(on, _)| on == AskedOn::Account));
                let asking = subject.asking(|action| self.selects(action));
                classes.entry(key).or_default().entry(asking).or_default().push(subject);
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
