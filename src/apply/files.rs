//! Files on the disk: written whole, synced before anything else happens, and by default readable only by their owner.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::base::map;

const TRIES: usize = 10_000;

/// The number of random characters in a unique name.
const RANDOM: usize = 16;

const TEMPORARY: &str = ".attune-";

/// The prefix of emergency files.
pub const EMERGENCY: &str = "emergency-";

/// Writes a private file, and its directory if needed, as [`write_atomic`] does.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create_private_dir(directory_of(path))?;
    write_atomic(path, bytes, None)
}

/// Writes private files of one directory, as [`replace`] does, several at once: a disk syncs many files as fast as one.
/// After an error of one file, some of the others may exist.
pub fn replace_all(dir: &Path, files: &[(PathBuf, &[u8])]) -> Result<(), (PathBuf, io::Error)> {
    if files.is_empty() {
        return Ok(());
    }
    let of_dir = |error| (dir.to_owned(), error);
    create_private_dir(dir).map_err(of_dir)?;
    let write = |(path, bytes): (PathBuf, &[u8])| rename_into(&path, bytes, None).map_err(|error| (path, error));
    map(files.to_vec(), write).into_iter().collect::<Result<(), _>>()?;
    sync_directory(dir).map_err(of_dir)
}

/// Writes a file whole: a temporary file beside it is written, synced and renamed, then the directory is synced. A link at the
/// path is replaced, not followed. Without `permissions`, only the owner can read it.
pub fn write_atomic(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    rename_into(path, bytes, permissions)?;
    sync_directory(directory_of(path))
}

fn rename_into(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    let mut file = temporary(directory_of(path), TEMPORARY, ".tmp")?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// A private file with a unique name, removed when it is dropped. It is locked while in use, so that another run can recognise
/// a stale one.
pub(super) fn temporary(dir: &Path, prefix: &str, suffix: &str) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(suffix).rand_bytes(RANDOM);
    loop {
        let file = builder.tempfile_in(dir_or_current(dir))?;
        // Some file systems have no locks: there, a stale file stays.
        let _ = file.as_file().lock();
        // Before the lock, another run may have removed it as stale.
        if !is_removed(file.as_file()) {
            return Ok(file);
        }
    }
}

/// Gives the file the first of these names that is free, counted from 1. If the file system cannot, it keeps its own name.
pub(super) fn persist_as(mut file: NamedTempFile, dir: &Path, name: impl Fn(usize) -> String) -> PathBuf {
    for n in 1..=TRIES {
        let path = dir.join(name(n));
        match file.persist_noclobber(&path) {
            Ok(_) => return path,
            Err(failed) => {
                file = failed.file;
                if failed.error.kind() != ErrorKind::AlreadyExists {
                    break;
                }
            }
        }
    }
    file.disable_cleanup(true);
    file.path().to_owned()
}

/// Whether someone has removed the file: its content is lost then.
pub(super) fn is_removed(file: &File) -> bool {
    file.metadata().is_ok_and(|found| std::os::unix::fs::MetadataExt::nlink(&found) == 0)
}

