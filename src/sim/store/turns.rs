//! Changes of a state file take turns, and those that wait for each other are saved together: one writing of the file
//! and one wait for the disk serve them all. None counts as done before the file that holds it is saved.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use super::StoreError;
use super::file::{Held, StateFile};
use crate::sim::state::State;

/// How many changes are saved together at most, so that a stream of them cannot put off the saving for ever.
const TOGETHER: usize = 64;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Turns {
    now: Mutex<Now>,
    turned: Condvar,
}

#[derive(Debug, Default)]
struct Now {
    /// How many wait to make their change.
    waiting: usize,
    /// What was changed and is not saved yet.
    batch: Option<Batch>,
    /// Whether a batch is being saved; nobody makes a change meanwhile.
    saving: bool,
}

/// Changes that are saved together.
#[derive(Debug)]
struct Batch {
    held: Held,
    state: Arc<State>,
    changes: usize,
    saved: Saved,
}

/// How the saving of a batch ended, once it has; all whose changes are in it share it.
type Saved = Arc<OnceLock<Option<StoreError>>>;

/// Lets all others look again whether it is their turn, whatever becomes of this one.
struct Turned<'t>(&'t Condvar);

impl Drop for Turned<'_> {
    fn drop(&mut self) {
        self.0.notify_all();
    }
}

impl Turns {
    /// Makes a change of a file: `change` gets the state as all changes before it left it, and returns the state to save
    /// if there is another one. Returns what it gave, once all that it saw is saved.
    pub(super) fn take<T, E: From<StoreError>>(
        &self,
        file: &StateFile,
        change: impl FnOnce(&Arc<State>) -> Result<(T, Option<Arc<State>>), E>,
    ) -> Result<T, E> {
        let _turned = Turned(&self.turned);
        let mut now = self.now();
        now.waiting += 1;
        now = self.wait(now, |now| !now.saving && now.batch.as_ref().is_none_or(|batch| batch.changes < TOGETHER));
        now.waiting -= 1;
        let mut opened = None;
        let before = match &now.batch {
            Some(batch) => Arc::clone(&batch.state),
            None => {
                opened = Some(file.lock()?);
                file.read()?
            }
        };
        let changed = change(&before);
        if let Ok((_, Some(after))) = &changed {
            let after = Arc::clone(after);
            match (&mut now.batch, opened.take()) {
                (Some(batch), _) => {
                    batch.state = after;
                    batch.changes += 1;
                }
                (None, Some(held)) => {
                    now.batch = Some(Batch { held, state: after, changes: 1, saved: Saved::default() });
                }
                (None, None) => {}
            }
        }
        drop(opened);
        // One that was refused waits as well: what it was refused for may not be saved yet.
        if let Some(saved) = now.batch.as_ref().map(|batch| Arc::clone(&batch.saved)) {
            self.save(file, now, &saved)?;
        }
        changed.map(|(value, _)| value)
    }

    /// Waits until the open batch is saved; saves it when nobody is about to add to it.
    fn save(&self, file: &StateFile, now: MutexGuard<'_, Now>, saved: &Saved) -> Result<(), StoreError> {
        self.turned.notify_all();
        let full = |now: &Now| now.batch.as_ref().is_some_and(|batch| batch.changes >= TOGETHER);
        let mut now = self.wait(now, |now| saved.get().is_some() || (!now.saving && (now.waiting == 0 || full(now))));
        if saved.get().is_none()
            && let Some(Batch { held, state, saved, .. }) = now.batch.take()
        {
            now.saving = true;
            drop(now);
            let outcome = file.save(state);
            drop(held);
            now = self.now();
            now.saving = false;
            let _ = saved.set(outcome.err());
        }
        drop(now);
        match saved.get() {
            Some(Some(error)) => Err(error.again()),
            Some(None) | None => Ok(()),
        }
    }

    fn wait<'n>(&self, now: MutexGuard<'n, Now>, until: impl Fn(&Now) -> bool) -> MutexGuard<'n, Now> {
        self.turned.wait_while(now, |now| !until(now)).unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
