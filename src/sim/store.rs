//! Storage of a cluster state: in a file that other processes may change too, or in memory.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::sim::document::check_json;
use crate::sim::error::SimError;
use crate::sim::state::ClusterState;

/// The state of a simulated cluster, with one change at a time.
#[derive(Debug)]
pub(crate) struct Store {
    /// None: the state is in memory only.
    file: Option<StateFile>,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    /// The content of the file that `state` was read from.
    text: Vec<u8>,
    state: Arc<ClusterState>,
    /// The number of changes through this store.
    changes: u64,
}

/// One change of the state.
#[derive(Debug, Clone)]
pub struct StateChange {
    /// Its number among the changes through this store, from 1.
    pub number: u64,
    /// The state before.
    pub before: Arc<ClusterState>,
    /// The state after.
    pub after: Arc<ClusterState>,
}

/// Reads a state file, and changes nothing.
///
/// # Errors
/// The file cannot be read, or describes no cluster.
pub fn read_state(path: &Path) -> Result<ClusterState, SimError> {
    let file = StateFile { path: path.to_owned(), name: None };
    file.parse(&file.read()?)
}

impl Store {
    /// Opens a state file and applies `adjust` to it. A missing file starts as a new cluster. A cluster without a name gets
    /// `name`.
    pub(crate) fn open(
        path: &Path,
        name: Option<&str>,
        adjust: impl FnOnce(ClusterState) -> ClusterState,
    ) -> Result<Self, SimError> {
        // Following a link once makes a save replace the file and not the link.
        let path = fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned());
        let file = StateFile { path, name: name.map(str::to_owned) };
        let _lock = file.lock()?;
        let exists = file.path.try_exists().map_err(|error| file.unreadable(&error))?;
        let found = if exists { Some(file.parse(&file.read()?)?) } else { None };
        let state = file.complete(adjust(found.clone().unwrap_or_default()))?;
        let text = if found.as_ref() == Some(&state) { file.read()? } else { file.save(&state)? };
        Ok(Self { file: Some(file), now: Mutex::new(Now { text, state: Arc::new(state), changes: 0 }) })
    }

    pub(crate) fn in_memory(state: ClusterState) -> Self {
        Self { file: None, now: Mutex::new(Now { text: Vec::new(), state: Arc::new(state), changes: 0 }) }
    }

    /// The current state. Blocks while a change is saved.
    pub(crate) fn read(&self) -> Result<Arc<ClusterState>, SimError> {
        Ok(Arc::clone(&self.refreshed()?.state))
    }

    /// Changes the state, while nobody else does. If `change` refuses, nothing changes. Returns the change, if the state is now
    /// different.
    pub(crate) fn change<T, E: From<SimError>>(
        &self,
        change: impl FnOnce(&mut ClusterState) -> Result<T, E>,
    ) -> Result<(T, Option<StateChange>), E> {
        let _lock = self.file.as_ref().map(StateFile::lock).transpose()?;
        let mut now = self.refreshed()?;
        let mut after = ClusterState::clone(&now.state);
        let value = change(&mut after)?;
        if after == *now.state {
            return Ok((value, None));
        }
        if let Some(file) = &self.file {
            now.text = file.save(&after)?;
        }
        let before = std::mem::replace(&mut now.state, Arc::new(after));
        now.changes += 1;
        let (number, after) = (now.changes, Arc::clone(&now.state));
        Ok((value, Some(StateChange { number, before, after })))
    }

    /// The state, read again if the file has changed.
    fn refreshed(&self) -> Result<MutexGuard<'_, Now>, SimError> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &self.file {
            let text = file.read()?;
            if text != now.text {
                now.state = Arc::new(file.parse(&text)?);
                now.text = text;
            }
        }
        Ok(now)
    }
}

#[derive(Debug)]
struct StateFile {
    path: PathBuf,
    /// The name of a cluster whose state has none.
    name: Option<String>,
}

impl StateFile {
    fn error(&self, what: fmt::Arguments<'_>) -> SimError {
        SimError(format!("the state file `{}` {what}", self.path.display()))
    }

    fn unreadable(&self, error: &dyn fmt::Display) -> SimError {
        self.error(format_args!("cannot be read: {error}"))
    }

    fn unwritable(&self, error: &io::Error) -> SimError {
        self.error(format_args!("cannot be written: {error}; its directory must exist and be writable"))
    }

    fn read(&self) -> Result<Vec<u8>, SimError> {
        fs::read(&self.path).map_err(|error| self.unreadable(&error))
    }

    fn parse(&self, text: &[u8]) -> Result<ClusterState, SimError> {
        let text = std::str::from_utf8(text).map_err(|error| self.unreadable(&error))?;
        let state = check_json(text).and_then(|()| serde_json::from_str::<ClusterState>(text));
        let fix = "fix it, or remove it to start again";
        let wrong = |error| self.error(format_args!("is not a state of the simulator: {error}; {fix}"));
        self.complete(state.map_err(wrong)?)
    }

    fn complete(&self, state: ClusterState) -> Result<ClusterState, SimError> {
        let state = match &self.name {
            Some(name) => state.named(name),
            None => state,
        };
        state.complete().map_err(|error| self.error(format_args!("describes no cluster: {error}")))
    }

