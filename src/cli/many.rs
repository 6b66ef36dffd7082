//! Runs a command for several configurations concurrently.

use std::cell::Cell;
use std::future;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};

use super::args::GlobalArgs;
use super::base;
use super::connect::CommandError;
use super::ended::{Ended, Run};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::results::Wanted;
use super::targets::{Target, Wave};
use crate::desired::shown_path;

/// Lists the configurations: the named files, and for a directory its `.toml` files and the `attune.toml` of each
/// subdirectory, sorted. With a base, also those that only the base has, since their objects become unmanaged.
pub(super) fn files(named: &[PathBuf], base: Option<&str>) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = in_directory(path)
            .map_err(|error| Failure::new(&exit::NO_FILE, format!("cannot read {}: {error}", path.display())))?;
        if let Some(base) = base {
            found.extend(base::configurations(base, path)?);
            found.sort();
            found.dedup();
        }
        if found.is_empty() {
            let message = format!("there is no configuration in the directory {}", path.display());
            return Err(Failure::new(&exit::NO_FILE, message)
                .help("a directory provides its `.toml` files, and the `attune.toml` of each subdirectory"));
        }
        files.extend(found);
    }
    if let Some(base) = base.filter(|base| files.len() > 1 && base::is_path(base)) {
        let message = format!("the base {base} is one file, but there are {} configurations", files.len());
        return Err(
            Failure::new(&exit::NO_BASE, message).help("use a Git revision, or run the command for each configuration")
        );
    }
    Ok(files)
}

fn in_directory(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let file = if path.is_dir() { path.join("attune.toml") } else { path };
        if !hidden && file.is_file() && file.extension().is_some_and(|end| end == "toml") {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

/// Fails if the command line names the cluster of targets of several configurations.
pub(super) fn check_cluster<'a>(
    global: &GlobalArgs,
    mut targets: impl Iterator<Item = &'a Target>,
) -> Result<(), Failure> {
    let Some(first) = targets.next().filter(|_| global.cluster.is_some()) else { return Ok(()) };
    if targets.all(|target| target.file == first.file) {
        return Ok(());
    }
    let message = "`--cluster` names one cluster, but several configurations are given";
    Err(Failure::new(&exit::BAD_ENDPOINT, message).help("remove it: each configuration names its cluster"))
}

/// Runs a command for each target, so many at a time and wave by wave, and prints the results in the order of the targets.
pub(super) async fn each(
    (global, name): (&GlobalArgs, &str),
    waves: Vec<Wave>,
    at_once: usize,
    wanted: Wanted<'_>,
    output: &mut Output,
    command: impl AsyncFn(&GlobalArgs, &mut Output) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    check_cluster(global, waves.iter().flat_map(|wave| &wave.targets))?;
    let count = waves.iter().map(|wave| wave.targets.len()).sum();
    let mut ended = Ended::new(count, wanted, output);
    let (mut first, mut stopped) = (0, None);
    for wave in waves {
        let why = run_wave(global, &wave, (first, stopped.as_ref()), at_once, &mut ended, &command).await;
        first += wave.targets.len();
        stopped = stopped.or(why);
    }
    let named = global.desired_files.iter().map(|file| shown_path(file)).collect();
    ended.finish(name, named, wanted)
}

/// Runs a wave. No target starts once the wave has too many failures, or if an earlier wave `stopped`. Says why later waves must not
/// start.
async fn run_wave(
    global: &GlobalArgs,
    wave: &Wave,
    (first, stopped): (usize, Option<&Failure>),
    at_once: usize,
    ended: &mut Ended<'_>,
    command: &impl AsyncFn(&GlobalArgs, &mut Output) -> Result<Exit, Failure>,
) -> Option<Failure> {
    let failed = Cell::new(0);
    let printer = ended.output.buffered();
    let run = async |(place, target): (usize, &Target)| {
        let (own, mut output) = (target.arguments_of_many(global), printer.buffered());
        let not_started = stopped.cloned().or_else(|| wave.stops_after(failed.get()));
        let is_started = not_started.is_none();
        let result = match not_started.or_else(|| target.problem.clone()) {
            None => command(&own, &mut output).await,
            Some(problem) => Err(CommandError::from(problem).reported(&mut output)),
        };
        if let Err(failure) = &result {
            output.failure(failure);
        }
        let run = Run { result, output, is_started };
        if is_started && !matches!(run.exit(), Exit::Done | Exit::Changes) {
            failed.set(failed.get() + 1);
        }
        (place, run)
    };
    // Unordered, so that a slow cluster does not delay the others.
    let runs = stream::iter(wave.targets.iter().enumerate()).map(run).buffer_unordered(at_once);
    runs.for_each(|(place, run)| {
        ended.add(first + place, &wave.targets[place], run);
        future::ready(())
    })
    .await;
    wave.stops_after(failed.get())
}
