//! The flat configuration (`attune expand`): without variables, templates and included files.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use super::fill::{FILLED, escaped};
use super::format::{NAMED, format_toml};
use super::rows::{AllMade, LISTS};
use super::statement::{implicit_table, inline_statements};
use super::{Authored, Desired};
use crate::base::{FileId, Location, Sources};
use crate::policy::Document;

/// The values that a document uses, by name, and whether they may be patterns.
pub(super) type UsedValues = BTreeMap<String, (String, bool)>;

/// The lists whose tables stay in one line each.
const INLINE: [&str; 2] = ["each", "attached_to"];

/// The sections that a flat configuration does not have.
const EXPANDED: [&str; 3] = ["include", "vars", "tables"];

/// A file whose entries are recorded.
pub(super) struct RecordedFile<'a> {
    pub(super) id: FileId,
    /// Its path, from the directory of the main file.
    pub(super) path: &'a Path,
    pub(super) sources: &'a Sources,
}

/// The flat configuration, as far as it is read.
#[derive(Debug, Default)]
pub(super) struct Flat {
    /// The comments for programs at the start of the main file, such as `#:schema`.
    head: String,
    document: DocumentMut,
    /// The policies whose documents have placeholders, with the values.
    filled: BTreeMap<(&'static str, String), UsedValues>,
}

impl Flat {
    /// Adds what a file has, after its placeholders are replaced.
    pub(super) fn record(&mut self, root: &DeTable<'_>, of: &RecordedFile<'_>, made: &AllMade) {
        let text = of.sources.file(of.id).text.as_str();
        let directory = of.path.parent().unwrap_or(Path::new(""));
        if self.document.is_empty() && self.head.is_empty() {
            let lines = text.lines().take_while(|line| is_directive(line));
            self.head = lines.map(|line| format!("{line}\n")).collect();
        }
        for (key, content) in root {
            let section = key.get_ref().as_ref();
            if EXPANDED.contains(&section) {
                continue;
            }
            let writer = Writer { text, escapes: FILLED.contains(&section) };
            let (DeValue::Table(entries), true) = (content.get_ref(), NAMED.contains(&section)) else {
                let item = writer.item(section, content);
                if LISTS.contains(&section) && self.extend(section, &item) {
                    continue;
                }
                self.document.insert(section, with_comment(item, &comment_above(text, key.span().start)));
                continue;
            };
            let parent = self.document.entry(section).or_insert_with(|| Item::Table(implicit_table()));
            let Some(parent) = parent.as_table_mut() else { continue };
            for (name, entry) in entries {
                let mut item = writer.item(name.get_ref(), entry);
                if matches!(section, "policies" | "buckets") {
                    move_document(&mut item, directory);
                }
                let comment = match made.get(section, name.get_ref()).filter(|made| !made.is_plain) {
                    Some(made) => origin(section, &made.template, made.span.start, &made.row.at, &made.row.label, of),
                    None => comment_above(text, name.span().start),
                };
                parent.insert(&writer.written(name.get_ref()), with_comment(item, &comment));
            }
        }
    }

    /// Adds the entries of a list to those of other files and templates. Returns whether there is nothing more to do.
    fn extend(&mut self, section: &str, item: &Item) -> bool {
        let known = self.document.get_mut(section).and_then(Item::as_array_of_tables_mut);
        match (known, item.as_array_of_tables()) {
            (Some(known), Some(more)) => {
                known.extend(more.iter().cloned());
                true
            }
            // All entries are templates, or the rows of a file make none.
            (_, None) => true,
            (None, Some(_)) => false,
        }
    }

    /// Notes that the document of a policy or bucket has placeholders.
    pub(super) fn fill(&mut self, section: &'static str, name: &str, values: UsedValues) {
        self.filled.insert((section, name.to_owned()), values);
    }

    /// The text of the flat configuration. Documents with placeholders become statements; if these cannot express a document,
    /// the policy is a template with one row, which has the values.
    pub(super) fn finish(mut self, desired: &Desired) -> String {
        for ((section, name), values) in &self.filled {
            let entry = self.document.get_mut(section).and_then(|of| of.get_mut(escaped(name).as_ref()));
            let Some(entry) = entry.and_then(Item::as_table_mut) else { continue };
            match declared(desired, section, name).and_then(inline_statements) {
                Some(statements) => {
                    entry.remove("document");
                    entry.insert("statement", Item::ArrayOfTables(statements));
                }
                None => _ = entry.insert("each", value(Array::from_iter([row(values)]))),
            }
        }
        let text = format!("{}\n{}", self.head, self.document);
        format_toml("", &text).unwrap_or(text)
    }
}

/// The document of a declared policy or bucket.
fn declared<'d>(desired: &'d Desired, section: &str, name: &str) -> Option<&'d Document> {
    let authored = match section {
        "buckets" => desired.buckets.get(name)?.intent.authored(),
        _ => desired.policies.get(name).or_else(|| desired.abstracts.get(name))?.intent.authored(),
    };
    authored.map(Authored::document)
}

