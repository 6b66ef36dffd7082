//! The files of a revision of a Git repository. Git is only read: names and objects, never a checkout, a filter, a hook or
//! an index.
//!
//! The tree in which a command runs may be a proposal, so the repository is found here and not by Git (see `repository`),
//! and Git runs without what a repository could make it run (see `run`).

mod repository;
mod run;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use repository::Repository;
use run::Git;
use tree::{Entry, Tree};

/// Files above this are left out: they are no configuration, and a repository may hold much else. Bytes.
const LARGEST: u64 = 4 << 20;

/// How long the target of a link may be. Bytes.
const LONGEST_LINK: u64 = 4096;

/// How many files of a revision are read at most: a configuration has fewer, a repository may have more.
const MOST_FILES: usize = 50_000;

/// How large they may be together, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// The files of a revision, in a private directory that is gone when this is dropped.
pub(super) struct Checkout {
    /// The place of the file that was asked for. It is there only if the revision has it.
    pub(super) file: PathBuf,
    directory: TempDir,
}

/// Why the files of a revision cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum GitProblem {
    /// There is no program of that name, or it cannot be run.
    #[error("git cannot be run: {0}")]
    NoGit(io::Error),
    /// Not in a repository.
    #[error("{0} is in no git repository")]
    NoRepository(String),
    /// A directory has the layout of a bare repository, which can be part of a commit.
    #[error("{0} has the layout of a bare git repository")]
    Bare(String),
    /// The repository is not that of the tree that the file is named in.
    #[error("{0} is a repository of its own inside another one: a proposal can put it there")]
    Nested(String),
    /// No such revision.
    #[error("there is no revision `{0}` in the git repository")]
    NoRevision(String),
    /// More than one thing has that name.
    #[error("`{revision}` is ambiguous: it can be {}", names.join(" or "))]
    Ambiguous {
        /// The name.
        revision: String,
        /// What it can be.
        names: Vec<String>,
    },
    /// The revision is larger than what is read.
    #[error("revision `{0}` has more than {MOST_FILES} files or {mib} MiB that may belong to a configuration", mib = MOST_BYTES >> 20)]
    TooLarge(String),
    /// Something else went wrong.
    #[error("git {what}: {why}")]
    Failed {
        /// What git was to do.
        what: &'static str,
        /// What it said.
        why: String,
    },
}

impl GitProblem {
    fn failed(what: &'static str, why: &dyn std::fmt::Display) -> Self {
        Self::Failed { what, why: why.to_string() }
    }

    /// What to do about it.
    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::NoGit(_) => "put git on PATH, or give the path of a file, such as `--base ./before.toml`",
            Self::NoRepository(_) => "give the path of a file instead, such as `--base ./before.toml`",
            Self::Bare(_) => "remove it: no configuration needs files named `HEAD`, `objects` and `refs` side by side",
            Self::Nested(_) => {
                "clone it by itself and run attune there, or give the path of a file, such as `--base ./before.toml`"
            }
            Self::NoRevision(_) => {
                "name a branch, a tag or a commit; in a shallow clone, fetch it first, such as with `git fetch origin main`; \
                 a file is named as `./NAME`"
            }
            Self::Ambiguous { .. } => "write the whole name, such as `refs/remotes/origin/main`, or a commit",
            Self::TooLarge(_) => "give the path of a file instead, such as `--base ./before.toml`",
            Self::Failed { .. } => "see whether `git status` works there",
        }
    }
}

/// Gets the files of `revision`, of the repository that `file` is in.
pub(super) fn checkout(revision: &str, file: &Path) -> Result<Checkout, GitProblem> {
    let repository = Repository::find(file)?;
    let git = Git::open(&repository)?;
    let commit = commit(&git, &repository, revision)?;
    let mut tree = Tree::of_listing(&git.list(&commit)?);
    let sizes = git.sizes(&tree.files().chain(tree.links()).map(|(_, entry)| entry.id.as_str()).collect())?;
    let short = |entry: &Entry| sizes.get(&entry.id).is_some_and(|size| *size <= LONGEST_LINK);
    let links = tree.links().map(|(_, entry)| entry).filter(|entry| short(entry));
    let targets = git.read(&links.map(|entry| entry.id.as_str()).collect())?;
    tree.resolve_links(&targets);
    let (chosen, whole) = chosen(&tree, &sizes, &repository.inside).ok_or(GitProblem::TooLarge(revision.to_owned()))?;
    tracing::debug!(files = chosen.len(), whole, "read the files of the base");
    let contents = git.read(&chosen.iter().map(|(_, entry)| entry.id.as_str()).collect())?;
    let directory = tempfile::Builder::new().prefix("attune-base-").tempdir();
    let directory = directory.map_err(|error| GitProblem::failed("cat-file", &error))?;
    let root = directory.path().join("tree");
    let written = fs::create_dir(&root).and_then(|()| {
        let mut files = chosen.iter().filter_map(|(path, entry)| Some((path, contents.get(&entry.id)?)));
        files.try_for_each(|(path, bytes)| write(&root.join(path), bytes))
    });
    written.map_err(|error| GitProblem::failed("cat-file", &error))?;
    Ok(Checkout { file: root.join(&repository.inside), directory })
}

