//! The state of a simulated cluster: plain data, and the shape of its JSON file.

mod access;
mod complete;
mod shared;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use complete::StateProblem;
pub use shared::Shared;

use super::document::Document;
use super::release::{Behaviour, SimRelease};
use super::switches::{Limits, Switches};

/// The tenant every cluster has.
pub const ROOT: &str = "Root";

/// The `source` of users that the cluster itself keeps.
pub const INTERNAL: &str = "Internal";

/// The shape of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// The first one.
    #[serde(rename = "attune.sim/1")]
    V1,
}

/// All a simulated cluster knows. Everything has a default, so that a file written by hand can be short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct State {
    /// The shape of the file.
    pub format: Format,
    /// The release it behaves as.
    pub release: SimRelease,
    /// The cluster's name.
    pub name: String,
    /// The cluster's id; follows from the name when the file does not say.
    pub guid: String,
    /// How many ids and keys were made so far: the next one follows from it.
    pub serial: u64,
    /// Whether `DELETE /s3` was called, the call that deletes the S3 cluster.
    pub s3_deleted: bool,
    /// How it behaves where clusters differ.
    pub switches: Switches,
    /// How much it takes.
    pub limits: Limits,
    /// The tenants by name.
    pub tenants: BTreeMap<String, Tenant>,
    /// The predefined policies, built into the release.
    #[serde(skip)]
    pub predefined: BTreeMap<String, Document>,
}

/// A tenant ("organization" before 5.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tenant {
    /// Its id: 0 for `Root`; the next free one when the file does not say.
    pub id: Option<u32>,
    /// The users by name.
    pub users: BTreeMap<String, Shared<User>>,
    /// The policies by name, without the predefined ones.
    pub policies: Shared<BTreeMap<String, Policy>>,
    /// The groups by name, from 6.0, each with the policy it holds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Option<String>>,
}

impl Tenant {
    /// The user of that name.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name).map(|user| &**user)
    }

    /// The user of that name, to be changed.
    pub fn user_mut(&mut self, name: &str) -> Option<&mut User> {
        self.users.get_mut(name).map(|user| &mut **user)
    }
}

/// A policy of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its document.
    pub document: Document,
}

/// A user of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct User {
    /// Its id; follows from tenant and name when the file does not say.
    pub uid: String,
    /// What it may do.
    pub role: Role,
    /// `Internal`, or the directory it was imported from.
    pub source: String,
    /// The password of the account; without one nobody logs in as this user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The POSIX user id of its S3 files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posix_uid: Option<u32>,
    /// The POSIX group id of its S3 files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posix_gid: Option<u32>,
    /// The policy it holds. It can be one that is not there any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Its S3 key pair, from 5.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Keys>,
}

/// An S3 key pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The access key.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Everything.
    ClusterAdmin,
    /// Everything in its tenant; called `OrgAdmin` before 5.1.
    #[serde(alias = "OrgAdmin")]
    TenantAdmin,
    /// Look.
    ReadOnly,
    /// Look.
    Regular,
    /// Use S3.
    S3,
    /// Serve the CSI plugin.
    #[serde(rename = "CSI")]
    Csi,
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: Format::V1,
            release: SimRelease::default(),
            name: "stewie".to_owned(),
            guid: String::new(),
            serial: 0,
            s3_deleted: false,
            switches: Switches::default(),
            limits: Limits::default(),
            tenants: BTreeMap::new(),
            predefined: BTreeMap::new(),
        }
    }
}

impl Default for User {
    fn default() -> Self {
        Self {
            uid: String::new(),
            role: Role::S3,
            source: INTERNAL.to_owned(),
            password: None,
            posix_uid: None,
            posix_gid: None,
            policy: None,
            keys: None,
        }
    }
}

impl Role {
    /// The role's name in answers of a release.
    #[must_use]
    pub fn name(self, behaviour: &Behaviour) -> &'static str {
        match self {
            Self::ClusterAdmin => "ClusterAdmin",
            Self::TenantAdmin => behaviour.tenant_admin,
            Self::ReadOnly => "ReadOnly",
            Self::Regular => "Regular",
            Self::S3 => "S3",
            Self::Csi => "CSI",
        }
    }
}

impl User {
    /// Whether it can hold a policy: a local user with the role `S3`, or one from a directory.
    #[must_use]
    pub fn can_hold_policy(&self) -> bool {
        self.role == Role::S3 || !self.is_local()
    }

    /// Whether the cluster itself keeps it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.source == INTERNAL
    }
}

impl State {
    /// A cluster as it is when it is new: the tenant `Root`, `admin` with the password `admin`, the predefined policies.
    ///
    /// # Errors
    /// Never in practice: the predefined documents are JSON.
    pub fn fresh(release: SimRelease) -> Result<Self, StateProblem> {
        Self { release, ..Self::default() }.complete()
    }

    /// What its release does.
    #[must_use]
    pub fn behaviour(&self) -> &'static Behaviour {
        self.release.behaviour()
    }

    /// A number that no id or key was made from yet.
    pub fn next_serial(&mut self) -> String {
        self.serial += 1;
        self.serial.to_string()
    }
}
