//! Emergency files: each new secret is written to one before anything else happens to it. A file is opened before the call that may
//! create a secret, so that the secret can be written even if nothing more can be opened.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::apply::files::{self, EMERGENCY, TempFile};

#[derive(Debug)]
pub(super) struct Emergencies {
    dir: PathBuf,
    encrypted: bool,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// The directory, open so that a sync needs no new descriptor.
    dir: Option<File>,
    /// Empty files for future secrets.
    free: Vec<TempFile>,
}

/// An open and empty emergency file on the disk. It is removed when this is dropped.
#[derive(Debug)]
pub struct Slot(TempFile);

impl Emergencies {
    pub(super) fn new(dir: &Path, encrypted: bool) -> Self {
        Self { dir: dir.to_owned(), encrypted, open: Mutex::default() }
    }

    fn end(&self) -> &'static str {
        if self.encrypted { ".age" } else { "" }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An open file for a secret that the next call may create.
    pub(super) fn reserve(&self) -> io::Result<Slot> {
        let mut open = self.open();
        open.free.retain(|free| !free.is_removed());
        if let Some(free) = open.free.pop() {
            return Ok(Slot(free));
        }
        if open.dir.is_none() {
            files::own_directory(&self.dir)?;
            open.dir = Some(File::open(files::dir_or_current(&self.dir))?);
        }
        let file = TempFile::create(&self.dir, EMERGENCY, &format!(".json{}", self.end()))?;
        sync(open.dir.as_ref())?;
        Ok(Slot(file))
    }

    pub(super) fn release(&self, slot: Slot) {
        self.open().free.push(slot.0);
    }

    /// Writes a secret to the disk. Returns its path.
    pub(super) fn write(&self, slot: Slot, name: &str, kind: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let mut file = slot.0.as_file();
        file.write_all(bytes)?;
        file.sync_all()?;
        if slot.0.is_removed() {
            return Err(io::Error::other("someone has removed it"));
        }
        let path = slot.0.persist_as(&self.dir, |n| format!("{EMERGENCY}{name}-{n}.{kind}{}", self.end()));
        // Without the sync, the secret is still there, under its earlier name.
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
