//! Runs a command for several configurations concurrently, and prints a summary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};
use serde_json::value::RawValue;

use super::args::{Format, GlobalArgs};
use super::base;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::render::json::{self, ManyV1, OneV1};

const CONCURRENT_RUNS: usize = 8;

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
    file: String,
    result: Result<Exit, Failure>,
    output: Output,
}

impl Run {
    fn exit(&self) -> Exit {
        self.result.as_ref().map_or_else(|failure| failure.exit, |exit| *exit)
    }

    fn error(&self) -> Option<&str> {
        self.result.as_ref().err().map(|failure| failure.finding.message.as_str())
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

/// The arguments for each of several configurations.
pub(super) fn each_of(global: &GlobalArgs, files: Vec<PathBuf>) -> Result<Vec<GlobalArgs>, Failure> {
    if global.cluster.is_some() {
        let message = "`--cluster` names one cluster, but several configurations are given";
        return Err(Failure::new(&exit::BAD_ENDPOINT, message).help("remove it: each configuration names its cluster"));
    }
    Ok(files.into_iter().map(|file| GlobalArgs { file, one_of_many: true, ..global.clone() }).collect())
}

pub(super) async fn each(
    global: &GlobalArgs,
    files: Vec<PathBuf>,
    format: Format,
    output: &mut Output,
    command: impl AsyncFn(&GlobalArgs, &mut Output) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let own = each_of(global, files)?;
    let starts: Vec<(GlobalArgs, Output)> = own.into_iter().map(|own| (own, output.buffered())).collect();
    let run = async |(place, (own, mut output)): (usize, (GlobalArgs, Output))| {
        let result = command(&own, &mut output).await;
        if let Err(failure) = &result {
            output.failure(failure);
        }
        (place, Run { file: own.file_name(), result, output })
    };
    // Unordered, so that a slow cluster does not delay the others.
    let runs = stream::iter(starts.into_iter().enumerate()).map(run).buffer_unordered(CONCURRENT_RUNS);
    let runs: Vec<Run> = runs.collect::<BTreeMap<_, _>>().await.into_values().collect();
    let worst = runs.iter().map(Run::exit).max().unwrap_or(Exit::Done);
    if runs.iter().any(|run| run.output.changed.is_some()) {
        output.changed = Some(worst);
    }
    match format {
        Format::Text => print_text(&runs, output)?,
        Format::Json => {
            let runs = runs.iter().map(|run| run_json(run, output)).collect();
            output.result(|out, _| json::write(out, &ManyV1::new(worst.number(), runs)))?;
        }
    }
    Ok(worst)
}

fn print_text(runs: &[Run], output: &mut Output) -> Result<(), Failure> {
    for run in runs {
        output.result(|out, styles| writeln!(out, "{}", styles.strong.apply_to(format!("== {}", run.file))))?;
        print_stderr(run, output);
        output.result(|out, _| out.write_all(run.output.captured()[0]).and_then(|()| writeln!(out)))?;
    }
    let width = runs.iter().map(|run| console::measure_text_width(&run.file)).max().unwrap_or(0);
    output.result(|out, styles| {
        writeln!(out, "{}", styles.strong.apply_to(format!("== {} files", runs.len())))?;
        runs.iter().try_for_each(|run| {
            let file = console::pad_str(&run.file, width, console::Alignment::Left, None);
            writeln!(out, "{file}   exit {}   {}", run.exit().number(), run.summary())
        })
    })
}

/// Prints the stderr of a run, with a header, since stdout may go elsewhere.
fn print_stderr(run: &Run, output: &mut Output) {
    let [_, stderr] = run.output.captured();
    if !stderr.is_empty() {
        output.message(|out, styles| {
            writeln!(out, "{}", styles.dim.apply_to(format!("-- {}", run.file)))?;
            out.write_all(stderr)
        });
    }
}

fn run_json(run: &Run, output: &mut Output) -> OneV1 {
    print_stderr(run, output);
    let text = String::from_utf8_lossy(run.output.captured()[0]).trim().to_owned();
    OneV1 {
        file: run.file.clone(),
        exit: run.exit().number(),
        error: run.error().map(str::to_owned),
        result: RawValue::from_string(text).ok(),
    }
}
