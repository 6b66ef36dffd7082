//! Where a simulated cluster keeps its state: in a file that others may change too, or in memory.

mod file;
mod turns;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use self::file::StateFile;
use self::turns::Turns;
use super::state::{State, StateProblem};

/// The state of a simulated cluster, and who changes it when.
#[derive(Debug)]
pub struct Store {
    place: Place,
    /// How many changes were made through this store.
    changes: AtomicU64,
}

#[derive(Debug)]
enum Place {
    File(Box<StateFile>, Turns),
    Memory(Mutex<Arc<State>>),
}

/// What came of a change that was not refused.
#[derive(Debug)]
pub struct Done<T> {
    /// What the change gave.
    pub value: T,
    /// The change, when the state is another one now.
    pub changed: Option<Changed>,
}

/// One change of the state.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Which change through this store it was, from 1: the order in which they happened.
    pub number: u64,
    /// The state it found.
    pub before: Arc<State>,
    /// The state it left.
    pub after: Arc<State>,
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

impl Store {
    /// Opens a state file; one that is not there is begun with `fresh`. `adjust` is applied to what is found. Unless
    /// `durable`, a change counts as done before it is on the disk.
    ///
    /// # Errors
    /// The file is there and is not a state, or cannot be written.
    pub fn open(
        path: &Path,
        durable: bool,
        fresh: impl FnOnce() -> Result<State, StateProblem>,
        adjust: impl FnOnce(State) -> State,
    ) -> Result<Self, StoreError> {
        let file = Box::new(StateFile::open(path, durable, fresh, adjust)?);
        Ok(Self { place: Place::File(file, Turns::default()), changes: AtomicU64::new(0) })
    }

    /// Keeps a state in memory alone.
    #[must_use]
    pub fn in_memory(state: State) -> Self {
        Self { place: Place::Memory(Mutex::new(Arc::new(state))), changes: AtomicU64::new(0) }
    }

    /// Whether a change may wait, for the disk or for another process.
    #[must_use]
    pub fn waits(&self) -> bool {
        match self.place {
            Place::File(..) => true,
            Place::Memory(_) => false,
        }
    }

    /// The state as it is now.
    ///
    /// # Errors
    /// The file vanished, or is not a state any more.
    pub fn read(&self) -> Result<Arc<State>, StoreError> {
        match &self.place {
            Place::File(file, _) => file.read(),
            Place::Memory(state) => Ok(Arc::clone(&state.lock().unwrap_or_else(PoisonError::into_inner))),
        }
    }

    /// Changes the state: nobody else changes it meanwhile, and what `change` refuses leaves no trace.
    ///
    /// # Errors
    /// What `change` refuses with; or the file cannot be read or written.
    pub fn change<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Result<Done<T>, E> {
        match &self.place {
            Place::File(file, turns) => turns.take(file, |before| {
                let done = self.exchange(before, change)?;
                let after = done.changed.as_ref().map(|changed| Arc::clone(&changed.after));
                Ok((done, after))
            }),
            Place::Memory(state) => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                let done = self.exchange(&state, change)?;
                if let Some(changed) = &done.changed {
                    *state = Arc::clone(&changed.after);
                }
                Ok(done)
            }
        }
    }

    /// One change, while nobody else makes one.
    fn exchange<T, E>(
        &self,
        before: &Arc<State>,
        change: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Result<Done<T>, E> {
        let mut after = State::clone(before);
        let value = change(&mut after)?;
        if after == **before {
            return Ok(Done { value, changed: None });
        }
        let number = self.changes.fetch_add(1, Ordering::Relaxed) + 1;
        let (before, after) = (Arc::clone(before), Arc::new(after));
        Ok(Done { value, changed: Some(Changed { number, before, after }) })
    }
}

impl StoreError {
    /// The same, for another change that it met.
    fn again(&self) -> Self {
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::sim::release::SimRelease;
    use crate::sim::rules::Refusal;

    fn open(path: &Path) -> Result<Store, StoreError> {
        Store::open(path, true, || State::fresh(SimRelease::default()), |state| state)
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
    fn in_memory_a_change_is_told_as_it_is_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = open(&folder.path().join("c.json")).unwrap();
        for store in [file, Store::in_memory(State::fresh(SimRelease::default()).unwrap())] {
            assert!(store.change(|state| rename(state, "stewie")).unwrap().changed.is_none(), "it has that name");
            let refused = store.change(|state| {
                rename(state, "meg")?;
                Err::<(), _>(Refusal::Unauthorized)
            });
            assert!(refused.is_err() && store.read().unwrap().name == "stewie");
            for (number, name) in [(1, "peter"), (2, "lois")] {
                let before = store.read().unwrap();
                let changed = store.change(|state| rename(state, name)).unwrap().changed.unwrap();
                assert_eq!((changed.number, &changed.before, changed.after.name.as_str()), (number, &before, name));
                assert_eq!(store.read().unwrap(), changed.after);
            }
        }
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
    fn changes_at_the_same_time_are_all_saved_and_told_one_after_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let store = open(&path).unwrap();
        let changed: Vec<Changed> = std::thread::scope(|scope| {
            let one = || {
                let made = store.change(|state| Ok::<_, StoreError>(state.next_serial())).unwrap();
                // What is told as done is in the file.
                let saved: State = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
                assert!(saved.serial >= made.changed.as_ref().unwrap().after.serial);
                made.changed.unwrap()
            };
            let threads: Vec<_> = (0..200).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut serials: Vec<_> =
            changed.iter().map(|changed| (changed.number, changed.before.serial, changed.after.serial)).collect();
        serials.sort_unstable();
        assert!(serials.into_iter().eq((1..=200).map(|number| (number, number - 1, number))));
        assert_eq!(open(&path).unwrap().read().unwrap().serial, 200);
    }

    #[test]
    fn what_cannot_be_saved_is_an_error_for_all_that_were_to_be_saved_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let store = open(&path).unwrap();
        let good = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert!(store.change(|state| Ok::<_, StoreError>(state.next_serial())).is_err()));
            }
        });
        fs::write(&path, good).unwrap();
        store.change(|state| rename(state, "peter")).unwrap();
        assert_eq!(store.read().unwrap().name, "peter");
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
