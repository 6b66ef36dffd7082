//! Rows: an entry with `each` is a template, and each row makes an entry of it. They are in `[tables]` of all files, or a list.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::codes;
use super::schema::{EACH, SchemaErrors};
use super::spanned::Report;
use super::vars::{Origin, Row, Value, Variables, is_name, text_and_pattern};
use crate::base::{FileId, Finding, Location, did_you_mean, nearest};

/// The sections whose entries may have rows.
pub(super) const TEMPLATED: [&str; 4] = ["policies", "users", "groups", "buckets"];

/// The sections that are lists, whose entries may have rows.
pub(super) const LISTS: [&str; 2] = ["expect", "envelope"];

pub(super) fn is_template(entry: &Spanned<DeValue<'_>>) -> bool {
    entry.get_ref().as_table().is_some_and(|table| table.contains_key(EACH))
}

/// Takes the templates out of a file, also those whose rows have a wrong type. Returns whether it has others.
pub(super) fn remove_templates(root: &mut DeTable<'_>, errors: &SchemaErrors) -> bool {
    let mut any = false;
    for section in LISTS {
        let Some(DeValue::Array(entries)) = root.get_mut(section).map(Spanned::get_mut) else { continue };
        if entries.iter().any(is_template) {
            any = true;
            let all = std::mem::replace(entries, DeArray::new());
            *entries = all.into_iter().filter(|entry| !is_template(entry)).collect();
        }
    }
    for section in TEMPLATED {
        let Some(DeValue::Table(entries)) = root.get_mut(section).map(Spanned::get_mut) else { continue };
        let is_lost = |name: &str| errors.lost_rows(section, name);
        let has_templates = entries.values().any(is_template);
        any |= has_templates;
        if has_templates || entries.keys().any(|name| is_lost(name.get_ref())) {
            let all = std::mem::replace(entries, DeTable::new());
            entries.extend(all.into_iter().filter(|(name, entry)| !is_template(entry) && !is_lost(name.get_ref())));
        }
    }
    any
}

/// An entry that a row makes of a template.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// The file of its places, which also name the row.
    pub(super) file: FileId,
    pub(super) row: Rc<Row>,
    /// The name of the template.
    pub(super) template: String,
    /// The place of that name.
    pub(super) span: Range<usize>,
    /// Whether the template has one row and no placeholder in its name: then it only gives values to a document.
    pub(super) is_plain: bool,
}

/// The entries that rows make: those of sections with names by section and name, those of lists in their order.
#[derive(Debug, Default)]
pub(super) struct AllMade {
    pub(super) named: BTreeMap<String, BTreeMap<String, Made>>,
    pub(super) listed: BTreeMap<String, Vec<FileId>>,
}

impl AllMade {
    pub(super) fn get(&self, section: &str, name: &str) -> Option<&Made> {
        self.named.get(section)?.get(name)
    }

