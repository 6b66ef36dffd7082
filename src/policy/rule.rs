//! A lint rule with its texts; and the rules that only the reader of documents applies.

use std::ops::Range;

use crate::base::{Code, Severity};

/// A rule. `code.id` is its stable name; the short `id` starts with the letter of its group. `docs/lints.md` has examples.
#[derive(Debug)]
pub struct Rule {
    /// The short id: the letter of the group (S form, A actions, R resources, V variables, C conditions, X access,
    /// G grants, P protection, B policies of buckets) and a number.
    pub id: &'static str,
    /// The stable name, and one sentence that describes the problem.
    pub code: Code,
    /// The highest severity of its findings.
    pub severity: Severity,
    /// Why it matters, and what attune assumes where servers differ.
    pub explanation: &'static str,
}

impl Rule {
    pub(super) const fn new(severity: Severity, id: &'static str, code: Code) -> Self {
        Self { id, code, severity, explanation: "" }
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

    pub(super) const fn explained(self, explanation: &'static str) -> Self {
        Self { explanation, ..self }
    }
}

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

pub(super) static JSON_SYNTAX: Rule = Rule::error("S01", "json-syntax", "The text is not exactly one JSON value.")
    .explained("A server refuses the text, or reads only its start.");

pub(super) static DUPLICATE_MEMBER: Rule =
    Rule::error("S02", "duplicate-member", "A member is repeated, perhaps in another case.")
        .explained("MinIO servers ignore the case of member names, and silently use the last one.");

pub(super) static UNKNOWN_MEMBER: Rule =
    Rule::error("S03", "unknown-member", "A member is not part of the grammar of an identity policy.")
        .explained("MinIO servers silently drop unknown members. A misspelled `Condition` is no condition.");

pub(super) static PRINCIPAL: Rule = Rule::error("S04", "principal-in-identity", "A statement names a principal.")
    .explained(
        "An IAM policy applies to all users and groups that have it. Servers silently ignore a `Principal`, so \
                the statement looks restricted and is not.",
    );

pub(super) static STATEMENT_FORM: Rule =
    Rule::error("S07", "statement-form", "`Statement` is missing, empty, or a single statement instead of a list.")
        .explained(
            "A policy without statements grants nothing, and servers refuse it. AWS accepts a single statement, and \
                MinIO servers accept only a list. A single statement is a note, because attune sends a list.",
        );

pub(super) static EFFECT: Rule = Rule::error("S08", "effect", "`Effect` is missing, or neither `Allow` nor `Deny`.")
    .explained("All servers compare the value with case.");

pub(super) static ACTION_FORM: Rule =
    Rule::error("S09", "action-form", "A statement has no actions, or both `Action` and `NotAction`.")
        .explained("A server refuses the document, or reads only one of the two.");

pub(super) static RESOURCE_FORM: Rule =
    Rule::error("S10", "resource-form", "A statement has no resources, or both `Resource` and `NotResource`.")
        .explained("A server refuses the document, or reads only one of the two.");

/// The document is too long, or nearly.
pub const TOO_LONG: Code = Code::new("size", "The document exceeds the size limit of a cluster, or nearly does.");

pub(super) static SIZE: Rule = Rule::new(Severity::Error, "S12", TOO_LONG).explained(
    "A cluster accepts 2048 bytes. attune measures the document that it sends: minified and in normal form.",
);

pub(super) static WRONG_KIND: Rule =
    Rule::error("S16", "wrong-kind", "A member has a value of the wrong type, such as a number instead of a string.")
        .explained("A server refuses the document.");

pub(super) static EMPTY_CONDITION: Rule =
    Rule::error("C03", "empty-condition", "A condition has no operator, no key or no value.")
        .explained("MinIO servers refuse the document. On other servers, a key without values never matches.");
