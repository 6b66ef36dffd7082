//! The files that `include` names.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::{File, Loader, MAX_PATTERNS};
use crate::base::{FileId, Finding, Location};
use crate::desired::codes;
use crate::desired::envelope::IncludedFile;
use crate::desired::files::{FileProblem, Stopped, without_dots};
use crate::desired::spanned::{At, Report};

impl Loader {
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
