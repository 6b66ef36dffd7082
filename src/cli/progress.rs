//! How far an apply is, on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use crate::apply::{StepOutcome, Watch};
use crate::plan::Step;
use crate::render::text;

/// A bar that counts steps and names the one last begun; nothing where there is no terminal.
pub(super) struct Progress(ProgressBar);

impl Progress {
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
            let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{text}\n"));
        });
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Watch for Progress {
    fn started(&self, step: &Step) {
        self.0.set_message(text::call(&step.call));
    }

    fn ended(&self, _: &Step, _: &StepOutcome) {
        self.0.inc(1);
    }
}
