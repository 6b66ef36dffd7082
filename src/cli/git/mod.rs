//! The files of a revision of a Git repository. Git only lists names and reads objects: there is no checkout, filter, hook or
//! index.
//!
//! The work tree may be a proposal. So attune finds the repository itself (see `repository`), and Git runs nothing that a
//! repository can name (see `program`).

mod blame;
mod commits;
mod program;
mod repository;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;

pub(super) use blame::last_change;
pub(super) use commits::{Commit, approvable, full_hash, proposed, top};
use program::{Entry, Git};
pub(super) use repository::{GitProblem, repository_on_the_way};
use repository::{MAX_BYTES, MAX_FILES, Repository};

/// Larger files are skipped: they belong to no configuration. Bytes.
const MAX_FILE: u64 = 4 << 20;

/// The files of a revision, in a private directory that is removed when the last one with it is dropped.
pub(super) struct Checkout {
    /// The path of the configuration. It exists only if the revision has it.
    pub(super) file: PathBuf,
    directory: Arc<TempDir>,
}

/// The whole revisions that this process wrote out, by top level and name, so that many configurations share one.
#[derive(Debug, Default)]
pub(super) struct Checkouts(Mutex<BTreeMap<(PathBuf, String), Arc<TempDir>>>);

impl Checkouts {
    /// The files of `revision`, from the repository of `file`. A revision is read once, so all configurations see the same one.
    pub(super) fn get(&self, revision: &str, file: &Path) -> Result<Checkout, GitProblem> {
        let repository = Repository::find(file)?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (repository.top.clone(), revision.to_owned());
        let directory = match known.get(&key) {
            Some(directory) => Arc::clone(directory),
            None => {
                let (directory, is_whole) = checkout(revision, &repository)?;
                let directory = Arc::new(directory);
                if is_whole {
                    known.insert(key, Arc::clone(&directory));
                }
                directory
            }
        };
        Ok(Checkout { file: directory.path().join(TREE).join(&repository.inside), directory })
    }
}

/// The name of the directory with the files of a revision.
const TREE: &str = "tree";

/// Writes out the files of `revision`. The flag says whether these are all files that a configuration can have.
fn checkout(revision: &str, repository: &Repository) -> Result<(TempDir, bool), GitProblem> {
    let git = Git::open(repository)?;
    let commit = commit(&git, repository, revision)?;
    let selected = select(git.list(&commit, None)?, &repository.inside);
    let (entries, is_whole) = selected.ok_or(GitProblem::TooLarge(revision.to_owned()))?;
    if let Some(missing) = entries.iter().find(|of| of.size.is_none()) {
        return Err(GitProblem::Incomplete(format!("the file `{}` of `{revision}`", missing.path.display())));
    }
    tracing::debug!(files = entries.len(), "read the files of the base");
    let contents = git.read(&entries.iter().map(|of| of.id.as_str()).collect())?;
    let directory = tempfile::Builder::new().prefix("attune-base-").tempdir();
    let directory = directory.map_err(|error| GitProblem::failed("cat-file", &error))?;
    let root = directory.path().join(TREE);
    let written = fs::create_dir(&root).and_then(|()| write(&root, &entries, &contents));
    written.map_err(|error| GitProblem::failed("cat-file", &error))?;
    Ok((directory, is_whole))
}

/// The configurations of a directory at a revision: its `.toml` files, and the `attune.toml` of each subdirectory.
pub(super) fn configurations(revision: &str, directory: &Path) -> Result<Vec<PathBuf>, GitProblem> {
    let repository = Repository::find(&directory.join("attune.toml"))?;
    let git = Git::open(&repository)?;
    let listed = git.list(&commit(&git, &repository, revision)?, None)?;
    let inside = repository.inside.parent().unwrap_or(Path::new(""));
    let below = listed.iter().filter_map(|of| of.path.strip_prefix(inside).ok());
    Ok(below.filter(|path| is_configuration(path)).map(|path| directory.join(path)).collect())
}

fn is_configuration(path: &Path) -> bool {
    let hidden = path.iter().next().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let named = match path.components().count() {
        1 => path.extension().is_some_and(|end| end == "toml"),
        2 => path.file_name().is_some_and(|name| name == "attune.toml"),
        _ => false,
    };
    named && !hidden
}

/// The commit that is checked out where this file is; `None` if that cannot be told.
pub(super) fn checked_out(file: &Path) -> Option<String> {
    let repository = Repository::find(file).ok()?;
    Git::open(&repository).ok()?.commit("HEAD").ok()?
}

