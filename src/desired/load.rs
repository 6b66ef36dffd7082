//! Reads the main file, what it includes, and the documents it names.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::DeTable;

use super::at::At;
use super::check::{SchemaErrors, check, is_secret};
use super::credentials::misplaced_secrets;
use super::declared::Declared;
use super::files::{Boundary, FileProblem, Matched, Stopped, Tree};
use super::merge::merge;
use super::raw::{RawFile, RawPolicy};
use super::resolve::settings;
use super::shape::Shape;
use super::{Allowed, Desired, codes};
use crate::base::{FileId, Finding, Location, Sources, map_large};

/// A desired state, with everything that was found wrong on the way. Only usable as a whole when no finding is an
/// error.
#[derive(Debug)]
pub struct Loaded {
    /// What could be read.
    pub desired: Desired,
    /// The files, for showing findings.
    pub sources: Sources,
    /// What was found, in the order of the files and of their lines.
    pub findings: Vec<Finding>,
}

impl Loaded {
    /// Whether there is an error among the findings.
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
    /// Why.
    #[source]
    pub cause: FileProblem,
}

/// Loads the file at `path` with all that it includes. Every file lies within the boundary.
///
/// # Errors
/// Only when the main file itself cannot be read; everything else is a finding.
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
        declared: Vec::new(),
        included: VecDeque::new(),
        patterns: Patterns::default(),
        read: Amount::default(),
    };
    let main =
        File { id: loader.sources.add(path.display().to_string(), text), path: path.to_path_buf(), is_main: true };
    loader.batch(&[main]);
    while let Some(files) = loader.next_batch() {
        loader.batch(&files);
    }
    merge(loader.declared, &mut loader.desired, &mut loader.findings);
    loader.findings.sort_by_key(Finding::place);
    Ok(Loaded { desired: loader.desired, sources: loader.sources, findings: loader.findings })
}

/// How many files a configuration may have, documents included: ten times what a cluster has policies and users.
const MOST_FILES: usize = 50_000;

/// How large they may be together, in bytes: three times a configuration of 100 000 policies and 1 000 000 users.
const MOST_BYTES: usize = 256 << 20;

/// How many different entries of `include` a configuration may have.
const MOST_PATTERNS: usize = 10_000;

/// What has been read beside the main file.
#[derive(Debug, Default)]
struct Amount {
    files: usize,
    bytes: usize,
    /// Whether it was more than may be read. Then no more is read.
    exceeded: bool,
}

/// The entries of `include` that have been walked.
#[derive(Debug, Default)]
struct Patterns {
    walked: BTreeSet<(PathBuf, String)>,
    matched: Matched,
}

/// How many files are read at once: what is parsed takes far more room than what it says, and is gone with its batch.
const BATCH: usize = 32;

/// A file that is among the sources.
struct File {
    id: FileId,
    path: PathBuf,
    /// Whether it may hold all sections.
    is_main: bool,
}

/// What is written in a file, and what did not fit.
struct Written {
    file: FileId,
    raw: RawFile,
    misfits: SchemaErrors,
    /// The document file of each of its policies, once they are looked for.
    documents: Vec<Option<FileId>>,
    /// What it declares, where that takes nothing else; then it is no longer in `raw`.
    declared: Option<Declared>,
}

struct Loader {
    tree: Tree,
    shape: Shape,
    sources: Sources,
    findings: Vec<Finding>,
    /// What the main file says beside its entries.
    desired: Desired,
    declared: Vec<Declared>,
    /// Every file that is read or to be read.
    seen: BTreeSet<PathBuf>,
    /// Files to be read, and where they are included.
    included: VecDeque<(PathBuf, Location)>,
    patterns: Patterns,
    read: Amount,
}

impl Loader {
    /// Reads the next files that are included.
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

    /// Whether one more file may be among the sources. The first that may not is said.
    fn may_add(&mut self, text: &str, at: &Location) -> bool {
        self.read.files += 1;
        self.read.bytes = self.read.bytes.saturating_add(text.len());
        let fits = self.read.files <= MOST_FILES && self.read.bytes <= MOST_BYTES;
        if !fits {
            self.exceeded(at, &format!("more than {MOST_FILES} files or {} MiB", MOST_BYTES >> 20));
        }
        fits
    }

    /// The configuration is too large: no more of it is read.
    fn exceeded(&mut self, at: &Location, most: &str) {
        if !self.read.exceeded {
            self.read.exceeded = true;
            let finding =
                Finding::error(codes::READ_LIMIT, format!("the configuration has {most}, and is not read on"));
            self.findings.push(finding.at(at.clone()).help("divide it into several configurations"));
        }
        self.included.clear();
    }

