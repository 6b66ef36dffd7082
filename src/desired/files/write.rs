//! Writes several files of a configuration: all of them, or none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{FileProblem, Tree};
use crate::desired::EditedText;

/// A file to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewText {
    /// The path, starting with the directory of the main file.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The file that could not be written, and why. No file is changed.
#[derive(Debug)]
pub struct Unwritten {
    /// The path.
    pub path: String,
    /// The reason.
    pub problem: FileProblem,
}

impl Tree {
    /// Replaces files that still have the text that was read, and creates others. If one fails, the files before it are restored.
    pub fn write_all(&self, edited: &[EditedText], new: &[NewText]) -> Result<(), Unwritten> {
        for EditedText { path, before, .. } in edited {
            let checked = self.to_replace(Path::new(path)).and_then(|_| self.read(Path::new(path)));
            match checked {
                Ok(text) if text == *before => {}
                Ok(_) => return Err(unwritten(path, FileProblem::Changed)),
                Err(problem) => return Err(unwritten(path, problem)),
            }
        }
        let mut written = WrittenFiles { tree: self, created: Vec::new(), replaced: Vec::new() };
        let result = written.write(edited, new);
        if result.is_err() {
            written.undo();
        }
        result
    }

    /// Checks that the place of a new file is inside, and that nothing is there.
    fn check_new(&self, path: &Path) -> Result<(), FileProblem> {
        let mut above = path.ancestors().skip(1);
        let inside = above.find_map(|directory| match self.folder(directory) {
            Err(FileProblem::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
            found => Some(found),
        });
        inside.transpose()?;
        match path.symlink_metadata() {
            Ok(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists).into()),
            Err(_) => Ok(()),
        }
    }
}

fn unwritten(path: &str, problem: impl Into<FileProblem>) -> Unwritten {
    Unwritten { path: path.to_owned(), problem: problem.into() }
}

struct WrittenFiles<'a> {
    tree: &'a Tree,
    /// New directories and files, in order.
    created: Vec<PathBuf>,
    replaced: Vec<&'a EditedText>,
}

impl<'a> WrittenFiles<'a> {
    fn write(&mut self, edited: &'a [EditedText], new: &[NewText]) -> Result<(), Unwritten> {
        for NewText { path, text } in new {
            self.create(Path::new(path), text).map_err(|problem| unwritten(path, problem))?;
        }
        for of in edited {
            self.tree.replace(Path::new(&of.path), &of.after).map_err(|problem| unwritten(&of.path, problem))?;
            self.replaced.push(of);
        }
        Ok(())
    }

    fn create(&mut self, path: &Path, text: &str) -> Result<(), FileProblem> {
        self.tree.check_new(path)?;
        let directories = path.ancestors().skip(1).take_while(|part| !part.as_os_str().is_empty() && !part.exists());
        let missing: Vec<&Path> = directories.collect();
        for directory in missing.into_iter().rev() {
            fs::create_dir(directory)?;
            self.created.push(directory.to_path_buf());
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        self.created.push(path.to_path_buf());
        io::Write::write_all(&mut file, text.as_bytes())?;
        Ok(file.sync_all()?)
    }

    /// Ignores errors, since the first one is reported.
    fn undo(&self) {
        for of in &self.replaced {
            let _ = self.tree.replace(Path::new(&of.path), &of.before);
        }
        for path in self.created.iter().rev() {
            let _ = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
        }
    }
}
