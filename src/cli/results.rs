//! Prints the results of several targets, as they are in JSON.

use std::path::Path;

use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::args::{MaxChars, PlanFormat};
use super::exit::{self, Failure};
use super::files::publish;
use super::output::Output;
use crate::base::{Severity, count, visible};
#[cfg(feature = "html")]
use crate::render::html;
use crate::render::json::{
    self, DriftV1, FindingV1, FindingsV1, ManyV1, OneV1, OutcomeV1, PlanV1, PlannedTarget, ReportV1, Saved, format_of,
};
use crate::render::{fleet_metrics, markdown, text};

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

/// Writes the metrics of several targets.
pub(super) fn write_metrics(path: &Path, all: &ManyV1) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let written = fleet_metrics(&mut bytes, all, OffsetDateTime::now_utc().unix_timestamp());
    let help = "its directory must exist and be writable for this user";
    let written = written.and_then(|()| publish(path, &bytes));
    written.map_err(|error| Failure::unwritten("the metrics", path, &error).help(help))
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

/// Prints the results of several targets, as they are in JSON.
pub(super) fn print_results(all: &ManyV1, form: Form, output: &mut Output) -> Result<(), Failure> {
    let is_drift = all.command.as_deref() == Some("drift");
    match form {
        Form::Json => output.result(|out, _| json::write(out, all)),
        Form::Comment(_) if is_drift => {
            let texts = all.runs.iter().map(|run| {
                let mut text = Vec::new();
                if let Shown::Drift(drift) = Shown::of(run)? {
                    markdown::drift(&mut text, &drift)?;
                }
                Ok(String::from_utf8_lossy(&text).into_owned())
            });
            let texts: Vec<String> = texts.collect::<Result<_, Failure>>()?;
            let each = all.runs.iter().zip(&texts);
            let each = each.map(|(run, text)| (run.name(), text.as_str(), run.error.as_deref()));
            output.result(|out, _| write!(out, "{}", markdown::sections(each)))
        }
        Form::Comment(max) => {
            let targets = plans(all)?;
            output.result(|out, _| write!(out, "{}", markdown::many(&all.named, &targets, max)))
        }
        #[cfg(feature = "html")]
        Form::Page => {
            let targets = plans(all)?;
            output.result(|out, _| html::many(out, &targets))
        }
        Form::Text => {
            for run in &all.runs {
                print_result(run, output)?;
            }
            print_summary(&all.runs, output)
        }
    }
}

fn plans(all: &ManyV1) -> Result<Vec<PlannedTarget>, Failure> {
    PlannedTarget::all(all).map_err(|problem| {
        Failure::new(&exit::NOT_SAVED, format!("cannot show the results: {problem}"))
            .help("this format is for plans; other results have `text` and `json`, and drift has `markdown`")
    })
}

fn print_result(run: &OneV1, output: &mut Output) -> Result<(), Failure> {
    let shown = Shown::of(run)?;
    // Names and messages may be those of other jobs. A line break in one would be a line of its own.
    let title = format!("== {}", visible(&run.name()));
    output.result(|out, styles| writeln!(out, "{}", styles.strong.apply_to(title)))?;
    output.info(|out, styles| text::saved_findings(out, styles, shown.findings()));
    let is_said = shown.findings().iter().any(|finding| finding.severity == Severity::Error);
    if let Some(error) = run.error.as_ref().filter(|_| !is_said) {
        output.message(|out, styles| writeln!(out, "{} {}", styles.remove.apply_to("error:"), visible(error)));
    }
    output.result(|out, styles| {
        match &shown {
            Shown::Plan(plan) => text::plan(out, styles, plan)?,
            Shown::Outcome(outcome) => text::outcome(out, styles, outcome)?,
            Shown::Drift(drift) => text::drift(out, styles, drift)?,
            Shown::Report(report) => text::report(out, styles, report)?,
            Shown::Findings(_) | Shown::Other => {}
        }
        writeln!(out)
    })
}

/// Prints a line for each target: its name, its exit code, and a summary.
pub(super) fn print_summary(runs: &[OneV1], output: &mut Output) -> Result<(), Failure> {
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
