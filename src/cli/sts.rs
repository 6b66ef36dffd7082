//! `attune sts`: temporary credentials.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use console::Term;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::args::{GlobalArgs, Pace, ViaArg};
use super::connect::connect;
use super::desired::{NotReady, read_whole};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::policy::normal_document;
use crate::base::{SessionKeys, quoted};
use crate::cluster::{AssumeRole, Cluster};
use crate::desired::ClusterSettings;
use crate::render::json::{self, CredentialProcess, SessionV1};

/// The environment variable that the secret key is taken from.
const SECRET: &str = "ATTUNE_SECRET_KEY";

/// Get temporary S3 credentials
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ATTUNE_SECRET_KEY=… attune sts assume-role --access-key AKIA… --duration 60m")]
pub(super) struct StsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    AssumeRole(AssumeRoleArgs),
}

/// Get temporary credentials for the holder of a key pair
///
/// They may do what the user's policy allows, and no more than --policy-file does where one is given. The secret key is
/// taken from ATTUNE_SECRET_KEY, or asked for; it is no argument, since others on the machine could read it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune sts assume-role --access-key AKIA… --duration 60m
  eval \"$(attune sts assume-role --access-key AKIA… --duration 2d --format env)\"
  credential_process = attune sts assume-role --access-key AKIA… --duration 1w --format credential-process")]
struct AssumeRoleArgs {
    /// The access key of the user
    #[arg(long, value_name = "KEY")]
    access_key: String,
    /// How long they hold, from 15 minutes to a week: 900s, 60m, 2d or 1w
    #[arg(long, value_name = "DURATION")]
    duration: Life,
    /// A policy document that narrows what they may do
    #[arg(long, value_name = "FILE")]
    policy_file: Option<PathBuf>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    #[command(flatten)]
    pace: Pace,
}

/// The form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// For machines, with a published schema
    Json,
    /// Lines that a shell evaluates
    Env,
    /// What `credential_process` of the AWS SDKs expects
    CredentialProcess,
}

/// How long temporary credentials hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Life(u64);

impl FromStr for Life {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const DAY: u64 = 24 * 60 * 60;
        let wrong = || format!("`{text}` is not a duration from 15 minutes to a week, such as 900s, 60m, 2d or 1w");
        let unit = match text.as_bytes().last() {
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 60 * 60,
            Some(b'd') => DAY,
            Some(b'w') => 7 * DAY,
            Some(_) | None => return Err(wrong()),
        };
        let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
        let seconds = number.checked_mul(unit).filter(|seconds| (15 * 60..=7 * DAY).contains(seconds));
        seconds.map(Self).ok_or_else(wrong)
    }
}

impl StsArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        let Command::AssumeRole(command) = &self.command;
        match command.run(global, output).await {
            Ok(exit) => Ok(exit),
            Err(failed) => failed.told(),
        }
    }
}

impl AssumeRoleArgs {
    async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, NotReady> {
        let settings = settings(global, output)?;
        let document = self.policy_file.as_deref().map(|path| normal_document(path, output)).transpose()?;
        let secret_key = secret(output)?;
        let connection = connect(global, &settings, self.pace.jobs(), output).await?;
        let ask = AssumeRole { access_key: self.access_key.clone(), secret_key, seconds: self.duration.0, document };
        let begun = OffsetDateTime::now_utc();
        let keys = connection.retrying(&self.pace).assume_role(&ask).await.map_err(Failure::from)?;
        let end = (begun + Duration::from_secs(self.duration.0)).replace_nanosecond(0).unwrap_or(begun);
        self.print(&keys, end, output).map_err(NotReady::from)
    }

    fn print(&self, keys: &SessionKeys, end: OffsetDateTime, output: &mut Output) -> Result<Exit, Failure> {
        let end = end.format(&Rfc3339).unwrap_or_default();
        let (secret, token) = (keys.secret_key.expose_secret(), keys.session_token.expose_secret());
        output.result(|out, _| match self.format {
            Form::Json => json::write(out, &SessionV1::of(keys, &end)),
            Form::CredentialProcess => json::write(out, &CredentialProcess::of(keys, &end)),
            Form::Text => writeln!(
                out,
                "access key     {}\nsecret key     {secret}\nsession token  {token}\nuntil          {end}",
                keys.access_key
            ),
            Form::Env => {
                let values =
                    [("ACCESS_KEY_ID", &*keys.access_key), ("SECRET_ACCESS_KEY", secret), ("SESSION_TOKEN", token)];
                values.into_iter().try_for_each(|(name, value)| {
                    let value =
                        quoted(value).ok_or_else(|| io::Error::other("a shell cannot hold one of the values"))?;
                    writeln!(out, "export AWS_{name}={value}")
                })
            }
        })?;
        Ok(Exit::Done)
    }
}

/// The file's settings; none are needed where the command line says where the cluster is.
fn settings(global: &GlobalArgs, output: &mut Output) -> Result<ClusterSettings, NotReady> {
    let told = global.cluster.is_some() || global.via == Some(ViaArg::Weka);
    if told && !global.file.exists() {
        return Ok(ClusterSettings::default());
    }
    Ok(read_whole(global, output)?.desired.cluster)
}

fn secret(output: &mut Output) -> Result<SecretString, Failure> {
    if let Some(secret) = std::env::var(SECRET).ok().filter(|secret| !secret.is_empty()) {
        return Ok(secret.into());
    }
    if !console::user_attended_stderr() {
        let message = "there is no secret key, and nobody is here to be asked for it";
        return Err(Failure::new(&exit::NO_CREDENTIALS, message).help(format!("set {SECRET}")));
    }
    output.urgent(|out, _| write!(out, "secret key: "));
    Ok(Term::stderr().read_secure_line()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_from_a_quarter_of_an_hour_to_a_week() {
        for (text, seconds) in [("900s", 900), ("60m", 3_600), ("12h", 43_200), ("2d", 172_800), ("1w", 604_800)] {
            assert_eq!(text.parse(), Ok(Life(seconds)), "{text}");
        }
        for text in ["", "s", "899s", "14m", "8d", "2w", "60", "-60m", "1.5d", "60 m", "99999999999999999999w", "60é"]
        {
            assert!(text.parse::<Life>().is_err(), "{text}");
        }
    }
}
