//! How a command gets a policy document from a file of its own.

use std::path::{Path, PathBuf};

use crate::base::{FileId, Finding, Location, Sources};
use crate::cli::args::Format;
use crate::cli::exit::{self, Exit, Failure};
use crate::cli::output::Output;
use crate::desired::{FileProblem, read_named};
use crate::policy::{Document, Places, Problem, read};
use crate::render::json::{self, FindingsV1};

/// The documents a command was given, as far as they could be read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// The files.
    pub(super) sources: Sources,
    /// What is wrong with them.
    pub(super) findings: Vec<Finding>,
}

/// A document with where it was read from.
#[derive(Debug)]
pub(super) struct Written {
    /// The document.
    pub(super) document: Document,
    /// Where its parts are.
    pub(super) places: Places,
    /// The file.
    pub(super) file: FileId,
}

impl Reading {
    /// Reads a document as strictly as one that a file of the desired state names.
    pub(super) fn document(&mut self, path: &Path) -> Option<Written> {
        let text = match read_named(path) {
            Ok(text) => text,
            Err(problem) => return self.unreadable(path, &problem),
        };
        let read = read(&text);
        let file = self.sources.add(path.display().to_string(), text);
        self.findings.extend(read.problems.into_iter().map(|problem| finding(problem, file)));
        Some(Written { document: read.document?, places: read.places, file })
    }

    fn unreadable(&mut self, path: &Path, problem: &FileProblem) -> Option<Written> {
        let finding =
            Finding::error(exit::NO_DOCUMENT, format!("cannot read the policy document {}: {problem}", path.display()));
        let is_of_machine = matches!(problem, FileProblem::Io(_));
        self.findings.push(if is_of_machine { finding } else { finding.help(problem.help()) });
        None
    }

    /// Whether something is wrong that must be mended.
    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }

    /// Reports why nothing could be done with the documents.
    pub(super) fn refused(&self, format: Format, output: &mut Output, paths: &[PathBuf]) -> Result<Exit, Failure> {
        output.findings(&self.findings, &self.sources);
        if format == Format::Json {
            output.result(|out, _| json::write(out, &FindingsV1::of(&self.findings, &self.sources)))?;
        }
        Err(has_errors(paths))
    }
}

/// Documents have errors, and that has been said.
pub(super) fn has_errors(paths: &[PathBuf]) -> Failure {
    let message = match paths {
        [path] => format!("{} has errors", path.display()),
        paths => format!("{} documents were read, and there are errors", paths.len()),
    };
    Failure::new(&exit::BAD_DOCUMENT, message)
}

fn finding(problem: Problem, file: FileId) -> Finding {
    let Problem { rule, severity, message, span, help } = problem;
    Finding { help, ..Finding::new(rule.code, severity, message).at(Location { file, span }) }
}
