//! Loads a configuration: the main file, the files that it includes, and the documents that they name.

mod entries;
mod policies;
mod principals;
mod templates;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use entries::{beside_envelopes, refuse_sections};

use super::checks::check_together;
use super::combine::{DeclaredPolicies, resolve};
use super::credentials::misplaced_secrets;
use super::expand::Flat;
use super::files::{Boundary, FileProblem, Includes, Tree, shown_path};
use super::fill::{Scope, fill};
use super::parse::{endpoint_secrets, parse, syntax};
use super::raw::RawFile;
use super::rows::{AllMade, Tables, merged, remove_templates, unused_in_lists};
use super::schema::{PARSED, SchemaErrors};
use super::settings::settings;
use super::spanned::Report;
use super::vars::{Overrides, Row, Variables};
use super::{Desired, codes};
use crate::base::{FileId, Finding, Location, Principal, Sources};

/// A desired state with its findings. It is complete only if no finding is an error.
#[derive(Debug)]
pub struct Loaded {
    /// The valid parts.
    pub desired: Desired,
    /// The files, for showing findings.
    pub sources: Sources,
    /// The main file, then the included ones.
    pub files: Vec<FileId>,
    /// The findings, in the order of the files and lines.
    pub findings: Vec<Finding>,
    /// Errors that a finding says already, about another place or another row.
    pub repeats: Vec<Finding>,
    /// Those findings that say which included files were not read.
    pub not_included: Vec<Finding>,
    /// The documents among the files, each with the places that name it.
    pub documents: BTreeMap<FileId, Vec<Location>>,
}

impl Loaded {
    /// Whether a finding is an error.
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

/// Loads the configuration whose main file is `path`. Every file lies within the boundary. Everything but an unreadable main file
/// is a finding.
pub fn load(path: &Path, boundary: Boundary<'_>) -> Result<Loaded, LoadError> {
    load_with(path, boundary, &Overrides::default())
}

/// Like [`load`], with values of variables from outside.
pub fn load_with(path: &Path, boundary: Boundary<'_>, overrides: &Overrides) -> Result<Loaded, LoadError> {
    read(path, boundary, overrides, BTreeMap::new(), None).map(|(loaded, _)| loaded)
}

/// Like [`load_with`], as if some files had other texts. Their paths start with the directory of the main file.
pub fn load_edited(
    path: &Path,
    boundary: Boundary<'_>,
    overrides: &Overrides,
    texts: BTreeMap<PathBuf, String>,
) -> Result<Loaded, LoadError> {
    read(path, boundary, overrides, texts, None).map(|(loaded, _)| loaded)
}

/// Loads a configuration, and writes it flat: one file without variables, templates and `include`, for the same directory. The
/// text is only complete if no finding is an error.
pub fn expand(path: &Path, boundary: Boundary<'_>, overrides: &Overrides) -> Result<(Loaded, String), LoadError> {
    let (loaded, flat) = read(path, boundary, overrides, BTreeMap::new(), Some(Flat::default()))?;
    let text = flat.map(|flat| flat.finish(&loaded.desired)).unwrap_or_default();
    Ok((loaded, text))
}

fn read(
    path: &Path,
    boundary: Boundary<'_>,
    overrides: &Overrides,
    texts: BTreeMap<PathBuf, String>,
    flat: Option<Flat>,
) -> Result<(Loaded, Option<Flat>), LoadError> {
    let failed = |cause| LoadError { path: shown_path(path), cause };
    let tree = Tree::open(path, boundary).map_err(failed)?.with_texts(texts);
    let text = tree.read_main().map_err(failed)?;
    let mut sources = Sources::default();
    let id = sources.add(shown_path(path), text);
    let mut loader = Loader {
        seen: tree.real(path).into_iter().collect(),
        tree,
        sources,
        report: Report::new(id),
        overrides: overrides.clone(),
        variables: Variables::default(),
        tables: Tables::default(),
        templates: Vec::new(),
        lists: Vec::new(),
        errors: SchemaErrors::default(),
        made: AllMade::default(),
        made_count: 0,
        documents: BTreeMap::new(),
        directory: path.parent().unwrap_or(Path::new("")).to_path_buf(),
        flat,
        desired: Desired::default(),
        policies: DeclaredPolicies::new(),
        attachments: BTreeMap::new(),
        included: VecDeque::new(),
        patterns: BTreeSet::new(),
        includes: Includes::default(),
        not_included: Vec::new(),
        document_places: BTreeMap::new(),
        amount: Amount::default(),
    };
    let mut all = Vec::new();
    let mut files = vec![File { id, path: path.to_path_buf(), is_main: true }];
    while !files.is_empty() {
        for file in files {
            all.push(file.id);
            if !loader.amount.is_exceeded {
                loader.file(&file);
            }
        }
        files = loader.included_files();
    }
    // A template may use the tables of all files.
    for file in std::mem::take(&mut loader.templates) {
        loader.make(&file);
    }
    Ok(loader.finish(all))
}

/// The maximum number of files, documents included: ten times the policies and users of a cluster.
const MAX_FILES: usize = 50_000;

/// The maximum size of all files in bytes: three times a configuration of 100 000 policies and 1 000 000 users.
const MAX_BYTES: usize = 256 << 20;

const MAX_PATTERNS: usize = 10_000;

#[derive(Debug, Default)]
struct Amount {
    files: usize,
    bytes: usize,
    /// A maximum was exceeded, so no more files are read.
    is_exceeded: bool,
}

#[derive(Clone)]
struct File {
    id: FileId,
    path: PathBuf,
    /// Whether it may have all sections.
    is_main: bool,
}

struct Loader {
    tree: Tree,
    sources: Sources,
    report: Report,
    overrides: Overrides,
    variables: Variables,
    tables: Tables,
    /// The files that have templates.
    templates: Vec<File>,
    /// The rows of each list of `each`.
    lists: Vec<Vec<Rc<Row>>>,
    /// What does not fit the schema in the file that is read.
    errors: SchemaErrors,
    /// The entries that rows made in that file.
    made: AllMade,
    /// How many entries rows have made in all files.
    made_count: usize,
    /// The documents that were read.
    documents: BTreeMap<PathBuf, FileId>,
    /// The directory of the main file.
    directory: PathBuf,
    /// The flat configuration, if it is asked for.
    flat: Option<Flat>,
    desired: Desired,
    policies: DeclaredPolicies,
    /// The place of the `policy` key of each user and group.
    attachments: BTreeMap<Principal, Location>,
    /// Every file that is read or to be read.
    seen: BTreeSet<PathBuf>,
    /// Files to read, with the `include` entry.
    included: VecDeque<(PathBuf, Location)>,
    /// The `include` entries so far, with the directory of their file.
    patterns: BTreeSet<(PathBuf, String)>,
    includes: Includes,
    not_included: Vec<Finding>,
    document_places: BTreeMap<FileId, Vec<Location>>,
    amount: Amount,
}

impl Loader {
    /// Checks all files together.
    fn finish(mut self, files: Vec<FileId>) -> (Loaded, Option<Flat>) {
        let mut findings = self.report.findings;
        findings.extend(self.not_included.iter().cloned());
        findings
            .extend(files.first().into_iter().flat_map(|main| beside_envelopes(&self.desired, *main, &self.sources)));
        // A placeholder may be where an error is.
        if !findings.iter().any(Finding::is_error) {
            findings.extend(self.variables.unused());
            findings.extend(self.tables.unused().into_iter().chain(unused_in_lists(&self.lists)));
        }
        self.desired.variables = self.variables.overridden();
        resolve(self.policies, &mut self.desired, &mut findings);
        check_together(&self.desired, &self.attachments, &mut findings);
        findings.sort_by_key(Finding::place);
        let (findings, more) = merged(findings);
        let loaded = Loaded {
            desired: self.desired,
            sources: self.sources,
            files,
            findings,
            repeats: [self.report.repeats, more].concat(),
            not_included: self.not_included,
            documents: self.document_places,
        };
        (loaded, self.flat)
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
            self.not_included.push(finding.help("split it into several configurations"));
        }
        self.included.clear();
    }

