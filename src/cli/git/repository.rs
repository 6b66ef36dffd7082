//! Finds the repository of a file, without Git, since the work tree may be a proposal.
//!
//! A commit can contain a directory with the layout of a bare repository, a symbolic link or a submodule, but no entry named
//! `.git`. So only a `.git` makes a repository here. Anything else between the file and its repository is refused.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// The most files that are read of a revision. No configuration has as many.
pub(super) const MAX_FILES: usize = 50_000;

/// Their largest total size. Bytes.
pub(super) const MAX_BYTES: u64 = 256 << 20;

const MAX_GIT_FILE: u64 = 4096;

/// The most links in a path, as on Linux.
pub(super) const MAX_LINKS: usize = 40;

#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum GitProblem {
    #[error("git cannot be run: {0}")]
    NoGit(io::Error),
    #[error("{0} is not in a Git repository")]
    NoRepository(String),
    /// A commit can contain such a directory.
    #[error("{0} has the layout of a bare Git repository")]
    Bare(String),
    /// A submodule, or a repository behind a link.
    #[error("{0} is a repository inside another one: a proposal can add it")]
    Nested(String),
    #[error("there is no revision `{0}` in the Git repository")]
    NoRevision(String),
    #[error("`{revision}` is ambiguous: it can be {}", names.join(" or "))]
    Ambiguous { revision: String, names: Vec<String> },
    #[error("revision `{0}` has more than {MAX_FILES} files or {mib} MiB that may belong to a configuration", mib = MAX_BYTES >> 20)]
    TooLarge(String),
    /// A partial clone, which would make a base look smaller than it is.
    #[error("this clone lacks {0}, and attune fetches nothing")]
    Incomplete(String),
    #[error("git {command}: {why}")]
    Failed { command: &'static str, why: String },
}

impl GitProblem {
    pub(super) fn failed(command: &'static str, why: &dyn std::fmt::Display) -> Self {
        Self::Failed { command, why: why.to_string() }
    }

    pub(in crate::cli) fn help(&self) -> &'static str {
        match self {
            Self::NoGit(_) => "install git, or use a file as base, for example `--base ./before.toml`",
            Self::NoRepository(_) => "use a file as base, for example `--base ./before.toml`",
            Self::Bare(_) => "remove it: no configuration needs `HEAD`, `objects` and `refs` side by side",
            Self::Nested(_) => {
                "clone it separately and run attune there, or use a file as base, for example `--base ./before.toml`"
            }
            Self::NoRevision(_) => {
                "name a branch, a tag or a commit; in a shallow clone, fetch it first, for example with \
                 `git fetch origin main`; name a file as `./NAME`"
            }
            Self::Ambiguous { .. } => "write the full name, for example `refs/remotes/origin/main`, or a commit",
            Self::TooLarge(_) => "use a file as base, for example `--base ./before.toml`",
            Self::Incomplete(_) => {
                "fetch all files first, for example with `git fetch --refetch --no-filter`; in a workflow, check out without \
                 `filter`"
            }
            Self::Failed { .. } => "check that `git status` works in that directory",
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repository {
    pub(super) top: PathBuf,
    /// `.git`, or the directory that a `.git` file names.
    pub(super) git_dir: PathBuf,
    /// The path of the file below the top. Links in it are not followed.
    pub(super) inside: PathBuf,
}

impl Repository {
    pub(super) fn find(file: &Path) -> Result<Self, GitProblem> {
        let file = absolute(file).map_err(|error| GitProblem::failed("rev-parse", &error))?;
        let parent = file.parent().unwrap_or(&file);
        for top in parent.ancestors() {
            if is_git_dir(top) {
                return Err(GitProblem::Bare(top.display().to_string()));
            }
            let Some(git_dir) = git_dir_of(top)? else { continue };
            if is_submodule(&git_dir) || is_behind_a_link(top) {
                return Err(GitProblem::Nested(top.display().to_string()));
            }
            let inside = file.strip_prefix(top).map_err(|error| GitProblem::failed("rev-parse", &error))?;
            return Ok(Self { top: top.to_path_buf(), git_dir, inside: inside.to_path_buf() });
        }
        Err(GitProblem::NoRepository(parent.display().to_string()))
    }

    /// Whether there is a reference outside of `refs/` with this name, for example `HEAD`.
    pub(super) fn has_special_ref(&self, name: &str) -> bool {
        let special = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        special && self.git_dir.join(name).is_file()
    }
}

/// The top level of a Git repository that has a file, or a link on the way to it. Someone who commits there can put the file or
/// the link in its place.
pub(in crate::cli) fn repository_on_the_way(path: &Path) -> io::Result<Option<PathBuf>> {
    let parts = |path: &Path| path.components().map(|part| part.as_os_str().to_owned()).collect::<VecDeque<_>>();
    let mut left = parts(&std::env::current_dir()?.join(path));
    let (mut reached, mut links) = (PathBuf::new(), 0);
    let is_top = |path: &&Path| path.parent().is_some() && path.join(".git").symlink_metadata().is_ok();
    let top_above = |path: &Path| path.ancestors().skip(1).find(is_top).map(Path::to_path_buf);
    while let Some(part) = left.pop_front() {
        match Path::new(&part).components().next() {
            None | Some(Component::CurDir) => {}
            Some(Component::ParentDir) => _ = reached.pop(),
            Some(Component::RootDir | Component::Prefix(_)) => reached.push(&part),
            Some(Component::Normal(_)) => {
                reached.push(&part);
                if let Ok(target) = fs::read_link(&reached) {
                    let top = top_above(&reached);
                    if top.is_some() {
                        return Ok(top);
                    }
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(io::Error::other("it goes through too many symbolic links"));
                    }
                    reached.pop();
                    let mut target = parts(&target);
                    target.append(&mut left);
                    left = target;
                }
            }
        }
    }
    Ok(top_above(&reached))
}

/// The absolute path of a file, without `.` and `..`. Links before a `..` are followed.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    let mut whole = if path.is_absolute() { PathBuf::new() } else { std::env::current_dir()? };
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                whole = whole.canonicalize()?;
                whole.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => whole.push(part),
        }
    }
    Ok(whole)
}

