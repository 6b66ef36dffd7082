//! How long a cluster that does not answer is waited for, and reads that are asked again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::{AssumeRole, CallError, Cluster, ConnectionInfo, Effect, GroupRecord, Identity, Users};
use crate::base::{KeyPair, PolicyName, Principal, Release, SessionKeys, UserName};

/// How often something is tried again, and how long is waited in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often it is tried again after the first time.
    pub retries: u32,
    /// About how long is waited before the first of these; each time after, twice as long.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
}

impl Default for RetryPolicy {
    /// Four more times over about 4 s: long enough for a management process that moves to another host's turn, short
    /// enough for a person to wait.
    fn default() -> Self {
        Self { retries: 4, first: Duration::from_millis(250), longest: Duration::from_secs(10) }
    }
}

impl RetryPolicy {
    /// Waits before try number `again`, from 1: between half of the time and all of it, by chance, so that several
    /// clients do not come back together.
    pub async fn pause(&self, again: u32) {
        let doublings = again.saturating_sub(1).min(16);
        let whole = self.first.saturating_mul(1 << doublings).min(self.longest);
        tokio::time::sleep(whole.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
    }
}

/// A cluster whose reads are asked again when no answer came, none that can be read, or that it is busy. Writes go through as they are:
/// whether to repeat one takes a look at the cluster.
pub struct RetryingCluster<'a> {
    cluster: &'a dyn Cluster,
    retry_policy: RetryPolicy,
    /// Whether it ever answered: one that never did is more likely misnamed than busy.
    reached: AtomicBool,
    /// Is told of every read that was answered.
    told: Option<Box<dyn Fn() + Send + Sync + 'a>>,
}

impl<'a> RetryingCluster<'a> {
    /// The same cluster, with retry_policy.
    #[must_use]
    pub fn new(cluster: &'a dyn Cluster, retry_policy: RetryPolicy) -> Self {
        Self { cluster, retry_policy, reached: AtomicBool::new(false), told: None }
    }

    /// The same cluster, with retry_policy, which has answered before.
    #[must_use]
    pub fn reached(cluster: &'a dyn Cluster, retry_policy: RetryPolicy) -> Self {
        Self { cluster, retry_policy, reached: AtomicBool::new(true), told: None }
    }

    /// The same, telling of every read that was answered, so that it can be shown how far an observation is.
    #[must_use]
    pub fn telling(self, told: impl Fn() + Send + Sync + 'a) -> Self {
        Self { told: Some(Box::new(told)), ..self }
    }

    async fn read<T, F>(&self, ask: impl Fn() -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut again = 0;
        loop {
            let error = match ask().await {
                Ok(answer) => {
                    self.reached.store(true, Ordering::Relaxed);
                    if let Some(told) = &self.told {
                        told();
                    }
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let worth_it = match error.effect {
                Effect::UnknownOutcome => true,
                Effect::NotSent => error.busy || self.reached.load(Ordering::Relaxed),
                Effect::Refused(_) | Effect::Unauthorized(_) => false,
            };
            if !worth_it || self.cluster.stopped().is_some() || again == self.retry_policy.retries {
                return Err(error);
            }
            again += 1;
            tracing::debug!(call = error.call, again, reason = error.message, "asking again");
            self.retry_policy.pause(again).await;
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
