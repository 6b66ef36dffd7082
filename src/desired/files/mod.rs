//! The files that a configuration may name: regular files below one directory. attune opens nothing outside of it, and
//! does not reveal whether such a file exists. Only this part of the room touches disks.

mod folder;
mod include;
mod write;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

pub use folder::{FileProblem, LARGEST, read_trusted};
pub(super) use include::{Includes, Stopped};
pub use write::{NewText, Unwritten};

use folder::{Folder, is_stream, text_of};

/// Marks the top level of a Git repository: a directory, or a file in a linked work tree.
const GIT: &str = ".git";

/// The directory that all files of a configuration must be in.
#[derive(Debug, Clone, Copy)]
pub enum Boundary<'a> {
    /// The Git repository of the main file, or the directory of the main file without one. attune does not run Git for this.
    Repository,
    /// This directory.
    Below(&'a Path),
}

/// The directory of a configuration, opened once. Paths are resolved from there, name by name, and every link is checked.
#[derive(Debug)]
pub struct Tree {
    root: Folder,
    /// Its path, with all links resolved.
    root_path: PathBuf,
    /// The directory of the main file as given.
    directory: PathBuf,
    /// The path of the main file from the root.
    main: PathBuf,
    /// Texts to read instead of those of these files.
    texts: BTreeMap<PathBuf, String>,
}

impl Tree {
    /// Opens the tree of the configuration whose main file is `main`, if its directory is within the boundary.
    pub fn open(main: &Path, boundary: Boundary<'_>) -> Result<Self, FileProblem> {
        let directory = main.parent().unwrap_or(Path::new("")).to_path_buf();
        let name = main.file_name().unwrap_or_default();
        if is_stream(main) {
            // Every file that it names is outside.
            let root_path = PathBuf::from("/dev/fd");
            let main = Path::new("..").join(name);
            let root = Folder::open(&root_path)?;
            return Ok(Self { root, root_path, directory, main, texts: BTreeMap::new() });
        }
        let real = fs::canonicalize(here(&directory))?;
        let root_path = match boundary {
            Boundary::Repository => repository_of(main, &real)?,
            Boundary::Below(root) => fs::canonicalize(here(root))?,
        };
        let main = real.strip_prefix(&root_path).map_err(|_| FileProblem::Outside)?.join(name);
        Ok(Self { root: Folder::open(&root_path)?, root_path, directory, main, texts: BTreeMap::new() })
    }

    /// The same tree with other texts of some files.
    pub(super) fn with_texts(self, texts: BTreeMap<PathBuf, String>) -> Self {
        Self { texts, ..self }
    }

    /// Reads the main file. It may also be `/dev/stdin` or `/dev/fd/N`, or `-`, whose paths start in the current directory.
    pub fn read_main(&self) -> Result<String, FileProblem> {
        let path = self.directory.join(self.main.file_name().unwrap_or_default());
        if is_stdin(&path) {
            return read_stdin();
        }
        if is_stream(&path) { text_of(File::open(path)?) } else { self.read(&path) }
    }

    /// Reads a file. `path` starts with the directory of the main file as given, or is absolute.
    pub fn read(&self, path: &Path) -> Result<String, FileProblem> {
        if let Some(text) = self.texts.get(path) {
            return Ok(text.clone());
        }
        let resolved = self.resolve(path)?;
        text_of(resolved.folder.file(&resolved.name)?)
    }

    /// Replaces a file atomically, and keeps its permissions.
    pub fn replace(&self, path: &Path, text: &str) -> Result<(), FileProblem> {
        let resolved = self.to_replace(path)?;
        Ok(resolved.folder.replace(&resolved.name, text.as_bytes())?)
    }

    /// A file that may be replaced.
    fn to_replace(&self, path: &Path) -> Result<Resolved, FileProblem> {
        let resolved = self.resolve(path)?;
        if resolved.through_link {
            return Err(FileProblem::Link);
        }
        let file = resolved.folder.file(&resolved.name)?;
        if file.metadata()?.permissions().readonly() { Err(FileProblem::ReadOnly) } else { Ok(resolved) }
    }
}

/// The paths of the files of a configuration from the top level of its Git repository. The default changes no path.
#[derive(Debug, Clone, Default)]
pub struct RepositoryPaths(Option<InRepository>);

#[derive(Debug, Clone)]
struct InRepository {
    top: PathBuf,
    /// The directory of the main file: as given, and from the top level.
    given: PathBuf,
    inside: PathBuf,
}

