//! Emergency files: each new secret is written to one before anything else is done with it. They are opened before the
//! call that may make a secret, so that one that has come can be written whatever becomes of the machine meanwhile.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::apply::files::{self, EMERGENCY, Temporary};

/// The emergency files of a run.
#[derive(Debug)]
pub(super) struct Emergencies {
    dir: PathBuf,
    /// Whether they are encrypted.
    sealed: bool,
    open: Mutex<Open>,
}

/// What is open.
#[derive(Debug, Default)]
struct Open {
    /// The directory, to sync it: that takes no other descriptor then.
    dir: Option<File>,
    /// Empty files for secrets to come.
    free: Vec<Temporary>,
}

/// An emergency file that is open, empty, and on the disk. It is gone when this is dropped.
#[derive(Debug)]
pub struct Slot(Temporary);

impl Emergencies {
    pub(super) fn new(dir: &Path, sealed: bool) -> Self {
        Self { dir: dir.to_owned(), sealed, open: Mutex::default() }
    }

    fn end(&self) -> &'static str {
        if self.sealed { ".age" } else { "" }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An open file for a secret that may come.
    pub(super) fn reserve(&self) -> io::Result<Slot> {
        let mut open = self.open();
        open.free.retain(|free| !free.is_removed());
        if let Some(free) = open.free.pop() {
            return Ok(Slot(free));
        }
        if open.dir.is_none() {
            files::own_directory(&self.dir)?;
            open.dir = Some(File::open(files::here(&self.dir))?);
        }
        let file = Temporary::create(&self.dir, EMERGENCY, &format!(".json{}", self.end()))?;
        sync(open.dir.as_ref())?;
        Ok(Slot(file))
    }

    /// Takes back a file that was not needed.
    pub(super) fn give_back(&self, slot: Slot) {
        self.open().free.push(slot.0);
    }

    /// Writes a secret. When this returns, it is on the disk; where is said.
    pub(super) fn write(&self, slot: Slot, name: &str, kind: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let mut file = slot.0.as_file();
        file.write_all(bytes)?;
        file.sync_all()?;
        if slot.0.is_removed() {
            return Err(io::Error::other("somebody has removed it"));
        }
        let path = slot.0.persist_as(&self.dir, |n| format!("{EMERGENCY}{name}-{n}.{kind}{}", self.end()));
        // Without it the secret is there all the same, under the name that it has had.
        if let Err(error) = sync(self.open().dir.as_ref()) {
            tracing::warn!(%error, "the name of an emergency file may not be on the disk");
        }
        Ok(path)
    }
}

fn sync(dir: Option<&File>) -> io::Result<()> {
    match dir {
        Some(dir) if cfg!(unix) => dir.sync_all(),
        Some(_) | None => Ok(()),
    }
}
