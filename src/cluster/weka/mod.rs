//! The `weka` command as a transport, for hosts of the cluster: there the command is logged in, and no password is needed.
//! The vendor's page "Manage S3 users and authentication using the CLI" has its commands.

mod command;
mod output;
mod run;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use tempfile::NamedTempFile;
use time::OffsetDateTime;

use command::Command;
use run::Ended;

use super::buckets::NO_BUCKETS;
use super::json::{Expected, identity};
use super::key_pair::mentions_secret;
use super::pin::{ClusterPin, SessionInfo};
use super::rest::Endpoint;
use super::shape::Shapes;
use super::{
    AssumeRole, CallError, Cluster, ClusterLimit, ConnectionInfo, Effect, GroupRecord, Identity, PasswordLogin, Users,
};
use crate::base::{
    BucketArguments, BucketName, CannedPolicy, Capabilities, KeyPair, PolicyName, Principal, Release, SessionKeys,
    UserName,
};

/// The options of the transport.
#[derive(Debug)]
pub struct WekaOptions {
    /// The program, by its path.
    pub program: PathBuf,
    /// The login, which the command gets in its environment. None: the login of the host.
    pub login: Option<PasswordLogin>,
    /// The host and port of the cluster. None: those of the command.
    pub server: Option<Endpoint>,
    /// The tenant of the configuration. If the login is to another one, no further command runs.
    pub tenant: Option<String>,
    /// The release to assume in place of the reported one.
    pub release: Option<Release>,
    /// Whether the command may trust any certificate. Otherwise it has to check them (see `run`).
    pub any_certificate: bool,
    /// How long a run of the command may take.
    pub limit: Duration,
}

/// How many commands run at once by default.
const COMMANDS: usize = 8;

/// How long a run may take by default: the command itself waits 10 s for a connection and 60 s for an answer.
pub const LIMIT: Duration = Duration::from_secs(75);

/// A cluster over the `weka` command.
#[derive(Debug)]
pub struct WekaCluster {
    options: WekaOptions,
    calls: Arc<ClusterLimit>,
    pin: ClusterPin,
    /// Where the command led to last, and when it was asked.
    proof: Mutex<Option<(Instant, SessionInfo)>>,
    /// Held by the one call that asks where the command leads to.
    proving: tokio::sync::Mutex<()>,
    /// Whether the cluster accepts the other form of detach than its release should.
    other_detach: AtomicBool,
    /// Whether it accepts the other order of the arguments that set the policy of a bucket.
    other_bucket_arguments: AtomicBool,
    /// By how many seconds the cluster's clock is ahead of this machine's, by the last answer that said it.
    clock_ahead: Mutex<Option<i64>>,
    shapes: Shapes,
}

/// How old a proof of the cluster may be for a command that only reads. Right before a change attune asks for a new proof:
/// each run of the command is a connection of its own, so that a changed DNS name, a changed configuration of the host or
/// another login there can lead it to another cluster at any time.
const READ_PROOF: Duration = Duration::from_secs(10);

impl WekaCluster {
    /// The transport. Runs nothing yet.
    pub fn new(options: WekaOptions) -> Self {
        let pin = ClusterPin::new(options.tenant.clone(), options.release.clone());
        let (proof, proving, other_detach, other_bucket_arguments, clock_ahead, shapes) = Default::default();
        let calls = ClusterLimit::alone(COMMANDS);
        Self { options, calls, pin, proof, proving, other_detach, other_bucket_arguments, clock_ahead, shapes }
    }

    /// The same with a limit that other clients may share.
    pub fn limited_by(self, calls: Arc<ClusterLimit>) -> Self {
        Self { calls, ..self }
    }

    async fn run(&self, command: &Command) -> Result<Ended, CallError> {
        let _permit = self.calls.permit().await;
        self.options.run(command).await
    }

