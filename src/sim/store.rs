//! The state file: read when it changed, changed under a lock, saved whole or not at all.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::json;
use super::state::{State, StateProblem};

/// How old a file's time must be before an unchanged time means an unchanged file: clocks of file systems move in
/// steps of some milliseconds, and a second write within one step leaves no trace in the time.
const SETTLED: Duration = Duration::from_millis(100);

/// Where the state of a simulated cluster is kept. Several processes may share one file.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    cache: Mutex<Option<Cached>>,
}

/// The state file cannot be read, changed or written.
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
    #[error("the state file `{path}` is not a state of the simulator: {source}; mend it, or remove it to begin anew")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// The file describes what no cluster can be.
    #[error("the state file `{path}` describes no cluster: {source}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What cannot be.
        source: StateProblem,
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

/// A state as it was read, and how to see whether the file is still that one.
#[derive(Debug)]
struct Cached {
    stamp: Stamp,
    /// Whether the stamp was old enough, when it was taken, to be trusted.
    settled: bool,
    text: String,
    state: Arc<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Store {
    /// Opens the state file; one that is not there is begun with `fresh`. `adjust` is applied to what is found.
    ///
    /// # Errors
    /// The file is there and is not a state, or cannot be written.
    pub fn open(
        path: &Path,
        fresh: impl FnOnce() -> Result<State, StateProblem>,
        adjust: impl FnOnce(State) -> State,
    ) -> Result<Self, StoreError> {
        // A link is followed once, so that saving replaces the file and not the link to it.
        let path = fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned());
        let store = Self { path, cache: Mutex::new(None) };
        let invalid = |source| StoreError::Invalid { path: store.path.clone(), source };
        let _held = store.lock()?;
        match store.path.try_exists() {
            Ok(false) => store.save(fresh().map_err(invalid)?)?,
            Ok(true) => {
                let found = store.read()?;
                let adjusted = adjust(State::clone(&found)).complete().map_err(invalid)?;
                if adjusted != *found {
                    store.save(adjusted)?;
                }
            }
            Err(source) => return Err(StoreError::Read { path: store.path.clone(), source }),
        }
        Ok(store)
    }

    /// The state as the file has it now.
    ///
    /// # Errors
    /// The file vanished, or is not a state any more.
    pub fn read(&self) -> Result<Arc<State>, StoreError> {
        let unreadable = |source| StoreError::Read { path: self.path.clone(), source };
        let stamp = Stamp::of(&fs::metadata(&self.path).map_err(unreadable)?);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cache.as_ref().filter(|cached| cached.settled && cached.stamp == stamp) {
            return Ok(Arc::clone(&cached.state));
        }
        let text = fs::read_to_string(&self.path).map_err(unreadable)?;
        let state = match cache.take() {
            Some(cached) if cached.text == text => cached.state,
            Some(_) | None => Arc::new(self.parse(&text)?),
        };
        *cache = Some(Cached { stamp, settled: stamp.is_settled(), text, state: Arc::clone(&state) });
        Ok(state)
    }

    /// Changes the state: no other process changes it meanwhile, and what `change` refuses leaves no trace.
    ///
    /// # Errors
    /// What `change` refuses with; or the file cannot be read or written.
    pub fn change<T, E: From<StoreError>>(&self, change: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        let _held = self.lock()?;
        let before = self.read()?;
        let mut after = State::clone(&before);
        let done = change(&mut after)?;
        if after != *before {
            self.save(after)?;
        }
        Ok(done)
    }

    fn parse(&self, text: &str) -> Result<State, StoreError> {
        let read = || {
            json::check(text)?;
            serde_json::from_str::<State>(text)
        };
        let state = read().map_err(|source| StoreError::Parse { path: self.path.clone(), source })?;
        state.complete().map_err(|source| StoreError::Invalid { path: self.path.clone(), source })
    }

    /// Writes a file beside the state and moves it over the state, so that a reader sees the old or the new one.
    fn save(&self, state: State) -> Result<(), StoreError> {
        let mut text = serde_json::to_string_pretty(&state)
            .map_err(|source| StoreError::Parse { path: self.path.clone(), source })?;
        text.push('\n');
        let write = || -> io::Result<Stamp> {
            // The suffix is ignored by git, should a process die here.
            let mut file =
                tempfile::Builder::new().prefix(&self.beside("")).suffix(".lock.tmp").tempfile_in(self.directory())?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            let stamp = Stamp::of(&file.as_file().metadata()?);
            file.persist(&self.path)?;
            Ok(stamp)
        };
        let stamp = write().map_err(|source| StoreError::Write { path: self.path.clone(), source })?;
        let saved = Cached { stamp, settled: stamp.is_settled(), text, state: Arc::new(state) };
        *self.cache.lock().unwrap_or_else(PoisonError::into_inner) = Some(saved);
        Ok(())
    }

    /// Waits until no other process (nor another store in this one) is changing the state. Held while the file lives.
    fn lock(&self) -> Result<File, StoreError> {
        let lock = || -> io::Result<File> {
            let path = self.directory().join(self.beside(".lock"));
            let file = File::options().create(true).truncate(false).write(true).open(path)?;
            file.lock()?;
            Ok(file)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::release::SimRelease;

    fn open(path: &Path) -> Result<Store, StoreError> {
        Store::open(path, || State::fresh(SimRelease::default()), |state| state)
    }

    fn rename(state: &mut State, name: &str) -> Result<(), StoreError> {
        name.clone_into(&mut state.name);
        Ok(())
    }

    #[test]
    fn a_file_that_is_not_there_is_begun_and_every_change_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let store = open(&path).unwrap();
        store.change(|state| rename(state, "peter")).unwrap();
        assert_eq!(open(&path).unwrap().read().unwrap().name, "peter");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "the state and its lock: {left:?}");
    }

    #[test]
    fn a_change_by_hand_is_seen_even_at_once_and_with_the_same_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let store = open(&path).unwrap();
        for name in ["stew1e", "stew2e", "stew3e"] {
            let text = fs::read_to_string(&path).unwrap();
            let old = store.read().unwrap().name.clone();
            fs::write(&path, text.replace(&format!("\"{old}\""), &format!("\"{name}\""))).unwrap();
            assert_eq!(store.read().unwrap().name, name);
        }
    }

    #[test]
    fn two_stores_of_one_file_lose_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let stores = [open(&path).unwrap(), open(&path).unwrap()];
        std::thread::scope(|scope| {
            for store in &stores {
                scope.spawn(move || {
                    for _ in 0..20 {
                        store.change(|state| Ok::<_, StoreError>(state.next_serial())).unwrap();
                    }
                });
            }
        });
        assert_eq!(stores[0].read().unwrap().serial, 40);
    }

    #[test]
    fn a_broken_or_vanished_file_is_an_error_and_heals() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let store = open(&path).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, "{\n  \"nmae\": 1\n}").unwrap();
        let error = store.read().unwrap_err().to_string();
        assert!(error.contains("unknown field `nmae`") && error.contains("line 2"), "{error}");
        fs::write(&path, r#"{"name":"a","name":"b"}"#).unwrap();
        assert!(store.read().unwrap_err().to_string().contains("`name` is there twice"));
        fs::remove_file(&path).unwrap();
        assert!(matches!(store.read(), Err(StoreError::Read { .. })));
        assert!(store.change(|state| rename(state, "x")).is_err(), "it is not begun anew behind a client's back");
        fs::write(&path, good).unwrap();
        assert_eq!(store.read().unwrap().name, "stewie");
    }
}
