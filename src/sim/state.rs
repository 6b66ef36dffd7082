//! The state of a simulated cluster: plain data, its JSON file format, defaults, and who has access.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::sim::bucket::Bucket;
use crate::sim::document::StoredDocument;
use crate::sim::error::SimError;
use crate::sim::ids;
use crate::sim::release::{Behaviour, Role, SimRelease};
use crate::sim::switches::{Limits, Switches};

/// The tenant that every cluster has.
pub const ROOT: &str = "Root";

/// The `source` of local users.
pub const INTERNAL: &str = "Internal";

/// The format of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// The first and only one.
    #[serde(rename = "attune.sim/1")]
    V1,
}

with_defaults! {
    /// Everything a simulated cluster knows. Every member has a default, so a hand-written file can be short.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct ClusterState {
        /// The format of the file.
        pub format: Format = Format::V1,
        /// The release it behaves as.
        pub release: SimRelease = SimRelease::default(),
        /// The cluster's name.
        pub name: String = "stewie".to_owned(),
        /// The cluster's id; derived from the name by default.
        pub guid: String = String::new(),
        /// The number of ids and keys created so far; the next one is derived from it.
        pub serial: u64 = 0,
        /// Whether `DELETE /s3` deleted the S3 cluster.
        pub s3_deleted: bool = false,
        /// The identity provider for S3 (from 5.1).
        #[serde(skip_serializing_if = "Option::is_none")]
        pub identity_provider: Option<IdentityProvider> = None,
        /// How it behaves where clusters differ.
        pub switches: Switches = Switches::default(),
        /// The limits of the cluster.
        pub limits: Limits = Limits::default(),
        /// The tenants by name.
        pub tenants: BTreeMap<String, Tenant> = BTreeMap::new(),
        /// The predefined policies, built into the release.
        #[serde(skip)]
        pub predefined: BTreeMap<String, StoredDocument> = BTreeMap::new(),
    }
}

/// The configuration of an identity provider, which maps the values of a claim to policies by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityProvider {
    /// The address of its OpenID configuration.
    pub config_url: String,
    /// The claim.
    #[serde(default)]
    pub claim_name: String,
}

/// A tenant ("organization" before 5.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tenant {
    /// Its id: 0 for `Root`; the next free one by default.
    pub id: Option<u32>,
    /// The users by name.
    pub users: BTreeMap<String, User>,
    /// The policies by name, without the predefined ones.
    pub policies: BTreeMap<String, Policy>,
    /// The groups by name (from 6.0), each with its policy.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Option<String>>,
    /// The buckets by name, which is unique in the cluster.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub buckets: BTreeMap<String, Bucket>,
}

/// A policy of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its document.
    pub document: StoredDocument,
}

with_defaults! {
    /// A user of a tenant.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct User {
        /// Its id; derived from tenant and name by default.
        pub uid: String = String::new(),
        /// Its role.
        pub role: Role = Role::S3,
        /// `Internal`, or the directory it was imported from.
        pub source: String = INTERNAL.to_owned(),
        /// Its password; without one nobody can log in as this user.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub password: Option<String> = None,
        /// The POSIX user id of its S3 files.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub posix_uid: Option<u32> = None,
        /// The POSIX group id of its S3 files.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub posix_gid: Option<u32> = None,
        /// The name of its policy, which may no longer exist.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub policy: Option<String> = None,
        /// Its S3 key pair, from 5.1.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub keys: Option<Keys> = None,
        /// Its service accounts by their access keys, from 4.0.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub service_accounts: BTreeMap<String, ServiceAccount> = BTreeMap::new(),
    }
}

/// A service account of a user: a further key pair, whose policy can only narrow the user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccount {
    /// The secret key.
    pub secret_key: String,
    /// Its own policy; `None` for that of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<StoredDocument>,
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

impl User {
    /// Whether it can have a policy: a local user with the role `S3`, or any user from a directory.
    pub fn can_have_policy(&self) -> bool {
        self.role == Role::S3 || !self.is_local()
    }

    /// Its access key and secret key. Before 5.1, these are its name and its password.
    pub(crate) fn key_pair<'u>(&'u self, state: &ClusterState, name: &'u str) -> Option<(&'u str, &'u str)> {
        if state.behaviour().own_key_pairs {
            return self.keys.as_ref().map(|keys| (keys.access_key.as_str(), keys.secret_key.as_str()));
        }
        self.password.as_deref().map(|password| (name, password))
    }

    /// Whether it is a user of the cluster itself, not of a directory.
    pub fn is_local(&self) -> bool {
        self.source == INTERNAL
    }
}

