//! How long the core takes, and how much memory, for far more than any cluster holds. Prints figures, judges none.

mod fleet;

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use attune::desired::load;
use attune::plan::plan;
use attune::render::json::{self, PlanV1};
use attune::render::{Styles, html, markdown, text};

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let policies: usize = env::args().nth(1).unwrap_or_default().parse()?;
    let directory = env::temp_dir().join(format!("attune-scale-{policies}"));
    fleet::write(&directory, policies)?;
    one(&directory, policies)
}

fn one(directory: &Path, policies: usize) -> Result<(), Box<dyn Error>> {
    let observed = fleet::observed(policies);
    let mut out = io::stdout().lock();
    let mut clock = Clock(Instant::now());
    let loaded = load(&directory.join("attune.toml"))?;
    assert!(loaded.findings.is_empty(), "{:?}", loaded.findings.first());
    writeln!(out, "load {:?} {}", clock.lap(), memory())?;
    let plan = plan(&loaded.desired, &observed);
    writeln!(out, "plan {:?} {} changes {} steps {}", clock.lap(), plan.changes.len(), plan.steps.len(), memory())?;
    let told = PlanV1::of(&plan, &loaded.sources);
    writeln!(out, "told {:?} {}", clock.lap(), memory())?;
    let mut bytes = Vec::new();
    text::plan(&mut bytes, &Styles::default(), &told)?;
    writeln!(out, "text {:?} {} {}", clock.lap(), bytes.len(), memory())?;
    bytes.clear();
    json::write(&mut bytes, &told)?;
    writeln!(out, "json {:?} {} {}", clock.lap(), bytes.len(), memory())?;
    let comment = markdown::plan(&told, markdown::USUAL);
    writeln!(out, "markdown {:?} {} {}", clock.lap(), comment.len(), memory())?;
    bytes.clear();
    html::plan(&mut bytes, &told, None)?;
    writeln!(out, "html {:?} {} {}", clock.lap(), bytes.len(), memory())?;
    Ok(())
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS")).collect::<Vec<_>>().join(" ").replace('\t', "")
}

/// Tells how long each thing took.
struct Clock(Instant);

impl Clock {
    fn lap(&mut self) -> Duration {
        let lap = self.0.elapsed();
        self.0 = Instant::now();
        lap
    }
}
