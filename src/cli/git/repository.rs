//! Which repository a file is in. Found without Git, since the tree around the file may be a proposal.
//!
//! A commit can hold a directory with the layout of a bare repository, a symbolic link or a submodule, and never an entry
//! named `.git`. So only a `.git` makes a repository here, and what a commit can put between the file and its repository is
//! refused.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::GitProblem;

/// How long a `.git` file may be. Bytes.
const LONGEST: u64 = 4096;

/// A repository, and the place of a file in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repository {
    /// The top of its work tree.
    pub(super) top: PathBuf,
    /// Where its own files are: `.git`, or where a `.git` file points to.
    pub(super) git_dir: PathBuf,
    /// The path of the file below the top, as it is named: links in it are not followed.
    pub(super) inside: PathBuf,
}

impl Repository {
    /// The repository that a file is in.
    pub(super) fn find(file: &Path) -> Result<Self, GitProblem> {
        let file = plain(file).map_err(|error| GitProblem::failed("rev-parse", &error))?;
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

    /// Whether there is a reference of that name beside the branches and tags, such as `HEAD`.
    pub(super) fn has_special_ref(&self, name: &str) -> bool {
        let special = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        special && self.git_dir.join(name).is_file()
    }
}

/// The absolute path of a file, without `.` and `..`, and with the links that are in it after the last `..`.
fn plain(path: &Path) -> io::Result<PathBuf> {
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

/// The directory of Git that belongs to a directory, if it is the top of a work tree.
fn git_dir_of(top: &Path) -> Result<Option<PathBuf>, GitProblem> {
    let path = top.join(".git");
    let Ok(about) = fs::metadata(&path) else { return Ok(None) };
    if about.is_dir() {
        return Ok(is_git_dir(&path).then_some(path));
    }
    let unusable = |why: &dyn std::fmt::Display| GitProblem::failed("rev-parse", &format!("{}: {why}", path.display()));
    if !about.is_file() {
        return Err(unusable(&"neither a directory nor a file"));
    }
    let mut text = String::new();
    let read = fs::File::open(&path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    read.map_err(|error| unusable(&error))?;
    let named = text.strip_prefix("gitdir:").map(|rest| rest.trim_matches([' ', '\n', '\r']));
    let named = named.filter(|named| !named.is_empty()).ok_or_else(|| unusable(&"it does not name a repository"))?;
    let git_dir = top.join(named).canonicalize().map_err(|error| unusable(&error))?;
    // A linked work tree has no objects of its own.
    if is_git_dir(&git_dir) || git_dir.join("commondir").is_file() {
        Ok(Some(git_dir))
    } else {
        Err(unusable(&"it names no repository"))
    }
}

/// Whether a directory is laid out as one of Git's own.
fn is_git_dir(path: &Path) -> bool {
    path.join("HEAD").symlink_metadata().is_ok() && path.join("objects").is_dir() && path.join("refs").is_dir()
}

/// Whether this is kept for a submodule: below `modules` of another repository.
fn is_submodule(git_dir: &Path) -> bool {
    let outer = |dir: &Path| is_git_dir(dir) || dir.join("commondir").is_file();
    let modules = git_dir.ancestors().filter(|dir| dir.file_name().is_some_and(|name| name == "modules"));
    modules.filter_map(Path::parent).any(outer)
}

/// Whether the way to it leads through a link inside another repository.
fn is_behind_a_link(top: &Path) -> bool {
    let links = top.ancestors().filter(|dir| dir.is_symlink());
    let inside_another = |link: &Path| link.ancestors().skip(1).any(|dir| dir.join(".git").exists());
    links.into_iter().any(inside_another)
}

#[cfg(test)]
#[cfg(unix)]
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
        assert!(find(&path.join("a/attune.toml")).unwrap_err().contains("no git repository"));
        git_dir(&path.join(".git"));
        fs::create_dir_all(path.join("a/b/.git")).unwrap();
        let inside = |file: &str, inside: &str| {
            assert_eq!(find(&path.join(file)).unwrap(), (path.clone(), path.join(".git"), inside.into()));
        };
        inside("attune.toml", "attune.toml");
        // A `.git` that is no repository is none for Git either.
        inside("a/b/attune.toml", "a/b/attune.toml");
        inside("a/b/../attune.toml", "a/attune.toml");
        git_dir(&path.join("a/b/.git"));
        assert_eq!(find(&path.join("a/b/x.toml")).unwrap().0, path.join("a/b"));
    }

    #[test]
    fn what_a_commit_can_put_there_is_no_repository() {
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
        // A link inside the same repository is named as it is.
        fs::create_dir(path.join("live")).unwrap();
        std::os::unix::fs::symlink(path.join("live"), path.join("alias")).unwrap();
        assert_eq!(find(&path.join("alias/attune.toml")).unwrap().2, Path::new("alias/attune.toml"));
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
