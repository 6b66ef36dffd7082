//! The files that a pattern of `include` matches: walked below its literal beginning, through a bounded number of entries.

use std::cell::Cell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use glob::{Pattern, PatternError};

use super::folder::Folder;
use super::{FileProblem, Tree, is_hidden};

/// How many entries of directories all patterns of a configuration may walk through.
pub(super) const ENTRIES: usize = 50_000;

/// How many levels of directories `**` walks down.
pub(super) const DEPTH: usize = 64;

/// One name of a pattern.
enum Part {
    /// As it is.
    Literal(PathBuf),
    /// One name that matches.
    Name(Pattern),
    /// Any number of directories.
    AnyDirectories,
}

/// Patterns that are walked, and how much they may still walk through.
#[derive(Debug)]
pub(in crate::desired) struct Matched {
    left: Cell<usize>,
}

impl Default for Matched {
    fn default() -> Self {
        Self::within(ENTRIES)
    }
}

/// Why a pattern cannot be walked, and where.
pub(in crate::desired) struct Stopped {
    /// The directory.
    pub(in crate::desired) path: PathBuf,
    /// Why.
    pub(in crate::desired) problem: FileProblem,
}

impl Matched {
    /// Patterns that may walk through so many entries.
    pub(super) fn within(entries: usize) -> Self {
        Self { left: Cell::new(entries) }
    }

    /// The paths that match, in the order of their names, each begun with `directory`. What matches may turn out to be
    /// outside, or no file, when it is read.
    pub(in crate::desired) fn paths(
        &self,
        tree: &Tree,
        directory: &Path,
        pattern: &str,
    ) -> Result<Result<Vec<PathBuf>, Stopped>, PatternError> {
        Pattern::new(pattern)?;
        let parts = parts(pattern)?;
        let mut found = Vec::new();
        let walk = Walk { tree, left: &self.left };
        Ok(walk.under(directory.to_path_buf(), &parts, 0, &mut found).map(|()| found))
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

struct Walk<'t> {
    tree: &'t Tree,
    left: &'t Cell<usize>,
}

impl Walk<'_> {
    /// Adds what matches the rest of a pattern under a path.
    fn under(&self, path: PathBuf, parts: &[Part], depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Stopped> {
        let Some((first, rest)) = parts.split_first() else {
            if self.is_there(&path) {
                found.push(path);
            }
            return Ok(());
        };
        match first {
            Part::Literal(name) => self.under(path.join(name), rest, depth, found),
            Part::Name(pattern) => {
                let (_, names) = self.listed(&path)?;
                let matching = names.iter().filter(|name| {
                    let text = name.to_string_lossy();
                    pattern.matches(&text) && (pattern.as_str().starts_with('.') || !text.starts_with('.'))
                });
                matching.into_iter().try_for_each(|name| self.under(path.join(name), rest, depth, found))
            }
            Part::AnyDirectories => {
                if depth >= DEPTH {
                    return Err(Stopped { path, problem: FileProblem::TooMany });
                }
                self.under(path.clone(), rest, depth, found)?;
                let (Some(folder), names) = self.listed(&path)? else { return Ok(()) };
                // A link is none of the directories.
                let directories = names.iter().filter(|name| !is_hidden(name) && folder.folder(name).is_ok());
                directories.into_iter().try_for_each(|name| self.under(path.join(name), parts, depth + 1, found))
            }
        }
    }

    /// A directory and the names in it, in order; nothing where there is no such directory.
    fn listed(&self, path: &Path) -> Result<(Option<Folder>, Vec<OsString>), Stopped> {
        let stopped = |problem| Stopped { path: path.to_path_buf(), problem };
        let folder = match self.tree.folder(path) {
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

    /// Whether there is something at the end of a path. What may not be read counts: it is said when it is read.
    fn is_there(&self, path: &Path) -> bool {
        match self.tree.place(path) {
            Ok(place) => place.folder.has(&place.name),
            Err(problem) => !matches!(problem, FileProblem::Io(_)),
        }
    }
}
