//! `attune drift`: changes on the cluster outside attune, for a job that runs regularly.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use time::OffsetDateTime;

use super::adopt::adopt;
use super::args::{BaseArg, CallArgs, GlobalArgs, OnlyArg, StateDir};
use super::base::Reviewed;
use super::connect::{CommandError, Connection, connect};
use super::edited::{CheckArg, editable};
use super::exit::{self, Exit, Failure};
use super::files::{is_special, publish};
use super::git::is_committed;
use super::lost_keys::{self, users_with_policy};
use super::notify::Notifier;
use super::output::Output;
use super::results::{Form, Wanted, result_file};
use super::targets::TargetArgs;
use crate::apply::files;
use crate::cluster::observe;
use crate::desired::Ignore;
use crate::drift::{Drift, Memory, News, drift};
use crate::observed::Identity;
use crate::plan::{ChangeId, plan_part};
use crate::policy::Catalogue;
use crate::render::json::{self, DriftStateV1, DriftV1};
use crate::render::{Metrics, PreviousRun, markdown, metrics, text};

/// Show what changed outside attune
///
/// Compares the cluster with the configuration and changes nothing. Undeclared access comes first. Unmanaged objects are
/// skipped, and so are those of `[[drift.ignore]]`. Exits with 0 if there is no drift, with 2 if there is drift (with
/// --since: new drift), and with 1 if drift cannot be determined.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune drift
  attune drift --format json | jq -r '.drift[].id'
  attune drift --since drift-state.json   report only new and resolved drift
  attune drift --metrics /var/lib/node_exporter/textfile/attune.prom
  attune drift --since drift-state.json --notify-command ./notify-slack
  attune drift --base origin/main         use the settings of main
  attune drift --only 'policy/ml-*'       compare only these objects
  attune drift --ignore 'user/svc-*'      ignore these users for this run
  attune drift --adopt                    take what the cluster has into the configuration")]
pub(super) struct DriftArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = DriftFormat::Text)]
    format: DriftFormat,
    /// Report only drift that is new since the last run with this state file; for several targets, a directory with a file for each
    #[arg(long, value_name = "STATE", conflicts_with = "only")]
    since: Option<PathBuf>,
    /// Write metrics of the run to this file in the Prometheus text format, even if the run fails
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// Run this program if there is drift or an error, with the JSON of `--format json` on its standard input
    ///
    /// With --since, it runs for new drift and for drift that ended. It gets no arguments, no login of the environment, and
    /// 30 seconds. If it fails, attune says so and keeps its exit code; with --since, the next run reports the same drift again.
    #[arg(long, value_name = "PROGRAM")]
    notify_command: Option<PathBuf>,
    /// Objects to ignore: `user/NAME`, `group/NAME` or `policy/NAME`, where `*` matches any characters
    #[arg(long, value_name = "PATTERN")]
    ignore: Vec<Ignore>,
    /// Take all drift into the configuration, and print the diff
    ///
    /// Declares each object as the cluster has it, like `attune edit adopt`. Ignored drift stays. Exits with 0 if nothing is left.
    #[arg(long, conflicts_with_all = ["since", "only"])]
    adopt: bool,
    #[command(flatten)]
    only: OnlyArg,
    #[command(flatten)]
    pub(super) base: BaseArg,
    #[command(flatten)]
    pub(super) targets: TargetArgs,
    #[command(flatten)]
    state_dir: StateDir,
    #[command(flatten)]
    calls: CallArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DriftFormat {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
    /// For a ticket or a chat
    Markdown,
}

#[derive(Default)]
struct Results {
    is_printed: bool,
    identity: Option<Identity>,
    drift: Option<Drift>,
    new: Option<usize>,
}