    async fn ask<T>(&self, command: &Command, read: impl Fn(&str) -> Result<T, Expected>) -> Result<T, CallError> {
        let secrets = self.secrets(command);
        let ended = self.run(command).await?;
        run::judge(command, &ended, &secrets)?;
        self.shapes.add(|| command.name(), &ended.out);
        read(&ended.out).map_err(|expected| match run::unreadable(command, expected, &ended.out, &secrets) {
            // A read changed nothing, and is retried.
            error if command.is_read => error,
            error => error.help("check the cluster before you run the command again"),
        })
    }

    fn secrets<'a>(&'a self, command: &'a Command) -> Vec<&'a SecretString> {
        self.options.login.iter().map(|login| &login.password).chain(&command.secret).collect()
    }

    /// Runs a command that may create a key pair. The error keeps output that may hold one that is not found.
    async fn make_keys(&self, command: &Command) -> Result<Option<KeyPair>, CallError> {
        let secrets = self.secrets(command);
        let ended = self.run(command).await?;
        let (out, err) = (ended.out.as_str(), ended.err.as_str());
        let whole = Zeroizing::new([out, err].concat().into_bytes());
        run::judge(command, &ended, &secrets).map_err(|error| {
            let keep = mentions_secret(out) || mentions_secret(err);
            if keep { error.with_answer(&whole) } else { error }
        })?;
        self.shapes.add(|| command.name(), out);
        let known: Vec<&str> = command.args.iter().map(String::as_str).collect();
        output::key_pair(out, err, &known).map_err(|expected| {
            let error = run::unreadable(command, expected, out, &secrets).with_answer(&whole);
            error.help("check the cluster before you run the command again")
        })
    }

    async fn change(&self, command: Command) -> Result<(), CallError> {
        self.before_change(&command).await?;
        self.ask(&command, |_| Ok(())).await
    }

    /// Proves right before a change that the command leads to the cluster and tenant of this run. Concurrent calls share a
    /// proof.
    async fn before_change(&self, command: &Command) -> Result<(), CallError> {
        let proven = self.proven_since(Instant::now()).await;
        self.pin.may_send(&command.shown())?;
        proven.map(drop).map_err(CallError::for_unsent_call)
    }

    /// The same before a read: a recent proof is enough.
    async fn before_read(&self) -> Result<SessionInfo, CallError> {
        let now = Instant::now();
        self.proven_since(now.checked_sub(READ_PROOF).unwrap_or(now)).await
    }

    async fn proven_since(&self, since: Instant) -> Result<SessionInfo, CallError> {
        self.pin.may_send("weka status --json")?;
        if let Some(proven) = self.proof_since(since) {
            return Ok(proven);
        }
        let _proving = self.proving.lock().await;
        match self.proof_since(since) {
            Some(proven) => Ok(proven),
            None => self.identify().await,
        }
    }

    fn proof_since(&self, since: Instant) -> Option<SessionInfo> {
        self.proof().as_ref().filter(|(asked, _)| *asked >= since).map(|(_, info)| info.clone())
    }

