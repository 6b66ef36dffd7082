//! What changed between two documents, statement by statement and entry by entry, as data.
//!
//! Both documents are compared in normal form, so what is only written differently is not a change, and the edit of one
//! action is one line out and one line in, wherever it stands.

mod entries;
mod pairing;

use super::document::{Document, Statement};
use super::normal::{normal, normal_statement};
use entries::{document_entries, statement_entries};
use pairing::{Numbered, Pairing, pair};

/// What changed between two documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentDiff {
    /// Changes outside the statements: `Version`, `Id`, members outside the grammar.
    pub lines: Vec<Line>,
    /// The statements that changed, in the order of the newer document; then those that are gone, in the order of the older.
    pub statements: Vec<StatementDiff>,
    /// How many statements are in both.
    pub unchanged: usize,
}

/// What changed in one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementDiff {
    /// Its `Sid`, or else `statement N` with its number in the newer document (in the older one when it is gone).
    pub title: String,
    /// Whether it is new, gone, or another.
    pub change: Change,
    /// The entries that went and came, with those that are needed to read them.
    pub lines: Vec<Line>,
}

/// What happened to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is new.
    Added,
    /// It is in both, not the same.
    Changed,
    /// It is gone.
    Removed,
}

/// One entry of a document: a value of a member, or one of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whether it went, came, or stayed.
    pub kind: LineKind,
    /// The member, in the words of the desired-state file: `action`, `not_resource`, `condition`.
    pub member: String,
    /// The value, as JSON; for a condition, behind its operator and key.
    pub value: String,
}

/// What happened to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineKind {
    /// It stayed, and is shown because the change cannot be read without it.
    Context,
    /// It went.
    Remove,
    /// It came.
    Add,
}

/// What changed from `before` to `after`; `None` is no document at all.
#[must_use]
pub fn diff(before: Option<&Document>, after: Option<&Document>) -> DocumentDiff {
    let Pairing { pairs, removed } = pair(numbered(before), numbered(after));
    let mut unchanged = 0;
    let mut statements = Vec::new();
    for (before, after) in &pairs {
        match changed_statement(before.as_ref(), after) {
            Some(statement) => statements.push(statement),
            None => unchanged += 1,
        }
    }
    statements.extend(removed.iter().map(|statement| StatementDiff {
        title: title(statement),
        change: Change::Removed,
        lines: entries::all(LineKind::Remove, statement_entries(&statement.statement)),
    }));
    let outside = |document: Option<&Document>| {
        document.map(|document| document_entries(normal(document).document())).unwrap_or_default()
    };
    DocumentDiff { lines: entries::compare(&outside(before), &outside(after)), statements, unchanged }
}

/// The statements of a document, in normal form but in its order; a repeated one counts once.
fn numbered(document: Option<&Document>) -> Vec<Numbered> {
    let mut numbered: Vec<Numbered> = Vec::new();
    for (at, statement) in document.into_iter().flat_map(|document| document.statements.iter().enumerate()) {
        let statement = normal_statement(statement);
        if !numbered.iter().any(|earlier| earlier.statement == statement) {
            numbered.push(Numbered { number: at + 1, statement });
        }
    }
    numbered
}

/// `None` when nothing changed.
fn changed_statement(before: Option<&Numbered>, after: &Numbered) -> Option<StatementDiff> {
    let entries = statement_entries(&after.statement);
    let Some(before) = before else {
        let lines = entries::all(LineKind::Add, entries);
        return Some(StatementDiff { title: title(after), change: Change::Added, lines });
    };
    let changed = entries::compare(&statement_entries(&before.statement), &entries);
    if changed.is_empty() {
        return None;
    }
    let mut lines = deny_context(&before.statement, &after.statement);
    lines.extend(changed);
    Some(StatementDiff { title: title(after), change: Change::Changed, lines })
}

/// In a statement that denies, what comes narrows access and what goes widens it: the effect is shown.
fn deny_context(before: &Statement, after: &Statement) -> Vec<Line> {
    let denies = |statement: &Statement| statement.effect == super::document::Effect::Deny;
    let entries = statement_entries(after).into_iter();
    let shown = entries.filter(|entry| denies(before) && denies(after) && entry.is_effect());
    entries::all(LineKind::Context, shown.collect())
}

fn title(statement: &Numbered) -> String {
    statement.statement.sid.clone().unwrap_or_else(|| format!("statement {}", statement.number))
}

#[cfg(test)]
mod tests;