impl DriftArgs {
    pub(super) fn of_many(&self) -> Result<Wanted<'_>, Failure> {
        if self.adopt {
            return Err(Failure::one_only("`--adopt`"));
        }
        if let Some(directory) = &self.since {
            let unusable = |error| Failure::unwritten("what is known of drift", directory, &error);
            std::fs::create_dir_all(directory)
                .map_err(|error| unusable(error).help("for several targets, `--since` names a directory"))?;
        }
        let form = match self.format {
            DriftFormat::Text => Form::Text,
            DriftFormat::Json => Form::Json,
            DriftFormat::Markdown => Form::Comment(markdown::USUAL),
        };
        Ok(Wanted { form, out: None, metrics: self.metrics.as_deref() })
    }

    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let started = Instant::now();
        let mut results = Results::default();
        let result = self.report_and_notify(global, output, &mut results).await;
        // Of several targets, one file has the metrics of all.
        let Some(path) = self.metrics.as_ref().filter(|_| !global.one_of_many) else { return result };
        let exit = result.as_ref().map_or_else(|failure| failure.exit, |exit| *exit);
        match write_metrics(path, &results, exit, started) {
            Ok(()) => result,
            Err(failure) if result.is_ok() => Err(failure),
            Err(failure) => {
                output.failure(&failure);
                result
            }
        }
    }

    async fn report_and_notify(
        &self,
        global: &GlobalArgs,
        output: &mut Output,
        results: &mut Results,
    ) -> Result<Exit, Failure> {
        let notifier = self.notify_command.as_deref().map(Notifier::find).transpose();
        let notifier = notifier.map_err(|failure| CommandError::from(failure).reported(output))?;
        let error = match self.report(global, output, results, notifier.as_ref()).await {
            Ok(exit) => return Ok(exit),
            Err(error) => error,
        };
        if let Some(notifier) = &notifier {
            notify(notifier, |out| json::write(out, &error.to_json()))
                .await
                .unwrap_or_else(|failed| output.failure(&failed));
        }
        // After its own result, a run prints no second one.
        Err(if results.is_printed { error.failure } else { error.reported(output) })
    }

    async fn report(
        &self,
        global: &GlobalArgs,
        output: &mut Output,
        results: &mut Results,
        notifier: Option<&Notifier>,
    ) -> Result<Exit, CommandError> {
        if self.adopt && self.format != DriftFormat::Text {
            let failure = Failure::new(&exit::NOT_EDITED, "`--adopt` prints a diff, so it needs the format `text`");
            return Err(failure.help("remove `--format`").into());
        }
        let now = OffsetDateTime::now_utc();
        let (connection, reviewed, drift) = self.compare(global, output, now, results).await?;
        let loaded = &reviewed.loaded;
        output.findings(&drift.findings, &loaded.sources);
        if drift.is_unknown() {
            let message = "cannot determine drift: the configuration or the cluster has errors";
            let failure = Failure::new(&exit::DRIFT_UNKNOWN, message).help("fix the errors above");
            return Err(CommandError::with_findings(failure, drift.findings, loaded.sources.clone()));
        }
        let since = self.since.as_deref().map(|path| state_file(path, global));
        let news = match &since {
            Some(path) => Some(read_memory(path, &drift.identity)?.compare(&drift, &json::time_text(now))),
            None => None,
        };
        let drift_json = DriftV1 { review: reviewed.review(), ..DriftV1::of(&drift, news.as_ref(), &loaded.sources) };
        output.summary = Some(match drift_json.drift.len() {
            0 => "no drift".to_owned(),
            1 => "drift: 1 object".to_owned(),
            count => format!("drift: {count} objects"),
        });
        output.keep(&drift_json);
        output.result(|out, styles| match self.format {
            DriftFormat::Text => text::drift(out, styles, &drift_json),
            DriftFormat::Json => json::write(out, &drift_json),
            DriftFormat::Markdown => markdown::drift(out, &drift_json),
        })?;
        results.is_printed = true;
        let exit = if drift_json.drift.is_empty() { Exit::Done } else { Exit::Changes };
        let has_news = exit == Exit::Changes || !drift_json.resolved.is_empty();
        let notified = match notifier.filter(|_| has_news) {
            Some(notifier) => notify(notifier, |out| json::write(out, &drift_json)).await,
            None => Ok(()),
        };
        match (notified, &since, &news) {
            // Written last: drift that nobody has seen is reported again.
            (Ok(()), Some(path), Some(News { memory, .. })) => write_memory(path, &drift.identity, memory)?,
            (Ok(()), ..) => {}
            (Err(failed), ..) => output.failure(&failed),
        }
        results.new = news.map(|news| news.new.len());
        let ids: Vec<ChangeId> = drift.objects.iter().map(|object| object.id.clone()).collect();
        results.drift = Some(drift);
        if self.adopt && !ids.is_empty() {
            let loaded = editable(global, output)?;
            output.result(|out, _| writeln!(out))?;
            return Ok(adopt(global, &loaded, &ids, &connection, CheckArg::WRITE, output).await?);
        }
        Ok(exit)
    }

    async fn compare(
        &self,
        global: &GlobalArgs,
        output: &mut Output,
        now: OffsetDateTime,
        results: &mut Results,
    ) -> Result<(Connection, Reviewed, Drift), CommandError> {
        let reviewed = Reviewed::read(global, &self.base, &self.only, output)?;
        let connection = connect(global, reviewed.connection(global)?, self.calls, output).await?;
        let desired = &reviewed.loaded.desired;
        let observed = observe(&connection.retrying(), &[desired], self.calls.jobs()).await?;
        results.identity = Some(observed.identity.clone());
        lost_keys::warn(&self.state_dir.of(global), &observed.identity, &users_with_policy(&observed), output);
        let (catalogue, only) = (Catalogue::of(&observed.identity.release), reviewed.only.as_ref());
        let made = plan_part(desired, &observed, &catalogue, only);
        let drift = drift(desired, &observed, &made, only, &self.ignore, now.date());
        Ok((connection, reviewed, drift))
    }
}

