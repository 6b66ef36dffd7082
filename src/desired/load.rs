//! Reads the main file, what it includes, and the documents it names. The only part of this room that touches disks.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::DeTable;

use super::at::At;
use super::check::{Misfits, check, is_secret};
use super::credentials::misplaced_secrets;
use super::raw::RawFile;
use super::resolve::Resolver;
use super::{Desired, codes, schema};
use crate::base::{FileId, Finding, Location, Sources};

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
    pub cause: io::Error,
}

/// Loads the file at `path` with all that it includes.
///
/// # Errors
/// Only when the main file itself cannot be read; everything else is a finding.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    let text = fs::read_to_string(path).map_err(|cause| LoadError { path: path.display().to_string(), cause })?;
    let mut loader = Loader {
        schema: schema(),
        sources: Sources::default(),
        findings: Vec::new(),
        resolver: Resolver::default(),
        seen: BTreeSet::new(),
    };
    loader.seen.insert(identity(path));
    loader.file(path, &text, Role::Main);
    loader.resolver.finish(&mut loader.findings);
    loader.findings.sort_by_key(|finding| finding.at.as_ref().map(|at| (at.file, at.span.start)));
    Ok(Loaded { desired: loader.resolver.desired, sources: loader.sources, findings: loader.findings })
}

/// Whether a file may hold all sections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Main,
    Included,
}

struct Loader {
    schema: serde_json::Value,
    sources: Sources,
    findings: Vec<Finding>,
    resolver: Resolver,
    seen: BTreeSet<PathBuf>,
}

impl Loader {
    fn file(&mut self, path: &Path, text: &str, role: Role) {
        let file = self.sources.add(path.display().to_string(), text);
        let Some((raw, misfits)) = self.parse(text, file) else { return };
        let directory = path.parent().unwrap_or(Path::new("")).to_path_buf();
        for secret in &misfits.secrets {
            self.sources.redact(secret);
        }
        self.findings.extend(misfits.findings);
        if role == Role::Included {
            self.refuse_sections(&raw, file);
        } else {
            self.resolver.settings(&raw, file, &directory, &mut self.findings);
            for secret in endpoint_secrets(&raw, text, file) {
                self.sources.redact(&secret);
            }
        }
        for secret in misplaced_secrets(raw.credentials.as_ref(), file) {
            self.sources.redact(&secret);
        }
        for (name, policy) in &raw.policies {
            let broken = misfits.entries.contains(&("policies".to_owned(), name.get().clone()));
            let document = policy.document.as_ref().and_then(|path| self.document(path, file, &directory));
            let document = document.map(|id| (id, self.sources.file(id).text.as_str()));
            self.resolver.policy(name, policy, document, broken, file, &mut self.findings);
        }
        for (name, user) in &raw.users {
            let broken = misfits.entries.contains(&("users".to_owned(), name.get().clone()));
            self.resolver.user(name, user, broken, file, &mut self.findings);
        }
        for (name, group) in &raw.groups {
            let broken = misfits.entries.contains(&("groups".to_owned(), name.get().clone()));
            self.resolver.group(name, group, broken, file, &mut self.findings);
        }
        for pattern in &raw.include {
            self.include(pattern, file, &directory);
        }
    }

    fn parse(&mut self, text: &str, file: FileId) -> Option<(RawFile, Misfits)> {
        let (mut table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            for secret in secrets_of_lines(text, file) {
                self.sources.redact(&secret);
            }
            self.findings.extend(errors.iter().map(|error| syntax(error, file)));
            return None;
        }
        let misfits = check(table.get_mut(), &self.schema, file);
        match RawFile::deserialize(toml::de::Deserializer::from(table)) {
            Ok(raw) => Some((raw, misfits)),
            Err(error) => {
                self.findings.extend(misfits.findings);
                self.findings.push(syntax(&error, file));
                None
            }
        }
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
        let full = directory.join(path.get());
        match fs::read_to_string(&full) {
            Ok(text) => Some(self.sources.add(full.display().to_string(), text)),
            Err(error) => {
                let message = format!("cannot read the policy document {}: {error}", full.display());
                self.findings.push(
                    Finding::error(codes::UNREADABLE, message)
                        .at(Location { file, span: path.span() })
                        .help("the path is relative to the file that names it"),
                );
                None
            }
        }
    }

    fn include(&mut self, pattern: &At<String>, file: FileId, directory: &Path) {
        let at = Location { file, span: pattern.span() };
        let full = Path::new(&glob::Pattern::escape(&directory.to_string_lossy())).join(pattern.get());
        let paths = match glob::glob(&full.to_string_lossy()) {
            Ok(paths) => paths,
            Err(error) => {
                let message = format!("`{}` is not a pattern: {error}", pattern.get());
                self.findings.push(Finding::error(codes::BAD_PATTERN, message).at(at));
                return;
            }
        };
        let mut matched = false;
        for path in paths {
            matched = true;
            match path.map_err(io::Error::from).and_then(|path| fs::read_to_string(&path).map(|text| (path, text))) {
                Ok((path, text)) => {
                    if self.seen.insert(identity(&path)) {
                        self.file(&path, &text, Role::Included);
                    }
                }
                Err(error) => {
                    let message = format!("cannot read an included file: {error}");
                    self.findings.push(Finding::error(codes::UNREADABLE, message).at(at.clone()));
                }
            }
        }
        if !matched {
            let message = format!("`{}` matches no file", pattern.get());
            self.findings.push(Finding::error(codes::INCLUDE_EMPTY, message).at(at).help(
                "the pattern is relative to the file that holds it; take the entry out if nothing is to be included",
            ));
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

/// The same for two paths to one file, so that a file included twice is read once.
fn identity(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}
