//! Files that only their owner can read, and that are on the disk before anything goes on.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// How many names are tried before it is given up that one is free.
const TRIES: usize = 10_000;

/// How many files are written at once.
const AT_ONCE: usize = 16;

/// Writes a file that is not there yet. It has its mode from the start, and is on the disk, with its name, when this
/// returns. What could not be written whole is taken away again.
///
/// # Errors
/// Those of the file system; a file that is there already is one.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = directory_of(path);
    make_private(dir)?;
    let mut file = private().open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| sync_directory(dir));
    if written.is_err() {
        // It is ours: it was not there before.
        let _ = fs::remove_file(path);
    }
    written
}

/// Writes a file, in place of one that is there: at no time is there half of it.
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
    // Such a file is for its owner alone from the start.
    let mut file = tempfile::Builder::new().prefix(".attune-").tempfile_in(here(directory_of(path)))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Opens a file to add to its end; makes it where there is none.
///
/// # Errors
/// Those of the file system.
pub fn append(path: &Path) -> io::Result<File> {
    make_private(directory_of(path))?;
    let mut options = private();
    options.create_new(false).create(true).append(true).open(path)
}

/// Writes a file under the first of these names that is free, counted from 1.
pub(super) fn first_free(dir: &Path, name: impl Fn(usize) -> String, bytes: &[u8]) -> io::Result<PathBuf> {
    for n in 1..=TRIES {
        let path = dir.join(name(n));
        match write_new(&path, bytes) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(ErrorKind::AlreadyExists, "all names are taken"))
}

/// Makes the directory if it is not there, and tries to write a file in it.
pub(super) fn writable(dir: &Path) -> io::Result<()> {
    make_private(dir)?;
    let mut probe = tempfile::Builder::new().prefix(".attune-").suffix(".probe").tempfile_in(here(dir))?;
    probe.write_all(b"attune")?;
    probe.as_file().sync_all()?;
    probe.close()
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
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
