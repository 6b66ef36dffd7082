//! The state directory: the lock against concurrent applies, the rollback file, and the journal.
//!
//! A journal has a JSON line for each event, written before the next call.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json as object};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::exit::{self, Exit, Failure};
use super::journal::applies;
use super::output::Output;
use crate::apply::{Outcome, StepOutcome, StoredIn, files};
use crate::base::{UserName, shell_line};
use crate::observed::Identity;
use crate::plan::{Digest, Plan, Step, StepId};
use crate::render::RollbackFile;
use crate::render::json::{self, StepOutcomeV1, StepV1};

const MAX_JOURNAL: u64 = 16 << 20;

/// The state directory, locked for one cluster and tenant until this is dropped.
pub(super) struct State {
    dir: PathBuf,
    target: String,
    _lock: Option<File>,
}

impl State {
    /// Locks the directory for an apply to this cluster and tenant. A second one fails.
    pub(super) fn lock(dir: &Path, identity: &Identity) -> Result<Self, Failure> {
        files::own_directory(dir).map_err(|error| unusable(dir, &error))?;
        let target = target(identity);
        let path = dir.join(format!("lock-{target}"));
        let file = files::append(&path).map_err(|error| unusable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {
                files::remove_stale(dir);
                Ok(Self { dir: dir.to_owned(), target, _lock: Some(file) })
            }
            Err(TryLockError::WouldBlock) => {
                let message = format!(
                    "another apply to cluster {} is running with state directory {}",
                    identity.name,
                    dir.display()
                );
                Err(Failure::new(&exit::APPLY_UNDER_WAY, message).help("wait until it ends, then plan again"))
            }
            Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
        }
    }

    /// The directory without a lock: an incident does not wait for an apply.
    pub(super) fn without_lock(dir: &Path, identity: &Identity) -> Result<Self, Failure> {
        files::own_directory(dir).map_err(|error| unusable(dir, &error))?;
        Ok(Self { dir: dir.to_owned(), target: target(identity), _lock: None })
    }

    pub(super) fn is_in_use(dir: &Path, identity: &Identity) -> bool {
        let lock = files::open(&dir.join(format!("lock-{}", target(identity))));
        lock.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// Writes the rollback file, unless it would be empty. Warns about changes that it cannot roll back.
    pub(super) fn save_rollback_file(
        &self,
        before: &RollbackFile,
        output: &mut Output,
    ) -> Result<Option<PathBuf>, Failure> {
        let left_out = before.left_out.join("; ");
        if before.is_empty {
            output.warn(&format!("no rollback file was written, since nothing can be rolled back: {left_out}"));
            return Ok(None);
        }
        if !left_out.is_empty() {
            output.warn(&format!("the rollback file is incomplete: {left_out}"));
        }
        self.write_rollback_file(before).map(Some)
    }

    pub(super) fn write_rollback_file(&self, before: &RollbackFile) -> Result<PathBuf, Failure> {
        let documents: Vec<_> =
            before.documents.iter().map(|(name, text)| (self.dir.join(name), text.as_bytes())).collect();
        let directory = documents.first().and_then(|(path, _)| path.parent()).unwrap_or(&self.dir);
        files::replace_all(directory, &documents).map_err(|(path, error)| unusable(&path, &error))?;
        let path = self.dir.join(&before.name);
        files::replace(&path, before.text.as_bytes()).map_err(|error| unusable(&path, &error))?;
        Ok(path)
    }

    /// Starts the journal of a plan, or continues it.
    pub(super) fn journal(&self, plan: &Plan, about: &About<'_>) -> Result<Journal, Failure> {
        let About { reason, approved_by, file, commit } = about;
        let mut begun = begun(&plan.identity);
        begun["tool_version"] = env!("CARGO_PKG_VERSION").into();
        begun["file"] = file.display().to_string().into();
        for (member, value) in [("reason", reason), ("commit", commit)] {
            if let Some(value) = value {
                begun[member] = (*value).into();
            }
        }
        if !approved_by.is_empty() {
            begun["approved_by"] = (*approved_by).into();
        }
        begun["digest"] = plan.digest.as_str().into();
        begun["user"] = plan.identity.user.as_str().into();
        begun["steps"] = plan.steps.len().into();
        let path = self.dir.join(format!("{JOURNAL}{}.jsonl", plan.digest.short()));
        Journal::start(&path, plan.steps_that_may_create_keys(), [begun])
    }

    /// Starts or continues the journal of rotations. `event` says what the run does.
    pub(super) fn keys_journal(&self, identity: &Identity, event: Value) -> Result<Journal, Failure> {
        Journal::start(&self.dir.join(keys_journal(&self.target)), BTreeSet::new(), [begun(identity), event])
    }

    /// Starts or continues the journal of probes.
    pub(super) fn probe_journal(&self, identity: &Identity) -> Result<Journal, Failure> {
        let path = self.dir.join(format!("journal-probe-{}.jsonl", self.target));
        Journal::start(&path, BTreeSet::new(), [begun(identity)])
    }
}

/// What a journal says about an apply, beside its plan.
pub(super) struct About<'a> {
    /// The text of `--reason`.
    pub(super) reason: Option<&'a str>,
    /// The people who signed the approval.
    pub(super) approved_by: &'a [String],
    /// The configuration.
    pub(super) file: &'a Path,
    /// The commit that is checked out there.
    pub(super) commit: Option<&'a str>,
}

/// The start of the name of a journal.
pub(super) const JOURNAL: &str = "journal-";

