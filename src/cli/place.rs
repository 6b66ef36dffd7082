//! New files, all of them or none, and never in place of what is there.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::apply::files::dir_or_current;

/// A file to write: its path below the directory, and its text.
pub(super) type NewFile<'a> = (&'a str, &'a str);

/// What is there already where files are to go: a file, or something that is no directory where one is needed.
pub(super) fn in_the_way(directory: &Path, files: &[NewFile<'_>]) -> BTreeSet<PathBuf> {
    files.iter().filter_map(|(name, _)| obstacle(directory, Path::new(name))).collect()
}

fn obstacle(directory: &Path, name: &Path) -> Option<PathBuf> {
    let path = directory.join(name);
    let above = path.ancestors().skip(1).take(name.components().count()).map(Path::to_path_buf);
    let mut above = above.filter(|dir| !dir.as_os_str().is_empty());
    let blocked = above.find(|dir| dir.symlink_metadata().is_ok() && !dir.is_dir());
    blocked.or_else(|| path.symlink_metadata().is_ok().then_some(path))
}

/// Writes the files, in their order. Where one cannot be written, those before it are taken away again, with the
/// directories that were made for them.
pub(super) fn place(directory: &Path, files: &[NewFile<'_>]) -> io::Result<()> {
    let mut done = Done::default();
    let placed = written(directory, files, &mut done);
    if placed.is_err() {
        done.undo();
    }
    placed
}

/// What has been made so far.
#[derive(Default)]
struct Done {
    directories: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Done {
    /// What cannot be taken away stays: the failure is told anyway.
    fn undo(&self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for directory in self.directories.iter().rev() {
            let _ = fs::remove_dir(directory);
        }
    }
}

fn written(directory: &Path, files: &[NewFile<'_>], done: &mut Done) -> io::Result<()> {
    let mut ready: Vec<(TempPath, PathBuf)> = Vec::new();
    for (name, text) in files {
        let path = directory.join(name);
        let parent = path.parent().unwrap_or(directory).to_path_buf();
        make_directory(&parent, done)?;
        ready.push((beside(&parent, text)?, path));
    }
    let mut parents = BTreeSet::new();
    for (file, path) in ready {
        file.persist_noclobber(&path)
            .map_err(|failed| io::Error::new(failed.error.kind(), format!("{}: {}", path.display(), failed.error)))?;
        parents.extend(path.parent().map(Path::to_path_buf));
        done.files.push(path);
    }
    // The name of a file is on the disk only when its directory is.
    if cfg!(unix) {
        for parent in parents {
            File::open(dir_or_current(&parent))?.sync_all()?;
        }
    }
    Ok(())
}

/// A file with another name in the same directory, whole and on the disk. It is closed, as there may be a thousand.
fn beside(directory: &Path, text: &str) -> io::Result<TempPath> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".attune-");
    // As any other new file: what the process leaves of it is what its user wishes.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(dir_or_current(directory))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file.into_temp_path())
}

fn make_directory(path: &Path, done: &mut Done) -> io::Result<()> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|part| !part.as_os_str().is_empty() && !part.exists()).collect();
    for part in missing.into_iter().rev() {
        fs::create_dir(part).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", part.display())))?;
        done.directories.push(part.to_path_buf());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_new_or_none_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a/b");
        let files = [("policies/x.json", "{}"), ("attune.toml", "")];
        assert!(in_the_way(&out, &files).is_empty());
        place(&out, &files).unwrap();
        assert_eq!(fs::read_to_string(out.join("policies/x.json")).unwrap(), "{}");
        assert_eq!(in_the_way(&out, &files).len(), 2);

        let more = [("new/y.json", "{}"), ("z.json", "{}"), ("attune.toml", "other")];
        let failed = place(&out, &more).unwrap_err();
        assert!(failed.to_string().contains("attune.toml"), "{failed}");
        assert!(!out.join("new").exists() && !out.join("z.json").exists());
        assert_eq!(fs::read_to_string(out.join("attune.toml")).unwrap(), "");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn a_file_where_a_directory_is_needed_is_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("policies"), "").unwrap();
        let found = in_the_way(folder.path(), &[("policies/x.json", ""), ("policies/y.json", "")]);
        assert_eq!(found, BTreeSet::from([folder.path().join("policies")]));
        let file = folder.path().join("policies");
        assert_eq!(in_the_way(&file, &[("attune.toml", "")]), BTreeSet::from([file]));
    }
}
