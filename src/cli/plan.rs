//! `attune plan`: what would change, and by which calls.

use std::path::{Path, PathBuf};

use super::args::{Format, GlobalArgs, GuardArgs, Pace};
use super::base;
use super::connect::connect;
use super::desired::{NotReady, read_whole};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::plan_format::{MaxChars, PlanFormat};
use super::report::of_plan;
use crate::cluster::{observe_all, observe_for};
use crate::desired::{Desired, Loaded};
use crate::observed::Observed;
use crate::plan::{Plan, plan_with};
use crate::policy::Catalogue;
use crate::render::json::{self, BaseV1, PlanV1, ReportV1};
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
  attune plan --base origin/main             tell drift from what the file proposes
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
    /// Tell drift from what is proposed, by the file as it was at this revision of git, or by this file (`./before.toml`)
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Exit with 2 when there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    guards: GuardArgs,
    #[command(flatten)]
    pace: Pace,
}

/// What was made of the file and the cluster.
struct Made {
    loaded: Loaded,
    plan: Plan,
    base: Option<BaseV1>,
    /// What a page says of the cluster beside the plan.
    report: Option<ReportV1>,
}

impl PlanArgs {
    /// The form of the result, for many files at once.
    pub(super) fn format(&self) -> Format {
        self.format.of_failure()
    }

    async fn make(&self, global: &GlobalArgs, output: &mut Output) -> Result<Made, NotReady> {
        let mut loaded = read_whole(global, output)?;
        let base = self.base.as_deref().map(|base| base::read(base, &global.file)).transpose()?;
        let connection = connect(global, &loaded.desired.cluster, self.pace.jobs(), output).await?;
        let states: Vec<&Desired> =
            std::iter::once(&loaded.desired).chain(base.iter().map(|base| &base.desired)).collect();
        let (cluster, jobs) = (connection.patient(&self.pace), self.pace.jobs());
        let observed = match self.format {
            PlanFormat::Html => observe_all(&cluster, &states, jobs).await,
            PlanFormat::Text | PlanFormat::Json | PlanFormat::Markdown => observe_for(&cluster, &states, jobs).await,
        }
        .map_err(Failure::from)?;
        let catalogue = self.guards.actions(&observed)?;
        let mut plan = planned(&mut loaded, &observed, &self.guards, &catalogue);
        let page = self.format == PlanFormat::Html;
        let report = page.then(|| ReportV1::of(&of_plan(&plan, &observed, &catalogue)));
        let Some(base) = base else { return Ok(Made { loaded, plan, base: None, report }) };
        let apart = base.apart(&loaded.desired, &observed, &catalogue);
        plan.findings.extend(apart.findings);
        Ok(Made { loaded, plan, base: apart.base, report })
    }

    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        if global.one_of_many && (self.out.is_some() || self.format == PlanFormat::Html) {
            let taker = if self.out.is_some() { "`--out`" } else { "a page" };
            let message = format!("{taker} takes one plan, and there are many files");
            return Err(
                Failure::new(&exit::NO_FILE, message).help("use `--format json`, or run the command for each file")
            );
        }
        let made = self.make(global, output).await;
        let Made { loaded, plan, base, report } = match made {
            Ok(made) => made,
            Err(failed) => return failed.reported(self.format.of_failure(), output),
        };
        let sources = &loaded.sources;
        output.findings(&plan.findings, sources);
        let told = PlanV1 { base, ..PlanV1::of(&plan, sources) };
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
            return Err(refused(&plan));
        }
        let changes = self.detailed_exitcode && !plan.is_empty();
        Ok(if changes { Exit::Changes } else { Exit::Done })
    }
}

/// Makes the plan of a run: the one place where the file, the guards of the command line and the actions meet.
pub(super) fn planned(loaded: &mut Loaded, observed: &Observed, guards: &GuardArgs, catalogue: &Catalogue) -> Plan {
    guards.add_to(&mut loaded.desired.guards);
    plan_with(&loaded.desired, observed, catalogue)
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
    let text = std::fs::read_to_string(path).map_err(|error| failure(error.to_string()))?;
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
    std::fs::write(path, bytes).map_err(failure)
}
