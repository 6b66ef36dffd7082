//! The directory of an apply: the way back, the journal, and the lock that keeps two applies apart.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::exit::{self, Exit, Failure};
use super::journal::Journal;
use crate::apply::files;
use crate::observed::Identity;
use crate::plan::Plan;
use crate::render::Before;

/// The directory, locked for one cluster and tenant until this is dropped.
pub(super) struct State {
    dir: PathBuf,
    _lock: File,
}

impl State {
    /// Takes the directory for an apply to this cluster and tenant. A second apply from the same directory is refused:
    /// it would work against the first one.
    pub(super) fn lock(dir: &Path, identity: &Identity) -> Result<Self, Failure> {
        let which = Sha256::digest(format!("{}\n{}", identity.guid, identity.tenant));
        let path = dir.join(format!("lock-{}", &hex::encode(which)[..8]));
        let file = files::append(&path).map_err(|error| unusable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { dir: dir.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => {
                let message = format!("another apply to cluster {} is under way from {}", identity.name, dir.display());
                Err(Failure::new(&exit::APPLY_UNDER_WAY, message).help("wait until it is done, then plan again"))
            }
            Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
        }
    }

    /// Writes the way back. Returns where.
    pub(super) fn write_before(&self, before: &Before) -> Result<PathBuf, Failure> {
        let documents: Vec<_> =
            before.documents.iter().map(|(name, text)| (self.dir.join(name), text.as_bytes())).collect();
        let place = documents.first().and_then(|(path, _)| path.parent()).unwrap_or(&self.dir);
        files::replace_all(place, &documents).map_err(|(path, error)| unusable(&path, &error))?;
        let path = self.dir.join(&before.name);
        files::replace(&path, before.text.as_bytes()).map_err(|error| unusable(&path, &error))?;
        Ok(path)
    }

    /// Begins the journal of a plan, or goes on with it.
    pub(super) fn journal<'a>(&self, plan: &'a Plan) -> Result<Journal<'a>, Failure> {
        let path = self.dir.join(format!("journal-{}.jsonl", plan.digest.short()));
        files::append(&path).and_then(|file| Journal::begin(file, plan)).map_err(|error| unusable(&path, &error))
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("{} cannot be written: {error}; nothing was changed", path.display());
    let help = "an apply first writes what was there before; name another directory with `--state-dir`";
    Failure::new(&exit::ENVIRONMENT, message).help(help).exit(Exit::Error)
}