/// The configurations that a revision has in a directory: its `.toml` files, and the `attune.toml` of each directory in it.
pub(super) fn configurations(revision: &str, directory: &Path) -> Result<Vec<PathBuf>, GitProblem> {
    let repository = Repository::find(&directory.join("attune.toml"))?;
    let git = Git::open(&repository)?;
    let tree = Tree::of_listing(&git.list(&commit(&git, &repository, revision)?)?);
    let inside = repository.inside.parent().unwrap_or(Path::new(""));
    let below = tree.files().chain(tree.links()).filter_map(|(path, _)| path.strip_prefix(inside).ok());
    Ok(below.filter(|path| is_configuration(path)).map(|path| directory.join(path)).collect())
}

/// Whether a path below a directory is that of a configuration of the directory.
fn is_configuration(path: &Path) -> bool {
    let hidden = path.iter().next().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let named = match path.components().count() {
        1 => path.extension().is_some_and(|end| end == "toml"),
        2 => path.file_name().is_some_and(|name| name == "attune.toml"),
        _ => false,
    };
    named && !hidden
}

/// Whether the commit that is checked out brought this file, so that whoever proposed the commit wrote it.
pub(super) fn is_committed(file: &Path) -> Result<bool, GitProblem> {
    let real = file.canonicalize().map_err(|error| GitProblem::failed("ls-tree", &error))?;
    for path in [file, &real] {
        let repository = match Repository::find(path) {
            Ok(repository) => repository,
            Err(GitProblem::NoRepository(_)) => continue,
            Err(problem) => return Err(problem),
        };
        if Git::open(&repository)?.has("HEAD", &repository.inside)? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Checkout {
    /// The directory of the files: nothing that they name is outside of it.
    pub(super) fn tree(&self) -> PathBuf {
        self.directory.path().join("tree")
    }

    /// A text with the paths of the repository in place of those of the directory.
    pub(super) fn named(&self, text: &str, revision: &str) -> String {
        text.replace(&format!("{}/", self.tree().display()), &format!("{revision}:"))
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)
}

/// The files that are read, and whether these are all that are not too large: all of the repository if they are few
/// enough, else those that are probably part of a configuration. `None` where that is too much as well.
fn chosen<'a>(
    tree: &'a Tree,
    sizes: &BTreeMap<String, u64>,
    file: &Path,
) -> Option<(Vec<(&'a PathBuf, &'a Entry)>, bool)> {
    let beside = file.parent().unwrap_or(Path::new(""));
    let likely =
        |path: &Path| path.starts_with(beside) || path.extension().is_some_and(|end| end == "toml" || end == "json");
    let all = |likely: &dyn Fn(&Path) -> bool| {
        let mut bytes = 0_u64;
        let mut files = Vec::new();
        for (path, entry) in tree.files().filter(|(path, _)| likely(path)) {
            // An object that is not here, as in a partial clone, is fetched from nowhere: the file is not there.
            let Some(size) = sizes.get(&entry.id).copied().filter(|size| *size <= LARGEST) else { continue };
            bytes = bytes.saturating_add(size);
            files.push((path, entry));
            if files.len() > MOST_FILES || bytes > MOST_BYTES {
                return None;
            }
        }
        Some(files)
    };
    all(&|_| true).map(|files| (files, true)).or_else(|| all(&likely).map(|files| (files, false)))
}

fn commit(git: &Git<'_>, repository: &Repository, revision: &str) -> Result<String, GitProblem> {
    let unknown = || GitProblem::NoRevision(revision.to_owned());
    // What begins so would be an option, and is the name of no revision.
    if revision.is_empty() || revision.starts_with('-') {
        return Err(unknown());
    }
    let names = names(git, repository, revision)?;
    if names.len() > 1 {
        return Err(GitProblem::Ambiguous { revision: revision.to_owned(), names: names.into_iter().collect() });
    }
    git.commit(revision)?.ok_or_else(unknown)
}

/// What the name in a revision can be, as long as it is a name: Git takes the first of several, so that whoever may add a tag
/// named `origin/main` would say what the base is.
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

/// The name that a revision begins with: `origin/main` of `origin/main~2`.
fn name_in(revision: &str) -> &str {
    let end = revision.find(['^', '~', ':']).unwrap_or(revision.len());
    let name = &revision[..end];
    name.find("@{").map_or(name, |at| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_in_a_revision_is_what_can_be_ambiguous() {
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