/// Whether the checked-out commit has this file, so that the author of the commit wrote it.
pub(super) fn is_committed(file: &Path) -> Result<bool, GitProblem> {
    let real = file.canonicalize().map_err(|error| GitProblem::failed("ls-tree", &error))?;
    for path in [file, &real] {
        let repository = match Repository::find(path) {
            Ok(repository) => repository,
            Err(GitProblem::NoRepository(_)) => continue,
            Err(problem) => return Err(problem),
        };
        let git = Git::open(&repository)?;
        let Some(head) = git.commit("HEAD")? else { continue };
        if !git.list(&head, Some(&repository.inside))?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Checkout {
    pub(super) fn tree(&self) -> PathBuf {
        self.directory.path().join(TREE)
    }

    pub(super) fn with_repository_paths(&self, text: &str, revision: &str) -> String {
        text.replace(&format!("{}/", self.tree().display()), &format!("{revision}:"))
    }
}

/// Writes files and links. All directories and files are there before the first link, so nothing is written through one. Whoever
/// reads the files checks that a link leads to one of them.
fn write(root: &Path, entries: &[Entry], contents: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in entries {
        fs::create_dir_all(root.join(&entry.path).parent().unwrap_or(root))?;
    }
    let (links, files): (Vec<_>, Vec<_>) = entries.iter().partition(|of| of.is_link);
    let with_content = |of: &&Entry| Some((root.join(&of.path), contents.get(&of.id)?));
    for (path, bytes) in files.iter().filter_map(with_content) {
        fs::write(path, bytes)?;
    }
    for (path, target) in links.iter().filter_map(with_content) {
        // A target that no system takes counts as missing.
        let _ = std::os::unix::fs::symlink(OsStr::from_bytes(target), path);
    }
    Ok(())
}

/// The entries to read: all of the repository if they are few enough, or else the likely parts of a configuration. `None` if
/// these are too many as well. The flag says whether they are all.
fn select(all: Vec<Entry>, file: &Path) -> Option<(Vec<Entry>, bool)> {
    let directory = file.parent().unwrap_or(Path::new(""));
    let is_likely = |of: &Entry| {
        let is_named = of.path.extension().is_some_and(|end| end == "toml" || end == "json");
        of.is_link || is_named || of.path.starts_with(directory)
    };
    let is_few = |of: &[Entry]| of.len() <= MAX_FILES && of.iter().filter_map(|of| of.size).sum::<u64>() <= MAX_BYTES;
    let may_belong = |of: &Entry| of.size.map_or_else(|| is_likely(of), |size| size <= MAX_FILE);
    // Whether a file that is missing may belong to a configuration depends on the configuration.
    let is_complete = all.iter().all(|of| of.size.is_some());
    let mut entries: Vec<Entry> = all.into_iter().filter(may_belong).collect();
    let is_whole = is_few(&entries);
    if !is_whole {
        entries.retain(is_likely);
    }
    (is_whole || is_few(&entries)).then_some((entries, is_whole && is_complete))
}

fn commit(git: &Git<'_>, repository: &Repository, revision: &str) -> Result<String, GitProblem> {
    let unknown = || GitProblem::NoRevision(revision.to_owned());
    // Git would read it as an option; no revision has such a name.
    if revision.is_empty() || revision.starts_with('-') {
        return Err(unknown());
    }
    let names = names(git, repository, revision)?;
    if names.len() > 1 {
        return Err(GitProblem::Ambiguous { revision: revision.to_owned(), names: names.into_iter().collect() });
    }
    git.commit(revision)?.ok_or_else(unknown)
}

/// The references that the name in a revision can mean. Git takes the first of several, so anyone who can push a tag named
/// `origin/main` could choose the base.
fn names(git: &Git<'_>, repository: &Repository, revision: &str) -> Result<BTreeSet<String>, GitProblem> {
    let name = name_in(revision);
    let mut names = BTreeSet::new();
    if name.is_empty() || name.starts_with("refs/") {
        return Ok(names);
    }
    let candidates = ["refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}", "refs/remotes/{}/HEAD"];
    let candidates: Vec<String> = candidates.iter().map(|form| form.replace("{}", name)).collect();
    names.extend(git.refs(&candidates)?);
    if repository.has_special_ref(name) {
        names.insert(name.to_owned());
    }
    if !names.is_empty() && (4..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        names.insert(format!("the object {name}"));
    }
    Ok(names)
}

/// The name at the start of a revision: `origin/main` of `origin/main~2`.
fn name_in(revision: &str) -> &str {
    let end = revision.find(['^', '~', ':']).unwrap_or(revision.len());
    let name = &revision[..end];
    name.find("@{").map_or(name, |at| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_a_revision_ends_before_its_operators() {
        for (revision, name) in [
            ("main", "main"),
            ("origin/main~2", "origin/main"),
            ("v1^{commit}", "v1"),
            ("main@{1}", "main"),
            ("@{upstream}", ""),
            ("^main", ""),
        ] {
            assert_eq!(name_in(revision), name, "{revision}");
        }
    }
}
