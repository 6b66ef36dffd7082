//! The results of several targets, as they are in JSON: printed, saved, and as metrics.

use std::io::Write;
use std::path::Path;

use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::args::{Format, MaxChars, PlanFormat};
use super::exit::{self, Exit, Failure};
use super::files::{publish, save};
use super::output::Output;
use super::spool::{Place, Spool};
use super::targets::waves;
use crate::base::{Severity, count, file_name_without_capitals, visible};
#[cfg(feature = "html")]
use crate::render::html;
use crate::render::json::{
    self, DriftV1, FindingV1, FindingsV1, ManyV1, OneV1, OutcomeV1, PlanV1, PlannedTarget, ReportV1, Saved, format_of,
};
use crate::render::{Styles, fleet_metrics, markdown, text};

#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// The text of each, then a line for each.
    Text,
    /// One document.
    Json,
    /// Markdown: one comment with all plans, in at most so many characters, or the drift of each below a heading.
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

/// A result of which only the summary is in memory.
pub(super) struct KeptRun {
    /// Without the result.
    summary: OneV1,
    whole: Place,
}

impl KeptRun {
    pub(super) fn of(run: OneV1, spool: &mut Spool) -> Self {
        // A struct with names as keys is always JSON.
        let whole = spool.keep(serde_json::to_vec(&run).unwrap_or_default());
        Self { summary: OneV1 { text: None, result: None, ..run }, whole }
    }

    pub(super) fn name(&self) -> String {
        self.summary.name()
    }

    pub(super) fn exit(&self) -> Option<Exit> {
        Exit::of_number(self.summary.exit)
    }
}

/// The results of several targets.
pub(super) struct Results {
    /// Without results.
    all: ManyV1,
    places: Vec<Place>,
    spool: Spool,
}

/// The file of `attune plan --out DIR` that says which file has the result of which configuration.
pub(super) const INDEX: &str = "index.json";

impl Results {
    pub(super) fn of(
        (command, exit, named): (Option<String>, u8, Vec<String>),
        runs: Vec<KeptRun>,
        spool: Spool,
    ) -> Self {
        let (summaries, places) = runs.into_iter().map(|run| (run.summary, run.whole)).unzip();
        Self { all: ManyV1::of(command, exit, named, summaries), places, spool }
    }

    pub(super) fn of_saved(mut all: ManyV1) -> Self {
        let mut spool = Spool::new();
        let runs = all.runs.into_iter().map(|run| KeptRun::of(run, &mut spool));
        let (summaries, places) = runs.map(|run| (run.summary, run.whole)).unzip();
        all.runs = summaries;
        Self { all, places, spool }
    }

    /// The results, read one at a time.
    fn runs(&self) -> impl Iterator<Item = Result<OneV1, Failure>> {
        self.places.iter().map(|place| {
            let bytes = self.spool.read(place)?;
            serde_json::from_slice(&bytes).map_err(|error| std::io::Error::from(error).into())
        })
    }

    pub(super) fn print(&self, form: Form, output: &mut Output) -> Result<(), Failure> {
        match form {
            Form::Json => self.all.in_pieces(self.runs(), |piece| output.result(|out, _| write!(out, "{piece}"))),
            Form::Comment(_) if self.all.command.as_deref() == Some("drift") => {
                let sections = self.runs().map(|run| run.and_then(|run| drift_section(&run)));
                let text = sections.collect::<Result<String, Failure>>()?;
                output.result(|out, _| write!(out, "{text}"))
            }
            Form::Comment(max) => {
                let targets = self.plans()?;
                output.result(|out, _| write!(out, "{}", markdown::many(&self.all.named, &targets, max)))
            }
            #[cfg(feature = "html")]
            Form::Page => {
                let targets = self.plans()?;
                output.result(|out, _| html::many(out, &targets))
            }
            Form::Text => {
                self.runs().try_for_each(|run| print_result(&run?, output))?;
                self.print_not_started(output);
                self.print_summary(output)
            }
        }
    }

