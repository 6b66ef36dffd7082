//! Finds the files that a pattern of `include` matches, in a bounded number of directory entries.

use std::cell::Cell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use glob::{Pattern, PatternError};

use super::folder::{FileProblem, Folder, MAX_DEPTH, MAX_ENTRIES};
use super::{Tree, is_hidden};

enum Part {
    Literal(PathBuf),
    Name(Pattern),
    AnyDirectories,
}

/// The walker of patterns, with the remaining number of directory entries.
#[derive(Debug)]
pub(in crate::desired) struct Includes {
    left: Cell<usize>,
}

impl Default for Includes {
    fn default() -> Self {
        Self::within(MAX_ENTRIES)
    }
}

/// The reason and the directory where the walk of a pattern stopped.
pub(in crate::desired) struct Stopped {
    pub(in crate::desired) path: PathBuf,
    pub(in crate::desired) problem: FileProblem,
}

impl Includes {
    pub(super) fn within(entries: usize) -> Self {
        Self { left: Cell::new(entries) }
    }

    /// The paths that match, sorted by name, each starting with `directory`. They may still turn out to be outside, or no
    /// files.
    pub(in crate::desired) fn paths(
        &self,
        tree: &Tree,
        directory: &Path,
        pattern: &str,
    ) -> Result<Result<Vec<PathBuf>, Stopped>, PatternError> {
        Pattern::new(pattern)?;
        let parts = parts(pattern)?;
        let mut found = Vec::new();
        Ok(self.under(tree, directory.to_path_buf(), &parts, 0, &mut found).map(|()| found))
    }

    /// Adds the paths under `path` that match the rest of a pattern.
    fn under(
        &self,
        tree: &Tree,
        path: PathBuf,
        parts: &[Part],
        depth: usize,
        found: &mut Vec<PathBuf>,
    ) -> Result<(), Stopped> {
        let Some((first, rest)) = parts.split_first() else {
            if is_there(tree, &path) {
                found.push(path);
            }
            return Ok(());
        };
        match first {
            Part::Literal(name) => self.under(tree, path.join(name), rest, depth, found),
            Part::Name(pattern) => {
                let (_, names) = self.listed(tree, &path)?;
                let matching = names.iter().filter(|name| {
                    let text = name.to_string_lossy();
                    pattern.matches(&text) && (pattern.as_str().starts_with('.') || !text.starts_with('.'))
                });
                matching.into_iter().try_for_each(|name| self.under(tree, path.join(name), rest, depth, found))
            }
            Part::AnyDirectories => {
                if depth >= MAX_DEPTH {
                    return Err(Stopped { path, problem: FileProblem::TooMany });
                }
                self.under(tree, path.clone(), rest, depth, found)?;
                let (Some(folder), names) = self.listed(tree, &path)? else { return Ok(()) };
                // Links to directories do not count.
                let directories = names.iter().filter(|name| !is_hidden(name) && folder.folder(name).is_ok());
                directories.into_iter().try_for_each(|name| self.under(tree, path.join(name), parts, depth + 1, found))
            }
        }
    }

    /// Lists a directory, sorted by name. The list is empty if there is no such directory.
    fn listed(&self, tree: &Tree, path: &Path) -> Result<(Option<Folder>, Vec<OsString>), Stopped> {
        let stopped = |problem| Stopped { path: path.to_path_buf(), problem };
        let folder = match tree.folder(path) {
            Ok(folder) => folder,
            Err(FileProblem::Io(_)) => return Ok((None, Vec::new())),
            Err(problem) => return Err(stopped(problem)),
        };
        let left = self.left.get();
        let mut names = folder.names(left.saturating_add(1)).map_err(|error| stopped(error.into()))?;
        self.left.set(left.saturating_sub(names.len().max(1)));
        if names.len() >= left {
            return Err(stopped(FileProblem::TooMany));
        }
        names.sort();
        Ok((Some(folder), names))
    }
}

/// Whether a path exists. A path that is refused counts: reading it reports why.
fn is_there(tree: &Tree, path: &Path) -> bool {
    match tree.resolve(path) {
        Ok(resolved) => resolved.folder.has(&resolved.name),
        Err(problem) => !matches!(problem, FileProblem::Io(_)),
    }
}

fn parts(pattern: &str) -> Result<Vec<Part>, PatternError> {
    let mut parts = Vec::new();
    for component in Path::new(pattern).components() {
        let text = component.as_os_str().to_string_lossy();
        parts.push(match &*text {
            "**" => Part::AnyDirectories,
            literal if !literal.contains(['*', '?', '[']) => Part::Literal(PathBuf::from(component.as_os_str())),
            name => Part::Name(Pattern::new(name)?),
        });
    }
    Ok(parts)
}
