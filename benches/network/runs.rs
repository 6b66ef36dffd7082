//! Runs of `attune plan`, `apply` and `validate`, and the minimum cost of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::process::{PROGRAM, Took, attune, run};
use crate::simulator::Simulator;
use crate::table::{Bound, Row, Table, median, milliseconds};
use crate::world::World;
use crate::{Outcome, Sizes};

const MIB: f64 = 1_048_576.0;

/// So many rounds of answers, in milliseconds.
fn rounds(sizes: &Sizes, rounds: usize) -> f64 {
    rounds as f64 * milliseconds(sizes.latency)
}

/// A plan of a cluster at its limit, with nothing to do.
pub(crate) fn observing(sizes: &Sizes, table: &mut Table<'_>) -> Outcome<()> {
    let own: Vec<_> = (0..sizes.each).map(Some).collect();
    let world = World::new(sizes.each, &own, &own, None)?;
    let mut simulator = Simulator::start(world.path(), sizes.latency, true)?;
    let jobs = sizes.jobs.to_string();
    let args = ["plan", "--detailed-exitcode", "--jobs", &jobs, "--cluster", &simulator.url.clone()];
    let mut took = Vec::new();
    let mut traffic = (0, 0);
    for _ in 0..sizes.runs {
        took.push(run(world.path(), &args, 0)?);
        traffic = simulator.traffic()?;
    }
    if traffic.0 < sizes.each {
        return Err(format!("a plan made {} requests, fewer than there are documents", traffic.0).into());
    }
    table.row(&Row {
        what: "plan with nothing to do, wall time",
        floor: Some(rounds(sizes, 3 + sizes.each.div_ceil(sizes.jobs))),
        measured: median(took.iter().map(|took| milliseconds(took.wall)).collect()),
        unit: "ms",
        bound: Bound::Ratio(1.15),
        traffic: Some(traffic),
    })?;
    row_of_process(table, "  its process time", &took, Bound::None)?;
    row_of_memory(table, "  its peak memory", &took, Bound::Below(64.0))
}

/// A plan of a cluster with many buckets: it reads the name and the document of each one's policy.
pub(crate) fn buckets(sizes: &Sizes, table: &mut Table<'_>) -> Outcome<()> {
    let world = World::of_buckets(sizes.buckets)?;
    let latency = sizes.latency / 5;
    let simulator = Simulator::start(world.path(), latency, false)?;
    let jobs = sizes.jobs.to_string();
    let args = ["plan", "--detailed-exitcode", "--jobs", &jobs, "--cluster", &simulator.url.clone()];
    let took: Vec<Took> =
        (0..sizes.runs.min(3)).map(|_| run(world.path(), &args, 0)).collect::<Outcome<Vec<Took>>>()?;
    let rounds = 4 + 2 * sizes.buckets.div_ceil(sizes.jobs);
    table.row(&Row {
        what: &format!("plan with {} buckets, wall time", sizes.buckets),
        floor: Some(rounds as f64 * milliseconds(latency)),
        measured: median(took.iter().map(|took| milliseconds(took.wall)).collect()),
        unit: "ms",
        bound: Bound::Ratio(1.15),
        traffic: None,
    })?;
    row_of_memory(table, "  its peak memory", &took, Bound::Below(128.0))
}

/// Plans of many attaches, and one of a swap, carried out.
pub(crate) fn applying(sizes: &Sizes, table: &mut Table<'_>) -> Outcome<()> {
    let shared = 16.min(sizes.each);
    let none = vec![None; sizes.each];
    let few: Vec<_> = (0..sizes.each).map(|number| Some(number % shared)).collect();
    let attaches = sizes.each.div_ceil(sizes.jobs);
    let what = format!("apply, {} attaches to {shared} policies", sizes.each);
    apply(sizes, table, (&what, attaches, sizes.each, Bound::Ratio(1.2)), &|| World::new(shared, &none, &few, None))?;

    let own: Vec<_> = (0..sizes.each).map(Some).collect();
    let what = format!("apply, {} attaches to as many policies", sizes.each);
    // Each policy is read before it is attached.
    let floor = (2 * sizes.each).div_ceil(sizes.jobs);
    let bound = Bound::Ratio(1.2);
    apply(sizes, table, (&what, floor, sizes.each, bound), &|| World::new(sizes.each, &none, &own, None))?;

    let attached = vec![Some(0); sizes.attached];
    let what = format!("apply, a swap with {} users", sizes.attached);
    let floor = 4 + 2 * sizes.attached.div_ceil(sizes.jobs);
    let world = || World::new(1, &attached, &attached, Some(0));
    apply(sizes, table, (&what, floor, 4 + 2 * sizes.attached, Bound::None), &world)?;
    table.row(&Row {
        what: "  its calls one after the other",
        floor: Some(floor as f64),
        measured: in_a_row(&world()?, sizes)? as f64,
        unit: "calls",
        bound: Bound::Ratio(1.0),
        traffic: None,
    })
}

/// How many calls of a plan come one after the other, at least, where so many may be under way at once: those that wait for
/// equally many others in a row can be made together.
fn in_a_row(world: &World, sizes: &Sizes) -> Outcome<usize> {
    let simulator = Simulator::start(world.path(), Duration::ZERO, false)?;
    let args = ["plan", "--format", "json", "--cluster", &simulator.url.clone()];
    let plan: Value = serde_json::from_slice(&attune(world.path(), &args).output()?.stdout)?;
    simulator.stop()?;
    let steps = plan["steps"].as_array().ok_or("the plan has no steps")?;
    let mut depths: BTreeMap<u64, usize> = BTreeMap::new();
    for step in steps {
        let firsts = step["after"].as_array().into_iter().flatten().filter_map(Value::as_u64);
        let depth = firsts.filter_map(|first| depths.get(&first)).max().map_or(0, |deepest| deepest + 1);
        depths.insert(step["id"].as_u64().ok_or("a step has no number")?, depth);
    }
    let mut together: BTreeMap<usize, usize> = BTreeMap::new();
    for depth in depths.into_values() {
        *together.entry(depth).or_default() += 1;
    }
    Ok(together.into_values().map(|calls| calls.div_ceil(sizes.jobs)).sum())
}

