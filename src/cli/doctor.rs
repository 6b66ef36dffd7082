//! `attune doctor`: checks a cluster before anything is done to it.

use super::args::{Format, GlobalArgs, Pace, StateDir};
use super::connect::connect;
use super::desired::{NotReady, cluster_settings};
use super::exit::{self, Exit, Failure};
use super::lost;
use super::output::Output;
use crate::base::{Finding, Severity};
use crate::doctor::{Report, judge, look};
use crate::render::json::{self, DoctorV1};
use crate::render::text;

/// Check the connection, the login and the cluster
///
/// Reads and changes nothing. Says which cluster this is, whether the role suffices, how the cluster is spoken to, whether
/// its own definition (5.0 and newer) has every call as attune makes it, and what an interrupted apply left behind.
/// Exits with 0 when all is well (notes do not count), with 2 when there are warnings, and with 1 when there is an error.
/// With --cluster, the file may be missing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune doctor
  attune doctor --cluster https://weka01.example.com:14000     without a file
  attune doctor --tenant ml --format json | jq -r '.findings[].code'
  attune doctor && attune apply --approved DIGEST")]
pub(super) struct DoctorArgs {
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// How often a call is tried again that got no answer
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=20))]
    retries: u32,
    #[command(flatten)]
    state_dir: StateDir,
}

impl DoctorArgs {
    /// The form of the result.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let report = match self.examine(global, output).await {
            Ok(report) => report,
            Err(failed) => return failed.reported(self.format, output),
        };
        match self.format {
            Format::Text => output.result(|out, styles| text::doctor(out, styles, &report))?,
            Format::Json => output.result(|out, _| json::write(out, &DoctorV1::of(&report)))?,
        }
        output.sum_up(summary(&report.findings));
        exit_of(&report.findings)
    }

    async fn examine(&self, global: &GlobalArgs, output: &mut Output) -> Result<Report, NotReady> {
        let settings = cluster_settings(global, output)?;
        let pace = Pace::only_retries(self.retries);
        let connection = connect(global, &settings, pace.jobs(), output).await?;
        let facts = look(&connection.retrying(&pace)).await.map_err(Failure::from)?;
        let having = facts.users.iter().flat_map(|users| &users.users).filter(|user| user.policy.is_some());
        lost::warn(&self.state_dir.path, &facts.identity, &having.map(|user| user.name.clone()).collect(), output);
        Ok(judge(&facts))
    }
}

fn summary(findings: &[Finding]) -> String {
    match findings.len() {
        0 => "all is well".to_owned(),
        1 => "1 finding".to_owned(),
        number => format!("{number} findings"),
    }
}

fn exit_of(findings: &[Finding]) -> Result<Exit, Failure> {
    match findings.iter().map(|finding| finding.severity).min() {
        Some(Severity::Error) => Err(Failure::new(&exit::NOT_WELL, "the cluster cannot be worked with as it is")),
        Some(Severity::Warning) => Ok(Exit::Changes),
        Some(Severity::Note) | None => Ok(Exit::Done),
    }
}
