//! One file of a configuration as it is edited.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike, Value, value};

use super::entry::{add_to, remove_from, replace_value, set_attachment, short};
use super::{ATTACHED_TO, CannotEdit, EditedText, attached_principal, principal_of};
use crate::base::{PolicyName, Principal};
use crate::desired::fill::escaped;
use crate::desired::{DeclaredAttachment, format_toml, implicit_table};

const BYTE_ORDER_MARK: char = '\u{feff}';

#[derive(Debug)]
pub(super) struct EditedFile {
    path: String,
    before: String,
    document: DocumentMut,
    is_changed: bool,
}

impl EditedFile {
    /// Opens a file that is valid TOML. attune must be able to write all other lines again as they are.
    pub(super) fn open(path: &str, text: &str) -> Result<Self, CannotEdit> {
        let lines = plain_lines(text);
        let parsed: Result<DocumentMut, _> = lines.parse();
        match parsed {
            Ok(document) if document.to_string().trim_end() == lines.trim_end() => {
                Ok(Self { path: path.to_owned(), before: text.to_owned(), document, is_changed: false })
            }
            Ok(_) | Err(_) => {
                let message = format!("attune cannot edit {path} without a change of other lines");
                Err(CannotEdit::new(message, "run `attune fmt` first, and commit what it changes"))
            }
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The entry of a policy, which is added if there is none.
    pub(super) fn policy_entry(&mut self, policy: &PolicyName) -> Result<&mut dyn TableLike, CannotEdit> {
        self.is_changed = true;
        let end = last_position(self.document.as_table()) + 1;
        let not_a_table = || CannotEdit::new(format!("`policies` of {} is no table", self.path), "make it a table");
        let policies = self.document.entry("policies").or_insert_with(implicit).as_table_like_mut();
        let entry = policies.ok_or_else(not_a_table)?.entry(&escaped(policy.as_str())).or_insert_with(implicit);
        write_header(entry, end);
        entry.as_table_like_mut().ok_or_else(not_a_table)
    }

    pub(super) fn section(&self, name: &str) -> Option<&dyn TableLike> {
        self.document.get(name)?.as_table_like()
    }

    /// Changes the entry of a user or group.
    pub(super) fn set_entry(
        &mut self,
        principal: &Principal,
        attachment: &DeclaredAttachment,
        keeps_term: bool,
    ) -> Result<(), CannotEdit> {
        let section = self.document.get_mut(&section_of(principal)).and_then(Item::as_table_like_mut);
        let Some(entry) = section.and_then(|section| section.get_mut(&escaped(principal.name()))) else {
            return Err(CannotEdit::new(format!("{principal} has no entry"), "add it"));
        };
        self.is_changed = true;
        let in_one_line = |value: &&mut Value| value.is_str() || !has_comments_inside(value) && !keeps_term;
        let in_one_line = entry.as_value_mut().filter(in_one_line);
        if let Some(value) = in_one_line {
            replace_value(value, short(attachment));
        } else if let Some(table) = entry.as_table_like_mut() {
            set_attachment(table, attachment, keeps_term);
        }
        Ok(())
    }

    /// Adds an entry for a user or group, in one line.
    pub(super) fn add_entry(&mut self, principal: &Principal, entry: Value) -> Result<(), CannotEdit> {
        let name = section_of(principal);
        let end = last_position(self.document.as_table()) + 1;
        let section = self.document.entry(&name).or_insert_with(implicit);
        if section.as_table().is_none_or(|table| !table.is_dotted()) {
            write_header(section, end);
        }
        let Some(section) = section.as_table_like_mut() else {
            return Err(CannotEdit::new(format!("`{name}` of {} is no table", self.path), "make it a table"));
        };
        section.insert(&escaped(principal.name()), value(entry));
        self.is_changed = true;
        Ok(())
    }

    fn policy(&mut self, policy: &PolicyName) -> Option<&mut dyn TableLike> {
        let policies = self.document.get_mut("policies")?.as_table_like_mut()?;
        policies.get_mut(&escaped(policy.as_str()))?.as_table_like_mut()
    }

    /// Takes an entry out of `attached_to`.
    pub(super) fn remove_attached(&mut self, policy: &PolicyName, principal: &Principal) -> Option<Value> {
        let entry = self.policy(policy)?;
        let taken = match entry.get_mut(ATTACHED_TO)? {
            Item::ArrayOfTables(tables) => {
                let index = tables.iter().position(|table| principal_of(table).as_ref() == Some(principal))?;
                let mut taken = tables.get(index)?.clone().into_inline_table();
                taken.fmt();
                tables.remove(index);
                Value::InlineTable(taken)
            }
            Item::Value(Value::Array(array)) => {
                let index = array.iter().position(|value| attached_principal(value).as_ref() == Some(principal))?;
                let mut taken = array.get(index)?.clone();
                taken.decor_mut().clear();
                remove_from(array, index);
                taken
            }
            Item::None | Item::Value(_) | Item::Table(_) => return None,
        };
        if entry.get(ATTACHED_TO).and_then(Item::as_array_of_tables).is_some_and(ArrayOfTables::is_empty) {
            entry.remove(ATTACHED_TO);
        }
        self.is_changed = true;
        Some(taken)
    }

    /// Adds a user or group to `attached_to`, by its name or as `entry`. False if the policy has no such list.
    pub(super) fn add_attached(&mut self, policy: &PolicyName, principal: &Principal, entry: Option<Value>) -> bool {
        match self.policy(policy).and_then(|entry| entry.get_mut(ATTACHED_TO)) {
            Some(Item::ArrayOfTables(tables)) => {
                let mut table =
                    entry.and_then(|entry| entry.as_inline_table().cloned()).unwrap_or_default().into_table();
                table.insert(principal.kind(), value(escaped(principal.name()).as_ref()));
                tables.push(table);
            }
            Some(Item::Value(Value::Array(array))) => {
                add_to(array, entry.unwrap_or_else(|| escaped(&principal.label()).as_ref().into()));
            }
            Some(_) | None => return false,
        }
        self.is_changed = true;
        true
    }

    /// The file after its edits, if there are any. A formatted file stays formatted.
    pub(super) fn finish(self) -> Option<EditedText> {
        let Self { path, before, document, is_changed } = self;
        let edited = document.to_string();
        let after = if is_formatted(&path, &before) {
            format_toml(&path, &edited).unwrap_or(edited)
        } else {
            with_lines_of(&before, &edited)
        };
        (is_changed && after != before).then_some(EditedText { path, before, after })
    }
}

fn implicit() -> Item {
    Item::Table(implicit_table())
}

fn has_comments_inside(value: &Value) -> bool {
    let mut inside = value.clone();
    inside.decor_mut().clear();
    inside.to_string().contains('#')
}

/// Gives a table without a header one, at this position.
fn write_header(item: &mut Item, position: isize) {
    if let Some(table) = item.as_table_mut().filter(|table| table.is_implicit()) {
        table.set_implicit(false);
        table.set_position(Some(position));
    }
}

fn is_formatted(path: &str, text: &str) -> bool {
    format_toml(path, text).is_ok_and(|formatted| formatted == text)
}

fn section_of(principal: &Principal) -> String {
    format!("{}s", principal.kind())
}

/// A text without a byte order mark, with `\n` at the end of its lines.
fn plain_lines(text: &str) -> String {
    text.trim_start_matches(BYTE_ORDER_MARK).replace("\r\n", "\n")
}

/// A text with the byte order mark and the ends of lines of another one.
fn with_lines_of(before: &str, text: &str) -> String {
    let mark = if before.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.to_string() } else { String::new() };
    let ends_without = !before.ends_with('\n') && !before.is_empty();
    let text = if ends_without { text.trim_end_matches('\n') } else { text };
    mark + &if before.contains("\r\n") { text.replace('\n', "\r\n") } else { text.to_owned() }
}

/// The position of the last table with a header.
fn last_position(table: &Table) -> isize {
    let below = table.iter().flat_map(|(_, item)| match item {
        Item::Table(table) => vec![last_position(table)],
        Item::ArrayOfTables(array) => array.iter().map(last_position).collect(),
        Item::Value(_) | Item::None => Vec::new(),
    });
    below.chain(table.position()).max().unwrap_or(0)
}
