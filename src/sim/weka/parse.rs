//! From the arguments to a command of a release: what it takes, and what else it wants to know.

use clap::Parser;
use clap::error::ErrorKind;

use super::args::{self, AssumeRole, HolderArgs, S3, S3User, Sts, Top, User, Weka};
use super::talk::{Question, Wants};
use crate::sim::release::Behaviour;

/// A command that was understood.
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
        /// Where its document is.
        file: String,
    },
    /// `weka s3 policy remove NAME`
    Remove(String),
    /// `weka s3 policy attach POLICY USER`; from 6.0 also `--user USER` or `--group GROUP`
    Attach(String, Holder),
    /// `weka s3 policy detach POLICY USER` on 5.1, else `detach USER`; from 6.0 also `--user USER` or `--group GROUP`
    Detach(Option<String>, Holder),
    /// `weka s3 user keys-generate [--user USER]`, from 5.1
    Keys(Option<String>),
    /// `weka s3 sts assume-role`
    AssumeRole(AssumeRole),
}

/// Who holds a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    /// A user.
    User(String),
    /// A group, from 6.0.
    Group(String),
}

/// A command with its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) command: Command,
    /// `--json`
    pub(super) json: bool,
}

/// Why there is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoCommand {
    /// It was used otherwise than it is.
    Usage(String),
    /// It was asked how it is used.
    Help(String),
}

/// Reads the arguments. The words of a usage error are assumed.
pub(super) fn parse(args: &[String], behaviour: &Behaviour) -> Result<Parsed, NoCommand> {
    let words = std::iter::once("weka").chain(args.iter().map(String::as_str));
    let Weka { json, command } = Weka::try_parse_from(words).map_err(|error| told(&error))?;
    Ok(Parsed { command: of_release(command, behaviour)?, json })
}

fn told(error: &clap::Error) -> NoCommand {
    let text = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelp {
        return NoCommand::Help(text);
    }
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    NoCommand::Usage(format!("usage: {}", text.trim_end()))
}

/// Holds a command against a release.
fn of_release(command: Top, behaviour: &Behaviour) -> Result<Command, NoCommand> {
    let none = |words: &str| NoCommand::Usage(format!("usage: `weka {words}` is not a command of this release"));
    Ok(match command {
        Top::Status => Command::Status,
        Top::Version => Command::Version,
        Top::User(user) => match user.command {
            None => Command::Users,
            Some(User::Whoami) => Command::WhoAmI,
        },
        Top::S3(S3::Policy(policy)) => of_policies(policy, behaviour)?,
        Top::S3(S3::User(S3User::KeysGenerate { user })) if behaviour.own_key_pairs => Command::Keys(user),
        Top::S3(S3::User(S3User::KeysGenerate { .. })) => return Err(none("s3 user keys-generate")),
        Top::S3(S3::Sts(Sts::AssumeRole(wish))) => Command::AssumeRole(wish),
        Top::S3(S3::Group(args::Group::List)) if behaviour.groups => Command::Groups,
        Top::S3(S3::Group(args::Group::List)) => return Err(none("s3 group list")),
    })
}

fn of_policies(command: args::Policy, behaviour: &Behaviour) -> Result<Command, NoCommand> {
    Ok(match command {
        args::Policy::List => Command::Policies,
        args::Policy::Show { name } => Command::Show(name),
        args::Policy::Add { name, file } => Command::Add { name, file },
        args::Policy::Remove { name } => Command::Remove(name),
        args::Policy::Attach { policy, name, holder } => {
            Command::Attach(policy, one_holder("attach <policy>", name, holder, behaviour)?)
        }
        args::Policy::Detach { names, holder } if behaviour.detach_names_policy => {
            let given = holder.user.is_some() || holder.group.is_some();
            match <[String; 2]>::try_from(names) {
                Ok([policy, user]) if !given => Command::Detach(Some(policy), Holder::User(user)),
                Ok(_) | Err(_) => return Err(usage("detach <policy> <user>")),
            }
        }
        args::Policy::Detach { names, holder } => {
            let mut names = names.into_iter();
            let name = names.next();
            if names.next().is_some() {
                return Err(usage(&forms("detach", behaviour)));
            }
            Command::Detach(None, one_holder("detach", name, holder, behaviour)?)
        }
    })
}

/// The one user or group that is named. That there must be exactly one is assumed.
fn one_holder(
    command: &str,
    name: Option<String>,
    HolderArgs { user, group }: HolderArgs,
    behaviour: &Behaviour,
) -> Result<Holder, NoCommand> {
    match (name, user, group) {
        (Some(user), None, None) => Ok(Holder::User(user)),
        (None, Some(user), None) if behaviour.groups => Ok(Holder::User(user)),
        (None, None, Some(group)) if behaviour.groups => Ok(Holder::Group(group)),
        (None | Some(_), None | Some(_), None | Some(_)) => Err(usage(&forms(command, behaviour))),
    }
}

fn forms(command: &str, behaviour: &Behaviour) -> String {
    let holder = if behaviour.groups { "(<user> | --user <user> | --group <group>)" } else { "<user>" };
    format!("{command} {holder}")
}

fn usage(form: &str) -> NoCommand {
    NoCommand::Usage(format!("usage: weka s3 policy {form}"))
}

impl Command {
    /// What the command reads and asks for before it does anything.
    pub(super) fn wants(&self) -> Wants {
        let ask = |text: &str, hidden| Some(Question { text: text.to_owned(), hidden });
        match self {
            Self::Add { file, .. } => Wants { file: Some(file.clone()), question: None },
            Self::Keys(_) => Wants {
                file: None,
                question: ask("The existing S3 credentials will be replaced. Continue? [yes/no]: ", false),
            },
            Self::AssumeRole(wish) => Wants {
                file: wish.policy_file.clone(),
                question: wish.secret_key.is_none().then(|| ask("secret-key: ", true)).flatten(),
            },
            Self::Status
            | Self::Version
            | Self::WhoAmI
            | Self::Users
            | Self::Policies
            | Self::Groups
            | Self::Show(_)
            | Self::Remove(_)
            | Self::Attach(..)
            | Self::Detach(..) => Wants::default(),
        }
    }
}
