//! The files of a revision of a Git repository. Git only lists names and reads objects: there is no checkout, filter, hook or
//! index.
//!
//! The work tree may be a proposal. So attune finds the repository itself (see `repository`), and Git runs nothing that a
//! repository can name (see `program`).

mod blame;
mod program;
mod repository;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use tempfile::TempDir;

pub(super) use blame::{LastChange, last_change};
use program::Git;
pub(super) use repository::{GitProblem, repository_on_the_way};
use repository::{MAX_BYTES, MAX_FILES, MAX_LINKS, Repository};

/// Larger files are skipped: they belong to no configuration. Bytes.
const MAX_FILE: u64 = 4 << 20;

const MAX_LINK_TARGET: u64 = 4096;

/// The files of a revision, in a private directory that is removed when this is dropped.
pub(super) struct Checkout {
    /// The path of the configuration. It exists only if the revision has it.
    pub(super) file: PathBuf,
    directory: TempDir,
}

/// Writes out the files of `revision`, from the repository of `file`.
pub(super) fn checkout(revision: &str, file: &Path) -> Result<Checkout, GitProblem> {
    let repository = Repository::find(file)?;
    let git = Git::open(&repository)?;
    let commit = commit(&git, &repository, revision)?;
    let mut tree = Tree::of_listing(&git.list(&commit)?);
    let sizes = git.sizes(&tree.files.values().chain(tree.links.values()).map(String::as_str).collect())?;
    let short_links = tree.links.values().filter(|id| sizes.get(*id).is_some_and(|size| *size <= MAX_LINK_TARGET));
    let targets = git.read(&short_links.map(String::as_str).collect())?;
    tree.resolve_links(&targets);
    let files = select(&tree, &sizes, &repository.inside).ok_or(GitProblem::TooLarge(revision.to_owned()))?;
    tracing::debug!(files = files.len(), "read the files of the base");
    let contents = git.read(&files.iter().map(|(_, id)| id.as_str()).collect())?;
    let directory = tempfile::Builder::new().prefix("attune-base-").tempdir();
    let directory = directory.map_err(|error| GitProblem::failed("cat-file", &error))?;
    let root = directory.path().join("tree");
    let written = fs::create_dir(&root).and_then(|()| {
        let mut files = files.iter().filter_map(|(path, id)| Some((path, contents.get(*id)?)));
        files.try_for_each(|(path, bytes)| write(&root.join(path), bytes))
    });
    written.map_err(|error| GitProblem::failed("cat-file", &error))?;
    Ok(Checkout { file: root.join(&repository.inside), directory })
}

