//! An HTTP client that follows no redirects, uses no proxy, and trusts only what it is told to.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, redirect};

use super::dns::Resolver;
use super::outcome::reason;
use super::tls::{self, Fingerprint, Presented, Trust, TrustProblem};

/// How long an idle connection is kept. Servers keep it longer, so that a write seldom meets a closing connection.
const IDLE: Duration = Duration::from_secs(15);

/// An HTTP client, with the certificates that servers presented to it.
#[derive(Debug)]
pub struct WebClient {
    pub(super) client: Client,
    pub(super) presented: Arc<Presented>,
}

impl WebClient {
    /// A client with this user agent. `connect` is the longest wait for a connection, `call` that for a whole call.
    pub fn new(trust: &Trust, agent: &str, connect: Duration, call: Duration) -> Result<Self, TrustProblem> {
        let presented = Arc::new(Presented::default());
        let client = Client::builder()
            .tls_backend_preconfigured(tls::config(trust, Arc::clone(&presented))?)
            .user_agent(agent)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Resolver)
            .connect_timeout(connect)
            .timeout(call)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|_| TrustProblem::Library)?;
        Ok(Self { client, presented })
    }

    /// The client itself.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The certificate that a host presented last, if any.
    pub fn certificate_of(&self, host: &str) -> Option<Fingerprint> {
        self.presented.by(host)
    }

    /// Why a request failed, without its URL and without characters that a terminal would act on.
    pub fn why(error: &reqwest::Error) -> String {
        reason(error)
    }
}
