//! The declaration of a policy as it is edited.

use std::path::{Path, PathBuf};

use toml_edit::{Array, Decor, Item, Table, TableLike, Value, value};

use super::entry::{Removed, add_to};
use super::file::EditedFile;
use super::{CannotEdit, Editor, from_template};
use crate::base::PolicyName;
use crate::desired::fill::{escaped, unescaped};
use crate::desired::format::text;

/// The file that has, or will have, the document of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentPlace {
    /// This file, which the policy names already.
    File(PathBuf),
    /// A new file below this directory, which is the one of the configuration file.
    NewBelow(PathBuf),
}

/// What a policy is declared to be.
#[derive(Debug, Clone, Copy)]
pub enum PolicyContent<'t> {
    /// It has the document of this path, relative to its configuration file.
    Document(&'t str),
    /// It has the document that it names already.
    SameFile,
    /// It does not exist.
    Absent,
}

const CONTENTS: [&str; 3] = ["document", "statement", "absent"];

impl Editor<'_> {
    /// The file for the document of a policy.
    pub fn document_place(&self, policy: &PolicyName) -> Result<DocumentPlace, CannotEdit> {
        let Some(written) = self.policies.get(policy) else {
            let main = self.files.first().map(EditedFile::directory).unwrap_or_default();
            return match self.desired.policy(policy) {
                Some(entry) => Err(from_template(&format!("policy `{policy}`"), entry.at.clone())),
                None => Ok(DocumentPlace::NewBelow(main)),
            };
        };
        let file = &self.files[written.file];
        let entry =
            file.section("policies").and_then(|of| of.get(&escaped(policy.as_str()))).and_then(Item::as_table_like);
        if entry.is_some_and(|entry| entry.contains_key("combine") || entry.contains_key("abstract")) {
            let message = format!("policy `{policy}` combines others or is combined, so it has no document to replace");
            return Err(CannotEdit::new(message, "change the statements of the combined policies by hand"));
        }
        let Some(document) = entry.and_then(|entry| entry.get("document")).and_then(Item::as_str) else {
            return Ok(DocumentPlace::NewBelow(file.directory()));
        };
        let Some(document) = unescaped(document) else { return Err(shared(Path::new(document))) };
        let path = file.directory().join(document.as_ref());
        let uses = self.files.iter().flat_map(|file| file.documents().map(|document| file.directory().join(document)));
        if uses.filter(|used| *used == path).count() > 1 {
            return Err(shared(&path));
        }
        Ok(DocumentPlace::File(path))
    }

    /// Declares the content of a policy, and suppresses these rules for it.
    pub fn declare(
        &mut self,
        policy: &PolicyName,
        content: PolicyContent<'_>,
        allowed: &[&str],
    ) -> Result<(), CannotEdit> {
        self.document_place(policy)?;
        let index = self.policies.get(policy).map_or(0, |written| written.file);
        self.files[index].declare(policy, content, allowed)
    }
}

fn shared(document: &Path) -> CannotEdit {
    let message = format!("the document {} belongs to several policies", document.display());
    CannotEdit::new(message, "give the policy a document of its own first")
}

impl EditedFile {
    fn directory(&self) -> PathBuf {
        Path::new(self.path()).parent().unwrap_or(Path::new("")).to_path_buf()
    }

    /// The documents that policies of this file name.
    fn documents(&self) -> impl Iterator<Item = &str> {
        let entries = self.section("policies").into_iter().flat_map(TableLike::iter);
        entries.filter_map(|(_, entry)| entry.as_table_like()?.get("document")?.as_str())
    }

    fn declare(&mut self, policy: &PolicyName, content: PolicyContent<'_>, allowed: &[&str]) -> Result<(), CannotEdit> {
        let entry = self.policy_entry(policy)?;
        let new = match content {
            PolicyContent::SameFile => None,
            PolicyContent::Document(path) => Some(("document", Value::from(escaped(path).as_ref()))),
            PolicyContent::Absent => Some(("absent", Value::from(true))),
        };
        if let Some((key, new)) = new {
            set_content(entry, key, new);
        }
        if !allowed.is_empty() {
            allow(entry, allowed);
        }
        Ok(())
    }
}

/// Replaces the key with the content of a policy. The comments of that key stay.
fn set_content(entry: &mut dyn TableLike, key: &str, new: Value) {
    let mut decor: Option<Removed> = None;
    for old in CONTENTS {
        let key = entry.key(old).map(|key| key.leaf_decor().clone());
        match entry.remove(old) {
            Some(Item::Value(value)) => {
                decor = decor.or_else(|| Some(Removed { key: key?, value: value.decor().clone() }));
            }
            Some(Item::ArrayOfTables(tables)) => {
                // Its comments are before the header of the first statement.
                let first = tables.iter().next().map(|first| Decor::new(comments(first.decor()), " "));
                decor = decor.or_else(|| Some(Removed { key: first?, value: Decor::new(" ", "") }));
            }
            Some(Item::Table(_) | Item::None) | None => {}
        }
    }
    entry.insert(key, value(new));
    if let Some(decor) = decor {
        decor.give_to(entry, key);
    }
}

/// The comments before a header.
fn comments(decor: &Decor) -> String {
    let before = text(decor.prefix());
    before.lines().map(str::trim).filter(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

fn allow(entry: &mut dyn TableLike, rules: &[&str]) {
    if !entry.contains_key("lint") {
        entry.insert("lint", Item::Table(Table::new()));
    }
    let Some(lint) = entry.get_mut("lint").and_then(Item::as_table_like_mut) else { return };
    if !lint.contains_key("allow") {
        lint.insert("allow", value(Array::new()));
    }
    let Some(allowed) = lint.get_mut("allow").and_then(Item::as_array_mut) else { return };
    for rule in rules {
        if !allowed.iter().any(|known| known.as_str() == Some(rule)) {
            add_to(allowed, (*rule).into());
        }
    }
}
