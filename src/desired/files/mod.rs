//! The files that a configuration may name: regular files below one directory. Nothing outside is opened, and whether it
//! exists is not said. The only part of this room that touches disks.

mod folder;
mod patterns;
mod place;

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use folder::Folder;
pub(super) use patterns::{Matched, Stopped};

/// The largest file that is read, in bytes. A cluster takes policies of 20 KiB; a configuration of 1 000 policies and
/// 10 000 users has about 1 MiB.
pub const LARGEST: u64 = 16 << 20;

/// The entry by which the top level of a Git repository is known: a directory, or a file in a linked work tree.
const GIT: &str = ".git";

/// Below which directory the files of a configuration must lie.
#[derive(Debug, Clone, Copy)]
pub enum Boundary<'a> {
    /// The Git repository that the main file is in, else the directory of the main file. Git itself is not run.
    Repository,
    /// This directory.
    Below(&'a Path),
}

/// Why a file is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// The path leaves the boundary, by itself or by a symbolic link.
    #[error("it is outside the repository")]
    Outside,
    /// The path has a name such as `.git` or `.env`.
    #[error("a name in its path begins with a dot, as files with secrets do")]
    Hidden,
    /// A directory, a named pipe, a device, a socket.
    #[error("it is not a regular file")]
    NotRegular,
    /// Larger than [`LARGEST`].
    #[error("it is larger than {} MiB", LARGEST >> 20)]
    TooLarge,
    /// A pattern walks through too much.
    #[error(
        "the pattern walks through more than {} entries or {} levels of directories",
        patterns::ENTRIES,
        patterns::DEPTH
    )]
    TooMany,
    /// A file that is to be written is a link, or is reached through one.
    #[error("it is a symbolic link or reached through one, and nothing is written through links")]
    Link,
    /// The system says so.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FileProblem {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Outside => {
                "files of a configuration lie below the Git top level, or below the directory of the main file where there is \
                 no Git repository; a symbolic link counts by where it leads"
            }
            Self::Hidden => {
                "move the file to a path without such a name; only the directory of the main file may have one"
            }
            Self::NotRegular => "name a regular file; only a main file is read from a pipe, as `--file /dev/stdin`",
            Self::TooLarge => "divide it into several files, and `include` them",
            Self::TooMany => "begin the pattern with the directory that holds the files, such as `teams/*.toml`",
            Self::Link => "name the file itself, by its own path",
            Self::Io(_) => "the path is relative to the file that names it",
        }
    }
}

/// The directory below which a configuration's files lie, opened once: every path is walked from there, name by name,
/// and no link is followed that has not been looked at.
#[derive(Debug)]
pub struct Tree {
    root: Folder,
    /// Where it is, with all links resolved.
    root_path: PathBuf,
    /// The directory of the main file as it was given.
    directory: PathBuf,
    /// The main file, seen from the root.
    main: PathBuf,
}

impl Tree {
    /// Opens the tree of the configuration whose main file is `main`.
    ///
    /// # Errors
    /// The directory of the main file cannot be opened, or is not within the boundary.
    pub fn open(main: &Path, boundary: Boundary<'_>) -> Result<Self, FileProblem> {
        let directory = main.parent().unwrap_or(Path::new("")).to_path_buf();
        let name = main.file_name().unwrap_or_default();
        if is_stream(main) {
            // Nothing lies below it: what it names is outside.
            let root_path = PathBuf::from("/dev/fd");
            let main = Path::new("..").join(name);
            return Ok(Self { root: Folder::open(&root_path)?, root_path, directory, main });
        }
        let real = fs::canonicalize(here(&directory))?;
        let root_path = match boundary {
            Boundary::Repository => repository_of(main, &real)?,
            Boundary::Below(root) => fs::canonicalize(here(root))?,
        };
        let main = real.strip_prefix(&root_path).map_err(|_| FileProblem::Outside)?.join(name);
        Ok(Self { root: Folder::open(&root_path)?, root_path, directory, main })
    }