/// Removes temporary files that killed runs left: only attune's own, and none in use. Emergency files go only if they are empty.
pub fn remove_stale(dir: &Path) {
    for entry in fs::read_dir(dir_or_current(dir)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(kind) = name.to_str().and_then(StaleFile::of) else { continue };
        if entry.metadata().is_ok_and(|found| found.is_file()) {
            let _ = kind.remove(&entry.path());
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StaleFile {
    Temporary,
    /// It stays if it is not empty.
    Emergency,
}

impl StaleFile {
    fn of(name: &str) -> Option<Self> {
        let is_unique = |text: &str| text.len() == RANDOM && text.chars().all(|c| c.is_ascii_alphanumeric());
        if let Some(rest) = name.strip_prefix(TEMPORARY) {
            let middle = [".tmp", ".probe"].iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest);
            return is_unique(middle).then_some(Self::Temporary);
        }
        let middle = name.strip_prefix(EMERGENCY)?.split('.').next()?;
        is_unique(middle).then_some(Self::Emergency)
    }

    fn remove(self, path: &Path) -> io::Result<()> {
        let file = without_links(OpenOptions::new().read(true)).open(path)?;
        let removable = self == Self::Temporary || file.metadata()?.len() == 0;
        match file.try_lock() {
            Ok(()) if removable => fs::remove_file(path),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// Opens a private file to append to it, and creates it if it does not exist. A link, or anything but a file, is an error.
pub fn append(path: &Path) -> io::Result<File> {
    create_private_dir(directory_of(path))?;
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    open_regular(path, &mut options)
}

/// Opens a file to read it. A link, or anything but a file, is an error.
pub fn open(path: &Path) -> io::Result<File> {
    open_regular(path, OpenOptions::new().read(true))
}

fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = without_links(options).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a file")) }
}

/// Creates the directory if it does not exist, and tries to write a file in it.
pub(super) fn check_writable(dir: &Path) -> io::Result<()> {
    own_directory(dir)?;
    remove_stale(dir);
    let mut probe = temporary(dir, TEMPORARY, ".probe")?;
    probe.write_all(b"attune")?;
    probe.as_file().sync_all()
}

/// The same options, but follows no link, and never waits.
fn without_links(options: &mut OpenOptions) -> &mut OpenOptions {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.bits().cast_signed())
}

fn create_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir_or_current(dir))
}

/// Creates a directory that must not get into a repository: the state directory, and directories of secrets. A new one gets a
/// `.gitignore`. An existing one stays as it is. A link is an error, since a proposal could bring one.
pub fn own_directory(dir: &Path) -> io::Result<()> {
    // A slash at the end would follow a link.
    let plain: PathBuf = dir_or_current(dir).components().collect();
    if plain.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        return Err(io::Error::other("it is a link; name the directory that it leads to"));
    }
    create_private_dir(&plain)?;
    if plain.file_name().is_some() && fs::read_dir(&plain)?.next().is_none() {
        rename_into(&plain.join(".gitignore"), b"*\n", None)?;
    }
    Ok(())
}

/// A file's name is on the disk only after its directory is synced.
fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir_or_current(dir))?.sync_all()
}

fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// The directory to open for a path: for the empty path, the current directory.
pub fn dir_or_current(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_stale_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let write = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
        for name in
            [".attune-0123456789abcdef.tmp", ".attune-0123456789abcdef.probe", "emergency-0123456789abcdef.json"]
        {
            write(name, "");
        }
        write(".attune-fedcba9876543210.tmp", "half");
        let stay = [
            ".attune-AbC124.probe",
            ".attune-notes.txt",
            "emergency-bob-1.json",
            "emergency-fedcba9876543210.json.age",
            "journal-0123456789abcdef.jsonl",
        ];
        stay.iter().for_each(|name| write(name, "x"));
        let in_use = temporary(dir, TEMPORARY, ".tmp").unwrap();
        std::os::unix::fs::symlink(dir.join("emergency-bob-1.json"), dir.join(".attune-aaaaaaaaaaaaaaaa.tmp")).unwrap();
        remove_stale(dir);
        let mut expected: Vec<String> = stay.iter().map(ToString::to_string).collect();
        expected.push(in_use.path().file_name().unwrap().to_str().unwrap().to_owned());
        expected.push(".attune-aaaaaaaaaaaaaaaa.tmp".to_owned());
        expected.sort();
        assert_eq!(names(dir), expected);
        drop(in_use);
        assert_eq!(names(dir).len(), expected.len() - 1);
    }

    #[test]
    fn a_new_directory_is_ignored_by_git_and_a_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("a/secrets");
        own_directory(&dir).unwrap();
        assert_eq!(fs::read_to_string(dir.join(".gitignore")).unwrap(), "*\n");
        assert_eq!(names(&folder.path().join("a")), ["secrets"]);
        fs::remove_file(dir.join(".gitignore")).unwrap();
        fs::write(dir.join("x"), "").unwrap();
        own_directory(&dir).unwrap();
        assert_eq!(names(&dir), ["x"]);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        for link in [link.clone(), link.join("")] {
            assert!(own_directory(&link).unwrap_err().to_string().contains("it is a link"), "{}", link.display());
        }
    }

    #[test]
    fn nothing_is_written_through_a_link_and_a_pipe_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(append(&link).is_err() && open(&link).is_err());
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(append(&pipe).is_err() && open(&pipe).is_err());
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        assert_eq!(fs::read_to_string(&link).unwrap(), "new");
    }
}
