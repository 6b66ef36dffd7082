//! `attune keys`: S3 key pairs of users.

use std::path::PathBuf;

use clap::Subcommand;
use time::OffsetDateTime;

use super::args::{Format, GlobalArgs, Pace};
use super::connect::connect;
use super::desired::{NotReady, read_whole};
use super::exit::{self, Exit, Failure};
use super::interrupt::interruptible;
use super::journal::KeysJournal;
use super::output::Output;
use super::secret_store::{SecretStoreArgs, secret_store, tried};
use super::state::State;
use crate::apply::{SecretStore, Slot, StopSignal, StoredIn};
use crate::base::{KeyPair, UserName};
use crate::cluster::{Cluster, Effect};
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
/// The old pair is worthless at once, for all who use it. The secret of the new one is shown nowhere: it goes to the
/// destination that `[credentials]` names, in place of the old one, or stays in an emergency file under --state-dir if that
/// fails. Ctrl-C sees the call and its secret through. Needs the `weka` command
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
    /// Where a secret is written first, and stays if its destination fails; also the journal
    #[arg(long, default_value = ".attune", value_name = "DIR")]
    state_dir: PathBuf,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    secret_store: SecretStoreArgs,
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
        let identity = connection.retrying(&self.pace).identity().await.map_err(Failure::from)?;
        let user = match &self.user {
            Some(name) => UserName::parse(name)
                .map_err(|problem| Failure::new(&exit::UNKNOWN_USER, format!("the name of user {name:?} {problem}")))?,
            None => identity.user.clone(),
        };
        let secret_store = secret_store(&identity, &loaded.desired, &self.state_dir, &self.secret_store);
        tried(&secret_store, std::slice::from_ref(&user), output).await?;
        self.agreed(&user, output)?;
        let state = State::lock(&self.state_dir, &identity)?;
        let slot = secret_store.reserve().map_err(|error| {
            let message = format!("no emergency file can be opened: {error}; nothing was changed");
            Failure::new(&exit::CREDENTIAL_SINK, message)
        })?;
        let journal = state.keys_journal(&identity, &user)?;
        let work = generate(&*connection.cluster, &user, (&secret_store, slot), &journal);
        let done = interruptible(work, &StopSignal::default(), &secret_store, |heard| output.warn(heard.text())).await;
        let (pair, kept) = done.unwrap_or_else(|| Err(dropped(&user)))?;
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

    fn report(&self, user: &UserName, pair: &KeyPair, kept: &StoredIn, output: &mut Output) -> Result<Exit, Failure> {
        let place = match kept {
            StoredIn::Destination { place } => Some(place.clone()),
            StoredIn::Emergency { path, .. } => Some(path.display().to_string()),
            StoredIn::Lost { .. } => None,
        };
        let exit = if matches!(kept, StoredIn::Destination { .. }) { Exit::Done } else { Exit::Partial };
        output.changed(exit);
        let keys = KeysV1::of(user, &pair.access_key, place.as_deref());
        let written = output.result(|out, _| match self.format {
            Format::Json => json::write(out, &keys),
            Format::Text => {
                writeln!(out, "user        {user}\naccess key  {}", pair.access_key)?;
                place.as_ref().map_or(Ok(()), |place| writeln!(out, "secret in   {place}"))
            }
        });
        let why = match kept {
            StoredIn::Destination { place } => {
                let help = format!("a new key pair was made for user `{user}`, and its secret is in {place}");
                return written.map(|()| exit).map_err(|failure| failure.help(help));
            }
            StoredIn::Emergency { path, why } => {
                format!("the new secret went to the emergency file {}: {why}", path.display())
            }
            StoredIn::Lost { why } => format!("the new secret is lost: {why}"),
        };
        let help = match kept {
            StoredIn::Lost { .. } => "generate another pair once it can be kept",
            StoredIn::Destination { .. } | StoredIn::Emergency { .. } => "move it to where it belongs",
        };
        Err(Failure::new(&exit::CREDENTIAL_SINK, why).help(help).exit(Exit::Partial))
    }
}

/// Makes the pair and stores it. The cluster's own reason is kept, with what to do about it.
async fn generate(
    cluster: &dyn Cluster,
    user: &UserName,
    (secret_store, slot): (&SecretStore, Slot),
    journal: &KeysJournal,
) -> Result<(KeyPair, StoredIn), Failure> {
    let error = match cluster.generate_keys(user).await {
        Ok(pair) => {
            let now = OffsetDateTime::now_utc();
            let kept = secret_store.store(slot, user, &pair, now, |kept| journal.kept(kept)).await;
            return Ok((pair, kept));
        }
        Err(error) => error,
    };
    if let Some(answer) = &error.answer {
        let place = match secret_store.store_response(slot, user, answer) {
            Ok(path) => format!("the answer is in the emergency file {}: take the new pair from there", path.display()),
            Err(why) => format!("the answer could not be kept ({why}): generate another pair"),
        };
        return Err(Failure::from(error).help(format!("the old pair may be worthless; {place}")).exit(Exit::Partial));
    }
    Err(match error.effect {
        Effect::UnknownOutcome => {
            let help = "the old pair may be worthless, and the new one is lost: generate another";
            Failure::from(error.help(help)).exit(Exit::Partial)
        }
        Effect::Refused(_) if error.help.is_none() => {
            journal.refused();
            let help = format!("a user needs a policy first: declare `[users.{user}] policy = \"…\"` and apply");
            Failure::from(error.help(help))
        }
        Effect::NotSent | Effect::Refused(_) | Effect::Unauthorized(_) => {
            journal.refused();
            Failure::from(error)
        }
    })
}

fn dropped(user: &UserName) -> Failure {
    let message = format!("interrupted twice: stopped at once; the old key pair of `{user}` may be worthless");
    let help = "look into the emergency files of the state directory; where there is none, generate another pair";
    Failure::new(&exit::INTERRUPTED, message).help(help).exit(Exit::Interrupted)
}
