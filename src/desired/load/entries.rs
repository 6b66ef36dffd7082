//! The entries of a file: those that it has, those that the rows of its templates make, and the documents and files that they
//! name. What included files write, in whatever key, is noted for the envelopes that bind them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::{File, Loader, MAX_PATTERNS};
use crate::base::{FileId, Finding, Location, Principal, Sources};
use crate::desired::envelope::{IncludedFile, What, Written};
use crate::desired::envelope_entries::envelopes;
use crate::desired::expand::RecordedFile;
use crate::desired::expect_entries::expectations;
use crate::desired::files::{FileProblem, Stopped, without_dots};
use crate::desired::fill::{Scope, names_in_json};
use crate::desired::parse::{parse, syntax};
use crate::desired::raw::{RawAttached, RawBucket, RawFile, RawPolicy, RawUser};
use crate::desired::rows::AllMade;
use crate::desired::schedule::DETACHED;
use crate::desired::schema::PARSED;
use crate::desired::spanned::{At, Report};
use crate::desired::statement::Of;
use crate::desired::{Desired, codes};

/// The name of a user in `attached_to` may start with this.
const USER: &str = "user/";

impl Loader {
    /// Reads the entries that rows make of the templates of a file.
    pub(super) fn make(&mut self, file: &File) {
        self.report.file = file.id;
        let text = self.sources.file(file.id).text.clone();
        // If it cannot be parsed, the first pass has said why.
        let Ok((mut table, errors)) = parse(&text, file.id, &PARSED) else { return };
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

    pub(super) fn included_files(&mut self) -> Vec<File> {
        let mut files = Vec::new();
        while let Some((path, at)) = self.included.pop_front() {
            match self.tree.read(&path) {
                Ok(text) if self.may_add(&text, &at) => {
                    let id = self.sources.add(path.display().to_string(), text);
                    self.note_included(id, &path, at);
                    files.push(File { id, path, is_main: false });
                }
                Ok(_) => {}
                Err(problem) => self.not_included.push(unreadable("the included file", &path, &problem, at)),
            }
        }
        files
    }

    pub(super) fn include(&mut self, pattern: &At<String>, directory: &Path) {
        if self.amount.is_exceeded || !self.patterns.insert((directory.to_path_buf(), pattern.get().clone())) {
            return;
        }
        let at = self.report.at(pattern.span());
        if self.patterns.len() > MAX_PATTERNS {
            return self.exceeded(&at, &format!("{MAX_PATTERNS} entries of `include`"));
        }
        match self.includes.paths(&self.tree, directory, pattern.get()) {
            Ok(Ok(paths)) if paths.is_empty() => {
                let message = format!("`{}` matches no file", pattern.get());
                let help = "patterns are relative to the file with the `include`; remove the entry to include nothing";
                self.not_included.push(Finding::error(codes::INCLUDE_EMPTY, message).at(at).help(help));
            }
            Ok(Ok(paths)) => paths.into_iter().for_each(|path| self.queue(path, &at)),
            Ok(Err(Stopped { path, problem })) => {
                self.not_included.push(unreadable("files for `include` under", &path, &problem, at));
            }
            Err(error) => {
                let message = format!("`{}` is not a pattern: {error}", pattern.get());
                self.not_included.push(Finding::error(codes::BAD_PATTERN, message).at(at));
            }
        }
    }

    /// Queues a file, unless it was queued before by this or another path.
    fn queue(&mut self, path: PathBuf, at: &Location) {
        match self.tree.real(&path) {
            Ok(real) => {
                if self.seen.insert(real) {
                    self.included.push_back((path, at.clone()));
                }
            }
            Err(problem) => self.not_included.push(unreadable("the included file", &path, &problem, at.clone())),
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

    /// The index of an included file. They are in the order of their ids.
    pub(super) fn included(&self, file: FileId) -> Option<usize> {
        self.desired.included.binary_search_by_key(&file, |included| included.id).ok()
    }

    /// Notes a name or a document of the entry that is read. One that a row makes counts for the file of the template and for that
    /// of the row.
    pub(super) fn note(&mut self, what: What, text: &str, span: Range<usize>) {
        let at = self.report.at(span);
        let of_row = self.sources.place_of_use(at.file).map(|row| row.file.whole());
        for file in BTreeSet::from_iter(of_row.into_iter().chain([at.file.whole()])) {
            if let Some(index) = self.included(file) {
                self.desired.included[index].written.push(Written { what, text: text.to_owned(), at: at.clone() });
            }
        }
    }

    fn note_name(&mut self, what: What, name: &At<String>) {
        self.note(what, name.get(), name.span());
    }

    /// What somebody has at one time: a policy, or `detached`.
    fn note_term(&mut self, others: [&Option<At<String>>; 2]) {
        let policies = others.into_iter().flatten().filter(|name| name.get() != DETACHED);
        policies.for_each(|name| self.note_name(What::Used, name));
    }

    pub(super) fn note_policy(&mut self, name: &At<String>, raw: &RawPolicy) {
        let RawPolicy {
            description: _,
            document: _,
            statement: _,
            combine,
            is_abstract: _,
            absent: _,
            attached_to,
            renamed_from,
            lint: _,
        } = raw;
        self.note_name(What::Policy, name);
        renamed_from.iter().for_each(|old| self.note_name(What::Policy, old));
        combine.iter().flatten().for_each(|part| self.note_name(What::Used, part));
        attached_to.iter().for_each(|attached| self.note_attached(attached));
    }

    fn note_attached(&mut self, raw: &RawAttached) {
        let RawAttached { name, user, group, from: _, before, until: _, then, revoke_keys: _ } = raw;
        if let Some(name) = name {
            let text = name.get().as_str();
            match text.strip_prefix(Principal::GROUP) {
                Some(group) => self.note(What::Group, group, name.span()),
                None => self.note(What::User, text.strip_prefix(USER).unwrap_or(text), name.span()),
            }
        }
        user.iter().for_each(|user| self.note_name(What::User, user));
        group.iter().for_each(|group| self.note_name(What::Group, group));
        self.note_term([before, then]);
    }

    pub(super) fn note_principal(&mut self, what: What, name: &At<String>, raw: &RawUser) {
        let RawUser { policy, detached: _, revoke_keys: _, from: _, before, until: _, then } = raw;
        self.note_name(what, name);
        policy.iter().for_each(|policy| self.note_name(What::Used, policy));
        self.note_term([before, then]);
    }

    pub(super) fn note_bucket(&mut self, name: &At<String>, raw: &RawBucket) {
        let RawBucket { description: _, policy: _, document: _, statement: _, lint: _ } = raw;
        self.note_name(What::Bucket, name);
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

/// The sections that only the main file may have.
const OF_MAIN_FILE: [&str; 9] =
    ["required_version", "vars", "cluster", "ownership", "guards", "drift", "lint", "credentials", "roles"];

pub(super) fn refuse_sections(root: &DeTable<'_>, report: &mut Report) {
    for (key, section) in root.iter().filter(|(key, _)| OF_MAIN_FILE.contains(&key.get_ref().as_ref())) {
        let name = key.get_ref().as_ref();
        let entries = section.get_ref().as_table().filter(|_| matches!(name, "vars" | "roles"));
        let first = entries.map(|entries| entries.keys().map(Spanned::span).min_by_key(|span| span.start));
        let Some(span) = first.unwrap_or(Some(section.span())) else { continue };
        let name = if name == "required_version" { name.to_owned() } else { format!("[{name}]") };
        let message = format!("an included file cannot have `{name}`");
        let help = format!("move `{name}` to the main file: it applies to all files");
        report.error(codes::SECTION_IN_INCLUDE, span, message, help);
    }
}

pub(super) fn unreadable(what: &str, path: &Path, problem: &FileProblem, at: Location) -> Finding {
    let code = match problem {
        FileProblem::Outside | FileProblem::Hidden | FileProblem::Link => codes::OUTSIDE,
        FileProblem::TooLarge | FileProblem::TooMany => codes::READ_LIMIT,
        FileProblem::NotRegular
        | FileProblem::Utf16
        | FileProblem::StdinTaken
        | FileProblem::ReadOnly
        | FileProblem::Changed
        | FileProblem::Io(_) => codes::UNREADABLE,
    };
    let message = format!("cannot read {what} {}: {problem}", path.display());
    Finding::error(code, message).at(at).help(problem.help())
}
