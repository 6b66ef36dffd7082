//! The parts of answers that both transports read.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::Identity;
use crate::base::{PolicyName, Release, SessionKeys, UserName};

/// What an answer should hold and does not. Quotes nothing of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected(pub(super) &'static str);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClusterFacts {
    pub(super) name: String,
    pub(super) guid: String,
    pub(super) release: Release,
}

#[derive(Deserialize)]
pub(super) struct RawCluster {
    name: String,
    guid: String,
    release: String,
}

pub(super) fn cluster_facts(raw: Option<RawCluster>) -> Result<ClusterFacts, Expected> {
    let RawCluster { name, guid, release } = raw.ok_or(Expected("a cluster's name, guid and release"))?;
    let release = Release::parse(&release).ok_or(Expected("a release such as 5.1.2"))?;
    // Without an id it could be any cluster.
    if guid.is_empty() {
        return Err(Expected("a cluster's guid"));
    }
    Ok(ClusterFacts { name, guid, release })
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) role: String,
    pub(super) tenant: String,
    pub(super) tenant_id: Option<String>,
}

pub(super) fn identity(facts: ClusterFacts, login: &Login) -> Identity {
    let ClusterFacts { name, guid, release } = facts;
    let (user, role, tenant) = (UserName::reported(login.user.as_str()), login.role.clone(), login.tenant.clone());
    Identity { name, guid, release, tenant, user, role }
}

/// Whether a record with this tenant id belongs to a tenant. If one of the two is unknown, it does.
pub(super) fn same_tenant(record: Option<&str>, tenant: Option<&str>) -> bool {
    record.is_none() || tenant.is_none() || record == tenant
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Listed {
    Name(String),
    Object { name: String },
}

impl From<Listed> for PolicyName {
    fn from(listed: Listed) -> Self {
        match listed {
            Listed::Name(name) | Listed::Object { name } => Self::reported(name),
        }
    }
}

/// The policy of a user or group. An empty name is none.
pub(super) fn policy_or_none(policy: Option<String>) -> Option<PolicyName> {
    policy.filter(|name| !name.is_empty()).map(PolicyName::reported)
}

#[derive(Deserialize)]
pub(super) struct RawSessionKeys {
    #[serde(alias = "access_key_id")]
    access_key: String,
    #[serde(alias = "secret_access_key")]
    secret_key: String,
    session_token: String,
}

pub(super) fn session_keys(raw: Option<RawSessionKeys>) -> Result<SessionKeys, Expected> {
    let RawSessionKeys { access_key, secret_key, session_token } = raw.ok_or(Expected("temporary credentials"))?;
    Ok(SessionKeys { access_key, secret_key: secret_key.into(), session_token: session_token.into() })
}

/// All members of a JSON object in their order, several of one name included.
pub(super) struct Members<T>(pub(super) Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for All<T> {
            type Value = Members<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All(PhantomData))
    }
}
