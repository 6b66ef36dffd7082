//! What an apply did, as a person reads it.

use std::io::{self, Write};

use super::overridden;
use crate::base::shell_line;
use crate::render::Styles;
use crate::render::json::{OutcomeV1, RemarkV1, StatusV1, StepOutcomeV1};
use crate::render::phrase;
use crate::render::words::{count, shown};

/// Writes the outcome: first what did not end well, then the counts, then whether the cluster is as the file says.
///
/// # Errors
/// Those of the writer.
pub fn outcome(out: &mut dyn Write, styles: &Styles, outcome: &OutcomeV1) -> io::Result<()> {
    for ended in &outcome.steps {
        step(out, styles, ended)?;
    }
    writeln!(out, "{}", counts(outcome))?;
    overridden(out, styles, &outcome.overrides)?;
    if outcome.converged {
        let text = format!("cluster {} is as the file says", shown(&outcome.cluster.name));
        writeln!(out, "{}", styles.add.apply_to(text))?;
    } else if outcome.remaining.is_none() {
        writeln!(out, "the cluster could not be observed again: run `attune plan` to see where it stands")?;
    } else {
        let left = count(outcome.remaining_changes.len(), "change is", "changes are");
        let text = format!("{left} left: run `attune plan` to see what, and `attune apply` to go on");
        writeln!(out, "{}", styles.remove.apply_to(text))?;
        outcome.remaining_changes.iter().try_for_each(|id| writeln!(out, "  {}", shown(id)))?;
    }
    match (&outcome.rollback_command, &outcome.rollback_file) {
        (Some(command), _) => writeln!(out, "to roll back: {}", shown(command)),
        (None, Some(file)) => writeln!(out, "to roll back, apply the rollback file {}", shown(file)),
        (None, None) => Ok(()),
    }
}

fn step(out: &mut dyn Write, styles: &Styles, ended: &StepOutcomeV1) -> io::Result<()> {
    let called =
        phrase::called(ended.call, ended.policy.as_deref(), (ended.user.as_deref(), ended.group.as_deref()), shown);
    let line = |text: String| format!("  {:>3} {called}: {text}", ended.id);
    let why = shown(ended.reason.as_deref().unwrap_or_default());
    let text = match ended.status {
        StatusV1::Done | StatusV1::AlreadyDone => None,
        StatusV1::Refused => Some(format!("refused: {why}")),
        StatusV1::Drifted => Some(format!("drifted: {why}")),
        StatusV1::UnknownOutcome => Some(format!("in doubt: {why}")),
        StatusV1::Failed => Some(format!("failed: {why}")),
        StatusV1::NotReached => Some(format!("not reached, because of step {}", ended.blocked_by.unwrap_or_default())),
        StatusV1::Interrupted => Some("not begun before the interruption".to_owned()),
    };
    if let Some(text) = text {
        writeln!(out, "{}", styles.remove.apply_to(line(text)))?;
    }
    let place = shown(ended.keys_stored_in.as_deref().unwrap_or_default());
    for remark in &ended.remarks {
        let text = match remark {
            RemarkV1::Gap => {
                "was detached first: this cluster takes no attach over an attachment, so access was gone for a moment"
                    .to_owned()
            }
            RemarkV1::Kept => format!("a new key pair was made, and is in {place}"),
            RemarkV1::KeptInEmergency => {
                format!("a new key pair was made: move it from {place} to where it belongs, then delete that file")
            }
            RemarkV1::PairUnknown => {
                let user = ended.user.as_deref().unwrap_or("NAME");
                let command = shell_line(["weka", "s3", "user", "keys-generate", "--user", user]);
                let another = command.map(|command| format!(": `{command}` makes another")).unwrap_or_default();
                format!("a new key pair was made, or may have been, and its secret is not known{another}")
            }
            RemarkV1::AnswerKept => {
                let user = ended.user.as_deref().unwrap_or("NAME");
                let command = shell_line(["attune", "keys", "generate", user]);
                let another = command.map(|command| format!(", or run `{command}`")).unwrap_or_default();
                format!(
                    "the answer was not understood: it may hold a new key pair, and is in {place}; take the pair from there\
                     {another}, then delete that file"
                )
            }
        };
        writeln!(out, "{}", styles.change.apply_to(line(text)))?;
    }
    Ok(())
}

/// What an apply came to, in a few words.
#[must_use]
pub fn ended(outcome: &OutcomeV1) -> String {
    let end = if outcome.converged { "as the file says" } else { "not as the file says" };
    format!("{} · {end}", counts(outcome))
}

fn counts(outcome: &OutcomeV1) -> String {
    let calls = count(outcome.steps.len(), "call", "calls");
    let endings = phrase::endings(&outcome.steps);
    if endings.is_empty() { calls } else { format!("{calls}: {endings}") }
}
