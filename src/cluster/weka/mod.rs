//! The `weka` command as a transport: on a host of the cluster it is logged in, and no password is at hand. What it is
//! asked is on the vendor's page "Manage S3 users and authentication using the CLI".

mod answer;
mod command;
mod outcome;
mod run;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use tempfile::NamedTempFile;

use answer::{Expected, Status, Whoami};
use command::Command;
use run::Runner;

use super::pairs;
use super::subject::{RunSubject, Subject};
use super::{AssumeRole, CallError, Cluster, ConnectionInfo, Effect, GroupRecord, Identity, Users};
use crate::base::{Capabilities, DetachForm, KeyPair, PolicyName, Principal, Release, SessionKeys, UserName};

/// What the transport needs to know.
#[derive(Debug)]
pub struct WekaOptions {
    /// The program, by its path.
    pub program: PathBuf,
    /// Who we are; none: the login that the host has.
    pub login: Option<WekaLogin>,
    /// The host and port of the cluster; none: the command's own.
    pub server: Option<(String, u16)>,
    /// The tenant that is meant. Where the login turns out to be to another, no command but the one that asks is run.
    pub tenant: Option<String>,
    /// The release to speak to, where it is not the one that the cluster tells.
    pub release: Option<Release>,
    /// How long a run of the command may take.
    pub limit: Duration,
}

/// A login to the command, which gets it in its environment.
#[derive(Debug, Clone)]
pub struct WekaLogin {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// The tenant to log in to; none: `Root`.
    pub org: Option<String>,
}

/// How long a run may take when nothing else is said: the command answers in a second or two, and a busy cluster takes
/// its time.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A cluster over the `weka` command.
#[derive(Debug)]
pub struct WekaCluster {
    runner: Runner,
    tenant: Option<String>,
    release: Option<Release>,
    run: RunSubject,
    /// What the command told last of where it leads, and when it was asked.
    proof: Mutex<Option<(Instant, SessionInfo)>>,
    /// Held by the one call that asks.
    proving: tokio::sync::Mutex<()>,
    /// Whether the cluster takes the other form of detach than its release should.
    other_detach: AtomicBool,
}

/// How old a proof may be that the command leads to the cluster of this run, for a command that only reads. One that changes
/// something is proven right before: each run of the command is a connection of its own, so that a moved name, another
/// configuration of the host or another login there can lead it elsewhere at any time.
const READ_PROOF: Duration = Duration::from_secs(10);

/// Which cluster the command leads to and as whom.
#[derive(Debug, Clone)]
struct SessionInfo {
    status: Status,
    who: Whoami,
    can: Capabilities,
}

impl WekaCluster {
    /// The transport, with nothing run yet.
    #[must_use]
    pub fn new(options: WekaOptions) -> Self {
        let WekaOptions { program, login, server, tenant, release, limit } = options;
        let runner = Runner { program, login, server, limit };
        let (run, proof, proving, other_detach) = Default::default();
        Self { runner, tenant, release, run, proof, proving, other_detach }
    }

    /// Runs a command and reads what it prints.
    async fn ask<T>(&self, command: &Command, read: impl Fn(&str) -> Result<T, Expected>) -> Result<T, CallError> {
        let password = self.runner.login.as_ref().map(|login| &login.password);
        let secrets: Vec<&SecretString> = password.into_iter().chain(&command.secret).collect();
        let out = outcome::judge(command, self.runner.run(command).await?, &secrets)?;
        read(&out).map_err(|expected| match outcome::unreadable(command, expected, &out, &secrets) {
            // What only looks has done nothing, whatever it says; it is asked again.
            error if command.is_read => error,
            error => error.help("look at the cluster before the command is run again"),
        })
    }

