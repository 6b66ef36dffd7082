//! Files that the command line names: policy documents, and catalogues of actions.

use std::path::{Path, PathBuf};

use super::args::{ActionArgs, CatalogueArg, Format};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::base::{FileId, Finding, Location, Release, Sources};
use crate::desired::{FileProblem, is_stdin, read_named, read_stdin, read_trusted, shown_path};
use crate::policy::{
    Catalogue, Document, MAX_DOCUMENT, Place, Places, Problem, Read, TOO_LONG, normal, read, read_bucket_policy,
};
use crate::render::json::{self, FindingsV1};

impl CatalogueArg {
    pub(super) fn load_or(&self, release: &Release) -> Result<Catalogue, Failure> {
        let Some(path) = &self.path else { return Ok(Catalogue::of(release)) };
        let failure =
            |why: String| Failure::new(&exit::BAD_CATALOGUE, format!("the catalogue {}: {why}", shown_path(path)));
        let text = if is_stdin(path) { read_stdin() } else { read_trusted(path) };
        let text = text.map_err(|problem| failure(problem.to_string()))?;
        Catalogue::from_json(&text).map_err(|error| failure(error.to_string()))
    }
}

impl ActionArgs {
    pub(super) fn load_or(&self, release: &Release) -> Result<Catalogue, Failure> {
        self.catalogue.load_or(&self.release_or(release))
    }
}

/// The longest document that is compared, in bytes of its normal form: the largest limit of any server (bucket policies on AWS).
/// The comparison of a longer one can take minutes, and no cluster accepts it.
const MAX_COMPARED: usize = 20 * 1024;

#[derive(Debug, Default)]
pub(super) struct Documents {
    pub(super) sources: Sources,
    pub(super) findings: Vec<Finding>,
}

#[derive(Debug)]
pub(super) struct LocatedDocument {
    pub(super) document: Document,
    pub(super) places: Places,
    pub(super) file: FileId,
}

impl Documents {
    /// Reads a document as strictly as one of a configuration.
    pub(super) fn read(&mut self, path: &Path) -> Option<LocatedDocument> {
        self.read_with(path, read)
    }

    /// Reads a document or a bucket policy, of a length that can be compared.
    pub(super) fn read_any(&mut self, path: &Path) -> Option<LocatedDocument> {
        let located = self.read_with(path, read_bucket_policy)?;
        let length = normal(&located.document).len();
        if length <= MAX_COMPARED {
            return Some(located);
        }
        let message =
            format!("the document has {length} bytes in normal form; the limit of a cluster is {MAX_DOCUMENT}");
        let whole = located.places.get(Place::Statements).map(|span| span.start..span.start + 1);
        let at = whole.map(|span| Location { file: located.file, span });
        let help = format!("documents of more than {MAX_COMPARED} bytes are not compared; is this the right file?");
        self.findings.push(Finding::error(TOO_LONG, message).at(at).help(help));
        None
    }

    fn read_with(&mut self, path: &Path, read: fn(&str) -> Read) -> Option<LocatedDocument> {
        let text = match read_named(path) {
            Ok(text) => text,
            Err(problem) => {
                let message = format!("cannot read the policy document {}: {problem}", shown_path(path));
                let finding = Finding::error(exit::NO_DOCUMENT, message);
                let is_io = matches!(problem, FileProblem::Io(_));
                self.findings.push(if is_io { finding } else { finding.help(problem.help()) });
                return None;
            }
        };
        let read = read(&text);
        let file = self.sources.add(shown_path(path), text);
        self.findings.extend(read.problems.into_iter().map(|problem| {
            let Problem { rule, severity, message, span, help } = problem;
            Finding { help, ..Finding::new(rule.code, severity, message).at(Location { file, span }) }
        }));
        Some(LocatedDocument { document: read.document?, places: read.places, file })
    }

    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }

    pub(super) fn report_errors(
        &self,
        format: Format,
        output: &mut Output,
        paths: &[PathBuf],
    ) -> Result<Exit, Failure> {
        output.findings(&self.findings, &self.sources);
        if format == Format::Json {
            output.result(|out, _| json::write(out, &FindingsV1::of(&self.findings, &self.sources)))?;
        }
        Err(have_errors(paths))
    }
}

pub(super) fn have_errors(paths: &[PathBuf]) -> Failure {
    let message = match paths {
        [path] => format!("{} has errors", shown_path(path)),
        paths => format!("{} documents checked, with errors", paths.len()),
    };
    Failure::new(&exit::BAD_DOCUMENT, message)
}

pub(super) fn normal_document(path: &Path, output: &mut Output) -> Result<String, Failure> {
    let mut documents = Documents::default();
    let document = documents.read(path);
    output.findings(&documents.findings, &documents.sources);
    match document {
        Some(located) if !documents.has_errors() => Ok(normal(&located.document).json().to_owned()),
        Some(_) | None => Err(have_errors(&[path.to_path_buf()])),
    }
}
