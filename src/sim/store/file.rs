//! The state file: read again when it changed, changed under a lock, saved completely or not at all.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::sim::document::check_json;
use crate::sim::state::{ClusterState, StateError};

/// The age from which an unchanged modification time means an unchanged file. File systems count time in steps of some
/// milliseconds, and a second write within one step does not change the time.
const SETTLED: Duration = Duration::from_millis(100);

/// The state file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be read.
    #[error("the state file `{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not a state.
    #[error("the state file `{path}` is not a state of the simulator: {source}; fix it, or remove it to start again")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// The file describes an impossible cluster.
    #[error("the state file `{path}` describes no cluster: {source}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is impossible.
        source: StateError,
    },
    /// The file or its lock cannot be written.
    #[error("the state file `{path}` cannot be written: {source}; its directory must exist and be writable")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl StoreError {
    /// A copy for another change of the same batch.
    pub(super) fn copy(&self) -> Self {
        let same = |source: &io::Error| io::Error::new(source.kind(), source.to_string());
        match self {
            Self::Read { path, source } => Self::Read { path: path.clone(), source: same(source) },
            Self::Parse { path, source } => {
                Self::Parse { path: path.clone(), source: serde_json::Error::io(io::Error::other(source.to_string())) }
            }
            Self::Invalid { path, source } => Self::Invalid { path: path.clone(), source: source.clone() },
            Self::Write { path, source } => Self::Write { path: path.clone(), source: same(source) },
        }
    }
}

/// A file with a state. Several processes may share it.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// Whether a change must be on the disk before it counts as done.
    durable: bool,
    cache: Mutex<Option<Cached>>,
}

/// Prevents all others from changing a state while it exists.
#[derive(Debug)]
pub(super) struct FileLock {
    _lock: File,
}

/// A state as it was read, and the stamp that tells whether the file is still the same.
#[derive(Debug)]
struct Cached {
    stamp: FileStamp,
    /// Whether the stamp was old enough to be trusted.
    settled: bool,
    text: Vec<u8>,
    state: Arc<ClusterState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileStamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl StateFile {
    /// Opens a state file and applies `adjust` to it. A missing file starts with `fresh`.
    pub(super) fn open(
        path: &Path,
        durable: bool,
        fresh: impl FnOnce() -> Result<ClusterState, StateError>,
        adjust: impl FnOnce(ClusterState) -> ClusterState,
    ) -> Result<Self, StoreError> {
        // Following a link once makes a save replace the file and not the link.
        let path = fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned());
        let store = Self { path, durable, cache: Mutex::new(None) };
        let invalid = |source| StoreError::Invalid { path: store.path.clone(), source };
        let _lock = store.lock()?;
        match store.path.try_exists() {
            Ok(false) => {
                store.save(Arc::new(fresh().map_err(invalid)?))?;
            }
            Ok(true) => {
                let found = store.read()?;
                let adjusted = adjust(ClusterState::clone(&found)).complete().map_err(invalid)?;
                if adjusted != *found {
                    store.save(Arc::new(adjusted))?;
                }
            }
            Err(source) => return Err(StoreError::Read { path: store.path.clone(), source }),
        }
        Ok(store)
    }

    /// The current state of the file.
    pub(super) fn read(&self) -> Result<Arc<ClusterState>, StoreError> {
        let unreadable = |source| StoreError::Read { path: self.path.clone(), source };
        let stamp = FileStamp::of(&fs::metadata(&self.path).map_err(unreadable)?);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cache.as_ref().filter(|cached| cached.settled && cached.stamp == stamp) {
            return Ok(Arc::clone(&cached.state));
        }
        if let Some(cached) = cache.as_mut().filter(|cached| cached.stamp.length == stamp.length) {
            // A file written a moment ago may have changed without a new time, but seldom has.
            if has_content(&self.path, &cached.text).map_err(unreadable)? {
                (cached.stamp, cached.settled) = (stamp, stamp.is_settled());
                return Ok(Arc::clone(&cached.state));
            }
        }
        let text = fs::read(&self.path).map_err(unreadable)?;
        let state = match cache.take() {
            Some(cached) if cached.text == text => cached.state,
            Some(_) | None => Arc::new(self.parse(&text)?),
        };
        *cache = Some(Cached { stamp, settled: stamp.is_settled(), text, state: Arc::clone(&state) });
        Ok(state)
    }

    fn parse(&self, text: &[u8]) -> Result<ClusterState, StoreError> {
        let text = std::str::from_utf8(text).map_err(|error| StoreError::Read {
            path: self.path.clone(),
            source: io::Error::new(io::ErrorKind::InvalidData, error),
        })?;
        let read = || {
            check_json(text)?;
            serde_json::from_str::<ClusterState>(text)
        };
        let state = read().map_err(|source| StoreError::Parse { path: self.path.clone(), source })?;
        state.complete().map_err(|source| StoreError::Invalid { path: self.path.clone(), source })
    }

    /// Writes a temporary file and renames it, so that a reader sees the old state or the new one.
    pub(super) fn save(&self, state: Arc<ClusterState>) -> Result<(), StoreError> {
        let mut text = serde_json::to_vec_pretty(&*state)
            .map_err(|source| StoreError::Parse { path: self.path.clone(), source })?;
        text.push(b'\n');
        let write = || -> io::Result<_> {
            // Git ignores this suffix, in case the process dies here.
            let mut file =
                tempfile::Builder::new().prefix(&self.beside("")).suffix(".lock.tmp").tempfile_in(self.directory())?;
            file.write_all(&text)?;
            if self.durable {
                file.as_file().sync_all()?;
            }
            let stamp = FileStamp::of(&file.as_file().metadata()?);
            // A concurrent reader waits for the cache, and then need not read the file.
            let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            file.persist(&self.path)?;
            Ok((stamp, cache))
        };
        let (stamp, mut cache) = write().map_err(|source| StoreError::Write { path: self.path.clone(), source })?;
        *cache = Some(Cached { stamp, settled: stamp.is_settled(), text, state });
        Ok(())
    }

    /// Waits until no other process, and no other store of this one, changes the state.
    pub(super) fn lock(&self) -> Result<FileLock, StoreError> {
        let lock = || -> io::Result<FileLock> {
            let path = self.directory().join(self.beside(".lock"));
            let file = File::options().create(true).truncate(false).write(true).open(path)?;
            file.lock()?;
            Ok(FileLock { _lock: file })
        };
        lock().map_err(|source| StoreError::Write { path: self.path.clone(), source })
    }

    fn directory(&self) -> &Path {
        self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// The name of a hidden file in the same directory.
    fn beside(&self, suffix: &str) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        format!(".{name}{suffix}")
    }
}

/// Whether a file has exactly this content.
fn has_content(path: &Path, text: &[u8]) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut piece = [0; 16 << 10];
    let mut rest = text;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(rest.is_empty());
        }
        match rest.strip_prefix(&piece[..read]) {
            Some(left) => rest = left,
            None => return Ok(false),
        }
    }
}

impl FileStamp {
    fn of(metadata: &Metadata) -> Self {
        Self { modified: metadata.modified().ok(), length: metadata.len(), inode: inode(metadata) }
    }

    fn is_settled(self) -> bool {
        self.modified.and_then(|modified| modified.elapsed().ok()).is_some_and(|age| age > SETTLED)
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}