fn git_dir_of(top: &Path) -> Result<Option<PathBuf>, GitProblem> {
    let path = top.join(".git");
    let Ok(metadata) = fs::metadata(&path) else { return Ok(None) };
    if metadata.is_dir() {
        return Ok(is_git_dir(&path).then_some(path));
    }
    let unusable = |why: &dyn std::fmt::Display| GitProblem::failed("rev-parse", &format!("{}: {why}", path.display()));
    if !metadata.is_file() {
        return Err(unusable(&"neither a directory nor a file"));
    }
    let mut text = String::new();
    let read = fs::File::open(&path).and_then(|file| file.take(MAX_GIT_FILE).read_to_string(&mut text));
    read.map_err(|error| unusable(&error))?;
    let named = text.strip_prefix("gitdir:").map(|rest| rest.trim_matches([' ', '\n', '\r']));
    let named = named.filter(|named| !named.is_empty()).ok_or_else(|| unusable(&"it does not name a repository"))?;
    let git_dir = top.join(named).canonicalize().map_err(|error| unusable(&error))?;
    // A linked work tree has no objects.
    if is_git_dir(&git_dir) || git_dir.join("commondir").is_file() {
        Ok(Some(git_dir))
    } else {
        Err(unusable(&"it does not name a repository"))
    }
}

fn is_git_dir(path: &Path) -> bool {
    path.join("HEAD").symlink_metadata().is_ok() && path.join("objects").is_dir() && path.join("refs").is_dir()
}

/// Whether this is the Git directory of a submodule: below `modules` of another repository.
fn is_submodule(git_dir: &Path) -> bool {
    let outer = |dir: &Path| is_git_dir(dir) || dir.join("commondir").is_file();
    let modules = git_dir.ancestors().filter(|dir| dir.file_name().is_some_and(|name| name == "modules"));
    modules.filter_map(Path::parent).any(outer)
}

