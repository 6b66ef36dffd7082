//! `attune keys rotate`: new key pairs for users.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;

use clap::Subcommand;
use serde_json::json as object;

use super::args::{CallArgs, Format, GlobalArgs, SecretStoreArgs, StateDir};
use super::connect::{CommandError, Connection, connect, read_valid};
use super::exit::{self, Exit, Failure};
use super::lost_keys;
use super::output::Output;
use super::preflight::{NAMED, check_protected, check_secret_store, confirm, named, protected_user, secret_store};
use super::progress::{Interruptions, RunProgress, interruptible_storing};
use super::revoke::RevokeArgs;
use super::rotations;
use super::state::{Journal, State};
use crate::apply::{SecretStore, StopSignal};
use crate::base::{Capabilities, NamePattern, PolicyName, UserName, list_some};
use crate::cluster::{Cluster, capabilities};
use crate::keys::{KeyOptions, Matches, Rotated, Rotation, RotationStatus, Selection, rotate};
use crate::observed::Identity;
use crate::plan::destination;
use crate::render::json::{self, KeysV1};
use crate::render::text;

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    Rotate(RotateArgs),
    Revoke(RevokeArgs),
}

impl KeysCommand {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, Failure> {
        match self {
            Self::Rotate(command) => command.run(global, output).await,
            Self::Revoke(command) => command.run(global, output).await,
        }
        .map_err(|error| error.reported(output))
    }
}

/// Replace the S3 key pairs of users, and store the new secrets
///
/// The old pair of a user stops working at once: the user has no access until it has the new pair. attune shows whose pairs
/// stop working, asks for confirmation, and rotates one user after the other. Each new secret replaces the old one at the
/// `[credentials]` destination before the next user is rotated. No secret is printed.
///
/// An interrupted rotation is continued with `--resume`. This needs WEKA 5.1, and over REST a build that has the call.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune keys rotate bob
  attune keys rotate 'svc-*' --max 10        rotate the first 10 of them
  attune keys rotate --policy ml-rw --yes
  attune keys rotate --policy ml-rw --resume continue an interrupted rotation
  attune keys rotate --via weka              rotate the keys of the logged-in user")]
pub(super) struct RotateArgs {
    /// Users, or patterns of names: `*` matches any run of characters, `?` one [default: the logged-in user]
    #[arg(value_name = "USER")]
    users: Vec<NamePattern>,
    /// Rotate the keys of all users with this policy; with USER, only of those that match as well
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// Maximum number of users in this run, in the order of names; `--resume` continues with the others
    #[arg(long, value_name = "N")]
    max: Option<NonZeroUsize>,
    /// Skip the users that an interrupted rotation has done, according to its journal and the destination
    #[arg(long, conflicts_with = "restart")]
    resume: bool,
    /// Rotate all users, even those that an interrupted rotation has done
    #[arg(long)]
    restart: bool,
    /// Rotate a protected user: `protected_users=NAME`
    #[arg(long = "override", value_name = "GUARD=VALUE", value_parser = protected_user)]
    overrides: Vec<UserName>,
    /// Skip the confirmation
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    state_dir: StateDir,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    secret_store: SecretStoreArgs,
    #[command(flatten)]
    calls: CallArgs,
}

impl RotateArgs {
    async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, CommandError> {
        let loaded = read_valid(global, output)?;
        let desired = &loaded.desired;
        let Some(destination) = destination(desired) else {
            let failure =
                Failure::new(&exit::CREDENTIAL_SINK, "the configuration names no destination for the new secret");
            return Err(failure.help("add `[credentials]` with `age`, `command` or `file`").into());
        };
        let selection = self.selection()?;
        let connection = connect(global, &desired.cluster, self.calls, output).await?;
        let cluster = connection.retrying();
        let identity = cluster.identity().await?;
        let able = capabilities(&cluster, &identity.release).await;
        check_possible(able, cluster.can_generate_keys(), &identity)?;
        let matches = checked(selection_or_own(selection, &identity).of(cluster.users().await?), &identity)?;
        let state_dir = &self.state_dir.of(global);
        let store = secret_store(&identity, desired, state_dir, &self.secret_store);
        lost_keys::warn(state_dir, &identity, &BTreeSet::new(), output);
        let state = State::lock(state_dir, &identity)?;
        let rotation = self.rotation(matches, identity, (&store, state_dir), destination)?;
        let users: Vec<UserName> = rotation.users.iter().map(|of| of.user.clone()).collect();
        output.before_result(|out, styles| text::rotation(out, styles, &rotation))?;
        check_protected(users.iter(), &desired.guards, &self.overrides)?;
        if !users.is_empty() {
            check_secret_store(&store, &users, output).await?;
            if !self.yes {
                confirm("Rotate these key pairs?", "use `--yes`", output)?;
            }
        }
        let journal = state.keys_journal(&rotation.identity, rotating(&rotation))?;
        let stop = StopSignal::default();
        let ended = self.execute(&rotation, &connection, &store, (&journal, &stop), output).await;
        Ok(self.report(&rotation, (&journal, state_dir), ended, &stop, output)?)
    }

