//! `attune doctor --probe`: asks a cluster what no document says.

use std::io;
use std::path::Path;

use serde_json::json as object;

use super::args::{CallArgs, Format, GlobalArgs};
use super::connect::{CommandError, connect};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::preflight::confirm;
use super::progress::interruptible;
use super::settings::Settings;
use super::state::{Journal, State};
use crate::apply::StopSignal;
use crate::base::{PolicyName, UserName};
use crate::cluster::{Cluster, capabilities};
use crate::desired::ClusterSettings;
use crate::probe::{Probe, ProbeOptions, ProbeRecord, probe, unsuitable};
use crate::render::json::{self, ProbeV1};
use crate::render::text;

/// Ask the cluster what no document says.
#[derive(Debug, clap::Args)]
pub(super) struct ProbeArgs {
    /// Ask the cluster what no document says: add policies that grant nothing on anything that exists, and remove them
    ///
    /// The policies are named `attune-probe-RANDOM-…`. They grant only on buckets named `attune-probe-RANDOM…`, which do not
    /// exist, or they only deny. Without --user, none is attached.
    #[arg(long)]
    probe: bool,
    /// Attach the policies of the probe to this user, which was made for this
    ///
    /// It is a local user with the role S3 and without a policy, and in no group. The cluster may create a key pair for it.
    #[arg(long, value_name = "NAME", requires = "probe")]
    user: Option<String>,
    /// The name of the user again, in place of the question
    #[arg(long, value_name = "NAME", requires = "user")]
    again: Option<String>,
    /// Skip the confirmation
    #[arg(short, long, requires = "probe")]
    yes: bool,
}

impl ProbeArgs {
    pub(super) fn is_asked(&self) -> bool {
        self.probe
    }

    pub(super) async fn run(
        &self,
        global: &GlobalArgs,
        format: Format,
        state_dir: &Path,
        output: &mut Output,
    ) -> Result<Exit, CommandError> {
        let settings = Settings::read(global, output)?;
        let connection = connect(global, &settings.cluster, CallArgs::only_retries(4), output).await?;
        connection.cluster.keep_shapes();
        let cluster = connection.retrying();
        let identity = cluster.identity().await?;
        // What the cluster can do is in its definition, which is read once.
        let definition = cluster.own_definition().await;
        let can = capabilities(&cluster, &identity.release).await;
        let user = match &self.user {
            Some(name) => Some(suitable(name, &cluster, &settings).await?),
            None => None,
        };
        let keys_stay = user.is_some() && can.key_pairs && !cluster.can_generate_keys();
        self.ask(&text::AboutProbe { identity: &identity, user: user.as_ref(), keys_stay }, output)?;
        let journal = State::without_lock(state_dir, &identity)?.probe_journal(&identity)?;
        let (stop, record) = (StopSignal::default(), Record(&journal));
        let options = ProbeOptions {
            cluster: &cluster,
            capabilities: can,
            definition: &definition,
            random: random(),
            user,
            stop: &stop,
            record: &record,
        };
        let print = |text: &str| output.message(|out, _| writeln!(out, "{text}"));
        let Some(ended) = interruptible(probe(&options), &stop, print).await else {
            journal.note(object!({"event": "stopped"}));
            return Err(stopped_at_once().into());
        };
        let left: Vec<&str> = ended.iter().flat_map(|probe| &probe.left).map(PolicyName::as_str).collect();
        journal.note(object!({"event": "over", "left": left}));
        let probe = ended?;
        let exit = report(&probe, &stop, format, output)?;
        match contradiction(&settings.cluster, &probe) {
            Some(warning) if exit == Exit::Done => {
                output.warn(&warning);
                Ok(Exit::Changes)
            }
            Some(_) | None => Ok(exit),
        }
    }

    /// Says what a probe does, and asks for a confirmation.
    fn ask(&self, about: &text::AboutProbe<'_>, output: &mut Output) -> Result<(), Failure> {
        output.info(|out, styles| text::about_probe(out, styles, about));
        if !self.yes {
            confirm("Run the probe?", "use `--yes`", output)?;
        }
        let Some(user) = about.user else { return Ok(()) };
        let again = match &self.again {
            Some(name) => name.clone(),
            None if output.can_ask() => output.ask("Enter the name of the user again: ")?,
            None => String::new(),
        };
        if again == user.as_str() {
            return Ok(());
        }
        let message = "the name of the user was not entered again; nothing was changed";
        Err(Failure::new(&exit::NOT_CONFIRMED, message).help(format!("use `--again {user}`")))
    }
}

/// The user of the probe, if it is one that was made for this.
async fn suitable(name: &str, cluster: &dyn Cluster, settings: &Settings) -> Result<UserName, Failure> {
    let user = UserName::reported(name);
    settings.check_protected([&user].into_iter(), &[])?;
    let users = cluster.users().await?;
    let records: Vec<_> = users.users.iter().filter(|record| record.name == user).collect();
    match unsuitable(&user, &records, users.attachments_known) {
        None => Ok(user),
        Some(why) => {
            let help = format!(
                "make a user for this: `weka user add {user} s3 PASSWORD`; delete it afterwards: `weka user delete {user}`"
            );
            Err(Failure::new(&exit::UNKNOWN_USER, format!("{why}; nothing was changed")).help(help))
        }
    }
}

/// What the configuration says about the rules of the cluster, and the answers deny.
fn contradiction(settings: &ClusterSettings, probe: &Probe) -> Option<String> {
    let (written, found) = (settings.rules.as_ref()?.to_toml(), probe.rules()?);
    let denied = !written.contains(&format!("\"{found}\""));
    denied.then(|| format!("`[cluster] rules` is {written}, but the answers point to \"{found}\""))
}

/// Twelve letters.
fn random() -> String {
    std::iter::repeat_with(|| fastrand::char('a'..='z')).take(12).collect()
}

/// Writes to the journal what is about to be made.
struct Record<'a>(&'a Journal);

impl ProbeRecord for Record<'_> {
    fn adding(&self, policy: &PolicyName) -> io::Result<()> {
        self.0.write_synced(object!({"event": "adding", "policy": policy.as_str()}))
    }

    fn attaching(&self, user: &UserName, policy: &PolicyName) -> io::Result<()> {
        self.0.write_synced(object!({"event": "attaching", "policy": policy.as_str(), "user": user.as_str()}))
    }
}

fn report(probe: &Probe, stop: &StopSignal, format: Format, output: &mut Output) -> Result<Exit, Failure> {
    let exit = match (probe.is_complete(), stop.is_requested()) {
        (true, _) => Exit::Done,
        (false, true) => Exit::Interrupted,
        (false, false) => Exit::Error,
    };
    output.changed = Some(exit);
    let frozen = ProbeV1::of(probe);
    match format {
        Format::Text => output.result(|out, styles| text::probe(out, styles, &frozen))?,
        Format::Json => output.result(|out, _| json::write(out, &frozen))?,
    }
    Ok(exit)
}

fn stopped_at_once() -> Failure {
    let message = "interrupted twice: stopped at once; policies named `attune-probe-…` may be left";
    Failure::new(&exit::INTERRUPTED, message).help("`attune doctor` names what is left").exit(Exit::Interrupted)
}