    /// Reads the settings and declarations of a file, the documents that it names, and the names of the files that it includes.
    fn file(&mut self, file: &File) {
        self.report.file = file.id;
        let text = &self.sources.file(file.id).text;
        let (mut table, mut errors) = match parse(text, file.id, &PARSED) {
            Ok(parsed) => parsed,
            Err((findings, secrets)) => {
                secrets.iter().for_each(|secret| self.sources.redact(secret));
                return self.report.findings.extend(findings);
            }
        };
        if file.is_main {
            self.variables = Variables::read(table.get_ref(), &self.overrides, &mut self.report);
        }
        self.tables.read(table.get_ref(), &self.variables, &errors, &mut self.report);
        if remove_templates(table.get_mut(), &errors) {
            self.templates.push(file.clone());
        }
        let scope = Scope { variables: &self.variables, row: None };
        fill(table.get_mut(), scope, &mut errors, &mut self.report);
        if let Some(flat) = &mut self.flat {
            flat.record(table.get_ref(), &entries::recorded(file, &self.directory, &self.sources), &self.made);
        }
        if !file.is_main {
            refuse_sections(table.get_ref(), &mut self.report);
        }
        let raw = match RawFile::read(table) {
            Ok(raw) => raw,
            Err(error) => {
                errors.secrets.iter().for_each(|secret| self.sources.redact(secret));
                self.report.findings.append(&mut errors.findings);
                return self.report.findings.push(syntax(&error, file.id));
            }
        };
        let mut secrets = endpoint_secrets(&raw, text, file.id);
        secrets.append(&mut errors.secrets);
        secrets.extend(misplaced_secrets(raw.credentials.as_ref(), file.id));
        secrets.iter().for_each(|secret| self.sources.redact(secret));
        let directory = file.path.parent().unwrap_or(Path::new(""));
        if file.is_main {
            self.desired = settings(&raw, directory, &mut self.report);
        }
        self.report.findings.append(&mut errors.findings);
        for pattern in &raw.include {
            self.include(pattern, directory);
        }
        self.errors = errors;
        self.entries(&raw, directory);
    }
}
