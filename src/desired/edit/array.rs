//! Adds entries to lists and takes entries out. Comments stay.

use toml_edit::{Array, Value};

use crate::desired::format::text;

/// Removes an entry. Its comments stay where they are.
pub(super) fn remove(array: &mut Array, index: usize) {
    let removed = array.remove(index);
    let (before, behind) = (text(removed.decor().prefix()), text(removed.decor().suffix()));
    match array.get_mut(index) {
        Some(next) => {
            let between = joined(before, behind, text(next.decor().prefix())).unwrap_or(before.to_owned());
            next.decor_mut().set_prefix(between);
        }
        None => {
            let trailing = text(Some(array.trailing())).to_owned();
            let rest = format!("{behind}{trailing}");
            // The bracket keeps its own indentation.
            let indent = rest.rsplit_once('\n').map_or("", |(_, indent)| indent);
            let with_comments = joined(before, behind, &trailing);
            let with_comments = with_comments.map(|text| format!("{}{indent}", text.trim_end_matches([' ', '\t'])));
            let end = with_comments.unwrap_or(rest.clone());
            array.set_trailing(if array.is_empty() && !end.contains('#') { "" } else { &end });
        }
    }
}

/// The text between two entries after one between them was removed, if there are comments.
fn joined(before: &str, behind: &str, next: &str) -> Option<String> {
    let has_comments = [before, behind, next].iter().any(|text| text.contains('#'));
    has_comments.then(|| {
        let start = if before.contains('\n') { before } else { "\n" };
        format!("{start}{}{}", behind.trim_start(), if before.contains('\n') { next.trim_start() } else { next })
    })
}

/// Adds an entry at the end, on a line of its own if others have one.
pub(super) fn add(array: &mut Array, mut entry: Value) {
    let indent = array.iter().find_map(|value| Some(text(value.decor().prefix()).rsplit_once('\n')?.1.to_owned()));
    let last = array.len().checked_sub(1).and_then(|last| array.get_mut(last));
    let behind = last.map(|last| {
        let behind = text(last.decor().suffix()).to_owned();
        last.decor_mut().set_suffix("");
        behind
    });
    let is_first = behind.is_none();
    let end = behind.unwrap_or_default() + text(Some(array.trailing()));
    let (before, end) = match (end.contains('#'), indent) {
        (true, indent) => {
            let indent = indent.unwrap_or_else(|| INDENT.to_owned());
            (format!("{}\n{indent}", end.trim_end()), "\n".to_owned())
        }
        (false, Some(indent)) => (format!("\n{indent}"), end),
        (false, None) => (if is_first { "" } else { " " }.to_owned(), end),
    };
    entry.decor_mut().set_prefix(before);
    array.push_formatted(entry);
    array.set_trailing(end);
}

/// The indentation of an entry if no other entry has a line of its own.
const INDENT: &str = "    ";
