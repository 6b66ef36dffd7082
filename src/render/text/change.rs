//! One change of a plan.

use std::io::{self, Write};

use console::{Style, pad_str};

use super::diff::documents;
use crate::render::Styles;
use crate::render::json::{ChangeV1, KindV1, PlanV1, ReplaceMethodV1};
use crate::render::phrase::{
    self, counted, document, given_at_once, held, is_of_keys, named, noted, object, replacing, size, text_in,
};
use crate::render::words::shown;

/// What stands before the lines under a change.
const UNDER: &str = "        ";

/// How many holders are named before the rest is only counted.
const NAMED: usize = 8;

/// The sign of a kind of change, and its style.
pub(super) fn mark(styles: &Styles, kind: KindV1) -> (&'static str, &Style) {
    match kind {
        KindV1::AddPolicy | KindV1::Attach => ("+", &styles.add),
        KindV1::ReplacePolicy => ("±", &styles.change),
        KindV1::Move => (">", &styles.change),
        KindV1::RemovePolicy | KindV1::Detach => ("-", &styles.remove),
    }
}

/// Writes a change with what must be known of it, and what becomes of documents.
pub(super) fn change(
    out: &mut dyn Write,
    styles: &Styles,
    plan: &PlanV1,
    change: &ChangeV1,
    width: usize,
) -> io::Result<()> {
    let (mark, style) = mark(styles, change.kind);
    let object = object(change, shown);
    let object = pad_str(&object, width, console::Alignment::Left, None);
    let line = format!("  {} {object}   {}", style.apply_to(mark), what(plan, change));
    writeln!(out, "{}", line.trim_end())?;
    for note in &change.notes {
        if let Some(text) = noted(*note).filter(|_| !is_of_keys(*note)) {
            writeln!(out, "{UNDER}{}", styles.dim.apply_to(text))?;
        }
    }
    if let Some(text) = sameness(change) {
        writeln!(out, "{UNDER}{}", styles.dim.apply_to(text))?;
    }
    match change.kind {
        KindV1::AddPolicy | KindV1::ReplacePolicy => replaced(out, styles, change),
        KindV1::RemovePolicy | KindV1::Attach | KindV1::Move | KindV1::Detach => Ok(()),
    }
}

/// What a new document does not change.
fn sameness(change: &ChangeV1) -> Option<&'static str> {
    if change.kind != KindV1::ReplacePolicy {
        return None;
    }
    phrase::sameness(&document(change.before.as_deref()?)?, &document(change.after.as_deref()?)?)
}

fn replaced(out: &mut dyn Write, styles: &Styles, change: &ChangeV1) -> io::Result<()> {
    let Some(after) = change.after.as_deref().and_then(document) else { return Ok(()) };
    let before = change.before.as_deref();
    if let Some(text) = text_in(before) {
        writeln!(out, "{UNDER}{}", styles.remove.apply_to(format!("- {}", shown(&text))))?;
    } else if before.is_none() && change.kind == KindV1::ReplacePolicy {
        // An interrupted replacement is finished: nobody gets a document that is not held already.
        return Ok(());
    }
    documents(out, styles, UNDER, before.and_then(document).as_ref(), &after)
}

/// What happens, on the line of the change.
fn what(plan: &PlanV1, change: &ChangeV1) -> String {
    let size = || size(plan, change).unwrap_or_default();
    match change.kind {
        KindV1::AddPolicy if change.attached_to.is_empty() => size(),
        KindV1::AddPolicy => format!("{} · {}", given_at_once(&change.attached_to, NAMED, shown), size()),
        KindV1::ReplacePolicy => {
            let healing =
                if change.temporary_policies.is_empty() { "" } else { "finishes an interrupted replacement; " };
            let method = change.method.unwrap_or(ReplaceMethodV1::Finish);
            let size = if method == ReplaceMethodV1::Finish { String::new() } else { format!(" · {}", size()) };
            let holders = &change.attached_to;
            let how = replacing(method, holders, || counted(holders, NAMED, shown), || named(holders, NAMED, shown));
            format!("{healing}{how}{size}")
        }
        KindV1::RemovePolicy => "nobody holds it then".to_owned(),
        KindV1::Attach | KindV1::Move | KindV1::Detach => {
            let keys = change.notes.iter().filter(|note| is_of_keys(**note)).filter_map(|note| noted(*note));
            let keys: String = keys.map(|text| format!("; {text}")).collect();
            format!("{} → {}{keys}", held(change.before.as_deref(), shown), held(change.after.as_deref(), shown))
        }
    }
}
