//! The outcome of an apply.

use std::io::{self, Write};

use super::overridden;
use crate::render::Styles;
use crate::render::json::{OutcomeV1, StepOutcomeV1};
use crate::render::phrase::{self, CANNOT_READ_AGAIN, calls_by_status, count, shown};

/// Writes an outcome: first the steps that did not succeed, then the counts, then whether the cluster matches the
/// configuration.
///
/// # Errors
/// Those of the writer.
pub fn outcome(out: &mut dyn Write, styles: &Styles, outcome: &OutcomeV1) -> io::Result<()> {
    for ended in &outcome.steps {
        step(out, styles, ended)?;
    }
    writeln!(out, "{}", calls_by_status(outcome))?;
    overridden(out, styles, &outcome.overrides)?;
    if outcome.converged {
        let text = format!("cluster {} matches the configuration", shown(&outcome.cluster.name));
        writeln!(out, "{}", styles.add.apply_to(text))?;
    } else if outcome.remaining.is_none() {
        writeln!(out, "{CANNOT_READ_AGAIN}: run `attune plan` to see its state")?;
    } else {
        let remaining = count(outcome.remaining_changes.len(), "change remains", "changes remain");
        let text = format!("{remaining}: run `attune plan` to see them, `attune apply` to resume");
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
    let call = phrase::call(ended.call, ended.policy.as_deref(), ended.user.as_deref(), ended.group.as_deref(), shown);
    let line = |text: String| format!("  {:>3} {call}: {text}", ended.id);
    if let Some(text) = phrase::ending(ended, &shown(ended.reason.as_deref().unwrap_or_default())) {
        writeln!(out, "{}", styles.remove.apply_to(line(text)))?;
    }
    for remark in &ended.remarks {
        let text = phrase::remark(*remark, ended, shown, |command| format!("`{command}`"));
        writeln!(out, "{}", styles.change.apply_to(line(text)))?;
    }
    Ok(())
}

/// The outcome in a few words.
#[must_use]
pub fn ended(outcome: &OutcomeV1) -> String {
    let end = if outcome.converged { "matches the configuration" } else { "does not match the configuration" };
    format!("{} · {end}", calls_by_status(outcome))
}
