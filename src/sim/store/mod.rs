//! Storage of a cluster state: in a file that other processes may change too, or in memory.
//!
//! Changes of a file that wait for each other are saved together: one write and one sync serve them all. No change counts
//! as done before the file that contains it is saved.

mod file;

pub use self::file::StoreError;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::sim::state::{ClusterState, StateError};
use crate::sim::store::file::{FileLock, StateFile};

/// The state of a simulated cluster, with one change at a time.
#[derive(Debug)]
pub struct Store {
    backend: Backend,
    /// The number of changes through this store.
    changes: AtomicU64,
}

#[derive(Debug)]
enum Backend {
    File(Box<StateFile>, WriteBatcher),
    Memory(Mutex<Arc<ClusterState>>),
}

/// The result of a change that was not refused.
#[derive(Debug)]
pub struct ChangeResult<T> {
    /// The value that the change returned.
    pub value: T,
    /// The change, if the state is now different.
    pub change: Option<StateChange>,
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

impl Store {
    /// Opens a state file and applies `adjust` to it. A missing file starts with `fresh`. Unless `durable`, a change counts as
    /// done before it is on the disk.
    pub fn open(
        path: &Path,
        durable: bool,
        fresh: impl FnOnce() -> Result<ClusterState, StateError>,
        adjust: impl FnOnce(ClusterState) -> ClusterState,
    ) -> Result<Self, StoreError> {
        let file = Box::new(StateFile::open(path, durable, fresh, adjust)?);
        Ok(Self { backend: Backend::File(file, WriteBatcher::default()), changes: AtomicU64::new(0) })
    }

    /// Keeps a state in memory only.
    pub fn in_memory(state: ClusterState) -> Self {
        Self { backend: Backend::Memory(Mutex::new(Arc::new(state))), changes: AtomicU64::new(0) }
    }

    /// Whether a change may block, on the disk or on another process.
    pub fn may_block(&self) -> bool {
        match self.backend {
            Backend::File(..) => true,
            Backend::Memory(_) => false,
        }
    }

    /// The current state.
    pub fn read(&self) -> Result<Arc<ClusterState>, StoreError> {
        match &self.backend {
            Backend::File(file, _) => file.read(),
            Backend::Memory(state) => Ok(Arc::clone(&state.lock().unwrap_or_else(PoisonError::into_inner))),
        }
    }

    /// Changes the state, while nobody else does. If `change` refuses, nothing changes.
    pub fn change<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&mut ClusterState) -> Result<T, E>,
    ) -> Result<ChangeResult<T>, E> {
        match &self.backend {
            Backend::File(file, batcher) => batcher.take(file, |before| {
                let done = self.apply(before, change)?;
                let after = done.change.as_ref().map(|change| Arc::clone(&change.after));
                Ok((done, after))
            }),
            Backend::Memory(state) => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                let done = self.apply(&state, change)?;
                if let Some(change) = &done.change {
                    *state = Arc::clone(&change.after);
                }
                Ok(done)
            }
        }
    }

    /// Makes one change, while nobody else does.
    fn apply<T, E>(
        &self,
        before: &Arc<ClusterState>,
        change: impl FnOnce(&mut ClusterState) -> Result<T, E>,
    ) -> Result<ChangeResult<T>, E> {
        let mut after = ClusterState::clone(before);
        let value = change(&mut after)?;
        if after == **before {
            return Ok(ChangeResult { value, change: None });
        }
        let number = self.changes.fetch_add(1, Ordering::Relaxed) + 1;
        let (before, after) = (Arc::clone(before), Arc::new(after));
        Ok(ChangeResult { value, change: Some(StateChange { number, before, after }) })
    }
}

/// The most changes saved together, so that a stream of changes cannot delay the save forever.
const MAX_BATCH: usize = 64;

/// Lets changes of a file take turns, and saves several together.
#[derive(Debug, Default)]
struct WriteBatcher {
    now: Mutex<BatchState>,
    changed_signal: Condvar,
}

#[derive(Debug, Default)]
struct BatchState {
    /// The number of changes that wait.
    waiting: usize,
    /// The changes that are not saved yet.
    batch: Option<Batch>,
    /// Whether a batch is being saved; no change happens meanwhile.
    saving: bool,
}

/// Changes that are saved together.
#[derive(Debug)]
struct Batch {
    lock: FileLock,
    state: Arc<ClusterState>,
    changes: usize,
    saved: Saved,
}

/// The result of saving a batch, shared by all its changes.
type Saved = Arc<OnceLock<Option<StoreError>>>;

/// Wakes all waiting changes when dropped, however this change ends.
struct NotifyOnDrop<'t>(&'t Condvar);

impl Drop for NotifyOnDrop<'_> {
    fn drop(&mut self) {
        self.0.notify_all();
    }
}