fn row(values: &UsedValues) -> Value {
    let cell = |text: &str, is_pattern: bool| -> Value {
        if !is_pattern {
            return text.into();
        }
        let mut cell = InlineTable::new();
        cell.insert("value", text.into());
        cell.insert("pattern", true.into());
        cell.into()
    };
    let mut row = InlineTable::new();
    for (name, (text, is_pattern)) in values {
        row.insert(name, cell(text, *is_pattern));
    }
    row.into()
}

/// Whether a line is a comment for programs.
fn is_directive(line: &str) -> bool {
    line.starts_with("#:")
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#') && !is_directive(line)
}

/// The lines of comments directly above a place.
fn comment_above(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or_default();
    let above = before.rfind('\n').map_or("", |end| &before[..end]);
    let mut lines: Vec<&str> = above.lines().rev().take_while(|line| is_comment(line)).collect();
    lines.reverse();
    lines.iter().map(|line| format!("{}\n", line.trim())).collect()
}

/// A comment that names the template and the row of an entry.
fn origin(section: &str, template: &str, at: usize, row: &Location, label: &str, of: &RecordedFile<'_>) -> String {
    let line = |at: &Location| of.sources.line_column(at).0;
    let template_line = line(&Location { file: of.id, span: at..at });
    let other = of.sources.file(row.file).path.as_str();
    let row_file = if row.file == of.id { String::new() } else { format!(" of {other}") };
    format!(
        "# {label} (line {}{row_file}), in the template `[{section}.{template:?}]` ({}:{template_line})\n",
        line(row),
        of.path.display(),
    )
}

fn with_comment(mut item: Item, comment: &str) -> Item {
    if let Some(table) = item.as_table_mut().filter(|_| !comment.is_empty()) {
        table.decor_mut().set_prefix(format!("\n{comment}"));
    }
    item
}

/// Makes the path of a document relative to the main file.
fn move_document(item: &mut Item, directory: &Path) {
    let Some(document) = item.as_table_mut().and_then(|table| table.get_mut("document")) else { return };
    if let Some(path) = document.as_str().map(|path| directory.join(path).display().to_string()) {
        *document = value(path);
    }
}

struct Writer<'a> {
    text: &'a str,
    /// Whether the section has placeholders, so that two braces are written with four.
    escapes: bool,
}

impl Writer<'_> {
    fn written(&self, text: &str) -> String {
        if self.escapes { escaped(text).into_owned() } else { text.to_owned() }
    }

    fn item(&self, key: &str, of: &Spanned<DeValue<'_>>) -> Item {
        if let Some(table) = of.get_ref().as_table().filter(|_| key != "condition") {
            return Item::Table(self.table(table));
        }
        let array = of.get_ref().as_array().filter(|array| !array.is_empty() && !INLINE.contains(&key));
        let tables = array.and_then(|array| {
            let tables = array.iter().map(|item| item.get_ref().as_table().map(|table| self.table(table)));
            tables.collect::<Option<ArrayOfTables>>()
        });
        tables.map_or_else(|| value(self.value(of)), Item::ArrayOfTables)
    }

    fn table(&self, of: &DeTable<'_>) -> Table {
        let item = |(key, value): (&Spanned<_>, _)| {
            let key: &std::borrow::Cow<'_, str> = key.get_ref();
            (self.written(key), self.item(key, value))
        };
        of.iter().map(item).collect()
    }

    fn value(&self, of: &Spanned<DeValue<'_>>) -> Value {
        match of.get_ref() {
            DeValue::String(text) => self.written(text).into(),
            DeValue::Array(array) => array.iter().map(|item| self.value(item)).collect::<Array>().into(),
            DeValue::Table(table) => {
                let mut inline = InlineTable::new();
                for (key, item) in table {
                    inline.insert(self.written(key.get_ref()), self.value(item));
                }
                inline.into()
            }
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
                let written = self.text.get(of.span()).unwrap_or_default();
                written.parse().unwrap_or_else(|_| written.into())
            }
        }
    }
}