impl RepositoryPaths {
    /// The paths for this main file. Without a repository, they stay as they are.
    pub fn of_main(main: &Path) -> Self {
        let given = main.parent().unwrap_or(Path::new("")).to_path_buf();
        let Ok(real) = fs::canonicalize(here(&given)) else { return Self(None) };
        let Some(top) = top_level(&real) else { return Self(None) };
        let inside = real.strip_prefix(top).unwrap_or(&real).to_path_buf();
        Self(Some(InRepository { top: top.to_path_buf(), given, inside }))
    }

    /// The path of a file as findings name it, with `/`, from the top level. A path outside of it stays as it is.
    pub fn of(&self, path: &str) -> String {
        let inside = self.0.as_ref().and_then(|of| {
            let path = Path::new(path);
            let below =
                if path.is_absolute() == of.given.is_absolute() { path.strip_prefix(&of.given).ok() } else { None };
            match below {
                Some(below) => without_dots(&of.inside.join(below)),
                None => without_dots(path.strip_prefix(&of.top).ok()?),
            }
        });
        inside.unwrap_or_else(|| path.to_owned())
    }
}

/// A relative path without `.` and `..`, with `/`; `None` if it leads out of its start.
pub(super) fn without_dots(path: &Path) -> Option<String> {
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => names.push(name.to_string_lossy().into_owned()),
            Component::CurDir => {}
            Component::ParentDir => _ = names.pop()?,
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(names.join("/"))
}

fn slashed(path: &Path) -> String {
    path.iter().map(OsStr::to_string_lossy).collect::<Vec<_>>().join("/")
}

/// Standard input as a path of the command line.
const STDIN: &str = "-";

/// Whether a path of the command line means standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// The name of a file of the command line, for messages.
pub fn shown_path(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Reads standard input, for one argument only.
pub fn read_stdin() -> Result<String, FileProblem> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Err(FileProblem::StdinTaken);
    }
    text_of(io::stdin().lock())
}

/// Reads a file that the command line names, by the rules for a main file. `-` is standard input.
pub fn read_named(path: &Path) -> Result<String, FileProblem> {
    if is_stdin(path) {
        return read_stdin();
    }
    Tree::open(path, Boundary::Repository)?.read_main()
}

/// The top level of the repository of the main file, or without one its directory, which is `real`.
fn repository_of(main: &Path, real: &Path) -> Result<PathBuf, FileProblem> {
    let below_here = main.is_relative() && !main.components().any(|part| part == Component::ParentDir);
    // A link below the current directory comes from the repository, not from the command line.
    if below_here && top_level(&fs::canonicalize(".")?).is_some_and(|top| !real.starts_with(top)) {
        return Err(FileProblem::Outside);
    }
    Ok(top_level(real).unwrap_or(real).to_path_buf())
}

/// The nearest parent with a `.git`. The root of the file system does not count: every file would be inside.
fn top_level(directory: &Path) -> Option<&Path> {
    let mut above = directory.ancestors().filter(|path| path.parent().is_some());
    above.find(|path| path.join(GIT).symlink_metadata().is_ok())
}

/// Whether a name starts with one dot. Kubernetes mounts files through `..data`, which is allowed.
fn is_hidden(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") && !name.starts_with(b"..")
}

fn here(directory: &Path) -> &Path {
    if directory.as_os_str().is_empty() { Path::new(".") } else { directory }
}

/// The maximum number of links in a path, as on Linux.
const LINKS: usize = 40;

pub(super) struct Resolved {
    pub(super) folder: Folder,
    /// The name in it, which is no link.
    pub(super) name: OsString,
    /// The path from the root without links: the same for all paths to this file.
    pub(super) real: PathBuf,
    pub(super) through_link: bool,
}

struct Resolver<'t> {
    tree: &'t Tree,
    reached: Vec<(OsString, Folder)>,
    /// The names still to go, also `..`.
    left: VecDeque<OsString>,
    links: usize,
}

impl Tree {
    pub(super) fn resolve(&self, path: &Path) -> Result<Resolved, FileProblem> {
        let mut resolver = self.begin(path)?;
        while let Some(name) = resolver.next_name()? {
            if resolver.left.is_empty() {
                return Ok(resolver.end(name));
            }
            resolver.enter(name)?;
        }
        Err(FileProblem::NotRegular)
    }

