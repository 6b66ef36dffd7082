//! Files that only their owner can read, and that are on the disk before anything goes on.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How many names are tried before it is given up that one is free.
const TRIES: usize = 10_000;

/// How many files are written at once.
const AT_ONCE: usize = 16;

/// What the names of temporary files begin with.
const TEMPORARY: &str = ".attune-";

/// How old a temporary file is, at least, that an earlier version left, which holds no lock on them.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// Writes a file, in place of one that is there: at no time is there half of it. A link that is there is replaced, and not
/// followed.
///
/// # Errors
/// Those of the file system.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = directory_of(path);
    make_private(dir)?;
    put(path, bytes)?;
    sync_directory(dir)
}

/// Writes files of one directory, each as [`replace`] does. A disk is asked for several at once: it is slow to say that it
/// has one, and no slower to say that it has many.
///
/// # Errors
/// Those of the file system, with the file; some of the others may be there then.
pub fn replace_all(dir: &Path, files: &[(PathBuf, &[u8])]) -> Result<(), (PathBuf, io::Error)> {
    if files.is_empty() {
        return Ok(());
    }
    let of_dir = |error| (dir.to_owned(), error);
    make_private(dir).map_err(of_dir)?;
    let some = |files: &[(PathBuf, &[u8])]| {
        files.iter().try_for_each(|(path, bytes)| put(path, bytes).map_err(|error| (path.clone(), error)))
    };
    std::thread::scope(|scope| {
        let chunks = files.chunks(files.len().div_ceil(AT_ONCE));
        let threads: Vec<_> = chunks.map(|chunk| scope.spawn(move || some(chunk))).collect();
        let panicked = || Err(of_dir(io::Error::other("a thread that writes ended early")));
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| panicked()))
    })?;
    sync_directory(dir).map_err(of_dir)
}

/// Writes a file whole and moves it to its place; that its name is on the disk is another matter.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = Temporary::create(directory_of(path), TEMPORARY, ".tmp")?;
    file.file.write_all(bytes)?;
    file.file.sync_all()?;
    file.persist(path)
}

/// A file under a name of its own, for its owner alone, and gone when this is dropped. It is locked as long as it is in
/// use, so that another run can tell one that was left behind.
#[derive(Debug)]
pub struct Temporary {
    file: File,
    path: PathBuf,
    /// Whether it is to stay.
    kept: bool,
}

