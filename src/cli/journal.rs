//! Reads journals. Anyone who can write to the state directory can write one, so none decides anything by itself.

use std::io::BufRead;

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::observed::Identity;
use crate::render::json::time_text;

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
    #[serde(default)]
    approved_by: Vec<String>,
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
    pub(super) approved_by: Vec<String>,
    pub(super) file: Option<String>,
    pub(super) commit: Option<String>,
    /// The number of calls of the plan.
    pub(super) calls: usize,
    pub(super) done: usize,
    /// When its end found that the cluster matches the configuration.
    pub(super) applied: Option<String>,
    /// Whether the cluster matched the configuration; `None` if the journal has no end.
    pub(super) converged: Option<bool>,
}

impl PastApply {
    /// The apply that a line starts. A line that lacks anything starts none.
    fn begin(line: JournalLine) -> Option<Self> {
        let begun = OffsetDateTime::parse(&line.time, &Rfc3339).ok()?;
        let digest =
            line.digest.filter(|text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        Some(Self {
            begun,
            time: time_text(begun),
            digest,
            cluster: line.cluster?,
            guid: line.guid?,
            tenant: line.tenant?,
            login: line.user?,
            reason: line.reason,
            approved_by: line.approved_by,
            file: line.file,
            commit: line.commit,
            calls: line.steps,
            done: 0,
            applied: None,
            converged: None,
        })
    }
}

/// The lines of a journal. Incomplete and foreign ones are skipped.
fn lines(read: &mut impl BufRead) -> impl Iterator<Item = JournalLine> {
    read.split(b'\n').map_while(Result::ok).filter_map(|line| serde_json::from_slice(&line).ok())
}

/// The applies of a journal, oldest first.
pub(super) fn applies(read: &mut impl BufRead) -> Vec<PastApply> {
    let mut all: Vec<PastApply> = Vec::new();
    let mut current = None;
    let is_done = |step: &StepLine| matches!(step.status.as_deref(), Some("done" | "already_done"));
    for line in lines(read) {
        match (line.event.as_str(), &mut current) {
            ("begun", _) => {
                all.extend(current.take());
                current = PastApply::begin(line);
            }
            ("ended", Some(apply)) => apply.done += usize::from(line.outcome.as_ref().is_some_and(is_done)),
            ("over", Some(apply)) => {
                apply.converged = line.converged;
                let time = OffsetDateTime::parse(&line.time, &Rfc3339).ok().filter(|_| line.converged == Some(true));
                apply.applied = time.map(time_text);
            }
            _ => {}
        }
    }
    all.extend(current);
    all
}

/// The lines of the runs for this cluster and tenant, each with the number of its run.
pub(super) fn own_lines(read: &mut impl BufRead, identity: &Identity) -> impl Iterator<Item = (usize, JournalLine)> {
    let (mut run, mut is_ours) = (0, false);
    lines(read).filter_map(move |line| {
        if line.event == "begun" {
            run += 1;
            is_ours = line.guid.as_ref() == Some(&identity.guid) && line.tenant.as_ref() == Some(&identity.tenant);
        }
        is_ours.then_some((run, line))
    })
}
