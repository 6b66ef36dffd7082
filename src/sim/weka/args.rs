//! The arguments of the `weka` command, as far as it is about S3 access: what any release takes.

use clap::{Args, Parser, Subcommand};

/// The `weka` command of a simulated cluster.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "weka", disable_help_subcommand = true, term_width = 100)]
pub(super) struct Weka {
    /// Print JSON
    #[arg(short = 'J', long, global = true, overrides_with = "json")]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Top,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum Top {
    /// Show the cluster
    Status,
    /// Show the release
    Version,
    /// List the users of the tenant
    User(UserArgs),
    /// Manage S3
    #[command(subcommand)]
    S3(S3),
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(super) struct UserArgs {
    #[command(subcommand)]
    pub(super) command: Option<User>,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum User {
    /// Show who is logged in
    Whoami,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum S3 {
    /// Manage policies and who holds them
    #[command(subcommand)]
    Policy(Policy),
    /// Manage key pairs
    #[command(subcommand)]
    User(S3User),
    /// Give temporary credentials
    #[command(subcommand)]
    Sts(Sts),
    /// Show groups
    #[command(subcommand)]
    Group(Group),
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum Policy {
    /// List the policies
    List,
    /// Show a policy
    Show { name: String },
    /// Add a policy from a file
    Add { name: String, file: String },
    /// Remove a policy
    Remove { name: String },
    /// Give a policy to a user, or to a group
    Attach {
        policy: String,
        #[arg(value_name = "USER")]
        name: Option<String>,
        #[command(flatten)]
        holder: HolderArgs,
    },
    /// Take its policy from a user, or from a group
    Detach {
        /// The user; behind the policy on releases that take both
        #[arg(value_name = "NAME", num_args = 0..=2)]
        names: Vec<String>,
        #[command(flatten)]
        holder: HolderArgs,
    },
}

/// Who holds a policy, as options have it.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(super) struct HolderArgs {
    /// The user
    #[arg(long)]
    pub(super) user: Option<String>,
    /// The group
    #[arg(long)]
    pub(super) group: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum S3User {
    /// Make a new key pair
    KeysGenerate {
        /// The user; without it, who is logged in
        #[arg(long)]
        user: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum Sts {
    /// Give temporary credentials to the holder of a key pair
    AssumeRole(AssumeRole),
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(super) struct AssumeRole {
    /// The access key
    #[arg(long)]
    pub(super) access_key: String,
    /// The secret key; without it, it is asked for
    #[arg(long)]
    pub(super) secret_key: Option<String>,
    /// How long, from 15 minutes to 1 week
    #[arg(long, value_parser = seconds)]
    pub(super) duration: u64,
    /// A document that narrows what the credentials may do
    #[arg(long)]
    pub(super) policy_file: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum Group {
    /// List the groups that hold a policy
    List,
}

/// `900s`, `60m`, `2d` or `1w`, from 15 minutes to 1 week (vendor's CLI page).
fn seconds(text: &str) -> Result<u64, String> {
    const DAY: u64 = 86_400;
    let wrong = || "it is not of the form 900s, 60m, 2d, 1w".to_owned();
    let (number, unit) = text.char_indices().last().map(|(at, unit)| (&text[..at], unit)).ok_or_else(wrong)?;
    let unit = match unit {
        's' => 1,
        'm' => 60,
        'd' => DAY,
        'w' => 7 * DAY,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(unit).filter(|seconds| (900..=7 * DAY).contains(seconds));
    seconds.ok_or_else(|| "it is not from 15 minutes to 1 week".to_owned())
}
