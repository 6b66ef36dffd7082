//! `attune keys` and `attune sts`: S3 key pairs and temporary credentials.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use console::Term;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::args::{CallArgs, Format, GlobalArgs, SecretStoreArgs};
use super::connect::{CommandError, cluster_settings, connect, read_valid};
use super::documents::normal_document;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::preflight::{check_secret_store, confirm, secret_store};
use super::progress::interruptible;
use super::state::{Journal, State};
use crate::apply::{Progress, SecretStore, Slot, StopSignal, StoredIn};
use crate::base::{KeyPair, SessionKeys, UserName, shell_quoted};
use crate::cluster::{AssumeRole, Cluster, Effect};
use crate::render::json::{self, CredentialProcess, KeysV1, SessionV1};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    Generate(GenerateArgs),
}

/// Create a new key pair for a user with a policy, and revoke the old one
///
/// The old pair stops working at once. The new secret is not printed: it replaces the old one at the `[credentials]`
/// destination. If that fails, it stays in an emergency file in --state-dir. Ctrl-C waits until the secret is stored. This
/// needs the `weka` command (`--via weka`), since no REST call is documented for it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune keys generate bob --via weka
  attune keys generate --via weka --yes   rotate the keys of the logged-in user")]
pub(super) struct GenerateArgs {
    /// User [default: the logged-in user]
    #[arg(value_name = "USER")]
    user: Option<String>,
    /// Skip the confirmation
    #[arg(short, long)]
    yes: bool,
    /// State directory for emergency files and the journal
    #[arg(long, default_value = ".attune", value_name = "DIR")]
    state_dir: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    secret_store: SecretStoreArgs,
    #[command(flatten)]
    calls: CallArgs,
}

impl KeysCommand {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let Self::Generate(command) = self;
        command.run(global, output).await.map_err(|error| error.reported(command.format, output))
    }
}

impl GenerateArgs {
    async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, CommandError> {
        let loaded = read_valid(global, output)?;
        if loaded.desired.credentials.is_none() {
            let failure =
                Failure::new(&exit::CREDENTIAL_SINK, "the configuration names no destination for the new secret");
            return Err(failure.help("add `[credentials]` with `age`, `command` or `file`").into());
        }
        let connection = connect(global, &loaded.desired.cluster, self.calls, output).await?;
        let identity = connection.retrying().identity().await?;
        let user = match &self.user {
            Some(name) => UserName::parse(name)
                .map_err(|problem| Failure::new(&exit::UNKNOWN_USER, format!("the user name {name:?} {problem}")))?,
            None => identity.user.clone(),
        };
        let secret_store = secret_store(&identity, &loaded.desired, &self.state_dir, &self.secret_store);
        check_secret_store(&secret_store, std::slice::from_ref(&user), output).await?;
        if !self.yes {
            let question = format!("Revoke the current key pair of `{user}` and create a new one?");
            confirm(&question, "use `--yes`", output)?;
        }
        let state = State::lock(&self.state_dir, &identity)?;
        let slot = secret_store.reserve().map_err(|error| {
            let message = format!("cannot open an emergency file: {error}; nothing was changed");
            Failure::new(&exit::CREDENTIAL_SINK, message)
        })?;
        let journal = state.keys_journal(&identity, &user)?;
        let work = generate(&*connection.cluster, &user, &secret_store, slot, &journal);
        let result = interruptible(work, &StopSignal::default(), &secret_store, |text| output.warn(text)).await;
        let (pair, stored) = result.unwrap_or_else(|| Err(stopped_at_once(&user)))?;
        Ok(self.report(&user, &pair, &stored, output)?)
    }

