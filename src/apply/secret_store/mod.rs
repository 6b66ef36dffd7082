//! SecretStore of secrets that a cluster shows once. A new key pair is written to an emergency file first, then to its
//! destination, and the emergency file goes last: at no instant is it in memory alone, whatever ends the run.

mod command;
mod emergency;
mod encrypt;
mod record;
mod redact;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::base::{KeyPair, UserName, file_name};
use crate::cluster::RawAnswer;
use crate::desired::{Destination, Names};

use super::files;
use command::Program;
use emergency::Emergencies;
pub use emergency::Slot;
use record::record;

/// What the key pairs belong to, and where an emergency file goes.
#[derive(Debug, Clone)]
pub struct SecretStoreContext {
    /// The cluster's name.
    pub cluster: String,
    /// The tenant's name.
    pub tenant: String,
    /// The directory of emergency files. It is made when it is needed.
    pub state_dir: PathBuf,
    /// Where programs are looked for: `PATH`.
    pub search_path: OsString,
    /// How long storing one key pair may take, before it is given up: a command is stopped then.
    pub timeout: Duration,
    /// Whether to show what a command that fails says on stderr: it may repeat the secret in any disguise.
    pub show_output: bool,
}

/// Where new key pairs go. Without a destination, each stays in its emergency file.
#[derive(Debug, Clone)]
pub struct SecretStore {
    destination: Option<Destination>,
    context: SecretStoreContext,
    emergencies: Arc<Emergencies>,
    /// How many secrets are being stored.
    storing: Arc<watch::Sender<usize>>,
}

/// Where a key pair went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredIn {
    /// Its destination has it, at this place.
    Destination {
        /// The file or the command, for people. Nothing secret.
        place: String,
    },
    /// The destination failed; the pair is in an emergency file that only its owner can read: encrypted where there are
    /// age recipients, else plain JSON.
    Emergency {
        /// The file.
        path: PathBuf,
        /// Why the destination did not take it. Nothing secret.
        why: String,
    },
    /// Neither the destination nor an emergency file took it: the secret is gone.
    Lost {
        /// Why. Nothing secret.
        why: String,
    },
}

