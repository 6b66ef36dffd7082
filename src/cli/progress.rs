//! Progress of an observation or an apply, on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use super::state::Journal;
use crate::apply::{Progress, StepOutcome, StoredIn};
use crate::base::{UserName, visible, visible_lines};
use crate::plan::Step;
use crate::render::text;

/// Counts steps and names the last started one. Also writes the journal.
pub(super) struct ApplyProgress<'a> {
    bar: ProgressBar,
    journal: &'a Journal,
}

impl<'a> ApplyProgress<'a> {
    pub(super) fn new(steps: usize, journal: &'a Journal, output: &Output) -> Self {
        let target = if output.shows_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(u64::try_from(steps).unwrap_or(u64::MAX)), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, journal }
    }

    /// Prints a line to stderr, above the bar.
    pub(super) fn print(&self, text: &str) {
        self.bar.suspend(|| {
            // A closed stderr cannot be reported anywhere.
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", visible_lines(text)));
        });
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for ApplyProgress<'_> {
    fn started(&self, step: &Step) {
        self.journal.started(step);
        self.bar.set_message(visible(&text::call(&step.call)).into_owned());
    }

    fn ended(&self, step: &Step, outcome: &StepOutcome) {
        self.journal.ended(step, outcome);
        self.bar.inc(1);
    }

    fn keys_stored(&self, user: &UserName, stored: &StoredIn) {
        self.journal.keys_stored(user, stored);
    }
}

/// How long an observation may take before its progress is shown.
const DELAY: Duration = Duration::from_secs(1);

/// Counts the reads of an observation. Disappears when it is dropped.
pub(super) struct ReadProgress(ProgressBar);

impl ReadProgress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} reading the cluster: {pos} responses in {elapsed}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub(super) fn inc(&self) {
        if self.0.is_hidden() && self.0.elapsed() > DELAY {
            self.0.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.0.inc(1);
    }
}

impl Drop for ReadProgress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
