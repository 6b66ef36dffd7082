//! The comparison of two documents: for each profile, resource space and class of actions.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::actions::ActionSets;
use super::class::{Budget, Class, ClassTerms, ResultCache, Searcher};
use super::conditions::Atoms;
use super::describe::{Findings, ProfileFindings, Side};
use super::glob::Glob;
use super::patterns::{Pattern, PatternPairs};
use super::resources::{ResourceSpace, unused_letter};
use super::terms::{CompiledStatement, Compiler, Facts, Numbers, Term, normal_statements};
use super::{Context, Profile};
use crate::policy::{Document, Effect, Kind};

/// The access that only one of the documents gives, by side and profile.
pub(super) fn compare<'a>(
    before: Option<&Document>,
    after: Option<&Document>,
    sides: &[Side],
    action_sets: &'a ActionSets,
    context: &Context<'a>,
) -> BTreeMap<Side, ProfileFindings<'a>> {
    let (before, after) = (before.map(normal_statements), after.map(normal_statements));
    let mut atoms = Atoms::default();
    let mut caches = Caches::new(Budget { each: context.state_cap, left: context.state_cap.saturating_mul(2) });
    let mut found: BTreeMap<Side, ProfileFindings<'a>> = BTreeMap::new();
    for profile in Profile::ALL.into_iter().filter(|profile| context.profile.is_none_or(|only| only == *profile)) {
        let compiler = Compiler { profile, user: context.user, action_sets: &action_sets.all };
        let mut compile = |document: &Option<_>| {
            document.as_ref().map_or(Vec::new(), |document| compiler.compile(document, &mut atoms, &mut caches.numbers))
        };
        let (before, after) = (compile(&before), compile(&after));
        let terms = before.iter().chain(&after).flat_map(|statement| &statement.terms);
        let letter = unused_letter(terms.flat_map(Term::letters));
        let comparison = Comparison { compiler, atoms: &atoms, before: &before, after: &after, letter };
        for (side, mut findings) in comparison.run(sides, &mut caches) {
            if action_sets.is_truncated {
                findings.add_all_unknown();
            }
            found.entry(side).or_default().push((profile, findings));
        }
    }
    found
}

/// Results that both profiles and all classes of actions share.
struct Caches {
    numbers: Numbers,
    pairs: PatternPairs,
    views: BTreeMap<ResourceSpace, SpaceView>,
    answers: BTreeMap<ResourceSpace, ResultCache>,
    budget: Budget,
}

impl Caches {
    fn new(budget: Budget) -> Self {
        let (views, answers) = (BTreeMap::new(), BTreeMap::new());
        Self { numbers: Numbers::default(), pairs: PatternPairs::default(), views, answers, budget }
    }
}

/// Two compiled documents.
#[derive(Clone, Copy)]
struct Comparison<'a, 'v> {
    compiler: Compiler<'v>,
    atoms: &'a Atoms,
    before: &'a [CompiledStatement],
    after: &'a [CompiledStatement],
    /// A letter for examples that no pattern names.
    letter: Option<char>,
}

impl<'a, 'v> Comparison<'a, 'v> {
    fn run(self, sides: &[Side], caches: &mut Caches) -> BTreeMap<Side, Findings<'v>> {
        let mut all_findings: BTreeMap<_, _> = sides.iter().map(|side| (*side, Findings::default())).collect();
        for (kind, classes) in self.classes() {
            for &space in ResourceSpace::of(kind, self.compiler.profile) {
                self.within(space, &classes, caches, &mut all_findings);
            }
        }
        all_findings
    }

    fn within(
        self,
        space: ResourceSpace,
        classes: &Classes,
        caches: &mut Caches,
        all_findings: &mut BTreeMap<Side, Findings<'v>>,
    ) {
        let is_needed = |statement: &CompiledStatement| classes.values().any(|actions| statement.selects[actions[0]]);
        let view = caches.views.entry(space).or_insert_with(|| SpaceView::new(space));
        let [before, after] = [self.before, self.after].map(|document| {
            let needed = document.iter().filter(|statement| is_needed(statement));
            needed.map(|statement| view.view(statement, &mut caches.numbers)).collect::<Vec<_>>()
        });
        caches.pairs.make_room(&caches.numbers.patterns);
        let facts = Facts { atoms: self.atoms, pairs: &caches.pairs };
        let answers = caches.answers.entry(space).or_default();
        let mut searcher = Searcher { facts, budget: &mut caches.budget, letter: self.letter, answers };
        for actions in classes.values() {
            let action_sets: Vec<_> = actions.iter().map(|&action| &self.compiler.action_sets[action]).collect();
            let (before, after) = (class_terms(&before, actions[0]), class_terms(&after, actions[0]));
            for (side, findings) in all_findings.iter_mut() {
                let (before, after) = match side {
                    Side::Gained => (&before, &after),
                    Side::Lost => (&after, &before),
                };
                let class = Class { space, facts, before, after };
                class.gained(&mut searcher, &mut |description, answer| {
                    findings.enter(&action_sets, description, answer, space, self.atoms);
                });
            }
        }
    }

    /// The actions of each kind, grouped by the statements of both documents that select them.
    fn classes(self) -> BTreeMap<Kind, Classes> {
        let mut classes: BTreeMap<_, Classes> = BTreeMap::new();
        for (index, action_set) in self.compiler.action_sets.iter().enumerate() {
            let statements = self.before.iter().chain(self.after);
            let selects = statements.map(|statement| statement.selects[index]).collect();
            classes.entry(action_set.kind).or_default().entry(selects).or_default().push(index);
        }
        classes.values_mut().for_each(|classes| classes.retain(|_, actions| self.differ(actions[0])));
        classes.retain(|_, classes| !classes.is_empty());
        classes
    }

    /// Whether the terms of the documents for an action differ. For most actions of two revisions they do not.
    fn differ(self, action: usize) -> bool {
        let terms_of = |document: &'a [CompiledStatement], effect: Effect| {
            let selecting =
                document.iter().filter(move |statement| statement.effect == effect && statement.selects[action]);
            selecting.flat_map(|statement| &statement.terms)
        };
        let same = |effect| {
            let (mut before, mut after) = (terms_of(self.before, effect), terms_of(self.after, effect));
            loop {
                match (before.next(), after.next()) {
                    (None, None) => break true,
                    (Some(one), Some(other)) if one.is_same(other) => {}
                    _ => break false,
                }
            }
        };
        ![Effect::Allow, Effect::Deny].into_iter().all(same)
    }
}