/// Why new key pairs could not be kept, found before there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretStoreProblem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl SecretStore {
    /// SecretStore by the destination of a configuration, if it names one.
    #[must_use]
    pub fn new(destination: Option<&Destination>, context: SecretStoreContext) -> Self {
        let emergencies = Emergencies::new(&context.state_dir, matches!(destination, Some(Destination::Age { .. })));
        let storing = Arc::new(watch::Sender::new(0));
        Self { destination: destination.cloned(), context, emergencies: Arc::new(emergencies), storing }
    }

    /// Whether a secret is being stored.
    #[must_use]
    pub fn is_storing(&self) -> bool {
        *self.storing.borrow() > 0
    }

    /// Waits until no secret is being stored. Each takes no longer than the time that it has.
    pub async fn idle(&self) {
        // It ends early only when nobody stores any more.
        let _ = self.storing.subscribe().wait_for(|storing| *storing == 0).await;
    }

    /// Whether the configuration says where new key pairs go.
    #[must_use]
    pub fn has_sink(&self) -> bool {
        self.destination.is_some()
    }

    /// Tries the destination for these users without a secret, and that an emergency file could be written.
    ///
    /// # Errors
    /// Everything that would keep a key pair from being kept.
    pub async fn check(&self, users: &[UserName]) -> Result<(), Vec<SecretStoreProblem>> {
        if users.is_empty() {
            return Ok(());
        }
        let this = self.clone();
        let users = users.to_vec();
        let checked = tokio::task::spawn_blocking(move || this.check_now(&users)).await;
        checked.unwrap_or_else(|error| {
            let help = "this is a fault of attune: please report it".to_owned();
            Err(vec![SecretStoreProblem { message: format!("the check for new secrets stopped: {error}"), help }])
        })
    }

    fn check_now(&self, users: &[UserName]) -> Result<(), Vec<SecretStoreProblem>> {
        let mut problems = Vec::new();
        match &self.destination {
            None => {}
            Some(Destination::Age { dir, .. } | Destination::File { dir }) => {
                problems.extend(directory(
                    dir,
                    "new secrets",
                    "choose another `dir` under `[credentials]`, or make this one writable",
                ));
                problems.extend(users.iter().filter_map(|user| {
                    let message = self.in_the_way(&self.target(dir, user), user)?;
                    let help =
                        "move it away, or choose another `dir` under `[credentials]`: one for each cluster and tenant";
                    Some(SecretStoreProblem { message, help: help.to_owned() })
                }));
            }
            Some(Destination::Command { program, arguments }) => {
                let program = self.program(program, arguments);
                problems.extend(program.problem(&self.context.search_path).map(|message| SecretStoreProblem {
                    message,
                    help: "name a program that is there and may be run under `[credentials] command`".to_owned(),
                }));
                let unsafe_names = users.iter().filter_map(|user| program.unsafe_name(self.names(user)));
                problems.extend(unsafe_names.map(|message| SecretStoreProblem {
                    message,
                    help: "take the place out of the arguments under `[credentials] command`: the record on the standard \
                           input has `user`, `cluster` and `tenant`"
                        .to_owned(),
                }));
            }
        }
        let help = "name a directory that can be written with `--state-dir`: a secret goes there first";
        problems.extend(directory(&self.context.state_dir, "emergency files", help));
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Opens an emergency file for a secret that may come. To be done before the call that may make one: what is open
    /// then can be written even where nothing more can be opened.
    ///
    /// # Errors
    /// Those of the file system. The call must not be made.
    pub fn reserve(&self) -> io::Result<Slot> {
        self.emergencies.reserve()
    }

    /// Takes back an emergency file that was not needed.
    pub fn give_back(&self, slot: Slot) {
        self.emergencies.give_back(slot);
    }

    /// Writes a new key pair to its emergency file, then hands it to the destination; the emergency file goes last.
    /// `recorded` is told what became of it before that. When this is dropped halfway, the emergency file is there.
    pub async fn keep(
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
        let given = match &self.destination {
            None => Err("`[credentials]` names no destination for new secrets".to_owned()),
            Some(destination) => self.give(destination, user, &record).await,
        };
        let secrets = [pair.secret_key.expose_secret(), pair.access_key.as_str()];
        let given = given.map_err(|why| redact::redacted(&Zeroizing::new(why), &secrets));
        let kept = match (given, &written) {
            (Ok(place), _) => StoredIn::Destination { place },
            (Err(why), Ok(path)) => StoredIn::Emergency { path: path.clone(), why },
            (Err(why), Err(error)) => {
                let dir = self.context.state_dir.display();
                StoredIn::Lost { why: format!("{why}; and no emergency file could be written under {dir}: {error}") }
            }
        };
        recorded(&kept);
        if let (StoredIn::Destination { .. }, Ok(path)) = (&kept, written)
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!(%error, path = %path.display(), "an emergency file is of no use any more and cannot be removed");
        }
        kept
    }

    /// Keeps an answer that was not understood, as it came: it may hold a new key pair. Returns the emergency file.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn keep_answer(&self, slot: Slot, user: &UserName, answer: &RawAnswer) -> io::Result<PathBuf> {
        self.write_emergency(slot, user, "answer", answer.bytes())
    }

    fn write_emergency(&self, slot: Slot, user: &UserName, kind: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let name = file_name(user.as_str());
        match &self.destination {
            Some(Destination::Age { recipients, .. }) => {
                let sealed = encrypt::to_all(recipients, bytes).map_err(io::Error::other)?;
                self.emergencies.write(slot, &name, kind, &sealed)
            }
            Some(Destination::Command { .. } | Destination::File { .. }) | None => {
                self.emergencies.write(slot, &name, kind, bytes)
            }
        }
    }

    async fn give(&self, destination: &Destination, user: &UserName, record: &[u8]) -> Result<String, String> {
        match destination {
            Destination::File { dir } => self.write(dir, user, record.to_vec()).await,
            Destination::Age { recipients, dir } => {
                let sealed =
                    encrypt::to_all(recipients, record).map_err(|why| format!("it cannot be encrypted: {why}"))?;
                self.write(dir, user, sealed).await
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

    /// Writes a file in place of one that is there: the pair in that one is worthless since the new one was made.
    async fn write(&self, dir: &Path, user: &UserName, bytes: Vec<u8>) -> Result<String, String> {
        let path = self.target(dir, user);
        if let Some(problem) = self.in_the_way(&path, user) {
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

    /// Why what is there must not be replaced: it is no file, or holds the pair of somebody else.
    fn in_the_way(&self, path: &Path, user: &UserName) -> Option<String> {
        let found = path.symlink_metadata().ok()?;
        let shown = path.display();
        if found.is_dir() {
            return Some(format!("{shown} is a directory"));
        }
        if !is_spelled_so(path) {
            return Some(format!("{shown} is another user's: this file system does not tell capitals apart"));
        }
        // Nobody but a recipient can tell whose an encrypted file is.
        let other = match &self.destination {
            Some(Destination::File { .. }) => record::of_other(&self.context, user, path)?,
            Some(Destination::Age { .. } | Destination::Command { .. }) | None => return None,
        };
        Some(format!("{shown} holds the key pair of {other}, and would be replaced"))
    }

    /// The file of a user in the directory of the destination.
    fn target(&self, dir: &Path, user: &UserName) -> PathBuf {
        let end = if matches!(self.destination, Some(Destination::Age { .. })) { "json.age" } else { "json" };
        dir.join(format!("{}.{end}", file_name(user.as_str())))
    }

    fn names<'a>(&'a self, user: &'a UserName) -> Names<'a> {
        Names { user: user.as_str(), cluster: &self.context.cluster, tenant: &self.context.tenant }
    }
}

/// Whether files can be written there; makes the directory.
fn directory(dir: &Path, what: &str, help: &str) -> Option<SecretStoreProblem> {
    let error = files::writable(dir).err()?;
    let message = format!("the directory for {what}, {}, cannot be written: {error}", dir.display());
    Some(SecretStoreProblem { message, help: help.to_owned() })
}

/// Whether a file is there under exactly this name, on a file system that may not tell capitals apart.
fn is_spelled_so(path: &Path) -> bool {
    let entries = path.parent().and_then(|dir| fs::read_dir(files::here(dir)).ok());
    entries.is_none_or(|entries| entries.flatten().any(|entry| Some(entry.file_name().as_os_str()) == path.file_name()))
}

/// A secret is being stored as long as this is there.
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
