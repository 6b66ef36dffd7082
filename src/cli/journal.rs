//! Reads journals. Anyone who can write to the state directory can write one, so none decides anything by itself.

use std::io::BufRead;

use serde::Deserialize;

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