async fn notify(notifier: &Notifier, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut json = Vec::new();
    write(&mut json)?;
    notifier.tell(&json).await
}

/// The state file of a target: in a directory, one for each.
fn state_file(path: &Path, global: &GlobalArgs) -> PathBuf {
    if !global.one_of_many && !path.is_dir() {
        return path.to_owned();
    }
    path.join(result_file(global.target.as_deref().unwrap_or(&global.file_name())))
}

/// The drift that was reported before; none if the file does not exist yet.
fn read_memory(path: &Path, identity: &Identity) -> Result<Memory, Failure> {
    let failure = |why: String| {
        let help = "name another file with `--since`, or remove this one; then all drift is new";
        Failure::new(&exit::DRIFT_STATE, format!("cannot use {}: {why}", path.display())).help(help)
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Memory::default()),
        Err(error) => return Err(failure(error.to_string())),
    };
    // The file hides known drift. A proposal must not be able to do that.
    match is_committed(path) {
        Ok(false) => {}
        Ok(true) => return Err(failure("it is part of the repository, where a proposal can change it".to_owned())),
        Err(problem) => return Err(failure(format!("cannot check whether it is part of a repository: {problem}"))),
    }
    DriftStateV1::read(&text).and_then(|state| state.memory(identity)).map_err(failure)
}

fn write_memory(path: &Path, identity: &Identity, memory: &Memory) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    let written = json::write(&mut bytes, &DriftStateV1::of(identity, memory));
    written.and_then(|()| files::replace(path, &bytes)).map_err(|error| {
        let message = format!("cannot write {}: {error}; this drift will be reported again", path.display());
        Failure::new(&exit::ENVIRONMENT, message)
    })
}

/// Writes the metrics of a run. If it failed, the time of the last success comes from the existing file.
fn write_metrics(path: &Path, results: &Results, exit: Exit, started: Instant) -> Result<(), Failure> {
    let previous = if is_special(path) { None } else { fs::read_to_string(path).ok() };
    let previous = previous.and_then(|text| PreviousRun::read(&text));
    let of = results.identity.as_ref().map(|identity| (identity.name.as_str(), identity.tenant.as_str()));
    let run = Metrics {
        drift: results.drift.as_ref(),
        new: results.new,
        of,
        previous: previous.as_ref(),
        ended: OffsetDateTime::now_utc().unix_timestamp(),
        duration: started.elapsed().as_secs_f64(),
        exit: exit.number(),
    };
    let mut bytes = Vec::new();
    let help = "its directory must exist and be writable for this user";
    let written = metrics(&mut bytes, &run).and_then(|()| publish(path, &bytes));
    written.map_err(|error| Failure::unwritten("the metrics", path, &error).help(help))
}
