//! Retries of reads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::{AssumeRole, CallError, Cluster, ConnectionInfo, Effect, GroupRecord, Identity, Users};
use crate::base::{KeyPair, PolicyName, Principal, Release, SessionKeys, UserName};

/// How often a call is retried, and how long attune waits before each retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The most retries.
    pub retries: u32,
    /// The wait before the first retry, about. It doubles with each further one.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for RetryPolicy {
    /// Four retries within about 4 s: enough for a management process that moves to another host, and short enough for a
    /// person to wait.
    fn default() -> Self {
        Self { retries: 4, first: Duration::from_millis(250), longest: Duration::from_secs(10) }
    }
}

impl RetryPolicy {
    /// Waits before retry number `retry`, from 1. The wait is a random part between half and all of the time, so that
    /// several clients do not retry together.
    pub async fn pause(&self, retry: u32) {
        let doublings = retry.saturating_sub(1).min(16);
        let whole = self.first.saturating_mul(1 << doublings).min(self.longest);
        tokio::time::sleep(whole.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
    }
}

/// A cluster whose reads are retried if no readable answer came or the cluster is busy. Writes are not retried here:
/// whether a retry is safe depends on the state of the cluster.
pub struct RetryingCluster<'a> {
    cluster: &'a dyn Cluster,
    retry_policy: RetryPolicy,
    /// Whether the cluster ever answered. One that never did is more likely misnamed than busy.
    reached: AtomicBool,
    /// Called after each answered read.
    on_read: Option<Box<dyn Fn() + Send + Sync + 'a>>,
}

impl<'a> RetryingCluster<'a> {
    /// A cluster that did not answer yet.
    #[must_use]
    pub fn new(cluster: &'a dyn Cluster, retry_policy: RetryPolicy) -> Self {
        Self { cluster, retry_policy, reached: AtomicBool::new(false), on_read: None }
    }

    /// A cluster that answered before.
    #[must_use]
    pub fn reached(cluster: &'a dyn Cluster, retry_policy: RetryPolicy) -> Self {
        Self { cluster, retry_policy, reached: AtomicBool::new(true), on_read: None }
    }

    /// Calls `on_read` after each answered read, to show progress.
    #[must_use]
    pub fn on_read(self, on_read: impl Fn() + Send + Sync + 'a) -> Self {
        Self { on_read: Some(Box::new(on_read)), ..self }
    }

    async fn read<T, F>(&self, ask: impl Fn() -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut retries = 0;
        loop {
            let error = match ask().await {
                Ok(answer) => {
                    self.reached.store(true, Ordering::Relaxed);
                    if let Some(on_read) = &self.on_read {
                        on_read();
                    }
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let may_succeed = match error.effect {
                Effect::UnknownOutcome => true,
                Effect::NotSent => error.busy || self.reached.load(Ordering::Relaxed),
                Effect::Refused(_) | Effect::Unauthorized(_) => false,
            };
            if !may_succeed || self.cluster.stopped().is_some() || retries == self.retry_policy.retries {
                return Err(error);
            }
            retries += 1;
            tracing::debug!(call = error.call, retries, reason = error.message, "retry");
            self.retry_policy.pause(retries).await;
        }
    }
}

#[async_trait]
impl Cluster for RetryingCluster<'_> {
    async fn identity(&self) -> Result<Identity, CallError> {
        self.read(|| self.cluster.identity()).await
    }

    async fn list_policies(&self) -> Result<Vec<PolicyName>, CallError> {
        self.read(|| self.cluster.list_policies()).await
    }

    async fn show_policy(&self, policy: &PolicyName) -> Result<String, CallError> {
        self.read(|| self.cluster.show_policy(policy)).await
    }

    async fn users(&self) -> Result<Users, CallError> {
        self.read(|| self.cluster.users()).await
    }

    fn stopped(&self) -> Option<String> {
        self.cluster.stopped()
    }

    fn connection(&self, release: &Release) -> ConnectionInfo {
        self.cluster.connection(release)
    }

    async fn own_definition(&self) -> Result<Option<String>, CallError> {
        self.read(|| self.cluster.own_definition()).await
    }

    async fn identity_provider(&self) -> Result<Option<bool>, CallError> {
        self.read(|| self.cluster.identity_provider()).await
    }

    async fn groups(&self) -> Result<Option<Vec<GroupRecord>>, CallError> {
        self.read(|| self.cluster.groups()).await
    }

    async fn add_policy(&self, policy: &PolicyName, document: &str) -> Result<(), CallError> {
        self.cluster.add_policy(policy, document).await
    }

    async fn remove_policy(&self, policy: &PolicyName) -> Result<(), CallError> {
        self.cluster.remove_policy(policy).await
    }

    async fn attach(&self, policy: &PolicyName, principal: &Principal) -> Result<Option<KeyPair>, CallError> {
        self.cluster.attach(policy, principal).await
    }

    fn can_generate_keys(&self) -> bool {
        self.cluster.can_generate_keys()
    }

    async fn generate_keys(&self, user: &UserName) -> Result<KeyPair, CallError> {
        self.cluster.generate_keys(user).await
    }

    async fn assume_role(&self, ask: &AssumeRole) -> Result<SessionKeys, CallError> {
        self.cluster.assume_role(ask).await
    }

    async fn detach(&self, policy: &PolicyName, principal: &Principal) -> Result<(), CallError> {
        self.cluster.detach(policy, principal).await
    }
}