    /// Writes a temporary file and renames it, so that a reader sees the old state or the new one. Returns the text. After
    /// a crash of the machine (not of the process), the last changes may be lost.
    fn save(&self, state: &ClusterState) -> Result<Vec<u8>, SimError> {
        let write = || -> io::Result<_> {
            let mut text = serde_json::to_vec_pretty(state)?;
            text.push(b'\n');
            // Git ignores this suffix, in case the process dies here.
            let mut file =
                tempfile::Builder::new().prefix(&self.beside("")).suffix(".lock.tmp").tempfile_in(self.directory())?;
            file.write_all(&text)?;
            file.persist(&self.path)?;
            Ok(text)
        };
        write().map_err(|error| self.unwritable(&error))
    }

    /// Waits until nobody else changes the state. Nobody else does until the returned file is closed.
    fn lock(&self) -> Result<File, SimError> {
        let lock = || -> io::Result<File> {
            let path = self.directory().join(self.beside(".lock"));
            let file = File::options().create(true).truncate(false).write(true).open(path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|error| self.unwritable(&error))
    }

    fn directory(&self) -> &Path {
        self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    fn beside(&self, suffix: &str) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        format!(".{name}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::operations::Refusal;

    fn open(path: &Path) -> Result<Store, SimError> {
        Store::open(path, None, |state| state)
    }

    /// A new state file. The directory goes with the guard.
    fn new_file() -> (tempfile::TempDir, PathBuf, Store) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let store = open(&path).unwrap();
        (folder, path, store)
    }

    fn rename(state: &mut ClusterState, name: &str) -> Result<(), SimError> {
        name.clone_into(&mut state.name);
        Ok(())
    }

    #[test]
    fn a_missing_file_is_created_and_contains_every_change() {
        let (folder, path, store) = new_file();
        store.change(|state| rename(state, "peter")).unwrap();
        assert_eq!(open(&path).unwrap().read().unwrap().name, "peter");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "the state and its lock: {left:?}");
    }

    #[test]
    fn a_change_in_memory_is_reported_as_in_a_file() {
        let (_folder, _, file) = new_file();
        for store in [file, Store::in_memory(ClusterState::default().complete().unwrap())] {
            assert!(store.change(|state| rename(state, "stewie")).unwrap().1.is_none(), "it has that name");
            let refused = store.change(|state| {
                rename(state, "meg")?;
                Err::<(), _>(Refusal::Unauthorized)
            });
            assert!(refused.is_err() && store.read().unwrap().name == "stewie");
            for (number, name) in [(1, "peter"), (2, "lois")] {
                let before = store.read().unwrap();
                let change = store.change(|state| rename(state, name)).unwrap().1.unwrap();
                assert_eq!((change.number, &change.before, change.after.name.as_str()), (number, &before, name));
                assert_eq!(store.read().unwrap(), change.after);
            }
        }
    }

    #[test]
    fn a_manual_change_is_seen_immediately_and_with_the_same_length() {
        let (_folder, path, store) = new_file();
        for name in ["stew1e", "stew2e", "stew3e"] {
            let text = fs::read_to_string(&path).unwrap();
            let old = store.read().unwrap().name.clone();
            fs::write(&path, text.replace(&format!("\"{old}\""), &format!("\"{name}\""))).unwrap();
            assert_eq!(store.read().unwrap().name, name);
        }
    }

    #[test]
    fn concurrent_changes_of_two_stores_are_all_saved_and_numbered() {
        let (_folder, path, store) = new_file();
        let stores = [store, open(&path).unwrap()];
        let one = |store: &Store| {
            let made = store.change(|state| Ok::<_, SimError>(state.next_serial())).unwrap().1.unwrap();
            // A change that counts as done is in the file.
            let saved: ClusterState = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            assert!(saved.serial >= made.after.serial && made.after.serial == made.before.serial + 1);
            made.number
        };
        std::thread::scope(|scope| {
            for store in &stores {
                let run = || {
                    let changes: Vec<_> = (0..40).map(|_| scope.spawn(|| one(store))).collect();
                    let mut numbers: Vec<u64> = changes.into_iter().map(|change| change.join().unwrap()).collect();
                    numbers.sort_unstable();
                    assert!(numbers.into_iter().eq(1..=40));
                };
                scope.spawn(run);
            }
        });
        assert_eq!(stores[0].read().unwrap().serial, 80);
    }

    #[test]
    fn an_invalid_or_missing_file_is_an_error_until_it_is_restored() {
        let (_folder, path, store) = new_file();
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, "{\n  \"nmae\": 1\n}").unwrap();
        let error = store.read().unwrap_err().to_string();
        assert!(error.contains("unknown field `nmae`") && error.contains("line 2"), "{error}");
        fs::write(&path, r#"{"name":"a","name":"b"}"#).unwrap();
        assert!(store.read().unwrap_err().to_string().contains("`name` is there twice"));
        fs::remove_file(&path).unwrap();
        assert!(store.read().unwrap_err().to_string().contains("cannot be read"));
        assert!(store.change(|state| rename(state, "x")).is_err(), "it is not created again while a client uses it");
        fs::write(&path, good).unwrap();
        store.change(|state| rename(state, "peter")).unwrap();
        assert_eq!(store.read().unwrap().name, "peter");
    }
}
