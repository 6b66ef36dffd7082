//! Text for a terminal, and the outcome of an apply.

mod access;
mod cluster;
mod plan;

pub use access::{access, access_report, policy_diff};
pub use cluster::{Beside, doctor, import};
pub use plan::{drift, plan, saved_findings, verdict};

use std::io::{self, Write};

use console::{Alignment, Style, measure_text_width, pad_str};

use crate::plan::Step;
use crate::render::Styles;
use crate::render::json::{OutcomeV1, OverrideV1, StepOutcomeV1, StepV1};
use crate::render::phrase::{self, CANNOT_READ_AGAIN, calls_by_status, count, shown};

const UNDER: &str = "        ";

/// The API call of a step in one line: `attach ml-training to alice`.
pub fn call(step: &Step) -> String {
    let StepV1 { call, policy, user, group, document, .. } = StepV1::of(step);
    let size = document.map(|document| format!(" ({} bytes)", document.get().len())).unwrap_or_default();
    phrase::call(call, policy.as_deref(), user.as_deref(), group.as_deref(), shown) + &size
}

struct ObjectLine<'s> {
    mark: &'static str,
    style: &'s Style,
    object: String,
    text: String,
}

impl ObjectLine<'_> {
    fn write(&self, out: &mut dyn Write, width: usize) -> io::Result<()> {
        let object = pad_str(&self.object, width, Alignment::Left, None);
        let line = format!("  {} {object}   {}", self.style.apply_to(self.mark), self.text);
        writeln!(out, "{}", line.trim_end())
    }
}

fn widest(texts: impl Iterator<Item = String>) -> usize {
    texts.map(|text| measure_text_width(&text)).max().unwrap_or(0)
}

fn overridden(out: &mut dyn Write, styles: &Styles, overrides: &[OverrideV1]) -> io::Result<()> {
    for OverrideV1 { given, message, .. } in overrides {
        writeln!(out, "{} {}: {}", styles.change.apply_to("overridden by"), shown(given), shown(message))?;
    }
    Ok(())
}

/// Writes an outcome: first the steps that did not succeed, then the counts, then whether the cluster matches the
/// configuration.
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
pub fn ended(outcome: &OutcomeV1) -> String {
    let end = if outcome.converged { "matches the configuration" } else { "does not match the configuration" };
    format!("{} · {end}", calls_by_status(outcome))
}
