//! The journal of an apply: one JSON line for each thing that happens, written before the next one does.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json as object};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::apply::{Outcome, Progress, StepOutcome, StoredIn};
use crate::base::UserName;
use crate::observed::Identity;
use crate::plan::{Digest, Plan, Step, StepId};
use crate::render::json::{self, StepOutcomeV1, StepV1};

/// How much of a journal is read at most. Bytes.
const MOST_READ: u64 = 16 << 20;

/// Writes down what an apply does. No line holds a secret.
pub(super) struct Journal<'a> {
    plan: &'a Plan,
    creating: BTreeSet<StepId>,
    file: Mutex<File>,
}

impl<'a> Journal<'a> {
    /// Writes the first line.
    pub(super) fn begin(file: File, plan: &'a Plan) -> io::Result<Self> {
        let journal = Self { plan, creating: plan.steps_that_may_create_keys(), file: Mutex::new(file) };
        journal.line(object!({
            "event": "begun",
            "digest": plan.digest.as_str(),
            "cluster": plan.identity.name,
            "guid": plan.identity.guid,
            "tenant": plan.identity.tenant,
            "user": plan.identity.user.as_str(),
            "steps": plan.steps.len(),
        }))?;
        journal.file().sync_all()?;
        Ok(journal)
    }

    /// Writes the last line.
    pub(super) fn over(&self, outcome: &Outcome) {
        self.note(object!({"event": "over", "converged": outcome.converged()}));
        // Lines survive the end of this process by themselves, and that of the machine by this.
        if let Err(error) = self.file().sync_all() {
            tracing::warn!(%error, "the journal may not be on the disk");
        }
    }

    fn line(&self, event: Value) -> io::Result<()> {
        write(&mut self.file(), event)
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Once calls are under way a full disk is no reason to stop halfway.
    fn note(&self, event: Value) {
        if let Err(error) = self.line(event) {
            tracing::warn!(%error, digest = self.plan.digest.short(), "the journal cannot be written");
        }
    }
}

impl Progress for Journal<'_> {
    fn started(&self, step: &Step) {
        if !self.creating.contains(&step.id) {
            return self.note(object!({"event": "started", "step": StepV1::of(step)}));
        }
        self.note(object!({"event": "started", "step": StepV1::of(step), "may_create_keys": true}));
        // Should the machine stop before the secret is stored, this line must tell.
        if let Err(error) = self.file().sync_data() {
            tracing::warn!(%error, "the journal may not be on the disk");
        }
    }

    fn ended(&self, step: &Step, outcome: &StepOutcome) {
        self.note(object!({"event": "ended", "outcome": StepOutcomeV1::of(step, outcome)}));
    }

    fn keys_stored(&self, user: &UserName, kept: &StoredIn) {
        self.note(kept_event(user, kept));
    }
}

fn write(file: &mut File, mut event: Value) -> io::Result<()> {
    event["time"] = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default().into();
    let line = json::line(&event) + "\n";
    file.write_all(line.as_bytes())
}

/// What became of a new key pair.
fn kept_event(user: &UserName, kept: &StoredIn) -> Value {
    let (how, place) = match kept {
        StoredIn::Destination { place } => ("destination", place.clone()),
        StoredIn::Emergency { path, .. } => ("emergency", path.display().to_string()),
        StoredIn::Lost { .. } => ("lost", String::new()),
    };
    object!({"event": "kept", "user": user.as_str(), "how": how, "place": place})
}

/// The journal of `keys generate`.
pub(super) struct KeysJournal {
    user: UserName,
    file: Mutex<File>,
}

impl KeysJournal {
    /// Writes that a key pair is about to be made.
    pub(super) fn begin(file: File, identity: &Identity, user: &UserName) -> io::Result<Self> {
        let (guid, tenant) = (&identity.guid, &identity.tenant);
        let mut file = file;
        write(&mut file, object!({"event": "begun", "cluster": identity.name, "guid": guid, "tenant": tenant}))?;
        write(&mut file, object!({"event": "generating", "user": user.as_str()}))?;
        file.sync_all()?;
        Ok(Self { user: user.clone(), file: Mutex::new(file) })
    }

    /// Writes what became of it.
    pub(super) fn kept(&self, kept: &StoredIn) {
        self.note(kept_event(&self.user, kept));
    }

    /// Writes that none was made.
    pub(super) fn refused(&self) {
        self.note(object!({"event": "not_generated", "user": self.user.as_str()}));
    }

    fn note(&self, event: Value) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = write(&mut file, event) {
            tracing::warn!(%error, "the journal cannot be written");
        }
    }
}

/// When a plan whose digest begins so was last finished, as a journal in the directory remembers it. A hint for people
/// and nothing else: anybody who can write to the directory can write a journal.
pub(super) fn applied_at(dir: &Path, approval: &str) -> Option<String> {
    let approval = approval.trim().to_ascii_lowercase();
    // It becomes part of a path.
    let is_digest = approval.len() >= Digest::SHORT && approval.bytes().all(|byte| byte.is_ascii_hexdigit());
    let path = dir.join(format!("journal-{}.jsonl", approval.get(..Digest::SHORT).filter(|_| is_digest)?));
    // Neither a link nor anything that could be read without an end.
    if !fs::symlink_metadata(&path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(&path).ok()?.take(MOST_READ).read_to_string(&mut text).ok()?;
    let events: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let is = |event: &Value, name: &str| event["event"] == name;
    let begun =
        |event: &&Value| is(event, "begun") && event["digest"].as_str().is_some_and(|of| of.starts_with(&approval));
    events.iter().find(begun)?;
    let over = events.iter().rev().find(|event| is(event, "over") && event["converged"] == true)?;
    let time = OffsetDateTime::parse(over["time"].as_str()?, &Rfc3339).ok()?;
    time.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()
}

/// Two that are told the same.
pub(super) struct Both<'a>(pub(super) &'a dyn Progress, pub(super) &'a dyn Progress);

impl Progress for Both<'_> {
    fn started(&self, step: &Step) {
        self.0.started(step);
        self.1.started(step);
    }

    fn ended(&self, step: &Step, outcome: &StepOutcome) {
        self.0.ended(step, outcome);
        self.1.ended(step, outcome);
    }

    fn keys_stored(&self, user: &UserName, kept: &StoredIn) {
        self.0.keys_stored(user, kept);
        self.1.keys_stored(user, kept);
    }
}
