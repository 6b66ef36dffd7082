//! Reads journals. Anyone who can write to the state directory can write one, so none decides anything by itself.

use std::io::BufRead;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::observed::Identity;

/// A line of a journal, as far as it is read again.
#[derive(Deserialize)]
pub(super) struct JournalLine {
    pub(super) event: String,
    #[serde(default)]
    pub(super) time: String,
    guid: Option<String>,
    tenant: Option<String>,
    pub(super) user: Option<String>,
    #[serde(default)]
    pub(super) users: Vec<String>,
    pub(super) how: Option<String>,
    #[serde(default)]
    pub(super) may_create_keys: bool,
    cluster: Option<String>,
    digest: Option<String>,
    #[serde(default)]
    steps: usize,
    reason: Option<String>,
    file: Option<String>,
    commit: Option<String>,
    converged: Option<bool>,
    pub(super) step: Option<StepLine>,
    pub(super) outcome: Option<StepLine>,
}

/// A step of an apply, or its outcome.
#[derive(Deserialize)]
pub(super) struct StepLine {
    pub(super) id: usize,
    pub(super) user: Option<String>,
    #[serde(default)]
    pub(super) remarks: Vec<String>,
    pub(super) status: Option<String>,
}

/// An apply, as its journal has it.
pub(super) struct PastApply {
    pub(super) begun: OffsetDateTime,
    /// The same, as text.
    pub(super) time: String,
    pub(super) digest: String,
    pub(super) cluster: String,
    pub(super) guid: String,
    pub(super) tenant: String,
    pub(super) login: String,
    pub(super) reason: Option<String>,
    pub(super) file: Option<String>,
    pub(super) commit: Option<String>,
    /// The number of calls of the plan.
    pub(super) calls: usize,
    pub(super) done: usize,
    /// Whether the cluster matched the configuration; `None` if the journal has no end.
    pub(super) converged: Option<bool>,
}

impl PastApply {
    /// The apply that a line starts. A line that lacks anything starts none.
    fn begin(line: JournalLine) -> Option<Self> {
        let begun = OffsetDateTime::parse(&line.time, &Rfc3339).ok()?;
        let time = begun.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()?;
        let digest =
            line.digest.filter(|text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        Some(Self {
            begun,
            time,
            digest,
            cluster: line.cluster?,
            guid: line.guid?,
            tenant: line.tenant?,
            login: line.user?,
            reason: line.reason,
            file: line.file,
            commit: line.commit,
            calls: line.steps,
            done: 0,
            converged: None,
        })
    }
}

/// The applies of a journal, oldest first. Incomplete and foreign lines are skipped.
pub(super) fn applies(read: &mut impl BufRead) -> Vec<PastApply> {
    let (mut all, mut bytes): (Vec<PastApply>, _) = (Vec::new(), Vec::new());
    let mut current = None;
    loop {
        bytes.clear();
        let Ok(1..) = read.read_until(b'\n', &mut bytes) else { break };
        let Ok(line) = serde_json::from_slice::<JournalLine>(&bytes) else { continue };
        if line.event == "begun" {
            all.extend(current.take());
            current = PastApply::begin(line);
            continue;
        }
        let Some(apply) = &mut current else { continue };
        let is_done = |step: &StepLine| matches!(step.status.as_deref(), Some("done" | "already_done"));
        match line.event.as_str() {
            "ended" => apply.done += usize::from(line.outcome.as_ref().is_some_and(is_done)),
            "over" => apply.converged = line.converged,
            _ => {}
        }
    }
    all.extend(current);
    all
}

/// The lines of the runs for this cluster and tenant, each with the number of its run. Incomplete and foreign lines are
/// skipped.
pub(super) fn own_lines(read: &mut impl BufRead, identity: &Identity) -> impl Iterator<Item = (usize, JournalLine)> {
    let (mut run, mut is_ours, mut bytes) = (0, false, Vec::new());
    std::iter::from_fn(move || {
        loop {
            bytes.clear();
            let Ok(1..) = read.read_until(b'\n', &mut bytes) else { return None };
            let Ok(line) = serde_json::from_slice::<JournalLine>(&bytes) else { continue };
            if line.event == "begun" {
                run += 1;
                is_ours = line.guid.as_ref() == Some(&identity.guid) && line.tenant.as_ref() == Some(&identity.tenant);
            }
            if is_ours {
                return Some((run, line));
            }
        }
    })
}
