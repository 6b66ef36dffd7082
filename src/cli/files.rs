//! Files that a command writes: always complete; new ones all or none.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::exit::{self, Failure};
use crate::apply::files::{self, dir_or_current};

#[derive(Debug, Clone, Copy)]
pub(super) struct NewFile<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
}

/// Creates new files, all or none, with help for files that exist and for a directory that cannot be written.
pub(super) fn create_new(
    directory: &Path,
    files: &[NewFile<'_>],
    [if_exists, if_unwritable]: [&str; 2],
) -> Result<(), Failure> {
    let in_the_way: Vec<String> = existing(directory, files).iter().map(|path| shown(path)).collect();
    if !in_the_way.is_empty() {
        let message = format!("nothing was written, since these files exist: {}", in_the_way.join(", "));
        return Err(Failure::new(&exit::IN_THE_WAY, message).help(if_exists));
    }
    create_all(directory, files)
        .map_err(|error| Failure::new(&exit::ENVIRONMENT, format!("nothing was written: {error}")).help(if_unwritable))
}

pub(super) fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

/// The paths that prevent the creation of these files: existing files, and files where a directory is needed.
fn existing(directory: &Path, files: &[NewFile<'_>]) -> BTreeSet<PathBuf> {
    files.iter().filter_map(|file| obstacle(directory, Path::new(file.path))).collect()
}

fn obstacle(directory: &Path, name: &Path) -> Option<PathBuf> {
    let path = directory.join(name);
    let above = path.ancestors().skip(1).take(name.components().count()).map(Path::to_path_buf);
    let mut above = above.filter(|dir| !dir.as_os_str().is_empty());
    let blocked = above.find(|dir| dir.symlink_metadata().is_ok() && !dir.is_dir());
    blocked.or_else(|| path.symlink_metadata().is_ok().then_some(path))
}

/// Creates the files, in their order. If one fails, removes the others and their new directories.
fn create_all(directory: &Path, files: &[NewFile<'_>]) -> io::Result<()> {
    let mut created = Created::default();
    let result = created.add(directory, files);
    if result.is_err() {
        created.undo();
    }
    result
}

#[derive(Default)]
struct Created {
    directories: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Created {
    /// Ignores errors, since the first one is reported.
    fn undo(&self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for directory in self.directories.iter().rev() {
            let _ = fs::remove_dir(directory);
        }
    }

    fn add(&mut self, directory: &Path, files: &[NewFile<'_>]) -> io::Result<()> {
        let mut parents = BTreeSet::new();
        for file in files {
            let path = directory.join(file.path);
            let parent = path.parent().unwrap_or(directory).to_path_buf();
            self.create_directory(&parent)?;
            let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
            temporary(&parent, file.text)?.persist_noclobber(&path).map_err(|failed| named(failed.error))?;
            self.files.push(path);
            parents.insert(parent);
        }
        // The name of a file is durable only when its directory is.
        parents.iter().try_for_each(|parent| File::open(dir_or_current(parent))?.sync_all())
    }

    fn create_directory(&mut self, path: &Path) -> io::Result<()> {
        let missing: Vec<&Path> =
            path.ancestors().take_while(|part| !part.as_os_str().is_empty() && !part.exists()).collect();
        for part in missing.into_iter().rev() {
            fs::create_dir(part)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", part.display())))?;
            self.directories.push(part.to_path_buf());
        }
        Ok(())
    }
}

/// A synced file with a temporary name.
fn temporary(directory: &Path, text: &str) -> io::Result<TempPath> {
    // The umask of the process applies.
    let permissions = Permissions::from_mode(0o666);
    let mut file =
        tempfile::Builder::new().prefix(".attune-").permissions(permissions).tempfile_in(dir_or_current(directory))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file.into_temp_path())
}

/// The permissions of a published file: everyone may read it.
const MODE: u32 = 0o644;

/// Replaces a file that others read. A link is replaced, not followed.
pub(super) fn publish(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create(path, bytes, Some(Permissions::from_mode(MODE)))
}

/// Whether the path exists but is not a regular file, for example a pipe. It is never replaced or read.
pub(super) fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file())
}

/// Writes a file that the command line names. A regular file keeps its permissions, and its links are followed.
pub(super) fn save(
    what: &str,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    save_as(what, path, Some(Permissions::from_mode(MODE)), write)
}

/// The same, but only the owner can read a new file.
pub(super) fn save_private(
    what: &str,
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    save_as(what, path, None, write)
}

fn save_as(
    what: &str,
    path: &Path,
    of_new: Option<Permissions>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let saved = write(&mut bytes).and_then(|()| match fs::metadata(path) {
        Ok(found) if found.is_file() => create(&fs::canonicalize(path)?, &bytes, Some(found.permissions())),
        Ok(_) | Err(_) => create(path, &bytes, of_new),
    });
    saved.map_err(|error| Failure::unwritten(what, path, &error))
}

fn create(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    if is_special(path) {
        return fs::write(path, bytes);
    }
    files::remove_stale(path.parent().unwrap_or(Path::new("")));
    files::write_atomic(path, bytes, permissions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file<'a>(path: &'a str, text: &'a str) -> NewFile<'a> {
        NewFile { path, text }
    }

    #[test]
    fn all_files_are_created_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a/b");
        let files = [file("policies/x.json", "{}"), file("attune.toml", "")];
        assert!(existing(&out, &files).is_empty());
        create_all(&out, &files).unwrap();
        assert_eq!(fs::read_to_string(out.join("policies/x.json")).unwrap(), "{}");
        assert_eq!(existing(&out, &files).len(), 2);

        let more = [file("new/y.json", "{}"), file("z.json", "{}"), file("attune.toml", "other")];
        let failed = create_all(&out, &more).unwrap_err();
        assert!(failed.to_string().contains("attune.toml"), "{failed}");
        assert!(!out.join("new").exists() && !out.join("z.json").exists());
        assert_eq!(fs::read_to_string(out.join("attune.toml")).unwrap(), "");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn a_file_in_place_of_a_directory_prevents_the_creation() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("policies"), "").unwrap();
        let found = existing(folder.path(), &[file("policies/x.json", ""), file("policies/y.json", "")]);
        assert_eq!(found, BTreeSet::from([folder.path().join("policies")]));
        let path = folder.path().join("policies");
        assert_eq!(existing(&path, &[file("attune.toml", "")]), BTreeSet::from([path]));
    }
}