    /// Reads the main file, which may also be `/dev/stdin` or `/dev/fd/N`.
    ///
    /// # Errors
    /// See [`FileProblem`].
    pub fn read_main(&self) -> Result<String, FileProblem> {
        let path = self.directory.join(self.main.file_name().unwrap_or_default());
        if is_stream(&path) { text_of(File::open(path)?) } else { self.read(&path) }
    }

    /// Reads a file. A path is as the main file's was given: one beside it begins with the same directory.
    ///
    /// # Errors
    /// See [`FileProblem`].
    pub fn read(&self, path: &Path) -> Result<String, FileProblem> {
        let place = self.place(path)?;
        text_of(place.folder.file(&place.name)?)
    }

    /// Replaces a file of the tree as a whole or not at all; who may read it stays.
    ///
    /// # Errors
    /// See [`FileProblem`].
    pub fn replace(&self, path: &Path, text: &str) -> Result<(), FileProblem> {
        let place = self.place(path)?;
        if place.through_link {
            return Err(FileProblem::Link);
        }
        regular(&place.folder.file(&place.name)?)?;
        Ok(place.folder.replace(&place.name, text.as_bytes())?)
    }
}

/// Reads a file that the command line names, under the same rules as a main file.
///
/// # Errors
/// See [`FileProblem`].
pub fn read_named(path: &Path) -> Result<String, FileProblem> {
    Tree::open(path, Boundary::Repository)?.read_main()
}

/// Reads a file that the command line or a trusted setting names: wherever it is, and through links.
///
/// # Errors
/// See [`FileProblem`].
pub fn read_trusted(path: &Path) -> Result<String, FileProblem> {
    if is_stream(path) {
        return text_of(File::open(path)?);
    }
    let file = folder::open_trusted(path)?;
    regular(&file)?;
    text_of(file)
}

/// Whether a path is another name for what the process has open: that comes from whoever started it.
fn is_stream(path: &Path) -> bool {
    cfg!(unix) && (path == Path::new("/dev/stdin") || path.parent() == Some(Path::new("/dev/fd")))
}

/// The top level of the repository that the main file is in, else its directory, which is `real`.
fn repository_of(main: &Path, real: &Path) -> Result<PathBuf, FileProblem> {
    let below_here = main.is_relative() && !main.components().any(|part| part == Component::ParentDir);
    // A link below the directory where the command was started is no part of what was said on the command line.
    if below_here && top_level(&fs::canonicalize(".")?).is_some_and(|top| !real.starts_with(top)) {
        return Err(FileProblem::Outside);
    }
    Ok(top_level(real).unwrap_or(real).to_path_buf())
}

/// The nearest directory from here up that has a `.git`. The root of the file system is none: all would be inside.
fn top_level(directory: &Path) -> Option<&Path> {
    let mut above = directory.ancestors().filter(|path| path.parent().is_some());
    above.find(|path| path.join(GIT).symlink_metadata().is_ok())
}

/// The text of an opened file, if it is a regular one or a stream of the process.
fn text_of(file: File) -> Result<String, FileProblem> {
    let mut text = String::new();
    let read = file.take(LARGEST + 1).read_to_string(&mut text)?;
    if read as u64 > LARGEST { Err(FileProblem::TooLarge) } else { Ok(text) }
}

fn regular(file: &File) -> Result<(), FileProblem> {
    if file.metadata()?.is_file() { Ok(()) } else { Err(FileProblem::NotRegular) }
}

/// Whether a name begins with a dot. Kubernetes mounts files through `..data`, which is none of these.
fn is_hidden(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".") && !name.starts_with(b"..")
}

/// The empty path is this directory.
fn here(directory: &Path) -> &Path {
    if directory.as_os_str().is_empty() { Path::new(".") } else { directory }
}
