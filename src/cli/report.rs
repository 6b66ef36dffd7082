//! `attune report`: who holds what and may do what, as a page to look at.

use std::path::PathBuf;

use clap::ValueEnum;

use super::actions::ActionArgs;
use super::args::{Format, GlobalArgs, Pace};
use super::connect::connect;
use super::desired::{NotReady, cluster_settings, read_whole};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::publish::save;
use crate::base::Release;
use crate::cluster::{observe_all, observe_held};
use crate::observed::Observed;
use crate::plan::{Plan, plan_with};
use crate::policy::Catalogue;
use crate::render::html;
use crate::render::json::{self, ReportV1};
use crate::report::{Looked, Report, State, report};

/// Show who holds what and may do what, as a page to look at
///
/// One HTML file that needs no network and no script: the access of every user and group to every bucket that a policy
/// speaks of, who holds which policy, and policies by size; as it is on the cluster, and as it will be by the file. Reads
/// and changes nothing. With --observed and --cluster, the file may be missing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune report --out report.html
  attune report --observed --cluster https://weka01.example.com:14000 --out report.html
  attune report --desired > report.html                     the file alone, offline
  attune report --format json | jq '.rows[] | select(any(.cells[]; .after.aws.admin != \"none\")) | .principals'")]
pub(super) struct ReportArgs {
    /// Only the file: its users, groups and documents, and what is known of predefined policies
    #[arg(long, conflicts_with = "observed")]
    desired: bool,
    /// Only the cluster as it is
    #[arg(long)]
    observed: bool,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = ReportFormat::Html)]
    format: ReportFormat,
    /// Write the result to this file instead
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    actions: ActionArgs,
    #[command(flatten)]
    pace: Pace,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// A page
    Html,
    /// For machines, with a published schema
    Json,
}

impl ReportArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let report = match self.make(global, output).await {
            Ok(report) => ReportV1::of(&report),
            Err(failed) => {
                let format = match self.format {
                    ReportFormat::Html => Format::Text,
                    ReportFormat::Json => Format::Json,
                };
                return failed.reported(format, output);
            }
        };
        let write = |out: &mut dyn std::io::Write| match self.format {
            ReportFormat::Html => html::report(out, &report),
            ReportFormat::Json => json::write(out, &report),
        };
        let Some(path) = &self.out else {
            output.result(|out, _| write(out))?;
            return Ok(Exit::Done);
        };
        let failure = |error: std::io::Error| {
            Failure::new(&exit::ENVIRONMENT, format!("cannot write the report to {}: {error}", path.display()))
        };
        let mut bytes = Vec::new();
        write(&mut bytes).and_then(|()| save(path, &bytes)).map_err(failure)?;
        Ok(Exit::Done)
    }

    async fn make(&self, global: &GlobalArgs, output: &mut Output) -> Result<Report, NotReady> {
        if self.observed {
            let settings = cluster_settings(global, output)?;
            let connection = connect(global, &settings, self.pace.jobs(), output).await?;
            let seen = observe_held(&connection.retrying(&self.pace), self.pace.jobs()).await.map_err(Failure::from)?;
            let catalogue = self.actions.catalogue_or(&seen.identity.release)?;
            return Ok(report(Looked::Cluster(State::of_cluster(&seen)), Some(seen.identity), None, &catalogue));
        }
        let loaded = read_whole(global, output)?;
        if self.desired {
            let newest = Release::newest();
            let state = State::of_file(&loaded.desired, self.actions.release().unwrap_or(&newest));
            return Ok(report(Looked::File(state), None, None, &self.actions.catalogue()?));
        }
        let connection = connect(global, &loaded.desired.cluster, self.pace.jobs(), output).await?;
        let seen = observe_all(&connection.retrying(&self.pace), &[&loaded.desired], self.pace.jobs()).await;
        let seen = seen.map_err(Failure::from)?;
        let catalogue = self.actions.catalogue_or(&seen.identity.release)?;
        let plan = plan_with(&loaded.desired, &seen, &catalogue);
        output.findings(&plan.findings, &loaded.sources);
        Ok(of_plan(&plan, &seen, &catalogue))
    }
}

/// What is, and what a plan makes of it.
pub(super) fn of_plan(plan: &Plan, observed: &Observed, catalogue: &Catalogue) -> Report {
    let before = State::of_cluster(observed);
    let after = before.after(plan);
    let (identity, digest) = (observed.identity.clone(), plan.digest.clone());
    report(Looked::Both { before, after }, Some(identity), Some(digest), catalogue)
}
