//! Arguments that several commands share.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgAction, ColorChoice, ValueEnum};
use time::OffsetDateTime;

pub(super) use super::format_args::{Format, MaxChars, PlanFormat};
use super::open_files::{affordable, affordable_calls};
use super::shared::Shared;
use super::state::DEFAULT_STATE_DIR;
use crate::base::Release;
use crate::cluster::rest::Fingerprint;
use crate::cluster::{Limits, MostCalls, RetryPolicy};
use crate::desired::{
    AsOf, ClusterSettings, Exemption, Guards, Loaded, Moment, Override, Overrides, Via, is_stdin, shown_path,
};
use crate::plan::{Only, OnlyPattern};
use crate::policy::access::RuleList;

/// The heading of options about the connection to a cluster.
pub(super) const CONNECTION: &str = "Connection";

/// The heading of options about the evaluation of documents.
pub(super) const EVALUATION: &str = "Evaluation";

/// The place of an option behind those that all commands have.
pub(super) const LAST: usize = 100;

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// Configuration file; plan, apply, drift, validate, doctor and report take several files, or a directory of them; `-` is
    /// standard input [default: ATTUNE_FILE, else attune.toml of this directory or of the nearest one above it in the Git
    /// repository]
    #[arg(short = 'f', long = "file", global = true, value_name = "FILE")]
    pub(super) desired_files: Vec<PathBuf>,
    /// The file of this run, one of `desired_files`.
    #[arg(skip)]
    pub(super) file: PathBuf,
    /// What to say if the file does not exist: why this one, or why not another one.
    #[arg(skip)]
    pub(super) about_file: Option<String>,
    #[arg(skip)]
    pub(super) one_of_many: bool,
    /// Value of a variable of `[vars]`, instead of ATTUNE_VAR_NAME or the value in the configuration; repeat for more
    #[arg(id = "var", long = "var", global = true, value_name = "NAME=VALUE", value_parser = variable)]
    pub(super) variables: Vec<(String, String)>,
    /// Cluster to use instead of `[cluster] endpoints`: a URL, or sim:PATH for a simulated cluster
    #[arg(help_heading = CONNECTION, long, global = true, value_name = "URL")]
    pub(super) cluster: Option<String>,
    /// Transport to use instead of `[cluster] via`
    #[arg(help_heading = CONNECTION, long, global = true, value_enum, value_name = "TRANSPORT")]
    pub(super) via: Option<ViaArg>,
    /// Path of the `weka` command, instead of ATTUNE_WEKA_BIN or the `weka` in PATH
    #[arg(help_heading = CONNECTION, long, global = true, value_name = "PATH")]
    pub(super) weka_bin: Option<PathBuf>,
    /// Tenant to use instead of `[cluster] tenant`
    #[arg(help_heading = CONNECTION, long, global = true, value_name = "NAME")]
    pub(super) tenant: Option<String>,
    /// TOML file with the logins of several clusters and tenants, instead of ATTUNE_LOGINS_FILE or one login of the environment;
    /// only its owner may read it (mode 0600)
    #[arg(help_heading = CONNECTION, long, global = true, value_name = "FILE")]
    pub(super) logins: Option<PathBuf>,
    /// PEM file with the certificates to trust, instead of `[cluster] ca_file` and `fingerprint`
    #[arg(help_heading = CONNECTION, long, global = true, value_name = "FILE", conflicts_with_all = ["fingerprint", "insecure"])]
    pub(super) ca_file: Option<PathBuf>,
    /// SHA-256 of the certificate to trust, instead of `[cluster] ca_file` and `fingerprint`
    #[arg(help_heading = CONNECTION, long, global = true, value_name = "sha256:DIGITS", conflicts_with = "insecure")]
    pub(super) fingerprint: Option<Fingerprint>,
    /// Accept any certificate, and http:// to other hosts; anyone on the network path can read the password
    #[arg(help_heading = CONNECTION, long, global = true)]
    pub(super) insecure: bool,
    /// Time to take for now, such as 2030-12-31T23:59:59Z, or a day at 00:00 UTC: shows what `from` and `until` do then
    #[arg(long, global = true, value_name = "TIME", value_parser = instant)]
    pub(super) now: Option<OffsetDateTime>,
    /// The limits of API calls, which all configurations of the run share.
    #[arg(skip)]
    pub(super) limits: Limits,
    /// The directory above in which the configuration was found; empty if it is this one or was named.
    #[arg(skip)]
    pub(super) above: PathBuf,
    /// What the runs of this process share.
    #[arg(skip)]
    pub(super) shared: Arc<Shared>,
    /// The id of the target of this run; `None` for standard input.
    #[arg(skip)]
    pub(super) target: Option<String>,
    /// Whether the run only asks for the list of tenants, so that no tenant needs to be named.
    #[arg(skip)]
    pub(super) lists_tenants: bool,
    /// The time at which the program started.
    #[arg(skip = OffsetDateTime::now_utc())]
    pub(super) started: OffsetDateTime,
    /// When to use colors; `auto` means on a terminal, unless NO_COLOR is set, and always with CLICOLOR_FORCE
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub(super) color: ColorChoice,
    /// Print only results and errors
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Log API calls to stderr; repeat for more detail
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
}