    fn selection(&self) -> Result<Selection, Failure> {
        let policy = self.policy.as_deref().map(PolicyName::parse).transpose();
        let policy = policy.map_err(|problem| {
            let name = self.policy.as_deref().unwrap_or_default();
            Failure::new(&exit::UNKNOWN_USER, format!("the policy name {name:?} {problem}"))
        })?;
        Ok(Selection { users: self.users.clone(), policy })
    }

    /// What this run does: the selected users without those that an interrupted rotation has done, and not more than `--max`.
    fn rotation(
        &self,
        mut matches: Matches,
        identity: Identity,
        (store, state_dir): (&SecretStore, &Path),
        destination: String,
    ) -> Result<Rotation, Failure> {
        let done = if self.restart { BTreeSet::new() } else { rotations::done(state_dir, &identity, store) };
        let already = matches.without(&done);
        if !already.is_empty() && !self.resume {
            return Err(is_unfinished(&already, state_dir));
        }
        let most = self.max.map_or(usize::MAX, NonZeroUsize::get).min(matches.users.len());
        let later = matches.users.split_off(most).into_iter().map(|of| of.user).collect();
        let Matches { users, without_policy, .. } = matches;
        Ok(Rotation { identity, users, already, later, without_policy, destination })
    }

    async fn execute(
        &self,
        rotation: &Rotation,
        connection: &Connection,
        store: &SecretStore,
        (journal, stop): (&Journal, &StopSignal),
        output: &Output,
    ) -> Option<Vec<Rotated>> {
        let record = RunProgress::new(rotation.users.len(), journal, output);
        let options = KeyOptions {
            cluster: &*connection.cluster,
            retry_policy: self.calls.retry_policy(),
            stop,
            record: &record,
        };
        let work = rotate(&rotation.users, store, &options);
        let ended =
            interruptible_storing(work, (&mut Interruptions::new(), stop), store, |text| record.print(text)).await;
        record.finish();
        ended
    }

    /// Prints the end. `None`: a second interruption stopped the calls.
    fn report(
        &self,
        rotation: &Rotation,
        (journal, state_dir): (&Journal, &Path),
        ended: Option<Vec<Rotated>>,
        stop: &StopSignal,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        let ended = ended.ok_or_else(|| {
            let help = "run the same command with `--resume`: it rotates that user again";
            Failure::stopped("the key pair of the user in work may be revoked", help)
        })?;
        let is_whole = ended.iter().all(|of| matches!(of.status, RotationStatus::Stored(_)));
        if is_whole && rotation.later.is_empty() {
            journal.note(object!({"event": "rotated"}));
        }
        let exit = exit_of(&ended, stop);
        if ended.iter().any(|of| of.status.may_have_changed()) {
            output.changed = Some(exit);
        }
        let keys = KeysV1::of(rotation, &ended);
        let written = match self.format {
            Format::Json => output.result(|out, _| json::write(out, &keys)),
            Format::Text => output.result(|out, styles| text::rotated(out, styles, &keys)),
        };
        written.map_err(|failure| match places(&ended) {
            places if places.is_empty() => failure,
            places => failure.help(format!("the new key pairs exist; their secrets are in {places}")),
        })?;
        let stored = ended.iter().filter(|of| matches!(of.status, RotationStatus::Stored(_))).map(|of| &of.user);
        if let Some(files) = lost_keys::emergency_files_of(state_dir, stored) {
            output.warn(&format!(
                "{files}: this rotation has revoked an older pair that such a file holds; delete the file"
            ));
        }
        if !is_whole || !rotation.later.is_empty() {
            output.message(|out, _| writeln!(out, "to continue, run the same command with `--resume`"));
        }
        Ok(exit)
    }
}

