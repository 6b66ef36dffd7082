//! The arguments of the `weka` command, as far as it is about S3 access: what each release takes.

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
    Add(String),
    /// `weka s3 policy remove NAME`
    Remove(String),
    /// `weka s3 policy attach POLICY USER`
    Attach(String, String),
    /// `weka s3 policy detach POLICY USER` on 5.1, else `detach USER`
    Detach(Option<String>, String),
    /// `weka s3 user keys-generate [--user USER]`, from 5.1
    Keys(Option<String>),
    /// `weka s3 sts assume-role`
    AssumeRole {
        /// `--access-key`
        access_key: String,
        /// `--secret-key`; without it, it is asked for
        secret_key: Option<String>,
        /// `--duration`, in seconds
        seconds: u64,
        /// Whether there is a `--policy-file`
        narrowed: bool,
    },
}

/// A command with its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) command: Command,
    /// `--json`
    pub(super) json: bool,
}

/// How the command is used, where it was used otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Usage(pub(super) String);

/// Reads the arguments. The words of a usage error are assumed.
pub(super) fn parse(args: &[String], behaviour: &Behaviour) -> Result<Parsed, Usage> {
    let mut words: Vec<&str> = Vec::new();
    let mut options: Vec<(&str, &str)> = Vec::new();
    let mut json = false;
    let mut rest = args.iter().map(String::as_str);
    while let Some(arg) = rest.next() {
        match arg {
            "--json" | "-J" => json = true,
            "--user" | "--access-key" | "--secret-key" | "--duration" | "--policy-file" => {
                let value = rest.next().ok_or_else(|| Usage(format!("missing argument for {arg}")))?;
                options.push((arg, value));
            }
            _ if arg.starts_with('-') => return Err(Usage(format!("unrecognized option {arg}"))),
            _ => words.push(arg),
        }
    }
    let allowed: &[&str] = match words.as_slice() {
        ["s3", "user", "keys-generate", ..] => &["--user"],
        ["s3", "sts", "assume-role", ..] => &["--access-key", "--secret-key", "--duration", "--policy-file"],
        _ => &[],
    };
    if let Some((option, _)) = options.iter().find(|(option, _)| !allowed.contains(option)) {
        return Err(Usage(format!("unrecognized option {option}")));
    }
    let command = command(&words, behaviour, &options)?;
    Ok(Parsed { command, json })
}

fn command(words: &[&str], behaviour: &Behaviour, options: &[(&str, &str)]) -> Result<Command, Usage> {
    let option = |name: &str| options.iter().find(|(option, _)| *option == name).map(|(_, value)| (*value).to_owned());
    let text = |word: &str| word.to_owned();
    Ok(match words {
        ["status"] => Command::Status,
        ["version"] => Command::Version,
        ["user", "whoami"] => Command::WhoAmI,
        ["user"] => Command::Users,
        ["s3", "policy", "list"] => Command::Policies,
        ["s3", "group", "list"] if behaviour.wekactl => Command::Groups,
        ["s3", "policy", "show", name] => Command::Show(text(name)),
        ["s3", "policy", "add", name, _file] => Command::Add(text(name)),
        ["s3", "policy", "remove", name] => Command::Remove(text(name)),
        ["s3", "policy", "attach", policy, user] => Command::Attach(text(policy), text(user)),
        ["s3", "policy", "detach", policy, user] if behaviour.detach_names_policy => {
            Command::Detach(Some(text(policy)), text(user))
        }
        ["s3", "policy", "detach", user] if !behaviour.detach_names_policy => Command::Detach(None, text(user)),
        ["s3", "policy", "detach", ..] if behaviour.detach_names_policy => {
            return Err(Usage("usage: weka s3 policy detach <policy> <user>".to_owned()));
        }
        ["s3", "policy", "detach", ..] => return Err(Usage("usage: weka s3 policy detach <user>".to_owned())),
        ["s3", "user", "keys-generate"] if behaviour.own_key_pairs => Command::Keys(option("--user")),
        ["s3", "sts", "assume-role"] => {
            let needed = |name: &str| option(name).ok_or_else(|| Usage(format!("required argument {name} is missing")));
            Command::AssumeRole {
                access_key: needed("--access-key")?,
                secret_key: option("--secret-key"),
                seconds: seconds(&needed("--duration")?)?,
                narrowed: option("--policy-file").is_some(),
            }
        }
        _ => return Err(Usage(format!("usage: `weka {}` is not a command of this release", words.join(" ")))),
    })
}

/// `900s`, `60m`, `2d` or `1w` (vendor's CLI page).
fn seconds(text: &str) -> Result<u64, Usage> {
    let wrong = || Usage(format!("usage: --duration {text} is not of the form 900s, 60m, 2d, 1w"));
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).ok_or_else(wrong)
}

/// What the command asks for on the way, as the first line of what is typed.
pub(super) fn question(command: &Command) -> Option<&'static str> {
    match command {
        Command::Keys(_) => Some("The existing S3 credentials will be replaced. Continue? [yes/no]: "),
        Command::AssumeRole { secret_key: None, .. } => Some("secret-key: "),
        Command::AssumeRole { .. }
        | Command::Status
        | Command::Version
        | Command::WhoAmI
        | Command::Users
        | Command::Policies
        | Command::Groups
        | Command::Show(_)
        | Command::Add(_)
        | Command::Remove(_)
        | Command::Attach(..)
        | Command::Detach(..) => None,
    }
}
