//! The cluster as the other rooms see it: one trait, and its transports over REST and over the `weka` command.

mod buckets;
mod credentials;
mod error;
mod json;
mod key_pair;
mod limits;
mod logins;
mod observe;
mod pin;
pub mod program;
pub mod rest;
mod retry;
mod shape;
pub mod weka;

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::SecretString;

pub use buckets::{bucket_policies, read_bucket_policy};
pub use credentials::{Credentials, Environment, PasswordLogin, TokenOrigin};
pub use error::{CallError, Effect, RawAnswer, SetupProblem, clean};
pub use limits::{ClusterLimit, Limits, MostCalls};
pub use logins::Logins;
pub use observe::{documents, observe, observe_again, observe_all, observe_watched, observe_whole};
pub use retry::{RetryPolicy, RetryingCluster};

use crate::base::{
    ApiFacts, BucketName, CannedPolicy, Capabilities, GroupName, KeyPair, PolicyName, Principal, Release, SessionKeys,
    UserName,
};
pub use crate::observed::Identity;
use crate::observed::{Duplicates, ObservedUser};

/// A user as the cluster reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The name.
    pub name: UserName,
    /// The role, such as `S3` or `ClusterAdmin`.
    pub role: String,
    /// The origin of the user: `Internal`, or a directory.
    pub source: String,
    /// The attached policy. Meaningless if [`Users::attachments_known`] is false.
    pub policy: Option<PolicyName>,
}

/// All users of the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Users {
    /// The users, in the cluster's order.
    pub users: Vec<UserRecord>,
    /// Whether the cluster reports who has which policy; see [`AttachmentsSource`](crate::base::AttachmentsSource).
    pub attachments_known: bool,
}

impl Users {
    /// The users by name. `duplicates` gets all records of a name that has several.
    pub fn by_name(self, duplicates: &mut Duplicates) -> BTreeMap<UserName, ObservedUser> {
        let record = |user: UserRecord| {
            (user.name, ObservedUser { role: user.role, source: user.source, attached: user.policy })
        };
        duplicates.users(self.users.into_iter().map(record).collect())
    }
}

/// A group as the cluster reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// The name.
    pub name: GroupName,
    /// The attached policy.
    pub policy: Option<PolicyName>,
}

/// The groups that have a policy, by name. `duplicates` gets all records of a name that has several.
pub fn groups_by_name(groups: Vec<GroupRecord>, duplicates: &mut Duplicates) -> BTreeMap<GroupName, PolicyName> {
    duplicates.groups(groups.into_iter().map(|group| (group.name, group.policy)).collect())
}

/// A request for temporary credentials.
#[derive(Debug, Clone)]
pub struct AssumeRole {
    /// The access key of a user; before 5.1, the user's name.
    pub access_key: String,
    /// The secret key that goes with it; before 5.1, the user's password.
    pub secret_key: SecretString,
    /// How long they are valid, in seconds: from 15 minutes to a week (vendor's CLI page).
    pub seconds: u64,
    /// A session policy that restricts them, as JSON text.
    pub document: Option<String>,
}

/// How a cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// The transport, such as `REST`.
    pub transport: &'static str,
    /// The addresses, as a person would name them.
    pub addresses: Vec<String>,
    /// The addresses with unencrypted traffic, other than within this machine.
    pub unencrypted: Vec<String>,
    /// Whether any certificate is accepted.
    pub any_certificate: bool,
    /// The call that reports who has which policy at the cluster's release, if there is one.
    pub attachments_source: Option<&'static str>,
    /// Whether a cluster of this release should have a definition of its own API here.
    pub definition_expected: bool,
    /// By how many seconds the cluster's clock is ahead of this machine's, according to its last answer. Negative:
    /// behind. `None`: no answer had a date.
    pub clock_ahead: Option<i64>,
}

