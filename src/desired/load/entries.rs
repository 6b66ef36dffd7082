//! The entries of a file: those that it has, those that the rows of its templates make, and the documents that they name.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{File, Loader, unreadable};
use crate::base::{FileId, Location, Sources};
use crate::desired::codes;
use crate::desired::entries::{DocumentFile, FileReader};
use crate::desired::envelope::{What, Written};
use crate::desired::envelope_entries::envelopes;
use crate::desired::expand::RecordedFile;
use crate::desired::expect_entries::expectations;
use crate::desired::fill::{Scope, names_in_json};
use crate::desired::parse::{parse, syntax};
use crate::desired::raw::RawFile;
use crate::desired::rows::{AllMade, Expander, Made};
use crate::desired::schema::SchemaErrors;
use crate::desired::spanned::{At, PolicyOr};
use crate::desired::statement::Of;
use crate::desired::written::written;

/// The entry that uses a document.
#[derive(Debug, Clone, Copy)]
struct Used<'a> {
    section: &'static str,
    name: &'a str,
}

impl Used<'_> {
    fn kind(self) -> &'static str {
        if self.section == "buckets" { "bucket" } else { "policy" }
    }
}

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
        match RawFile::deserialize(toml::de::Deserializer::from(table)) {
            Ok(raw) => self.entries(&raw, &errors, &made, file.path.parent().unwrap_or(Path::new(""))),
            Err(error) => self.report.findings.push(syntax(&error, file.id)),
        }
    }

    /// Reads the policies, users and groups of a file, and the documents that it names.
    pub(super) fn entries<'m>(&mut self, raw: &RawFile, errors: &SchemaErrors, made: &'m AllMade, directory: &Path) {
        let file = self.report.file;
        for (made, written) in written(raw, made, file) {
            self.note_written(file, made, &written);
        }
        let mut documents = Vec::new();
        for (name, policy) in &raw.policies.0 {
            let own = made.get("policies", name.get());
            self.report.file = own.map_or(file, |made| made.file);
            let read = policy
                .document
                .as_ref()
                .and_then(|path| self.document(path, Used { section: "policies", name: name.get() }, own, directory));
            documents.push(read.map(|id| (id, own)));
        }
        let mut bucket_documents = Vec::new();
        for (name, PolicyOr(bucket)) in &raw.buckets.0 {
            let own = made.get("buckets", name.get());
            self.report.file = own.map_or(file, |made| made.file);
            let user = Used { section: "buckets", name: name.get() };
            let read = bucket.document.as_ref().and_then(|path| self.document(path, user, own, directory));
            bucket_documents.push(read.map(|id| (id, own)));
        }
        self.report.file = file;
        let (variables, sources) = (&self.variables, &self.sources);
        let document = |of: Of| {
            move |read: Option<(FileId, Option<&'m Made>)>| {
                read.map(|(file, made)| {
                    let scope = Scope { variables, row: made.map(|made| &*made.row) };
                    DocumentFile { of, file, text: &sources.file(file).text, scope }
                })
            }
        };
        let documents = documents.into_iter().map(document(Of::Policy));
        let bucket_documents = bucket_documents.into_iter().map(document(Of::Bucket));
        let rows = made.listed("expect");
        let files = |index: usize| rows.get(index).map(|made| made.file);
        self.desired.expectations.extend(expectations(&raw.expect, files, errors, &mut self.report));
        let rows = made.listed("envelope");
        let files = |index: usize| rows.get(index).map(|made| made.file);
        match raw.envelope.first().filter(|_| self.included(file).is_some()) {
            Some(first) => {
                let message = "an included file cannot have `[[envelope]]`";
                self.report.error(codes::BAD_ENVELOPE, first.span(), message, "move the envelope to the main file");
            }
            None => self.desired.envelopes.extend(envelopes(&raw.envelope, files, errors, &mut self.report)),
        }
        let (desired, policies) = (&mut self.desired, &mut self.policies);
        let (attachments, report) = (&mut self.attachments, &mut self.report);
        let mut reader = FileReader { desired, policies, attachments, errors, made, report };
        reader.read(raw, documents);
        reader.buckets(raw, bucket_documents);
    }

    /// The document file of a policy. If it has placeholders, or a row made the policy, findings about it name this use.
    fn document(&mut self, path: &At<String>, user: Used<'_>, made: Option<&Made>, directory: &Path) -> Option<FileId> {
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
            flat.fill(user.section, user.name, used.collect());
        }
        if made.is_none() && names.is_none() {
            return Some(file);
        }
        Some(self.sources.add_use(file, at, format!("{} `{}` uses it", user.kind(), user.name)))
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
    let text = &sources.file(file.id).text;
    RecordedFile { id: file.id, text, directory: path.parent().unwrap_or(Path::new("")), path, sources }
}
