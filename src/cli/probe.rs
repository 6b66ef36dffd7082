//! `attune doctor --probe`: asks a cluster what no document says.

use std::io;
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json as object;

use super::args::{CallArgs, Format, GlobalArgs};
use super::connect::{CommandError, connect};
use super::exit::{self, Exit, Failure};
use super::output::Output;
use super::preflight::{check_protected, confirm};
use super::progress::{Interruptions, interruptible, progress_bar};
use super::service::{KeysArgs, ServiceArgs, failure};
use super::settings::Settings;
use super::state::{Journal, State};
use crate::apply::StopSignal;
use crate::base::{BucketName, PolicyName, UserName};
use crate::cluster::{Cluster, capabilities};
use crate::desired::ClusterSettings;
use crate::probe::{Probe, ProbeOptions, ProbeRecord, ServiceOptions, probe, unsuitable, unsuitable_bucket};
use crate::render::json::{self, ProbeV1};
use crate::render::text;
use crate::s3::{Manners, Pace, Token};
use crate::verify::reach;

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
    #[command(flatten)]
    service: ServiceArgs,
    #[command(flatten)]
    keys: KeysArgs,
    /// Also ask about this bucket: it is empty, has no policy, and was made for this
    #[arg(long, value_name = "NAME", requires = "s3")]
    bucket: Option<String>,
    /// How many seconds a new key pair or policy may take until the S3 service knows it
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    s3_wait: u64,
}

impl ProbeArgs {
    pub(super) fn is_asked(&self) -> bool {
        self.probe
    }

    fn stopped(&self) -> Failure {
        let bucket = self.bucket.as_ref().map(|name| format!(", and a policy of the bucket `{name}`"));
        let left = format!("policies named `attune-probe-…` may be left{}", bucket.unwrap_or_default());
        Failure::stopped(&left, "`attune doctor` names the policies that are left")
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
        let service = self.service(&settings, global, &cluster).await?;
        let keys_stay = can.key_pairs && !cluster.can_generate_keys();
        output.info(|out, styles| {
            text::about_probe(out, styles, &identity, user.as_ref().map(|user| (user, keys_stay)), service.as_ref())
        });
        self.ask(user.as_ref(), output)?;
        if let Some(service) = &service {
            // Before anything is changed on the cluster.
            reach(&service.client).await.map_err(|problem| failure(&problem, &service.client))?;
        }
        let journal = State::without_lock(state_dir, &identity)?.probe_journal(&identity)?;
        let stop = StopSignal::default();
        let bar = policies_bar(output);
        let progress = |done: usize, of: usize| {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        };
        let options = ProbeOptions {
            cluster: &cluster,
            capabilities: can,
            definition: &definition,
            random: random(),
            user,
            service,
            progress: &progress,
            stop: &stop,
            record: &journal,
        };
        let print = |text: &str| output.message(|out, _| writeln!(out, "{text}"));
        let ended = interruptible(probe(&options), (&mut Interruptions::new(), &stop), print).await;
        bar.finish_and_clear();
        let Some(ended) = ended else {
            journal.note(object!({"event": "stopped"}));
            return Err(self.stopped().into());
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

    /// What else the command line says needs a probe with a user.
    pub(super) fn check_used(&self) -> Result<(), Failure> {
        let is_used = self.service.is_used() || self.keys.is_used();
        if !is_used || self.probe && self.user.is_some() && self.service.has_address() {
            return Ok(());
        }
        let message = "the rules of an S3 service are asked by a probe with a user";
        Err(Failure::new(&exit::S3_SERVICE, message).help("write `attune doctor --probe --s3 URL --user NAME`"))
    }

    /// The S3 service to ask, if the command line names one. Nothing is sent to it yet.
    async fn service(
        &self,
        settings: &Settings,
        global: &GlobalArgs,
        cluster: &dyn Cluster,
    ) -> Result<Option<ServiceOptions>, CommandError> {
        if !self.service.has_address() {
            return Ok(None);
        }
        let client = self.service.client(&settings.cluster.s3, global)?;
        let keys = match self.keys.is_used() {
            true => Some(self.keys.keys()?),
            false => self.keys.keys().ok(),
        };
        if let Some(owner) =
            keys.as_ref().and_then(|keys| keys.owner.as_ref()).filter(|owner| Some(&owner.user) != self.user.as_ref())
        {
            let message = format!("the keys are those of user `{}`; nothing was changed", owner.user);
            return Err(Failure::new(&exit::NO_KEYS, message).help("name the file with the keys of this user").into());
        }
        let bucket = self.bucket.as_deref().map(BucketName::reported);
        if let Some(bucket) = &bucket
            && let Some(why) = unsuitable_bucket(bucket, cluster).await?
        {
            let failure = Failure::new(&exit::S3_SERVICE, format!("{why}; nothing was changed"));
            return Err(failure.help("make an empty bucket for this, without a policy").into());
        }
        let token = Token::random();
        let token = token.ok_or_else(|| Failure::new(&exit::ENVIRONMENT, "this machine has no random numbers"))?;
        let pace = Pace::of(&Manners { at_once: 1, busy: Duration::from_millis(200), ..Manners::default() });
        let wait = Duration::from_secs(self.s3_wait);
        Ok(Some(ServiceOptions { client, token, keys, bucket, wait, pace }))
    }

    /// Asks for a confirmation.
    fn ask(&self, user: Option<&UserName>, output: &mut Output) -> Result<(), Failure> {
        if !self.yes {
            confirm("Run the probe?", "use `--yes`", output)?;
        }
        let Some(user) = user else { return Ok(()) };
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
    check_protected([&user].into_iter(), &settings.guards, &[])?;
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
    let (written, found) = (settings.rules.as_ref()?, probe.rules()?);
    let denied = written.iter().all(|rules| probe.contradicts(&rules));
    denied.then(|| format!("`[cluster] rules` is {}, but the answers point to {}", written.to_toml(), found.to_toml()))
}

/// How many policies the S3 service was asked about.
fn policies_bar(output: &Output) -> ProgressBar {
    let bar = progress_bar(None, output);
    if let Ok(style) = ProgressStyle::with_template("{spinner} asking the S3 service: {pos} of {len} policies") {
        bar.set_style(style);
    }
    bar
}

/// Twelve letters.
fn random() -> String {
    std::iter::repeat_with(|| fastrand::char('a'..='z')).take(12).collect()
}

impl ProbeRecord for Journal {
    fn adding(&self, policy: &PolicyName) -> io::Result<()> {
        self.write_synced(object!({"event": "adding", "policy": policy.as_str()}))
    }

    fn attaching(&self, user: &UserName, policy: &PolicyName) -> io::Result<()> {
        self.write_synced(object!({"event": "attaching", "policy": policy.as_str(), "user": user.as_str()}))
    }

    fn opening(&self, bucket: &BucketName) -> io::Result<()> {
        self.write_synced(object!({"event": "opening", "bucket": bucket.as_str()}))
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
    output.keep_text(|out, styles| text::probe(out, styles, &frozen));
    match format {
        Format::Text => output.result(|out, styles| text::probe(out, styles, &frozen))?,
        Format::Json => output.result(|out, _| json::write(out, &frozen))?,
    }
    Ok(exit)
}