/// Indices of action sets, grouped by the statements that select them.
type Classes = BTreeMap<Vec<bool>, Vec<usize>>;

/// A statement in a resource space.
pub(super) struct View<'a> {
    statement: &'a CompiledStatement,
    /// Its terms as the document has them.
    written: Vec<Cow<'a, Term>>,
    /// Its terms reduced to the space.
    reduced: Vec<Cow<'a, Term>>,
}

/// Reduces statements to a resource space. It remembers patterns, because documents repeat most of them.
pub(super) struct SpaceView {
    space: ResourceSpace,
    shape: Glob,
    /// By the number of a pattern, its number in this space.
    written_numbers: BTreeMap<usize, usize>,
    /// By the number of a pattern, its reduced form; `None` if that is the same.
    reduced_patterns: BTreeMap<usize, Option<Pattern>>,
}

impl SpaceView {
    pub(super) fn new(space: ResourceSpace) -> Self {
        Self { space, shape: space.shape(), written_numbers: BTreeMap::new(), reduced_patterns: BTreeMap::new() }
    }

    pub(super) fn view<'a>(&mut self, statement: &'a CompiledStatement, numbers: &mut Numbers) -> View<'a> {
        let written: Vec<_> = statement.terms.iter().map(|term| self.written(term, numbers)).collect();
        let reduced = written.iter().filter_map(|term| self.reduced(term, numbers)).collect();
        View { statement, written, reduced }
    }

    /// A term as the document has it, in this space.
    fn written<'a>(&mut self, term: &'a Term, numbers: &mut Numbers) -> Cow<'a, Term> {
        let mut written = term.within(self.space);
        if let Cow::Owned(term) = &mut written {
            term.patterns_mut().for_each(|pattern| {
                let number =
                    self.written_numbers.entry(pattern.number).or_insert_with(|| numbers.patterns.next_number());
                pattern.number = *number;
            });
            numbers.number_term(term);
        }
        written
    }

    /// A term without globs that match nothing in this space. `None` if nothing is left.
    fn reduced<'a>(&mut self, term: &Cow<'a, Term>, numbers: &mut Numbers) -> Option<Cow<'a, Term>> {
        let mut reduced = term.clone();
        if term.patterns().any(|pattern| self.reduced_pattern(pattern, numbers).is_some()) {
            let reduced = reduced.to_mut();
            for pattern in reduced.patterns_mut() {
                if let Some(other) = self.reduced_pattern(pattern, numbers) {
                    *pattern = other;
                }
            }
            numbers.number_term(reduced);
        }
        (!reduced.pattern.globs.is_empty()).then_some(reduced)
    }

    fn reduced_pattern(&mut self, pattern: &Pattern, numbers: &mut Numbers) -> Option<Pattern> {
        let find = || {
            let mut reduced = pattern.reduced(self.space, &self.shape)?;
            reduced.number = numbers.patterns.next_number();
            Some(reduced)
        };
        self.reduced_patterns.entry(pattern.number).or_insert_with(find).clone()
    }
}

/// The terms of a document for an action.
pub(super) fn class_terms<'a>(document: &'a [View<'_>], action: usize) -> ClassTerms<'a> {
    let mut class_terms = ClassTerms::default();
    for view in document.iter().filter(|view| view.statement.selects[action]) {
        let terms = match view.statement.effect {
            Effect::Allow => &mut class_terms.allow,
            Effect::Deny => &mut class_terms.deny,
        };
        terms.written.extend(view.written.iter().map(AsRef::as_ref));
        terms.reduced.extend(view.reduced.iter().map(AsRef::as_ref));
    }
    class_terms
}
