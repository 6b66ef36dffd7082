//! An open directory, in which names are looked up without following links.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

#[cfg(not(unix))]
pub(super) use other::Folder;
#[cfg(unix)]
pub(super) use unix::Folder;

use super::regular;

/// How many names are tried for a file that is to be put in another's place.
const TRIES: u32 = 100;

/// The name of a file that is going to replace another.
fn temporary(attempt: u32) -> OsString {
    format!(".attune-{}-{attempt}.tmp", std::process::id()).into()
}

/// Opens a file by a path that is trusted. Nobody who has the other end of a pipe is waited for.
pub(super) fn open_trusted(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, unix::NEVER_WAIT);
    options.open(path)
}

impl Folder {
    /// Opens a regular file, and never waits: a named pipe is refused.
    pub(super) fn file(&self, name: &OsStr) -> Result<File, super::FileProblem> {
        let file = self.open_file(name)?;
        regular(&file)?;
        Ok(file)
    }
}

#[cfg(unix)]
mod unix {
    use std::io::Write as _;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    use std::sync::Arc;

    use rustix::fs::{self, AtFlags, CWD, Dir, Mode, OFlags};
    use rustix::io::Errno;

    use super::{File, OsStr, OsString, Path, PathBuf, TRIES, io, temporary};

    /// Opens a directory to look up names in it, which needs no permission to list it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const LOOK_UP: OFlags = OFlags::PATH;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const LOOK_UP: OFlags = OFlags::RDONLY;

    /// The flag with which opening a pipe does not wait.
    pub(super) const NEVER_WAIT: i32 = OFlags::NONBLOCK.bits().cast_signed();

    /// An open directory.
    #[derive(Debug, Clone)]
    pub(in crate::desired::files) struct Folder(Arc<OwnedFd>);

    impl Folder {
        /// Opens a directory by a path that is trusted.
        pub(in crate::desired::files) fn open(path: &Path) -> io::Result<Self> {
            Self::at(CWD, path.as_os_str(), LOOK_UP)
        }

        fn at(directory: impl std::os::fd::AsFd, name: &OsStr, flags: OFlags) -> io::Result<Self> {
            let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
            Ok(Self(Arc::new(fs::openat(directory, name, flags, Mode::empty())?)))
        }

        /// Where a name leads to, if it is a symbolic link.
        pub(in crate::desired::files) fn link(&self, name: &OsStr) -> io::Result<Option<PathBuf>> {
            match fs::readlinkat(&*self.0, name, Vec::new()) {
                Ok(target) => Ok(Some(OsString::from_vec(target.into_bytes()).into())),
                Err(Errno::INVAL | Errno::NOENT) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }

        /// Whether there is something of that name.
        pub(in crate::desired::files) fn has(&self, name: &OsStr) -> bool {
            fs::statat(&*self.0, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
        }

        /// Opens a directory in this one.
        pub(in crate::desired::files) fn folder(&self, name: &OsStr) -> io::Result<Self> {
            Self::at(&*self.0, name, LOOK_UP | OFlags::NOFOLLOW)
        }

        /// Opens a file to read it. Nobody who has the other end of a pipe is waited for.
        pub(super) fn open_file(&self, name: &OsStr) -> io::Result<File> {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            Ok(File::from(fs::openat(&*self.0, name, flags, Mode::empty())?))
        }

        /// The names in it, at most so many, in no order.
        pub(in crate::desired::files) fn names(&self, most: usize) -> io::Result<Vec<OsString>> {
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

        /// Puts a new file in the place of one that is there, with its permissions.
        pub(in crate::desired::files) fn replace(&self, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
            let mode = Mode::from_raw_mode(fs::statat(&*self.0, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode);
            let (temporary, file) = self.temporary()?;
            let written =
                write(file, bytes, mode).and_then(|()| Ok(fs::renameat(&*self.0, &temporary, &*self.0, name)?));
            if written.is_err() {
                // It is ours: it was not there before.
                let _ = fs::unlinkat(&*self.0, &temporary, AtFlags::empty());
            }
            written?;
            Ok(fs::fsync(&*Self::at(&*self.0, OsStr::new("."), OFlags::RDONLY)?.0)?)
        }

        fn temporary(&self) -> io::Result<(OsString, File)> {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            for attempt in 0..TRIES {
                let name = temporary(attempt);
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
}

#[cfg(not(unix))]
mod other {
    use std::fs;

    use super::{File, OsStr, OsString, Path, PathBuf, TRIES, io, temporary};

    /// The path of a directory, no part of which was a link.
    #[derive(Debug, Clone)]
    pub(in crate::desired::files) struct Folder(PathBuf);

    impl Folder {
        /// Takes a directory by a path that is trusted.
        pub(in crate::desired::files) fn open(path: &Path) -> io::Result<Self> {
            Ok(Self(path.to_path_buf()))
        }

        /// Where a name leads to, if it is a symbolic link.
        pub(in crate::desired::files) fn link(&self, name: &OsStr) -> io::Result<Option<PathBuf>> {
            match self.0.join(name).symlink_metadata() {
                Ok(found) if found.is_symlink() => self.0.join(name).read_link().map(Some),
                Ok(_) => Ok(None),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        }

        /// Whether there is something of that name.
        pub(in crate::desired::files) fn has(&self, name: &OsStr) -> bool {
            self.0.join(name).symlink_metadata().is_ok()
        }

        /// A directory in this one.
        pub(in crate::desired::files) fn folder(&self, name: &OsStr) -> io::Result<Self> {
            let path = self.0.join(name);
            if path.symlink_metadata()?.is_dir() { Ok(Self(path)) } else { Err(io::ErrorKind::NotADirectory.into()) }
        }

        /// Opens a file to read it.
        pub(super) fn open_file(&self, name: &OsStr) -> io::Result<File> {
            File::open(self.0.join(name))
        }

        /// The names in it, at most so many, in no order.
        pub(in crate::desired::files) fn names(&self, most: usize) -> io::Result<Vec<OsString>> {
            fs::read_dir(&self.0)?.take(most).map(|entry| Ok(entry?.file_name())).collect()
        }

        /// Puts a new file in the place of one that is there, with its permissions.
        pub(in crate::desired::files) fn replace(&self, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
            let path = self.0.join(name);
            let free = (0..TRIES).map(|attempt| self.0.join(temporary(attempt))).find(|path| !path.exists());
            let temporary = free.ok_or(io::ErrorKind::AlreadyExists)?;
            let written = fs::write(&temporary, bytes)
                .and_then(|()| fs::set_permissions(&temporary, path.metadata()?.permissions()))
                .and_then(|()| fs::rename(&temporary, &path));
            if written.is_err() {
                let _ = fs::remove_file(&temporary);
            }
            written
        }
    }
}
