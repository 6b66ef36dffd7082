//! The entries of a file: those that it has, those that the rows of its templates make, and the documents that they name. What
//! included files write is noted for the envelopes that bind them.

use std::path::{Path, PathBuf};

use super::includes::unreadable;
use super::{File, Loader};
use crate::base::{FileId, Finding, Location, Sources};
use crate::desired::envelope::What;
use crate::desired::envelope_entries::envelopes;
use crate::desired::expand::RecordedFile;
use crate::desired::expect_entries::expectations;
use crate::desired::fill::{Scope, names_in_json};
use crate::desired::parse::{parse, syntax};
use crate::desired::raw::RawFile;
use crate::desired::rows::AllMade;
use crate::desired::spanned::At;
use crate::desired::statement::Of;
use crate::desired::{Desired, codes};

impl Loader {
    /// Reads the entries that rows make of the templates of a file.
    pub(super) fn make(&mut self, file: &File) {
        self.report.file = file.id;
        let text = self.sources.file(file.id).text.clone();
        // If it cannot be parsed, the first pass has said why.
        let Ok((mut table, errors)) = parse(&text, file.id, &self.schema) else { return };
        (self.errors, self.made) = (errors, AllMade::default());
        self.expand(table.get_mut());
        if let Some(flat) = &mut self.flat {
            flat.record(table.get_ref(), &recorded(file, &self.directory, &self.sources), &self.made);
        }
        match RawFile::read(table) {
            Ok(raw) => self.entries(&raw, file.path.parent().unwrap_or(Path::new(""))),
            Err(error) => self.report.findings.push(syntax(&error, file.id)),
        }
    }

    /// Reads the policies, users and groups of a file, and the documents that it names.
    pub(super) fn entries(&mut self, raw: &RawFile, directory: &Path) {
        let file = self.report.file;
        let expect = expectations(&raw.expect, self.made.listed("expect"), &self.errors, &mut self.report);
        self.desired.expectations.extend(expect);
        match raw.envelope.first().filter(|_| self.included(file).is_some()) {
            Some(first) => {
                let message = "an included file cannot have `[[envelope]]`";
                self.report.error(codes::BAD_ENVELOPE, first.span(), message, "move the envelope to the main file");
            }
            None => {
                let envelopes = envelopes(&raw.envelope, self.made.listed("envelope"), &self.errors, &mut self.report);
                self.desired.envelopes.extend(envelopes);
            }
        }
        self.declarations(raw, directory);
    }

    /// The document file of a policy or bucket. If it has placeholders, or a row made the entry, findings about it name this use.
    pub(super) fn document(
        &mut self,
        of: Of,
        name: &At<String>,
        path: Option<&At<String>>,
        directory: &Path,
    ) -> Option<FileId> {
        let path = path.filter(|_| !self.amount.is_exceeded)?;
        let row = self.made.get(of.section(), name.get()).map(|made| made.row.clone());
        let at = self.report.at(path.span());
        let full = directory.join(path.get());
        if let Ok(text) = self.tree.beside_main(&full) {
            self.note(What::Document, &text, path.span());
        }
        let file = match self.documents.get(&full) {
            Some(file) => *file,
            None => self.document_file(full, &at)?,
        };
        self.document_places.entry(file).or_default().push(at.clone());
        let names = names_in_json(&self.sources.file(file).text);
        if let Some(flat) = self.flat.as_mut().filter(|_| names.is_some()) {
            let scope = Scope { variables: &self.variables, row: row.as_deref() };
            let used = names
                .iter()
                .flatten()
                .filter_map(|name| scope.get(name).map(|value| (name.clone(), (value.text.clone(), value.is_pattern))));
            flat.fill(of.section(), name.get(), used.collect());
        }
        if row.is_none() && names.is_none() {
            return Some(file);
        }
        let kind = of.kind();
        Some(self.sources.add_use(file, at, format!("{kind} `{}` uses it", name.get())))
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
}

/// A file whose entries are written flat.
pub(super) fn recorded<'a>(file: &'a File, directory: &'a Path, sources: &'a Sources) -> RecordedFile<'a> {
    let path = file.path.strip_prefix(directory).unwrap_or(&file.path);
    RecordedFile { id: file.id, path, sources }
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
