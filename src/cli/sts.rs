//! `attune sts`: temporary credentials.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use console::Term;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use super::args::{CallArgs, GlobalArgs};
use super::connect::{CommandError, cluster_settings, connect};
use super::documents::normal_document;
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::base::{SessionKeys, shell_quoted};
use crate::cluster::{AssumeRole, Cluster};
use crate::render::json::{self, CredentialProcess, SessionV1};

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
    /// Policy document that limits the access, or `-` for standard input
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
        Ok(self.print(&keys, &json::time_text(requested + self.duration), output)?)
    }

    fn print(&self, keys: &SessionKeys, end: &str, output: &mut Output) -> Result<Exit, Failure> {
        let (secret, token) = (keys.secret_key.expose_secret(), keys.session_token.expose_secret());
        output.result(|out, _| match self.format {
            SessionFormat::Json => json::write(out, &SessionV1::of(keys, end)),
            SessionFormat::CredentialProcess => json::write(out, &CredentialProcess::of(keys, end)),
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
