//! Stores secrets that a cluster shows once. A new key pair goes to an emergency file first, then to its destination. The emergency
//! file is removed last, so that the pair is never only in memory.

mod command;
mod record;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use tempfile::NamedTempFile;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::base::{KeyPair, UserName, file_name};
use crate::cluster::{RawAnswer, SetupProblem};
use crate::desired::{Destination, Names, Recipient};

use super::files::{self, EMERGENCY, is_removed};
use command::{Program, redacted};
pub use record::KeyPairRecord;
use record::{other_owner, record};

/// The cluster of the key pairs, and the surroundings of the store.
#[derive(Debug, Clone)]
pub struct SecretStoreContext {
    /// The cluster's name.
    pub cluster: String,
    /// The tenant's name.
    pub tenant: String,
    /// The directory of emergency files. It is created when needed.
    pub state_dir: PathBuf,
    /// The search path of programs: `PATH`.
    pub search_path: OsString,
    /// How long storing one key pair may take. A command that takes longer is stopped.
    pub timeout: Duration,
    /// Whether to show the stderr of a failed command. It may contain the secret in any disguise.
    pub show_output: bool,
}

/// The store for new key pairs. Without a destination, each stays in its emergency file.
#[derive(Debug, Clone)]
pub struct SecretStore {
    destination: Option<Destination>,
    context: SecretStoreContext,
    emergencies: Arc<Mutex<Emergencies>>,
    storing: Arc<watch::Sender<usize>>,
}

#[derive(Debug, Default)]
struct Emergencies {
    /// The directory, open so that a sync needs no new descriptor.
    dir: Option<File>,
    /// Empty files for future secrets.
    free: Vec<NamedTempFile>,
}

/// An open and empty emergency file on the disk. It is removed when this is dropped.
#[derive(Debug)]
pub struct Slot(NamedTempFile);

/// The place of a stored key pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredIn {
    /// Its destination has it: this file or command. Nothing secret.
    Destination(String),
    /// The destination failed. The pair is in a private emergency file: encrypted if there are age recipients, else plain JSON.
    Emergency {
        /// The file.
        path: PathBuf,
        /// Why the destination failed. Nothing secret.
        why: String,
    },
    /// Neither the destination nor an emergency file has it, for this reason: the secret is lost. Nothing secret.
    Lost(String),
}

impl SecretStore {
    /// A store for the destination of a configuration, if it names one.
    pub fn new(destination: Option<&Destination>, context: SecretStoreContext) -> Self {
        Self { destination: destination.cloned(), context, emergencies: Arc::default(), storing: Arc::default() }
    }

    /// Whether a secret is being stored.
    pub fn is_storing(&self) -> bool {
        *self.storing.borrow() > 0
    }

    /// Waits until no secret is being stored, not longer than the timeout of each.
    pub async fn idle(&self) {
        // An error means that nothing is stored any more.
        let _ = self.storing.subscribe().wait_for(|storing| *storing == 0).await;
    }

    /// Whether the configuration names a destination.
    pub fn has_destination(&self) -> bool {
        self.destination.is_some()
    }

    /// Whether the destination has a file for the user that was written at this time or later. False for a command, whose
    /// destination attune does not know.
    pub fn has_file_since(&self, user: &UserName, since: SystemTime) -> bool {
        let dir = match &self.destination {
            Some(Destination::Age { dir, .. } | Destination::File { dir }) => dir,
            Some(Destination::Command { .. }) | None => return false,
        };
        let found = self.target(dir, user).symlink_metadata().ok().filter(fs::Metadata::is_file);
        found.and_then(|found| found.modified().ok()).is_some_and(|written| written >= since)
    }

    /// Checks the destination for these users without a secret, and the directory of emergency files. Returns everything that
    /// would prevent storing a key pair.
    pub async fn check(&self, users: &[UserName]) -> Result<(), Vec<SetupProblem>> {
        if users.is_empty() {
            return Ok(());
        }
        let this = self.clone();
        let users = users.to_vec();
        let checked = tokio::task::spawn_blocking(move || this.check_now(&users)).await;
        checked.unwrap_or_else(|error| {
            let message = format!("the check for new secrets stopped: {error}");
            Err(vec![SetupProblem::new(message, "this is a defect of attune: please report it")])
        })
    }

