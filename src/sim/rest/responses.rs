//! Responses: a status and a JSON body, in the shapes that the definitions and the switches say.

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Number, Value, json};

use crate::sim::document::StoredDocument;
use crate::sim::http::HttpResponse;
use crate::sim::ids;
use crate::sim::operations::users::{Listed, UserRef};
use crate::sim::operations::{Caller, Refusal, service_accounts, sts, users};
use crate::sim::release::Behaviour;
use crate::sim::rest::tokens::IssuedTokens;
use crate::sim::state::{ClusterState, Keys, Tenant};
use crate::sim::switches::{AttachAnswer, ListShape, NoProvider, Switches};

pub(super) fn respond(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse { status, content_type: "application/json; charset=utf-8", headers: Vec::new(), body }
}

pub(super) fn bare(body: &impl Serialize) -> HttpResponse {
    match serde_json::to_string(body) {
        Ok(body) => respond(StatusCode::OK, body),
        Err(error) => Refusal::Broken(error.to_string()).into(),
    }
}

pub(super) fn data(data: impl Serialize) -> HttpResponse {
    #[derive(Serialize)]
    struct Envelope<T> {
        data: T,
    }
    bare(&Envelope { data })
}

pub(super) fn done() -> HttpResponse {
    data(())
}

/// The same with numbers such as `300.0`, except in documents and definitions.
pub(super) fn with_floats(response: HttpResponse) -> HttpResponse {
    let Ok(mut value) = serde_json::from_str::<Value>(&response.body) else { return response };
    as_floats(&mut value);
    HttpResponse { body: value.to_string(), ..response }
}

impl From<Refusal> for HttpResponse {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.message();
        let (status, body) = match refusal {
            Refusal::Unauthorized => (StatusCode::UNAUTHORIZED, json!({ "data": message })),
            Refusal::Missing(params) => {
                (StatusCode::BAD_REQUEST, json!({ "message": message, "data": { "missing_params": params } }))
            }
            Refusal::Invalid { param, .. } => {
                let mut data = Map::new();
                data.extend(param.map(|param| ("param".to_owned(), Value::from(param))));
                data.insert("error".to_owned(), Value::from(message.clone()));
                (StatusCode::BAD_REQUEST, json!({ "message": message, "data": data }))
            }
            Refusal::Unknown(params) => {
                (StatusCode::BAD_REQUEST, json!({ "message": message, "data": { "unknown_params": params } }))
            }
            Refusal::LockedOut(_) => (StatusCode::FORBIDDEN, json!({ "data": message })),
            Refusal::Forbidden(_) => (StatusCode::FORBIDDEN, json!({ "message": message })),
            Refusal::NotFound(_) => (StatusCode::NOT_FOUND, json!({ "message": message })),
            Refusal::WrongMethod(_) => (StatusCode::METHOD_NOT_ALLOWED, json!({ "message": message })),
            Refusal::Present(_) | Refusal::Broken(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, json!({ "message": message }))
            }
        };
        respond(status, body.to_string())
    }
}