    fn report(&self, user: &UserName, pair: &KeyPair, stored: &StoredIn, output: &mut Output) -> Result<Exit, Failure> {
        let place = match stored {
            StoredIn::Destination { place } => Some(place.clone()),
            StoredIn::Emergency { path, .. } => Some(path.display().to_string()),
            StoredIn::Lost { .. } => None,
        };
        let is_stored = matches!(stored, StoredIn::Destination { .. });
        output.changed = Some(if is_stored { Exit::Done } else { Exit::Partial });
        let keys = KeysV1::of(user, &pair.access_key, place.as_deref());
        let written = output.result(|out, _| match self.format {
            Format::Json => json::write(out, &keys),
            Format::Text => {
                writeln!(out, "user        {user}\naccess key  {}", pair.access_key)?;
                place.as_ref().map_or(Ok(()), |place| writeln!(out, "secret in   {place}"))
            }
        });
        let (message, help) = match stored {
            StoredIn::Destination { place } => {
                let help = format!("the new key pair of user `{user}` exists, and its secret is in {place}");
                return written.map(|()| Exit::Done).map_err(|failure| failure.help(help));
            }
            StoredIn::Emergency { path, why } => (
                format!("the new secret is in the emergency file {}: {why}", path.display()),
                "move it to its destination",
            ),
            StoredIn::Lost { why } => {
                (format!("the new secret is lost: {why}"), "fix this, and generate another key pair")
            }
        };
        Err(Failure::new(&exit::CREDENTIAL_SINK, message).help(help).exit(Exit::Partial))
    }
}

/// Creates the pair and stores it. An error of the cluster stays the message.
async fn generate(
    cluster: &dyn Cluster,
    user: &UserName,
    secret_store: &SecretStore,
    slot: Slot,
    journal: &Journal,
) -> Result<(KeyPair, StoredIn), Failure> {
    let error = match cluster.generate_keys(user).await {
        Ok(pair) => {
            let now = OffsetDateTime::now_utc();
            let stored = secret_store.store(slot, user, &pair, now, |stored| journal.keys_stored(user, stored)).await;
            return Ok((pair, stored));
        }
        Err(error) => error,
    };
    if let Some(answer) = &error.answer {
        let place = match secret_store.store_response(slot, user, answer) {
            Ok(path) => format!("take the new pair from the response in the emergency file {}", path.display()),
            Err(why) => format!("the response could not be stored ({why}): generate another pair"),
        };
        let help = format!("the old pair may be revoked; {place}");
        return Err(Failure::from(error).help(help).exit(Exit::Partial));
    }
    if error.effect == Effect::UnknownOutcome {
        let help = "the old pair may be revoked, and the new one lost: generate another pair";
        return Err(Failure::from(error.help(help)).exit(Exit::Partial));
    }
    journal.not_generated(user);
    let is_unexplained = matches!(error.effect, Effect::Refused(_)) && error.help.is_none();
    let help = format!("the user needs a policy: declare `[users.{user}] policy = \"…\"` and apply");
    Err(if is_unexplained { error.help(help) } else { error }.into())
}

fn stopped_at_once(user: &UserName) -> Failure {
    let message = format!("interrupted twice: stopped at once; the old key pair of `{user}` may be revoked");
    let help = "check the state directory for an emergency file; if there is none, generate another pair";
    Failure::new(&exit::INTERRUPTED, message).help(help).exit(Exit::Interrupted)
}

const SECRET_VARIABLE: &str = "ATTUNE_SECRET_KEY";

#[derive(Debug, Subcommand)]
pub(super) enum StsCommand {
    AssumeRole(AssumeRoleArgs),
}

/// Get temporary credentials for the owner of a key pair
///
/// Their access is that of the user's policy, limited by --policy-file. Set the secret key in ATTUNE_SECRET_KEY, or enter it
/// when asked. It is not an argument, since other users of the machine could read it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune sts assume-role --access-key AKIA… --duration 60m
  eval \"$(attune sts assume-role --access-key AKIA… --duration 2d --format env)\"
  credential_process = attune sts assume-role --access-key AKIA… --duration 1w --format credential-process")]