    fn plans(&self) -> Result<Vec<PlannedTarget>, Failure> {
        let plan = |run: Result<OneV1, Failure>| {
            PlannedTarget::of(&run?).map_err(|problem| {
                Failure::new(&exit::NOT_SAVED, format!("cannot show the results: {problem}"))
                    .help("this format is for plans; other results have `text` and `json`, and drift has `markdown`")
            })
        };
        self.runs().map(plan).collect()
    }

    /// Says once how many targets did not start, and why.
    pub(super) fn print_not_started(&self, output: &mut Output) {
        let not_started: Vec<&OneV1> = self.all.runs.iter().filter(|run| is_not_started(run)).collect();
        // The last one knows all failures of its wave.
        if let Some(why) = not_started.last().and_then(|run| run.error.as_deref()) {
            output.failure(&waves::not_started(not_started.len(), why));
        }
    }

    /// Prints a line for each target: its name, its exit code, and a summary.
    pub(super) fn print_summary(&self, output: &mut Output) -> Result<(), Failure> {
        let runs = &self.all.runs;
        let width = runs.iter().map(|run| console::measure_text_width(&visible(&run.name()))).max().unwrap_or(0);
        let units = if runs.iter().any(|run| run.tenant.is_some()) { ("target", "targets") } else { ("file", "files") };
        output.result(|out, styles| {
            writeln!(out, "{}", styles.strong.apply_to(format!("== {}", count(runs.len(), units.0, units.1))))?;
            runs.iter().try_for_each(|run| {
                let name = visible(&run.name()).into_owned();
                let file = console::pad_str(&name, width, console::Alignment::Left, None);
                writeln!(out, "{file}   exit {}   {}", run.exit, visible(run.summary.as_deref().unwrap_or("done")))
            })
        })
    }

    /// Writes the metrics of all targets.
    pub(super) fn write_metrics(&self, path: &Path) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        let ended = OffsetDateTime::now_utc().unix_timestamp();
        fleet_metrics(&mut bytes, self.all.command.as_deref(), self.runs(), ended)?;
        let help = "its directory must exist and be writable for this user";
        publish(path, &bytes).map_err(|error| Failure::unwritten("the metrics", path, &error).help(help))
    }

    /// Writes a file for each result, and the index last.
    pub(super) fn save(mut self, directory: &Path) -> Result<(), Failure> {
        std::fs::create_dir_all(directory).map_err(|error| Failure::unwritten("the plans", directory, &error))?;
        let mut saved = Vec::new();
        for run in self.runs() {
            let run = run?;
            let Some(result) = &run.result else {
                saved.push(None);
                continue;
            };
            let name = result_file(&run.name());
            save("the plan", &directory.join(&name), |out| writeln!(out, "{result}"))?;
            saved.push(Some(name));
        }
        self.all.runs.iter_mut().zip(saved).for_each(|(run, name)| run.saved = name);
        save("the plans", &directory.join(INDEX), |out| json::write(out, &self.all))
    }
}

/// The name of the file for the result of a target: always the same, on every file system.
pub(super) fn result_file(configuration: &str) -> String {
    match file_name_without_capitals(configuration).as_str() {
        // The index has that name.
        "index" => "%69ndex.json".to_owned(),
        name => format!("{name}.json"),
    }
}

fn is_not_started(run: &OneV1) -> bool {
    run.not_started == Some(true)
}

fn drift_section(run: &OneV1) -> Result<String, Failure> {
    let mut text = Vec::new();
    if let Shown::Drift(drift) = Shown::of(run)? {
        markdown::drift(&mut text, &drift)?;
    }
    Ok(markdown::one_of_many(&run.name(), &String::from_utf8_lossy(&text), run.error.as_deref()))
}

/// A result of one of several targets, read from JSON.
enum Shown {
    Plan(Box<PlanV1>),
    Outcome(Box<OutcomeV1>),
    Drift(Box<DriftV1>),
    Report(Box<ReportV1>),
    /// The findings that prevented a result, or those of a check.
    Findings(FindingsV1),
    /// Another result, or none.
    Other,
}

