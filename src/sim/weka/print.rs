//! What the commands print: JSON in the dialect of the release, or words.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sim::document::Document;
use crate::sim::release::Behaviour;
use crate::sim::rules::sts::Credentials;
use crate::sim::rules::users::Place;
use crate::sim::rules::{Caller, Refusal};
use crate::sim::state::{Keys, Role, State, Tenant};
use crate::sim::switches::Lists;

/// What is printed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shown {
    /// Members, as JSON or in words: a line for each. How a release lays out its words is not simulated.
    Members(Value),
    /// A text.
    Text(String),
}

impl Shown {
    /// The text that is printed.
    pub(super) fn as_text(&self, as_json: bool) -> String {
        match self {
            Self::Members(Value::Null) => String::new(),
            Self::Members(value) if as_json => format!("{value}\n"),
            Self::Members(value) => words(value),
            Self::Text(text) => format!("{text}\n"),
        }
    }
}

fn words(value: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match value {
        Value::Array(items) => items.iter().map(words).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| format!("{name}: {}\n", plain(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => format!("{}\n", plain(value)),
    }
}

pub(super) fn nothing() -> Shown {
    Shown::Members(Value::Null)
}

pub(super) fn status(state: &State) -> Shown {
    Shown::Members(json!({ "name": state.name, "guid": state.guid, "release": state.release.as_str(), "status": "OK" }))
}

pub(super) fn version(state: &State) -> Shown {
    Shown::Text(state.release.as_str().to_owned())
}

pub(super) fn who_am_i(state: &State, caller: &Caller) -> Result<Shown, Refusal> {
    let (account, tenant) = (caller.account(state)?, caller.tenant(state)?);
    let behaviour = state.behaviour();
    let mut row = json!({ "username": caller.user, "role": account.role.name(behaviour), "source": account.source });
    // That releases which do not tell over REST do not tell here is assumed.
    if behaviour.whoami_tells_uid {
        row["uid"] = user_id(behaviour, tenant, &caller.user);
    }
    if behaviour.wekactl {
        row["tenantId"] = tenant_id(behaviour, tenant);
        row["tenant"] = caller.tenant.as_str().into();
        return Ok(Shown::Members(row));
    }
    row["org_id"] = tenant_id(behaviour, tenant);
    row["org_name"] = caller.tenant.as_str().into();
    Ok(Shown::Members(json!([row])))
}

pub(super) fn users(state: &State, places: &[Place]) -> Shown {
    let behaviour = state.behaviour();
    let row = |place: &Place| {
        let tenant = state.tenants.get(&place.tenant)?;
        let user = tenant.users.get(&place.user)?;
        let policy = user.policy.as_deref().unwrap_or_default();
        let mut row = json!({
            "uid": user_id(behaviour, tenant, &place.user), "username": place.user, "role": user.role.name(behaviour),
            "source": user.source, "posix_uid": user.posix_uid, "posix_gid": user.posix_gid,
        });
        if behaviour.wekactl {
            row["tenantId"] = tenant_id(behaviour, tenant);
            row["tenant"] = place.tenant.as_str().into();
            row["s3policy"] = policy.into();
        } else {
            row["org_id"] = tenant_id(behaviour, tenant);
            // That releases which do not tell over REST do not tell here is assumed.
            if behaviour.user_policies {
                row["s3_policy"] = policy.into();
            }
        }
        Some(row)
    };
    let twice = state.switches.lists == Lists::UsersTwice;
    let records = |place| {
        let shown = row(place)?;
        let mut another = (twice && shown["role"] == Role::S3.name(behaviour)).then(|| shown.clone());
        if let Some(another) = &mut another {
            another["source"] = "LDAP".into();
            another[if behaviour.wekactl { "s3policy" } else { "s3_policy" }] = "".into();
        }
        Some([Some(shown), another])
    };
    Shown::Members(places.iter().filter_map(records).flatten().flatten().collect())
}

/// A user's id: its place in its tenant, from 1. A number on 6.0, and a text such as `UserId<3>` before.
fn user_id(behaviour: &Behaviour, tenant: &Tenant, user: &str) -> Value {
    let number = tenant.users.keys().take_while(|name| name.as_str() <= user).count();
    if behaviour.wekactl { number.into() } else { format!("UserId<{number}>").into() }
}

/// A tenant's id: a number on 6.0, and a text such as `OrgId<0>` before.
fn tenant_id(behaviour: &Behaviour, tenant: &Tenant) -> Value {
    let number = tenant.id.unwrap_or_default();
    if behaviour.wekactl { number.into() } else { format!("OrgId<{number}>").into() }
}

pub(super) fn policies(names: &[String]) -> Shown {
    Shown::Members(names.iter().map(|name| json!({ "name": name })).collect())
}

pub(super) fn groups(held: &BTreeMap<String, String>) -> Shown {
    Shown::Members(held.iter().map(|(name, policy)| json!({ "name": name, "policy": policy })).collect())
}

/// The document is printed as it was sent, member for member.
pub(super) fn policy(state: &State, name: &str, document: &Document) -> Shown {
    let shown = format!(r#"{{"name":{},"content":{}}}"#, Value::from(name), document.as_str());
    Shown::Text(if state.behaviour().wekactl { shown } else { format!("[{shown}]") })
}

/// A key pair where one was made, this one time.
pub(super) fn keys(made: Option<&Keys>) -> Shown {
    Shown::Members(
        made.map_or(Value::Null, |keys| json!({ "access_key": keys.access_key, "secret_key": keys.secret_key })),
    )
}

pub(super) fn credentials(given: &Credentials) -> Shown {
    Shown::Members(json!({
        "access_key_id": given.access_key,
        "secret_access_key": given.secret_key,
        "session_token": given.session_token,
    }))
}