/// Whether its path has a link inside another repository.
fn is_behind_a_link(top: &Path) -> bool {
    let links = top.ancestors().filter(|dir| dir.is_symlink());
    let inside_another = |link: &Path| link.ancestors().skip(1).any(|dir| dir.join(".git").exists());
    links.into_iter().any(inside_another)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git_dir(path: &Path) {
        fs::create_dir_all(path.join("objects")).unwrap();
        fs::create_dir_all(path.join("refs")).unwrap();
        fs::write(path.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        (folder, path)
    }

    fn find(file: &Path) -> Result<(PathBuf, PathBuf, PathBuf), String> {
        let found = Repository::find(file).map_err(|problem| problem.to_string())?;
        Ok((found.top, found.git_dir, found.inside))
    }

    #[test]
    fn a_file_is_in_the_nearest_repository_above_it() {
        let (_folder, path) = folder();
        assert!(find(&path.join("a/attune.toml")).unwrap_err().contains("not in a Git repository"));
        git_dir(&path.join(".git"));
        fs::create_dir_all(path.join("a/b/.git")).unwrap();
        let inside = |file: &str, inside: &str| {
            assert_eq!(find(&path.join(file)).unwrap(), (path.clone(), path.join(".git"), inside.into()));
        };
        inside("attune.toml", "attune.toml");
        // Git ignores such a `.git` as well.
        inside("a/b/attune.toml", "a/b/attune.toml");
        inside("a/b/../attune.toml", "a/attune.toml");
        git_dir(&path.join("a/b/.git"));
        assert_eq!(find(&path.join("a/b/x.toml")).unwrap().0, path.join("a/b"));
    }

    #[test]
    fn a_repository_that_a_commit_can_add_is_refused() {
        let (_folder, path) = folder();
        git_dir(&path.join(".git"));
        git_dir(&path.join("bare/layout"));
        fs::create_dir_all(path.join("bare/layout/live")).unwrap();
        for file in ["bare/layout/attune.toml", "bare/layout/live/attune.toml"] {
            assert!(find(&path.join(file)).unwrap_err().contains("layout of a bare"), "{file}");
        }
        // A submodule.
        git_dir(&path.join(".git/modules/sub"));
        fs::create_dir(path.join("sub")).unwrap();
        fs::write(path.join("sub/.git"), "gitdir: ../.git/modules/sub\n").unwrap();
        assert!(find(&path.join("sub/attune.toml")).unwrap_err().contains("inside another one"));
        // A link to another repository.
        let (_other, other) = folder();
        git_dir(&other.join(".git"));
        std::os::unix::fs::symlink(&other, path.join("link")).unwrap();
        assert!(find(&path.join("link/attune.toml")).unwrap_err().contains("inside another one"));
        assert_eq!(find(&other.join("attune.toml")).unwrap().0, other);
        // A link inside the same repository is not followed.
        fs::create_dir(path.join("live")).unwrap();
        std::os::unix::fs::symlink(path.join("live"), path.join("alias")).unwrap();
        assert_eq!(find(&path.join("alias/attune.toml")).unwrap().2, Path::new("alias/attune.toml"));
    }

    #[test]
    fn a_repository_on_the_way_to_a_file_is_found_through_links() {
        let (_folder, path) = folder();
        let (_other, other) = folder();
        git_dir(&path.join(".git"));
        fs::create_dir(path.join("sub")).unwrap();
        let link = |target: PathBuf, link: PathBuf| std::os::unix::fs::symlink(target, link).unwrap();
        link(other.join("s.json"), path.join("out"));
        link(path.join("s.json"), other.join("in"));
        link(path.join("out"), other.join("through"));
        link(path.join("sub/.."), other.join("directory"));
        link(other.join("a"), other.join("b"));
        link(other.join("b"), other.join("a"));
        fs::write(other.join("s.json"), "").unwrap();
        let found = |file: PathBuf| repository_on_the_way(&file).unwrap();
        for inside in [path.join("s.json"), path.join("sub/s.json"), path.join("out"), path.join("missing/s.json")] {
            assert_eq!(found(inside.clone()), Some(path.clone()), "{inside:?}");
        }
        for through in ["in", "through", "directory/s.json"] {
            assert_eq!(found(other.join(through)), Some(path.clone()), "{through}");
        }
        assert_eq!(found(other.join("s.json")), None);
        assert_eq!(found(other.join("missing")), None);
        assert_eq!(found(path.join("sub/../..").join(other.file_name().unwrap()).join("s.json")), None);
        assert!(repository_on_the_way(&other.join("a")).is_err(), "the links are a circle");
    }

    #[test]
    fn a_linked_work_tree_is_a_repository() {
        let (_folder, path) = folder();
        let linked = path.join("main/.git/worktrees/linked");
        git_dir(&path.join("main/.git"));
        fs::create_dir_all(&linked).unwrap();
        fs::write(linked.join("commondir"), "../..\n").unwrap();
        fs::create_dir(path.join("linked")).unwrap();
        fs::write(path.join("linked/.git"), format!("gitdir: {}\n", linked.display())).unwrap();
        assert_eq!(
            find(&path.join("linked/attune.toml")).unwrap(),
            (path.join("linked"), linked, "attune.toml".into())
        );
        fs::write(path.join("linked/.git"), "gitdir: nowhere\n").unwrap();
        assert!(find(&path.join("linked/attune.toml")).unwrap_err().contains("git rev-parse"));
    }
}
