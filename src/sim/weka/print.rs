//! What the commands print: JSON in the dialect of the release, or words.

use serde_json::{Value, json};

use crate::sim::document::Document;
use crate::sim::rules::sts::Credentials;
use crate::sim::rules::users::Place;
use crate::sim::rules::{Caller, Refusal};
use crate::sim::state::{Keys, State};

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
    let account = caller.account(state)?;
    let id = caller.tenant(state)?.id.unwrap_or_default();
    let role = account.role.name(state.behaviour());
    Ok(Shown::Members(if state.behaviour().wekactl {
        json!({ "username": caller.user, "role": role, "source": account.source, "tenantId": id, "tenant": caller.tenant })
    } else {
        json!([{
            "username": caller.user, "role": role, "source": account.source,
            "org_id": id, "org_name": caller.tenant,
        }])
    }))
}

pub(super) fn users(state: &State, places: &[Place]) -> Shown {
    let behaviour = state.behaviour();
    let row = |place: &Place| {
        let tenant = state.tenants.get(&place.tenant)?;
        let (user, id) = (tenant.users.get(&place.user)?, tenant.id.unwrap_or_default());
        let policy = user.policy.as_deref().unwrap_or_default();
        let mut row = json!({
            "uid": user.uid, "username": place.user, "role": user.role.name(behaviour), "source": user.source,
            "posix_uid": user.posix_uid, "posix_gid": user.posix_gid,
        });
        if behaviour.wekactl {
            row["tenantId"] = id.into();
            row["tenant"] = place.tenant.as_str().into();
            row["s3policy"] = policy.into();
        } else {
            row["org_id"] = format!("OrgId<{id}>").into();
            // That releases which do not tell over REST do not tell here is assumed.
            if behaviour.user_policies {
                row["s3_policy"] = policy.into();
            }
        }
        Some(row)
    };
    Shown::Members(places.iter().filter_map(row).collect())
}

pub(super) fn policies(names: &[String]) -> Shown {
    Shown::Members(names.iter().map(|name| json!({ "name": name })).collect())
}

pub(super) fn groups(state: &State, caller: &Caller) -> Result<Shown, Refusal> {
    caller.may_look()?;
    let groups = caller.tenant(state)?.groups.iter();
    Ok(Shown::Members(groups.map(|(name, policy)| json!({ "name": name, "policy": policy })).collect()))
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
