//! The value of an entry of `[users]` or `[groups]`, and the entries of lists. Comments stay.

use toml_edit::{Array, Decor, InlineTable, Item, TableLike, Value};

use crate::desired::DeclaredAttachment;
use crate::desired::fill::escaped;
use crate::desired::format::text;

/// The keys of an attachment with their values.
fn keys(attachment: &DeclaredAttachment) -> Vec<(&'static str, Value)> {
    match attachment {
        DeclaredAttachment::Has(policy) => vec![("policy", escaped(policy.as_str()).as_ref().into())],
        DeclaredAttachment::Detached => vec![("detached", true.into())],
        DeclaredAttachment::Revoked => vec![("detached", true.into()), ("revoke_keys", true.into())],
    }
}

/// An attachment in one line: the policy, or `{ detached = true }`.
pub(super) fn short(attachment: &DeclaredAttachment) -> Value {
    match attachment {
        DeclaredAttachment::Has(policy) => escaped(policy.as_str()).as_ref().into(),
        DeclaredAttachment::Detached | DeclaredAttachment::Revoked => InlineTable::from_iter(keys(attachment)).into(),
    }
}

/// The same, with the dates of an entry of `attached_to`.
pub(super) fn with_term(attachment: &DeclaredAttachment, taken: Option<&Value>) -> Value {
    let (DeclaredAttachment::Has(_), Some(taken)) = (attachment, taken.and_then(Value::as_inline_table)) else {
        return short(attachment);
    };
    let mut table = InlineTable::from_iter(keys(attachment));
    for (key, value) in taken.iter().filter(|(key, _)| !["user", "group"].contains(key)) {
        let mut value = value.clone();
        value.decor_mut().clear();
        table.insert(key, value);
    }
    table.into()
}

/// The keys about when access begins and ends.
const TERM: [&str; 4] = ["from", "before", "until", "then"];

/// Replaces a value, and keeps the space and the comment around it.
pub(super) fn replace_value(old: &mut Value, new: Value) {
    let decor = old.decor().clone();
    *old = new;
    *old.decor_mut() = decor;
}

/// Changes the keys of a table. The comments of the keys that leave come before the first key that stays or is new.
pub(super) fn set_attachment(table: &mut dyn TableLike, attachment: &DeclaredAttachment, keeps_term: bool) {
    let keys = keys(attachment);
    let is_key = |other: &str| keys.iter().any(|(key, _)| *key == other);
    let others = ["policy", "detached", "revoke_keys"].into_iter().chain(TERM);
    let others = others.filter(|key| !keeps_term && !is_key(key));
    let mut removed: Vec<Removed> = others.filter_map(|key| Removed::from(table, key)).collect();
    for (key, value) in &keys {
        match table.get_mut(key).and_then(Item::as_value_mut) {
            Some(old) => replace_value(old, value.clone()),
            None => {
                table.insert(key, Item::Value(value.clone()));
                if !removed.is_empty() {
                    removed.remove(0).give_to(table, key);
                }
            }
        }
    }
    if let Some((key, _)) = keys.first() {
        removed.iter().rev().for_each(|one| one.comment_on(table, key));
    }
}

/// The space and the comments of a key that is removed.
pub(super) struct Removed {
    pub(super) key: Decor,
    pub(super) value: Decor,
}

impl Removed {
    fn from(table: &mut dyn TableLike, name: &str) -> Option<Self> {
        let key = table.key(name)?.leaf_decor().clone();
        let value = table.remove(name)?.as_value().map(|value| value.decor().clone()).unwrap_or_default();
        Some(Self { key, value })
    }

    pub(super) fn give_to(self, table: &mut dyn TableLike, name: &str) {
        if let Some(mut key) = table.key_mut(name) {
            *key.leaf_decor_mut() = self.key;
        }
        if let Some(value) = table.get_mut(name).and_then(Item::as_value_mut) {
            *value.decor_mut() = self.value;
        }
    }

    /// Puts the comments on lines before a key.
    fn comment_on(&self, table: &mut dyn TableLike, name: &str) {
        let Some(mut key) = table.key_mut(name) else { return };
        let around = [&self.key, &self.value].map(|decor| format!("{}{}", text(decor.prefix()), text(decor.suffix())));
        let mut lines: Vec<&str> = around.iter().flat_map(|text| text.lines()).map(str::trim).collect();
        lines.retain(|line| line.starts_with('#'));
        if lines.is_empty() {
            return;
        }
        let own = text(key.leaf_decor().prefix()).to_owned();
        key.leaf_decor_mut().set_prefix(format!("{}\n{own}", lines.join("\n")));
    }
}

/// Removes an entry. Its comments stay where they are.
pub(super) fn remove_from(array: &mut Array, index: usize) {
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
pub(super) fn add_to(array: &mut Array, mut entry: Value) {
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