impl Temporary {
    /// Creates one, with a name that begins and ends so.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn create(dir: &Path, prefix: &str, suffix: &str) -> io::Result<Self> {
        for _ in 0..TRIES {
            let path = here(dir).join(format!("{prefix}{:016x}{suffix}", fastrand::u64(..)));
            let file = match private().open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            // Some file systems have no locks: there, a file that is left behind stays.
            let _ = file.lock();
            let temporary = Self { file, path, kept: false };
            // Another run may have taken it for one that was left behind, before it was locked.
            if !temporary.is_removed() {
                return Ok(temporary);
            }
        }
        Err(io::Error::new(ErrorKind::AlreadyExists, "all names are taken"))
    }

    /// The file, to be written to.
    #[must_use]
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// Moves it to its place, where it replaces what is there.
    ///
    /// # Errors
    /// Those of the file system; it is gone then.
    pub fn persist(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.kept = true;
        Ok(())
    }

    /// Gives it the first of these names that is free, counted from 1; where the file system cannot, its own stays.
    pub(super) fn persist_as(mut self, dir: &Path, name: impl Fn(usize) -> String) -> PathBuf {
        self.kept = true;
        for n in 1..=TRIES {
            let path = dir.join(name(n));
            match fs::hard_link(&self.path, &path) {
                Ok(()) => {
                    self.kept = false;
                    return path;
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(_) => break,
            }
        }
        self.path.clone()
    }

    /// Whether somebody has removed it: what is written to it then is nowhere.
    #[cfg(unix)]
    pub(super) fn is_removed(&self) -> bool {
        self.file.metadata().is_ok_and(|found| std::os::unix::fs::MetadataExt::nlink(&found) == 0)
    }

    /// Whether somebody has removed it.
    #[cfg(not(unix))]
    pub(super) fn is_removed(&self) -> bool {
        false
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Takes away the temporary files that runs left which were killed: only those that are surely attune's and that no run
/// has in use. An emergency file goes only where nothing is in it.
pub fn clean(dir: &Path) {
    for entry in fs::read_dir(here(dir)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(leftover) = name.to_str().and_then(Leftover::of) else { continue };
        if entry.metadata().is_ok_and(|found| found.is_file()) {
            let _ = leftover.remove(&entry.path());
        }
    }
}

/// A file that a run may have left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leftover {
    /// A temporary file, which is locked while it is in use.
    Temporary,
    /// One of an earlier version, which is not.
    Older,
    /// An emergency file: it stays if something is in it.
    Emergency,
}

impl Leftover {
    fn of(name: &str) -> Option<Self> {
        let digits = |text: &str| text.len() == 16 && text.chars().all(|c| c.is_ascii_hexdigit());
        if let Some(rest) = name.strip_prefix(TEMPORARY) {
            let middle = [".tmp", ".probe"].iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest);
            let older = middle.len() == 6 && middle.chars().all(|c| c.is_ascii_alphanumeric());
            return if digits(middle) { Some(Self::Temporary) } else { older.then_some(Self::Older) };
        }
        let middle = name.strip_prefix(EMERGENCY)?.split('.').next()?;
        digits(middle).then_some(Self::Emergency)
    }

    fn remove(self, path: &Path) -> io::Result<()> {
        let file = without_links(OpenOptions::new().read(true)).open(path)?;
        let found = file.metadata()?;
        let goes = match self {
            Self::Temporary => true,
            Self::Older => SystemTime::now().duration_since(found.modified()?).is_ok_and(|age| age > ABANDONED),
            Self::Emergency => found.len() == 0,
        };
        match file.try_lock() {
            Ok(()) if goes => fs::remove_file(path),
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// What the names of emergency files begin with.
pub const EMERGENCY: &str = "emergency-";

/// Opens a file to add to its end; makes it where there is none. A link is not followed, and anything but a file is an error.
///
/// # Errors
/// Those of the file system.
pub fn append(path: &Path) -> io::Result<File> {
    make_private(directory_of(path))?;
    let mut options = private();
    let file = without_links(options.create_new(false).create(true).append(true)).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
}

/// Opens a file to read it. A link is not followed, and anything but a file is an error.
///
/// # Errors
/// Those of the file system.
pub fn open(path: &Path) -> io::Result<File> {
    let file = without_links(OpenOptions::new().read(true)).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
}

/// Makes the directory if it is not there, and tries to write a file in it.
pub(super) fn writable(dir: &Path) -> io::Result<()> {
    own_directory(dir)?;
    clean(dir);
    let mut probe = Temporary::create(dir, TEMPORARY, ".probe")?;
    probe.file.write_all(b"attune")?;
    probe.file.sync_all()
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The same options, by which no link is followed, and nothing is waited for.
#[cfg(unix)]
fn without_links(options: &mut OpenOptions) -> &mut OpenOptions {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags)
}

#[cfg(not(unix))]
fn without_links(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Makes a directory and those above it, each for its owner alone; one that is there stays as it is.
fn make_private(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(here(dir))
}

/// Makes a directory for what must not get into a repository: the state directory, and those of secrets. A new one says so
/// to Git (`.gitignore`). One that is there stays as it is; a link is an error, since a proposal could bring one.
///
/// # Errors
/// Those of the file system.
pub fn own_directory(dir: &Path) -> io::Result<()> {
    // Behind a slash at its end, a link would be followed.
    let plain: PathBuf = here(dir).components().collect();
    if plain.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        return Err(io::Error::other("it is a link; name the directory that it leads to"));
    }
    make_private(&plain)?;
    if plain.file_name().is_some() && fs::read_dir(&plain)?.next().is_none() {
        put(&plain.join(".gitignore"), b"*\n")?;
    }
    Ok(())
}

/// The name of a file is on the disk only when its directory is.
fn sync_directory(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(here(dir))?.sync_all() } else { Ok(()) }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// The directory to open for this path: the empty path is this directory.
#[must_use]
pub fn here(dir: &Path) -> &Path {
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
    fn what_a_killed_run_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let write = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
        for name in
            [".attune-0123456789abcdef.tmp", ".attune-0123456789abcdef.probe", "emergency-0123456789abcdef.json"]
        {
            write(name, "");
        }
        write(".attune-fedcba9876543210.tmp", "half");
        write(".attune-AbC123", "an old one");
        let old = SystemTime::now() - 2 * ABANDONED;
        File::options().write(true).open(dir.join(".attune-AbC123")).unwrap().set_modified(old).unwrap();
        let stay = [
            ".attune-AbC124.probe",
            ".attune-notes.txt",
            "emergency-bob-1.json",
            "emergency-fedcba9876543210.json.age",
            "journal-0123456789abcdef.jsonl",
        ];
        stay.iter().for_each(|name| write(name, "x"));
        let in_use = Temporary::create(dir, TEMPORARY, ".tmp").unwrap();
        std::os::unix::fs::symlink(dir.join("emergency-bob-1.json"), dir.join(".attune-aaaaaaaaaaaaaaaa.tmp")).unwrap();
        clean(dir);
        let mut expected: Vec<String> = stay.iter().map(ToString::to_string).collect();
        expected.push(in_use.path.file_name().unwrap().to_str().unwrap().to_owned());
        expected.push(".attune-aaaaaaaaaaaaaaaa.tmp".to_owned());
        expected.sort();
        assert_eq!(names(dir), expected);
        drop(in_use);
        assert_eq!(names(dir).len(), expected.len() - 1);
    }

    #[test]
    fn a_new_directory_is_kept_out_of_git_and_a_link_is_not_taken() {
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
    fn nothing_is_written_through_a_link_and_a_pipe_is_no_file() {
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