    /// Takes in files: what each says for itself is found out for several at a time.
    fn batch(&mut self, files: &[File]) {
        let allowed = &self.desired.lint;
        let written = map_large(files.iter().collect(), |file: &File| {
            let written = parse(&self.sources.file(file.id).text, file.id, &self.shape)?;
            Ok(if file.is_main { written } else { written.on_its_own(allowed) })
        });
        let mut readable = Vec::new();
        for (file, written) in files.iter().zip(written) {
            match written {
                Ok(written) => readable.push(self.taken_in(file, written)),
                Err((findings, secrets)) => {
                    secrets.iter().for_each(|secret| self.sources.redact(secret));
                    self.findings.extend(findings);
                }
            }
        }
        let (sources, allowed) = (&self.sources, &self.desired.lint);
        self.declared.extend(map_large(readable, |written: Written| written.declares(sources, allowed)));
    }

    /// What of a file is dealt with in the order of the files: its secrets, its settings, and which other files it names.
    /// Returns what it says for itself.
    fn taken_in(&mut self, file: &File, mut written: Written) -> Written {
        let (raw, misfits) = (&written.raw, &mut written.misfits);
        let directory = file.path.parent().unwrap_or(Path::new(""));
        if file.is_main {
            self.desired = settings(raw, file.id, directory, &mut self.findings);
        } else {
            self.refuse_sections(raw, file.id);
        }
        let mut secrets = endpoint_secrets(raw, &self.sources.file(file.id).text, file.id);
        secrets.append(&mut misfits.secrets);
        secrets.extend(misplaced_secrets(raw.credentials.as_ref(), file.id));
        secrets.iter().for_each(|secret| self.sources.redact(secret));
        self.findings.append(&mut misfits.findings);
        let document = |policy: &RawPolicy| self.document(policy.document.as_ref()?, file.id, directory);
        written.documents = raw.policies.0.iter().map(|(_, policy)| policy).map(document).collect();
        for pattern in &raw.include {
            self.include(pattern, file.id, directory);
        }
        written
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
                Finding::error(codes::SECTION_IN_INCLUDE, format!("an included file cannot hold `[{name}]`"))
                    .at(Location { file, span })
                    .help(format!("move `[{name}]` to the main file: it holds for all of them")),
            );
        }
    }

    fn document(&mut self, path: &At<String>, file: FileId, directory: &Path) -> Option<FileId> {
        if self.read.exceeded {
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
        let new = self.patterns.walked.insert((directory.to_path_buf(), pattern.get().clone()));
        if self.read.exceeded || !new {
            return;
        }
        if self.patterns.walked.len() > MOST_PATTERNS {
            return self.exceeded(&at, &format!("more than {MOST_PATTERNS} entries of `include`"));
        }
        match self.patterns.matched.paths(&self.tree, directory, pattern.get()) {
            Ok(Ok(paths)) if paths.is_empty() => {
                let message = format!("`{}` matches no file", pattern.get());
                self.findings.push(Finding::error(codes::INCLUDE_EMPTY, message).at(at).help(
                    "the pattern is relative to the file that holds it; take the entry out if nothing is to be included",
                ));
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

    /// Lets a file be read, unless it is or will be: by whatever path, it is one file.
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

impl Written {
    /// The same with what it declares, where no document stands in a file of its own.
    fn on_its_own(mut self, allowed: &Allowed) -> Self {
        let policies = &self.raw.policies.0;
        if policies.iter().all(|(_, policy)| policy.document.is_none()) {
            let documents = policies.iter().map(|_| None);
            self.declared = Some(Declared::read(&self.raw, &self.misfits, documents, allowed, self.file));
            (self.raw.policies, self.raw.users, self.raw.groups) = Default::default();
        }
        self
    }

    /// What it declares.
    fn declares(self, sources: &Sources, allowed: &Allowed) -> Declared {
        self.declared.unwrap_or_else(|| {
            let text = |id: &FileId| (*id, sources.file(*id).text.as_str());
            let documents = self.documents.iter().map(|id| id.as_ref().map(text));
            Declared::read(&self.raw, &self.misfits, documents, allowed, self.file)
        })
    }
}

/// What is written in a file; else what is wrong with it, and where it may hold secrets.
fn parse(text: &str, file: FileId, shape: &Shape) -> Result<Written, (Vec<Finding>, Vec<Location>)> {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let findings = errors.iter().map(|error| syntax(error, file)).collect();
        return Err((findings, secrets_of_lines(text, file)));
    }
    let mut misfits = check(table.get_mut(), shape, file);
    match RawFile::deserialize(toml::de::Deserializer::from(table)) {
        Ok(raw) => Ok(Written { file, raw, misfits, documents: Vec::new(), declared: None }),
        Err(error) => {
            misfits.findings.push(syntax(&error, file));
            Err((misfits.findings, misfits.secrets))
        }
    }
}

pub(super) fn syntax(error: &toml::de::Error, file: FileId) -> Finding {
    let at = error.span().map(|span| Location { file, span });
    Finding::error(codes::TOML_SYNTAX, error.message().trim_end()).at(at)
}

/// Where lines of a file that is no TOML set a key that would hold a secret.
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

/// Where endpoints hold a login (`https://NAME:PASSWORD@HOST`). That such an endpoint is refused is said by those who
/// know endpoints; here it is only kept from being shown.
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
