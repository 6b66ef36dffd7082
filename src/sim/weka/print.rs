//! The output of the commands: JSON in the dialect of the release, or text.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::sim::document::StoredDocument;
use crate::sim::operations::sts::TemporaryCredentials;
use crate::sim::operations::users::Listed;
use crate::sim::operations::{Caller, Refusal};
use crate::sim::release::Behaviour;
use crate::sim::state::{ClusterState, Keys, Tenant};
use crate::sim::switches::{CommandShape, ListShape};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Printout {
    /// Members, as JSON or as text with a line for each. The text layout of a release is not simulated.
    Members(Value),
    /// Rows as text, and other JSON.
    Rows {
        rows: Vec<Value>,
        json: Value,
    },
    Text(String),
}

impl Printout {
    pub(super) fn as_text(&self, as_json: bool) -> String {
        match self {
            Self::Members(Value::Null) => String::new(),
            Self::Members(value) if as_json => format!("{value}\n"),
            Self::Members(value) => as_lines(value),
            Self::Rows { json, .. } if as_json => format!("{json}\n"),
            Self::Rows { rows, .. } => rows.iter().map(as_lines).collect(),
            Self::Text(text) => format!("{text}\n"),
        }
    }
}

fn as_lines(value: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Array(items) => items.iter().map(as_lines).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| format!("{name}: {}\n", plain(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => format!("{}\n", plain(value)),
    }
}

impl From<()> for Printout {
    fn from((): ()) -> Self {
        Self::Members(Value::Null)
    }
}

pub(super) fn status(state: &ClusterState) -> Printout {
    let time = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
    Printout::Members(json!({
        "name": state.name, "guid": state.guid, "release": state.release.as_str(), "status": "OK",
        "time": { "cluster_time": time, "allowed_clock_skew_secs": 60, "cluster_local_utc_offset": "+00:00" },
    }))
}

pub(super) fn version(state: &ClusterState) -> Printout {
    Printout::Text(state.release.as_str().to_owned())
}

pub(super) fn who_am_i(state: &ClusterState, caller: &Caller) -> Result<Printout, Refusal> {
    let (account, tenant) = (caller.account(state)?, caller.tenant(state)?);
    let behaviour = state.behaviour();
    let mut row = json!({ "username": caller.user, "role": account.role.name(behaviour), "source": account.source });
    // Assumed: the command shows this only on releases whose REST API does.
    if behaviour.whoami_has_uid {
        row["uid"] = user_id(behaviour, tenant, &caller.user);
    }
    if behaviour.wekactl {
        row["tenantId"] = tenant_id(behaviour, tenant);
        row["tenant"] = caller.tenant.as_str().into();
        return Ok(Printout::Members(row));
    }
    row["org_id"] = tenant_id(behaviour, tenant);
    row["org_name"] = caller.tenant.as_str().into();
    Ok(Printout::Members(json!([row])))
}

pub(super) fn users(state: &ClusterState, users: &[Listed<'_>]) -> Printout {
    let behaviour = state.behaviour();
    let row = |Listed { tenant_name, tenant, name, user }: &Listed<'_>| {
        let policy = user.policy.as_deref().unwrap_or_default();
        let mut row = json!({
            "uid": user_id(behaviour, tenant, name), "username": name, "role": user.role.name(behaviour),
            "source": user.source, "posix_uid": user.posix_uid, "posix_gid": user.posix_gid,
        });
        if behaviour.wekactl {
            row["tenantId"] = tenant_id(behaviour, tenant);
            row["tenant"] = (*tenant_name).into();
            row["s3policy"] = policy.into();
        } else {
            row["org_id"] = tenant_id(behaviour, tenant);
            // Assumed: the command shows this only on releases whose REST API does.
            if behaviour.user_policies {
                row["s3_policy"] = policy.into();
            }
        }
        row
    };
    Printout::Members(users.iter().map(row).collect())
}

/// A user's id: its position in its tenant, from 1. A number on 6.0, before that a text such as `UserId<3>`.
fn user_id(behaviour: &Behaviour, tenant: &Tenant, user: &str) -> Value {
    let number = tenant.users.keys().take_while(|name| name.as_str() <= user).count();
    if behaviour.wekactl { number.into() } else { format!("UserId<{number}>").into() }
}

/// A tenant's id: a number on 6.0, before that a text such as `OrgId<0>`.
fn tenant_id(behaviour: &Behaviour, tenant: &Tenant) -> Value {
    let number = tenant.id.unwrap_or_default();
    if behaviour.wekactl { number.into() } else { format!("OrgId<{number}>").into() }
}

pub(super) fn policies(state: &ClusterState, names: &[String]) -> Printout {
    let rows: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    let json = match (state.switches.command_shape, state.switches.list_shape) {
        (CommandShape::Table | CommandShape::Bare, _) | (CommandShape::Raw, ListShape::BareObjects) => json!(rows),
        (CommandShape::Raw, ListShape::Names) => json!({ "policies": names }),
        (CommandShape::Raw, ListShape::Objects) => json!({ "policies": rows }),
        (CommandShape::Raw, ListShape::BareNames) => json!(names),
    };
    Printout::Rows { rows, json }
}

pub(super) fn groups(attached: &BTreeMap<String, String>) -> Printout {
    Printout::Members(attached.iter().map(|(name, policy)| json!({ "name": name, "policy": policy })).collect())
}

/// The document is printed as it was sent.
pub(super) fn policy(state: &ClusterState, name: &str, document: &StoredDocument) -> Printout {
    let document = document.as_str();
    let content =
        if state.switches.content_as_string { Value::from(document).to_string() } else { document.to_owned() };
    let row = format!(r#"{{"name":{},"content":{content}}}"#, Value::from(name));
    Printout::Text(match state.switches.command_shape {
        CommandShape::Raw => format!(r#"{{"policy":{row}}}"#),
        CommandShape::Table if state.behaviour().wekactl => row,
        CommandShape::Table => format!("[{row}]"),
        CommandShape::Bare => document.to_owned(),
    })
}

pub(super) fn keys(keys: &Keys) -> Printout {
    Printout::Members(json!({ "access_key": keys.access_key, "secret_key": keys.secret_key }))
}

pub(super) fn credentials(given: &TemporaryCredentials) -> Printout {
    Printout::Members(json!({
        "access_key_id": given.access_key,
        "secret_access_key": given.secret_key,
        "session_token": given.session_token,
    }))
}