    /// Runs a command that may make a key pair. What may hold one that is not found goes with the error.
    async fn make_keys(&self, command: &Command) -> Result<Option<KeyPair>, CallError> {
        let password = self.runner.login.as_ref().map(|login| &login.password);
        let secrets: Vec<&SecretString> = password.into_iter().collect();
        let ended = self.runner.run(command).await?;
        let whole = Zeroizing::new([ended.out.as_bytes(), ended.err.as_bytes()].concat());
        let known: Vec<&str> = command.args.iter().map(String::as_str).collect();
        let (out, complaint) = (ended.out.clone(), ended.err.clone());
        if let Err(error) = outcome::judge(command, ended, &secrets) {
            let keep = [&out, &complaint].into_iter().any(|text| pairs::speaks_of_secret(text));
            return Err(if keep { error.with_answer(&whole) } else { error });
        }
        answer::key_pair(&out, &complaint, &known).map_err(|expected| {
            let error = outcome::unreadable(command, expected, &out, &secrets).with_answer(&whole);
            error.help("look at the cluster before the command is run again")
        })
    }

    /// Runs a command that changes something, once it is proven where it leads. What it prints is of no use.
    async fn tell(&self, command: Command) -> Result<(), CallError> {
        self.before_change(&command).await?;
        self.ask(&command, |_| Ok(())).await
    }

    /// Proves that the command leads to the cluster and tenant of this run, right before one that changes something. Several
    /// that wait for it at once share a proof.
    async fn before_change(&self, command: &Command) -> Result<(), CallError> {
        let proven = self.proven_since(Instant::now()).await;
        self.run.may_send(&command.shown())?;
        proven.map(drop).map_err(CallError::before_another)
    }

    /// The same before one that reads: a proof of a moment ago will do.
    async fn before_read(&self) -> Result<SessionInfo, CallError> {
        let now = Instant::now();
        self.proven_since(now.checked_sub(READ_PROOF).unwrap_or(now)).await
    }

    /// What the command told of where it leads, asked no earlier than this.
    async fn proven_since(&self, since: Instant) -> Result<SessionInfo, CallError> {
        self.run.may_send(&command::status().shown())?;
        if let Some(proven) = self.proof_since(since) {
            return Ok(proven);
        }
        let _proving = self.proving.lock().await;
        match self.proof_since(since) {
            Some(proven) => Ok(proven),
            None => self.look().await,
        }
    }

    fn proof_since(&self, since: Instant) -> Option<SessionInfo> {
        self.proof().as_ref().filter(|(asked, _)| *asked >= since).map(|(_, info)| info.clone())
    }

    fn proof(&self) -> MutexGuard<'_, Option<(Instant, SessionInfo)>> {
        self.proof.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks which cluster this is and as whom it is spoken to, and holds both against what this run is about.
    async fn look(&self) -> Result<SessionInfo, CallError> {
        let (whoami, status) = (command::whoami(), command::status());
        self.run.may_send(&whoami.shown())?;
        let asked = Instant::now();
        let (who, told) = tokio::join!(self.ask(&whoami, answer::whoami), self.ask(&status, answer::status));
        let who = who?;
        if let Some(meant) = self.tenant.as_ref().filter(|meant| **meant != who.tenant) {
            let error = CallError::other_tenant(whoami.shown(), &who.user, &who.tenant, meant);
            self.run.stop(&error);
            return Err(error);
        }
        let told = told?;
        let subject = Subject {
            name: told.name.clone(),
            guid: told.guid.clone(),
            tenant: who.tenant.clone(),
            release: told.release.clone(),
        };
        self.run.prove(&status.shown(), "the `weka` command", subject, self.release.is_some())?;
        let can = Capabilities::of(self.release.as_ref().unwrap_or(&told.release));
        let info = SessionInfo { status: told, who, can };
        *self.proof() = Some((asked, info.clone()));
        Ok(info)
    }

    fn detach_form(&self, usual: DetachForm) -> DetachForm {
        if self.other_detach.load(Ordering::Relaxed) { usual.other() } else { usual }
    }
}

