//! From the arguments of the `weka` command to what a release does with them.

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use super::buckets::{BucketCommand, bucket_command};
use super::parsed::{Parsed, document, read, write};
use super::print::{self, Printout};
use super::protocol::{CommandRun, Prompt, RunNeeds};
use crate::sim::operations::sts::AssumeRoleRequest;
use crate::sim::operations::{Refusal, attachments, policies, require_s3, sts, users};
use crate::sim::release::Behaviour;

enum UserOrGroup {
    User(String),
    Group(String),
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
    Ok(Parsed { json, ..command_of_release(command, behaviour)? })
}

fn parse_failure(error: &clap::Error) -> ParseFailure {
    let text = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelp {
        return ParseFailure::Help(text);
    }
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    ParseFailure::Usage(format!("usage: {}", text.trim_end()))
}

fn ask(text: &str, hidden: bool) -> Prompt {
    Prompt { text: text.to_owned(), hidden }
}

fn typed_line(run: &CommandRun) -> &str {
    run.typed.as_deref().unwrap_or_default().trim_end_matches(['\r', '\n'])
}

fn command_of_release(command: TopCommand, behaviour: &Behaviour) -> Result<Parsed, ParseFailure> {
    let unknown = |words: &str| ParseFailure::Usage(format!("usage: `weka {words}` is not a command of this release"));
    Ok(match command {
        TopCommand::Status => read(|state, _| Ok(print::status(state))),
        TopCommand::Version => read(|state, _| Ok(print::version(state))),
        TopCommand::User { command: None } => {
            read(|state, caller| Ok(print::users(state, &users::list(state, caller, None, false)?)))
        }
        TopCommand::User { command: Some(UserCommand::Whoami) } => read(print::who_am_i),
        TopCommand::S3(S3Command::Policy(policy)) => policy_command(policy, behaviour)?,
        TopCommand::S3(S3Command::Bucket(bucket)) => bucket_command(bucket, behaviour),
        TopCommand::S3(S3Command::User(S3UserCommand::KeysGenerate { user })) => {
            if !behaviour.own_key_pairs {
                return Err(unknown("s3 user keys-generate"));
            }
            let prompt = ask("The existing S3 credentials will be replaced. Continue? [yes/no]: ", false);
            let needs = RunNeeds { file: None, prompt: Some(prompt) };
            let renew = write(move |run, state, caller| {
                if typed_line(run).trim() != "yes" {
                    return Err(Refusal::invalid("aborted"));
                }
                Ok(print::keys(&attachments::renew_keys(state, caller, user.as_deref())?))
            });
            Parsed { needs, ..renew }
        }
        TopCommand::S3(S3Command::Sts(StsCommand::AssumeRole(args))) => assume_role(args),
        TopCommand::S3(S3Command::Group(GroupCommand::List)) if behaviour.groups => {
            read(|state, caller| Ok(print::groups(&attachments::list_groups(state, caller)?)))
        }
        TopCommand::S3(S3Command::Group(GroupCommand::List)) => return Err(unknown("s3 group list")),
    })
}

fn policy_command(command: PolicyCommand, behaviour: &Behaviour) -> Result<Parsed, ParseFailure> {
    Ok(match command {
        PolicyCommand::List => read(|state, caller| Ok(print::policies(state, &policies::list(state, caller)?))),
        PolicyCommand::Show { name } => {
            read(move |state, caller| Ok(print::policy(state, &name, &policies::show(state, caller, &name)?)))
        }
        PolicyCommand::Add { name, file } => {
            let add = write(move |run, state, caller| policies::add(state, caller, &name, document(run)?));
            Parsed { needs: RunNeeds { file: Some(file), prompt: None }, ..add }
        }
        PolicyCommand::Remove { name } => write(move |_, state, caller| policies::remove(state, caller, &name)),
        PolicyCommand::Attach { policy, name, target } => {
            let target = one_target("attach <policy>", name, target, behaviour)?;
            write(move |_, state, caller| match &target {
                UserOrGroup::User(user) => {
                    let keys = attachments::attach(state, caller, &policy, user)?;
                    Ok(keys.map_or_else(|| ().into(), |keys| print::keys(&keys)))
                }
                UserOrGroup::Group(group) => {
                    attachments::attach_group(state, caller, &policy, group).map(Printout::from)
                }
            })
        }
        PolicyCommand::Detach { names, target } if behaviour.detach_names_policy => {
            let given = target.user.is_some() || target.group.is_some();
            let Some([policy, user]) = <[String; 2]>::try_from(names).ok().filter(|_| !given) else {
                return Err(usage("detach <policy> <user>"));
            };
            write(move |_, state, caller| attachments::detach_policy(state, caller, &policy, &user))
        }
        PolicyCommand::Detach { names, target } => {
            let mut names = names.into_iter();
            let name = names.next();
            if names.next().is_some() {
                return Err(usage(&forms("detach", behaviour)));
            }
            let target = one_target("detach", name, target, behaviour)?;
            write(move |_, state, caller| match &target {
                UserOrGroup::User(user) => attachments::detach(state, caller, user),
                UserOrGroup::Group(group) => attachments::detach_group(state, caller, group),
            })
        }
    })
}

fn assume_role(args: AssumeRole) -> Parsed {
    let prompt = args.secret_key.is_none().then(|| ask("secret-key: ", true));
    let needs = RunNeeds { file: args.policy_file.clone(), prompt };
    let assume = write(move |run, state, caller| {
        require_s3(state)?;
        let request = AssumeRoleRequest {
            access_key: args.access_key,
            secret_key: args.secret_key.unwrap_or_else(|| typed_line(run).to_owned()),
            duration: args.duration,
            policy: args.policy_file.map(|_| document(run)).transpose()?,
        };
        Ok(print::credentials(&sts::assume_role(state, &caller.tenant, &request)?))
    });
    Parsed { needs, writes: false, ..assume }
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
#[derive(Debug, Parser)]
#[command(name = "weka", disable_help_subcommand = true, term_width = 100)]
pub(super) struct Weka {
    /// Print JSON
    #[arg(short = 'J', long, global = true, overrides_with = "json")]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: TopCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum TopCommand {
    /// Show the cluster
    Status,
    /// Show the release
    Version,
    /// List the users of the tenant
    User {
        #[command(subcommand)]
        command: Option<UserCommand>,
    },
    /// Manage S3
    #[command(subcommand)]
    S3(S3Command),
}

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Show who is logged in
    Whoami,
}

#[derive(Debug, Subcommand)]
pub(super) enum S3Command {
    /// Manage policies and their attachments
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Manage buckets and their policies
    #[command(subcommand)]
    Bucket(BucketCommand),
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

#[derive(Debug, Subcommand)]
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

#[derive(Debug, Args)]
pub(super) struct UserOrGroupArgs {
    /// The user
    #[arg(long)]
    pub(super) user: Option<String>,
    /// The group
    #[arg(long)]
    pub(super) group: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum S3UserCommand {
    /// Create a new key pair
    KeysGenerate {
        /// The user [default: the one that is logged in]
        #[arg(long)]
        user: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum StsCommand {
    /// Issue temporary credentials for a key pair
    AssumeRole(AssumeRole),
}

#[derive(Debug, Args)]
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

#[derive(Debug, Subcommand)]
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
