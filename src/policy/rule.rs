//! A lint rule with its page; and the rules that only the reader of documents applies.

use std::ops::Range;

use crate::base::{Code, Severity};

/// A rule. `code.id` is its stable name; the short `id` starts with the letter of its group.
#[derive(Debug)]
pub struct Rule {
    /// The short id: the letter of the group (S form, A actions, R resources, V variables, C conditions, X access,
    /// G grants, P protection, B policies of buckets) and a number.
    pub id: &'static str,
    /// The stable name, and one sentence that describes the problem.
    pub code: Code,
    /// The highest severity of its findings.
    pub severity: Severity,
}

impl Rule {
    pub(super) const fn new(severity: Severity, id: &'static str, code: Code) -> Self {
        Self { id, code, severity }
    }

    pub(super) const fn error(id: &'static str, name: &'static str, about: &'static str) -> Self {
        Self::new(Severity::Error, id, Code::new(name, about))
    }

    pub(super) const fn warning(id: &'static str, name: &'static str, about: &'static str) -> Self {
        Self::new(Severity::Warning, id, Code::new(name, about))
    }

    pub(super) const fn note(id: &'static str, name: &'static str, about: &'static str) -> Self {
        Self::new(Severity::Note, id, Code::new(name, about))
    }

    /// Why it matters, and what attune assumes where servers differ: its text on the page of the rules.
    pub fn explanation(&self) -> &'static str {
        let section = LINTS.split("\n### ").find(|section| section.starts_with(self.id)).unwrap_or_default();
        // Its heading and the sentence about it come first.
        section.split("\n\n").nth(2).unwrap_or_default().trim_end()
    }
}

/// The page of the rules: why each of them matters, with examples.
pub(super) const LINTS: &str = include_str!("../../docs/lints.md");

/// One problem of a text.
#[derive(Debug)]
pub struct Problem {
    /// The broken rule.
    pub rule: &'static Rule,
    /// The severity in this case.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// The byte range in the text.
    pub span: Range<usize>,
    /// What to do next.
    pub help: Option<String>,
}

impl Problem {
    pub(super) fn help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }
}

pub(super) static JSON_SYNTAX: Rule = Rule::error("S01", "json-syntax", "The text is not exactly one JSON value.");

pub(super) static DUPLICATE_MEMBER: Rule =
    Rule::error("S02", "duplicate-member", "A member is repeated, perhaps in another case.");

pub(super) static UNKNOWN_MEMBER: Rule =
    Rule::error("S03", "unknown-member", "A member is not part of the grammar of an identity policy.");

pub(super) static PRINCIPAL: Rule = Rule::error("S04", "principal-in-identity", "A statement names a principal.");

pub(super) static STATEMENT_FORM: Rule =
    Rule::error("S07", "statement-form", "`Statement` is missing, empty, or a single statement instead of a list.");

pub(super) static EFFECT: Rule = Rule::error("S08", "effect", "`Effect` is missing, or neither `Allow` nor `Deny`.");

pub(super) static ACTION_FORM: Rule =
    Rule::error("S09", "action-form", "A statement has no actions, or both `Action` and `NotAction`.");

pub(super) static RESOURCE_FORM: Rule =
    Rule::error("S10", "resource-form", "A statement has no resources, or both `Resource` and `NotResource`.");

/// The document is too long, or nearly.
pub const TOO_LONG: Code = Code::new("size", "The document exceeds the size limit of a cluster, or nearly does.");

pub(super) static SIZE: Rule = Rule::new(Severity::Error, "S12", TOO_LONG);

pub(super) static WRONG_KIND: Rule =
    Rule::error("S16", "wrong-kind", "A member has a value of the wrong type, such as a number instead of a string.");

pub(super) static EMPTY_CONDITION: Rule =
    Rule::error("C03", "empty-condition", "A condition has no operator, no key or no value.");