impl GlobalArgs {
    /// The name of the configuration, for messages.
    pub(super) fn file_name(&self) -> String {
        shown_path(&self.file)
    }

    /// The instant that the run is for.
    pub(super) fn as_of(&self) -> AsOf {
        AsOf { at: self.now.unwrap_or(self.started), is_given: self.now.is_some() }
    }

    /// The values of variables, from the command line and the environment.
    pub(super) fn variables(&self) -> Overrides {
        Overrides::new(self.variables.iter().cloned().collect(), variables_of_environment())
    }

    /// Whether there is a configuration to read.
    pub(super) fn has_file(&self) -> bool {
        is_stdin(&self.file) || self.file.exists()
    }

    /// Whether the command line alone says how to reach a cluster.
    pub(super) fn names_cluster(&self) -> bool {
        self.cluster.is_some() || self.via == Some(ViaArg::Weka)
    }

    /// The settings of the command line over these: transport and trusted certificates.
    pub(super) fn over(&self, settings: &ClusterSettings) -> ClusterSettings {
        let via = match self.via {
            Some(ViaArg::Rest) => Via::Rest,
            Some(ViaArg::Weka) => Via::Weka,
            None => settings.via,
        };
        let mut settings = ClusterSettings { via, ..settings.clone() };
        if self.ca_file.is_some() || self.fingerprint.is_some() {
            settings.ca_file.clone_from(&self.ca_file);
            let digits = |of: &Fingerprint| of.to_string().trim_start_matches("sha256:").to_owned();
            settings.fingerprint = self.fingerprint.as_ref().map(digits);
        }
        settings
    }
}

/// The start of an environment variable with the value of a variable.
const VARIABLE: &str = "ATTUNE_VAR_";

/// The values of variables in the environment.
pub(super) fn variables_of_environment() -> BTreeMap<String, String> {
    let value = |(name, value): (OsString, OsString)| {
        Some((name.to_str()?.strip_prefix(VARIABLE)?.to_owned(), value.to_string_lossy().into_owned()))
    };
    std::env::vars_os().filter_map(value).collect()
}

fn instant(text: &str) -> Result<OffsetDateTime, String> {
    let moment: Result<Moment, _> = text.parse();
    moment.map(Moment::begin).map_err(|problem| format!("{problem}; write it as 2030-12-31T18:00:00Z, or as a day"))
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE, such as `env=prod`")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ViaArg {
    /// The REST API
    Rest,
    /// The `weka` command of this host
    Weka,
}

/// Guards for one run, in addition to `[guards]`.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Guards")]
pub(super) struct GuardArgs {
    /// Refuse a plan that gives, or may give, new access to anyone (exit 3)
    #[arg(long)]
    deny_new_access: bool,
    /// Allow new access: `user:action:pattern`, for example `bob:s3:PutObject:logs/*`; a word of `attune access` instead of
    /// the action allows that request: `bob:delete-version:logs/*`
    #[arg(long, value_name = "ACCESS")]
    allow_access: Vec<Exemption>,
    /// Override a guard: `max_removals=12`, `max_detached=10%`, `protected_users=NAME`, `protected_policies=NAME`
    #[arg(long = "override", value_name = "GUARD=VALUE")]
    overrides: Vec<Override>,
    #[command(flatten)]
    pub(super) catalogue: CatalogueArg,
}

impl GuardArgs {
    pub(super) fn add_to(&self, guards: &mut Guards) {
        guards.deny_for_this_run = self.deny_new_access && !guards.deny_new_access;
        guards.deny_new_access |= self.deny_new_access;
        guards.allow_access.extend(self.allow_access.iter().cloned());
        guards.overrides.extend(self.overrides.iter().cloned());
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = EVALUATION)]
pub(super) struct CatalogueArg {
    /// JSON file of the cluster's actions, instead of the built-in table: `[{"name": …, "kind": "account|bucket|object"}]`
    #[arg(id = "catalogue", long = "catalogue", value_name = "FILE")]
    pub(super) path: Option<PathBuf>,
}

/// The known actions, for a command that may have no cluster to ask for its release.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = EVALUATION)]
pub(super) struct ActionArgs {
    /// WEKA release of the cluster [default: the newest known]
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    release: Option<Release>,
    #[command(flatten)]
    pub(super) catalogue: CatalogueArg,
}