/// The configurations of a directory at a revision: its `.toml` files, and the `attune.toml` of each subdirectory.
pub(super) fn configurations(revision: &str, directory: &Path) -> Result<Vec<PathBuf>, GitProblem> {
    let repository = Repository::find(&directory.join("attune.toml"))?;
    let git = Git::open(&repository)?;
    let tree = Tree::of_listing(&git.list(&commit(&git, &repository, revision)?)?);
    let inside = repository.inside.parent().unwrap_or(Path::new(""));
    let below = tree.files.keys().chain(tree.links.keys()).filter_map(|path| path.strip_prefix(inside).ok());
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
        if Git::open(&repository)?.has("HEAD", &repository.inside)? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Checkout {
    pub(super) fn tree(&self) -> PathBuf {
        self.directory.path().join("tree")
    }

    pub(super) fn with_repository_paths(&self, text: &str, revision: &str) -> String {
        text.replace(&format!("{}/", self.tree().display()), &format!("{revision}:"))
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)
}

/// The files to read, with their ids: all of the repository if they are few enough, or else the likely parts of a
/// configuration. `None` if these are too many as well.
fn select<'a>(tree: &'a Tree, sizes: &BTreeMap<String, u64>, file: &Path) -> Option<Vec<(&'a PathBuf, &'a String)>> {
    let directory = file.parent().unwrap_or(Path::new(""));
    let is_likely =
        |path: &Path| path.starts_with(directory) || path.extension().is_some_and(|end| end == "toml" || end == "json");
    let all = |is_wanted: &dyn Fn(&Path) -> bool| {
        let mut bytes = 0_u64;
        let mut files = Vec::new();
        for (path, id) in tree.files.iter().filter(|(path, _)| is_wanted(path)) {
            // A partial clone may not have an object. It is not fetched; its file counts as missing.
            let Some(size) = sizes.get(id).copied().filter(|size| *size <= MAX_FILE) else { continue };
            bytes = bytes.saturating_add(size);
            files.push((path, id));
            if files.len() > MAX_FILES || bytes > MAX_BYTES {
                return None;
            }
        }
        Some(files)
    };
    all(&|_| true).or_else(|| all(&is_likely))
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

#[derive(Debug, Default, PartialEq, Eq)]
struct Tree {
    files: BTreeMap<PathBuf, String>,
    links: BTreeMap<PathBuf, String>,
}

impl Tree {
    /// Reads the output of `ls-tree -r -z`. Skips submodules, and names that are not a plain path.
    fn of_listing(listed: &[u8]) -> Self {
        let mut tree = Self::default();
        for entry in listed.split(|byte| *byte == 0) {
            let Some(tab) = entry.iter().position(|byte| *byte == b'\t') else { continue };
            let (about, Some(path)) = (String::from_utf8_lossy(&entry[..tab]), path(&entry[tab + 1..])) else {
                continue;
            };
            let mut about = about.split_whitespace();
            let (Some(mode), Some("blob"), Some(id)) = (about.next(), about.next(), about.next()) else { continue };
            let entries = if mode == "120000" { &mut tree.links } else { &mut tree.files };
            entries.insert(path, id.to_owned());
        }
        tree
    }

    /// Replaces links with the files they lead to. A link out of the tree or to nothing is dropped.
    fn resolve_links(&mut self, contents: &BTreeMap<String, Vec<u8>>) {
        let links = std::mem::take(&mut self.links);
        let target = |(link, id): (PathBuf, String)| Some((link, path_of(contents.get(&id)?)?));
        let targets: BTreeMap<PathBuf, PathBuf> = links.into_iter().filter_map(target).collect();
        let mut copies = Vec::new();
        for link in targets.keys() {
            let Some(end) = resolved(link, &targets) else { continue };
            let below = self.files.range(end.clone()..).take_while(|(path, _)| path.starts_with(&end));
            for (path, id) in below {
                let Ok(rest) = path.strip_prefix(&end) else { continue };
                let place = if rest.as_os_str().is_empty() { link.clone() } else { link.join(rest) };
                copies.push((place, id.clone()));
                if copies.len() > MAX_FILES {
                    return;
                }
            }
        }
        self.files.extend(copies);
    }
}

fn resolved(link: &Path, targets: &BTreeMap<PathBuf, PathBuf>) -> Option<PathBuf> {
    let mut left: VecDeque<Component<'_>> = link.components().collect();
    let mut done = PathBuf::new();
    let mut followed = 0;
    while let Some(part) = left.pop_front() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !done.pop() {
                    return None;
                }
            }
            Component::Normal(name) => {
                done.push(name);
                let Some(target) = targets.get(&done) else { continue };
                followed += 1;
                if followed > MAX_LINKS {
                    return None;
                }
                done.pop();
                for part in target.components().rev() {
                    left.push_front(part);
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(done)
}

fn path(bytes: &[u8]) -> Option<PathBuf> {
    let path = path_of(bytes)?;
    let plain = |part: Component<'_>| match part {
        Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
        Component::CurDir | Component::ParentDir | Component::RootDir | Component::Prefix(_) => false,
    };
    (path.components().next().is_some() && path.components().all(plain)).then_some(path)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere not every name is a path")]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(bytes)))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    std::str::from_utf8(bytes).ok().map(PathBuf::from)
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

    fn paths(tree: &Tree) -> Vec<(&str, &str)> {
        tree.files.iter().map(|(path, id)| (path.to_str().unwrap(), id.as_str())).collect()
    }

    #[test]
    fn submodules_and_unsafe_names_are_skipped() {
        let listed = b"100644 blob aa\tattune.toml\x00160000 commit cc\tmodule\x00120000 blob dd\ta link\x00\
            100755 blob ee\tx/../../y\x00100644 blob ff\t.GIT/config\x00100644 blob ab\t/etc/passwd\x00";
        let tree = Tree::of_listing(listed);
        assert_eq!(paths(&tree), [("attune.toml", "aa")]);
        assert_eq!(tree.links.len(), 1);
    }

    #[test]
    fn links_resolve_inside_the_tree_or_are_dropped() {
        let listed = [
            ("100644", "doc", "shared/policies/ml.json"),
            ("120000", "a", "live/policies"),
            ("120000", "b", "live/one.json"),
            ("120000", "c", "live/out.json"),
            ("120000", "d", "live/loop"),
            ("120000", "e", "live/root"),
            ("120000", "f", "live/through"),
        ];
        let listed: String = listed.iter().map(|(mode, id, path)| format!("{mode} blob {id}\t{path}\0")).collect();
        let mut tree = Tree::of_listing(listed.as_bytes());
        let targets = [
            ("a", "../shared/policies"),
            ("b", "policies/ml.json"),
            ("c", "../../etc/passwd"),
            ("d", "loop"),
            ("e", "/etc"),
            ("f", "policies/../../../etc"),
        ];
        tree.resolve_links(&targets.map(|(id, to)| (id.to_owned(), to.as_bytes().to_vec())).into());
        assert_eq!(
            paths(&tree),
            [("live/one.json", "doc"), ("live/policies/ml.json", "doc"), ("shared/policies/ml.json", "doc")]
        );
    }
}