    /// The files of the entries of a section that is a list.
    pub(super) fn listed(&self, section: &str) -> &[FileId] {
        self.listed.get(section).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Findings that only differ in their rows become one. The others are second.
pub(super) fn merged(findings: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>) {
    let mut repeats = Vec::new();
    let mut kept: Vec<(Finding, usize)> = Vec::new();
    let mut known: BTreeMap<(FileId, usize, usize, &'static str, String), usize> = BTreeMap::new();
    for finding in findings {
        let key = finding
            .at
            .as_ref()
            .filter(|at| at.file.is_use())
            .map(|at| (at.file.whole(), at.span.start, at.span.end, finding.code.id, finding.message.clone()));
        match key.and_then(|key| known.insert(key.clone(), *known.get(&key).unwrap_or(&kept.len()))) {
            Some(first) => {
                kept[first].1 += 1;
                repeats.push(finding);
            }
            None => kept.push((finding, 0)),
        }
    }
    let with_count = |(finding, more): (Finding, usize)| match more {
        0 => finding,
        _ => {
            let help = finding.help.clone().map(|help| format!("{help}; ")).unwrap_or_default();
            finding.help(format!("{help}further uses with this problem: {more}"))
        }
    };
    (kept.into_iter().map(with_count).collect(), repeats)
}

/// The key of a table of rows with the properties of its columns.
const COLUMNS: &str = "columns";

/// The tables of rows of all files, by their names.
#[derive(Debug, Default)]
pub(super) struct Tables(BTreeMap<String, Table>);

#[derive(Debug)]
struct Table {
    at: Location,
    rows: Vec<Rc<Row>>,
    is_used: Cell<bool>,
}

impl Tables {
    /// Reads `[tables]` of a file.
    pub(super) fn read(
        &mut self,
        root: &DeTable<'_>,
        variables: &Variables,
        errors: &SchemaErrors,
        report: &mut Report,
    ) {
        let tables = root.get("tables").and_then(|tables| tables.get_ref().as_table());
        for (key, table) in tables.into_iter().flatten() {
            let (name, span) = (key.get_ref().as_ref(), key.span());
            let Some(table) = table.get_ref().as_table() else { continue };
            if let Some(first) = self.0.get(name) {
                let finding = Finding::error(codes::DECLARED_TWICE, format!("the table `{name}` is declared twice"));
                let finding = finding.at(report.at(span)).label(first.at.clone(), "first declared here");
                report.findings.push(finding.help("rename one of the two: each file may use the tables of all files"));
                continue;
            }
            let mut reader =
                RowReader { variables, errors, report: &mut *report, first: None, patterns: BTreeSet::new() };
            reader.column(name, &span);
            reader.properties(table);
            let mut rows = Vec::new();
            for (row, cells) in table.iter().filter(|(row, _)| row.get_ref() != COLUMNS) {
                if reader.has_errors(&cells.span()) {
                    continue;
                }
                let Some(cells) = cells.get_ref().as_table() else { continue };
                let label = format!("row `{}` of `[tables.{name}]`", row.get_ref());
                rows.extend(reader.row(cells, row.span(), label).map(|mut made| {
                    let is_pattern = reader.patterns.contains(name);
                    let own = Value::new(row.get_ref().to_string(), is_pattern, Origin::File, made.at.clone());
                    made.values.insert(name.to_owned(), own);
                    Rc::new(made)
                }));
            }
            reader.unknown_properties(name, table);
            let table = Table { at: report.at(span), rows, is_used: Cell::new(false) };
            self.0.insert(name.to_owned(), table);
        }
    }

    /// A warning for each table that no template uses, and for each column of the others that no placeholder uses.
    pub(super) fn unused(&self) -> Vec<Finding> {
        let (used, unused): (Vec<_>, Vec<_>) = self.0.iter().partition(|(_, table)| table.is_used.get());
        let warning = |(name, table): (&String, &Table)| {
            Finding::warning(codes::UNUSED_TABLE, format!("no entry uses the table `{name}`"))
                .at(table.at.clone())
                .help(format!("write `each = \"{name}\"` in a policy, user or group, or remove the table"))
        };
        let mut findings: Vec<Finding> = unused.into_iter().map(warning).collect();
        for (name, table) in used {
            // The name of a row need not be a value.
            let of = format!("`[tables.{name}]`");
            let columns = unused_columns(&table.rows, &of);
            findings.extend(columns.filter(|(column, _)| column != name).map(|(_, finding)| finding));
        }
        findings
    }

    /// The rows of a table, which counts as used from now on.
    pub(super) fn rows(&self, name: &str) -> Option<Vec<Rc<Row>>> {
        self.0.get(name).inspect(|table| table.is_used.set(true)).map(|table| table.rows.clone())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// A warning for each column of the rows of a list that no placeholder uses.
pub(super) fn unused_in_lists(lists: &[Vec<Rc<Row>>]) -> impl Iterator<Item = Finding> {
    lists.iter().flat_map(|rows| unused_columns(rows, "`each`")).map(|(_, finding)| finding)
}

/// A warning for each column that no placeholder uses.
fn unused_columns(rows: &[Rc<Row>], of: &str) -> impl Iterator<Item = (String, Finding)> {
    let is_used = |column: &str| rows.iter().any(|row| row.values.get(column).is_some_and(Value::is_used));
    let columns = rows.iter().take(1).flat_map(|row| &row.values);
    columns.filter(move |(column, _)| !is_used(column)).map(move |(column, value)| {
        let message = format!("no placeholder uses the column `{column}` of {of}");
        let help = format!("write `{{{{{column}}}}}` in a name, a description or a document, or remove the column");
        (column.clone(), Finding::warning(codes::UNUSED_COLUMN, message).at(value.at.clone()).help(help))
    })
}

/// The rows of a list.
pub(super) fn rows_of_list(
    list: &Spanned<DeValue<'_>>,
    variables: &Variables,
    errors: &SchemaErrors,
    report: &mut Report,
) -> Vec<Rc<Row>> {
    let mut reader = RowReader { variables, errors, report, first: None, patterns: BTreeSet::new() };
    let rows = list.get_ref().as_array().into_iter().flat_map(|array| array.iter()).enumerate();
    let row = |(at, row): (usize, &Spanned<DeValue<'_>>)| {
        if reader.has_errors(&row.span()) {
            return None;
        }
        let made = reader.row(row.get_ref().as_table()?, row.span(), format!("row {} of `each`", at + 1))?;
        Some(Rc::new(made))
    };
    rows.filter_map(row).collect()
}

/// Reads rows that have the same columns.
struct RowReader<'a> {
    variables: &'a Variables,
    errors: &'a SchemaErrors,
    report: &'a mut Report,
    /// The columns of the first row, and its place.
    first: Option<(BTreeSet<String>, Location)>,
    /// The columns whose values may be patterns.
    patterns: BTreeSet<String>,
}

impl RowReader<'_> {
    fn bad(&mut self, span: Range<usize>, message: String, help: &str) {
        self.report.error(codes::BAD_ROWS, span, message, help);
    }

    /// Whether the schema check has removed a part of a row, and said so. Then the row makes nothing.
    fn has_errors(&self, row: &Range<usize>) -> bool {
        self.errors.are_within(self.report.file, row)
    }

    /// Checks the name of a column: a placeholder has one meaning.
    fn column(&mut self, name: &str, span: &Range<usize>) {
        if !is_name(name) {
            let help = "use letters, digits, `_` and `-`, and start with a letter or `_`";
            self.bad(span.clone(), format!("{name:?} is no name of a column"), help);
        } else if let Some(variable) = self.variables.at(name) {
            let message = format!("`{{{{{name}}}}}` would be a column and a variable");
            let finding = Finding::error(codes::BAD_ROWS, message).at(self.report.at(span.clone()));
            self.report.findings.push(finding.label(variable.clone(), "the variable").help("rename one of the two"));
        }
    }

    /// Reads `columns` of a table.
    fn properties(&mut self, table: &DeTable<'_>) {
        let columns = table.get(COLUMNS).and_then(|columns| columns.get_ref().as_table());
        for (column, properties) in columns.into_iter().flatten() {
            if text_and_pattern(properties).1 {
                self.patterns.insert(column.get_ref().to_string());
            }
        }
    }

    /// Reports properties of columns that no row has.
    fn unknown_properties(&mut self, name: &str, table: &DeTable<'_>) {
        let Some((known, _)) = self.first.clone() else { return };
        let columns = table.get(COLUMNS).and_then(|columns| columns.get_ref().as_table());
        for (column, _) in columns.into_iter().flatten() {
            let written = column.get_ref().as_ref();
            if written != name && !known.contains(written) {
                let near = nearest(written, known.iter().map(String::as_str).chain([name]));
                let help = did_you_mean(near, || "remove it".to_owned());
                self.bad(column.span(), format!("no row has the column `{written}`"), &help);
            }
        }
    }

    /// Reads a row. A row that lacks a column, or has one that others lack, is none.
    fn row(&mut self, cells: &DeTable<'_>, span: Range<usize>, label: String) -> Option<Row> {
        let at = self.report.at(span.clone());
        let mut values = BTreeMap::new();
        for (column, cell) in cells {
            let name = column.get_ref().as_ref();
            if self.first.is_none() {
                self.column(name, &column.span());
            }
            let (text, is_pattern) = text_and_pattern(cell);
            let is_pattern = is_pattern || self.patterns.contains(name);
            match text {
                Some(text) => {
                    let at = self.report.at(cell.span());
                    values.insert(name.to_owned(), Value::new(text.to_owned(), is_pattern, Origin::File, at));
                }
                None => self.bad(cell.span(), format!("the column `{name}` has no value"), "add `value = \"…\"`"),
            }
        }
        let names: BTreeSet<String> = cells.iter().map(|(column, _)| column.get_ref().to_string()).collect();
        let is_complete = values.len() == names.len();
        let (first, first_at) = self.first.get_or_insert_with(|| (names.clone(), at.clone())).clone();
        if first == names {
            return is_complete.then_some(Row { values, at, label });
        }
        for name in first.difference(&names) {
            let finding = Finding::error(codes::BAD_ROWS, format!("the row has no column `{name}`"))
                .at(self.report.at(span.clone()))
                .label(first_at.clone(), "the columns of the first row count");
            self.report.findings.push(finding.help("all rows have the same columns: add it"));
        }
        for (column, _) in cells.iter().filter(|(column, _)| !first.contains(column.get_ref().as_ref())) {
            let name = column.get_ref().as_ref();
            let near = nearest(name, first.iter().map(String::as_str));
            let finding = Finding::error(codes::BAD_ROWS, format!("other rows have no column `{name}`"))
                .at(self.report.at(column.span()))
                .label(first_at.clone(), "the columns of the first row count");
            let help = did_you_mean(near, || "add it to all rows, or remove it here".to_owned());
            self.report.findings.push(finding.help(help));
        }
        None
    }
}