impl Shown {
    fn of(run: &OneV1) -> Result<Self, Failure> {
        let Some(text) = run.result.as_deref().map(RawValue::get) else { return Ok(Self::Other) };
        let unreadable = |problem: String| {
            Failure::new(&exit::NOT_SAVED, format!("cannot show the result of {}: {problem}", run.name()))
        };
        let read = match format_of(text).map_err(|problem| unreadable(problem.to_string()))?.as_str() {
            "attune.drift/1" => serde_json::from_str(text).map(Self::Drift),
            "attune.report/1" => serde_json::from_str(text).map(Self::Report),
            "attune.findings/1" => serde_json::from_str(text).map(Self::Findings),
            "attune.plan/1" | "attune.outcome/1" => match Saved::read(text) {
                Ok(Saved::Plan(plan)) => Ok(Self::Plan(plan)),
                Ok(Saved::Outcome(outcome)) => Ok(Self::Outcome(outcome)),
                Ok(Saved::Many(_)) => Ok(Self::Other),
                Err(problem) => return Err(unreadable(problem.to_string())),
            },
            _ => Ok(Self::Other),
        };
        read.map_err(|error| unreadable(error.to_string()))
    }

    fn findings(&self) -> &[FindingV1] {
        match self {
            Self::Plan(plan) => &plan.findings,
            Self::Outcome(_) | Self::Report(_) | Self::Other => &[],
            Self::Drift(drift) => &drift.findings,
            Self::Findings(found) => &found.findings,
        }
    }
}

fn print_result(run: &OneV1, output: &mut Output) -> Result<(), Failure> {
    if is_not_started(run) {
        return Ok(());
    }
    let shown = Shown::of(run)?;
    // Names and messages may be those of other jobs. A line break in one would be a line of its own.
    let name = visible(&run.name()).into_owned();
    output.result(|out, styles| writeln!(out, "{}", styles.strong.apply_to(format!("== {name}"))))?;
    print_messages(run, &name, &shown, output);
    output.result(|out, styles| {
        match (&run.text, &shown) {
            (Some(text), _) => out.write_all(without_headings(text).as_bytes())?,
            (None, Shown::Plan(plan)) => text::plan(out, styles, plan)?,
            (None, Shown::Outcome(outcome)) => text::outcome(out, styles, outcome)?,
            (None, Shown::Drift(drift)) => text::drift(out, styles, drift)?,
            (None, Shown::Report(report)) => text::report(out, styles, report)?,
            (None, Shown::Findings(_) | Shown::Other) => {}
        }
        writeln!(out)
    })
}

/// Prints findings that are not in the text of the result, and the error, with a header, since stdout may go elsewhere.
fn print_messages(run: &OneV1, name: &str, shown: &Shown, output: &mut Output) {
    let findings = match shown {
        Shown::Findings(_) if run.text.is_some() => &[],
        Shown::Plan(_) | Shown::Outcome(_) | Shown::Drift(_) | Shown::Report(_) | Shown::Findings(_) | Shown::Other => {
            shown.findings()
        }
    };
    let is_said = findings.iter().any(|finding| finding.severity == Severity::Error);
    let error = run.error.as_ref().filter(|_| !is_said);
    let header = |out: &mut dyn Write, styles: &Styles| writeln!(out, "{}", styles.dim.apply_to(format!("-- {name}")));
    match error {
        Some(_) => output.message(header),
        None if !findings.is_empty() => output.info(header),
        None => {}
    }
    output.info(|out, styles| text::saved_findings(out, styles, findings));
    if let Some(error) = error {
        output.message(|out, styles| writeln!(out, "{} {}", styles.remove.apply_to("error:"), visible(error)));
    }
}

/// A text of another job, whose lines must not look like the heading of another target.
fn without_headings(text: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| if line.starts_with("==") { format!(" {line}") } else { line.to_owned() })
        .collect()
}
