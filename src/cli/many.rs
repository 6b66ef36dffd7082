//! Runs a command for several configurations concurrently, and prints a summary.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};
use serde_json::value::RawValue;

use super::args::{Format, GlobalArgs};
use super::base;
use super::connect::CommandError;
use super::exit::{self, Exit, Failure};
use super::files::save;
use super::output::Output;
use super::results::{Form, print_results, print_summary, write_metrics};
use super::targets::{Target, Wave};
use crate::base::file_name_without_capitals;
use crate::desired::shown_path;
use crate::render::json::{self, ManyV1, OneV1, target_name};

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

struct Run {
    target: Option<String>,
    file: String,
    tenant: Option<String>,
    result: Result<Exit, Failure>,
    output: Output,
}

impl Run {
    fn name(&self) -> String {
        target_name(&self.file, self.tenant.as_deref())
    }

    fn exit(&self) -> Exit {
        self.result.as_ref().map_or_else(|failure| failure.exit, |exit| *exit)
    }

    fn error(&self) -> Option<&str> {
        self.result.as_ref().err().map(|failure| failure.finding.message.as_str())
    }

    fn to_json(&self) -> OneV1 {
        let printed =
            || RawValue::from_string(String::from_utf8_lossy(self.output.captured()[0]).trim().to_owned()).ok();
        OneV1 {
            target: self.target.clone(),
            file: self.file.clone(),
            tenant: self.tenant.clone(),
            exit: self.exit().number(),
            error: self.error().map(str::to_owned),
            summary: Some(self.summary()),
            result: self.output.kept.clone().or_else(printed),
            saved: None,
        }
    }

    fn summary(&self) -> String {
        match (self.error(), &self.output.summary) {
            (Some(error), None) => format!("error: {error}"),
            (Some(error), Some(summary)) => format!("{summary}; {error}"),
            (None, Some(summary)) => summary.clone(),
            (None, None) => "done".to_owned(),
        }
    }
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

/// What is made of the results of several configurations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) form: Form,
    /// The directory that gets the results, too.
    pub(super) out: Option<&'a Path>,
    /// The file that gets metrics.
    pub(super) metrics: Option<&'a Path>,
}

impl From<Format> for Wanted<'_> {
    fn from(format: Format) -> Self {
        let form = match format {
            Format::Text => Form::Text,
            Format::Json => Form::Json,
        };
        Self { form, out: None, metrics: None }
    }
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
    let (mut runs, mut stopped) = (Vec::new(), None);
    for wave in waves {
        let (of_wave, why) = run_wave(global, wave, stopped.clone(), at_once, output, &command).await;
        runs.extend(of_wave);
        stopped = stopped.or(why);
    }
    let worst = runs.iter().map(Run::exit).max().unwrap_or(Exit::Done);
    if runs.iter().any(|run| run.output.changed.is_some()) {
        output.changed = Some(worst);
    }
    if !matches!(wanted.form, Form::Text) {
        runs.iter().for_each(|run| print_stderr(run, output));
    }
    let named = global.desired_files.iter().map(|file| shown_path(file)).collect();
    let results = runs.iter().map(Run::to_json).collect();
    let all = ManyV1::of(Some(name.to_owned()), worst.number(), named, results);
    match wanted.form {
        Form::Text => print_text(&runs, output)?,
        Form::Json | Form::Comment(_) => print_results(&all, wanted.form, output)?,
        #[cfg(feature = "html")]
        Form::Page => print_results(&all, wanted.form, output)?,
    }
    if let Some(path) = wanted.metrics {
        write_metrics(path, &all)?;
    }
    if let Some(directory) = wanted.out {
        save_all(directory, all)?;
    }
    Ok(worst)
}

/// Runs a wave. No target starts once the wave has too many failures, or if an earlier wave `stopped`. Says why later waves must not
/// start.
async fn run_wave(
    global: &GlobalArgs,
    wave: Wave,
    stopped: Option<Failure>,
    at_once: usize,
    output: &Output,
    command: &impl AsyncFn(&GlobalArgs, &mut Output) -> Result<Exit, Failure>,
) -> (Vec<Run>, Option<Failure>) {
    let failed = Cell::new(0);
    let too_many = || wave.stops_after(failed.get());
    let run = async |(place, target): (usize, &Target)| {
        let (own, mut output) = (target.arguments_of_many(global), output.buffered());
        let not_started = stopped.clone().or_else(too_many);
        let counts = not_started.is_none();
        let result = match not_started.or_else(|| target.problem.clone()) {
            None => command(&own, &mut output).await,
            Some(problem) => Err(CommandError::from(problem).reported(&mut output)),
        };
        if let Err(failure) = &result {
            output.failure(failure);
        }
        let (file, tenant) = (shown_path(&target.file), target.tenant.clone());
        let run = Run { target: target.id.clone(), file, tenant, result, output };
        if counts && !matches!(run.exit(), Exit::Done | Exit::Changes) {
            failed.set(failed.get() + 1);
        }
        (place, run)
    };
    // Unordered, so that a slow cluster does not delay the others.
    let runs = stream::iter(wave.targets.iter().enumerate()).map(run).buffer_unordered(at_once);
    let runs = runs.collect::<BTreeMap<_, _>>().await.into_values().collect();
    let why = wave.stops_after(failed.get());
    (runs, why)
}

/// The file of `attune plan --out DIR` that says which file has the result of which configuration.
pub(super) const INDEX: &str = "index.json";

/// The name of the file for the result of a configuration: always the same, on every file system.
fn result_file(configuration: &str) -> String {
    match file_name_without_capitals(configuration).as_str() {
        // The index has that name.
        "index" => "%69ndex.json".to_owned(),
        name => format!("{name}.json"),
    }
}

/// Writes a file for each result, and the index last.
fn save_all(directory: &Path, mut all: ManyV1) -> Result<(), Failure> {
    std::fs::create_dir_all(directory).map_err(|error| Failure::unwritten("the plans", directory, &error))?;
    for run in &mut all.runs {
        let Some(result) = run.result.take() else { continue };
        let name = result_file(&run.name());
        save("the plan", &directory.join(&name), |out| writeln!(out, "{result}"))?;
        run.saved = Some(name);
    }
    save("the plans", &directory.join(INDEX), |out| json::write(out, &all))
}

fn print_text(runs: &[Run], output: &mut Output) -> Result<(), Failure> {
    for run in runs {
        output.result(|out, styles| writeln!(out, "{}", styles.strong.apply_to(format!("== {}", run.name()))))?;
        print_stderr(run, output);
        output.result(|out, _| out.write_all(run.output.captured()[0]).and_then(|()| writeln!(out)))?;
    }
    print_summary(&runs.iter().map(Run::to_json).collect::<Vec<_>>(), output)
}

/// Prints the stderr of a run, with a header, since stdout may go elsewhere.
fn print_stderr(run: &Run, output: &mut Output) {
    let [_, stderr] = run.output.captured();
    if !stderr.is_empty() {
        output.message(|out, styles| {
            writeln!(out, "{}", styles.dim.apply_to(format!("-- {}", run.name())))?;
            out.write_all(stderr)
        });
    }
}
