//! A lint rule with its texts and examples; and the rules that only the reader of documents applies.

use Example::{Document, OfLength, Statement};

use crate::base::{Code, Severity};

/// A rule. `code.id` is its stable name; the short `id` starts with the letter of its group.
#[derive(Debug)]
pub struct Rule {
    /// The short id: the letter of the group (S form, A actions, R resources, V variables, C conditions, X access,
    /// G grants) and a number.
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

/// The rest of that document.
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

pub(super) static JSON_SYNTAX: Rule = Rule {
    id: "S01",
    code: Code::new("json-syntax", "The text is not exactly one JSON value."),
    severity: Severity::Error,
    explanation: "A server refuses the text, or reads only its start.",
    fires: &[
        Document(r#"{"Version": "2012-10-17", "Statement": [],}"#),
        Document(r#"{"Version": "2012-10-17", "Statement": []} }"#),
        Document("\u{feff}{\"Version\": \"2012-10-17\"}"),
    ],
    silent: &[Statement(r#""Action": "\u0073\u0033:GetObject""#)],
};

pub(super) static DUPLICATE_MEMBER: Rule = Rule {
    id: "S02",
    code: Code::new("duplicate-member", "A member is repeated, perhaps in another case."),
    severity: Severity::Error,
    explanation: "MinIO servers ignore the case of member names, and silently use the last one.",
    fires: &[
        Statement(r#""Action": "s3:GetObject", "action": "s3:*""#),
        Statement(r#""Condition": {"StringLike": {"s3:prefix": "a/*", "s3:prefix": "b/*"}}"#),
    ],
    silent: &[Statement(r#""Condition": {"StringLike": {"s3:prefix": ["a/*", "b/*"]}}"#)],
};

pub(super) static UNKNOWN_MEMBER: Rule = Rule {
    id: "S03",
    code: Code::new("unknown-member", "A member is not part of the grammar of an identity policy."),
    severity: Severity::Error,
    explanation: "MinIO servers silently drop unknown members. A misspelled `Condition` is no condition.",
    fires: &[
        Statement(r#""Conditions": {"StringLike": {"s3:prefix": "a/*"}}"#),
        Statement(r#""NotResouce": "arn:aws:s3:::bucket/*""#),
        Statement(r#""effect": "Allow""#),
    ],
    silent: &[Statement(r#""NotResource": "arn:aws:s3:::bucket/*""#)],
};

pub(super) static PRINCIPAL: Rule = Rule {
    id: "S04",
    code: Code::new("principal-in-identity", "A statement names a principal."),
    severity: Severity::Error,
    explanation: "An IAM policy applies to all users and groups that have it. Servers silently ignore a `Principal`, \
                  so the statement looks restricted and is not.",
    fires: &[Statement(r#""Principal": {"AWS": "alice"}"#), Statement(r#""NotPrincipal": "*""#)],
    silent: &[Statement(r#""Sid": "Principal""#)],
};

pub(super) static STATEMENT_FORM: Rule = Rule {
    id: "S07",
    code: Code::new("statement-form", "`Statement` is missing, empty, or a single statement instead of a list."),
    severity: Severity::Error,
    explanation: "A policy without statements grants nothing, and servers refuse it. AWS accepts a single statement, \
                  and MinIO servers accept only a list. A single statement is a note, because attune sends a list.",
    fires: &[
        Document(r#"{"Version": "2012-10-17"}"#),
        Document(r#"{"Version": "2012-10-17", "Statement": []}"#),
        Document(
            r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}}"#,
        ),
    ],
    silent: &[Statement("")],
};

pub(super) static EFFECT: Rule = Rule {
    id: "S08",
    code: Code::new("effect", "`Effect` is missing, or neither `Allow` nor `Deny`."),
    severity: Severity::Error,
    explanation: "All servers compare the value with case.",
    fires: &[
        Statement(r#""Effect": "allow""#),
        Document(r#"{"Statement": [{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#),
    ],
    silent: &[Statement(r#""Effect": "Deny""#)],
};

pub(super) static ACTION_FORM: Rule = Rule {
    id: "S09",
    code: Code::new("action-form", "A statement has no actions, or both `Action` and `NotAction`."),
    severity: Severity::Error,
    explanation: "A server refuses the document, or reads only one of the two.",
    fires: &[
        Statement(r#""Action": []"#),
        Statement(r#""NotAction": []"#),
        Statement(r#""Action": "s3:*", "NotAction": "s3:DeleteObject""#),
    ],
    silent: &[Statement(r#""Action": ["s3:GetObject"]"#)],
};

pub(super) static RESOURCE_FORM: Rule = Rule {
    id: "S10",
    code: Code::new("resource-form", "A statement has no resources, or both `Resource` and `NotResource`."),
    severity: Severity::Error,
    explanation: "A server refuses the document, or reads only one of the two.",
    fires: &[
        Statement(r#""Resource": []"#),
        Statement(r#""NotResource": []"#),
        Statement(r#""Resource": "arn:aws:s3:::bucket/*", "NotResource": "arn:aws:s3:::bucket/private/*""#),
    ],
    silent: &[Statement(r#""Resource": ["arn:aws:s3:::bucket/*"]"#)],
};

/// The document is too long, or nearly.
pub const TOO_LONG: Code = Code::new("size", "The document exceeds the size limit of a cluster, or nearly does.");

pub(super) static SIZE: Rule = Rule {
    id: "S12",
    code: TOO_LONG,
    severity: Severity::Error,
    explanation: "A cluster accepts 2048 bytes. attune measures the document that it sends: minified and in normal \
                  form.",
    fires: &[OfLength(2049), OfLength(1900)],
    silent: &[OfLength(1800)],
};

pub(super) static WRONG_KIND: Rule = Rule {
    id: "S16",
    code: Code::new("wrong-kind", "A member has a value of the wrong type, such as a number instead of a string."),
    severity: Severity::Error,
    explanation: "A server refuses the document.",
    fires: &[
        Document("[]"),
        Document(r#"{"Version": 2012, "Statement": []}"#),
        Statement(r#""Action": ["s3:GetObject", null]"#),
        Statement(r#""Condition": ["s3:prefix"]"#),
    ],
    silent: &[Statement(r#""Condition": {"NumericLessThan": {"s3:max-keys": 10}}"#)],
};

pub(super) static EMPTY_CONDITION: Rule = Rule {
    id: "C03",
    code: Code::new("empty-condition", "A condition has no operator, no key or no value."),
    severity: Severity::Error,
    explanation: "MinIO servers refuse the document. On other servers, a key without values never matches.",
    fires: &[
        Statement(r#""Condition": {}"#),
        Statement(r#""Condition": {"StringLike": {}}"#),
        Statement(r#""Condition": {"StringLike": {"s3:prefix": []}}"#),
    ],
    silent: &[Statement(r#""Condition": {"StringLike": {"s3:prefix": [""]}}"#)],
};

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
