//! The state of a simulated cluster: plain data, and the shape of its JSON file.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::ids;
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
    pub users: BTreeMap<String, User>,
    /// The policies by name, without the predefined ones.
    pub policies: BTreeMap<String, Policy>,
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

/// The file is JSON of the right shape, but no cluster is like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StateProblem(String);

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

    /// Fills in what a file may leave out, and refuses what no cluster can be.
    ///
    /// # Errors
    /// Says what cannot be.
    pub fn complete(mut self) -> Result<Self, StateProblem> {
        if self.guid.is_empty() {
            self.guid = ids::uuid(&["cluster", &self.name]);
        }
        self.build_in_predefined()?;
        let root = self.tenants.entry(ROOT.to_owned()).or_default();
        if root.id.is_some_and(|id| id != 0) {
            return Err(StateProblem(format!("the tenant `{ROOT}` has the id 0 on every cluster")));
        }
        root.id = Some(0);
        if !root.users.values().any(|user| user.role == Role::ClusterAdmin && user.password.is_some()) {
            let admin = User { role: Role::ClusterAdmin, password: Some("admin".to_owned()), ..User::default() };
            root.users.insert("admin".to_owned(), admin);
        }
        self.number_tenants();
        self.name_users();
        self.check()?;
        Ok(self)
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

    fn build_in_predefined(&mut self) -> Result<(), StateProblem> {
        self.predefined.clear();
        for (name, text) in self.behaviour().predefined {
            let document = Document::parse(text).map_err(|error| StateProblem(format!("policy `{name}`: {error}")))?;
            self.predefined.insert(name.to_owned(), document);
        }
        Ok(())
    }

    fn number_tenants(&mut self) {
        let mut taken: BTreeSet<u32> = self.tenants.values().filter_map(|tenant| tenant.id).collect();
        for tenant in self.tenants.values_mut().filter(|tenant| tenant.id.is_none()) {
            let free = (1..).find(|id| !taken.contains(id));
            taken.extend(free);
            tenant.id = free;
        }
    }

    fn name_users(&mut self) {
        for (tenant_name, tenant) in &mut self.tenants {
            for (name, user) in tenant.users.iter_mut().filter(|(_, user)| user.uid.is_empty()) {
                user.uid = ids::uuid(&["user", &self.guid, tenant_name, name]);
            }
        }
    }

    fn check(&self) -> Result<(), StateProblem> {
        let mut tenant_ids = BTreeSet::new();
        let mut uids = BTreeSet::new();
        let mut access_keys = BTreeSet::new();
        for (tenant_name, tenant) in &self.tenants {
            if !tenant_ids.insert(tenant.id) {
                return Err(StateProblem(format!("the id of the tenant `{tenant_name}` is taken by another tenant")));
            }
            if let Some(name) = tenant.policies.keys().find(|name| self.predefined.contains_key(*name)) {
                return Err(StateProblem(format!(
                    "the policy `{name}` is predefined; leave it out of `{tenant_name}`"
                )));
            }
            for (name, user) in &tenant.users {
                if !uids.insert(&user.uid) {
                    return Err(StateProblem(format!("the `uid` of the user `{name}` is taken by another user")));
                }
                if user.keys.as_ref().is_some_and(|keys| !access_keys.insert(&keys.access_key)) {
                    return Err(StateProblem(format!("the `access_key` of the user `{name}` is another user's")));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<State, String> {
        let state: State = serde_json::from_str(text).map_err(|error| error.to_string())?;
        state.complete().map_err(|problem| problem.to_string())
    }

    #[test]
    fn an_empty_file_is_a_fresh_cluster() {
        let state = read("{}").unwrap();
        assert_eq!(state, State::fresh(SimRelease::default()).unwrap());
        let root = &state.tenants[ROOT];
        assert_eq!(root.id, Some(0));
        assert_eq!(root.users["admin"].password.as_deref(), Some("admin"));
        assert_eq!(root.users["admin"].uid.len(), 36);
        assert!(state.predefined.keys().eq(["readonly", "readwrite", "writeonly"]));
    }

    #[test]
    fn a_state_reads_back_as_it_was_written() {
        let text = r#"{"format":"attune.sim/1","release":"4.4","tenants":{"Root":{"users":{"alice":{"policy":"ml"}},
            "policies":{"ml":{"document":{ "b": 1.50, "a": [] }}}},"x":{},"y":{"id":1}}}"#;
        let state = read(text).unwrap();
        assert_eq!(state.tenants["x"].id, Some(2));
        assert_eq!(state.tenants[ROOT].policies["ml"].document.as_str(), r#"{"b":1.50,"a":[]}"#);
        let again = read(&serde_json::to_string_pretty(&state).unwrap()).unwrap();
        assert_eq!(again, state);
    }

    #[test]
    fn what_no_cluster_can_be_is_refused() {
        for (text, part) in [
            (r#"{"colour":1}"#, "unknown field `colour`"),
            (r#"{"format":"attune.sim/9"}"#, "attune.sim/1"),
            (r#"{"release":"6.0"}"#, "does not know the release `6.0`"),
            (r#"{"tenants":{"Root":{"id":4}}}"#, "id 0"),
            (r#"{"tenants":{"a":{"id":1},"b":{"id":1}}}"#, "id of the tenant `b`"),
            (r#"{"tenants":{"Root":{"policies":{"readonly":{"document":{}}}}}}"#, "predefined"),
            (r#"{"tenants":{"Root":{"users":{"a":{"uid":"1"},"b":{"uid":"1"}}}}}"#, "`uid` of the user `b`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
