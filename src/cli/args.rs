//! What the command line takes.

use std::path::{Path, PathBuf};

use super::descriptors::affordable;
use crate::cluster::RetryPolicy;
use crate::desired::{Exemption, Guards, Override};
use clap::{ArgAction, Parser, Subcommand, ValueEnum};

/// Keeps the S3 access of a WEKA cluster in tune with a file under review.
///
/// A desired-state file declares IAM policies and which user holds which; `plan` compares it with the cluster, `apply`
/// runs the calls of the plan.
#[derive(Debug, Parser)]
#[command(name = "attune", version, propagate_version = true, after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  attune import --cluster URL              write attune.toml from what a cluster has
  attune validate                          check attune.toml, offline
  attune fmt --check                       whether the files are in form
  attune plan                              what would change, and how
  attune plan --format json --out p.json   the same for machines and for keeping
  attune apply --approved DIGEST           run the plan with that digest, or nothing
  attune drift                             what the cluster has that the file does not say
  attune plan --file clusters              for each of many clusters
  attune doctor                            whether the cluster can be worked with
  attune access alice                      what alice may do
  attune report --out report.html          who may do what where, as a page
  attune policy diff old.json new.json     what access an edit of a policy gives and takes
  attune --cluster sim:cluster.json plan   against a simulated cluster

Credentials come from ATTUNE_USERNAME and ATTUNE_PASSWORD, else WEKA_USERNAME and WEKA_PASSWORD (and WEKA_ORG),
else the login that `weka user login` stored (WEKA_TOKEN, or ~/.weka/auth-token.json).

Exit codes: 0 done or nothing to do · 1 error · 2 changes (plan --detailed-exitcode, policy diff, fmt --check), drift, access not
given or warnings (doctor) · 3 a guard refused ·
4 not the approved plan · 5 applied in part · 130 interrupted";

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct GlobalArgs {
    /// The desired-state file; for plan, apply, drift, validate and doctor several, or a directory of them
    #[arg(short = 'f', long = "file", global = true, default_value = "attune.toml", value_name = "FILE")]
    pub(super) desired_files: Vec<PathBuf>,
    /// The one of these that a command is about.
    #[arg(skip)]
    pub(super) file: PathBuf,
    /// Whether it is one of many.
    #[arg(skip)]
    pub(super) one_of_many: bool,
    /// The cluster instead of the file's endpoints: a URL, or sim:PATH for a simulated one
    #[arg(long, global = true, value_name = "URL")]
    pub(super) cluster: Option<String>,
    /// What the cluster is reached through, instead of the file's `via`
    #[arg(long, global = true, value_enum, value_name = "HOW")]
    pub(super) via: Option<ViaArg>,
    /// The `weka` command, instead of the one of PATH (or ATTUNE_WEKA_BIN)
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) weka_bin: Option<PathBuf>,
    /// The tenant instead of the file's
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) tenant: Option<String>,
    /// Believe any certificate, and take http:// beyond this machine: whoever is in between reads the password
    #[arg(long, global = true)]
    pub(super) insecure: bool,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(super) color: Color,
    /// Only results and errors
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Show calls on stderr; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
}

/// What the cluster is reached through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ViaArg {
    /// Its REST interface
    Rest,
    /// The `weka` command of this host
    Weka,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Plan(super::plan::PlanArgs),
    Apply(super::apply::ApplyArgs),
    Drift(super::drift::DriftArgs),
    Show(super::show::ShowArgs),
    Import(super::import::ImportArgs),
    Fmt(super::fmt::FmtArgs),
    Validate(super::validate::ValidateArgs),
    Access(super::access::AccessArgs),
    Report(super::report::ReportArgs),
    Doctor(super::doctor::DoctorArgs),
    Policy(super::policy::PolicyArgs),
    Keys(super::keys::KeysArgs),
    Sts(super::sts::StsArgs),
    Schema(super::schema::SchemaArgs),
    Sim(super::sim::SimArgs),
    Completions(super::completions::CompletionsArgs),
    Man(super::man::ManArgs),
}

