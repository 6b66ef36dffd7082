//! One measurement, in a process of its own so that its memory is its own.

use std::error::Error;
use std::io::{self, Write};
use std::time::Instant;

use attune::base::Severity;
use attune::desired::{Boundary, load};
use attune::plan::plan;
use attune::render::json::{self, PlanV1};
use attune::render::{Styles, html, markdown, text};

use crate::fleet::{self, Fleet};

/// The measured phases in this order, each in seconds.
pub(crate) const PHASES: [&str; 6] = ["load", "plan", "text", "json", "markdown", "html"];

/// Takes a fleet through the core and prints the number of changes, then how long each of [`PHASES`] took.
pub(crate) fn run(fleet: Fleet) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    fleet::write(directory.path(), fleet)?;
    let observed = fleet::observed(fleet);
    let mut clock = Clock { laps: Vec::new(), since: Instant::now() };
    let loaded = load(&directory.path().join("attune.toml"), Boundary::Repository)?;
    clock.lap();
    let plan = plan(&loaded.desired, &observed);
    clock.lap();
    let output = PlanV1::of(&plan, &loaded.sources);
    let mut bytes = Vec::new();
    text::plan(&mut bytes, &Styles::default(), &output)?;
    clock.lap();
    bytes.clear();
    json::write(&mut bytes, &output)?;
    clock.lap();
    let comment = markdown::plan(&output, markdown::USUAL);
    clock.lap();
    bytes.clear();
    html::plan(&mut bytes, &output, None)?;
    clock.lap();
    let mut found = loaded.findings.iter().chain(&plan.findings).chain(&plan.refusals);
    if let Some(finding) = found.find(|finding| finding.severity != Severity::Note) {
        return Err(format!("the plan is not what it should be: {}", finding.message).into());
    }
    if plan.steps.is_empty() || comment.is_empty() {
        return Err("there is nothing to do".into());
    }
    let laps: Vec<String> = clock.laps.iter().map(f64::to_string).collect();
    writeln!(io::stdout(), "{} {}", plan.changes.len(), laps.join(" "))?;
    Ok(())
}

struct Clock {
    laps: Vec<f64>,
    since: Instant,
}

impl Clock {
    fn lap(&mut self) {
        self.laps.push(self.since.elapsed().as_secs_f64());
        self.since = Instant::now();
    }
}
