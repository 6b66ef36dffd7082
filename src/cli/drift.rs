//! `attune drift`: what the cluster has that the file does not say, for a job that runs again and again.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::args::{BaseArg, Format, GlobalArgs, Pace, StateDir};
use super::connect::connect;
use super::desired::NotReady;
use super::exit::{self, Exit, Failure};
use super::git::is_committed;
use super::lost;
use super::output::Output;
use super::publish::{is_special, publish};
use super::reviewed::Reviewed;
use crate::apply::files;
use crate::base::Finding;
use crate::cluster::observe;
use crate::desired::{Ignore, Loaded};
use crate::drift::{Drift, Memory, News, drift};
use crate::observed::Identity;
use crate::plan::plan;
use crate::render::json::{self, DriftStateV1, DriftV1, FindingsV1};
use crate::render::{Metrics, MetricsBefore, markdown, metrics, text};

/// Report what the cluster has that the file does not say
///
/// Reads and changes nothing. Access that the cluster gives and the file does not comes first. Exits with 0 when the cluster is as
/// the file says, with 2 when there is drift (with --since: new drift), and with 1 when that could not be told. What no file
/// names and [ownership] does not cover is not looked at. [[drift.ignore]] in the file names what is not reported, for a reason
/// and until a day.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune drift
  attune drift --format json | jq -r '.drift[].id'
  attune drift --since /var/lib/attune/drift.json                  only what is new, and what is over
  attune drift --metrics /var/lib/node_exporter/textfile/attune.prom
  attune drift --base origin/main                                  by the settings of main, where others may propose
  attune drift --ignore 'user/svc-*'                               for this run")]
pub(super) struct DriftArgs {
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Report::Text)]
    format: Report,
    /// Report only what is new since the last run with this file, which remembers what was reported
    #[arg(long, value_name = "STATE")]
    since: Option<PathBuf>,
    /// Write metrics of the run to this file, in the text format of Prometheus; also when the run fails
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Do not report these objects: `user/NAME`, `group/NAME` or `policy/NAME`, where `*` stands for any run of characters
    #[arg(long, value_name = "PATTERN")]
    ignore: Vec<Ignore>,
    #[command(flatten)]
    base: BaseArg,
    #[command(flatten)]
    state_dir: StateDir,
    #[command(flatten)]
    pace: Pace,
}

/// The form of a drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Report {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
    /// For a ticket or a chat
    Markdown,
}

impl Report {
    /// The form of what is told when there is no drift to tell.
    fn of_failures(self) -> Format {
        match self {
            Self::Json => Format::Json,
            Self::Text | Self::Markdown => Format::Text,
        }
    }
}

/// What a run got to know, for the metrics.
#[derive(Default)]
struct Known {
    identity: Option<Identity>,
    drift: Option<Drift>,
    new: Option<usize>,
}

impl DriftArgs {
    /// The revision that is trusted, for many files at once.
    pub(super) fn base(&self) -> Option<&str> {
        self.base.base.as_deref()
    }

