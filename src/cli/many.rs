//! Many files, each about a cluster: the same command for each, side by side, and one summary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};
use serde_json::value::RawValue;

use super::args::{Format, GlobalArgs};
use super::base;
use super::exit::{self, Exit, Failure};
use super::output::{Kept, Output};
use crate::render::json::{self, ManyV1, OneV1};

/// How many are worked on at once.
const AT_ONCE: usize = 8;

/// The files that are meant: those that are named, and of a directory its `.toml` files and the `attune.toml` of each
/// directory in it, in the order of their names; with a base, also those that only the base has: what they declare is no
/// longer declared.
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
            let message = format!("there is no desired-state file in the directory {}", path.display());
            return Err(Failure::new(&exit::NO_FILE, message)
                .help("of a directory, its `.toml` files are taken, and the `attune.toml` of each directory in it"));
        }
        files.extend(found);
    }
    if let Some(base) = base.filter(|base| files.len() > 1 && base::is_path(base)) {
        let message = format!("the base {base} is one file, and there are {} configurations", files.len());
        return Err(Failure::new(&exit::NO_BASE, message)
            .help("name a revision of git, or give the file of the base to each configuration alone"));
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

/// One of many, done.
struct Ended {
    file: String,
    ended: Result<Exit, Failure>,
    kept: Kept,
}

impl Ended {
    fn exit(&self) -> Exit {
        self.ended.as_ref().map_or_else(|failure| failure.exit, |exit| *exit)
    }

    fn error(&self) -> Option<&str> {
        self.ended.as_ref().err().map(|failure| failure.finding.message.as_str())
    }

    /// What came of it, in a line.
    fn summary(&self) -> String {
        match (self.error(), &self.kept.summary) {
            (Some(error), None) => format!("error: {error}"),
            (Some(error), Some(summary)) => format!("{summary}; {error}"),
            (None, Some(summary)) => summary.clone(),
            (None, None) => "done".to_owned(),
        }
    }
}

/// Runs a command for each of the files, at most eight at once, and shows what each said in the order of the files.
pub(super) async fn each(
    global: &GlobalArgs,
    files: Vec<PathBuf>,
    format: Format,
    output: &mut Output,
    command: impl AsyncFn(&GlobalArgs, &mut Output) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    if global.cluster.is_some() {
        let message = "`--cluster` names one cluster, and there are many files";
        return Err(
            Failure::new(&exit::BAD_ENDPOINT, message).help("leave it out: each file says where its cluster is")
        );
    }
    let mut runs = Vec::new();
    for file in files {
        let own = GlobalArgs { file, one_of_many: true, ..global.clone() };
        runs.push((own, output.of_one()));
    }
    let one = async |(place, (own, mut output)): (usize, (GlobalArgs, Output))| {
        let ended = command(&own, &mut output).await;
        if let Err(failure) = &ended {
            output.failure(failure);
        }
        (place, Ended { file: own.file.display().to_string(), ended, kept: output.into_kept() })
    };
    // Whoever is done makes room for the next, so that a cluster that is slow holds up none but itself.
    let runs = stream::iter(runs.into_iter().enumerate()).map(one).buffer_unordered(AT_ONCE);
    let runs: Vec<Ended> = runs.collect::<BTreeMap<_, _>>().await.into_values().collect();
    let worst = runs.iter().map(Ended::exit).max_by_key(|exit| exit.weight()).unwrap_or(Exit::Done);
    if runs.iter().any(|run| run.kept.changed.is_some()) {
        output.changed(worst);
    }
    match format {
        Format::Text => texts(&runs, output)?,
        Format::Json => {
            let runs = runs.iter().map(|run| told(run, output)).collect();
            output.result(|out, _| json::write(out, &ManyV1::new(worst.number(), runs)))?;
        }
    }
    Ok(worst)
}

fn texts(runs: &[Ended], output: &mut Output) -> Result<(), Failure> {
    for run in runs {
        output.result(|out, styles| writeln!(out, "{}", styles.strong.apply_to(format!("== {}", run.file))))?;
        rest(run, output);
        output.result(|out, _| out.write_all(&run.kept.result).and_then(|()| writeln!(out)))?;
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

/// What was written beside the result, with the file it is about where that could not be told.
fn rest(run: &Ended, output: &mut Output) {
    if !run.kept.rest.is_empty() {
        output.urgent(|out, styles| {
            writeln!(out, "{}", styles.dim.apply_to(format!("-- {}", run.file)))?;
            out.write_all(&run.kept.rest)
        });
    }
}

fn told(run: &Ended, output: &mut Output) -> OneV1 {
    rest(run, output);
    let text = String::from_utf8_lossy(&run.kept.result).trim().to_owned();
    OneV1 {
        file: run.file.clone(),
        exit: run.exit().number(),
        error: run.error().map(str::to_owned),
        result: RawValue::from_string(text).ok(),
    }
}
