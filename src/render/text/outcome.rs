//! What an apply did, as a person reads it.

use std::io::{self, Write};

use super::{call, overridden};
use crate::apply::{Outcome, Remark, Status, StepOutcome};
use crate::plan::{Call, Plan, Step};
use crate::render::Styles;
use crate::render::words::{count, shown};

/// Writes the outcome: first what did not end well, then the counts, then whether the cluster is as the file says.
///
/// # Errors
/// Those of the writer.
pub fn outcome(out: &mut dyn Write, styles: &Styles, plan: &Plan, outcome: &Outcome) -> io::Result<()> {
    for (step, ended) in plan.steps.iter().zip(&outcome.steps) {
        self::step(out, styles, step, ended)?;
    }
    writeln!(out, "{}", counts(outcome))?;
    overridden(out, styles, plan)?;
    match &outcome.remaining {
        None => writeln!(out, "the cluster could not be observed again: run `attune plan` to see where it stands"),
        Some(_) if outcome.converged() => {
            let text = format!("cluster {} is as the file says", shown(&plan.identity.name));
            writeln!(out, "{}", styles.add.apply_to(text))
        }
        Some(remaining) => {
            let left = count(remaining.changes.len(), "change is", "changes are");
            let ids: Vec<String> = remaining.changes.iter().map(|change| shown(&change.id.to_string())).collect();
            let text = format!("{left} left: run `attune plan` to see what, and `attune apply` to go on");
            writeln!(out, "{}", styles.remove.apply_to(text))?;
            ids.iter().try_for_each(|id| writeln!(out, "  {id}"))
        }
    }?;
    match &outcome.way_back {
        Some(file) => writeln!(out, "the way back: attune apply --file {}", shown(file)),
        None => Ok(()),
    }
}

fn step(out: &mut dyn Write, styles: &Styles, step: &Step, ended: &StepOutcome) -> io::Result<()> {
    let line = |text: String| format!("  {:>3} {}: {text}", step.id.0, call(&step.call));
    let text = match &ended.status {
        Status::Done | Status::AlreadyDone => None,
        Status::Refused(why) => Some(line(format!("refused: {}", shown(why)))),
        Status::Drifted(found) => Some(line(format!("drifted: {}", shown(found)))),
        Status::InDoubt(why) => Some(line(format!("in doubt: {}", shown(why)))),
        Status::Failed(why) => Some(line(format!("failed: {}", shown(why)))),
        Status::NotReached(first) => Some(line(format!("not reached, because of step {first}"))),
        Status::Interrupted => Some(line("not begun before the interruption".to_owned())),
    };
    if let Some(text) = text {
        writeln!(out, "{}", styles.remove.apply_to(text))?;
    }
    for remark in &ended.remarks {
        let text = match remark {
            Remark::Gap => {
                "was detached first: this cluster takes no attach over an attachment, so access was gone for a moment"
                    .to_owned()
            }
            Remark::Kept { place } => format!("a new key pair was made, and is in {}", shown(place)),
            Remark::KeptInEmergency { path, .. } => {
                format!(
                    "a new key pair was made: move it from {} to where it belongs, then delete that file",
                    shown(path)
                )
            }
            Remark::PairUnknown => format!(
                "a new key pair was made, or may have been, and its secret is not known: \
                 `weka s3 user keys-generate --user {}` makes another",
                user_of(&step.call)
            ),
        };
        writeln!(out, "{}", styles.change.apply_to(line(text)))?;
    }
    Ok(())
}

/// The user of a call, as an argument for a shell.
fn user_of(call: &Call) -> String {
    let user = match call {
        Call::Attach { principal, .. } | Call::Detach { principal, .. } => principal.name(),
        Call::RetireKeys { user } => user.as_str(),
        Call::AddPolicy { .. } | Call::RemovePolicy { .. } => "NAME",
    };
    let plain = user.chars().all(|c| c.is_alphanumeric() || "-_.@".contains(c));
    if plain { user.to_owned() } else { format!("'{}'", shown(user).replace('\'', "'\\''")) }
}

fn counts(outcome: &Outcome) -> String {
    let number = |of: fn(&Status) -> bool| outcome.steps.iter().filter(|step| of(&step.status)).count();
    let counts = [
        (number(|status| matches!(status, Status::Done)), "done"),
        (number(|status| matches!(status, Status::AlreadyDone)), "already done"),
        (number(|status| matches!(status, Status::Refused(_))), "refused"),
        (number(|status| matches!(status, Status::Drifted(_))), "drifted"),
        (number(|status| matches!(status, Status::InDoubt(_))), "in doubt"),
        (number(|status| matches!(status, Status::Failed(_))), "failed"),
        (number(|status| matches!(status, Status::NotReached(_) | Status::Interrupted)), "not reached"),
    ];
    let counts: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    format!("{}: {}", count(outcome.steps.len(), "call", "calls"), counts.join(", "))
}
