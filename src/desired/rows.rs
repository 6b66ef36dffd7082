//! Rows: an entry with `each` is a template, and each row makes an entry of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::codes;
use super::fill::{Kind, Scope, fill_entry, has_names};
use super::schema::{EACH, SchemaErrors};
use super::spanned::Report;
use super::tables::{Tables, rows_of_list};
use super::vars::{Row, Variables};
use crate::base::{FileId, Finding, Location, Sources, did_you_mean, nearest};

/// The sections whose entries may have rows.
const TEMPLATED: [&str; 4] = ["policies", "users", "groups", "buckets"];

/// The sections that are lists, whose entries may have rows.
pub(super) const LISTS: [&str; 2] = ["expect", "envelope"];

/// The maximum number of entries that templates make: one hundred times the policies or users of a cluster.
const MAX_ENTRIES: usize = 100_000;

fn is_template(entry: &Spanned<DeValue<'_>>) -> bool {
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
    named: BTreeMap<String, BTreeMap<String, Made>>,
    listed: BTreeMap<String, Vec<Made>>,
}

impl AllMade {
    pub(super) fn get(&self, section: &str, name: &str) -> Option<&Made> {
        self.named.get(section)?.get(name)
    }

    /// The entries of a section that is a list.
    pub(super) fn listed(&self, section: &str) -> &[Made] {
        self.listed.get(section).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Makes entries of the templates of a file.
pub(super) struct Expander<'a> {
    pub(super) variables: &'a Variables,
    pub(super) tables: &'a Tables,
    pub(super) sources: &'a mut Sources,
    pub(super) errors: &'a mut SchemaErrors,
    pub(super) report: &'a mut Report,
    /// The rows of each list so far, in all files.
    pub(super) lists: &'a mut Vec<Vec<Rc<Row>>>,
    /// How many entries rows have made so far, in all files.
    pub(super) count: &'a mut usize,
}

impl Expander<'_> {
    /// Leaves nothing in the file but the entries that rows make of its templates.
    pub(super) fn expand(&mut self, root: &mut DeTable<'_>) -> AllMade {
        let mut all = AllMade::default();
        for (section, entries) in std::mem::replace(root, DeTable::new()) {
            let (name, span, entries) = (section.get_ref().as_ref(), section.span(), entries.into_inner());
            if let DeValue::Array(entries) = entries {
                if LISTS.contains(&name) {
                    let made = self.list(&section, entries, &mut all);
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
                    self.template(&of, &rows, &mut made, &mut all);
                }
                root.insert(section, Spanned::new(span, DeValue::Table(made)));
            }
        }
        all
    }

    /// The entries that rows make of the templates of a list.
    fn list<'t>(&mut self, section: &Spanned<Cow<'t, str>>, entries: DeArray<'t>, all: &mut AllMade) -> DeArray<'t> {
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
                fill_entry(&mut filled, Scope { variables: self.variables, row: Some(&row) }, self.report);
                let (file, template) = (self.report.file, section.get_ref().to_string());
                let of_row = Made { file, row, template, span: span.clone(), is_plain: false };
                all.listed.entry(section.get_ref().to_string()).or_default().push(of_row);
                made.push(filled);
            }
            self.report.file = file;
        }
        made
    }

    /// Counts an entry. Returns whether there are not too many.
    fn may_make(&mut self, span: &Range<usize>, file: FileId) -> bool {
        *self.count += 1;
        // Once is enough.
        if *self.count == MAX_ENTRIES + 1 {
            let message = format!("templates make more than {MAX_ENTRIES} entries; attune makes no more");
            let finding = Finding::error(codes::READ_LIMIT, message).at(Location { file, span: span.clone() });
            self.report.findings.push(finding.help("split the configuration into several"));
        }
        *self.count <= MAX_ENTRIES
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
        let rows = rows_of_list(each, self.variables, self.errors, self.report);
        self.lists.push(rows.clone());
        rows
    }

    fn template<'t>(&mut self, of: &Template<'_, 't>, rows: &[Rc<Row>], made: &mut DeTable<'t>, all: &mut AllMade) {
        let file = self.report.file;
        let (written, span) = (of.name.get_ref().as_ref(), of.name.span());
        let is_plain = rows.len() == 1 && !has_names(written);
        let mut collision: Option<(Finding, usize)> = None;
        for row in rows {
            if !self.may_make(&span, file) {
                break;
            }
            self.report.file = self.sources.add_use(file, row.at.clone(), row.label.clone());
            let scope = Scope { variables: self.variables, row: Some(row) };
            let known = self.report.findings.len();
            let filled = scope.filled(written, Kind::Exact, &span, self.report);
            if self.report.findings.len() > known {
                continue;
            }
            let name = filled.unwrap_or_else(|| written.to_owned());
            let mut entry = of.entry.clone();
            fill_entry(&mut entry, scope, self.report);
            if let Some(first) = all.get(of.section, &name) {
                let found = || self.collision(of, &name, first);
                collision = Some(collision.map_or_else(|| (found(), 0), |(finding, more)| (finding, more + 1)));
                continue;
            }
            self.errors.rename(of.section, written, &name);
            let (file, template) = (self.report.file, written.to_owned());
            all.named
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