    pub(super) fn folder(&self, path: &Path) -> Result<Folder, FileProblem> {
        let mut resolver = self.begin(path)?;
        while let Some(name) = resolver.next_name()? {
            resolver.enter(name)?;
        }
        Ok(resolver.here().clone())
    }

    fn begin(&self, path: &Path) -> Result<Resolver<'_>, FileProblem> {
        let mut resolver = Resolver { tree: self, reached: Vec::new(), left: VecDeque::new(), links: 0 };
        resolver.add(&self.below_root(path))?;
        Ok(resolver)
    }

    /// The path that is the same for all paths to a file.
    pub(in crate::desired) fn real(&self, path: &Path) -> Result<PathBuf, FileProblem> {
        Ok(self.resolve(path)?.real)
    }

    /// The path of a file from the directory of the main file, with `/`: the same for all paths to the file. If the main file
    /// is a link, a path from the directory of its target goes first, since mounted files are links of one directory.
    pub(in crate::desired) fn beside_main(&self, path: &Path) -> Result<String, FileProblem> {
        let real = self.real(path)?;
        let main = self.resolve(&self.directory.join(self.main.file_name().unwrap_or_default()))?;
        let target = main.real.parent().filter(|_| main.through_link);
        if let Some(beside) = target.and_then(|directory| real.strip_prefix(directory).ok()) {
            return Ok(slashed(beside));
        }
        let directory = self.main.parent().unwrap_or(Path::new(""));
        let up = directory.ancestors().position(|above| real.starts_with(above)).unwrap_or_default();
        let above = directory.ancestors().nth(up).unwrap_or(Path::new(""));
        let beside = real.strip_prefix(above).unwrap_or(&real);
        Ok(format!("{}{}", "../".repeat(up), slashed(beside)))
    }

    /// The path from the root. An absolute path stays absolute.
    fn below_root(&self, path: &Path) -> PathBuf {
        let directory = self.main.parent().unwrap_or(Path::new(""));
        path.strip_prefix(&self.directory).map_or_else(|_| path.to_path_buf(), |beside| directory.join(beside))
    }
}

impl Resolver<'_> {
    /// The next name of the path, with links resolved.
    fn next_name(&mut self) -> Result<Option<OsString>, FileProblem> {
        while let Some(name) = self.left.pop_front() {
            if name == ".." {
                self.reached.pop().ok_or(FileProblem::Outside)?;
                continue;
            }
            match self.here().link(&name)? {
                Some(target) => self.follow(&target)?,
                None if self.is_hidden_path(&name) => return Err(FileProblem::Hidden),
                None => return Ok(Some(name)),
            }
        }
        Ok(None)
    }

    fn enter(&mut self, name: OsString) -> Result<(), FileProblem> {
        let next = self.here().folder(&name)?;
        self.reached.push((name, next));
        Ok(())
    }

    fn here(&self) -> &Folder {
        self.reached.last().map_or(&self.tree.root, |(_, folder)| folder)
    }

    /// Puts the parts of a path before the remaining ones.
    fn add(&mut self, path: &Path) -> Result<(), FileProblem> {
        let mut path = path;
        if path.has_root() {
            // No lookup outside the root: the path starts with the root as it is, or it is outside.
            path = path.strip_prefix(&self.tree.root_path).map_err(|_| FileProblem::Outside)?;
            self.reached.clear();
        }
        for part in path.components().rev() {
            match part {
                Component::CurDir => {}
                Component::ParentDir | Component::Normal(_) => self.left.push_front(part.as_os_str().to_owned()),
                Component::RootDir | Component::Prefix(_) => return Err(FileProblem::Outside),
            }
        }
        Ok(())
    }

    fn follow(&mut self, target: &Path) -> Result<(), FileProblem> {
        self.links += 1;
        if self.links > LINKS {
            return Err(io::Error::other("it goes through too many symbolic links").into());
        }
        self.add(target)
    }

    /// Whether this name hides the path. The path of the main file is always allowed.
    fn is_hidden_path(&self, name: &OsStr) -> bool {
        let real = self.real(name);
        is_hidden(name) && !self.tree.main.starts_with(real)
    }

    fn real(&self, name: &OsStr) -> PathBuf {
        self.reached.iter().map(|(name, _)| name.as_os_str()).chain([name]).collect()
    }

    fn end(mut self, name: OsString) -> Resolved {
        let real = self.real(&name);
        let folder = self.reached.pop().map_or_else(|| self.tree.root.clone(), |(_, folder)| folder);
        Resolved { folder, name, real, through_link: self.links > 0 }
    }
}
