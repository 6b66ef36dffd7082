//! How close whole runs come to the cost of the network: the program against a simulated cluster in another process.
//! Prints figures, judges none. Run as a test (without `--bench`), it makes each run once with little of everything.

mod load;
mod process;
mod runs;
mod simulator;
mod table;
mod world;

use std::io::{self, Write};
use std::time::Duration;

use table::Table;

/// Any error ends the benchmark.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How much of everything there is.
pub(crate) struct Sizes {
    /// How many policies, and how many users.
    pub(crate) each: usize,
    /// The number of users that have the swapped policy.
    pub(crate) attached: usize,
    /// The number of buckets of a cluster.
    pub(crate) buckets: usize,
    /// How many calls at once.
    pub(crate) jobs: usize,
    /// The latency of a response.
    pub(crate) latency: Duration,
    /// How often a run is measured.
    pub(crate) runs: usize,
    /// The number of reads on each connection of a load.
    pub(crate) reads: usize,
    /// How many changes.
    pub(crate) writes: usize,
}

/// A cluster at its limit.
const WHOLE: Sizes = Sizes {
    // Three of the 1024 policies are the predefined ones.
    each: 1_021,
    attached: 500,
    buckets: 10_000,
    jobs: 16,
    latency: Duration::from_millis(100),
    runs: 5,
    reads: 2_000,
    writes: 64,
};

/// Enough to see that everything still runs.
const SMALL: Sizes = Sizes {
    each: 24,
    attached: 10,
    buckets: 24,
    jobs: 4,
    latency: Duration::from_millis(2),
    runs: 1,
    reads: 10,
    writes: 2,
};

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    let has = |wanted: &str| args.iter().any(|arg| arg == wanted);
    let mut out = io::stdout().lock();
    if has("--list") {
        // A test runner lists the tests.
        if !has("--ignored") {
            writeln!(out, "network: test")?;
        }
        return Ok(());
    }
    let whole = has("--bench");
    let sizes = if whole { WHOLE } else { SMALL };
    writeln!(
        out,
        "{} policies and {} users, documents of {} bytes, {} ms an answer, --jobs {}:",
        sizes.each,
        sizes.each,
        world::document(0, 0).len(),
        sizes.latency.as_millis(),
        sizes.jobs
    )?;
    let mut table = Table::new(&mut out, whole)?;
    runs::observing(&sizes, &mut table)?;
    runs::buckets(&sizes, &mut table)?;
    runs::applying(&sizes, &mut table)?;
    runs::small(&sizes, &mut table)?;
    runs::program(&mut table)?;
    load::reads(&sizes, &mut table)?;
    load::writes(&sizes, &mut table)?;
    runs::memory(&sizes, &mut table)
}
