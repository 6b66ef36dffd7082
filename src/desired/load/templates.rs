//! Makes entries of the templates of a file.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::Loader;
use crate::base::{FileId, Finding, Location, did_you_mean, nearest};
use crate::desired::codes;
use crate::desired::fill::{Kind, Scope, fill_entry, has_names};
use crate::desired::rows::{LISTS, Made, TEMPLATED, is_template, rows_of_list};
use crate::desired::schema::EACH;
use crate::desired::vars::Row;

/// The maximum number of entries that templates make: one hundred times the policies or users of a cluster.
const MAX_ENTRIES: usize = 100_000;

impl Loader {
    /// Leaves nothing in the file but the entries that rows make of its templates.
    pub(super) fn expand(&mut self, root: &mut DeTable<'_>) {
        for (section, entries) in std::mem::replace(root, DeTable::new()) {
            let (name, span, entries) = (section.get_ref().as_ref(), section.span(), entries.into_inner());
            if let DeValue::Array(entries) = entries {
                if LISTS.contains(&name) {
                    let made = self.list(&section, entries);
                    root.insert(section, Spanned::new(span, DeValue::Array(made)));
                }
            } else if let DeValue::Table(entries) = entries
                && TEMPLATED.contains(&name)
            {
                let mut made = DeTable::new();
                for (name, mut entry) in entries.into_iter().filter(|(_, entry)| is_template(entry)) {
                    let DeValue::Table(table) = entry.get_mut() else { continue };
                    let Some(each) = table.remove(EACH) else { continue };
                    let rows = self.rows(&each);
                    let of = Template { section: section.get_ref(), name: &name, entry: &entry };
                    self.template(&of, &rows, &mut made);
                }
                root.insert(section, Spanned::new(span, DeValue::Table(made)));
            }
        }
    }

    /// The entries that rows make of the templates of a list.
    fn list<'t>(&mut self, section: &Spanned<Cow<'t, str>>, entries: DeArray<'t>) -> DeArray<'t> {
        let (file, mut made) = (self.report.file, DeArray::new());
        for mut entry in entries.into_iter().filter(is_template) {
            let span = entry.span();
            let DeValue::Table(table) = entry.get_mut() else { continue };
            let Some(each) = table.remove(EACH) else { continue };
            for row in self.rows(&each) {
                if !self.may_make(&span, file) {
                    break;
                }
                self.report.file = self.sources.add_use(file, row.at.clone(), row.label.clone());
                let mut filled = entry.clone();
                fill_entry(&mut filled, Scope { variables: &self.variables, row: Some(&row) }, &mut self.report);
                self.made.listed.entry(section.get_ref().to_string()).or_default().push(self.report.file);
                made.push(filled);
            }
            self.report.file = file;
        }
        made
    }

    /// Counts an entry. Returns whether there are not too many.
    fn may_make(&mut self, span: &Range<usize>, file: FileId) -> bool {
        self.made_count += 1;
        // Once is enough.
        if self.made_count == MAX_ENTRIES + 1 {
            let message = format!("templates make more than {MAX_ENTRIES} entries; attune makes no more");
            let finding = Finding::error(codes::READ_LIMIT, message).at(Location { file, span: span.clone() });
            self.report.findings.push(finding.help("split the configuration into several"));
        }
        self.made_count <= MAX_ENTRIES
    }

    fn rows(&mut self, each: &Spanned<DeValue<'_>>) -> Vec<Rc<Row>> {
        if let Some(name) = each.get_ref().as_str() {
            if let Some(rows) = self.tables.rows(name) {
                return rows;
            }
            let declare = || format!("declare it as `[tables.{name}]`, or write the rows as a list");
            let help = did_you_mean(nearest(name, self.tables.names()), declare);
            self.report.error(codes::UNKNOWN_TABLE, each.span(), format!("no table has the name `{name}`"), help);
            return Vec::new();
        }
        let rows = rows_of_list(each, &self.variables, &self.errors, &mut self.report);
        self.lists.push(rows.clone());
        rows
    }

    fn template<'t>(&mut self, of: &Template<'_, 't>, rows: &[Rc<Row>], made: &mut DeTable<'t>) {
        let file = self.report.file;
        let (written, span) = (of.name.get_ref().as_ref(), of.name.span());
        let is_plain = rows.len() == 1 && !has_names(written);
        let mut collision: Option<(Finding, usize)> = None;
        for row in rows {
            if !self.may_make(&span, file) {
                break;
            }
            self.report.file = self.sources.add_use(file, row.at.clone(), row.label.clone());
            let scope = Scope { variables: &self.variables, row: Some(row) };
            let known = self.report.findings.len();
            let filled = scope.filled(written, Kind::Exact, &span, &mut self.report);
            if self.report.findings.len() > known {
                continue;
            }
            let name = filled.unwrap_or_else(|| written.to_owned());
            let mut entry = of.entry.clone();
            fill_entry(&mut entry, scope, &mut self.report);
            if let Some(first) = self.made.get(of.section, &name) {
                let found = || self.collision(of, &name, first);
                collision = Some(collision.map_or_else(|| (found(), 0), |(finding, more)| (finding, more + 1)));
                continue;
            }
            self.errors.rename(of.section, written, &name);
            let (file, template) = (self.report.file, written.to_owned());
            self.made
                .named
                .entry(of.section.to_owned())
                .or_default()
                .insert(name.clone(), Made { file, row: row.clone(), template, span: span.clone(), is_plain });
            made.insert(Spanned::new(span.clone(), name.into()), entry);
        }
        self.report.file = file;
        self.report.findings.extend(collision.map(|(finding, more)| match more {
            0 => finding,
            _ => finding.help(format!(
                "put a column into the name that tells the rows apart; rows with the same problem: {}",
                more + 1
            )),
        }));
    }

    fn collision(&self, of: &Template<'_, '_>, name: &str, first: &Made) -> Finding {
        let message = format!("two rows make the same name in `[{}]`: `{name}`", of.section);
        Finding::error(codes::DECLARED_TWICE, message)
            .at(self.report.at(of.name.span()))
            .label(Location { file: first.file, span: first.span.clone() }, "first made here")
            .help("put a column into the name that tells the rows apart")
    }
}

struct Template<'a, 't> {
    section: &'a str,
    name: &'a Spanned<Cow<'t, str>>,
    entry: &'a Spanned<DeValue<'t>>,
}
