//! Loads a configuration: the main file, the files that it includes, and the documents that they name.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::DeTable;

use super::credentials::misplaced_secrets;
use super::entries::{FileEntries, merge};
use super::files::{Boundary, FileProblem, Includes, Stopped, Tree};
use super::raw::{RawFile, RawPolicy};
use super::schema::{SchemaErrors, Shape, check, is_secret};
use super::settings::settings;
use super::spanned::At;
use super::{Desired, codes};
use crate::base::{FileId, Finding, Location, Sources, map_large};

/// A desired state with its findings. It is complete only if no finding is an error.
#[derive(Debug)]
pub struct Loaded {
    /// The valid parts.
    pub desired: Desired,
    /// The files, for showing findings.
    pub sources: Sources,
    /// The findings, in the order of the files and lines.
    pub findings: Vec<Finding>,
}

impl Loaded {
    /// Whether a finding is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }
}

/// The main file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {path}: {cause}")]
pub struct LoadError {
    /// The file.
    pub path: String,
    /// The reason.
    #[source]
    pub cause: FileProblem,
}

/// Loads the configuration whose main file is `path`. Every file lies within the boundary.
///
/// # Errors
/// The main file cannot be read. Everything else is a finding.
pub fn load(path: &Path, boundary: Boundary<'_>) -> Result<Loaded, LoadError> {
    let failed = |cause| LoadError { path: path.display().to_string(), cause };
    let tree = Tree::open(path, boundary).map_err(failed)?;
    let text = tree.read_main().map_err(failed)?;
    let mut loader = Loader {
        shape: Shape::of_file(),
        seen: tree.real(path).into_iter().collect(),
        tree,
        sources: Sources::default(),
        findings: Vec::new(),
        desired: Desired::default(),
        entries: Vec::new(),
        included: VecDeque::new(),
        patterns: BTreeSet::new(),
        includes: Includes::default(),
        amount: Amount::default(),
    };
    let id = loader.sources.add(path.display().to_string(), text);
    loader.batch(&[File { id, path: path.to_path_buf(), is_main: true }]);
    while let Some(files) = loader.next_batch() {
        loader.batch(&files);
    }
    merge(loader.entries, &mut loader.desired, &mut loader.findings);
    loader.findings.sort_by_key(Finding::place);
    Ok(Loaded { desired: loader.desired, sources: loader.sources, findings: loader.findings })
}

/// The maximum number of files, documents included: ten times the policies and users of a cluster.
const MAX_FILES: usize = 50_000;

/// The maximum size of all files in bytes: three times a configuration of 100 000 policies and 1 000 000 users.
const MAX_BYTES: usize = 256 << 20;

/// The maximum number of different `include` entries.
const MAX_PATTERNS: usize = 10_000;

/// The number of files that are parsed at once. Parsed TOML takes far more memory than the entries that are read from it.
const BATCH: usize = 32;

/// The files that were read beside the main file.
#[derive(Debug, Default)]
struct Amount {
    files: usize,
    bytes: usize,
    /// A maximum was exceeded, so no more files are read.
    is_exceeded: bool,
}

/// A file among the sources.
struct File {
    id: FileId,
    path: PathBuf,
    /// Whether it may have all sections.
    is_main: bool,
}

/// The parsed content of a file.
struct Parsed {
    file: FileId,
    raw: RawFile,
    errors: SchemaErrors,
    /// The document file of each policy.
    documents: Vec<Option<FileId>>,
}

struct Loader {
    tree: Tree,
    shape: Shape,
    sources: Sources,
    findings: Vec<Finding>,
    /// The settings of the main file.
    desired: Desired,
    entries: Vec<FileEntries>,
    /// Every file that is read or to be read.
    seen: BTreeSet<PathBuf>,
    /// Files to read, with the `include` entry.
    included: VecDeque<(PathBuf, Location)>,
    /// The `include` entries so far, with the directory of their file.
    patterns: BTreeSet<(PathBuf, String)>,
    includes: Includes,
    amount: Amount,
}

impl Loader {
    /// Reads the next included files.
    fn next_batch(&mut self) -> Option<Vec<File>> {
        if self.included.is_empty() {
            return None;
        }
        let next: Vec<_> = self.included.drain(..self.included.len().min(BATCH)).collect();
        let read = map_large(next, |(path, at)| (self.tree.read(&path), path, at));
        let mut files = Vec::new();
        for (text, path, at) in read {
            match text {
                Ok(text) if self.may_add(&text, &at) => {
                    let id = self.sources.add(path.display().to_string(), text);
                    files.push(File { id, path, is_main: false });
                }
                Ok(_) => {}
                Err(problem) => self.findings.push(unreadable("the included file", &path, &problem, at)),
            }
        }
        Some(files)
    }