impl ClusterState {
    pub(crate) fn behaviour(&self) -> &'static Behaviour {
        self.release.behaviour()
    }

    /// The next number to derive an id or a key from.
    pub fn next_serial(&mut self) -> String {
        self.serial += 1;
        self.serial.to_string()
    }

    /// This state with a name, unless it has one of its own or an id. Several clusters get different ids so.
    pub(crate) fn named(mut self, name: &str) -> Self {
        if self.guid.is_empty() && self.name == Self::default().name {
            name.clone_into(&mut self.name);
        }
        self
    }

    /// Fills in the defaults, and refuses an impossible state.
    ///
    /// # Errors
    /// The state describes an impossible cluster.
    pub fn complete(mut self) -> Result<Self, SimError> {
        if self.guid.is_empty() {
            self.guid = ids::uuid(&["cluster", &self.name]);
        }
        self.load_predefined()?;
        let root = self.tenants.entry(ROOT.to_owned()).or_default();
        if root.id.is_some_and(|id| id != 0) {
            return Err(SimError(format!("the tenant `{ROOT}` has the id 0 on every cluster")));
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

    fn load_predefined(&mut self) -> Result<(), SimError> {
        self.predefined.clear();
        for (name, text) in self.behaviour().predefined {
            let document =
                StoredDocument::parse(text).map_err(|error| SimError(format!("policy `{name}`: {error}")))?;
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

    fn check(&self) -> Result<(), SimError> {
        let mut tenant_ids = BTreeSet::new();
        let mut uids = BTreeSet::new();
        let mut access_keys = BTreeSet::new();
        let mut buckets = BTreeSet::new();
        for (tenant_name, tenant) in &self.tenants {
            if !tenant_ids.insert(tenant.id) {
                return Err(SimError(format!("the id of the tenant `{tenant_name}` is taken by another tenant")));
            }
            if let Some(name) = tenant.policies.keys().find(|name| self.predefined.contains_key(*name)) {
                return Err(SimError(format!("the policy `{name}` is predefined; leave it out of `{tenant_name}`")));
            }
            if let Some(name) = tenant.buckets.keys().find(|name| !buckets.insert(*name)) {
                return Err(SimError(format!(
                    "the bucket `{name}` is in two tenants; its name is unique in a cluster"
                )));
            }
            for (name, user) in &tenant.users {
                if !uids.insert(&user.uid) {
                    return Err(SimError(format!("the `uid` of the user `{name}` is taken by another user")));
                }
                if user.keys.as_ref().is_some_and(|keys| !access_keys.insert(&keys.access_key)) {
                    return Err(SimError(format!("the `access_key` of the user `{name}` is another user's")));
                }
            }
        }
        Ok(())
    }

    /// The document that gives a user access: the one of its policy, if the policy exists and S3 is not deleted. With the switch
    /// `comma = "list"`, a name may be a list of policies: then it is all of their documents, a line for each.
    pub fn access_of(&self, tenant: &str, user: &str) -> Option<Cow<'_, str>> {
        let tenant = self.tenants.get(tenant)?;
        self.document_of(tenant, tenant.users.get(user)?.policy.as_ref()?)
    }

    /// The document that gives the members of a group access.
    pub fn access_of_group(&self, tenant: &str, group: &str) -> Option<Cow<'_, str>> {
        let tenant = self.tenants.get(tenant)?;
        self.document_of(tenant, tenant.groups.get(group)?.as_ref()?)
    }

    fn document_of<'a>(&'a self, tenant: &'a Tenant, attached: &str) -> Option<Cow<'a, str>> {
        if self.s3_deleted {
            return None;
        }
        let document = |name: &str| {
            let own = tenant.policies.get(name).map(|policy| &policy.document);
            own.or_else(|| self.predefined.get(name)).map(StoredDocument::as_str)
        };
        let documents: Vec<&str> = self.switches.comma.names(attached).into_iter().filter_map(document).collect();
        match documents.as_slice() {
            [] => None,
            [only] => Some(Cow::Borrowed(*only)),
            several => Some(Cow::Owned(several.join("\n"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::switches::CommaInName;

    fn read(text: &str) -> Result<ClusterState, String> {
        let state: ClusterState = serde_json::from_str(text).map_err(|error| error.to_string())?;
        state.complete().map_err(|problem| problem.to_string())
    }

    #[test]
    fn an_empty_file_is_a_fresh_cluster() {
        let state = read("{}").unwrap();
        assert_eq!(state, ClusterState::default().complete().unwrap());
        let root = &state.tenants[ROOT];
        assert_eq!(root.id, Some(0));
        assert_eq!(root.users["admin"].password.as_deref(), Some("admin"));
        assert_eq!(root.users["admin"].uid.len(), 36);
        assert!(state.predefined.keys().eq(["readonly", "readwrite", "writeonly"]));
    }

    #[test]
    fn a_state_reads_back_as_it_was_written() {
        let text = r#"{"format":"attune.sim/1","release":"4.4","tenants":{"Root":{"users":{"alice":{"policy":"ml"}},
            "policies":{"ml":{"document":{ "b": 1.50, "a": [] }}},"buckets":{"data":{"policy":"public","hard_limit_bytes":7},"own":{"policy":{ "b": 1.50 }}}},"x":{},"y":{"id":1}}}"#;
        let state = read(text).unwrap();
        assert_eq!(state.tenants["x"].id, Some(2));
        assert_eq!(state.tenants[ROOT].policies["ml"].document.as_str(), r#"{"b":1.50,"a":[]}"#);
        let again = read(&serde_json::to_string_pretty(&state).unwrap()).unwrap();
        assert_eq!(again, state);
    }

    #[test]
    fn an_impossible_state_is_refused() {
        for (text, part) in [
            (r#"{"colour":1}"#, "unknown field `colour`"),
            (r#"{"format":"attune.sim/9"}"#, "attune.sim/1"),
            (r#"{"release":"6.1"}"#, "does not know the release `6.1`"),
            (r#"{"tenants":{"Root":{"id":4}}}"#, "id 0"),
            (r#"{"tenants":{"a":{"id":1},"b":{"id":1}}}"#, "id of the tenant `b`"),
            (r#"{"tenants":{"Root":{"policies":{"readonly":{"document":{}}}}}}"#, "predefined"),
            (r#"{"tenants":{"Root":{"buckets":{"data":{}}},"a":{"buckets":{"data":{}}}}}"#, "in two tenants"),
            (r#"{"tenants":{"Root":{"buckets":{"data":{"policy":"open"}}}}}"#, "none of None"),
            (r#"{"tenants":{"Root":{"users":{"a":{"uid":"1"},"b":{"uid":"1"}}}}}"#, "`uid` of the user `b`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn access_needs_a_policy_that_exists() {
        let text = r#"{"tenants":{"Root":{"policies":{"ml":{"document":{"a":1}}},
            "users":{"alice":{"policy":"ml"},"bob":{},"carol":{"policy":"readonly"},"dave":{"policy":"gone"}},"groups":{"etl":"ml","idle":null}}}}"#;
        let mut state = serde_json::from_str::<ClusterState>(text).unwrap().complete().unwrap();
        assert_eq!(state.access_of("Root", "alice").as_deref(), Some(r#"{"a":1}"#));
        assert!(state.access_of("Root", "carol").unwrap().contains("s3:GetObject"));
        for (tenant, user) in [("Root", "bob"), ("Root", "dave"), ("Root", "nobody"), ("etl", "alice")] {
            assert_eq!(state.access_of(tenant, user), None, "{tenant} {user}");
        }
        assert_eq!(state.access_of_group("Root", "etl").as_deref(), Some(r#"{"a":1}"#));
        assert_eq!((state.access_of_group("Root", "idle"), state.access_of_group("Root", "bob")), (None, None));
        state.tenants.get_mut("Root").unwrap().users.get_mut("bob").unwrap().policy = Some("ml,gone,ml".to_owned());
        assert_eq!(state.access_of("Root", "bob"), None);
        state.switches.comma = CommaInName::List;
        assert_eq!(state.access_of("Root", "bob").as_deref(), Some("{\"a\":1}\n{\"a\":1}"));
        state.s3_deleted = true;
        assert_eq!(state.access_of_group("Root", "etl"), None);
        assert_eq!(state.access_of("Root", "alice"), None);
    }
}
