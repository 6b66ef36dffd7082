//! The cluster as the rest of the tool sees it: one trait in the domain's words, and its transports.

mod connection;
mod credentials;
mod error;
mod observe;
mod pairs;
pub mod program;
pub mod rest;
mod retrying;
mod subject;
mod told;
pub mod weka;
mod words;

use std::collections::BTreeMap;

use async_trait::async_trait;

pub use connection::ConnectionInfo;
pub use credentials::{Credentials, CredentialsProblem};
pub use error::{CallError, Effect, RawAnswer};
pub use observe::{body, documents, observe, observe_all, observe_for, observe_held};
pub use retrying::{RetryPolicy, RetryingCluster};

pub use crate::observed::Identity;
use crate::observed::{Duplicates, ObservedUser};

use secrecy::SecretString;

use crate::base::{GroupName, KeyPair, PolicyName, Principal, Release, SessionKeys, UserName};

/// A user as the cluster reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The name.
    pub name: UserName,
    /// The role, such as `S3` or `ClusterAdmin`.
    pub role: String,
    /// Where the user comes from: `Internal`, or a directory.
    pub source: String,
    /// The policy it holds. Meaningless when [`Users::attachments_known`] is false.
    pub policy: Option<PolicyName>,
}

/// All users of the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Users {
    /// The users, in the cluster's order.
    pub users: Vec<UserRecord>,
    /// Whether the cluster says who holds what. Over REST it does since 4.0 (`GET /s3/userPolicies`; in
    /// `GET /users` since 4.4); before that there is no call that tells.
    pub attachments_known: bool,
}

impl Users {
    /// The users by name; `duplicates` gets all records of a name that has several.
    #[must_use]
    pub fn by_name(self, duplicates: &mut Duplicates) -> BTreeMap<UserName, ObservedUser> {
        let record =
            |user: UserRecord| (user.name, ObservedUser { role: user.role, source: user.source, holds: user.policy });
        duplicates.users(self.users.into_iter().map(record).collect())
    }
}

/// A group as the cluster reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// The name.
    pub name: GroupName,
    /// The policy it has.
    pub policy: Option<PolicyName>,
}

/// The groups that have a policy, by name; `duplicates` gets all records of a name that has several.
#[must_use]
pub fn groups_by_name(groups: Vec<GroupRecord>, duplicates: &mut Duplicates) -> BTreeMap<GroupName, PolicyName> {
    duplicates.groups(groups.into_iter().map(|group| (group.name, group.policy)).collect())
}

/// What temporary credentials are asked for with.
#[derive(Debug, Clone)]
pub struct AssumeRole {
    /// The access key of a user; before 5.1, the user's name.
    pub access_key: String,
    /// The secret key that goes with it; before 5.1, the user's password.
    pub secret_key: SecretString,
    /// How long they hold, in seconds: from 15 minutes to a week (vendor's CLI page).
    pub seconds: u64,
    /// A document that narrows what they may do, as JSON text.
    pub document: Option<String>,
}

/// A cluster, whatever it is reached through.
///
/// Reads may be repeated freely. A write that fails says in [`CallError::effect`] whether it may have happened.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// Which cluster, which tenant, as whom.
    async fn identity(&self) -> Result<Identity, CallError>;

    /// The names of all policies of the tenant, predefined ones included.
    async fn list_policies(&self) -> Result<Vec<PolicyName>, CallError>;

    /// The document of a policy, as the JSON text the cluster returned.
    async fn show_policy(&self, policy: &PolicyName) -> Result<String, CallError>;

    /// Adds a policy with exactly this JSON text. Adding over an existing name is never relied on: what a
    /// cluster does then is unknown.
    async fn add_policy(&self, policy: &PolicyName, document: &str) -> Result<(), CallError>;

    /// Removes a policy.
    async fn remove_policy(&self, policy: &PolicyName) -> Result<(), CallError>;

    /// Gives a user or group a policy, in place of the one it held. The answer holds a key pair when the cluster made
    /// one (5.1 and later, for a user that had none) and shows it on this transport. An answer that may hold one that is
    /// not found in it is in [`CallError::answer`].
    async fn attach(&self, policy: &PolicyName, principal: &Principal) -> Result<Option<KeyPair>, CallError>;

    /// Takes the policy it holds from a user or group. A user's key pair stays.
    async fn detach(&self, policy: &PolicyName, principal: &Principal) -> Result<(), CallError>;

    /// Whether [`generate_keys`](Self::generate_keys) works through this transport.
    fn can_generate_keys(&self) -> bool;

    /// Makes a new key pair for a user that holds a policy; the old one is worthless at once. An answer in which it is not
    /// found is in [`CallError::answer`].
    async fn generate_keys(&self, user: &UserName) -> Result<KeyPair, CallError>;

    /// Gives temporary credentials to who has the key pair of a user that holds a policy.
    async fn assume_role(&self, ask: &AssumeRole) -> Result<SessionKeys, CallError>;

    /// All users of the tenant and, where the release tells, what they hold.
    async fn users(&self) -> Result<Users, CallError>;

    /// The groups, at least those that have a policy; `None` where this is not reported: over REST by no release, over the
    /// `weka` command since 6.0.
    async fn groups(&self) -> Result<Option<Vec<GroupRecord>>, CallError> {
        Ok(None)
    }

    /// Why nothing more is sent: the way led to another cluster or tenant than the one that this run is about. Asks nothing.
    fn stopped(&self) -> Option<String>;

    /// Whether an identity provider gives policies by their names: over REST from 5.1 on (`GET /s3/oidc`). `None` where this is
    /// not reported.
    async fn identity_provider(&self) -> Result<Option<bool>, CallError> {
        Ok(None)
    }

    /// How a cluster of this release is reached and spoken to here. Asks nothing.
    fn connection(&self, release: &Release) -> ConnectionInfo;

    /// The cluster's own definition of the interface that is spoken to, as text, where it has one.
    async fn own_definition(&self) -> Result<Option<String>, CallError> {
        Ok(None)
    }
}
