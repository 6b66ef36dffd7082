//! Rows: an entry with `each` is a template, and each row makes an entry of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::schema::{EACH, SchemaErrors};
use super::vars::Row;
use crate::base::{FileId, Finding};

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
