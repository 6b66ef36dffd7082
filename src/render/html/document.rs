//! The difference of two documents.

use maud::{Markup, html};
use serde_json::value::RawValue;

use super::text::Text;
use crate::policy::{Change, DiffLine, Document, DocumentDiff, LineKind, diff, read_lenient};

/// What differs. A document that is none is shown as it is.
pub(super) fn difference(before: Option<&RawValue>, after: Option<&RawValue>) -> Markup {
    let (before, after) = (before.map(read), after.map(read));
    let known = |side: &Option<Result<Document, String>>| side.as_ref().and_then(|side| side.as_ref().ok().cloned());
    let unread = |side: &Option<Result<Document, String>>| side.as_ref().and_then(|side| side.as_ref().err().cloned());
    let found = diff(known(&before).as_ref(), known(&after).as_ref());
    html! {
        ul.diff aria-label="Document" {
            @if let Some(text) = unread(&before) { li.r { "− " (Text(&text)) } }
            @if let Some(text) = unread(&after) { li.a { "+ " (Text(&text)) } }
            (entries(&found))
        }
        @if found.unchanged > 0 {
            p.dim { (found.unchanged) @if found.unchanged == 1 { " statement" } @else { " statements" } " unchanged" }
        }
    }
}

fn entries(found: &DocumentDiff) -> Markup {
    html! {
        @for line in &found.lines { (entry(line)) }
        @for statement in &found.statements {
            li.t {
                (Text(&statement.title))
                @match statement.change {
                    Change::Added => " (new)",
                    Change::Changed => "",
                    Change::Removed => " (gone)",
                }
            }
            @for line in &statement.lines { (entry(line)) }
        }
    }
}

fn entry(line: &DiffLine) -> Markup {
    let (class, mark, word) = match line.kind {
        LineKind::Add => ("a", "+", "added: "),
        LineKind::Remove => ("r", "−", "removed: "),
        LineKind::Context => ("dim", " ", ""),
    };
    html! {
        li class=(class) {
            span aria-hidden="true" { (mark) " " }
            @if !word.is_empty() { span.vh { (word) } }
            span.mem { (Text(&line.member)) } " " (Text(&line.value))
        }
    }
}

fn read(raw: &RawValue) -> Result<Document, String> {
    let text = serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
    read_lenient(&text).map_err(|_| text)
}
