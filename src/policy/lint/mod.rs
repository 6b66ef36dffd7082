//! What is probably not meant: rules that a document is held against, each with examples.
//!
//! A rule of severity *error* says that a server refuses the document or reads it otherwise than it is written. Where
//! servers differ and it is not known what a WEKA cluster does, the stricter answer is assumed, and the rule says so.

mod access;
mod actions;
mod arns;
mod context;
mod escalation;
mod explain;
mod fit;
mod fix;
mod form;
mod glob;
mod grants;
mod ids;
mod keys;
mod operators;
mod patterns;
mod redundancy;
mod resource;
mod values;
mod variables;
mod vocabulary;

use super::catalogue::Catalogue;
use super::document::Document;
use super::normal::{Normal, normal};
use super::place::Place;
use super::read::rules as reader;
use super::rule::Rule;
use crate::base::Severity;
use context::Context;

pub use explain::{explain, reference};
pub use fix::{Fix, apply_edits, apply_fixes};

/// The longest document a cluster takes, in bytes (vendor documentation).
pub const MAX_DOCUMENT: usize = 2048;

/// A document that is longer, in bytes, is not looked into: it cannot be sent, and comparing all its entries takes time.
const LOOKED_INTO: usize = 8 * MAX_DOCUMENT;

/// What is held against the rules.
#[derive(Debug, Clone, Copy)]
pub struct LintInput<'a> {
    /// The document.
    pub document: &'a Document,
    /// The actions of the cluster's release.
    pub catalogue: &'a Catalogue,
    /// The length of the text that the document was read from, in bytes, where it was read from one of its own.
    pub text_length: Option<usize>,
    /// How much is looked for.
    pub depth: Depth,
}

/// How much is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What can be seen at once, without notes: what a plan tells of documents.
    Warnings,
    /// What can be seen at once.
    Quick,
    /// Also what only the access engine tells, which takes it some milliseconds a statement.
    Thorough,
}

impl Depth {
    /// Whether what weighs as much is looked for. A rule's own severity is the most that what it finds can weigh.
    fn includes(self, severity: Severity) -> bool {
        self != Self::Warnings || severity != Severity::Note
    }
}

/// One place where a rule is broken.
#[derive(Debug, Clone)]
pub struct Lint {
    /// The rule.
    pub rule: &'static Rule,
    /// How much it weighs here; the rule's own severity is the worst case.
    pub severity: Severity,
    /// Where in the document.
    pub place: Place,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// An edit that mends it.
    pub fix: Option<Fix>,
}

/// A rule with what looks for it.
struct Check {
    rule: &'static Rule,
    run: fn(&Context<'_>) -> Vec<Lint>,
}

/// All checks, group by group.
const CHECKS: &[&[Check]] = &[
    form::CHECKS,
    ids::CHECKS,
    actions::CHECKS,
    redundancy::CHECKS,
    arns::CHECKS,
    fit::CHECKS,
    patterns::CHECKS,
    variables::CHECKS,
    operators::CHECKS,
    keys::CHECKS,
    values::CHECKS,
    grants::CHECKS,
    escalation::CHECKS,
];

/// The checks that ask the access engine.
const THOROUGH: &[&[Check]] = &[access::CHECKS];

/// The rules that are only found while a text is read.
const READER_RULES: &[&Rule] = &[
    &reader::JSON_SYNTAX,
    &reader::DUPLICATE_MEMBER,
    &reader::UNKNOWN_MEMBER,
    &reader::PRINCIPAL,
    &reader::EFFECT,
    &reader::WRONG_KIND,
];

/// Holds a document against all rules. What is found is in the order of the document.
#[must_use]
pub fn lint(input: &LintInput<'_>) -> Vec<Lint> {
    lint_normal(input, &normal(input.document))
}

/// The same, of a document whose normal form is known.
#[must_use]
pub fn lint_normal(input: &LintInput<'_>, normal: &Normal) -> Vec<Lint> {
    let context = Context::new(input, normal);
    if context.normal.len() > LOOKED_INTO {
        return form::size(&context);
    }
    let mut found = run(CHECKS, &context, input.depth);
    // What a wrong document allows is not worth a word beside what is wrong with it.
    if input.depth == Depth::Thorough && found.iter().all(|lint| lint.severity != Severity::Error) {
        found.append(&mut run(THOROUGH, &context, input.depth));
    }
    found.sort_by(|a, b| (a.place, a.rule.id, &a.message).cmp(&(b.place, b.rule.id, &b.message)));
    found
}

fn run(groups: &[&[Check]], context: &Context<'_>, depth: Depth) -> Vec<Lint> {
    let mut found = Vec::new();
    for check in groups.iter().copied().flatten().filter(|check| depth.includes(check.rule.severity)) {
        found.append(&mut (check.run)(context));
    }
    found.retain(|lint| depth.includes(lint.severity));
    found
}

/// All rules, those of the reader included, by id.
#[must_use]
pub fn rules() -> Vec<&'static Rule> {
    let checked = CHECKS.iter().chain(THOROUGH).flat_map(|group| group.iter()).map(|check| check.rule);
    let mut rules: Vec<&'static Rule> = READER_RULES.iter().copied().chain(checked).collect();
    rules.sort_by_key(|rule| rule.id);
    rules
}

impl Lint {
    fn new(rule: &'static Rule, place: Place, message: impl Into<String>) -> Self {
        Self { rule, severity: rule.severity, place, message: message.into(), help: None, fix: None }
    }

    fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The value at the place of the lint should be another; the help says which, unless there is one already.
    fn fix(mut self, with: impl Into<String>) -> Self {
        let with = with.into();
        self.help.get_or_insert_with(|| format!("write `{with}`"));
        self.fix = Some(Fix { place: self.place, with });
        self
    }
}

#[cfg(test)]
mod tests;
