//! The state file: read when it changed, changed under a lock, saved whole or not at all.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::StoreError;
use crate::sim::json;
use crate::sim::state::{State, StateProblem};

/// How old a file's time must be before an unchanged time means an unchanged file: clocks of file systems move in
/// steps of some milliseconds, and a second write within one step leaves no trace in the time.
const SETTLED: Duration = Duration::from_millis(100);

/// A file that holds a state. Several processes may share one.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// Whether what is saved is on the disk before a change counts as done.
    durable: bool,
    cache: Mutex<Option<Cached>>,
}

/// Keeps all others from changing a state, while it lives.
#[derive(Debug)]
pub(super) struct Held {
    _lock: File,
}

/// A state as it was read, and how to see whether the file is still that one.
#[derive(Debug)]
struct Cached {
    stamp: Stamp,
    /// Whether the stamp was old enough, when it was taken, to be trusted.
    settled: bool,
    text: Vec<u8>,
    state: Arc<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl StateFile {
    /// Opens a state file; one that is not there is begun with `fresh`. `adjust` is applied to what is found.
    pub(super) fn open(
        path: &Path,
        durable: bool,
        fresh: impl FnOnce() -> Result<State, StateProblem>,
        adjust: impl FnOnce(State) -> State,
    ) -> Result<Self, StoreError> {
        // A link is followed once, so that saving replaces the file and not the link to it.
        let path = fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned());
        let store = Self { path, durable, cache: Mutex::new(None) };
        let invalid = |source| StoreError::Invalid { path: store.path.clone(), source };
        let _held = store.lock()?;
        match store.path.try_exists() {
            Ok(false) => {
                store.save(Arc::new(fresh().map_err(invalid)?))?;
            }
            Ok(true) => {
                let found = store.read()?;
                let adjusted = adjust(State::clone(&found)).complete().map_err(invalid)?;
                if adjusted != *found {
                    store.save(Arc::new(adjusted))?;
                }
            }
            Err(source) => return Err(StoreError::Read { path: store.path.clone(), source }),
        }
        Ok(store)
    }

    /// The state as the file has it now.
    pub(super) fn read(&self) -> Result<Arc<State>, StoreError> {
        let unreadable = |source| StoreError::Read { path: self.path.clone(), source };
        let stamp = Stamp::of(&fs::metadata(&self.path).map_err(unreadable)?);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cache.as_ref().filter(|cached| cached.settled && cached.stamp == stamp) {
            return Ok(Arc::clone(&cached.state));
        }
        if let Some(cached) = cache.as_mut().filter(|cached| cached.stamp.length == stamp.length) {
            // A file that was written a moment ago may be another one with the same time, but seldom is.
            if holds(&self.path, &cached.text).map_err(unreadable)? {
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

    fn parse(&self, text: &[u8]) -> Result<State, StoreError> {
        let text = std::str::from_utf8(text).map_err(|error| StoreError::Read {
            path: self.path.clone(),
            source: io::Error::new(io::ErrorKind::InvalidData, error),
        })?;
        let read = || {
            json::check(text)?;
            serde_json::from_str::<State>(text)
        };
        let state = read().map_err(|source| StoreError::Parse { path: self.path.clone(), source })?;
        state.complete().map_err(|source| StoreError::Invalid { path: self.path.clone(), source })
    }

    /// Writes a file beside the state and moves it over the state, so that a reader sees the old or the new one.
    pub(super) fn save(&self, state: Arc<State>) -> Result<(), StoreError> {
        let mut text = serde_json::to_vec_pretty(&*state)
            .map_err(|source| StoreError::Parse { path: self.path.clone(), source })?;
        text.push(b'\n');
        let write = || -> io::Result<_> {
            // The suffix is ignored by git, should a process die here.
            let mut file =
                tempfile::Builder::new().prefix(&self.beside("")).suffix(".lock.tmp").tempfile_in(self.directory())?;
            file.write_all(&text)?;
            if self.durable {
                file.as_file().sync_all()?;
            }
            let stamp = Stamp::of(&file.as_file().metadata()?);
            // Who reads meanwhile waits for what is in the file by now, and need not read it.
            let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            file.persist(&self.path)?;
            Ok((stamp, cache))
        };
        let (stamp, mut cache) = write().map_err(|source| StoreError::Write { path: self.path.clone(), source })?;
        *cache = Some(Cached { stamp, settled: stamp.is_settled(), text, state });
        Ok(())
    }

    /// Waits until no other process (nor another store in this one) is changing the state.
    pub(super) fn lock(&self) -> Result<Held, StoreError> {
        let lock = || -> io::Result<Held> {
            let path = self.directory().join(self.beside(".lock"));
            let file = File::options().create(true).truncate(false).write(true).open(path)?;
            file.lock()?;
            Ok(Held { _lock: file })
        };
        lock().map_err(|source| StoreError::Write { path: self.path.clone(), source })
    }

    fn directory(&self) -> &Path {
        self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// The name of a hidden file beside the state file.
    fn beside(&self, suffix: &str) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        format!(".{name}{suffix}")
    }
}

/// Whether a file holds exactly this.
fn holds(path: &Path, text: &[u8]) -> io::Result<bool> {
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

impl Stamp {
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
