//! The targets of a command that ended. Their text is printed as soon as that of all targets before them is.

use std::collections::BTreeMap;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::value::RawValue;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::progress::progress_bar;
use super::results::{Form, KeptRun, Results, Wanted};
use super::spool::{Place, Spool};
use super::targets::Target;
use crate::desired::shown_path;
use crate::render::json::OneV1;

/// A command that ended for a target.
pub(super) struct Run {
    pub(super) result: Result<Exit, Failure>,
    pub(super) output: Output,
    /// Whether it started: earlier failures did not stop it.
    pub(super) is_started: bool,
}

impl Run {
    pub(super) fn exit(&self) -> Exit {
        self.result.as_ref().map_or_else(|failure| failure.exit, |exit| *exit)
    }

    fn summary(&self, error: Option<&String>) -> String {
        match (error, &self.output.summary) {
            // Its error is long, and the same for all.
            _ if !self.is_started => "not started".to_owned(),
            (Some(error), None) => format!("error: {error}"),
            (Some(error), Some(summary)) => format!("{summary}; {error}"),
            (None, Some(summary)) => summary.clone(),
            (None, None) => "done".to_owned(),
        }
    }

    fn into_json(self, target: &Target) -> OneV1 {
        let error = self.result.as_ref().err().map(|failure| failure.finding.message.clone());
        let (exit, summary) = (self.exit().number(), Some(self.summary(error.as_ref())));
        let printed =
            || RawValue::from_string(String::from_utf8_lossy(self.output.captured()[0]).trim().to_owned()).ok();
        let (target, file, tenant) = (target.id.clone(), shown_path(&target.file), target.tenant.clone());
        let result = self.output.kept.clone().or_else(printed);
        let not_started = (!self.is_started).then_some(true);
        OneV1 { target, file, tenant, exit, error, not_started, summary, text: self.output.text, result, saved: None }
    }
}

struct Printable {
    stdout: Place,
    stderr: Place,
    is_started: bool,
}

/// The targets that ended, by their places.
pub(super) struct Ended<'a> {
    pub(super) output: &'a mut Output,
    form: Form,
    /// Nothing reads results as JSON.
    only_text: bool,
    spool: Spool,
    runs: BTreeMap<usize, KeptRun>,
    /// What is not printed yet.
    waiting: BTreeMap<usize, Printable>,
    /// How many are printed: all before the first that has not ended.
    printed: usize,
    bar: ProgressBar,
    worst: Exit,
    /// Why the text could not be printed. The other targets go on: a change of a cluster must not be cut off.
    unwritten: Option<Failure>,
}

impl<'a> Ended<'a> {
    /// No one of so many targets has ended.
    pub(super) fn new(count: usize, wanted: Wanted<'_>, output: &'a mut Output) -> Self {
        let bar = progress_bar(u64::try_from(count).ok(), output);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} targets") {
            bar.set_style(style);
        }
        let form = wanted.form;
        Self {
            output,
            form,
            only_text: matches!(form, Form::Text) && wanted.out.is_none() && wanted.metrics.is_none(),
            spool: Spool::new(),
            runs: BTreeMap::new(),
            waiting: BTreeMap::new(),
            printed: 0,
            bar,
            worst: Exit::Done,
            unwritten: None,
        }
    }

    pub(super) fn add(&mut self, place: usize, target: &Target, run: Run) {
        self.worst = self.worst.max(run.exit());
        if run.output.changed.is_some() || self.output.changed.is_some() {
            self.output.changed = Some(self.worst);
        }
        let [stdout, stderr] = run.output.captured();
        let stdout = if matches!(self.form, Form::Text) { stdout.to_vec() } else { Vec::new() };
        let (stdout, stderr) = (self.spool.keep(stdout), self.spool.keep(stderr.to_vec()));
        self.waiting.insert(place, Printable { stdout, stderr, is_started: run.is_started });
        let mut run = run.into_json(target);
        if self.only_text {
            (run.text, run.result) = (None, None);
        }
        self.runs.insert(place, KeptRun::of(run, &mut self.spool));
        self.bar.inc(1);
        while let Some(next) = self.waiting.remove(&self.printed) {
            if let Err(failure) = self.print(&next) {
                self.unwritten.get_or_insert(failure);
            }
            self.printed += 1;
        }
    }

    /// Prints what a target printed: its result if that is text, and its messages with its name.
    fn print(&mut self, of: &Printable) -> Result<(), Failure> {
        let (Some(run), true) = (self.runs.get(&self.printed), of.is_started) else { return Ok(()) };
        let name = run.name();
        let (stdout, stderr) = (self.spool.read(&of.stdout)?, self.spool.read(&of.stderr)?);
        let (output, form) = (&mut *self.output, self.form);
        self.bar.suspend(|| {
            let is_text = matches!(form, Form::Text);
            if is_text {
                output.result(|out, styles| writeln!(out, "{}", styles.strong.apply_to(format!("== {name}"))))?;
            }
            if !stderr.is_empty() {
                // With a header, since stdout may go elsewhere.
                output.message(|out, styles| {
                    writeln!(out, "{}", styles.dim.apply_to(format!("-- {name}")))?;
                    out.write_all(&stderr)
                });
            }
            if is_text {
                output.result(|out, _| out.write_all(&stdout).and_then(|()| writeln!(out)))?;
            }
            Ok(())
        })
    }

    /// Prints what is about all targets, and writes the files that are wanted.
    pub(super) fn finish(self, command: &str, named: Vec<String>, wanted: Wanted<'_>) -> Result<Exit, Failure> {
        self.bar.finish_and_clear();
        let (output, worst) = (self.output, self.worst);
        let runs = self.runs.into_values().collect();
        let results = Results::of((Some(command.to_owned()), worst.number(), named), runs, self.spool);
        results.print_not_started(output);
        if let Some(failure) = self.unwritten {
            let exit = failure.exit.max(worst);
            return Err(failure.exit(exit));
        }
        match wanted.form {
            Form::Text => results.print_summary(output)?,
            Form::Json | Form::Comment(_) => results.print(wanted.form, output)?,
            #[cfg(feature = "html")]
            Form::Page => results.print(wanted.form, output)?,
        }
        if let Some(path) = wanted.metrics {
            results.write_metrics(path)?;
        }
        if let Some(directory) = wanted.out {
            results.save(directory)?;
        }
        Ok(worst)
    }
}
