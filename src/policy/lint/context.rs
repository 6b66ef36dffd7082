//! What every check looks at: the document, entry by entry, and the actions it can mean.

use super::super::catalogue::{Action, Catalogue};
use super::super::document::{Clause, Document, Effect, Statement};
use super::super::normal::Normal;
use super::super::place::{Part, Place};
use super::LintInput;
use super::actions::{Verdict, verdict};
use super::glob::{covers, has_wildcard};
use super::resource::path;

/// The document under the rules.
pub(super) struct Context<'a> {
    pub(super) document: &'a Document,
    pub(super) catalogue: &'a Catalogue,
    pub(super) text_length: Option<usize>,
    pub(super) normal: &'a Normal,
    /// What each entry of [`actions`](Self::actions) is, in their order.
    pub(super) verdicts: Vec<Verdict>,
}

/// An entry of `Action` or `Resource`, and the statement it is in.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) place: Place,
    pub(super) statement: &'a Statement,
    pub(super) pattern: &'a str,
}

/// A clause, and the statement it is in.
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
            verdicts: (input.document.statements.iter())
                .flat_map(|statement| &statement.actions.patterns)
                .map(|pattern| verdict(pattern, input.catalogue))
                .collect(),
        }
    }

    /// All statements with their index.
    pub(super) fn statements(&self) -> impl Iterator<Item = (usize, &'a Statement)> + use<'a> {
        self.document.statements.iter().enumerate()
    }

    /// All statements that allow, with their index.
    pub(super) fn allows(&self) -> impl Iterator<Item = (usize, &'a Statement)> + use<'a> {
        self.statements().filter(|(_, statement)| statement.effect == Effect::Allow)
    }

    /// All statements that deny, with their index.
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

    /// All clauses.
    pub(super) fn clauses(&self) -> impl Iterator<Item = ClauseAt<'a>> + use<'a> {
        self.statements().flat_map(|(at, statement)| {
            let clauses = statement.conditions.iter().enumerate();
            clauses.map(move |(index, clause)| ClauseAt { at, index, statement, clause })
        })
    }

    /// The actions of the catalogue that a pattern matches.
    pub(super) fn matched(&self, pattern: &str) -> impl Iterator<Item = &'a Action> {
        matched(pattern, self.catalogue)
    }

    /// The actions of the catalogue that a statement is about.
    pub(super) fn selected(&self, statement: &'a Statement) -> impl Iterator<Item = &'a Action> + use<'a> {
        self.catalogue.actions().iter().filter(move |action| is_about(statement, &action.name))
    }
}

/// The actions of a catalogue that a pattern matches.
pub(super) fn matched<'a>(pattern: &str, catalogue: &'a Catalogue) -> impl Iterator<Item = &'a Action> {
    // One without wildcards is found, the others are tried.
    let (one, many) = match has_wildcard(pattern) {
        true => (None, catalogue.actions()),
        false => (catalogue.get(pattern), &[][..]),
    };
    one.into_iter().chain(many.iter().filter(move |action| covers(pattern, &action.name)))
}

/// Whether a statement is about an action of this name.
pub(super) fn is_about(statement: &Statement, action: &str) -> bool {
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

/// The paths of all resources of a statement that have one.
pub(super) fn paths(statement: &Statement) -> impl Iterator<Item = &str> {
    statement.resources.patterns.iter().filter_map(|pattern| path(pattern))
}

impl<'a> ClauseAt<'a> {
    /// The place of a part of this clause.
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
