//! `attune keys`: S3 key pairs of users.

use std::path::PathBuf;

use clap::Subcommand;
use time::OffsetDateTime;

use super::args::{Format, GlobalArgs, Pace};
use super::connect::connect;
use super::custody::{custody, tried};
use super::desired::{NotReady, read_whole};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use crate::apply::Kept;
use crate::base::{KeyPair, UserName};
use crate::cluster::{CallError, Cluster, Effect};
use crate::render::json::{self, KeysV1};

/// Make new S3 key pairs
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune keys generate bob --via weka")]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(GenerateArgs),
}

/// Make a new key pair for a user that holds a policy
///
/// The old pair is worthless at once, for all who use it. The secret of the new one is shown nowhere: it goes where
/// `[credentials]` of the file says, or into an emergency file under --state-dir if that fails. Needs the `weka` command
/// (`--via weka`), since no REST call is documented for it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune keys generate bob --via weka
  attune keys generate --via weka --yes      for the user that is logged in")]
struct GenerateArgs {
    /// The user; without one, the user that is logged in
    #[arg(value_name = "USER")]
    user: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Where a secret goes that its sink does not take
    #[arg(long, default_value = ".attune", value_name = "DIR")]
    state_dir: PathBuf,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    pace: Pace,
}

impl KeysArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        match &self.command {
            Command::Generate(command) => match command.run(global, output).await {
                Ok(exit) => Ok(exit),
                Err(failed) => failed.reported(command.format, output),
            },
        }
    }
}

impl GenerateArgs {
    async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, NotReady> {
        let loaded = read_whole(global, output)?;
        if loaded.desired.credentials.is_none() {
            let failure = Failure::new(&exit::CREDENTIAL_SINK, "the file does not say where the new secret goes");
            return Err(failure.help("say so under `[credentials]`: `age`, `command` or `file`").into());
        }
        let connection = connect(global, &loaded.desired.cluster, self.pace.jobs(), output).await?;
        let identity = connection.patient(&self.pace).identity().await.map_err(Failure::from)?;
        let user = match &self.user {
            Some(name) => UserName::parse(name)
                .map_err(|problem| Failure::new(&exit::UNKNOWN_USER, format!("the name of user {name:?} {problem}")))?,
            None => identity.user.clone(),
        };
        let custody = custody(&identity, &loaded.desired, &self.state_dir);
        tried(&custody, std::slice::from_ref(&user), output).await?;
        self.agreed(&user, output)?;
        let pair = generate(&*connection.cluster, &user).await?;
        let kept = custody.keep(&user, &pair, OffsetDateTime::now_utc()).await;
        self.report(&user, &pair, &kept, output).map_err(NotReady::from)
    }

    fn agreed(&self, user: &UserName, output: &mut Output) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !output.can_ask() {
            return Err(Failure::new(&exit::NOT_CONFIRMED, "nobody is here to confirm").help("give `--yes`"));
        }
        let question = format!("the present key pair of `{user}` is worthless at once; go on? Only `yes` is taken: ");
        match output.ask(&question)?.as_str() {
            "yes" => Ok(()),
            _ => Err(Failure::new(&exit::NOT_CONFIRMED, "not confirmed; nothing was changed")),
        }
    }

    fn report(&self, user: &UserName, pair: &KeyPair, kept: &Kept, output: &mut Output) -> Result<Exit, Failure> {
        let place = match kept {
            Kept::Sink { place } => Some(place.clone()),
            Kept::Emergency { path, .. } => Some(path.display().to_string()),
            Kept::Lost { .. } => None,
        };
        match self.format {
            Format::Json => {
                let keys = KeysV1::of(user, &pair.access_key, place.as_deref());
                output.result(|out, _| json::write(out, &keys))?;
            }
            Format::Text => output.result(|out, _| {
                writeln!(out, "user        {user}\naccess key  {}", pair.access_key)?;
                place.as_ref().map_or(Ok(()), |place| writeln!(out, "secret in   {place}"))
            })?,
        }
        let why = match kept {
            Kept::Sink { .. } => return Ok(Exit::Done),
            Kept::Emergency { path, why } => {
                format!("the new secret went to the emergency file {}: {why}", path.display())
            }
            Kept::Lost { why } => format!("the new secret is lost: {why}"),
        };
        let help = match kept {
            Kept::Lost { .. } => "generate another pair once it can be kept",
            Kept::Sink { .. } | Kept::Emergency { .. } => "move it to where it belongs",
        };
        Err(Failure::new(&exit::CREDENTIAL_SINK, why).help(help).exit(Exit::Partial))
    }
}

/// Makes the pair. The cluster's own reason is kept, with what to do about it.
async fn generate(cluster: &dyn Cluster, user: &UserName) -> Result<KeyPair, Failure> {
    cluster.generate_keys(user).await.map_err(|error: CallError| match error.effect {
        Effect::Refused(_) if error.help.is_none() => {
            let help = format!("a user needs a policy first: declare `[users.{user}] policy = \"…\"` and apply");
            Failure::from(error.help(help))
        }
        Effect::InDoubt => {
            let help = "the old pair may be worthless, and the new one is lost: generate another";
            Failure::from(error.help(help))
        }
        Effect::NotSent | Effect::Refused(_) | Effect::Unauthorized(_) => Failure::from(error),
    })
}
