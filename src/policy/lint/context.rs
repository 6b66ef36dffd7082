//! The checked document as the rules see it: its entries with their places, and the actions that they match.

use super::super::catalogue::{Action, Catalogue};
use super::super::document::{Clause, Document, Effect, Part, Place, Statement};
use super::super::normal::Normal;
use super::finding::{Lint, LintInput};
use super::patterns::{covers, has_wildcard, path};
use crate::policy::rule::Rule;

/// A rule with the function that checks it.
pub(super) struct Check {
    pub(super) rule: &'static Rule,
    pub(super) run: fn(&Context<'_>) -> Vec<Lint>,
}

/// The document that the rules check.
pub(super) struct Context<'a> {
    pub(super) document: &'a Document,
    pub(super) catalogue: &'a Catalogue,
    pub(super) text_length: Option<usize>,
    pub(super) normal: &'a Normal,
    /// The form of each entry of [`actions`](Self::actions), in the same order.
    pub(super) action_forms: Vec<ActionForm>,
}

/// An entry of `Action` or `Resource` with its statement.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) place: Place,
    pub(super) statement: &'a Statement,
    pub(super) pattern: &'a str,
}

/// A clause with its statement.
#[derive(Clone, Copy)]
pub(super) struct ClauseAt<'a> {
    pub(super) at: usize,
    pub(super) index: usize,
    pub(super) statement: &'a Statement,
    pub(super) clause: &'a Clause,
}

impl<'a> Context<'a> {
    pub(super) fn new(input: &LintInput<'a>, normal: &'a Normal) -> Self {
        Self {
            document: input.document,
            catalogue: input.catalogue,
            text_length: input.text_length,
            normal,
            action_forms: (input.document.statements.iter())
                .flat_map(|statement| &statement.actions.patterns)
                .map(|pattern| action_form(pattern, input.catalogue))
                .collect(),
        }
    }

    pub(super) fn statements(&self) -> impl Iterator<Item = (usize, &'a Statement)> + use<'a> {
        self.document.statements.iter().enumerate()
    }

    pub(super) fn allows(&self) -> impl Iterator<Item = (usize, &'a Statement)> + use<'a> {
        self.statements().filter(|(_, statement)| statement.effect == Effect::Allow)
    }

    pub(super) fn denies(&self) -> impl Iterator<Item = (usize, &'a Statement)> + use<'a> {
        self.statements().filter(|(_, statement)| statement.effect == Effect::Deny)
    }

    /// All entries of `Action` and `NotAction`.
    pub(super) fn actions(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        self.statements().flat_map(|(at, statement)| actions_of(at, statement))
    }

    /// All entries of `Resource` and `NotResource`.
    pub(super) fn resources(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        self.statements().flat_map(|(at, statement)| resources_of(at, statement))
    }

    pub(super) fn clauses(&self) -> impl Iterator<Item = ClauseAt<'a>> + use<'a> {
        self.statements().flat_map(|(at, statement)| {
            let clauses = statement.conditions.iter().enumerate();
            clauses.map(move |(index, clause)| ClauseAt { at, index, statement, clause })
        })
    }

    pub(super) fn matched(&self, pattern: &str) -> impl Iterator<Item = &'a Action> {
        matched(pattern, self.catalogue)
    }

    /// The actions of the catalogue that a statement selects.
    pub(super) fn selected(&self, statement: &'a Statement) -> impl Iterator<Item = &'a Action> + use<'a> {
        self.catalogue.actions().iter().filter(move |action| selects(statement, &action.name))
    }
}

/// The actions of a catalogue that a pattern matches.
pub(super) fn matched<'a>(pattern: &str, catalogue: &'a Catalogue) -> impl Iterator<Item = &'a Action> {
    // The lookup of a single name is fast.
    let (one, many) = match has_wildcard(pattern) {
        true => (None, catalogue.actions()),
        false => (catalogue.get(pattern), &[][..]),
    };
    one.into_iter().chain(many.iter().filter(move |action| covers(pattern, &action.name)))
}

/// Whether a statement selects this action.
pub(super) fn selects(statement: &Statement, action: &str) -> bool {
    let actions = &statement.actions;
    actions.patterns.iter().any(|pattern| covers(pattern, action)) != actions.negated
}

/// The entries of `Action` or `NotAction` of one statement.
pub(super) fn actions_of(at: usize, statement: &Statement) -> impl Iterator<Item = Entry<'_>> {
    let patterns = statement.actions.patterns.iter().enumerate();
    patterns.map(move |(index, pattern)| Entry { place: Place::Statement(at, Part::Action(index)), statement, pattern })
}

/// The entries of `Resource` or `NotResource` of one statement.
pub(super) fn resources_of(at: usize, statement: &Statement) -> impl Iterator<Item = Entry<'_>> {
    let patterns = statement.resources.patterns.iter().enumerate();
    patterns.map(move |(index, pattern)| Entry {
        place: Place::Statement(at, Part::Resource(index)),
        statement,
        pattern,
    })
}

/// The paths of all resources of a statement with the right prefix.
pub(super) fn paths(statement: &Statement) -> impl Iterator<Item = &str> {
    statement.resources.patterns.iter().filter_map(|pattern| path(pattern))
}

impl<'a> ClauseAt<'a> {
    pub(super) fn place(&self, part: fn(usize) -> Part) -> Place {
        Place::Statement(self.at, part(self.index))
    }

    /// The values with their places.
    pub(super) fn values(&self) -> impl Iterator<Item = (Place, &'a str)> + use<'a> {
        let (at, index) = (self.at, self.index);
        let values = self.clause.values.iter().enumerate();
        values.map(move |(value, text)| (Place::Statement(at, Part::Value(index, value)), text.as_str()))
    }
}

/// The form of an entry of `Action`. Each entry has one form, so that one mistake is one finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActionForm {
    /// It matches actions of the release.
    Known,
    /// It is empty, or has whitespace or a comma.
    Untidy,
    /// It belongs to another service than `s3`.
    Foreign,
    /// It matches only if case is ignored.
    WrongCase,
    /// It has wildcards and matches nothing.
    MatchesNothing,
    /// The release does not know it.
    Unknown,
}

pub(super) fn action_form(pattern: &str, catalogue: &Catalogue) -> ActionForm {
    if pattern.is_empty() || pattern.contains(|c: char| c.is_whitespace() || c == ',') {
        return ActionForm::Untidy;
    }
    match pattern.split_once(':') {
        None if has_wildcard(pattern) => return ActionForm::Foreign,
        None => return ActionForm::Unknown,
        Some((service, _)) if !service.eq_ignore_ascii_case("s3") => return ActionForm::Foreign,
        Some(_) => {}
    }
    let in_any_case = || {
        let lower = pattern.to_ascii_lowercase();
        catalogue.actions().iter().any(|action| covers(&lower, &action.name.to_ascii_lowercase()))
    };
    if matched(pattern, catalogue).next().is_some() {
        ActionForm::Known
    } else if in_any_case() {
        ActionForm::WrongCase
    } else if has_wildcard(pattern) {
        ActionForm::MatchesNothing
    } else {
        ActionForm::Unknown
    }
}
