//! What a plan says about documents, as the lines of a difference.

use serde_json::value::RawValue;

use super::escape::visible;
use crate::policy::{self, Change as StatementChange, DiffLine, Document, DocumentDiff, LineKind};
use crate::render::json::{ChangeV1, KindV1};
use crate::render::phrase;
use crate::render::words::count;

/// The documents of a change: how they differ, and what does not.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// The lines of the difference; none when there is no document.
    pub(super) lines: Vec<BodyLine>,
    /// What a new document does not change.
    pub(super) sameness: Option<&'static str>,
}

/// A line of a difference.
#[derive(Debug)]
pub(super) struct BodyLine {
    /// The line, made visible.
    pub(super) text: String,
    /// Whether it is about what is unchanged.
    pub(super) context: bool,
}

impl Body {
    /// Reads the documents of a change.
    pub(super) fn of(change: &ChangeV1) -> Self {
        match change.kind {
            KindV1::AddPolicy | KindV1::ReplacePolicy | KindV1::RemovePolicy => {}
            KindV1::Attach | KindV1::Move | KindV1::Detach => return Self::default(),
        }
        let (before, after) = (side(change.before.as_deref()), side(change.after.as_deref()));
        let mut lines = Vec::new();
        for (side, mark) in [(&before, '-'), (&after, '+')] {
            if let Some(Side::Text(text)) = side {
                lines.push(BodyLine { text: format!("{mark} {}", visible(text)), context: false });
            }
        }
        let document = |side: &Option<Side>| match side {
            Some(Side::Document(document)) => Some((**document).clone()),
            Some(Side::Text(_)) | None => None,
        };
        let (old, new) = (document(&before), document(&after));
        // Without the old document, all of a new one would look as if it came.
        if change.kind != KindV1::ReplacePolicy || before.is_some() {
            lines.extend(documents(old.as_ref(), new.as_ref()));
        }
        let sameness = old.as_ref().zip(new.as_ref()).and_then(|(old, new)| phrase::sameness(old, new));
        Self { lines, sameness }
    }
}

/// A document, or the text of one that cannot be read.
enum Side {
    Document(Box<Document>),
    Text(String),
}

fn side(value: Option<&RawValue>) -> Option<Side> {
    if let Some(unreadable) = phrase::text_in(value) {
        return Some(Side::Text(unreadable));
    }
    let text = value?.get();
    Some(match policy::read(text).document {
        Some(document) => Side::Document(Box::new(document)),
        None => Side::Text(text.to_owned()),
    })
}

fn documents(before: Option<&Document>, after: Option<&Document>) -> Vec<BodyLine> {
    let DocumentDiff { lines: outside, statements, unchanged } = policy::diff(before, after);
    let both = before.is_some() && after.is_some();
    let mut lines: Vec<BodyLine> = outside.iter().filter(|line| both || line.member != "version").map(entry).collect();
    for statement in &statements {
        lines.push(BodyLine { text: format!("@@ {} @@", visible(&statement.title)), context: false });
        let sid = |line: &DiffLine| line.member == "sid" && statement.change != StatementChange::Changed;
        lines.extend(statement.lines.iter().filter(|line| !sid(line)).map(entry));
    }
    if unchanged > 0 && !lines.is_empty() {
        let text = format!("  {} unchanged", count(unchanged, "statement", "statements"));
        lines.push(BodyLine { text, context: true });
    }
    lines
}

fn entry(line: &DiffLine) -> BodyLine {
    let mark = match line.kind {
        LineKind::Add => '+',
        LineKind::Remove => '-',
        LineKind::Context => ' ',
    };
    let text = format!("{mark} {:<9} {}", line.member, visible(&line.value));
    BodyLine { text, context: line.kind == LineKind::Context }
}