impl WriteBatcher {
    /// Makes a change of a file. `change` gets the state after all earlier changes, and returns a value and the new state, if
    /// there is one. Returns the value once everything that `change` saw is saved.
    fn take<T, E: From<StoreError>>(
        &self,
        file: &StateFile,
        change: impl FnOnce(&Arc<ClusterState>) -> Result<(T, Option<Arc<ClusterState>>), E>,
    ) -> Result<T, E> {
        let _notify = NotifyOnDrop(&self.changed_signal);
        let mut now = self.now();
        now.waiting += 1;
        now = self.wait(now, |now| !now.saving && now.batch.as_ref().is_none_or(|batch| batch.changes < MAX_BATCH));
        now.waiting -= 1;
        let mut opened = None;
        let before = match &now.batch {
            Some(batch) => Arc::clone(&batch.state),
            None => {
                opened = Some(file.lock()?);
                file.read()?
            }
        };
        let change = change(&before);
        if let Ok((_, Some(after))) = &change {
            let after = Arc::clone(after);
            match (&mut now.batch, opened.take()) {
                (Some(batch), _) => {
                    batch.state = after;
                    batch.changes += 1;
                }
                (None, Some(lock)) => {
                    now.batch = Some(Batch { lock, state: after, changes: 1, saved: Saved::default() });
                }
                (None, None) => {}
            }
        }
        drop(opened);
        // A refused change waits too: the reason for its refusal may not be saved yet.
        if let Some(saved) = now.batch.as_ref().map(|batch| Arc::clone(&batch.saved)) {
            self.save(file, now, &saved)?;
        }
        change.map(|(value, _)| value)
    }

    /// Waits until the open batch is saved. Saves it if no change is about to join it.
    fn save(&self, file: &StateFile, now: MutexGuard<'_, BatchState>, saved: &Saved) -> Result<(), StoreError> {
        self.changed_signal.notify_all();
        let full = |now: &BatchState| now.batch.as_ref().is_some_and(|batch| batch.changes >= MAX_BATCH);
        let mut now = self.wait(now, |now| saved.get().is_some() || (!now.saving && (now.waiting == 0 || full(now))));
        if saved.get().is_none()
            && let Some(Batch { lock, state, saved, .. }) = now.batch.take()
        {
            now.saving = true;
            drop(now);
            let outcome = file.save(state);
            drop(lock);
            now = self.now();
            now.saving = false;
            let _ = saved.set(outcome.err());
        }
        drop(now);
        match saved.get() {
            Some(Some(error)) => Err(error.copy()),
            Some(None) | None => Ok(()),
        }
    }

    fn wait<'n>(
        &self,
        now: MutexGuard<'n, BatchState>,
        until: impl Fn(&BatchState) -> bool,
    ) -> MutexGuard<'n, BatchState> {
        self.changed_signal.wait_while(now, |now| !until(now)).unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> MutexGuard<'_, BatchState> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::operations::Refusal;
    use crate::sim::release::SimRelease;
    use std::fs;

    fn open(path: &Path) -> Result<Store, StoreError> {
        Store::open(path, true, || ClusterState::fresh(SimRelease::default()), |state| state)
    }

    fn rename(state: &mut ClusterState, name: &str) -> Result<(), StoreError> {
        name.clone_into(&mut state.name);
        Ok(())
    }

    #[test]
    fn a_missing_file_is_created_and_contains_every_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let store = open(&path).unwrap();
        store.change(|state| rename(state, "peter")).unwrap();
        assert_eq!(open(&path).unwrap().read().unwrap().name, "peter");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "the state and its lock: {left:?}");
    }

    #[test]
    fn a_change_in_memory_is_reported_as_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = open(&folder.path().join("c.json")).unwrap();
        for store in [file, Store::in_memory(ClusterState::fresh(SimRelease::default()).unwrap())] {
            assert!(store.change(|state| rename(state, "stewie")).unwrap().change.is_none(), "it has that name");
            let refused = store.change(|state| {
                rename(state, "meg")?;
                Err::<(), _>(Refusal::Unauthorized)
            });
            assert!(refused.is_err() && store.read().unwrap().name == "stewie");
            for (number, name) in [(1, "peter"), (2, "lois")] {
                let before = store.read().unwrap();
                let change = store.change(|state| rename(state, name)).unwrap().change.unwrap();
                assert_eq!((change.number, &change.before, change.after.name.as_str()), (number, &before, name));
                assert_eq!(store.read().unwrap(), change.after);
            }
        }
    }

    #[test]
    fn a_manual_change_is_seen_immediately_and_with_the_same_length() {
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
    fn concurrent_changes_are_all_saved_and_numbered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.json");
        let store = open(&path).unwrap();
        let change: Vec<StateChange> = std::thread::scope(|scope| {
            let one = || {
                let made = store.change(|state| Ok::<_, StoreError>(state.next_serial())).unwrap();
                // A change that counts as done is in the file.
                let saved: ClusterState = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
                assert!(saved.serial >= made.change.as_ref().unwrap().after.serial);
                made.change.unwrap()
            };
            let threads: Vec<_> = (0..200).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut serials: Vec<_> =
            change.iter().map(|change| (change.number, change.before.serial, change.after.serial)).collect();
        serials.sort_unstable();
        assert!(serials.into_iter().eq((1..=200).map(|number| (number, number - 1, number))));
        assert_eq!(open(&path).unwrap().read().unwrap().serial, 200);
    }

    #[test]
    fn a_failed_save_is_an_error_for_the_whole_batch() {
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
    fn an_invalid_or_missing_file_is_an_error_until_it_is_restored() {
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
        assert!(store.change(|state| rename(state, "x")).is_err(), "it is not created again while a client uses it");
        fs::write(&path, good).unwrap();
        assert_eq!(store.read().unwrap().name, "stewie");
    }
}
