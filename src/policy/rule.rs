//! A rule that documents are held against, with what it says and documents that show it.

use crate::base::{Code, Severity};

/// A rule. Its `code.id` is its stable name; its `id` is short and groups it with its kin.
#[derive(Debug)]
pub struct Rule {
    /// The short id: a letter for the group (S form, A actions, R resources, V variables, C conditions, G grants), and
    /// a number.
    pub id: &'static str,
    /// The stable name, and one sentence that says what is found.
    pub code: Code,
    /// How much it weighs, at worst.
    pub severity: Severity,
    /// Why it matters, and what is assumed where servers differ.
    pub because: &'static str,
    /// Where it is found.
    pub fires: &'static [Example],
    /// Where it looks similar, and is not found.
    pub silent: &'static [Example],
}

/// A document that shows a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example {
    /// A whole document, as JSON.
    Document(&'static str),
    /// Some members of one statement, as JSON without the braces. What it does not say is
    /// `"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"`.
    Statement(&'static str),
    /// A document with one long resource, of as many bytes, minified.
    OfLength(usize),
}

impl Example {
    /// The text as it is shown to a person; one that is only long is not.
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

/// A minified document, up to the end of its resource.
const FRONT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::bucket/"#;

/// What is behind [`FRONT`].
const BACK: &str = r#""]}]}"#;

/// Adds the members that every statement has to those of an example.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_of_a_length_has_that_length() {
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