fn as_floats(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().and_then(Number::from_f64) {
                *number = float;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(as_floats),
        Value::Object(members) => {
            let members =
                members.iter_mut().filter(|(name, _)| !["content", "paths", "policy"].contains(&name.as_str()));
            members.for_each(|(_, value)| as_floats(value));
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

pub(super) fn tokens(issued: &IssuedTokens, state: &ClusterState) -> HttpResponse {
    let mut tokens = json!({
        "access_token": issued.access,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "refresh_token": issued.refresh,
    });
    if state.behaviour().login_has_password_change {
        tokens["password_change_required"] = Value::Bool(false);
    }
    if state.switches.login_in_array { data([tokens]) } else { data(tokens) }
}

/// The cluster: the members of the definitions that identify it and show its health.
pub(super) fn cluster(state: &ClusterState) -> HttpResponse {
    let counts = json!({ "active": 7, "total": 7 });
    data(json!({
        "name": state.name,
        "guid": state.guid,
        "release": state.release.as_str(),
        "release_hash": ids::uuid(&["release", state.release.as_str()]).replace('-', ""),
        "status": "OK",
        "io_status": "STARTED",
        "init_stage": "INITIALIZED",
        "is_cluster": true,
        "upgrade": "",
        "active_alerts_count": 0,
        "hot_spare": 1,
        "stripe_data_drives": 5,
        "stripe_protection_drives": 2,
        "drives": counts,
        "io_nodes": counts,
        "hosts": {
            "total_count": 7,
            "active_count": 7,
            "backends": counts,
            "clients": { "active": 0, "total": 0 },
        },
        "capacity": {
            "total_bytes": 1_829_454_741_504_u64,
            "hot_spare_bytes": 305_009_786_880_u64,
            "unprovisioned_bytes": 0,
        },
        "net": { "link_layer": "ETH" },
    }))
}

/// The S3 cluster. The definitions do not have the shape of this response.
pub(super) fn s3() -> HttpResponse {
    data(json!({ "active": true, "port": 9000, "domain": "", "all_hosts": true }))
}

pub(super) fn who_am_i(state: &ClusterState, caller: &Caller) -> Result<HttpResponse, Refusal> {
    let (behaviour, account) = (state.behaviour(), caller.account(state)?);
    let mut user = json!({
        "org_id": caller.tenant(state)?.id,
        "org_name": caller.tenant,
        "username": caller.user,
        "source": account.source,
        "role": account.role.name(behaviour),
    });
    if behaviour.whoami_has_uid {
        user["uid"] = Value::from(account.uid.as_str());
    }
    Ok(data(user))
}

pub(super) fn tenant(state: &ClusterState, name: &str, tenant: &Tenant) -> Value {
    let mut tenant_json = json!({
        "uid": users::tenant_uid(state, name),
        "id": tenant.id,
        "name": name,
        "ssd_allocated": 0,
        "ssd_quota": 0,
        "total_allocated": 0,
        "total_quota": 0,
    });
    if state.behaviour().security_policies {
        tenant_json["security_policies"] = json!([]);
    }
    if state.behaviour().tenants {
        tenant_json["enforce_fs_auth"] = Value::Bool(false);
        tenant_json["enforce_mount_netspace_access"] = Value::Bool(false);
        tenant_json["network_spaces"] = json!([]);
    }
    tenant_json
}

pub(super) fn users(state: &ClusterState, users: &[Listed<'_>]) -> HttpResponse {
    data(users.iter().map(|listed| user_record(state.behaviour(), listed)).collect::<Vec<_>>())
}

pub(super) fn user(state: &ClusterState, user_ref: UserRef) -> HttpResponse {
    data(user_ref.listed(state).as_ref().map(|listed| user_record(state.behaviour(), listed)))
}

#[derive(Serialize)]
struct UserRecord<'s> {
    uid: &'s str,
    org_id: Option<u32>,
    source: &'s str,
    username: &'s str,
    role: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    posix_uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    posix_gid: Option<u32>,
    // Whether a cluster omits this member for a user without a policy is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'s str>,
}

fn user_record<'s>(behaviour: &Behaviour, listed: &'s Listed<'_>) -> UserRecord<'s> {
    let user = &listed.user;
    UserRecord {
        uid: &user.uid,
        org_id: listed.tenant.id,
        source: &user.source,
        username: listed.name,
        role: user.role.name(behaviour),
        posix_uid: user.posix_uid.filter(|_| behaviour.users_have_posix),
        posix_gid: user.posix_gid.filter(|_| behaviour.users_have_posix),
        policy: user.policy.as_deref().filter(|_| behaviour.users_have_policy),
    }
}

pub(super) fn policies(names: &[String], shape: ListShape) -> HttpResponse {
    let objects = || names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>();
    match shape {
        ListShape::Names => data(json!({ "policies": names })),
        ListShape::Objects => data(json!({ "policies": objects() })),
        ListShape::BareNames => data(names),
        ListShape::BareObjects => data(objects()),
    }
}

pub(super) fn policy(name: &str, document: &StoredDocument, as_string: bool) -> HttpResponse {
    let content = if as_string { Value::from(document.as_str()).to_string() } else { document.as_str().to_owned() };
    let body = format!(r#"{{"data":{{"policy":{{"name":{},"content":{content}}}}}}}"#, Value::from(name));
    HttpResponse { body, ..done() }
}

pub(super) fn no_provider(answer: NoProvider) -> Result<HttpResponse, Refusal> {
    Ok(match answer {
        NoProvider::Null => done(),
        NoProvider::Empty => data(json!({})),
        NoProvider::EmptyTexts => data(json!({ "config_url": "", "claim_name": "" })),
        NoProvider::NotFound => return Err(Refusal::NotFound("OIDC is not configured".to_owned())),
        NoProvider::Unknown => data(json!({ "state": "off" })),
    })
}

/// The access keys of service accounts, without `data` as in the definitions.
pub(super) fn service_accounts(access_keys: &[String]) -> HttpResponse {
    let accounts: Vec<Value> = access_keys.iter().map(|key| json!({ "access_key": key })).collect();
    bare(&json!({ "service_accounts": accounts }))
}

pub(super) fn service_account(of: &service_accounts::Shown) -> HttpResponse {
    bare(&json!({ "parent_user": of.parent, "implied_policy": of.implied, "policy": of.policy }))
}

/// A new key pair, without `data` as in the definition of service accounts.
pub(super) fn pair(Keys { access_key, secret_key }: &Keys) -> HttpResponse {
    bare(&json!({ "access_key": access_key, "secret_key": secret_key }))
}

/// The policy of each user: under `data` as a public client reads it, or bare as in the definition.
pub(super) fn user_policies(attached: &impl Serialize, is_bare: bool) -> HttpResponse {
    let users = json!({ "users": attached });
    if is_bare { bare(&users) } else { data(users) }
}

pub(super) fn attached(keys: Option<&Keys>, switches: &Switches) -> HttpResponse {
    let shown = keys.filter(|_| switches.attach_shows_keys);
    shown.map_or_else(done, |keys| key_pair(keys, switches.attach_answer))
}

pub(super) fn reset(keys: &Keys, switches: &Switches) -> HttpResponse {
    key_pair(keys, switches.reset_answer)
}

fn key_pair(Keys { access_key, secret_key }: &Keys, shape: AttachAnswer) -> HttpResponse {
    let text = || format!("Access-Key: {access_key}\nSecret-Key: {secret_key}\n");
    match shape {
        AttachAnswer::Snake => data(json!({ "access_key": access_key, "secret_key": secret_key })),
        AttachAnswer::Camel => data(json!({ "accessKey": access_key, "secretKey": secret_key })),
        AttachAnswer::Ids => data(json!({ "access_key_id": access_key, "secret_access_key": secret_key })),
        AttachAnswer::Deep => {
            data(json!({ "credentials": [{ "s3": { "accessKey": access_key, "secretKey": secret_key } }] }))
        }
        AttachAnswer::Text => data(text()),
        AttachAnswer::Body => HttpResponse { body: text(), ..done() },
        AttachAnswer::Unknown => data(json!({ "id": access_key, "value": secret_key })),
        AttachAnswer::Message => data(json!({ "message": "Done." })),
        AttachAnswer::Nothing => done(),
    }
}

/// Temporary credentials: bare as in the definition, or under `data`.
pub(super) fn credentials(credentials: &sts::TemporaryCredentials, in_data: bool) -> HttpResponse {
    let body = json!({
        "access_key": credentials.access_key,
        "secret_key": credentials.secret_key,
        "session_token": credentials.session_token,
    });
    if in_data { data(body) } else { bare(&body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_the_shapes_of_the_definition() {
        let text = || "x".to_owned();
        for (refusal, status, body) in [
            (Refusal::Unauthorized, 401, r#"{"data":"Unauthorized"}"#),
            (
                Refusal::Missing(vec!["a".to_owned()]),
                400,
                r#"{"data":{"missing_params":["a"]},"message":"missing parameters: a"}"#,
            ),
            (
                Refusal::Unknown(vec!["a".to_owned()]),
                400,
                r#"{"data":{"unknown_params":["a"]},"message":"Invalid params"}"#,
            ),
            (
                Refusal::LockedOut(115),
                403,
                r#"{"data":"Authentication Failed. User has been locked out for another 1m55s due to too many login attempts"}"#,
            ),
            (Refusal::Present(text()), 500, r#"{"message":"x is already present in the list"}"#),
            (Refusal::param("p", "bad"), 400, r#"{"data":{"error":"bad","param":"p"},"message":"bad"}"#),
            (Refusal::invalid("bad"), 400, r#"{"data":{"error":"bad"},"message":"bad"}"#),
            (Refusal::Forbidden(text()), 403, r#"{"message":"x"}"#),
            (Refusal::NotFound(text()), 404, r#"{"message":"x"}"#),
            (Refusal::WrongMethod(text()), 405, r#"{"message":"x"}"#),
            (Refusal::Broken(text()), 500, r#"{"message":"x"}"#),
        ] {
            let answer = HttpResponse::from(refusal);
            assert_eq!((answer.status.as_u16(), answer.body.as_str()), (status, body));
        }
        assert_eq!(done().body, r#"{"data":null}"#);
    }
}
