//! The checked document as the rules see it: its entries with their places, and the actions that they match.

use std::ops::Deref;

use super::super::access;
use super::super::catalogue::{Action, Catalogue, Kind, Level, UNDOCUMENTED};
use super::super::document::{Clause, Document, Effect, Part, Place, Selector, Statement};
use super::super::normal::Normal;
use super::super::rule::Rule;
use super::finding::Reporter;
use super::patterns::{covers, has_wildcard, is_all, path};
use crate::base::BucketName;

pub(super) struct Check {
    pub(super) rule: &'static Rule,
    pub(super) run: fn(&LintContext<'_>, &mut Reporter),
}

pub(super) struct LintContext<'a> {
    pub(super) document: &'a Document,
    pub(super) catalogue: &'a Catalogue,
    pub(super) text_length: Option<usize>,
    pub(super) normal: &'a Normal,
    /// The bucket, if it is the policy of one.
    pub(super) bucket: Option<&'a BucketName>,
}

#[derive(Clone, Copy)]
pub(super) struct StatementAt<'a> {
    pub(super) at: usize,
    statement: &'a Statement,
}

/// An entry of `Action` or `Resource` with its statement.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) place: Place,
    pub(super) statement: StatementAt<'a>,
    pub(super) pattern: &'a str,
}

#[derive(Clone, Copy)]
pub(super) struct ClauseAt<'a> {
    pub(super) statement: StatementAt<'a>,
    index: usize,
    clause: &'a Clause,
}

impl Deref for StatementAt<'_> {
    type Target = Statement;

    fn deref(&self) -> &Statement {
        self.statement
    }
}

impl Deref for ClauseAt<'_> {
    type Target = Clause;

    fn deref(&self) -> &Clause {
        self.clause
    }
}

impl<'a> LintContext<'a> {
    pub(super) fn statements(&self) -> impl Iterator<Item = StatementAt<'a>> + use<'a> {
        self.document.statements.iter().enumerate().map(|(at, statement)| StatementAt { at, statement })
    }

    pub(super) fn allows(&self) -> impl Iterator<Item = StatementAt<'a>> + use<'a> {
        self.statements().filter(|statement| statement.effect == Effect::Allow)
    }

    pub(super) fn denies(&self) -> impl Iterator<Item = StatementAt<'a>> + use<'a> {
        self.statements().filter(|statement| statement.effect == Effect::Deny)
    }

    /// Whether a `Deny` without conditions denies an action on everything that a path matches. A `NotResource` leaves only a
    /// few resources, so it counts for a path that matches every bucket.
    pub(super) fn is_denied(&self, action: &str, path: &str) -> bool {
        self.denies().filter(|deny| deny.conditions.is_empty() && deny.selects(action)).any(|deny| {
            let covers_path = || deny.paths().any(|denied| is_all(denied) || covers(denied, path));
            if deny.resources.negated { is_all(path) } else { covers_path() }
        })
    }

    /// Whether a pattern matches an action that MinIO servers know and the vendor does not document. A catalogue from a file is
    /// complete.
    pub(super) fn is_undocumented(&self, pattern: &str) -> bool {
        let is_matched = |(name, _): &(&str, Kind)| covers(pattern, name);
        self.catalogue.read_from().is_none() && UNDOCUMENTED.iter().any(is_matched)
    }

    pub(super) fn resources(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        self.statements().flat_map(|statement| statement.resources())
    }