    /// Counts a file. Returns whether it may be among the sources.
    fn may_add(&mut self, text: &str, at: &Location) -> bool {
        self.amount.files += 1;
        self.amount.bytes = self.amount.bytes.saturating_add(text.len());
        let fits = self.amount.files <= MAX_FILES && self.amount.bytes <= MAX_BYTES;
        if !fits {
            self.exceeded(at, &format!("{MAX_FILES} files or {} MiB", MAX_BYTES >> 20));
        }
        fits
    }

    /// Reports that the configuration is too large, once, and stops reading.
    fn exceeded(&mut self, at: &Location, maximum: &str) {
        if !self.amount.is_exceeded {
            self.amount.is_exceeded = true;
            let message = format!("the configuration has more than {maximum}; attune reads no more of it");
            let finding = Finding::error(codes::READ_LIMIT, message).at(at.clone());
            self.findings.push(finding.help("split it into several configurations"));
        }
        self.included.clear();
    }

    /// Reads the entries of files: parses the files in parallel, and handles what depends on their order in between.
    fn batch(&mut self, files: &[File]) {
        let sources = &self.sources;
        let parsed =
            map_large(files.iter().collect(), |file: &File| parse(&sources.file(file.id).text, file.id, &self.shape));
        let mut readable = Vec::new();
        for (file, parsed) in files.iter().zip(parsed) {
            match parsed {
                Ok(parsed) => readable.push(self.in_order(file, parsed)),
                Err((findings, secrets)) => {
                    secrets.iter().for_each(|secret| self.sources.redact(secret));
                    self.findings.extend(findings);
                }
            }
        }
        let (sources, allowed) = (&self.sources, &self.desired.lint);
        self.entries.extend(map_large(readable, |of: Parsed| {
            let text = |id: FileId| (id, sources.file(id).text.as_str());
            FileEntries::read(&of.raw, &of.errors, of.documents.iter().map(|id| id.map(text)), allowed, of.file)
        }));
    }

    /// Handles the parts of a file in the order of files: its secrets, its settings, and the files that it names.
    fn in_order(&mut self, file: &File, mut parsed: Parsed) -> Parsed {
        let (raw, errors) = (&parsed.raw, &mut parsed.errors);
        let directory = file.path.parent().unwrap_or(Path::new(""));
        if file.is_main {
            self.desired = settings(raw, file.id, directory, &mut self.findings);
        } else {
            self.refuse_sections(raw, file.id);
        }
        let mut secrets = endpoint_secrets(raw, &self.sources.file(file.id).text, file.id);
        secrets.append(&mut errors.secrets);
        secrets.extend(misplaced_secrets(raw.credentials.as_ref(), file.id));
        secrets.iter().for_each(|secret| self.sources.redact(secret));
        self.findings.append(&mut errors.findings);
        let document = |policy: &RawPolicy| self.document(policy.document.as_ref()?, file.id, directory);
        parsed.documents = raw.policies.0.iter().map(|(_, policy)| policy).map(document).collect();
        for pattern in &raw.include {
            self.include(pattern, file.id, directory);
        }
        parsed
    }

    fn refuse_sections(&mut self, raw: &RawFile, file: FileId) {
        let sections = [
            ("cluster", raw.cluster.as_ref().map(At::span)),
            ("ownership", raw.ownership.as_ref().map(At::span)),
            ("guards", raw.guards.as_ref().map(At::span)),
            ("drift", raw.drift.as_ref().map(At::span)),
            ("lint", raw.lint.as_ref().map(At::span)),
            ("credentials", raw.credentials.as_ref().map(At::span)),
        ];
        for (name, span) in sections {
            let Some(span) = span else { continue };
            self.findings.push(
                Finding::error(codes::SECTION_IN_INCLUDE, format!("an included file cannot have `[{name}]`"))
                    .at(Location { file, span })
                    .help(format!("move `[{name}]` to the main file: it applies to all files")),
            );
        }
    }

