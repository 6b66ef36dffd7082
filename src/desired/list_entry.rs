//! Reads the entries of the sections that are lists: `[[expect]]` and `[[envelope]]`.

use std::ops::Range;

use super::schema::SchemaErrors;
use super::spanned::{At, Report};
use crate::base::{Code, FileId, NamePatterns};
use crate::policy::Catalogue;

/// The reader of an entry.
pub(super) struct EntryReader<'a, R> {
    pub(super) raw: &'a R,
    pub(super) span: Range<usize>,
    pub(super) catalogue: &'a Catalogue,
    pub(super) report: &'a mut Report,
    /// The code of its errors.
    code: Code,
}

/// Reads the entries of a list. `files` has the file of each entry that a row makes. An entry with a problem is left out; one with
/// a problem of its schema is not read.
pub(super) fn read_each<R, T>(
    raw: &[At<R>],
    files: &[FileId],
    errors: &SchemaErrors,
    (code, report): (Code, &mut Report),
    read: impl Fn(&mut EntryReader<'_, R>) -> Option<T>,
) -> Vec<T> {
    if raw.is_empty() {
        return Vec::new();
    }
    let mut all = Vec::new();
    let (own, catalogue) = (report.file, Catalogue::newest());
    for (index, entry) in raw.iter().enumerate().filter(|(_, entry)| !errors.are_within(own, &entry.span())) {
        report.file = files.get(index).copied().unwrap_or(own);
        let known = report.findings.len();
        let (raw, span) = (entry.get(), entry.span());
        let entry = read(&mut EntryReader { raw, span, catalogue: &catalogue, report: &mut *report, code });
        all.extend(entry.filter(|_| report.findings.len() == known));
    }
    report.file = own;
    all
}

impl<R> EntryReader<'_, R> {
    pub(super) fn bad(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.report.error(self.code, span, message, help);
    }

    pub(super) fn incomplete(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.bad(self.span.clone(), message, help);
    }

    /// The name of the entry, which is `kind`.
    pub(super) fn own_name(&mut self, written: Option<&At<String>>, kind: &str, help: &str) -> Option<String> {
        let written = written?;
        let name = written.get().trim();
        if name.is_empty() || name.contains(char::is_control) {
            self.bad(written.span(), format!("the name of an {kind} is empty or has control characters"), help);
        }
        Some(name.to_owned())
    }

    pub(super) fn patterns<'e>(
        &mut self,
        entries: impl IntoIterator<Item = &'e (String, Range<usize>)>,
    ) -> NamePatterns {
        let entries = entries.into_iter();
        entries.filter_map(|(text, span)| self.report.pattern(self.code, text, span.clone())).collect()
    }
}
