//! `attune plan`: what would change, and by which calls.

use std::path::{Path, PathBuf};

use super::args::{BaseArg, Format, GlobalArgs, GuardArgs, Pace, StateDir};
use super::connect::connect;
use super::desired::NotReady;
use super::exit::{self, Exit, Failure};
use super::lost;
use super::output::Output;
use super::plan_format::{MaxChars, PlanFormat};
use super::publish::save;
use super::report::of_plan;
use super::reviewed::{Made, Reviewed};
use crate::cluster::{observe_all, observe_for};
use crate::desired::read_trusted;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::policy::Catalogue;
use crate::render::json::{self, PlanV1, ReportV1};
use crate::render::{Refusals, html, markdown, text};

/// Show what would change, and by which calls
///
/// Reads the cluster and changes nothing. The digest at the end stands for exactly these calls against exactly this
/// state of what they touch: `attune apply --approved DIGEST` runs them or nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune plan
  attune plan --detailed-exitcode            exit 2 when there are changes
  attune plan --format json | jq .summary
  attune plan --out plan.json                text here, JSON there
  attune plan --format markdown              for a comment on a pull request
  attune plan --format markdown --max-chars 1000000 > comment.md
  attune plan --format html > plan.html      a page, with the access of everybody before and after
  attune plan --base origin/main             review a proposal by the settings of main
  attune plan --override max_removals=12     a guard of the file, set for this run")]
pub(super) struct PlanArgs {
    /// The form of the result
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    format: PlanFormat,
    #[command(flatten)]
    max_chars: MaxChars,
    /// Write the plan as JSON to this file as well
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    base: BaseArg,
    /// Exit with 2 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    state_dir: StateDir,
    #[command(flatten)]
    guards: GuardArgs,
    #[command(flatten)]
    pace: Pace,
}

/// What was made of the configuration and the cluster.
struct Shown {
    reviewed: Reviewed,
    made: Made,
    /// What a page says of the cluster beside the plan.
    report: Option<ReportV1>,
}

impl PlanArgs {
    /// The revision that is trusted, for many files at once.
    pub(super) fn base(&self) -> Option<&str> {
        self.base.base.as_deref()
    }

    /// The form of the result, for many files at once.
    pub(super) fn format(&self) -> Format {
        self.format.of_failure()
    }

    async fn make(&self, global: &GlobalArgs, output: &mut Output) -> Result<Shown, NotReady> {
        let mut reviewed = Reviewed::read(global, &self.base, output)?;
        let connection = connect(global, &reviewed.connection, self.pace.jobs(), output).await?;
        let states = reviewed.states();
        let (cluster, jobs) = (connection.retrying(&self.pace), self.pace.jobs());
        let observed = match self.format {
            PlanFormat::Html => observe_all(&cluster, &states, jobs).await,
            PlanFormat::Text | PlanFormat::Json | PlanFormat::Markdown => observe_for(&cluster, &states, jobs).await,
        }
        .map_err(Failure::from)?;
        lost::warn(&self.state_dir.path, &observed.identity, &lost::having(&observed), output);
        let catalogue = self.guards.actions(&observed)?;
        let made = reviewed.planned(&observed, &self.guards, &catalogue);
        let page = self.format == PlanFormat::Html;
        let report = page.then(|| ReportV1::of(&of_plan(&made.plan, &observed, &catalogue)));
        Ok(Shown { reviewed, made, report })
    }

    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        if global.one_of_many && (self.out.is_some() || self.format == PlanFormat::Html) {
            let taker = if self.out.is_some() { "`--out`" } else { "a page" };
            let message = format!("{taker} takes one plan, and there are many files");
            return Err(
                Failure::new(&exit::NO_FILE, message).help("use `--format json`, or run the command for each file")
            );
        }
        let shown = self.make(global, output).await;
        let Shown { reviewed, made, report } = match shown {
            Ok(shown) => shown,
            Err(failed) => return failed.reported(self.format.of_failure(), output),
        };
        let plan = &made.plan;
        output.findings(&plan.findings, &reviewed.loaded.sources);
        let told = made.copy(&reviewed.loaded);
        output.sum_up(text::verdict(&told));
        match self.format {
            PlanFormat::Text => output.result(|out, styles| text::plan(out, styles, &told))?,
            PlanFormat::Json => output.result(|out, _| json::write(out, &told))?,
            PlanFormat::Markdown => {
                let comment = markdown::plan(&told, self.max_chars.max_chars);
                output.result(|out, _| write!(out, "{comment}"))?;
            }
            PlanFormat::Html => output.result(|out, _| html::plan(out, &told, report.as_ref()))?,
        }
        if let Some(path) = &self.out {
            write_plan(path, &told)?;
        }
        if plan.is_blocked() {
            return Err(blocked());
        }
        if plan.is_refused() {
            return Err(refused(plan));
        }
        let changes = self.detailed_exitcode && !plan.is_empty();
        Ok(if changes { Exit::Changes } else { Exit::Done })
    }
}

impl GuardArgs {
    /// The actions of the cluster: the given ones, else those of its release.
    pub(super) fn actions(&self, observed: &Observed) -> Result<Catalogue, Failure> {
        match self.catalogue() {
            Some(path) => catalogue(path),
            None => Ok(Catalogue::of(&observed.identity.release)),
        }
    }
}

/// Reads a table of actions.
pub(super) fn catalogue(path: &Path) -> Result<Catalogue, Failure> {
    let failure = |why: String| Failure::new(&exit::BAD_CATALOGUE, format!("the catalogue {}: {why}", path.display()));
    let text = read_trusted(path).map_err(|problem| failure(problem.to_string()))?;
    Catalogue::from_json(&text).map_err(|error| failure(error.to_string()))
}

/// The plan is refused, and the reasons have been shown with it.
pub(super) fn refused(plan: &Plan) -> Failure {
    let by = Refusals::of(plan.refusals.iter().map(|refusal| refusal.code.id));
    let (what, help) = match by {
        Refusals::Guards => ("a guard refuses this plan", "the plan says what is refused, and how to override it"),
        Refusals::NoDestination => (
            "this plan may create S3 keys, and the configuration names no destination for their secrets",
            "add `[credentials]` to the configuration",
        ),
        Refusals::Both => (
            "a guard refuses this plan, and the configuration names no destination for new secrets",
            "the plan says what is refused, and what to do about it",
        ),
    };
    Failure::new(&exit::REFUSED, format!("{what}; nothing was changed")).help(help).exit(Exit::Refused)
}

/// Something stands in the way, and has been said.
pub(super) fn blocked() -> Failure {
    Failure::new(&exit::PLAN_BLOCKED, "the plan cannot be applied; nothing was changed")
}

fn write_plan(path: &Path, plan: &PlanV1) -> Result<(), Failure> {
    let failure = |error: std::io::Error| {
        Failure::new(&exit::ENVIRONMENT, format!("cannot write the plan to {}: {error}", path.display()))
    };
    let mut bytes = Vec::new();
    json::write(&mut bytes, plan).map_err(failure)?;
    save(path, &bytes).map_err(failure)
}
