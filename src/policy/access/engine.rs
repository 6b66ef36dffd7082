//! The comparison of two documents: for each group of rules, resource space and class of actions.

use std::collections::BTreeMap;

use super::Context;
use super::actions::ActionSets;
use super::class::{Budget, Class, ClassTerms, ResultCache, Searcher};
use super::conditions::Atoms;
use super::describe::{Findings, GroupFindings, Side};
use super::patterns::{Dialect, PatternPairs};
use super::resources::{ResourceSpace, unused_letter};
use super::terms::{CompiledStatement, Compiler, Facts, Numbers, Term, normal_statements};
use crate::policy::{Document, Effect, Kind};

/// The access that only one of the documents gives, by side and group of rules.
pub(super) fn compare<'a>(
    before: Option<&Document>,
    after: Option<&Document>,
    sides: &[Side],
    action_sets: &'a ActionSets,
    context: &Context<'a>,
) -> BTreeMap<Side, GroupFindings<'a>> {
    let (before, after) = (before.map(normal_statements), after.map(normal_statements));
    let mut atoms = Atoms::default();
    let mut shared = Shared {
        numbers: Numbers::default(),
        pairs: PatternPairs::default(),
        answers: BTreeMap::new(),
        budget: Budget { each: context.state_cap, left: context.state_cap.saturating_mul(2) },
    };
    let mut found: BTreeMap<Side, GroupFindings<'a>> = BTreeMap::new();
    for group in context.rules.groups() {
        let Some(&rules) = group.first() else { continue };
        let compiler = Compiler { rules, user: context.user, action_sets: &action_sets.all };
        let mut compile = |document: &Option<_>| {
            document.as_ref().map_or(Vec::new(), |document| compiler.compile(document, &mut atoms, &mut shared.numbers))
        };
        let (before, after) = (compile(&before), compile(&after));
        let terms = before.iter().chain(&after).flat_map(|statement| &statement.terms);
        let letter = unused_letter(terms.flat_map(Term::letters));
        let comparison = Comparison { compiler, atoms: &atoms, before: &before, after: &after, letter };
        for (side, mut findings) in comparison.run(sides, &mut shared) {
            if action_sets.is_truncated {
                findings.add_all_unknown();
            }
            found.entry(side).or_default().push((group.clone(), findings));
        }
    }
    found
}

/// What all rules and all classes of actions share.
struct Shared {
    numbers: Numbers,
    pairs: PatternPairs,
    answers: BTreeMap<ResourceSpace, ResultCache>,
    budget: Budget,
}

#[derive(Clone, Copy)]
struct Comparison<'a, 'v> {
    compiler: Compiler<'v>,
    atoms: &'a Atoms,
    before: &'a [CompiledStatement],
    after: &'a [CompiledStatement],
    /// A letter for examples that no pattern names.
    letter: Option<char>,
}

impl<'v> Comparison<'_, 'v> {
    fn run(self, sides: &[Side], shared: &mut Shared) -> BTreeMap<Side, Findings<'v>> {
        let mut all_findings: BTreeMap<_, _> = sides.iter().map(|side| (*side, Findings::default())).collect();
        for (kind, classes) in self.classes() {
            for &space in ResourceSpace::of(kind, &self.compiler.rules) {
                self.within(space, &classes, shared, &mut all_findings);
            }
        }
        all_findings
    }

    fn within(
        self,
        space: ResourceSpace,
        classes: &Classes,
        shared: &mut Shared,
        all_findings: &mut BTreeMap<Side, Findings<'v>>,
    ) {
        let is_needed = |statement: &&CompiledStatement| classes.values().any(|class| statement.selects[class[0]]);
        let [before, after] = [self.before, self.after].map(|document| {
            let needed = document.iter().filter(is_needed);
            needed.map(|statement| View::new(statement, space, &mut shared.numbers)).collect::<Vec<_>>()
        });
        shared.pairs.make_room(shared.numbers.patterns());
        let facts = Facts { atoms: self.atoms, pairs: &shared.pairs };
        let answers = shared.answers.entry(space).or_default();
        let dialect = Dialect { rules: self.compiler.rules, variables: true, user: self.compiler.user };
        let mut searcher = Searcher { facts, budget: &mut shared.budget, letter: self.letter, answers };
        for actions in classes.values() {
            let action_sets: Vec<_> = actions.iter().map(|&action| &self.compiler.action_sets[action]).collect();
            let (before, after) = (class_terms(&before, actions[0]), class_terms(&after, actions[0]));
            for (side, findings) in all_findings.iter_mut() {
                let (before, after) = match side {
                    Side::Gained => (&before, &after),
                    Side::Lost => (&after, &before),
                };
                for (description, answer) in (Class { space, facts, before, after }).gained(&mut searcher) {
                    findings.enter(&action_sets, description, answer, space, (self.atoms, dialect));
                }
            }
        }
    }

    /// The actions of each kind for which the documents differ, grouped by the statements that select them.
    fn classes(self) -> BTreeMap<Kind, Classes> {
        let mut classes: BTreeMap<_, Classes> = BTreeMap::new();
        for (index, action_set) in self.compiler.action_sets.iter().enumerate().filter(|(index, _)| self.differ(*index))
        {
            let statements = self.before.iter().chain(self.after);
            let selects = statements.map(|statement| statement.selects[index]).collect();
            classes.entry(action_set.kind).or_default().entry(selects).or_default().push(index);
        }
        classes
    }

    /// Whether the terms of the documents for an action differ. For most actions of two revisions they do not.
    fn differ(self, action: usize) -> bool {
        [Effect::Allow, Effect::Deny].into_iter().any(|effect| {
            let ids = |document: &'_ [CompiledStatement]| -> Vec<usize> {
                let selecting = document.iter().filter(|one| one.effect == effect && one.selects[action]);
                selecting.flat_map(|statement| statement.terms.iter().map(|term| term.id)).collect()
            };
            ids(self.before) != ids(self.after)
        })
    }
}

/// Indices of action sets, grouped by the statements that select them.
type Classes = BTreeMap<Vec<bool>, Vec<usize>>;

struct View<'a> {
    statement: &'a CompiledStatement,
    /// Its terms reduced to the space.
    terms: Vec<Term>,
}

impl<'a> View<'a> {
    fn new(statement: &'a CompiledStatement, space: ResourceSpace, numbers: &mut Numbers) -> Self {
        let reduced = statement.terms.iter().filter_map(|term| {
            let within = term.within(space, numbers);
            // Both resources of no bucket are one line, so a term about either shapes its words.
            let reduced = within.reduced(space, numbers);
            let mut is_of_star =
                || space == ResourceSpace::Bare && term.reduced(ResourceSpace::Star, numbers).is_some();
            reduced.or_else(|| is_of_star().then_some(within))
        });
        Self { statement, terms: reduced.collect() }
    }
}

fn class_terms<'a>(document: &'a [View<'_>], action: usize) -> ClassTerms<'a> {
    let mut class_terms = ClassTerms::default();
    for view in document.iter().filter(|view| view.statement.selects[action]) {
        let terms = match view.statement.effect {
            Effect::Allow => &mut class_terms.allow,
            Effect::Deny => &mut class_terms.deny,
        };
        terms.extend(&view.terms);
    }
    class_terms
}
