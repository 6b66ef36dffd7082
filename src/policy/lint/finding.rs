//! Findings of the lint: what is checked, what a rule reports, and the edits that fix it.

use std::ops::Range;

use super::super::catalogue::Catalogue;
use super::super::document::{Document, Place, Places};
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
    /// An edit that fixes it.
    pub fix: Option<Fix>,
}

impl Lint {
    pub(super) fn new(rule: &'static Rule, place: Place, message: impl Into<String>) -> Self {
        Self { rule, severity: rule.severity, place, message: message.into(), help: None, fix: None }
    }

    pub(super) fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds an edit that replaces the value at the place. The help shows it, unless there is another help.
    pub(super) fn fix(mut self, with: impl Into<String>) -> Self {
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
    #[must_use]
    pub fn written(&self) -> String {
        quoted(&self.with)
    }
}

/// Applies edits to a text. The first of overlapping edits counts. An edit whose place the text does not have is skipped.
#[must_use]
pub fn apply_fixes<'f>(text: &str, places: &Places, fixes: impl IntoIterator<Item = &'f Fix>) -> String {
    let edits: Vec<(Range<usize>, String)> =
        fixes.into_iter().filter_map(|fix| Some((places.get(fix.place)?, fix.written()))).collect();
    apply_edits(text, edits.iter().map(|(span, with)| (span.clone(), with.as_str())))
}

/// Replaces byte ranges of a text. The first of overlapping edits counts. An edit outside the text is skipped.
#[must_use]
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
    use super::super::super::document::Part;
    use super::*;

    #[test]
    fn edits_are_applied_at_their_places() {
        let text = r#"{"a": "1", "b": "2"}"#;
        let place = |part| Place::Statement(0, part);
        let mut places = Places::default();
        places.insert(place(Part::Action(0)), 6..9);
        places.insert(place(Part::Action(1)), 16..19);
        places.insert(place(Part::Whole), 0..20);
        let fix = |part, with: &str| Fix { place: place(part), with: with.to_owned() };
        let fixes = [
            fix(Part::Action(1), "é\""),
            fix(Part::Action(0), "one"),
            fix(Part::Action(0), "two"),
            fix(Part::Sid, "x"),
        ];
        assert_eq!(apply_fixes(text, &places, &fixes), r#"{"a": "one", "b": "é\""}"#);
    }
}
