//! Where a path leads: walked from the root of a tree name by name, so that it never leaves it.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::folder::Folder;
use super::{FileProblem, Tree, is_hidden};

/// How many links a path may go through: as many as Linux follows.
const LINKS: usize = 40;

/// Where a path leads to.
pub(super) struct Place {
    /// The directory.
    pub(super) folder: Folder,
    /// The name in it. It was no link.
    pub(super) name: OsString,
    /// The path from the root, without links: the same for all paths that lead here.
    pub(super) real: PathBuf,
    /// Whether a link was followed.
    pub(super) through_link: bool,
}

/// A part of a path that is still to be walked.
enum Part {
    Up,
    Name(OsString),
}

/// A walk from the root: where it is, and what is still to come.
struct Walk<'t> {
    tree: &'t Tree,
    reached: Vec<(OsString, Folder)>,
    left: VecDeque<Part>,
    links: usize,
}

impl Tree {
    /// Where a path leads, which is given as the main file's was.
    pub(super) fn place(&self, path: &Path) -> Result<Place, FileProblem> {
        let mut walk = self.begin(path)?;
        while let Some(name) = walk.next_name()? {
            if walk.left.is_empty() {
                return Ok(walk.end(name));
            }
            walk.enter(name)?;
        }
        Err(FileProblem::NotRegular)
    }

    /// The directory that a path leads to.
    pub(super) fn folder(&self, path: &Path) -> Result<Folder, FileProblem> {
        let mut walk = self.begin(path)?;
        while let Some(name) = walk.next_name()? {
            walk.enter(name)?;
        }
        Ok(walk.here().clone())
    }

    fn begin(&self, path: &Path) -> Result<Walk<'_>, FileProblem> {
        let mut walk = Walk { tree: self, reached: Vec::new(), left: VecDeque::new(), links: 0 };
        walk.add(&self.below_root(path))?;
        Ok(walk)
    }

    /// The path that is the same for all paths which lead to one file.
    pub(in crate::desired) fn real(&self, path: &Path) -> Result<PathBuf, FileProblem> {
        Ok(self.place(path)?.real)
    }

    /// A path as it is seen from the root; one that is absolute stays so.
    fn below_root(&self, path: &Path) -> PathBuf {
        let directory = self.main.parent().unwrap_or(Path::new(""));
        path.strip_prefix(&self.directory).map_or_else(|_| path.to_path_buf(), |beside| directory.join(beside))
    }
}

impl Walk<'_> {
    /// The next name of the path that is no link, and may be named.
    fn next_name(&mut self) -> Result<Option<OsString>, FileProblem> {
        while let Some(part) = self.left.pop_front() {
            let name = match part {
                Part::Up => {
                    self.reached.pop().ok_or(FileProblem::Outside)?;
                    continue;
                }
                Part::Name(name) => name,
            };
            match self.here().link(&name)? {
                Some(target) => self.follow(&target)?,
                None if self.is_secret(&name) => return Err(FileProblem::Hidden),
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

    /// Puts the parts of a path before what is left.
    fn add(&mut self, path: &Path) -> Result<(), FileProblem> {
        let mut path = path;
        if path.has_root() {
            // Nothing is looked for to find out where it leads: it begins with the root as it is, or it is outside.
            path = path.strip_prefix(&self.tree.root_path).map_err(|_| FileProblem::Outside)?;
            self.reached.clear();
        }
        for part in path.components().rev() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => self.left.push_front(Part::Up),
                Component::Normal(name) => self.left.push_front(Part::Name(name.to_owned())),
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

    /// Whether the path becomes a hidden one by this name. The path of the main file is what the command line says.
    fn is_secret(&self, name: &OsStr) -> bool {
        let real = self.real(name);
        is_hidden(name) && !self.tree.main.starts_with(real)
    }

    fn real(&self, name: &OsStr) -> PathBuf {
        self.reached.iter().map(|(name, _)| name.as_os_str()).chain([name]).collect()
    }

    fn end(mut self, name: OsString) -> Place {
        let real = self.real(&name);
        let folder = self.reached.pop().map_or_else(|| self.tree.root.clone(), |(_, folder)| folder);
        Place { folder, name, real, through_link: self.links > 0 }
    }
}
