//! The entries of a file: those that it has, those that the rows of its templates make, and the documents that they name. What
//! included files write is noted for the envelopes that bind them.

use std::path::{Path, PathBuf};

use super::{File, Loader, unreadable};
use crate::base::{FileId, Finding, Location, Sources};
use crate::desired::entries::{DocumentFile, FileReader};
use crate::desired::envelope::{IncludedFile, What, Written};
use crate::desired::envelope_entries::envelopes;
use crate::desired::expand::RecordedFile;
use crate::desired::expect_entries::expectations;
use crate::desired::files::without_dots;
use crate::desired::fill::{Scope, names_in_json};
use crate::desired::parse::{parse, syntax};
use crate::desired::raw::RawFile;
use crate::desired::rows::{AllMade, Expander, Made};
use crate::desired::schema::SchemaErrors;
use crate::desired::spanned::At;
use crate::desired::statement::Of;
use crate::desired::written::written;
use crate::desired::{Desired, codes};

impl Loader {
    /// Reads the entries that rows make of the templates of a file.
    pub(super) fn make(&mut self, file: &File) {
        self.report.file = file.id;
        let text = self.sources.file(file.id).text.clone();
        // If it cannot be parsed, the first pass has said why.
        let Ok((mut table, mut errors)) = parse(&text, file.id, &self.schema) else { return };
        let mut expander = Expander {
            variables: &self.variables,
            tables: &self.tables,
            sources: &mut self.sources,
            errors: &mut errors,
            report: &mut self.report,
            lists: &mut self.lists,
            count: &mut self.made,
        };
        let made = expander.expand(table.get_mut());
        if let Some(flat) = &mut self.flat {
            flat.record(table.get_ref(), &recorded(file, &self.directory, &self.sources), &made);
        }
        match RawFile::read(table) {
            Ok(raw) => self.entries(&raw, &errors, &made, file.path.parent().unwrap_or(Path::new(""))),
            Err(error) => self.report.findings.push(syntax(&error, file.id)),
        }
    }

    /// Reads the policies, users and groups of a file, and the documents that it names.
    pub(super) fn entries(&mut self, raw: &RawFile, errors: &SchemaErrors, made: &AllMade, directory: &Path) {
        let file = self.report.file;
        for (made, written) in written(raw, made, file) {
            self.note_written(file, made, &written);
        }
        let policies = raw.policies.0.iter().map(|(name, policy)| ("policies", name, policy.document.as_ref()));
        let buckets = raw.buckets.0.iter().map(|(name, bucket)| ("buckets", name, bucket.document.as_ref()));
        let mut used = Vec::new();
        for (section, name, path) in policies.chain(buckets) {
            let own = made.get(section, name.get());
            self.report.file = own.map_or(file, |made| made.file);
            let read = path.and_then(|path| self.document(path, (section, name.get()), own, directory));
            used.extend(read.map(|id| (section, name.get().clone(), id, own)));
        }
        self.report.file = file;
        let documents = used.into_iter().map(|(section, name, file, own)| {
            let of = if section == "buckets" { Of::Bucket } else { Of::Policy };
            let scope = Scope { variables: &self.variables, row: own.map(|made| &*made.row) };
            ((section, name), DocumentFile { of, file, text: &self.sources.file(file).text, scope })
        });
        let documents = documents.collect();
        let files = |list: &str, index: usize| made.listed(list).get(index).map(|made| made.file);
        let expect = expectations(&raw.expect, |index| files("expect", index), errors, &mut self.report);
        self.desired.expectations.extend(expect);
        match raw.envelope.first().filter(|_| self.included(file).is_some()) {
            Some(first) => {
                let message = "an included file cannot have `[[envelope]]`";
                self.report.error(codes::BAD_ENVELOPE, first.span(), message, "move the envelope to the main file");
            }
            None => {
                let envelopes = envelopes(&raw.envelope, |index| files("envelope", index), errors, &mut self.report);
                self.desired.envelopes.extend(envelopes);
            }
        }
        let (desired, policies) = (&mut self.desired, &mut self.policies);
        let (attachments, report) = (&mut self.attachments, &mut self.report);
        let mut reader = FileReader { desired, policies, attachments, errors, made, documents, report };
        reader.read(raw);
        reader.buckets(raw);
    }

