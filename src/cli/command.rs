//! The commands, and what each needs.

use std::path::Path;

use clap::Subcommand;

use super::args::GlobalArgs;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::results::Wanted;
use super::targets::{self, Division, TargetArgs};
use super::{
    access, apply, approve, doctor, drift, edit, expand, fmt, generate, history, import, init, keys, plan, policy,
    report, snapshot, sts, test, validate, verify,
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Drift(drift::DriftArgs),
    Validate(validate::ValidateArgs),
    Doctor(doctor::DoctorArgs),
    Report(report::ReportArgs),
    Targets(targets::TargetsArgs),
    #[command(flatten)]
    OneFile(OneFileCommand),
}

/// The commands that take at most one configuration.
#[derive(Debug, Subcommand)]
pub(super) enum OneFileCommand {
    Init(init::InitArgs),
    Show(plan::ShowArgs),
    Approve(approve::ApproveArgs),
    Merge(targets::MergeArgs),
    Import(import::ImportArgs),
    Fmt(fmt::FmtArgs),
    /// Change who has which policy in the files of a configuration
    #[command(subcommand)]
    #[command(after_long_help = "\
Examples:
  attune edit move --from ml-ro --to ml-rw --users 'svc-*'
  attune edit detach alice
  attune edit add-user bob --policy ml-ro
  attune edit adopt user/alice policy/ml-ro
  attune edit prune")]
    Edit(edit::EditCommand),
    Expand(expand::ExpandArgs),
    Test(test::TestArgs),
    Access(access::AccessArgs),
    Verify(verify::VerifyArgs),
    /// Compare, check and print policy documents, offline
    #[command(subcommand)]
    #[command(after_long_help = "\
Examples:
  attune policy diff old.json new.json
  attune policy lint policies/*.json
  attune policy render policy.json")]
    Policy(policy::PolicyCommand),
    /// Rotate S3 key pairs, and revoke them in an incident
    #[command(subcommand)]
    #[command(after_long_help = "\
Examples:
  attune keys rotate bob
  attune keys rotate --policy ml-rw
  attune keys revoke bob --reason leaked")]
    Keys(keys::KeysCommand),
    /// Get temporary S3 credentials
    #[command(subcommand)]
    #[command(after_long_help = "\
Examples:
  ATTUNE_SECRET_KEY=… attune sts assume-role --access-key AKIA… --duration 60m")]
    Sts(sts::StsCommand),
    Snapshot(snapshot::SnapshotArgs),
    History(history::HistoryArgs),
    Schema(generate::SchemaArgs),
    /// Run a simulated cluster
    #[cfg(feature = "sim")]
    #[command(subcommand)]
    #[command(after_long_help = "\
Examples:
  attune sim serve --state cluster.json
  attune sim weka --state cluster.json -- s3 policy list")]
    Sim(super::sim::SimCommand),
    Completions(generate::CompletionsArgs),
    Man(generate::ManArgs),
}

impl Command {
    pub(super) fn base(&self) -> Option<&str> {
        match self {
            Self::Plan(command) => command.base.base.as_deref(),
            Self::Apply(command) => command.base.base.as_deref(),
            Self::Drift(command) => command.base.base.as_deref(),
            Self::Targets(command) => command.base.base.as_deref(),
            Self::Validate(_) | Self::Doctor(_) | Self::Report(_) | Self::OneFile(_) => None,
        }
    }

    /// What becomes of the results for several files.
    pub(super) fn of_many(&self, files: usize, output: &Output) -> Result<Wanted<'_>, Failure> {
        match self {
            Self::Plan(command) => command.of_many(output),
            Self::Apply(command) => Ok(command.format.into()),
            Self::Drift(command) => command.of_many(),
            Self::Validate(command) => Ok(command.format_of_many().into()),
            Self::Doctor(command) => Ok(command.format.into()),
            Self::Report(command) => command.of_many(),
            Self::Targets(_) | Self::OneFile(_) => {
                let message = format!("this command takes one file, but {files} are given");
                Err(Failure::new(&exit::NO_FILE, message)
                    .help("plan, apply, drift, validate, doctor and report take several"))
            }
        }
    }

    /// The file with the waves of the targets.
    pub(super) fn waves(&self) -> Option<&Path> {
        match self {
            Self::Apply(command) => command.waves.as_deref(),
            Self::Plan(_)
            | Self::Drift(_)
            | Self::Validate(_)
            | Self::Doctor(_)
            | Self::Report(_)
            | Self::Targets(_)
            | Self::OneFile(_) => None,
        }
    }

    /// Which targets the command runs for, how finely they divide configurations, and its name. `None`: it runs once.
    pub(super) fn targets(&self) -> Option<(&TargetArgs, Division, &'static str)> {
        match self {
            Self::Plan(command) => Some((&command.targets, Division::Tenants, "plan")),
            Self::Apply(command) => Some((&command.targets, Division::Tenants, "apply")),
            Self::Drift(command) => Some((&command.targets, Division::Tenants, "drift")),
            Self::Doctor(command) => Some((&command.targets, Division::Tenants, "doctor")),
            Self::Validate(command) => Some((&command.targets, Division::Configurations, "validate")),
            Self::Report(command) => Some((&command.targets, Division::Tenants, "report")),
            Self::Targets(_) | Self::OneFile(_) => None,
        }
    }

    /// Whether the result is for a directory, even that of one file.
    pub(super) fn saves_many(&self) -> bool {
        match self {
            Self::Plan(command) => command.saves_many(),
            Self::Apply(_)
            | Self::Drift(_)
            | Self::Validate(_)
            | Self::Doctor(_)
            | Self::Report(_)
            | Self::Targets(_)
            | Self::OneFile(_) => false,
        }
    }

    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        match self {
            Self::Plan(command) => command.run(global, output).await,
            Self::Apply(command) => command.run(global, output).await,
            Self::Drift(command) => command.run(global, output).await,
            Self::Validate(command) => command.run(global, output),
            Self::Doctor(command) => command.run(global, output).await,
            Self::Report(command) => command.run(global, output).await,
            Self::Targets(command) => command.run(global, vec![global.file.clone()], output).await,
            Self::OneFile(command) => command.run(global, output).await,
        }
    }
}

impl OneFileCommand {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        match self {
            Self::Init(command) => command.run(global, output).await,
            Self::Approve(command) => command.run(output).await,
            Self::Show(command) => command.run(output),
            Self::Merge(command) => command.run(output),
            Self::Import(command) => command.run(global, output).await,
            Self::Fmt(command) => command.run(global, output),
            Self::Edit(command) => command.run(global, output).await,
            Self::Expand(command) => command.run(global, output),
            Self::Test(command) => command.run(global, output).await,
            Self::Access(command) => command.run(global, output).await,
            Self::Verify(command) => command.run(global, output).await,
            Self::Policy(command) => command.run(output),
            Self::Keys(command) => command.run(global, output).await,
            Self::Sts(command) => command.run(global, output).await,
            Self::Snapshot(command) => command.run(global, output).await,
            Self::History(command) => command.run(global, output),
            Self::Schema(command) => command.run(output),
            #[cfg(feature = "sim")]
            Self::Sim(command) => command.run(output).await,
            Self::Completions(command) => command.run(super::options::command(), output),
            Self::Man(command) => command.run(super::options::command(), output),
        }
    }
}
