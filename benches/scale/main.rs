//! The time and memory of the core for ten times the limits of a cluster: a fleet in one plan. Prints
//! figures, judges none. Run as a test (without `--bench`), it does with little of everything.

mod fit;
mod fleet;
mod one;

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use wait4::Wait4;

use fleet::{Fleet, USERS_OF_A_POLICY};
use one::PHASES;

/// How many policies, from least to most.
const SIZES: [usize; 4] = [1_280, 2_560, 5_120, 10_240];

/// The same, when run as a test.
const SMALL: [usize; 4] = [50, 100, 200, 400];

/// Of so many, one differs.
const ONE_OF: usize = 1_000;

/// How much may differ, as one of so many.
const SHARES: [usize; 3] = [1_000, 100, 10];

/// The bounds of the largest fleet, in seconds and in MB.
const BOUND: (f64, u64) = (1.0, 200);

/// The bound of the growth of time: with the size to this power.
const POWER: f64 = 1.1;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [one, policies, one_of, shared] = arguments.as_slice()
        && one == "one"
    {
        let (policies, one_of, shared) = (policies.parse()?, one_of.parse()?, shared.parse()?);
        return one::run(Fleet { policies, one_of, shared });
    }
    let whole = arguments.iter().any(|argument| argument == "--bench");
    let (sizes, one_of) = if whole { (SIZES, ONE_OF) } else { (SMALL, 20) };
    let shared = false;
    let mut out = io::stdout().lock();
    writeln!(out, "files to plan to text, {USERS_OF_A_POLICY} users a policy; one of {one_of} differs; in seconds:")?;
    let measured = table(&mut out, &sizes.map(|policies| Fleet { policies, one_of, shared }))?;
    growth(&mut out, &measured)?;
    if whole && let Some((_, largest)) = measured.last() {
        let (seconds, megabytes) = BOUND;
        writeln!(out, "  the largest under {seconds} s: {}", verdict(largest.whole() < seconds))?;
        writeln!(out, "  the largest under {megabytes} MB: {}", verdict(largest.megabytes < megabytes))?;
    }
    writeln!(out, "by how much differs:")?;
    table(&mut out, &SHARES.map(|one_of| Fleet { policies: sizes[3], one_of, shared }))?;
    writeln!(out, "all users hold one policy, whose document is another:")?;
    let fleets = sizes.map(|policies| Fleet { policies, one_of: usize::MAX, shared: true });
    let measured = table(&mut out, &fleets)?;
    growth(&mut out, &measured)
}

/// With which power of the size each phase grows.
fn growth(out: &mut impl Write, measured: &[(Fleet, Measured)]) -> Result<(), Box<dyn Error>> {
    let power = |of: &dyn Fn(&Measured) -> f64| {
        fit::power(&measured.iter().map(|(fleet, all)| (fleet.policies as f64, of(all))).collect::<Vec<_>>())
    };
    let whole = power(&Measured::whole);
    writeln!(out, "  grows with the size to the power of {whole:.2} (at most {POWER}): {}", verdict(whole <= POWER))?;
    let each = PHASES.iter().enumerate().map(|(at, phase)| format!("{phase} {:.2}", power(&|all| all.seconds[at])));
    writeln!(out, "  each: {}", each.collect::<Vec<_>>().join(", "))?;
    Ok(())
}

fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "does not hold" }
}

/// The measurements of one fleet.
struct Measured {
    changes: usize,
    /// How long each of [`PHASES`] took.
    seconds: Vec<f64>,
    /// The peak memory of the process, including the data of the cluster.
    megabytes: u64,
}

impl Measured {
    /// From the files to the text of a plan. The other forms stand for themselves: a run makes one of them.
    fn whole(&self) -> f64 {
        self.seconds.iter().take(3).sum()
    }
}

fn table(out: &mut impl Write, fleets: &[Fleet]) -> Result<Vec<(Fleet, Measured)>, Box<dyn Error>> {
    let titles: String = PHASES.iter().map(|phase| format!("{phase:>10}")).collect();
    writeln!(out, "  {:>8} {:>9} {:>8} {:>8}{titles} {:>9}", "policies", "users", "changes", "whole", "peak MB")?;
    let mut rows = Vec::new();
    for fleet in fleets {
        let all = measure(*fleet)?;
        let (policies, users) = (fleet.policies, fleet.policies * USERS_OF_A_POLICY);
        let laps: String = all.seconds.iter().map(|lap| format!("{lap:>10.3}")).collect();
        let (changes, whole, peak) = (all.changes, all.whole(), all.megabytes);
        writeln!(out, "  {policies:>8} {users:>9} {changes:>8} {whole:>8.3}{laps} {peak:>9}")?;
        rows.push((*fleet, all));
    }
    Ok(rows)
}

fn measure(fleet: Fleet) -> Result<Measured, Box<dyn Error>> {
    let mut child = Command::new(env::current_exe()?)
        .args(["one".to_owned(), fleet.policies.to_string(), fleet.one_of.to_string(), fleet.shared.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = io::read_to_string(child.stdout.take().ok_or("no output")?)?;
    let ended = child.wait4()?;
    let mut words = output.split_whitespace();
    let changes = words.next().ok_or("a measurement failed")?.parse()?;
    let seconds = words.map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    if !ended.status.success() || seconds.len() != PHASES.len() {
        return Err("a measurement failed".into());
    }
    Ok(Measured { changes, seconds, megabytes: ended.rusage.maxrss / 1_000_000 })
}