/// A document in a file that only its owner may read, until it is dropped.
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
        let SessionInfo { status, who, .. } = self.look().await?;
        Ok(Identity {
            name: status.name,
            guid: status.guid,
            release: self.release.clone().unwrap_or(status.release),
            tenant: who.tenant,
            user: UserName::reported(who.user),
            role: who.role,
        })
    }

    async fn list_policies(&self) -> Result<Vec<PolicyName>, CallError> {
        self.before_read().await?;
        self.ask(&command::policies(), answer::policies).await
    }

    async fn show_policy(&self, policy: &PolicyName) -> Result<String, CallError> {
        let command = command::show(policy)?;
        self.before_read().await?;
        self.ask(&command, answer::document).await
    }

    /// The document is in a file that only its owner may read, for as long as the command runs.
    async fn add_policy(&self, policy: &PolicyName, document: &str) -> Result<(), CallError> {
        let file = written(document, &format!("weka s3 policy add {policy}"))?;
        self.tell(command::add(policy, &file.path().to_string_lossy())?).await
    }

    async fn remove_policy(&self, policy: &PolicyName) -> Result<(), CallError> {
        self.tell(command::remove(policy)?).await
    }

    async fn attach(&self, policy: &PolicyName, principal: &Principal) -> Result<Option<KeyPair>, CallError> {
        let command = command::attach(policy, principal)?;
        self.before_change(&command).await?;
        self.make_keys(&command).await
    }

    /// In the form of the release; where that is refused as no such form, the other is tried once, and kept to.
    async fn detach(&self, policy: &PolicyName, principal: &Principal) -> Result<(), CallError> {
        let user = match principal {
            Principal::User(user) => user,
            Principal::Group(group) => return self.tell(command::detach_group(group)?).await,
        };
        let usual = self.before_read().await.map_err(CallError::before_another)?.can.detach;
        let form = self.detach_form(usual);
        let refused = match self.tell(command::detach(policy, user, form)?).await {
            Err(error) if outcome::is_usage(&error) => error,
            ended => return ended,
        };
        match self.tell(command::detach(policy, user, form.other())?).await {
            Err(error) if outcome::is_usage(&error) => Err(refused),
            ended => {
                tracing::info!(?form, "the cluster takes the other form of detach than its release should");
                self.other_detach.store(form == usual, Ordering::Relaxed);
                ended
            }
        }
    }

    /// Since 5.1, once it is known which release this is.
    fn can_generate_keys(&self) -> bool {
        self.proof().as_ref().is_some_and(|(_, info)| info.can.key_pairs)
    }

    async fn generate_keys(&self, user: &UserName) -> Result<KeyPair, CallError> {
        let info = self.before_read().await.map_err(CallError::before_another)?;
        // For oneself no role is needed, and no name.
        let other = Some(user).filter(|user| user.as_str() != info.who.user);
        let command = command::generate_keys(other)?;
        self.before_change(&command).await?;
        let made = self.make_keys(&command).await?;
        made.ok_or_else(|| outcome::unreadable(&command, Expected("a key pair"), "", &[]))
    }

    async fn assume_role(&self, ask: &AssumeRole) -> Result<SessionKeys, CallError> {
        let file = ask.document.as_deref().map(|text| written(text, "weka s3 sts assume-role")).transpose()?;
        let path = file.as_ref().map(|file| file.path().to_string_lossy().into_owned());
        let command = command::assume_role(ask, path.as_deref())?;
        self.before_read().await.map_err(CallError::before_another)?;
        self.ask(&command, answer::session_keys).await
    }

    /// Since 6.0; a command that does not know of groups after all does not tell of any.
    async fn groups(&self) -> Result<Option<Vec<GroupRecord>>, CallError> {
        if !self.before_read().await?.can.groups {
            return Ok(None);
        }
        match self.ask(&command::groups(), answer::groups).await {
            Err(error) if outcome::is_usage(&error) => Ok(None),
            told => told.map(Some),
        }
    }

    fn stopped(&self) -> Option<String> {
        self.run.stopped()
    }

    fn connection(&self, _release: &Release) -> ConnectionInfo {
        let program = self.runner.program.display();
        let address = match &self.runner.server {
            Some((host, port)) => format!("`{program}`, for {host}:{port}"),
            None => format!("`{program}`"),
        };
        ConnectionInfo {
            transport: "the weka command",
            addresses: vec![address],
            unencrypted: Vec::new(),
            any_certificate: false,
            attachments_source: Some("weka user"),
            definition_expected: false,
            clock_ahead: None,
        }
    }

    async fn users(&self) -> Result<Users, CallError> {
        let info = self.before_read().await?;
        let tenant = info.who.tenant_id.as_deref();
        let (users, attachments_known) = self.ask(&command::users(), |text| answer::users(text, tenant)).await?;
        Ok(Users { users, attachments_known })
    }
}