/// Whether a file of this name is the journal of a plan, not of rotations or a probe.
pub(super) fn is_journal_of_plan(name: &str) -> bool {
    let digits = name.strip_prefix(JOURNAL).and_then(|name| name.strip_suffix(".jsonl"));
    digits.is_some_and(|digits| digits.len() == Digest::SHORT && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

pub(super) const DEFAULT_STATE_DIR: &str = ".attune";

/// The command that applies a rollback file, from the current directory, with these options; `None` if a path cannot be
/// printed.
pub(super) fn rollback_command(dir: &Path, file: &Path, options: &[&str]) -> Option<String> {
    let dir = if dir == Path::new(DEFAULT_STATE_DIR) { None } else { Some(argument(dir)?) };
    let file = argument(file)?;
    let mut words = vec!["attune", "apply"];
    words.extend(options);
    words.extend(dir.iter().flat_map(|dir| ["--state-dir", dir.as_str()]));
    words.extend(["--file", file.as_str()]);
    shell_line(words)
}

/// A path as an argument that is not an option; `None` if it is not UTF-8.
fn argument(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    Some(if text.starts_with('-') { format!("./{text}") } else { text.to_owned() })
}

fn keys_journal(target: &str) -> String {
    format!("journal-keys-{target}.jsonl")
}

/// The journal of rotations of a cluster and tenant, to be read.
pub(super) fn open_keys_journal(dir: &Path, identity: &Identity) -> io::Result<File> {
    files::open(&dir.join(keys_journal(&target(identity))))
}

fn begun(identity: &Identity) -> Value {
    let Identity { name, guid, tenant, .. } = identity;
    object!({"event": "begun", "format": "attune.journal/1", "cluster": name, "guid": guid, "tenant": tenant})
}

/// The cluster and tenant, in names of files.
fn target(identity: &Identity) -> String {
    let digest = Sha256::digest(format!("{}\n{}", identity.guid, identity.tenant));
    hex::encode(digest)[..8].to_owned()
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("{} cannot be written: {error}; nothing was changed", path.display());
    let help = "an apply first writes a rollback file and a journal; name another directory with `--state-dir`";
    Failure::new(&exit::ENVIRONMENT, message).help(help).exit(Exit::Error)
}

/// A journal, written by several tasks. No line has a secret.
pub(super) struct Journal {
    file: Mutex<File>,
    creating: BTreeSet<StepId>,
}

impl Journal {
    fn start<const N: usize>(path: &Path, creating: BTreeSet<StepId>, events: [Value; N]) -> Result<Self, Failure> {
        let start = || {
            let journal = Self { file: Mutex::new(files::append(path)?), creating };
            events.into_iter().try_for_each(|event| journal.write(event))?;
            journal.sync().map(|()| journal)
        };
        start().map_err(|error| unusable(path, &error))
    }

    fn write(&self, mut event: Value) -> io::Result<()> {
        event["time"] = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default().into();
        let line = json::line(&event) + "\n";
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }

    /// Once calls are running, a full disk must not stop the run halfway.
    pub(super) fn note(&self, event: Value) {
        if let Err(error) = self.write(event) {
            tracing::warn!(%error, "cannot write the journal");
        }
    }

    fn note_synced(&self, event: Value) {
        self.note(event);
        if let Err(error) = self.sync() {
            tracing::warn!(%error, "the journal may not be on disk");
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).sync_all()
    }

    /// Writes an event that must be on the disk before the next call.
    pub(super) fn write_synced(&self, event: Value) -> io::Result<()> {
        self.write(event).and_then(|()| self.sync())
    }

    pub(super) fn started(&self, step: &Step) {
        let step_json = StepV1::of(step);
        if self.creating.contains(&step.id) {
            // If the machine stops before the secret is stored, only this line says so.
            self.note_synced(object!({"event": "started", "step": step_json, "may_create_keys": true}));
        } else {
            self.note(object!({"event": "started", "step": step_json}));
        }
    }

    pub(super) fn ended(&self, step: &Step, outcome: &StepOutcome) {
        self.note(object!({"event": "ended", "outcome": StepOutcomeV1::of(StepV1::of(step), outcome)}));
    }

    pub(super) fn keys_stored(&self, user: &UserName, stored: &StoredIn) {
        let (how, place) = match stored {
            StoredIn::Destination(place) => ("destination", place.clone()),
            StoredIn::Emergency { path, .. } => ("emergency", path.display().to_string()),
            StoredIn::Lost(_) => ("lost", String::new()),
        };
        self.note(object!({"event": "kept", "user": user.as_str(), "how": how, "place": place}));
    }

    pub(super) fn finish(&self, outcome: &Outcome) {
        self.note_synced(object!({"event": "over", "converged": outcome.converged()}));
    }
}

/// When a plan with this digest was last applied, according to a journal. Only a hint for people, since anyone who can write
/// to the directory can write a journal.
pub(super) fn applied_at(dir: &Path, approval: &str) -> Option<String> {
    let approval = approval.trim().to_ascii_lowercase();
    // It becomes a part of a path.
    let is_digest = approval.len() >= Digest::SHORT && approval.bytes().all(|byte| byte.is_ascii_hexdigit());
    let path = dir.join(format!("journal-{}.jsonl", approval.get(..Digest::SHORT).filter(|_| is_digest)?));
    let mut read = BufReader::new(files::open(&path).ok()?.take(MAX_JOURNAL));
    applies(&mut read).into_iter().filter(|of| of.digest.starts_with(&approval)).filter_map(|of| of.applied).next_back()
}