    /// The document file of a policy or bucket. If it has placeholders, or a row made the entry, findings about it name this use.
    fn document(
        &mut self,
        path: &At<String>,
        (section, name): (&'static str, &str),
        made: Option<&Made>,
        directory: &Path,
    ) -> Option<FileId> {
        if self.amount.is_exceeded {
            return None;
        }
        let at = self.report.at(path.span());
        let full = directory.join(path.get());
        if let Ok(text) = self.tree.beside_main(&full) {
            self.note_written(at.file.whole(), made, &Written { what: What::Document, text, at: at.clone() });
        }
        let file = match self.documents.get(&full) {
            Some(file) => *file,
            None => self.document_file(full, &at)?,
        };
        self.document_places.entry(file).or_default().push(at.clone());
        let text = &self.sources.file(file).text;
        let names = names_in_json(text);
        if let Some(flat) = self.flat.as_mut().filter(|_| names.is_some()) {
            let scope = Scope { variables: &self.variables, row: made.map(|made| &*made.row) };
            let used = names
                .iter()
                .flatten()
                .filter_map(|name| scope.get(name).map(|value| (name.clone(), (value.text.clone(), value.is_pattern))));
            flat.fill(section, name, used.collect());
        }
        if made.is_none() && names.is_none() {
            return Some(file);
        }
        let kind = if section == "buckets" { "bucket" } else { "policy" };
        Some(self.sources.add_use(file, at, format!("{kind} `{name}` uses it")))
    }

    fn document_file(&mut self, path: PathBuf, at: &Location) -> Option<FileId> {
        match self.tree.read(&path) {
            Ok(text) => self.may_add(&text, at).then(|| {
                let file = self.sources.add(path.display().to_string(), text);
                self.documents.insert(path, file);
                file
            }),
            Err(problem) => {
                self.report.findings.push(unreadable("the policy document", &path, &problem, at.clone()));
                None
            }
        }
    }

    /// Notes an included file, and the paths by which envelopes bind it: its own, and those of the files that include it.
    pub(super) fn note_included(&mut self, id: FileId, path: &Path, at: Location) {
        // A file that was read has a path.
        let Ok(real) = self.tree.beside_main(path) else { return };
        let by = self.included(at.file.whole());
        let mut bound_as = by.map(|by| self.desired.included[by].bound_as.clone()).unwrap_or_default();
        let written = path.strip_prefix(&self.directory).unwrap_or(path);
        bound_as.extend(without_dots(written));
        bound_as.insert(real.clone());
        self.desired.included.push(IncludedFile { id, path: real, bound_as, at, written: Vec::new() });
    }

    /// Notes a name that a file writes. One that a row makes counts for the file of the template and for that of the row.
    fn note_written(&mut self, file: FileId, made: Option<&Made>, written: &Written) {
        let of_row = made.map(|made| made.row.at.file.whole()).filter(|of_row| *of_row != file);
        for file in [Some(file), of_row].into_iter().flatten() {
            if let Some(index) = self.included(file) {
                self.desired.included[index].written.push(written.clone());
            }
        }
    }

    /// The index of an included file. They are in the order of their ids.
    fn included(&self, file: FileId) -> Option<usize> {
        self.desired.included.binary_search_by_key(&file, |included| included.id).ok()
    }
}

/// A file whose entries are written flat.
pub(super) fn recorded<'a>(file: &'a File, directory: &'a Path, sources: &'a Sources) -> RecordedFile<'a> {
    let path = file.path.strip_prefix(directory).unwrap_or(&file.path);
    let text = &sources.file(file.id).text;
    RecordedFile { id: file.id, text, directory: path.parent().unwrap_or(Path::new("")), path, sources }
}

/// What weakens a configuration with envelopes: expectations of included files, which a team may take back, and rows of
/// included files that make an expectation or an envelope.
pub(super) fn beside_envelopes(desired: &Desired, main: FileId, sources: &Sources) -> Vec<Finding> {
    if desired.envelopes.is_empty() {
        return Vec::new();
    }
    let is_foreign = |at: &Location| at.file.whole() != main;
    let made_elsewhere = |at: &Location| sources.place_of_use(at.file).is_some_and(&is_foreign);
    let mut findings = Vec::new();
    for at in desired.expectations.iter().filter_map(|expectation| expectation.at.as_ref()) {
        let (message, help) = if is_foreign(at) {
            ("an included file cannot have `[[expect]]` beside envelopes", "move the expectation to the main file")
        } else if made_elsewhere(at) {
            ("a row of an included file makes an expectation beside envelopes", "move the rows to the main file")
        } else {
            continue;
        };
        findings.push(Finding::error(codes::SECTION_IN_INCLUDE, message).at(at.clone()).help(help));
    }
    for at in desired.envelopes.iter().filter_map(|envelope| envelope.at.as_ref()).filter(|at| made_elsewhere(at)) {
        let message = "a row of an included file makes an envelope";
        findings
            .push(Finding::error(codes::BAD_ENVELOPE, message).at(at.clone()).help("move the rows to the main file"));
    }
    findings
}
