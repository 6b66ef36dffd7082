//! Findings of the lint: what is checked, what a rule reports, and the edits that fix it.

use std::ops::Range;

use super::super::catalogue::Catalogue;
use super::super::document::{Document, Place};
use super::super::json::quoted;
use super::super::rule::Rule;
use crate::base::Severity;

/// The longest document that a cluster accepts, in bytes (vendor documentation).
pub const MAX_DOCUMENT: usize = 2048;

/// The input of the lint.
#[derive(Debug, Clone, Copy)]
pub struct LintInput<'a> {
    /// The document.
    pub document: &'a Document,
    /// The actions of the cluster's release.
    pub catalogue: &'a Catalogue,
    /// The length of the text of the document in bytes, if it has a text of its own.
    pub text_length: Option<usize>,
    /// Which rules are checked.
    pub depth: Depth,
}

/// Which rules are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Fast rules without notes, for a plan.
    Warnings,
    /// Fast rules.
    Quick,
    /// Also the rules that need the access engine, which takes some milliseconds per statement.
    Thorough,
}

impl Depth {
    /// Whether findings of this severity are reported. The severity of a rule is the highest of its findings.
    pub(super) fn includes(self, severity: Severity) -> bool {
        self != Self::Warnings || severity != Severity::Note
    }
}

/// One place that breaks a rule.
#[derive(Debug, Clone)]
pub struct Lint {
    /// The broken rule.
    pub rule: &'static Rule,
    /// The severity in this case, at most that of the rule.
    pub severity: Severity,
    /// The place in the document.
    pub place: Place,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
    /// An edit that fixes it, if it is certain.
    pub fix: Option<Fix>,
}

pub(super) struct Reporter {
    pub(super) rule: &'static Rule,
    pub(super) found: Vec<Lint>,
}

impl Reporter {
    /// Reports a finding with the severity of the rule. It can be changed.
    pub(super) fn add(&mut self, place: Place, message: impl Into<String>) -> &mut Lint {
        let (rule, severity, message) = (self.rule, self.rule.severity, message.into());
        let at = self.found.len();
        self.found.push(Lint { rule, severity, place, message, help: None, fix: None });
        &mut self.found[at]
    }
}

impl Lint {
    /// Whether it is advice that is the same for every document.
    pub fn is_advice(&self) -> bool {
        self.severity == Severity::Note && self.rule.id.starts_with(['G', 'P'])
    }

    pub(super) fn severity(&mut self, severity: Severity) -> &mut Self {
        self.severity = severity;
        self
    }

    pub(super) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Adds an edit that replaces the value at the place. The help shows it, unless there is another help. An edit that is
    /// not certain is dropped later, and stays as a help.
    pub(super) fn fix(&mut self, with: impl Into<String>) -> &mut Self {
        let with = with.into();
        self.help.get_or_insert_with(|| format!("write `{with}`"));
        self.fix = Some(Fix { place: self.place, with });
        self
    }
}

/// An edit that replaces the string at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The place of the string.
    pub place: Place,
    /// The new string.
    pub with: String,
}

impl Fix {
    /// The new string as JSON, which is also TOML.
    pub fn written(&self) -> String {
        quoted(&self.with)
    }
}

/// Replaces byte ranges of a text. The first of overlapping edits counts. An edit outside the text is skipped.
pub fn apply_edits<'e>(text: &str, edits: impl IntoIterator<Item = (Range<usize>, &'e str)>) -> String {
    let mut edits: Vec<_> = edits.into_iter().filter(|(span, _)| text.get(span.clone()).is_some()).collect();
    edits.sort_by_key(|(span, _)| span.start);
    let mut fixed = String::with_capacity(text.len());
    let mut done = 0;
    for (span, with) in edits {
        if span.start >= done {
            fixed.push_str(&text[done..span.start]);
            fixed.push_str(with);
            done = span.end;
        }
    }
    fixed.push_str(&text[done..]);
    fixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_applied_at_their_places() {
        let edits = [(16..19, r#""é\"""#), (6..9, r#""one""#), (6..9, r#""two""#), (30..31, "x")];
        assert_eq!(apply_edits(r#"{"a": "1", "b": "2"}"#, edits), r#"{"a": "one", "b": "é\""}"#);
    }
}