    /// All entries of `Action` and `NotAction` of this form.
    pub(super) fn actions(&self, form: ActionForm) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let catalogue = self.catalogue;
        let actions = self.statements().flat_map(|statement| statement.actions());
        actions.filter(move |entry| action_form(entry.pattern, catalogue) == form)
    }

    pub(super) fn clauses(&self) -> impl Iterator<Item = ClauseAt<'a>> + use<'a> {
        self.statements().flat_map(|statement| {
            let clauses = statement.statement.conditions.iter().enumerate();
            clauses.map(move |(index, clause)| ClauseAt { statement, index, clause })
        })
    }

    pub(super) fn matched(&self, pattern: &str) -> impl Iterator<Item = &'a Action> {
        matched(pattern, self.catalogue)
    }

    /// Whether a pattern matches an action of this kind and at least this power.
    pub(super) fn matches(&self, pattern: &str, kinds: &[Kind], level: Level) -> bool {
        self.matched(pattern).any(|action| kinds.contains(&action.kind) && action.level >= level)
    }
}

/// The number of states that a search may visit for a lint. A longer search is not worth the time.
const STATE_CAP: usize = 2_000;

pub(super) fn engine<'a>(context: &'a LintContext<'_>) -> access::Context<'a> {
    access::Context { state_cap: STATE_CAP, ..access::Context::new(context.catalogue) }
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

impl<'a> StatementAt<'a> {
    pub(super) fn place(&self, part: Part) -> Place {
        Place::Statement(self.at, part)
    }

    /// `Action`, if it is `NotAction`, and `Resource`, if it is `NotResource`.
    pub(super) fn negated(&self) -> impl Iterator<Item = (Place, &'static str)> {
        let actions = self.actions.negated.then(|| (self.place(Part::Actions), "Action"));
        let resources = self.resources.negated.then(|| (self.place(Part::Resources), "Resource"));
        actions.into_iter().chain(resources)
    }

    /// The entries of `Action` or `NotAction`.
    pub(super) fn actions(self) -> impl Iterator<Item = Entry<'a>> {
        self.entries(&self.statement.actions, Part::Action)
    }

    /// The entries of `Action`.
    pub(super) fn selected_actions(self) -> impl Iterator<Item = Entry<'a>> {
        self.actions().filter(move |_| !self.actions.negated)
    }

    pub(super) fn resources(self) -> impl Iterator<Item = Entry<'a>> {
        self.entries(&self.statement.resources, Part::Resource)
    }

    fn entries(self, selector: &'a Selector, part: fn(usize) -> Part) -> impl Iterator<Item = Entry<'a>> {
        let entry = move |(index, pattern)| Entry { place: self.place(part(index)), statement: self, pattern };
        selector.patterns.iter().map(String::as_str).enumerate().map(entry)
    }

    /// The paths of all resources with the right prefix.
    pub(super) fn paths(self) -> impl Iterator<Item = &'a str> {
        self.statement.resources.patterns.iter().filter_map(|pattern| path(pattern))
    }

    /// Whether all resources have the right prefix, so that it is clear what they match.
    pub(super) fn is_clear(&self) -> bool {
        let Selector { negated, patterns } = &self.resources;
        !negated && !patterns.is_empty() && self.paths().count() == patterns.len()
    }

    /// The entry of `Action` that matches an action.
    pub(super) fn entry_for(self, action: &str) -> Option<Entry<'a>> {
        self.selected_actions().find(|entry| covers(entry.pattern, action))
    }

    /// The place of the entry that matches an action, or of all of `Action` or `NotAction`.
    pub(super) fn place_of(self, action: &str) -> Place {
        self.entry_for(action).map_or(self.place(Part::Actions), |entry| entry.place)
    }

    pub(super) fn selects(&self, action: &str) -> bool {
        self.actions.patterns.iter().any(|pattern| covers(pattern, action)) != self.actions.negated
    }
}

impl<'a> ClauseAt<'a> {
    pub(super) fn place(&self, part: fn(usize) -> Part) -> Place {
        self.statement.place(part(self.index))
    }

    pub(super) fn values(self) -> impl Iterator<Item = (Place, &'a str)> {
        let place = move |value| self.statement.place(Part::Value(self.index, value));
        self.clause.values.iter().enumerate().map(move |(value, text)| (place(value), text.as_str()))
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
    if !pattern.is_ascii() {
        return ActionForm::Unknown;
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