    fn proof(&self) -> MutexGuard<'_, Option<(Instant, SessionInfo)>> {
        self.proof.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks which cluster this is and as whom the command is logged in, and compares both with those of the run.
    async fn identify(&self) -> Result<SessionInfo, CallError> {
        let (whoami, status) = (Command::read(&["user", "whoami"]), Command::read(&["status"]));
        self.pin.may_send(&whoami.shown())?;
        let asked = Instant::now();
        let (login, facts) = tokio::join!(self.ask(&whoami, output::whoami), self.ask(&status, output::status));
        let (login, facts) = (login?, facts?);
        if let Some(time) = facts.time {
            let ahead = (time - OffsetDateTime::now_utc()).whole_seconds();
            *self.clock_ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
        self.pin.check_tenant(&whoami.shown(), &login.user, &login.tenant)?;
        let found = self.pin.check(&status.shown(), "the `weka` command", identity(facts, &login))?;
        let info = SessionInfo { identity: found, tenant_id: login.tenant_id };
        *self.proof() = Some((asked, info.clone()));
        Ok(info)
    }

    /// Runs a command in the form of the release (`false`), or in the other one if that worked before. If the cluster refuses it,
    /// the other one is tried and remembered.
    async fn in_one_form(
        &self,
        other: &AtomicBool,
        is_refused: fn(&CallError) -> bool,
        command: impl Fn(bool) -> Result<Command, CallError> + Send + Sync,
    ) -> Result<(), CallError> {
        let form = other.load(Ordering::Relaxed);
        let refused = match self.change(command(form)?).await {
            Err(error) if is_refused(&error) => error,
            ended => return ended,
        };
        match self.change(command(!form)?).await {
            Err(error) if is_refused(&error) => Err(refused),
            ended => {
                other.store(form ^ ended.is_ok(), Ordering::Relaxed);
                ended
            }
        }
    }

    /// Sets the policy of a bucket, in one order of the arguments.
    async fn set_bucket(
        &self,
        command: impl Fn(BucketArguments) -> Result<Command, CallError> + Send + Sync,
    ) -> Result<(), CallError> {
        let usual = self.capabilities().await.map_err(CallError::for_unsent_call)?.bucket_arguments;
        let is_refused = |error: &CallError| matches!(error.effect, Effect::Refused(_));
        let command = |other| command(if other { usual.other() } else { usual });
        self.in_one_form(&self.other_bucket_arguments, is_refused, command).await
    }

    async fn capabilities(&self) -> Result<Capabilities, CallError> {
        Ok(Capabilities::of(&self.before_read().await?.identity.release))
    }
}

fn written(document: &str, call: &str) -> Result<NamedTempFile, CallError> {
    let file = tempfile::Builder::new().prefix("attune-").suffix(".json").tempfile().and_then(|mut file| {
        file.write_all(document.as_bytes())?;
        file.flush()?;
        Ok(file)
    });
    file.map_err(|error| {
        let message = format!("not sent: the document cannot be written to a temporary file: {error}");
        CallError::new(call, Effect::NotSent, message)
    })
}

#[async_trait]
impl Cluster for WekaCluster {
    async fn identity(&self) -> Result<Identity, CallError> {
        Ok(self.identify().await?.identity)
    }

    async fn list_policies(&self) -> Result<Vec<PolicyName>, CallError> {
        self.before_read().await?;
        self.ask(&Command::read(&["s3", "policy", "list"]), output::policies).await
    }

    async fn show_policy(&self, policy: &PolicyName) -> Result<String, CallError> {
        let command = command::show(policy)?;
        self.before_read().await?;
        self.ask(&command, output::document).await
    }

    async fn add_policy(&self, policy: &PolicyName, document: &str) -> Result<(), CallError> {
        let file = written(document, &format!("weka s3 policy add {policy}"))?;
        self.change(command::add(policy, &file.path().to_string_lossy())?).await
    }

    async fn remove_policy(&self, policy: &PolicyName) -> Result<(), CallError> {
        self.change(command::remove(policy)?).await
    }

    async fn attach(&self, policy: &PolicyName, principal: &Principal) -> Result<Option<KeyPair>, CallError> {
        let command = command::attach(policy, principal)?;
        self.before_change(&command).await?;
        self.make_keys(&command).await
    }

    async fn attach_list(&self, policies: &[PolicyName], user: &UserName) -> Result<Option<KeyPair>, CallError> {
        let list = policies.iter().map(PolicyName::as_str).collect::<Vec<_>>().join(",");
        self.attach(&PolicyName::reported(list), &Principal::from(user)).await
    }

    async fn detach(&self, policy: &PolicyName, principal: &Principal) -> Result<(), CallError> {
        let user = match principal {
            Principal::User(user) => user,
            Principal::Group(group) => return self.change(command::detach_group(group)?).await,
        };
        let usual = self.capabilities().await.map_err(CallError::for_unsent_call)?.detach;
        let command = |other| command::detach(policy, user, if other { usual.other() } else { usual });
        self.in_one_form(&self.other_detach, run::is_usage, command).await
    }

    /// False until the release is known.
    fn can_generate_keys(&self) -> bool {
        self.proof().as_ref().is_some_and(|(_, info)| Capabilities::of(&info.identity.release).key_pairs)
    }