    fn check_now(&self, users: &[UserName]) -> Result<(), Vec<SetupProblem>> {
        let mut problems = Vec::new();
        match &self.destination {
            None => {}
            Some(Destination::Age { dir, .. } | Destination::File { dir }) => {
                let help = "choose another `dir` under `[credentials]`, or make this one writable";
                problems.extend(directory(dir, "new secrets", help));
                let conflicts = users.iter().filter_map(|user| self.conflict(&self.target(dir, user), user));
                let help =
                    "move it away, or choose another `dir` under `[credentials]`: one for each cluster and tenant";
                problems.extend(conflicts.map(|message| SetupProblem::new(message, help)));
            }
            Some(Destination::Command { program, arguments }) => {
                let program = self.program(program, arguments);
                let help = "name a program that is there and may be run under `[credentials] command`";
                problems
                    .extend(program.problem(&self.context.search_path).map(|message| SetupProblem::new(message, help)));
                let unsafe_names = users.iter().filter_map(|user| program.unsafe_name(self.names(user)));
                let help = "take the place out of the arguments under `[credentials] command`: the record on the standard \
                            input has `user`, `cluster` and `tenant`";
                problems.extend(unsafe_names.map(|message| SetupProblem::new(message, help)));
            }
        }
        let help = "name a directory that can be written with `--state-dir`: a secret goes there first";
        problems.extend(directory(&self.context.state_dir, "emergency files", help));
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Opens an emergency file, before a call that may create a secret: an open file can be written even if nothing more can be
    /// opened. After an error, the call must not be sent.
    pub fn reserve(&self) -> io::Result<Slot> {
        let dir = &self.context.state_dir;
        let mut emergencies = self.emergencies();
        emergencies.free.retain(|free| !is_removed(free.as_file()));
        if let Some(free) = emergencies.free.pop() {
            return Ok(Slot(free));
        }
        if emergencies.dir.is_none() {
            files::own_directory(dir)?;
            emergencies.dir = Some(File::open(files::dir_or_current(dir))?);
        }
        let file = files::temporary(dir, EMERGENCY, &format!(".{}", self.ending("json")))?;
        emergencies.sync()?;
        Ok(Slot(file))
    }

    /// Takes back an unused emergency file.
    pub fn release(&self, slot: Slot) {
        self.emergencies().free.push(slot.0);
    }

    fn emergencies(&self) -> MutexGuard<'_, Emergencies> {
        self.emergencies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a new key pair to its emergency file, then to the destination, calls `recorded`, and removes the emergency file.
    /// If this is dropped halfway, the emergency file exists.
    pub async fn store(
        &self,
        slot: Slot,
        user: &UserName,
        pair: &KeyPair,
        created_at: OffsetDateTime,
        recorded: impl FnOnce(&StoredIn),
    ) -> StoredIn {
        let _storing = Storing::begin(&self.storing);
        let record = record(&self.context, user, pair, created_at);
        let written = self.write_emergency(slot, user, "json", &record);
        let delivered = match &self.destination {
            None => Err("`[credentials]` names no destination for new secrets".to_owned()),
            Some(destination) => self.deliver(destination, user, &record).await,
        };
        let secrets = [pair.secret_key.expose_secret(), pair.access_key.as_str()];
        let delivered = delivered.map_err(|why| redacted(&Zeroizing::new(why), &secrets));
        let stored = match (delivered, &written) {
            (Ok(place), _) => StoredIn::Destination(place),
            (Err(why), Ok(path)) => StoredIn::Emergency { path: path.clone(), why },
            (Err(why), Err(error)) => {
                let dir = self.context.state_dir.display();
                StoredIn::Lost(format!("{why}; and no emergency file could be written under {dir}: {error}"))
            }
        };
        recorded(&stored);
        if let (StoredIn::Destination(_), Ok(path)) = (&stored, written)
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!(%error, path = %path.display(), "an emergency file is not needed any more and cannot be removed");
        }
        stored
    }

    /// Stores a response that was not understood, unchanged: it may hold a new key pair. Returns the emergency file.
    pub fn store_response(&self, slot: Slot, user: &UserName, response: &RawAnswer) -> io::Result<PathBuf> {
        self.write_emergency(slot, user, "answer", response.bytes())
    }

    fn write_emergency(&self, slot: Slot, user: &UserName, kind: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let bytes = match &self.destination {
            Some(Destination::Age { recipients, .. }) => {
                Cow::Owned(Recipient::encrypt(recipients, bytes).map_err(io::Error::other)?)
            }
            Some(Destination::Command { .. } | Destination::File { .. }) | None => Cow::Borrowed(bytes),
        };
        let mut file = slot.0.as_file();
        file.write_all(&bytes)?;
        file.sync_all()?;
        if is_removed(file) {
            return Err(io::Error::other("someone has removed it"));
        }
        let (name, end) = (file_name(user.as_str()), self.ending(kind));
        let path = files::persist_as(slot.0, &self.context.state_dir, |n| format!("{EMERGENCY}{name}-{n}.{end}"));
        // Without the sync, the secret is still there, under its earlier name.
        if let Err(error) = self.emergencies().sync() {
            tracing::warn!(%error, "the name of an emergency file may not be on the disk");
        }
        Ok(path)
    }