impl Command {
    /// The revision that is trusted, where the command takes one and it is given.
    pub(super) fn base(&self) -> Option<&str> {
        match self {
            Self::Plan(command) => command.base(),
            Self::Apply(command) => command.base(),
            Self::Drift(command) => command.base(),
            Self::Show(_)
            | Self::Import(_)
            | Self::Fmt(_)
            | Self::Validate(_)
            | Self::Access(_)
            | Self::Report(_)
            | Self::Doctor(_)
            | Self::Policy(_)
            | Self::Keys(_)
            | Self::Sts(_)
            | Self::Schema(_)
            | Self::Sim(_)
            | Self::Completions(_)
            | Self::Man(_) => None,
        }
    }
}

/// What a run is refused or let through by, beside the file's `[guards]`.
#[derive(Debug, clap::Args)]
pub(super) struct GuardArgs {
    /// Refuse a plan that gives anybody new access, or may (exit 3)
    #[arg(long)]
    deny_new_access: bool,
    /// Agree to new access: `user:action:pattern`, such as `bob:s3:PutObject:logs/*`
    #[arg(long, value_name = "AGREED")]
    allow_access: Vec<Exemption>,
    /// Set a guard for this run: `max_removals=12`, `max_detached=10%`, `protected_users=NAME`, `protected_policies=NAME`
    #[arg(long = "override", value_name = "GUARD=VALUE")]
    overrides: Vec<Override>,
    /// The actions of the cluster instead of the built-in table: JSON, `[{"name": …, "kind": "account|bucket|object"}]`
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
}

impl GuardArgs {
    /// Adds what the command line says to what the file says.
    pub(super) fn add_to(&self, guards: &mut Guards) {
        guards.deny_for_this_run = self.deny_new_access && !guards.deny_new_access;
        guards.deny_new_access |= self.deny_new_access;
        guards.allow_access.extend(self.allow_access.iter().cloned());
        guards.overrides.extend(self.overrides.iter().cloned());
    }

    /// Where the actions are to be read from, when not from the built-in table.
    pub(super) fn catalogue(&self) -> Option<&Path> {
        self.catalogue.as_deref()
    }
}

/// The revision that is trusted.
#[derive(Debug, clap::Args)]
pub(super) struct BaseArg {
    /// Trust the settings of the configuration as it was at this revision of git, or those of this file (`./before.toml`), and
    /// not those of the configuration itself
    ///
    /// How the cluster is reached, `[ownership]`, `[credentials]` and suppressed rules are those of the base, and the
    /// `[guards]` of both hold. Everything that is no longer declared and every changed setting is shown, and drift apart from
    /// what is proposed. Use it wherever somebody else may have written the configuration.
    #[arg(long, value_name = "REV")]
    pub(super) base: Option<String>,
}

/// Where applies leave what they did.
#[derive(Debug, clap::Args)]
pub(super) struct StateDir {
    /// The directory where `apply` and `keys generate` keep their journals: a key pair that may be lost is warned about
    #[arg(long = "state-dir", value_name = "DIR", default_value = ".attune")]
    pub(super) path: PathBuf,
}

/// How a command goes about its calls to a cluster.
#[derive(Debug, clap::Args)]
pub(super) struct Pace {
    /// How many calls may be under way at once; while the cluster answers that it is busy (429, 503) fewer are, and more
    /// again bit by bit when it answers
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// How often a call is tried again that got no answer; one that changes something only once looking has shown that
    /// it did not happen
    #[arg(long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=20))]
    retries: u32,
}

impl Pace {
    /// For a command that makes but a few calls.
    pub(super) fn only_retries(retries: u32) -> Self {
        Self { jobs: 1, retries }
    }

    /// As many as were asked for, and no more than the machine lets be.
    pub(super) fn jobs(&self) -> usize {
        affordable(self.jobs.into())
    }

    pub(super) fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy { retries: self.retries, ..RetryPolicy::default() }
    }
}