    async fn generate_keys(&self, user: &UserName) -> Result<KeyPair, CallError> {
        let info = self.before_read().await.map_err(CallError::for_unsent_call)?;
        // For the own keys no role is needed, and no name.
        let other = Some(user).filter(|user| **user != info.identity.user);
        let command = command::generate_keys(other)?;
        self.before_change(&command).await?;
        let made = self.make_keys(&command).await?;
        made.ok_or_else(|| run::unreadable(&command, Expected("a key pair"), "", &[]))
    }

    async fn assume_role(&self, ask: &AssumeRole) -> Result<SessionKeys, CallError> {
        let file = ask.document.as_deref().map(|text| written(text, "weka s3 sts assume-role")).transpose()?;
        let path = file.as_ref().map(|file| file.path().to_string_lossy().into_owned());
        let command = command::assume_role(ask, path.as_deref())?;
        self.before_read().await.map_err(CallError::for_unsent_call)?;
        self.ask(&command, output::session_keys).await
    }

    /// A command that rejects the arguments does not report groups.
    async fn groups(&self) -> Result<Option<Vec<GroupRecord>>, CallError> {
        if !self.capabilities().await?.groups {
            return Ok(None);
        }
        match self.ask(&Command::read(&["s3", "group", "list"]), output::groups).await {
            Err(error) if run::is_usage(&error) => Ok(None),
            groups => groups.map(Some),
        }
    }

    async fn buckets(&self) -> Result<Vec<BucketName>, CallError> {
        self.before_read().await?;
        let listed = self.ask(&Command::read(&["s3", "bucket", "list"]), output::buckets).await;
        listed.map_err(|error| if run::is_usage(&error) { error.help(NO_BUCKETS) } else { error })
    }

    async fn tenants(&self) -> Result<Vec<String>, CallError> {
        let message = "attune does not know how the `weka` command lists tenants";
        Err(CallError::new("list tenants".to_owned(), Effect::NotSent, message)
            .help("name the tenants in `[cluster] tenants`, or connect over REST"))
    }

    async fn bucket_policy(&self, bucket: &BucketName) -> Result<String, CallError> {
        let command = command::bucket_policy("get", bucket)?;
        self.before_read().await?;
        self.ask(&command, output::bucket_policy).await
    }

    async fn bucket_document(&self, bucket: &BucketName) -> Result<Option<String>, CallError> {
        let command = command::bucket_policy("get-json", bucket)?;
        self.before_read().await?;
        self.ask(&command, output::bucket_document).await
    }

    async fn set_canned_bucket_policy(&self, bucket: &BucketName, policy: CannedPolicy) -> Result<(), CallError> {
        self.set_bucket(|form| command::set_canned(bucket, policy, form)).await
    }

    async fn set_bucket_document(&self, bucket: &BucketName, document: &str) -> Result<(), CallError> {
        let file = written(document, &format!("weka s3 bucket policy set-custom {bucket}"))?;
        let path = file.path().to_string_lossy().into_owned();
        self.set_bucket(|form| command::set_document(bucket, &path, form)).await
    }

    fn stopped(&self) -> Option<String> {
        self.pin.stopped()
    }

    fn keep_shapes(&self) {
        self.shapes.keep();
    }

    fn shapes(&self) -> BTreeMap<String, String> {
        self.shapes.all()
    }

    fn connection(&self, _release: &Release) -> ConnectionInfo {
        let program = self.options.program.display();
        let address = match &self.options.server {
            Some(server) => format!("`{program}`, for {}:{}", server.host(), server.port()),
            None => format!("`{program}`"),
        };
        ConnectionInfo {
            transport: "the weka command",
            addresses: vec![address],
            unencrypted: Vec::new(),
            any_certificate: self.options.any_certificate,
            attachments_source: Some("weka user"),
            definition_expected: false,
            clock_ahead: *self.clock_ahead.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    async fn users(&self) -> Result<Users, CallError> {
        let info = self.before_read().await?;
        self.ask(&Command::read(&["user"]), |text| output::users(text, info.tenant_id.as_deref())).await
    }
}