    fn document(&mut self, path: &At<String>, file: FileId, directory: &Path) -> Option<FileId> {
        if self.amount.is_exceeded {
            return None;
        }
        let at = Location { file, span: path.span() };
        let full = directory.join(path.get());
        match self.tree.read(&full) {
            Ok(text) => self.may_add(&text, &at).then(|| self.sources.add(full.display().to_string(), text)),
            Err(problem) => {
                self.findings.push(unreadable("the policy document", &full, &problem, at));
                None
            }
        }
    }

    fn include(&mut self, pattern: &At<String>, file: FileId, directory: &Path) {
        let at = Location { file, span: pattern.span() };
        let is_new = self.patterns.insert((directory.to_path_buf(), pattern.get().clone()));
        if self.amount.is_exceeded || !is_new {
            return;
        }
        if self.patterns.len() > MAX_PATTERNS {
            return self.exceeded(&at, &format!("{MAX_PATTERNS} entries of `include`"));
        }
        match self.includes.paths(&self.tree, directory, pattern.get()) {
            Ok(Ok(paths)) if paths.is_empty() => {
                let message = format!("`{}` matches no file", pattern.get());
                let help = "patterns are relative to the file with the `include`; remove the entry to include nothing";
                self.findings.push(Finding::error(codes::INCLUDE_EMPTY, message).at(at).help(help));
            }
            Ok(Ok(paths)) => paths.into_iter().for_each(|path| self.queue(path, &at)),
            Ok(Err(Stopped { path, problem })) => {
                self.findings.push(unreadable("files for `include` under", &path, &problem, at));
            }
            Err(error) => {
                let message = format!("`{}` is not a pattern: {error}", pattern.get());
                self.findings.push(Finding::error(codes::BAD_PATTERN, message).at(at));
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
            Err(problem) => self.findings.push(unreadable("the included file", &path, &problem, at.clone())),
        }
    }
}

fn unreadable(what: &str, path: &Path, problem: &FileProblem, at: Location) -> Finding {
    let code = match problem {
        FileProblem::Outside | FileProblem::Hidden | FileProblem::Link => codes::OUTSIDE,
        FileProblem::TooLarge | FileProblem::TooMany => codes::READ_LIMIT,
        FileProblem::NotRegular | FileProblem::Io(_) => codes::UNREADABLE,
    };
    let message = format!("cannot read {what} {}: {problem}", path.display());
    Finding::error(code, message).at(at).help(problem.help())
}

/// Parses a file and checks it against the schema. The error has findings and the places of possible secrets.
fn parse(text: &str, file: FileId, shape: &Shape) -> Result<Parsed, (Vec<Finding>, Vec<Location>)> {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let findings = errors.iter().map(|error| syntax(error, file)).collect();
        return Err((findings, secrets_of_lines(text, file)));
    }
    let mut errors = check(table.get_mut(), shape, file);
    match RawFile::deserialize(toml::de::Deserializer::from(table)) {
        Ok(raw) => Ok(Parsed { file, raw, errors, documents: Vec::new() }),
        Err(error) => {
            errors.findings.push(syntax(&error, file));
            Err((errors.findings, errors.secrets))
        }
    }
}

/// The finding about a TOML error.
pub(super) fn syntax(error: &toml::de::Error, file: FileId) -> Finding {
    let at = error.span().map(|span| Location { file, span });
    Finding::error(codes::TOML_SYNTAX, error.message().trim_end()).at(at)
}

/// The places of possible secrets in a file that is not valid TOML: the values of lines with a key for a secret.
pub(super) fn secrets_of_lines(text: &str, file: FileId) -> Vec<Location> {
    let mut start = 0;
    let mut secrets = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some((key, value)) = line.split_once(['=', ':']) {
            let key = key.rsplit('.').next().unwrap_or_default().trim_matches([' ', '\t', '"', '\'']);
            if is_secret(key) {
                let end = start + line.len();
                secrets.push(Location { file, span: end - value.len()..end });
            }
        }
        start += line.len();
    }
    secrets
}

/// The places of logins in endpoints (`https://NAME:PASSWORD@HOST`). The connection refuses such endpoints; here they are
/// only hidden.
fn endpoint_secrets(raw: &RawFile, text: &str, file: FileId) -> Vec<Location> {
    let endpoints = raw.cluster.iter().flat_map(|cluster| &cluster.get().endpoints);
    endpoints
        .filter_map(|endpoint| {
            let span = endpoint.span();
            let written = text.get(span.clone())?;
            let start = written.find("://")? + 3;
            let end = written.rfind('@').filter(|end| *end > start)?;
            Some(Location { file, span: span.start + start..span.start + end })
        })
        .collect()
}