    fn ending(&self, kind: &str) -> String {
        let is_encrypted = matches!(self.destination, Some(Destination::Age { .. }));
        format!("{kind}{}", if is_encrypted { ".age" } else { "" })
    }

    async fn deliver(&self, destination: &Destination, user: &UserName, record: &[u8]) -> Result<String, String> {
        match destination {
            Destination::File { dir } => self.write(dir, user, record.to_vec()).await,
            Destination::Age { recipients, dir } => {
                let record =
                    Recipient::encrypt(recipients, record).map_err(|why| format!("it cannot be encrypted: {why}"))?;
                self.write(dir, user, record).await
            }
            Destination::Command { program, arguments } => {
                let program = self.program(program, arguments);
                program.run(&self.context.search_path, self.names(user), record).await
            }
        }
    }

    fn program<'a>(&self, program: &'a Path, arguments: &'a [crate::desired::Argument]) -> Program<'a> {
        let (timeout, show_output) = (self.context.timeout, self.context.show_output);
        Program { program, arguments, timeout, show_output }
    }

    /// Writes a file, and replaces an existing one: its pair stopped working when the new one was created.
    async fn write(&self, dir: &Path, user: &UserName, bytes: Vec<u8>) -> Result<String, String> {
        let path = self.target(dir, user);
        if let Some(problem) = self.conflict(&path, user) {
            return Err(problem);
        }
        let (to, bytes) = (path.clone(), Zeroizing::new(bytes));
        let writing = tokio::task::spawn_blocking(move || files::replace(&to, &bytes));
        let failed = |why: &dyn std::fmt::Display| Err(format!("{} cannot be written: {why}", path.display()));
        match timeout(self.context.timeout, writing).await {
            Ok(Ok(Ok(()))) => Ok(path.display().to_string()),
            Ok(Ok(Err(error))) => failed(&error),
            Ok(Err(error)) => failed(&error),
            Err(_) => failed(&format!("it took longer than {} s", self.context.timeout.as_secs_f64())),
        }
    }

    /// Why an existing file must not be replaced: it is not a file, or holds the pair of another user.
    fn conflict(&self, path: &Path, user: &UserName) -> Option<String> {
        let found = path.symlink_metadata().ok()?;
        let shown = path.display();
        if found.is_dir() {
            return Some(format!("{shown} is a directory"));
        }
        if !has_exact_name(path) {
            return Some(format!("{shown} belongs to another user: this file system ignores case"));
        }
        // Only a recipient can read the owner of an encrypted file.
        let other = match &self.destination {
            Some(Destination::File { .. }) => other_owner(&self.context, user, path)?,
            Some(Destination::Age { .. } | Destination::Command { .. }) | None => return None,
        };
        Some(format!("{shown} holds the key pair of {other}, and would be replaced"))
    }

    fn target(&self, dir: &Path, user: &UserName) -> PathBuf {
        dir.join(format!("{}.{}", file_name(user.as_str()), self.ending("json")))
    }

    fn names<'a>(&'a self, user: &'a UserName) -> Names<'a> {
        Names { user: user.as_str(), cluster: &self.context.cluster, tenant: &self.context.tenant }
    }
}

/// Why no file can be written there; `None` if one can. Creates the directory.
fn directory(dir: &Path, what: &str, help: &str) -> Option<SetupProblem> {
    let error = files::check_writable(dir).err()?;
    Some(SetupProblem::new(format!("the directory for {what}, {}, cannot be written: {error}", dir.display()), help))
}

/// Whether a file of exactly this name exists, on a file system that may ignore case.
fn has_exact_name(path: &Path) -> bool {
    let entries = path.parent().and_then(|dir| fs::read_dir(files::dir_or_current(dir)).ok());
    entries.is_none_or(|entries| entries.flatten().any(|entry| Some(entry.file_name().as_os_str()) == path.file_name()))
}

impl Emergencies {
    fn sync(&self) -> io::Result<()> {
        self.dir.as_ref().map_or(Ok(()), File::sync_all)
    }
}

struct Storing<'a>(&'a watch::Sender<usize>);

impl<'a> Storing<'a> {
    fn begin(storing: &'a watch::Sender<usize>) -> Self {
        storing.send_modify(|storing| *storing += 1);
        Self(storing)
    }
}

impl Drop for Storing<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|storing| *storing = storing.saturating_sub(1));
    }
}
