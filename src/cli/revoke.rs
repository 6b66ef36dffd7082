//! `attune keys revoke`: takes a user's access away at once. It works while the configuration is broken.

use std::collections::BTreeMap;

use serde_json::{Value, json as object};

use super::args::{CallArgs, Format, GlobalArgs, StateDir};
use super::connect::{CommandError, Connection, connect};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::preflight::{check_protected, confirm, named, protected_user};
use super::progress::{Interruptions, RunProgress, interruptible};
use super::settings::Settings;
use super::state::{Journal, State};
use crate::apply::StopSignal;
use crate::base::UserName;
use crate::cluster::{Cluster, RetryingCluster, UserRecord, capabilities};
use crate::keys::{Detached, KeyOptions, Revocation, Revoked, RevokedKeys, no_new_keys, revoke};
use crate::observed::{Identity, ObservedUser};
use crate::render::json::{self, RevocationV1};
use crate::render::text;

/// Revoke users in an incident: make their key pairs useless, and detach them
///
/// For each user, attune makes a new key pair that nobody gets, then detaches the policy. Temporary credentials and service
/// accounts end only when the user is deleted; the output has the command. After a failure, attune goes on with the rest.
///
/// Of the configuration, attune reads only `[cluster]` and `[guards]`: the rest may be broken. Without a configuration, use
/// `--cluster` or `--via weka`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  attune keys revoke alice --reason 'ticket 4711'
  attune keys revoke alice bob --reason leaked --yes
  attune keys revoke alice --cluster https://weka01:14000 --reason leaked")]
pub(super) struct RevokeArgs {
    /// Users
    #[arg(value_name = "USER", required = true)]
    users: Vec<String>,
    /// Reason, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Skip the confirmation; this needs a reason
    #[arg(short, long, requires = "reason")]
    yes: bool,
    /// Revoke a protected user: `protected_users=NAME`
    #[arg(long = "override", value_name = "GUARD=VALUE", value_parser = protected_user)]
    overrides: Vec<UserName>,
    #[command(flatten)]
    state_dir: StateDir,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    calls: CallArgs,
}

impl RevokeArgs {
    pub(super) async fn run(&self, global: &GlobalArgs, output: &mut Output) -> Result<Exit, CommandError> {
        let settings = Settings::read(global, output)?;
        let connection = connect(global, &settings.cluster, self.calls, output).await?;
        let retrying = connection.retrying();
        let identity = retrying.identity().await?;
        let users = self.users(&retrying, &identity).await?;
        let can = capabilities(&retrying, &identity.release).await;
        let no_new_keys = no_new_keys(&retrying, &identity, can);
        let no_new_keys = no_new_keys.as_deref();
        let cluster = (&identity, can);
        output.before_result(|out, styles| text::revocation(out, styles, cluster, &users, no_new_keys))?;
        check_protected(users.iter().map(|of| &of.user), &settings.guards, &self.overrides)?;
        if !self.yes {
            confirm("Revoke these users?", "use `--yes` and `--reason`", output)?;
        }
        let journal = State::without_lock(&self.state_dir.of(global), &identity)?
            .keys_journal(&identity, self.event(&identity))?;
        let ended = self.execute(&users, no_new_keys, &connection, &journal, output).await;
        Ok(self.report(&identity, ended, output)?)
    }

    fn event(&self, identity: &Identity) -> Value {
        object!({"event": "revoking", "users": self.users, "reason": self.reason, "by": identity.user.as_str()})
    }

    /// The named users as the cluster has them.
    async fn users(&self, cluster: &dyn Cluster, identity: &Identity) -> Result<Vec<Revocation>, Failure> {
        let found = cluster.users().await?;
        let is_reported = found.attachments_known;
        let mut records: BTreeMap<UserName, Vec<UserRecord>> = BTreeMap::new();
        for record in found.users {
            records.entry(record.name.clone()).or_default().push(record);
        }
        let mut users: Vec<Revocation> = Vec::new();
        let mut unknown = Vec::new();
        for name in self.users.iter().map(|name| UserName::reported(name.as_str())) {
            match records.remove(&name) {
                Some(records) => users.push(revocation(name, records, is_reported)),
                // Named twice.
                None if users.iter().any(|of| of.user == name) => {}
                None => unknown.push(name),
            }
        }
        if unknown.is_empty() {
            return Ok(users);
        }
        let (names, tenant) = (named(unknown.iter()), &identity.tenant);
        let message = format!("not in tenant {tenant}: {names}; nothing was changed");
        Err(Failure::new(&exit::UNKNOWN_USER, message)
            .help("names are case-sensitive; `--tenant` names another tenant"))
    }

    async fn execute(
        &self,
        users: &[Revocation],
        no_new_keys: Option<&str>,
        connection: &Connection,
        journal: &Journal,
        output: &Output,
    ) -> Option<(Vec<Revoked>, bool)> {
        let record = RunProgress::new(users.len(), journal, output);
        let (stop, retry_policy) = (StopSignal::default(), self.calls.retry_policy());
        let cluster = RetryingCluster::reached(&*connection.cluster, retry_policy);
        let options = KeyOptions { cluster: &cluster, retry_policy, stop: &stop, record: &record };
        let (work, mut signals) = (revoke(users, no_new_keys, &options), Interruptions::new());
        let ended = interruptible(work, (&mut signals, &stop), |text| record.print(text)).await;
        record.finish();
        Some((ended?, stop.is_requested()))
    }

    fn report(
        &self,
        identity: &Identity,
        ended: Option<(Vec<Revoked>, bool)>,
        output: &mut Output,
    ) -> Result<Exit, Failure> {
        let (ended, interrupted) = ended.ok_or_else(|| {
            Failure::stopped("it is unknown which of the users are revoked", "run the same command again")
        })?;
        let exit = exit_of(&ended, interrupted);
        output.changed = Some(exit);
        let revocation = RevocationV1::of(identity, &ended);
        match self.format {
            Format::Json => output.result(|out, _| json::write(out, &revocation))?,
            Format::Text => output.result(|out, styles| text::revoked(out, styles, &revocation))?,
        }
        Ok(exit)
    }
}

fn revocation(user: UserName, records: Vec<UserRecord>, is_reported: bool) -> Revocation {
    let is_imported = |of: &UserRecord| {
        ObservedUser { role: of.role.clone(), source: of.source.clone(), attached: None }.is_imported()
    };
    Revocation {
        is_imported: records.iter().any(is_imported),
        policies: records.into_iter().filter_map(|record| record.policy).collect(),
        user,
        is_reported,
    }
}

fn exit_of(ended: &[Revoked], interrupted: bool) -> Exit {
    let did = |of: &Revoked| of.keys == RevokedKeys::Revoked || of.detached == Detached::Detached;
    if ended.iter().all(Revoked::is_complete) {
        Exit::Done
    } else if interrupted {
        Exit::Interrupted
    } else if ended.iter().any(did) {
        Exit::Partial
    } else {
        Exit::Error
    }
}