/// Applies, and measures from the first call to the last in the journal.
fn apply(
    sizes: &Sizes,
    table: &mut Table<'_>,
    (what, floor, calls, bound): (&str, usize, usize, Bound),
    world: &dyn Fn() -> Outcome<World>,
) -> Outcome<()> {
    let (mut took, mut traffic) = (Vec::new(), (0, 0));
    for _ in 0..sizes.runs.min(3) {
        let world = world()?;
        let mut simulator = Simulator::start(world.path(), sizes.latency, true)?;
        carry_out(sizes, world.path(), &simulator.url)?;
        traffic = simulator.traffic()?;
        took.push(milliseconds(calls_of(&world.path().join("state"), calls)?));
    }
    table.row(&Row {
        what,
        floor: Some(rounds(sizes, floor)),
        measured: median(took),
        unit: "ms",
        bound,
        traffic: Some(traffic),
    })
}

fn carry_out(sizes: &Sizes, folder: &Path, url: &str) -> Outcome<Took> {
    let jobs = sizes.jobs.to_string();
    run(folder, &["apply", "--yes", "--quiet", "--state-dir", "state", "--jobs", &jobs, "--cluster", url], 0)
}

/// From the beginning of the first call to the end of the last, of which there must be so many.
fn calls_of(state: &Path, calls: usize) -> Outcome<Duration> {
    let mut times = Vec::new();
    for entry in fs::read_dir(state)? {
        let path = entry?.path();
        if path.extension().is_none_or(|end| end != "jsonl") {
            continue;
        }
        for line in fs::read_to_string(path)?.lines() {
            let event: Value = serde_json::from_str(line)?;
            if matches!(event["event"].as_str(), Some("started" | "ended")) {
                times.push(OffsetDateTime::parse(event["time"].as_str().unwrap_or_default(), &Rfc3339)?);
            }
        }
    }
    if times.len() != 2 * calls {
        return Err(format!("the journal tells of {} beginnings and ends, not of {calls} calls", times.len()).into());
    }
    match (times.iter().min(), times.iter().max()) {
        (Some(first), Some(last)) => Ok((*last - *first).unsigned_abs()),
        (None, _) | (_, None) => Err("there are no calls".into()),
    }
}

/// The example that people begin with.
pub(crate) fn small(sizes: &Sizes, table: &mut Table<'_>) -> Outcome<()> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
    let folder = tempfile::tempdir()?;
    for (from, to) in
        [(example.clone(), folder.path().to_owned()), (example.join("policies"), folder.path().join("policies"))]
    {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(from)?.collect::<Result<Vec<_>, _>>()? {
            if entry.path().is_file() {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
    }
    let times = 4 * sizes.runs;
    let validate = (0..times).map(|_| run(folder.path(), &["validate"], 0)).collect::<Outcome<Vec<_>>>()?;
    row_of_process(table, "validate of the quickstart, process time", &validate, Bound::Below(10.0))?;
    let simulator = Simulator::start(folder.path(), Duration::ZERO, false)?;
    let args = ["plan", "--cluster", &simulator.url];
    let plan = (0..times).map(|_| run(folder.path(), &args, 0)).collect::<Outcome<Vec<_>>>()?;
    row_of_process(table, "plan of the quickstart, process time", &plan, Bound::Below(40.0))?;
    row_of_memory(table, "  its peak memory", &plan, Bound::None)
}

/// How large the program is.
pub(crate) fn program(table: &mut Table<'_>) -> Outcome<()> {
    let measured = fs::metadata(PROGRAM)?.len() as f64 / 1_000_000.0;
    table.row(&Row::of("the program", measured, "MB", Bound::None))
}

/// The resources of an apply of many calls, and of four times as many.
pub(crate) fn memory(sizes: &Sizes, table: &mut Table<'_>) -> Outcome<()> {
    for calls in [sizes.each, 4 * sizes.each] {
        let shared = 16.min(sizes.each);
        let attached: Vec<_> = (0..calls).map(|number| Some(number % shared)).collect();
        let world = World::new(shared, &vec![None; calls], &attached, None)?;
        let simulator = Simulator::start(world.path(), Duration::ZERO, false)?;
        let plan = run(world.path(), &["plan", "--cluster", &simulator.url], 0)?;
        row_of_memory(table, &format!("plan of {calls} attaches, peak memory"), &[plan], Bound::None)?;
        let apply = carry_out(sizes, world.path(), &simulator.url)?;
        calls_of(&world.path().join("state"), calls)?;
        row_of_memory(table, &format!("apply of {calls} attaches, peak memory"), &[apply], Bound::None)?;
    }
    Ok(())
}

fn row_of_process(table: &mut Table<'_>, what: &str, took: &[Took], bound: Bound) -> Outcome<()> {
    let measured = median(took.iter().map(|took| milliseconds(took.cpu)).collect());
    table.row(&Row::of(what, measured, "ms", bound))
}

fn row_of_memory(table: &mut Table<'_>, what: &str, took: &[Took], bound: Bound) -> Outcome<()> {
    let measured = median(took.iter().map(|took| took.peak as f64 / MIB).collect());
    table.row(&Row::of(what, measured, "MiB", bound))
}
