//! From the arguments of the `weka` command to a command of a release.

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::sim::release::Behaviour;

/// A valid command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// `weka status`
    Status,
    /// `weka version`
    Version,
    /// `weka user whoami`
    WhoAmI,
    /// `weka user`
    Users,
    /// `weka s3 policy list`
    Policies,
    /// `weka s3 group list`, from 6.0
    Groups,
    /// `weka s3 policy show NAME`
    Show(String),
    /// `weka s3 policy add NAME FILE`
    Add {
        /// The policy.
        name: String,
        /// The file with its document.
        file: String,
    },
    /// `weka s3 policy remove NAME`
    Remove(String),
    /// `weka s3 policy attach POLICY USER`; from 6.0 also `--user USER` or `--group GROUP`
    Attach(String, UserOrGroup),
    /// `weka s3 policy detach POLICY USER` on 5.1, else `detach USER`; from 6.0 also `--user USER` or `--group GROUP`
    Detach(Option<String>, UserOrGroup),
    /// `weka s3 user keys-generate [--user USER]`, from 5.1
    Keys(Option<String>),
    /// `weka s3 sts assume-role`
    AssumeRole(AssumeRole),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UserOrGroup {
    User(String),
    Group(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) command: Command,
    pub(super) json: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParseFailure {
    Usage(String),
    Help(String),
}

/// Parses the arguments. The messages of usage errors are assumed.
pub(super) fn parse(args: &[String], behaviour: &Behaviour) -> Result<Parsed, ParseFailure> {
    let words = std::iter::once("weka").chain(args.iter().map(String::as_str));
    let Weka { json, command } = Weka::try_parse_from(words).map_err(|error| parse_failure(&error))?;
    Ok(Parsed { command: command_of_release(command, behaviour)?, json })
}

fn parse_failure(error: &clap::Error) -> ParseFailure {
    let text = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelp {
        return ParseFailure::Help(text);
    }
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    ParseFailure::Usage(format!("usage: {}", text.trim_end()))
}

/// Checks that the release has the command.
fn command_of_release(command: TopCommand, behaviour: &Behaviour) -> Result<Command, ParseFailure> {
    let unknown = |words: &str| ParseFailure::Usage(format!("usage: `weka {words}` is not a command of this release"));
    Ok(match command {
        TopCommand::Status => Command::Status,
        TopCommand::Version => Command::Version,
        TopCommand::User(user) => match user.command {
            None => Command::Users,
            Some(UserCommand::Whoami) => Command::WhoAmI,
        },
        TopCommand::S3(S3Command::Policy(policy)) => policy_command(policy, behaviour)?,
        TopCommand::S3(S3Command::User(S3UserCommand::KeysGenerate { user })) if behaviour.own_key_pairs => {
            Command::Keys(user)
        }
        TopCommand::S3(S3Command::User(S3UserCommand::KeysGenerate { .. })) => {
            return Err(unknown("s3 user keys-generate"));
        }
        TopCommand::S3(S3Command::Sts(StsCommand::AssumeRole(request))) => Command::AssumeRole(request),
        TopCommand::S3(S3Command::Group(GroupCommand::List)) if behaviour.groups => Command::Groups,
        TopCommand::S3(S3Command::Group(GroupCommand::List)) => return Err(unknown("s3 group list")),
    })
}

fn policy_command(command: PolicyCommand, behaviour: &Behaviour) -> Result<Command, ParseFailure> {
    Ok(match command {
        PolicyCommand::List => Command::Policies,
        PolicyCommand::Show { name } => Command::Show(name),
        PolicyCommand::Add { name, file } => Command::Add { name, file },
        PolicyCommand::Remove { name } => Command::Remove(name),
        PolicyCommand::Attach { policy, name, target } => {
            Command::Attach(policy, one_target("attach <policy>", name, target, behaviour)?)
        }
        PolicyCommand::Detach { names, target } if behaviour.detach_names_policy => {
            let given = target.user.is_some() || target.group.is_some();
            match <[String; 2]>::try_from(names) {
                Ok([policy, user]) if !given => Command::Detach(Some(policy), UserOrGroup::User(user)),
                Ok(_) | Err(_) => return Err(usage("detach <policy> <user>")),
            }
        }
        PolicyCommand::Detach { names, target } => {
            let mut names = names.into_iter();
            let name = names.next();
            if names.next().is_some() {
                return Err(usage(&forms("detach", behaviour)));
            }
            Command::Detach(None, one_target("detach", name, target, behaviour)?)
        }
    })
}

/// The user or group of the arguments. Assumed: there must be exactly one.
fn one_target(
    command: &str,
    name: Option<String>,
    UserOrGroupArgs { user, group }: UserOrGroupArgs,
    behaviour: &Behaviour,
) -> Result<UserOrGroup, ParseFailure> {
    match (name, user, group) {
        (Some(user), None, None) => Ok(UserOrGroup::User(user)),
        (None, Some(user), None) if behaviour.groups => Ok(UserOrGroup::User(user)),
        (None, None, Some(group)) if behaviour.groups => Ok(UserOrGroup::Group(group)),
        (None | Some(_), None | Some(_), None | Some(_)) => Err(usage(&forms(command, behaviour))),
    }
}

fn forms(command: &str, behaviour: &Behaviour) -> String {
    let target = if behaviour.groups { "(<user> | --user <user> | --group <group>)" } else { "<user>" };
    format!("{command} {target}")
}

fn usage(form: &str) -> ParseFailure {
    ParseFailure::Usage(format!("usage: weka s3 policy {form}"))
}

/// The `weka` command of a simulated cluster.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "weka", disable_help_subcommand = true, term_width = 100)]
pub(super) struct Weka {
    /// Print JSON
    #[arg(short = 'J', long, global = true, overrides_with = "json")]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: TopCommand,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum TopCommand {
    /// Show the cluster
    Status,
    /// Show the release
    Version,
    /// List the users of the tenant
    User(UserArgs),
    /// Manage S3
    #[command(subcommand)]
    S3(S3Command),
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(super) struct UserArgs {
    #[command(subcommand)]
    pub(super) command: Option<UserCommand>,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum UserCommand {
    /// Show who is logged in
    Whoami,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum S3Command {
    /// Manage policies and their attachments
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Manage key pairs
    #[command(subcommand)]
    User(S3UserCommand),
    /// Issue temporary credentials
    #[command(subcommand)]
    Sts(StsCommand),
    /// Show groups
    #[command(subcommand)]
    Group(GroupCommand),
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum PolicyCommand {
    /// List the policies
    List,
    /// Show a policy
    Show { name: String },
    /// Add a policy from a file
    Add { name: String, file: String },
    /// Remove a policy
    Remove { name: String },
    /// Attach a policy to a user or a group
    Attach {
        policy: String,
        #[arg(value_name = "USER")]
        name: Option<String>,
        #[command(flatten)]
        target: UserOrGroupArgs,
    },
    /// Detach a user or a group from its policy
    Detach {
        /// The user; after the policy on releases that need both
        #[arg(value_name = "NAME", num_args = 0..=2)]
        names: Vec<String>,
        #[command(flatten)]
        target: UserOrGroupArgs,
    },
}

/// A user or a group, as options.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(super) struct UserOrGroupArgs {
    /// The user
    #[arg(long)]
    pub(super) user: Option<String>,
    /// The group
    #[arg(long)]
    pub(super) group: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum S3UserCommand {
    /// Create a new key pair
    KeysGenerate {
        /// The user [default: the one that is logged in]
        #[arg(long)]
        user: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum StsCommand {
    /// Issue temporary credentials for a key pair
    AssumeRole(AssumeRole),
}

#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(super) struct AssumeRole {
    /// The access key
    #[arg(long)]
    pub(super) access_key: String,
    /// The secret key [default: prompt for it]
    #[arg(long)]
    pub(super) secret_key: Option<String>,
    /// The lifetime, from 15 minutes to 1 week
    #[arg(long, value_parser = seconds)]
    pub(super) duration: u64,
    /// A document that restricts the credentials further
    #[arg(long)]
    pub(super) policy_file: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum GroupCommand {
    /// List the groups that have a policy
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