/// A cluster over any transport.
///
/// Reads may be repeated freely. A write that fails says in [`CallError::effect`] whether it may have taken effect.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// Which cluster and tenant this is, and as whom attune is logged in.
    async fn identity(&self) -> Result<Identity, CallError>;

    /// The names of all policies of the tenant, predefined ones included.
    async fn list_policies(&self) -> Result<Vec<PolicyName>, CallError>;

    /// The document of a policy, as the JSON text the cluster returned.
    async fn show_policy(&self, policy: &PolicyName) -> Result<String, CallError>;

    /// Adds a policy with exactly this JSON text. Never call it for an existing name: it is unknown what a cluster does
    /// then.
    async fn add_policy(&self, policy: &PolicyName, document: &str) -> Result<(), CallError>;

    /// Removes a policy.
    async fn remove_policy(&self, policy: &PolicyName) -> Result<(), CallError>;

    /// Attaches a policy to a user or group, in place of the one it has. Returns the key pair that the cluster created,
    /// if it did (since 5.1, for a user without one) and shows it. [`CallError::answer`] keeps an answer that may hold a
    /// key pair that attune does not find.
    async fn attach(&self, policy: &PolicyName, principal: &Principal) -> Result<Option<KeyPair>, CallError>;

    /// Attaches several policies to a user in one call, with commas between their names. Some servers of the lineage read this
    /// as a list. Only a probe does it.
    async fn attach_list(&self, policies: &[PolicyName], user: &UserName) -> Result<Option<KeyPair>, CallError>;

    /// Detaches a user or group from its policy. A user's key pair stays.
    async fn detach(&self, policy: &PolicyName, principal: &Principal) -> Result<(), CallError>;

    /// Whether [`generate_keys`](Self::generate_keys) works through this transport, as far as the cluster was asked:
    /// [`capabilities`] asks.
    fn can_generate_keys(&self) -> bool;

    /// Creates a new key pair for a user that has a policy. The old one stops working at once. [`CallError::answer`] keeps
    /// an answer in which attune does not find the key pair.
    async fn generate_keys(&self, user: &UserName) -> Result<KeyPair, CallError>;

    /// Makes the key pair of a user useless: creates another one as [`generate_keys`](Self::generate_keys) does, which nobody
    /// gets.
    async fn revoke_keys(&self, user: &UserName) -> Result<(), CallError> {
        self.generate_keys(user).await.map(drop)
    }

    /// Creates temporary credentials from the key pair of a user that has a policy.
    async fn assume_role(&self, ask: &AssumeRole) -> Result<SessionKeys, CallError>;

    /// All users of the tenant and, if the release reports it, their policies.
    async fn users(&self) -> Result<Users, CallError>;

    /// The groups, at least those that have a policy. `None` if the cluster does not report them: no release does over
    /// REST; the `weka` command does since 6.0.
    async fn groups(&self) -> Result<Option<Vec<GroupRecord>>, CallError> {
        Ok(None)
    }

    /// The names of all buckets of the tenant.
    async fn buckets(&self) -> Result<Vec<BucketName>, CallError>;

    /// The names of all tenants of the cluster that the login may list. Only an administrator of the cluster may
    /// (`GET /tenants`; `GET /organizations` before 5.1).
    async fn tenants(&self) -> Result<Vec<String>, CallError>;

    /// What the cluster calls the policy of a bucket: the name of a canned policy, or anything else for a document of its own.
    /// [`read_bucket_policy`] reads this and the document.
    async fn bucket_policy(&self, bucket: &BucketName) -> Result<String, CallError>;

    /// The document of a bucket's policy, as the JSON text the cluster returned. `None` for an empty answer.
    async fn bucket_document(&self, bucket: &BucketName) -> Result<Option<String>, CallError>;

    /// Sets a canned policy in place of whatever policy the bucket has.
    async fn set_canned_bucket_policy(&self, bucket: &BucketName, policy: CannedPolicy) -> Result<(), CallError>;

    /// Sets exactly this JSON text as the bucket's policy, in place of whatever policy it has.
    async fn set_bucket_document(&self, bucket: &BucketName, document: &str) -> Result<(), CallError>;

    /// Why no call is sent any more: an endpoint led to another cluster or tenant than the first one. Sends nothing.
    fn stopped(&self) -> Option<String>;

    /// Whether an identity provider gives policies by name. `None` if the cluster does not report it.
    async fn identity_provider(&self) -> Result<Option<bool>, CallError> {
        Ok(None)
    }

    /// Keeps the shapes of all further answers, for [`shapes`](Self::shapes).
    fn keep_shapes(&self);

    /// The shapes of the answers that were kept, by call: members and types, without names and values.
    fn shapes(&self) -> BTreeMap<String, String>;

    /// How a cluster of this release is reached here. Sends nothing.
    fn connection(&self, release: &Release) -> ConnectionInfo;

    /// What the cluster's own definition of its API says about its capabilities, if it has one. It is read once.
    async fn api_facts(&self) -> Result<Option<ApiFacts>, CallError> {
        Ok(None)
    }

    /// The cluster's own definition of its API, as text, if it has one.
    async fn own_definition(&self) -> Result<Option<String>, CallError> {
        Ok(None)
    }
}

/// What a cluster of this release can do, corrected by its own API definition. If attune cannot read that, it warns, and the
/// release decides.
pub async fn capabilities(cluster: &dyn Cluster, release: &Release) -> Capabilities {
    let of_release = Capabilities::of(release);
    match cluster.api_facts().await {
        Ok(facts) => facts.map_or(of_release, |facts| of_release.corrected_by(&facts)),
        Err(error) => {
            tracing::warn!(
                "cannot read the API definition of the cluster, so its release decides what it can do: {error}"
            );
            of_release
        }
    }
}