fn rotating(rotation: &Rotation) -> serde_json::Value {
    let users = rotation.already.iter().chain(rotation.users.iter().map(|of| &of.user)).chain(&rotation.later);
    let users: Vec<&str> = users.map(UserName::as_str).collect();
    object!({"event": "rotating", "users": users, "by": rotation.identity.user.as_str()})
}

fn selection_or_own(selection: Selection, identity: &Identity) -> Selection {
    let own = || identity.user.as_str().parse().ok();
    match selection {
        Selection { users, policy: None } if users.is_empty() => {
            Selection { users: own().into_iter().collect(), policy: None }
        }
        Selection { .. } => selection,
    }
}

/// Whether this cluster can make key pairs over this transport.
fn check_possible(able: Capabilities, can_generate: bool, identity: &Identity) -> Result<(), Failure> {
    let release = &identity.release;
    if !able.key_pairs {
        let message =
            format!("before 5.1 (this is WEKA {release}), the name and the password of a user are its key pair");
        let help = "change the password with `weka user passwd --username NAME`";
        return Err(Failure::new(&exit::CALL_FAILED, message).help(help));
    }
    if can_generate {
        return Ok(());
    }
    let message = format!(
        "this cluster (WEKA {release}) has no REST call that makes a key pair, according to its API definition"
    );
    let help = "reach the cluster through the `weka` command, with `--via weka`";
    Err(Failure::new(&exit::CALL_FAILED, message).help(help))
}

/// The matches, if each name matches a user and at least one can be rotated.
fn checked(matches: Matches, identity: &Identity) -> Result<Matches, Failure> {
    if let [first, ..] = matches.unmatched.as_slice() {
        let message = format!("no user matches `{first}` in tenant {}; nothing was changed", identity.tenant);
        return Err(Failure::new(&exit::UNKNOWN_USER, message));
    }
    if !matches.ambiguous.is_empty() {
        let message = format!(
            "the cluster reports several users with the name {}, so it is unknown whose keys would be rotated; nothing was changed",
            named(matches.ambiguous.iter())
        );
        return Err(Failure::new(&exit::UNKNOWN_USER, message));
    }
    if matches.users.is_empty() {
        let (who, help) = match matches.without_policy.as_slice() {
            [] => (
                "no user has this policy".to_owned(),
                "check the name of the policy with `attune report --observed`".to_owned(),
            ),
            some => {
                let help = format!("declare `[users.{}] policy = \"…\"` and apply", some[0]);
                (
                    format!("without a policy: {}; the cluster makes keys only for users with one", named(some.iter())),
                    help,
                )
            }
        };
        return Err(Failure::new(&exit::UNKNOWN_USER, format!("{who}; nothing was changed")).help(help));
    }
    Ok(matches)
}

fn is_unfinished(already: &[UserName], state_dir: &Path) -> Failure {
    let message = format!(
        "an interrupted rotation has rotated {} of these users already, according to the journal in {}: {}; nothing was changed",
        already.len(),
        state_dir.display(),
        named(already.iter())
    );
    Failure::new(&exit::NOT_CONFIRMED, message)
        .help("`--resume` rotates only the others; `--restart` rotates all of them again")
}

fn places(ended: &[Rotated]) -> String {
    let place = |of: &Rotated| match &of.status {
        RotationStatus::Stored(place) => Some(place.clone()),
        RotationStatus::InEmergencyFile { path, .. } | RotationStatus::SecretUnknown { answer: Some(path), .. } => {
            Some(path.display().to_string())
        }
        RotationStatus::SecretUnknown { answer: None, .. }
        | RotationStatus::Refused(_)
        | RotationStatus::NotSent(_)
        | RotationStatus::NotStarted => None,
    };
    list_some(&ended.iter().filter_map(place).collect::<Vec<_>>(), NAMED, Clone::clone)
}

fn exit_of(ended: &[Rotated], stop: &StopSignal) -> Exit {
    let any = |is: fn(&RotationStatus) -> bool| ended.iter().any(|of| is(&of.status));
    if !any(|status| !matches!(status, RotationStatus::Stored(_))) {
        return Exit::Done;
    }
    let is_bad = |status: &RotationStatus| !matches!(status, RotationStatus::Stored(_) | RotationStatus::NotStarted);
    match (any(is_bad), any(RotationStatus::may_have_changed)) {
        (false, _) if stop.is_requested() => Exit::Interrupted,
        (_, true) => Exit::Partial,
        (_, false) => Exit::Error,
    }
}
