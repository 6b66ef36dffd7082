//! Runs a command for several configurations concurrently, and prints a summary.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures_util::stream::{self, StreamExt};
use serde_json::value::RawValue;

use super::args::{Format, GlobalArgs, MaxChars, PlanFormat};
use super::base;
use super::exit::{self, Exit, Failure};
use super::files::save;
use super::output::Output;
use crate::base::{count, file_name_without_capitals};
use crate::desired::shown_path;
#[cfg(feature = "html")]
use crate::render::html;
use crate::render::json::{self, ManyV1, OneV1, Target};
use crate::render::{markdown, text};

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

    fn to_json(&self) -> OneV1 {
        let printed =
            || RawValue::from_string(String::from_utf8_lossy(self.output.captured()[0]).trim().to_owned()).ok();
        OneV1 {
            file: self.file.clone(),
            exit: self.exit().number(),
            error: self.error().map(str::to_owned),
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

/// The arguments for each of several configurations.
pub(super) fn each_of(global: &GlobalArgs, files: Vec<PathBuf>) -> Result<Vec<GlobalArgs>, Failure> {
    if global.cluster.is_some() {
        let message = "`--cluster` names one cluster, but several configurations are given";
        return Err(Failure::new(&exit::BAD_ENDPOINT, message).help("remove it: each configuration names its cluster"));
    }
    Ok(files.into_iter().map(|file| GlobalArgs { file, one_of_many: true, ..global.clone() }).collect())
}

/// What is made of the results of several configurations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) form: Form,
    /// The directory that gets the results, too.
    pub(super) out: Option<&'a Path>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// The text of each, then a line for each.
    Text,
    /// One document.
    Json,
    /// The Markdown of each, below a heading.
    Headings,
    /// One comment with all plans, in at most so many characters.
    Comment(usize),
    /// One page with all plans.
    #[cfg(feature = "html")]
    Page,
}

impl Form {
    /// The form of several plans.
    pub(super) fn of_plans(format: PlanFormat, max: &MaxChars) -> Self {
        match format {
            PlanFormat::Text => Self::Text,
            PlanFormat::Json => Self::Json,
            PlanFormat::Markdown => Self::Comment(max.max_chars),
            #[cfg(feature = "html")]
            PlanFormat::Html => Self::Page,
        }
    }
}

impl From<Format> for Wanted<'_> {
    fn from(format: Format) -> Self {
        let form = match format {
            Format::Text => Form::Text,
            Format::Json => Form::Json,
        };
        Self { form, out: None }
    }
}

pub(super) async fn each(
    global: &GlobalArgs,
    files: Vec<PathBuf>,
    wanted: Wanted<'_>,
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
    if !matches!(wanted.form, Form::Text) {
        runs.iter().for_each(|run| print_stderr(run, output));
    }
    let named = global.desired_files.iter().map(|file| shown_path(file)).collect();
    let all = ManyV1::of(worst.number(), named, runs.iter().map(Run::to_json).collect());
    match wanted.form {
        Form::Text => print_text(&runs, output)?,
        Form::Json => output.result(|out, _| json::write(out, &all))?,
        Form::Headings => {
            let text = |run: &Run| String::from_utf8_lossy(run.output.captured()[0]).into_owned();
            let texts: Vec<String> = runs.iter().map(text).collect();
            let each = runs.iter().zip(&texts).map(|(run, text)| (run.file.as_str(), text.as_str(), run.error()));
            output.result(|out, _| write!(out, "{}", markdown::sections(each)))?;
        }
        Form::Comment(_) => print_plans(&all, wanted.form, output)?,
        #[cfg(feature = "html")]
        Form::Page => print_plans(&all, wanted.form, output)?,
    }
    if let Some(directory) = wanted.out {
        save_all(directory, all)?;
    }
    Ok(worst)
}

/// Prints several plans as one comment or page, or as JSON.
pub(super) fn print_plans(all: &ManyV1, form: Form, output: &mut Output) -> Result<(), Failure> {
    let targets = Target::all(all).map_err(|problem| {
        Failure::new(&exit::NOT_SAVED, format!("cannot show the results: {problem}"))
            .help("`attune show` shows several plans, and outcomes one by one")
    })?;
    match form {
        Form::Comment(max) => output.result(|out, _| write!(out, "{}", markdown::many(&all.named, &targets, max))),
        #[cfg(feature = "html")]
        Form::Page => output.result(|out, _| html::many(out, &targets)),
        Form::Json => output.result(|out, _| json::write(out, all)),
        Form::Text | Form::Headings => {
            for target in &targets {
                let title = format!("== {}", target.name);
                output.result(|out, styles| writeln!(out, "{}", styles.strong.apply_to(title)))?;
                let (findings, error) = match &target.result {
                    Ok(plan) => (&plan.findings, None),
                    Err(found) => (&found.findings, target.error.as_deref()),
                };
                output.info(|out, styles| text::saved_findings(out, styles, findings));
                output.result(|out, styles| match (&target.result, error) {
                    (Ok(plan), _) => text::plan(out, styles, plan).and_then(|()| writeln!(out)),
                    (Err(_), Some(error)) => writeln!(out, "error: {error}\n"),
                    (Err(_), None) => writeln!(out),
                })?;
            }
            let verdict = |target: &Target| match &target.result {
                Ok(plan) => text::verdict(plan),
                Err(_) => format!("error: {}", target.error.as_deref().unwrap_or_default()),
            };
            let lines = targets.iter().map(|target| (target.name.clone(), target.exit, verdict(target)));
            summary(&lines.collect::<Vec<_>>(), output)
        }
    }
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
        let name = result_file(&run.file);
        save("the plan", &directory.join(&name), |out| writeln!(out, "{result}"))?;
        run.saved = Some(name);
    }
    save("the plans", &directory.join(INDEX), |out| json::write(out, &all))
}

fn print_text(runs: &[Run], output: &mut Output) -> Result<(), Failure> {
    for run in runs {
        output.result(|out, styles| writeln!(out, "{}", styles.strong.apply_to(format!("== {}", run.file))))?;
        print_stderr(run, output);
        output.result(|out, _| out.write_all(run.output.captured()[0]).and_then(|()| writeln!(out)))?;
    }
    let lines = runs.iter().map(|run| (run.file.clone(), run.exit().number(), run.summary()));
    summary(&lines.collect::<Vec<_>>(), output)
}

/// Prints a line for each file: its name, its exit code, and a summary.
fn summary(lines: &[(String, u8, String)], output: &mut Output) -> Result<(), Failure> {
    let width = lines.iter().map(|(file, ..)| console::measure_text_width(file)).max().unwrap_or(0);
    output.result(|out, styles| {
        writeln!(out, "{}", styles.strong.apply_to(format!("== {}", count(lines.len(), "file", "files"))))?;
        lines.iter().try_for_each(|(file, exit, summary)| {
            let file = console::pad_str(file, width, console::Alignment::Left, None);
            writeln!(out, "{file}   exit {exit}   {summary}")
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
