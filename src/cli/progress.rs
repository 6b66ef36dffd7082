//! How far an observation or an apply is, on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use crate::apply::{Progress, StepOutcome};
use crate::base::{visible, visible_lines};
use crate::plan::Step;
use crate::render::text;

/// A bar that counts steps and names the one last begun; nothing where there is no terminal.
pub(super) struct ProgressLine(ProgressBar);

impl ProgressLine {
    /// A bar for so many steps.
    pub(super) fn new(steps: usize, output: &Output) -> Self {
        let target = if output.draws() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(u64::try_from(steps).unwrap_or(u64::MAX)), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {wide_msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Says something beside the bar, on stderr in any case.
    pub(super) fn say(&self, text: &str) {
        self.0.suspend(|| {
            // There is nowhere to report that stderr is gone.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", visible_lines(text)));
        });
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for ProgressLine {
    fn started(&self, step: &Step) {
        self.0.set_message(visible(&text::call(&step.call)).into_owned());
    }

    fn ended(&self, _: &Step, _: &StepOutcome) {
        self.0.inc(1);
    }
}

/// How long an observation takes before it is worth a line.
const LONG: Duration = Duration::from_secs(1);

/// Counts what was read from a cluster, once that takes long. Gone when it is dropped.
pub(super) struct Reading(ProgressBar);

impl Reading {
    /// Nothing read yet, and nothing shown.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} reading the cluster: {pos} answers in {elapsed}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// One thing more was read.
    pub(super) fn read(&self) {
        if self.0.is_hidden() && self.0.elapsed() > LONG {
            self.0.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.0.inc(1);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
