//! A lint rule with its texts and examples; and the rules that only the reader of documents applies.

use std::ops::Range;

use Example::{Document, OfLength, Statement};

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
    /// Why it matters, and what attune assumes where servers differ.
    pub explanation: &'static str,
    /// Documents that break the rule.
    pub fires: &'static [Example],
    /// Similar documents that do not break it.
    pub silent: &'static [Example],
}

impl Rule {
    pub(super) const fn new(severity: Severity, id: &'static str, code: Code) -> Self {
        Self { id, code, severity, explanation: "", fires: &[], silent: &[] }
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

    pub(super) const fn reported_for(self, fires: &'static [Example]) -> Self {
        Self { fires, ..self }
    }

    pub(super) const fn not_reported_for(self, silent: &'static [Example]) -> Self {
        Self { silent, ..self }
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

/// A document that shows a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example {
    /// A whole document, as JSON.
    Document(&'static str),
    /// Some members of one statement, as JSON without the braces. The missing ones are
    /// `"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"`.
    Statement(&'static str),
    /// A minified document of this many bytes, with one long resource.
    OfLength(usize),
}

impl Example {
    /// The text for `explain`. `None` for a document that is only long.
    #[must_use]
    pub fn shown(&self) -> Option<&'static str> {
        match self {
            Self::Document(text) | Self::Statement(text) => Some(text),
            Self::OfLength(_) => None,
        }
    }

    /// The whole document.
    #[must_use]
    pub fn document(&self) -> String {
        match self {
            Self::Document(text) => (*text).to_owned(),
            Self::Statement(members) => {
                format!(r#"{{"Version": "2012-10-17", "Statement": [{{{}}}]}}"#, completed(members))
            }
            Self::OfLength(length) => {
                let missing = length.saturating_sub(FRONT.len() + BACK.len());
                format!("{FRONT}{}{BACK}", "x".repeat(missing))
            }
        }
    }
}

/// The start of a minified document, up to its resource.
const FRONT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::bucket/"#;

const BACK: &str = r#""]}]}"#;

/// Adds the missing members of a statement to those of an example.
fn completed(members: &str) -> String {
    let usual = [
        ("\"Effect\"", "\"Effect\"", r#""Effect": "Allow""#),
        ("\"Action\"", "\"NotAction\"", r#""Action": "s3:GetObject""#),
        ("\"Resource\"", "\"NotResource\"", r#""Resource": "arn:aws:s3:::bucket/*""#),
    ];
    let missing = usual.into_iter().filter(|(name, other, _)| !members.contains(name) && !members.contains(other));
    let all: Vec<&str> =
        missing.map(|(_, _, member)| member).chain([members]).filter(|member| !member.is_empty()).collect();
    all.join(", ")
}

pub(super) static JSON_SYNTAX: Rule = Rule::error("S01", "json-syntax", "The text is not exactly one JSON value.")
    .explained("A server refuses the text, or reads only its start.")
    .reported_for(&[
        Document(r#"{"Version": "2012-10-17", "Statement": [],}"#),
        Document(r#"{"Version": "2012-10-17", "Statement": []} }"#),
        Document("\u{feff}{\"Version\": \"2012-10-17\"}"),
    ])
    .not_reported_for(&[Statement(r#""Action": "\u0073\u0033:GetObject""#)]);

pub(super) static DUPLICATE_MEMBER: Rule =
    Rule::error("S02", "duplicate-member", "A member is repeated, perhaps in another case.")
        .explained("MinIO servers ignore the case of member names, and silently use the last one.")
        .reported_for(&[
            Statement(r#""Action": "s3:GetObject", "action": "s3:*""#),
            Statement(r#""Condition": {"StringLike": {"s3:prefix": "a/*", "s3:prefix": "b/*"}}"#),
        ])
        .not_reported_for(&[Statement(r#""Condition": {"StringLike": {"s3:prefix": ["a/*", "b/*"]}}"#)]);

pub(super) static UNKNOWN_MEMBER: Rule =
    Rule::error("S03", "unknown-member", "A member is not part of the grammar of an identity policy.")
        .explained("MinIO servers silently drop unknown members. A misspelled `Condition` is no condition.")
        .reported_for(&[
            Statement(r#""Conditions": {"StringLike": {"s3:prefix": "a/*"}}"#),
            Statement(r#""NotResouce": "arn:aws:s3:::bucket/*""#),
            Statement(r#""effect": "Allow""#),
        ])
        .not_reported_for(&[Statement(r#""NotResource": "arn:aws:s3:::bucket/*""#)]);

pub(super) static PRINCIPAL: Rule = Rule::error("S04", "principal-in-identity", "A statement names a principal.")
    .explained(
        "An IAM policy applies to all users and groups that have it. Servers silently ignore a `Principal`, so \
                the statement looks restricted and is not.",
    )
    .reported_for(&[Statement(r#""Principal": {"AWS": "alice"}"#), Statement(r#""NotPrincipal": "*""#)])
    .not_reported_for(&[Statement(r#""Sid": "Principal""#)]);

pub(super) static STATEMENT_FORM: Rule = Rule::error("S07", "statement-form", "`Statement` is missing, empty, or a single statement instead of a list.")
    .explained("A policy without statements grants nothing, and servers refuse it. AWS accepts a single statement, and \
                MinIO servers accept only a list. A single statement is a note, because attune sends a list.")
    .reported_for(&[
        Document(r#"{"Version": "2012-10-17"}"#),
        Document(r#"{"Version": "2012-10-17", "Statement": []}"#),
        Document(
            r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}}"#,
        ),
    ])
    .not_reported_for(&[Statement("")]);

pub(super) static EFFECT: Rule = Rule::error("S08", "effect", "`Effect` is missing, or neither `Allow` nor `Deny`.")
    .explained("All servers compare the value with case.")
    .reported_for(&[
        Statement(r#""Effect": "allow""#),
        Document(r#"{"Statement": [{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#),
    ])
    .not_reported_for(&[Statement(r#""Effect": "Deny""#)]);

pub(super) static ACTION_FORM: Rule =
    Rule::error("S09", "action-form", "A statement has no actions, or both `Action` and `NotAction`.")
        .explained("A server refuses the document, or reads only one of the two.")
        .reported_for(&[
            Statement(r#""Action": []"#),
            Statement(r#""NotAction": []"#),
            Statement(r#""Action": "s3:*", "NotAction": "s3:DeleteObject""#),
        ])
        .not_reported_for(&[Statement(r#""Action": ["s3:GetObject"]"#)]);

pub(super) static RESOURCE_FORM: Rule =
    Rule::error("S10", "resource-form", "A statement has no resources, or both `Resource` and `NotResource`.")
        .explained("A server refuses the document, or reads only one of the two.")
        .reported_for(&[
            Statement(r#""Resource": []"#),
            Statement(r#""NotResource": []"#),
            Statement(r#""Resource": "arn:aws:s3:::bucket/*", "NotResource": "arn:aws:s3:::bucket/private/*""#),
        ])
        .not_reported_for(&[Statement(r#""Resource": ["arn:aws:s3:::bucket/*"]"#)]);

/// The document is too long, or nearly.
pub const TOO_LONG: Code = Code::new("size", "The document exceeds the size limit of a cluster, or nearly does.");

pub(super) static SIZE: Rule = Rule::new(Severity::Error, "S12", TOO_LONG)
    .explained("A cluster accepts 2048 bytes. attune measures the document that it sends: minified and in normal form.")
    .reported_for(&[OfLength(2049), OfLength(1900)])
    .not_reported_for(&[OfLength(1800)]);

pub(super) static WRONG_KIND: Rule =
    Rule::error("S16", "wrong-kind", "A member has a value of the wrong type, such as a number instead of a string.")
        .explained("A server refuses the document.")
        .reported_for(&[
            Document("[]"),
            Document(r#"{"Version": 2012, "Statement": []}"#),
            Statement(r#""Action": ["s3:GetObject", null]"#),
            Statement(r#""Condition": ["s3:prefix"]"#),
        ])
        .not_reported_for(&[Statement(r#""Condition": {"NumericLessThan": {"s3:max-keys": 10}}"#)]);

pub(super) static EMPTY_CONDITION: Rule =
    Rule::error("C03", "empty-condition", "A condition has no operator, no key or no value.")
        .explained("MinIO servers refuse the document. On other servers, a key without values never matches.")
        .reported_for(&[
            Statement(r#""Condition": {}"#),
            Statement(r#""Condition": {"StringLike": {}}"#),
            Statement(r#""Condition": {"StringLike": {"s3:prefix": []}}"#),
        ])
        .not_reported_for(&[Statement(r#""Condition": {"StringLike": {"s3:prefix": [""]}}"#)]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_of_a_length_has_this_length() {
        assert_eq!(Example::OfLength(2049).document().len(), 2049);
    }

    #[test]
    fn an_example_of_a_statement_is_completed() {
        assert!(Example::Statement("").document().ends_with(r#""Resource": "arn:aws:s3:::bucket/*"}]}"#));
        assert_eq!(
            Example::Statement(r#""NotAction": "s3:Get*""#).document(),
            r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "arn:aws:s3:::bucket/*", "NotAction": "s3:Get*"}]}"#
        );
    }
}