pub(super) struct AssumeRoleArgs {
    /// Access key of the user
    #[arg(long, value_name = "KEY")]
    access_key: String,
    /// Lifetime, from 15 minutes to one week: 900s, 60m, 2d or 1w
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    duration: Duration,
    /// Policy document that limits the access
    #[arg(long, value_name = "FILE")]
    policy_file: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = SessionFormat::Text)]
    format: SessionFormat,
    #[command(flatten)]
    calls: CallArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SessionFormat {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
    /// Shell commands that set variables
    Env,
    /// For `credential_process` of the AWS SDKs
    CredentialProcess,
}

const MIN_LIFETIME: Duration = Duration::from_secs(15 * 60);
const MAX_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn lifetime(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).ok();
    parsed.filter(|time| (MIN_LIFETIME..=MAX_LIFETIME).contains(time) && time.subsec_nanos() == 0).ok_or_else(|| {
        format!("`{text}` is not a duration from 15 minutes to one week, for example 900s, 60m, 2d or 1w")
    })
}

impl StsCommand {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let Self::AssumeRole(command) = self;
        command.run(global, output).await.map_err(|error| error.failure)
    }
}

impl AssumeRoleArgs {
    async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, CommandError> {
        let settings = cluster_settings(global, output)?;
        let document = self.policy_file.as_deref().map(|path| normal_document(path, output)).transpose()?;
        let secret_key = secret_key(output)?;
        let connection = connect(global, &settings, self.calls, output).await?;
        let ask =
            AssumeRole { access_key: self.access_key.clone(), secret_key, seconds: self.duration.as_secs(), document };
        let requested = OffsetDateTime::now_utc();
        let keys = connection.retrying().assume_role(&ask).await?;
        let end = (requested + self.duration).replace_nanosecond(0).unwrap_or(requested);
        Ok(self.print(&keys, end, output)?)
    }

    fn print(&self, keys: &SessionKeys, end: OffsetDateTime, output: &mut Output) -> Result<Exit, Failure> {
        let end = end.format(&Rfc3339).unwrap_or_default();
        let (secret, token) = (keys.secret_key.expose_secret(), keys.session_token.expose_secret());
        output.result(|out, _| match self.format {
            SessionFormat::Json => json::write(out, &SessionV1::of(keys, &end)),
            SessionFormat::CredentialProcess => json::write(out, &CredentialProcess::of(keys, &end)),
            SessionFormat::Text => writeln!(
                out,
                "access key     {}\nsecret key     {secret}\nsession token  {token}\nuntil          {end}",
                keys.access_key
            ),
            SessionFormat::Env => {
                let values =
                    [("ACCESS_KEY_ID", &*keys.access_key), ("SECRET_ACCESS_KEY", secret), ("SESSION_TOKEN", token)];
                values.into_iter().try_for_each(|(name, value)| {
                    let value =
                        shell_quoted(value).ok_or_else(|| io::Error::other("a value cannot be quoted for a shell"))?;
                    writeln!(out, "export AWS_{name}={value}")
                })
            }
        })?;
        Ok(Exit::Done)
    }
}

fn secret_key(output: &mut Output) -> Result<SecretString, Failure> {
    if let Some(secret) = std::env::var(SECRET_VARIABLE).ok().filter(|secret| !secret.is_empty()) {
        return Ok(secret.into());
    }
    if !console::user_attended_stderr() {
        let message = "no secret key, and cannot ask for it: standard error is not a terminal";
        return Err(Failure::new(&exit::NO_CREDENTIALS, message).help(format!("set {SECRET_VARIABLE}")));
    }
    output.message(|out, _| write!(out, "secret key: "));
    Ok(Term::stderr().read_secure_line()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_from_15_minutes_to_one_week() {
        for (text, seconds) in
            [("900s", 900), ("60m", 3_600), ("12h", 43_200), ("2d", 172_800), ("1.5d", 129_600), ("1w", 604_800)]
        {
            assert_eq!(lifetime(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "899s", "14m", "8d", "2w", "60", "-60m", "900001ms", "99999999999999999999w", "60é"] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }
}
