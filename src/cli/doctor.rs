//! `attune doctor`: a read-only preflight check of a cluster.

use super::args::{CONNECTION, CallArgs, Format, GlobalArgs, LAST, StateDir};
use super::connect::{CommandError, cluster_settings, connect};
use super::exit::{self, Exit, Failure};
use super::lost_keys;
use super::output::Output;
use super::probe::ProbeArgs;
use super::targets::TargetArgs;
use crate::base::{Finding, Severity};
use crate::doctor::{Preflight, check, read_facts};
use crate::render::json::{self, DoctorV1};
use crate::render::text;

/// Check the connection, the login and the cluster
///
/// A read-only preflight check: identity, role, TLS, clock, API compatibility (WEKA 5.0 and newer), and leftovers of an
/// interrupted apply. Exits with 0 if there are no problems (notes do not count), with 2 if there are warnings, and with 1 if
/// there are errors. With --cluster, the configuration may be missing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune doctor
  attune doctor --cluster https://weka01:14000     check without a configuration
  attune doctor --tenant ml --format json | jq -r '.findings[].code'
  attune doctor --probe                            ask what no document says, with policies of its own
  attune doctor --probe --user attune-test         ask about attachments too, with a user made for this
  attune doctor --probe --user attune-test --s3 https://s3.example.com:9000
  attune doctor && attune apply --approved DIGEST")]
pub(super) struct DoctorArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(super) format: Format,
    /// Maximum number of retries of a call without an answer
    #[arg(help_heading = CONNECTION, display_order = LAST, long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=20))]
    retries: u32,
    #[command(flatten)]
    state_dir: StateDir,
    #[command(flatten)]
    pub(super) targets: TargetArgs,
    #[command(flatten)]
    probe: ProbeArgs,
}

impl DoctorArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        self.probe.check_used()?;
        if self.probe.is_asked() {
            let ended = self.probe.run(global, self.format, &self.state_dir.of(global), output).await;
            return ended.map_err(|error| error.reported(output));
        }
        let (report, has_warnings) = self.check(global, output).await.map_err(|error| error.reported(output))?;
        output.keep_text(|out, styles| text::doctor(out, styles, &report, has_warnings));
        match self.format {
            Format::Text => output.result(|out, styles| text::doctor(out, styles, &report, has_warnings))?,
            Format::Json => output.result(|out, _| json::write(out, &DoctorV1::of(&report)))?,
        }
        output.summary = Some(summary(&report.findings, has_warnings));
        exit_of(&report.findings)
    }

    async fn check(&self, global: &GlobalArgs, output: &mut Output) -> Result<(Preflight, bool), CommandError> {
        let settings = cluster_settings(global, output)?;
        let calls = CallArgs::only_retries(self.retries);
        let connection = connect(global, &settings, calls, output).await?;
        let facts = read_facts(&connection.retrying()).await?;
        let users = facts.users.iter().flat_map(|users| &users.users).filter(|user| user.policy.is_some());
        let users = users.map(|user| user.name.clone()).collect();
        let has_warnings = lost_keys::warn(&self.state_dir.of(global), &facts.identity, &users, output);
        Ok((check(facts), has_warnings))
    }
}

fn summary(findings: &[Finding], has_warnings: bool) -> String {
    match (findings.len(), has_warnings) {
        (0, false) => "no problems found".to_owned(),
        (0, true) => "no problems on the cluster, but a warning about key pairs".to_owned(),
        (1, _) => "1 finding".to_owned(),
        (count, _) => format!("{count} findings"),
    }
}

fn exit_of(findings: &[Finding]) -> Result<Exit, Failure> {
    match findings.iter().map(|finding| finding.severity).min() {
        Some(Severity::Error) => Err(Failure::new(&exit::NOT_WELL, "the cluster has problems that prevent an apply")),
        Some(Severity::Warning) => Ok(Exit::Changes),
        Some(Severity::Note) | None => Ok(Exit::Done),
    }
}