    /// The form of the result, for many files at once.
    pub(super) fn of_many(&self) -> Result<Format, Failure> {
        let one = [(self.since.is_some(), "--since"), (self.metrics.is_some(), "--metrics")];
        match one.iter().find(|(given, _)| *given) {
            None => Ok(self.format.of_failures()),
            Some((_, option)) => {
                let message = format!("`{option}` is about one cluster, and there are many files");
                Err(Failure::new(&exit::NO_FILE, message).help("run the command for each file"))
            }
        }
    }

    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let begun = Instant::now();
        let mut known = Known::default();
        let ended = self.report(global, output, &mut known).await;
        let Some(path) = &self.metrics else { return ended };
        let exit = ended.as_ref().map_or_else(|failure| failure.exit, |exit| *exit);
        let written = measured(path, &known, exit, begun);
        match (ended, written) {
            (ended, Ok(())) => ended,
            (Ok(_), Err(failure)) => Err(failure),
            (Err(first), Err(failure)) => {
                output.failure(&failure);
                Err(first)
            }
        }
    }

    async fn report(&self, global: &GlobalArgs, output: &mut Output, known: &mut Known) -> Result<Exit, Failure> {
        let now = OffsetDateTime::now_utc();
        let (reviewed, drift) = match self.look(global, output, now, known).await {
            Ok(found) => found,
            Err(failed) => return failed.reported(self.format.of_failures(), output),
        };
        let loaded = &reviewed.loaded;
        output.findings(&drift.findings, &loaded.sources);
        if drift.is_unknown() {
            return self.unknown(&drift.findings, loaded, output);
        }
        let news = match &self.since {
            Some(path) => Some(memory(path, &drift.identity)?.compare(&drift, &stamp(now))),
            None => None,
        };
        let told = DriftV1 { review: reviewed.review(), ..DriftV1::of(&drift, news.as_ref(), &loaded.sources) };
        output.sum_up(match told.drift.len() {
            0 => "no drift".to_owned(),
            1 => "drift: 1 object".to_owned(),
            more => format!("drift: {more} objects"),
        });
        output.result(|out, styles| match self.format {
            Report::Text => text::drift(out, styles, &told),
            Report::Json => json::write(out, &told),
            Report::Markdown => markdown::drift(out, &told),
        })?;
        // What could not be told is told again.
        if let (Some(path), Some(News { memory, .. })) = (&self.since, &news) {
            remember(path, &drift.identity, memory)?;
        }
        known.new = news.map(|news| news.new.len());
        known.drift = Some(drift);
        Ok(if told.drift.is_empty() { Exit::Done } else { Exit::Changes })
    }

    async fn look(
        &self,
        global: &GlobalArgs,
        output: &mut Output,
        now: OffsetDateTime,
        known: &mut Known,
    ) -> Result<(Reviewed, Drift), NotReady> {
        let reviewed = Reviewed::read(global, &self.base, output)?;
        let connection = connect(global, &reviewed.connection, self.pace.jobs(), output).await?;
        let (cluster, desired) = (connection.retrying(&self.pace), &reviewed.loaded.desired);
        let observed = observe(&cluster, desired, self.pace.jobs()).await.map_err(Failure::from)?;
        known.identity = Some(observed.identity.clone());
        lost::warn(&self.state_dir.path, &observed.identity, &lost::having(&observed), output);
        let made = plan(desired, &observed);
        let drift = drift(desired, &observed, &made, &self.ignore, now.date());
        Ok((reviewed, drift))
    }

    fn unknown(&self, findings: &[Finding], loaded: &Loaded, output: &mut Output) -> Result<Exit, Failure> {
        if self.format == Report::Json {
            output.result(|out, _| json::write(out, &FindingsV1::of(findings, &loaded.sources)))?;
        }
        let message = "whether there is drift is not known: the file or the cluster does not say enough";
        Err(Failure::new(&exit::DRIFT_UNKNOWN, message).help("what is wrong is said before"))
    }
}

/// What was reported before; nothing when there is no such file yet.
fn memory(path: &Path, identity: &Identity) -> Result<Memory, Failure> {
    let failure = |why: String| {
        let help = "name another file with `--since`, or remove this one: then all drift is new";
        Failure::new(&exit::DRIFT_STATE, format!("cannot use {}: {why}", path.display())).help(help)
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Memory::default()),
        Err(error) => return Err(failure(error.to_string())),
    };
    // A memory says that drift is known. One that came with a commit would let a proposal say so.
    match is_committed(path) {
        Ok(false) => {}
        Ok(true) => return Err(failure("it is part of the repository, where a proposal can change it".to_owned())),
        Err(problem) => return Err(failure(format!("it lies in a repository, and {problem}"))),
    }
    DriftStateV1::read(&text).and_then(|state| state.memory(identity)).map_err(failure)
}

fn remember(path: &Path, identity: &Identity, memory: &Memory) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let written = json::write(&mut bytes, &DriftStateV1::of(identity, memory));
    written.and_then(|()| files::replace(path, &bytes)).map_err(|error| {
        let message =
            format!("{} cannot be written: {error}; what was reported will be reported again", path.display());
        Failure::new(&exit::ENVIRONMENT, message)
    })
}

/// Writes the metrics of a run. When it failed, the time of the last success is taken over from the file that is there.
fn measured(path: &Path, known: &Known, exit: Exit, begun: Instant) -> Result<(), Failure> {
    let before = if is_special(path) { None } else { fs::read_to_string(path).ok() };
    let before = before.and_then(|text| MetricsBefore::read(&text));
    let of = known.identity.as_ref().map(|identity| (identity.name.as_str(), identity.tenant.as_str()));
    let run = Metrics {
        drift: known.drift.as_ref(),
        new: known.new,
        of,
        before: before.as_ref(),
        ended: OffsetDateTime::now_utc().unix_timestamp(),
        duration: begun.elapsed().as_secs_f64(),
        exit: exit.number(),
    };
    let mut bytes = Vec::new();
    metrics(&mut bytes, &run).and_then(|()| publish(path, &bytes)).map_err(|error| {
        let message = format!("the metrics cannot be written to {}: {error}", path.display());
        Failure::new(&exit::ENVIRONMENT, message)
            .help("the directory has to be there, and to be writable for this user")
    })
}

fn stamp(now: OffsetDateTime) -> String {
    let whole = now.replace_nanosecond(0).unwrap_or(now);
    whole.format(&Rfc3339).unwrap_or_default()
}