impl ActionArgs {
    /// The release: that of the command line, else this one.
    pub(super) fn release_or(&self, release: &Release) -> Release {
        self.release.as_ref().unwrap_or(release).clone()
    }
}

pub(super) fn release(text: &str) -> Result<Release, String> {
    Release::parse(text).ok_or_else(|| "a release starts with two numbers, for example 5.1 or 5.1.2".to_owned())
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = EVALUATION)]
pub(super) struct RulesArg {
    /// Rules of evaluation: minio-2021, minio-2026, aws, or several separated by commas; the first leads the text
    /// [default: those of the configuration, else minio-2021,minio-2026,aws]
    #[arg(long, value_name = "RULES")]
    rules: Option<RuleList>,
}

impl RulesArg {
    /// The rules of the command line, else these.
    pub(super) fn or<'a>(&'a self, configured: &'a RuleList) -> &'a RuleList {
        self.rules.as_ref().unwrap_or(configured)
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct BaseArg {
    /// Trusted version: take settings from this Git revision, or from a file (`./before.toml`)
    ///
    /// Connection, `[ownership]`, `[credentials]` and suppressed rules come from the base. The `[guards]` of both versions
    /// hold. The plan shows every changed setting and everything that is no longer declared, and separates drift from
    /// proposed changes. Use it when someone else may have written the configuration.
    #[arg(long, value_name = "REV")]
    pub(super) base: Option<String>,
}

/// The part of the configuration that a command is for.
#[derive(Debug, Default, clap::Args)]
pub(super) struct OnlyArg {
    /// Only these objects: `policy/NAME`, `user/NAME`, `group/NAME`, or `file:PATH` for all that a file declares
    ///
    /// `*` matches any run of characters, `?` one. Errors of other parts of the configuration are shown and do not block. A plan
    /// has what the objects need, too, and its guards and effects look at the whole cluster. plan and apply exit with 2 if they
    /// leave out a difference.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<OnlyPattern>,
}

impl OnlyArg {
    /// The selection for a configuration, whose errors outside of it no longer block; `None` if everything is selected.
    pub(super) fn of(&self, loaded: &mut Loaded, file: &Path) -> Option<Only> {
        let directory = file.parent().unwrap_or(Path::new("")).display().to_string();
        (!self.only.is_empty()).then(|| Only::new(&self.only, loaded, &directory))
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct StateDir {
    /// State directory: rollback files, journals, and emergency files with new secrets [default: .attune, beside a
    /// configuration found above]
    #[arg(long = "state-dir", value_name = "DIR")]
    path: Option<PathBuf>,
}

impl StateDir {
    /// The directory of the command line, else the default one: here, or beside the configuration found above.
    pub(super) fn of(&self, global: &GlobalArgs) -> PathBuf {
        self.path.clone().unwrap_or_else(|| global.above.join(DEFAULT_STATE_DIR))
    }
}

#[derive(Debug, Default, clap::Args)]
pub(super) struct SecretStoreArgs {
    /// Show the stderr of a failed `[credentials]` command; its output may contain the new secret
    #[arg(long)]
    pub(super) show_command_output: bool,
}

#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = CONNECTION)]
pub(super) struct CallArgs {
    /// Maximum number of concurrent API calls to one cluster
    #[arg(display_order = LAST, long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Maximum number of retries of a call without an answer; a write is retried only if it did not happen
    #[arg(display_order = LAST + 1, long, default_value_t = 4, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=20))]
    retries: u32,
    /// Maximum number of concurrent API calls to all clusters together, for several configurations [default: as many as the open files allow]
    #[arg(display_order = LAST + 2, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    calls_at_once: Option<u16>,
}

impl CallArgs {
    pub(super) fn only_retries(retries: u32) -> Self {
        Self { jobs: 1, retries, calls_at_once: None }
    }

    /// The most calls in flight at once.
    pub(super) fn most(&self) -> MostCalls {
        let in_all = match self.calls_at_once {
            Some(calls) => affordable(calls).into(),
            None => affordable_calls().unwrap_or(usize::MAX),
        };
        MostCalls { to_one: self.jobs(), in_all }
    }

    /// The concurrency limit: as asked for, but no more than the open files of the process allow.
    pub(super) fn jobs(&self) -> usize {
        affordable(self.jobs).into()
    }

    pub(super) fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy { retries: self.retries, ..RetryPolicy::default() }
    }
}

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

pub(super) fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it is empty".to_owned()),
        text if text.chars().count() > LONGEST_REASON => Err(format!("it is longer than {LONGEST_REASON} characters")),
        text => Ok(text.to_owned()),
    }
}
