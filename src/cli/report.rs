//! `attune report`: an HTML page of who may do what.

use std::path::PathBuf;

use clap::ValueEnum;

use super::args::{ActionArgs, CallArgs, Format, GlobalArgs};
use super::connect::{CommandError, cluster_settings, connect, read_valid};
use super::exit::{Exit, Failure};
use super::files::save;
use super::output::Output;
use crate::base::Release;
use crate::cluster::observe_all;
use crate::observed::Observed;
use crate::plan::{Plan, plan_with};
use crate::policy::Catalogue;
use crate::policy::access::RuleList;
use crate::render::html;
use crate::render::json::{self, ReportV1};
use crate::report::{Report, Scope, State, report};

/// Create an HTML page of who may do what
///
/// The page shows everyone's access to every bucket of a policy, all attachments, and the sizes of policies. It compares the
/// cluster with the configuration, and needs no network and no scripts. With --observed and --cluster, the configuration may
/// be missing. Nothing is changed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune report --out report.html
  attune report --observed --cluster https://weka01.example.com:14000 --out report.html
  attune report --desired > report.html   use only the configuration, offline
  attune report --format json | jq '.rows[] | select(any(.cells[].after[]; .admin != \"none\")) | .principals'")]
pub(super) struct ReportArgs {
    /// Show only the configuration and known predefined policies
    #[arg(long, conflicts_with = "observed")]
    desired: bool,
    /// Show only the cluster
    #[arg(long)]
    observed: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    format: ReportFormat,
    /// Output file, instead of stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    actions: ActionArgs,
    #[command(flatten)]
    calls: CallArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// An HTML page
    Html,
    /// For machines, with a published schema
    Json,
}

impl ReportArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let of_failure = if self.format == ReportFormat::Json { Format::Json } else { Format::Text };
        let report = self.make(global, output).await.map_err(|error| error.reported(of_failure, output))?;
        let report = ReportV1::of(&report);
        let write = |out: &mut dyn std::io::Write| match self.format {
            ReportFormat::Html => html::report(out, &report),
            ReportFormat::Json => json::write(out, &report),
        };
        match &self.out {
            None => output.result(|out, _| write(out))?,
            Some(path) => save("the report", path, write)?,
        }
        Ok(Exit::Done)
    }

    async fn make(&self, global: &GlobalArgs, output: &mut Output) -> Result<Report, CommandError> {
        if self.observed {
            let settings = cluster_settings(global, output)?;
            let connection = connect(global, &settings, self.calls, output).await?;
            let observed = observe_all(&connection.retrying(), &[], self.calls.jobs()).await?;
            let catalogue = self.actions.load_or(&observed.identity.release)?;
            let scope = Scope::Cluster(State::of_cluster(&observed));
            return Ok(report(scope, Some(observed.identity), None, (&catalogue, settings.rules())));
        }
        let loaded = read_valid(global, output)?;
        if self.desired {
            let release = self.actions.release_or(&Release::newest());
            let state = State::of_file(&loaded.desired, &release);
            let rules = loaded.desired.cluster.rules();
            return Ok(report(Scope::File(state), None, None, (&self.actions.load_or(&release)?, rules)));
        }
        let connection = connect(global, &loaded.desired.cluster, self.calls, output).await?;
        let observed = observe_all(&connection.retrying(), &[&loaded.desired], self.calls.jobs()).await;
        let observed = observed.map_err(Failure::from)?;
        let catalogue = self.actions.load_or(&observed.identity.release)?;
        let plan = plan_with(&loaded.desired, &observed, &catalogue);
        output.findings(&plan.findings, &loaded.sources);
        Ok(report_of_plan(&plan, &observed, (&catalogue, loaded.desired.cluster.rules())))
    }
}

pub(super) fn report_of_plan(plan: &Plan, observed: &Observed, by: (&Catalogue, &RuleList)) -> Report {
    let before = State::of_cluster(observed);
    let after = before.after(plan);
    let (identity, digest) = (observed.identity.clone(), plan.digest.clone());
    report(Scope::Both { before, after }, Some(identity), Some(digest), by)
}
