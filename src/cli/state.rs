//! The directory of an apply: the way back, the journal, and the lock that keeps two applies apart.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::exit::{self, Exit, Failure};
use super::journal::{Journal, KeysJournal};
use crate::apply::files;
use crate::base::UserName;
use crate::observed::Identity;
use crate::plan::Plan;
use crate::render::Before;

/// The directory, locked for one cluster and tenant until this is dropped.
pub(super) struct State {
    dir: PathBuf,
    /// Tells the cluster and tenant apart in names of files.
    which: String,
    _lock: File,
}

impl State {
    /// Takes the directory for an apply to this cluster and tenant. A second apply from the same directory is refused:
    /// it would work against the first one.
    pub(super) fn lock(dir: &Path, identity: &Identity) -> Result<Self, Failure> {
        files::own_directory(dir).map_err(|error| unusable(dir, &error))?;
        let which = which(identity);
        let path = dir.join(format!("lock-{which}"));
        let file = files::append(&path).map_err(|error| unusable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {
                files::remove_stale(dir);
                Ok(Self { dir: dir.to_owned(), which, _lock: file })
            }
            Err(TryLockError::WouldBlock) => {
                let message = format!("another apply to cluster {} is under way from {}", identity.name, dir.display());
                Err(Failure::new(&exit::APPLY_UNDER_WAY, message).help("wait until it is done, then plan again"))
            }
            Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
        }
    }

    /// Whether a run against this cluster and tenant is under way from this directory.
    pub(super) fn is_in_use(dir: &Path, identity: &Identity) -> bool {
        let lock = files::open(&dir.join(format!("lock-{}", which(identity))));
        lock.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
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

impl State {
    /// Begins the journal of a key pair that is to be made.
    pub(super) fn keys_journal(&self, identity: &Identity, user: &UserName) -> Result<KeysJournal, Failure> {
        let path = self.dir.join(format!("journal-keys-{}.jsonl", self.which));
        let begun = files::append(&path).and_then(|file| KeysJournal::begin(file, identity, user));
        begun.map_err(|error| unusable(&path, &error))
    }
}

/// What tells clusters and tenants apart in names of files.
fn which(identity: &Identity) -> String {
    let digest = Sha256::digest(format!("{}\n{}", identity.guid, identity.tenant));
    hex::encode(digest)[..8].to_owned()
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("{} cannot be written: {error}; nothing was changed", path.display());
    let help = "an apply first writes what was there before; name another directory with `--state-dir`";
    Failure::new(&exit::ENVIRONMENT, message).help(help).exit(Exit::Error)
}
