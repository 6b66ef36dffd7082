//! The `weka` command as a transport: on a host of the cluster it is logged in, and no password is at hand. What it is
//! asked is on the vendor's page "Manage S3 users and authentication using the CLI".

mod answer;
mod command;
mod outcome;
mod run;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use tempfile::NamedTempFile;
use tokio::sync::OnceCell;

use answer::{Expected, Status, Whoami};
use command::Command;
use run::Runner;

use super::dialect::{Detach, Dialect};
use super::pairs;
use super::{AssumeRole, CallError, Cluster, Effect, GroupRecord, Identity, Users, Way};
use crate::base::{KeyPair, PolicyName, Principal, Release, SessionKeys, UserName};

/// What the transport needs to know.
#[derive(Debug)]
pub struct WekaOptions {
    /// The program: a name that is looked for in `PATH`, or a path.
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
    standing: OnceCell<Standing>,
    /// Whether the cluster takes the other form of detach than its release should.
    other_detach: AtomicBool,
}

/// Where the login stands: fetched once, since neither changes while a run lasts.
#[derive(Debug, Clone)]
struct Standing {
    status: Status,
    who: Whoami,
    dialect: &'static Dialect,
}

impl WekaCluster {
    /// The transport, with nothing run yet.
    #[must_use]
    pub fn new(options: WekaOptions) -> Self {
        let WekaOptions { program, login, server, tenant, release, limit } = options;
        let runner = Runner { program, login, server, limit };
        Self { runner, tenant, release, standing: OnceCell::new(), other_detach: AtomicBool::new(false) }
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

    /// Runs a command once it is known that the login is to the tenant that is meant. What it prints is of no use.
    async fn tell(&self, command: Command) -> Result<(), CallError> {
        self.standing().await.map_err(CallError::before_another)?;
        self.ask(&command, |_| Ok(())).await
    }

    async fn standing(&self) -> Result<&Standing, CallError> {
        self.standing.get_or_try_init(|| self.look()).await
    }

    /// Asks which cluster this is and as whom it is spoken to, and checks the tenant.
    async fn look(&self) -> Result<Standing, CallError> {
        let command = command::whoami();
        let who = self.ask(&command, answer::whoami).await?;
        if let Some(meant) = self.tenant.as_ref().filter(|meant| **meant != who.tenant) {
            return Err(CallError::other_tenant(command.shown(), &who.user, &who.tenant, meant));
        }
        let status = self.ask(&command::status(), answer::status).await?;
        let dialect = Dialect::of(self.release.as_ref().unwrap_or(&status.release));
        Ok(Standing { status, who, dialect })
    }

    fn detach_form(&self, dialect: &Dialect) -> Detach {
        if self.other_detach.load(Ordering::Relaxed) { dialect.detach.other() } else { dialect.detach }
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
        let standing = self.look().await?;
        let _ = self.standing.set(standing.clone());
        let Standing { status, who, .. } = standing;
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
        self.standing().await?;
        self.ask(&command::policies(), answer::policies).await
    }

    async fn show_policy(&self, policy: &PolicyName) -> Result<String, CallError> {
        let command = command::show(policy)?;
        self.standing().await?;
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
        self.standing().await.map_err(CallError::before_another)?;
        self.make_keys(&command).await
    }

    /// In the form of the release; where that is refused as no such form, the other is tried once, and kept to.
    async fn detach(&self, policy: &PolicyName, principal: &Principal) -> Result<(), CallError> {
        let user = match principal {
            Principal::User(user) => user,
            Principal::Group(group) => return self.tell(command::detach_group(group)?).await,
        };
        let dialect = self.standing().await.map_err(CallError::before_another)?.dialect;
        let form = self.detach_form(dialect);
        let refused = match self.tell(command::detach(policy, user, form)?).await {
            Err(error) if outcome::is_usage(&error) => error,
            ended => return ended,
        };
        match self.tell(command::detach(policy, user, form.other())?).await {
            Err(error) if outcome::is_usage(&error) => Err(refused),
            ended => {
                tracing::info!(?form, "the cluster takes the other form of detach than its release should");
                self.other_detach.store(form == dialect.detach, Ordering::Relaxed);
                ended
            }
        }
    }

    /// Since 5.1, once it is known which release this is.
    fn can_generate_keys(&self) -> bool {
        self.standing.get().is_some_and(|standing| standing.dialect.key_pairs)
    }

    async fn generate_keys(&self, user: &UserName) -> Result<KeyPair, CallError> {
        let standing = self.standing().await.map_err(CallError::before_another)?;
        // For oneself no role is needed, and no name.
        let other = Some(user).filter(|user| user.as_str() != standing.who.user);
        let command = command::generate_keys(other)?;
        let made = self.make_keys(&command).await?;
        made.ok_or_else(|| outcome::unreadable(&command, Expected("a key pair"), "", &[]))
    }

    async fn assume_role(&self, ask: &AssumeRole) -> Result<SessionKeys, CallError> {
        let file = ask.document.as_deref().map(|text| written(text, "weka s3 sts assume-role")).transpose()?;
        let path = file.as_ref().map(|file| file.path().to_string_lossy().into_owned());
        let command = command::assume_role(ask, path.as_deref())?;
        self.standing().await.map_err(CallError::before_another)?;
        self.ask(&command, answer::session_keys).await
    }

    /// Since 6.0; a command that does not know of groups after all does not tell of any.
    async fn groups(&self) -> Result<Option<Vec<GroupRecord>>, CallError> {
        if !self.standing().await?.dialect.groups {
            return Ok(None);
        }
        match self.ask(&command::groups(), answer::groups).await {
            Err(error) if outcome::is_usage(&error) => Ok(None),
            told => told.map(Some),
        }
    }

    fn way(&self, _release: &Release) -> Way {
        let program = self.runner.program.display();
        let address = match &self.runner.server {
            Some((host, port)) => format!("`{program}`, for {host}:{port}"),
            None => format!("`{program}`"),
        };
        Way {
            transport: "the weka command",
            addresses: vec![address],
            unencrypted: Vec::new(),
            believes_anyone: false,
            holders_told_by: Some("weka user"),
            definition_expected: false,
            clock_ahead: None,
        }
    }

    async fn users(&self) -> Result<Users, CallError> {
        let standing = self.standing().await?;
        let tenant = standing.who.tenant_id.as_deref();
        let (users, attachments_known) = self.ask(&command::users(), |text| answer::users(text, tenant)).await?;
        Ok(Users { users, attachments_known })
    }
}
