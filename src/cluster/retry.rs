//! Retries of reads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::{AssumeRole, CallError, Cluster, ConnectionInfo, Effect, GroupRecord, Identity, Users};
use crate::base::{ApiFacts, BucketName, CannedPolicy, KeyPair, PolicyName, Principal, Release, SessionKeys, UserName};

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
    pub fn new(cluster: &'a dyn Cluster, retry_policy: RetryPolicy) -> Self {
        Self { cluster, retry_policy, reached: AtomicBool::new(false), on_read: None }
    }

    /// A cluster that answered before.
    pub fn reached(cluster: &'a dyn Cluster, retry_policy: RetryPolicy) -> Self {
        Self { cluster, retry_policy, reached: AtomicBool::new(true), on_read: None }
    }

    /// Calls `on_read` after each answered read, to show progress.
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

/// Methods that read, with retries, and methods that write, without.
macro_rules! forward {
    (read { $($read:ident($($of:ident: $kind:ty),*) -> $answer:ty;)* } write { $($write:ident($($to:ident: $what:ty),*) -> $result:ty;)* }) => {
        #[async_trait]
        impl Cluster for RetryingCluster<'_> {
            $(async fn $read(&self, $($of: $kind),*) -> Result<$answer, CallError> {
                self.read(|| self.cluster.$read($($of),*)).await
            })*

            $(async fn $write(&self, $($to: $what),*) -> Result<$result, CallError> {
                self.cluster.$write($($to),*).await
            })*

            fn stopped(&self) -> Option<String> {
                self.cluster.stopped()
            }

            fn connection(&self, release: &Release) -> ConnectionInfo {
                self.cluster.connection(release)
            }

            fn keep_shapes(&self) {
                self.cluster.keep_shapes();
            }

            fn shapes(&self) -> BTreeMap<String, String> {
                self.cluster.shapes()
            }

            fn can_generate_keys(&self) -> bool {
                self.cluster.can_generate_keys()
            }
        }
    };
}

forward! {
    read {
        identity() -> Identity;
        list_policies() -> Vec<PolicyName>;
        show_policy(policy: &PolicyName) -> String;
        users() -> Users;
        api_facts() -> Option<ApiFacts>;
        own_definition() -> Option<String>;
        identity_provider() -> Option<bool>;
        groups() -> Option<Vec<GroupRecord>>;
        buckets() -> Vec<BucketName>;
        tenants() -> Vec<String>;
        bucket_policy(bucket: &BucketName) -> String;
        bucket_document(bucket: &BucketName) -> Option<String>;
    }
    write {
        add_policy(policy: &PolicyName, document: &str) -> ();
        remove_policy(policy: &PolicyName) -> ();
        attach(policy: &PolicyName, principal: &Principal) -> Option<KeyPair>;
        attach_list(policies: &[PolicyName], user: &UserName) -> Option<KeyPair>;
        detach(policy: &PolicyName, principal: &Principal) -> ();
        generate_keys(user: &UserName) -> KeyPair;
        revoke_keys(user: &UserName) -> ();
        assume_role(ask: &AssumeRole) -> SessionKeys;
        set_canned_bucket_policy(bucket: &BucketName, policy: CannedPolicy) -> ();
        set_bucket_document(bucket: &BucketName, document: &str) -> ();
    }
}
