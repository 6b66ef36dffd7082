//! The value of an entry of `[users]` or `[groups]`.

use toml_edit::{Decor, InlineTable, Item, TableLike, Value};

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
