//! The REST transport: the cluster through its management interface, `https://HOST:14000/api/v2`.

mod answer;
mod endpoints;
mod failure;
mod outcome;
mod people;
mod request;
mod send;
mod session;
mod tls;
mod verify;
mod words;

use async_trait::async_trait;
use tokio::sync::OnceCell;

pub use endpoints::{Endpoint, EndpointProblem};
pub use send::Timeouts;
pub use tls::{Fingerprint, Trust, TrustProblem};

use answer::{ClusterFacts, Expected, Whoami};
use request::Request;
use send::{Body, Sender};
use session::Session;

use crate::base::{KeyPair, PolicyName, UserName};
use crate::cluster::{CallError, Cluster, Credentials, Effect, Identity, Users};

/// What the transport needs to know.
#[derive(Debug, Clone)]
pub struct RestOptions {
    /// Where the cluster is reached; every backend serves the interface. At least one.
    pub endpoints: Vec<Endpoint>,
    /// Who we are.
    pub credentials: Credentials,
    /// The tenant that is meant. The login is made to it, before the `org` of the credentials; and where the login
    /// turns out to be to another (a stored token), no call but the one that asks is made.
    pub tenant: Option<String>,
    /// Whose certificate is believed.
    pub trust: Trust,
    /// How long is waited.
    pub timeouts: Timeouts,
}

/// Why the transport cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupProblem {
    /// There is no endpoint.
    #[error("there is no endpoint to reach the cluster at")]
    NoEndpoint,
    /// The certificates or the TLS library cannot be used.
    #[error("what the certificate is checked against {0}")]
    Trust(#[from] TrustProblem),
}

/// A cluster over REST. Logs in with the first call; safe to use from many tasks at once.
#[derive(Debug)]
pub struct RestCluster {
    session: Session,
    tenant: Option<String>,
    standing: OnceCell<Standing>,
}

/// Where the login stands: fetched once, since neither changes while a session lasts.
#[derive(Debug)]
struct Standing {
    cluster: ClusterFacts,
    who: Whoami,
}

impl RestCluster {
    /// The transport, with nothing sent yet.
    ///
    /// # Errors
    /// Says what is missing or cannot be used.
    pub fn new(options: RestOptions) -> Result<Self, SetupProblem> {
        if options.endpoints.is_empty() {
            return Err(SetupProblem::NoEndpoint);
        }
        let sender = Sender::new(options.endpoints, &options.trust, options.timeouts)?;
        let session = Session::new(sender, options.credentials, options.tenant.clone());
        Ok(Self { session, tenant: options.tenant, standing: OnceCell::new() })
    }

    /// Makes a call whose answer is read by `read`.
    async fn ask<T>(&self, request: &Request, read: fn(&str) -> Result<T, Expected>) -> Result<T, CallError> {
        let body: Body = self.session.send(request).await?;
        read(&body).map_err(|expected| outcome::unreadable(request, expected, &body))
    }

    /// Makes a call once it is known that the login is to the tenant that is meant.
    async fn ask_tenant<T>(&self, request: &Request, read: fn(&str) -> Result<T, Expected>) -> Result<T, CallError> {
        if self.tenant.is_some() {
            self.standing().await.map_err(CallError::before_another)?;
        }
        self.ask(request, read).await
    }

    async fn standing(&self) -> Result<&Standing, CallError> {
        self.standing.get_or_try_init(|| self.look()).await
    }

    /// Asks which cluster this is and as whom it is spoken to, and checks the tenant.
    async fn look(&self) -> Result<Standing, CallError> {
        let who = self.ask(&request::whoami(), answer::whoami).await?;
        if let Some(meant) = &self.tenant
            && *meant != who.org_name
        {
            return Err(other_tenant(meant, &who));
        }
        let cluster = self.ask(&request::cluster(), answer::cluster).await?;
        Ok(Standing { cluster, who })
    }
}

fn other_tenant(meant: &str, who: &Whoami) -> CallError {
    let message = format!("{:?} is logged in to tenant {:?}, and {meant:?} is meant", who.username, who.org_name);
    CallError::new(request::whoami().call(), Effect::NotSent, message)
        .help(format!("log in to {meant:?}, or set tenant = {:?} under [cluster]", who.org_name))
}

#[async_trait]
impl Cluster for RestCluster {
    /// Asked anew each time: a second look tells whether this is still the same cluster.
    async fn identity(&self) -> Result<Identity, CallError> {
        let Standing { cluster, who } = self.look().await?;
        Ok(Identity {
            name: cluster.name,
            guid: cluster.guid,
            release: cluster.release,
            tenant: who.org_name,
            user: UserName::reported(who.username),
            role: who.role,
        })
    }

    async fn list_policies(&self) -> Result<Vec<PolicyName>, CallError> {
        self.ask_tenant(&request::policies(), answer::policies).await
    }

    async fn show_policy(&self, policy: &PolicyName) -> Result<String, CallError> {
        self.ask_tenant(&request::show_policy(policy)?, answer::document).await
    }

    async fn add_policy(&self, policy: &PolicyName, document: &str) -> Result<(), CallError> {
        self.ask_tenant(&request::add_policy(policy, document)?, answer::nothing).await
    }

    async fn remove_policy(&self, policy: &PolicyName) -> Result<(), CallError> {
        self.ask_tenant(&request::remove_policy(policy)?, answer::nothing).await
    }

    async fn attach(&self, policy: &PolicyName, user: &UserName) -> Result<Option<KeyPair>, CallError> {
        self.ask_tenant(&request::attach(policy, user)?, answer::key_pair).await
    }

    /// Over REST the call names the user only: what it holds is taken, whichever policy that is.
    async fn detach(&self, _policy: &PolicyName, user: &UserName) -> Result<(), CallError> {
        self.ask_tenant(&request::detach(user)?, answer::nothing).await
    }

    /// Who holds what is in `GET /users` since 4.4, in `GET /s3/userPolicies` since 4.0, and nowhere before.
    async fn users(&self) -> Result<Users, CallError> {
        let standing = self.standing().await?;
        let (release, org) = (&standing.cluster.release, standing.who.org_id.as_ref());
        let request = request::users();
        let rows = self.ask(&request, answer::users).await?;
        // Every tenant has a user; if ids were written differently in the two answers, none would seem to.
        if !rows.is_empty() && !rows.iter().any(|row| people::is_of(row, org)) {
            let message = "all users in the answer are of other tenants than the login";
            return Err(CallError::new(request.call(), Effect::InDoubt, message));
        }
        if people::tell_policies(&rows) {
            return Ok(people::from_records(rows, org, true));
        }
        if !release.at_least(4, 0) {
            return Ok(people::from_records(rows, org, false));
        }
        match self.ask(&request::user_policies(), answer::user_policies).await {
            Ok(held) => Ok(people::from_map(rows, org, held)),
            // Since 4.4 the records tell, so that a later release may drop the call: nobody holds anything.
            Err(error) if error.effect == Effect::Refused(404) && release.at_least(4, 4) => {
                Ok(people::from_records(rows, org, true))
            }
            Err(error) => Err(error),
        }
    }
}
