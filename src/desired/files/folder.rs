//! Opens and reads files without following symbolic links.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, AtFlags, CWD, Dir, Mode, OFlags};
use rustix::io::Errno;

/// The maximum size of a file in bytes. A cluster takes policies of 20 KiB; a configuration of 1 000 policies and
/// 10 000 users has about 1 MiB.
pub const LARGEST: u64 = 16 << 20;

/// The maximum number of directory entries that all patterns of a configuration walk through.
pub(super) const MAX_ENTRIES: usize = 50_000;

/// The maximum number of directory levels that `**` walks down.
pub(super) const MAX_DEPTH: usize = 64;

/// The reason why attune does not read or write a file.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// The path or a symbolic link leads out of the boundary.
    #[error("it is outside the repository")]
    Outside,
    /// The path has a name such as `.git` or `.env`.
    #[error("a name in its path starts with a dot; such files often have secrets")]
    Hidden,
    /// A directory, a named pipe, a device, a socket.
    #[error("it is not a regular file")]
    NotRegular,
    /// Larger than [`LARGEST`].
    #[error("it is larger than {} MiB", LARGEST >> 20)]
    TooLarge,
    /// A pattern walks through too many directories.
    #[error("the pattern walks through more than {} entries or {} levels of directories", MAX_ENTRIES, MAX_DEPTH)]
    TooMany,
    /// Standard input can be read only once.
    #[error("another argument has read it; only one may be `-`")]
    StdinTaken,
    /// The file to write is a symbolic link, or its path has one.
    #[error("it is a symbolic link or its path has one, and attune does not write through links")]
    Link,
    /// The file to write has no permission to be written.
    #[error("it is read-only")]
    ReadOnly,
    /// The file to write is not what was read.
    #[error("it was changed in the meantime")]
    Changed,
    /// Text in another encoding, as editors and shells of Windows write it.
    #[error("it is UTF-16 text, and attune reads only UTF-8")]
    Utf16,
    /// The system reports an error.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FileProblem {
    /// What to do next.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Outside => {
                "put the file below the Git top level, or without Git below the directory of the main file; a symbolic link counts \
                 as its target"
            }
            Self::Hidden => "move the file to a path without such a name; only the path of the main file may have one",
            Self::NotRegular => "use a regular file; only the main file can be a pipe: `--file -`",
            Self::TooLarge => "split it into several files, and `include` them",
            Self::TooMany => "start the pattern with the directory of the files, such as `teams/*.toml`",
            Self::StdinTaken => "name a file",
            Self::Link => "use the path of the file itself",
            Self::ReadOnly => "make it writable with `chmod u+w`, if it is yours to change",
            Self::Changed => "run the command again",
            Self::Utf16 => "save it as UTF-8 without a byte order mark",
            Self::Io(_) => "paths are relative to the file with the path",
        }
    }
}

/// Reads a file that the command line or a trusted setting names. It may be anywhere, and a link.
pub fn read_trusted(path: &Path) -> Result<String, FileProblem> {
    if is_stream(path) {
        return text_of(File::open(path)?);
    }
    let file = OpenOptions::new().read(true).custom_flags(NONBLOCK).open(path)?;
    regular(&file)?;
    text_of(file)
}

pub(super) fn is_stream(path: &Path) -> bool {
    path == Path::new("/dev/stdin") || path.parent() == Some(Path::new("/dev/fd"))
}

pub(super) fn text_of(file: impl Read) -> Result<String, FileProblem> {
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if read as u64 > LARGEST {
        return Err(FileProblem::TooLarge);
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(FileProblem::Utf16);
    }
    let no_text = |_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8");
    Ok(String::from_utf8(bytes).map_err(no_text)?)
}

fn regular(file: &File) -> Result<(), FileProblem> {
    if file.metadata()?.is_file() { Ok(()) } else { Err(FileProblem::NotRegular) }
}

const TRIES: u32 = 100;

#[cfg(any(target_os = "linux", target_os = "android"))]
const PATH_ONLY: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const PATH_ONLY: OFlags = OFlags::RDONLY;

const NONBLOCK: i32 = OFlags::NONBLOCK.bits().cast_signed();

#[derive(Debug, Clone)]
pub(crate) struct Folder(Arc<OwnedFd>);

impl Folder {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::at(CWD, path.as_os_str(), PATH_ONLY)
    }

    fn at(directory: impl AsFd, name: &OsStr, flags: OFlags) -> io::Result<Self> {
        let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(Arc::new(fs::openat(directory, name, flags, Mode::empty())?)))
    }

    pub(crate) fn link(&self, name: &OsStr) -> io::Result<Option<PathBuf>> {
        match fs::readlinkat(&*self.0, name, Vec::new()) {
            Ok(target) => Ok(Some(OsString::from_vec(target.into_bytes()).into())),
            Err(Errno::INVAL | Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn has(&self, name: &OsStr) -> bool {
        fs::statat(&*self.0, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    pub(crate) fn folder(&self, name: &OsStr) -> io::Result<Self> {
        Self::at(&*self.0, name, PATH_ONLY | OFlags::NOFOLLOW)
    }

    /// Opens a regular file. A named pipe is an error; the call never blocks on it.
    pub(super) fn file(&self, name: &OsStr) -> Result<File, FileProblem> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = File::from(fs::openat(&*self.0, name, flags, Mode::empty()).map_err(io::Error::from)?);
        regular(&file)?;
        Ok(file)
    }

    /// At most so many names in it, in no order.
    pub(crate) fn names(&self, most: usize) -> io::Result<Vec<OsString>> {
        let listed = Self::at(&*self.0, OsStr::new("."), OFlags::RDONLY)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&*listed.0)?.take(most.saturating_add(2)) {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        Ok(names)
    }

    /// Replaces an existing file, and keeps its permissions.
    pub(crate) fn replace(&self, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
        let mode = Mode::from_raw_mode(fs::statat(&*self.0, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode);
        let (temporary, file) = self.temporary()?;
        let written = write(file, bytes, mode).and_then(|()| Ok(fs::renameat(&*self.0, &temporary, &*self.0, name)?));
        if written.is_err() {
            let _ = fs::unlinkat(&*self.0, &temporary, AtFlags::empty());
        }
        written?;
        Ok(fs::fsync(&*Self::at(&*self.0, OsStr::new("."), OFlags::RDONLY)?.0)?)
    }

    fn temporary(&self) -> io::Result<(OsString, File)> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for attempt in 0..TRIES {
            let name = OsString::from(format!(".attune-{}-{attempt}.tmp", std::process::id()));
            match fs::openat(&*self.0, &name, flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => return Ok((name, file.into())),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

fn write(mut file: File, bytes: &[u8], mode: Mode) -> io::Result<()> {
    file.write_all(bytes)?;
    fs::fchmod(&file, mode)?;
    file.sync_all()
}
