//! The shapes of the answers, as the definitions and the switches have them.

use serde::Serialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::tokens::Issued;
use crate::sim::document::Document;
use crate::sim::ids;
use crate::sim::release::Behaviour;
use crate::sim::rules::users::Place;
use crate::sim::rules::{Caller, Refusal, sts, tenants};
use crate::sim::state::{Keys, Role, State, Tenant, User};
use crate::sim::switches::{AttachAnswer, ListShape, Lists, Switches};

/// A pair of tokens.
pub(super) fn tokens(issued: &Issued, behaviour: &Behaviour) -> Answer {
    let mut tokens = json!({
        "access_token": issued.access,
        "token_type": "Bearer",
        "expires_in": issued.expires_in,
        "refresh_token": issued.refresh,
    });
    if behaviour.tells_password_change {
        tokens["password_change_required"] = Value::Bool(false);
    }
    if behaviour.tokens_in_array { Answer::data([tokens]) } else { Answer::data(tokens) }
}

/// The cluster: a part of what the definitions have, enough to tell which one it is and that it is well.
pub(super) fn cluster(state: &State) -> Answer {
    let counts = json!({ "active": 7, "total": 7 });
    Answer::data(json!({
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

/// The S3 cluster. The definitions do not have the shape of this answer.
pub(super) fn s3() -> Answer {
    Answer::data(json!({ "active": true, "port": 9000, "domain": "", "all_hosts": true }))
}

/// The user that is logged in.
pub(super) fn who_am_i(state: &State, caller: &Caller) -> Result<Answer, Refusal> {
    let (behaviour, account) = (state.behaviour(), caller.account(state)?);
    let mut user = json!({
        "org_id": caller.tenant(state)?.id,
        "org_name": caller.tenant,
        "username": caller.user,
        "source": account.source,
        "role": account.role.name(behaviour),
    });
    if behaviour.whoami_tells_uid {
        user["uid"] = Value::from(account.uid.as_str());
    }
    Ok(Answer::data(user))
}

/// A tenant as the release has it.
pub(super) fn tenant(state: &State, name: &str, tenant: &Tenant) -> Value {
    let mut shown = json!({
        "uid": tenants::uid(state, name),
        "id": tenant.id,
        "name": name,
        "ssd_allocated": 0,
        "ssd_quota": 0,
        "total_allocated": 0,
        "total_quota": 0,
    });
    if state.behaviour().security_policies {
        shown["security_policies"] = json!([]);
    }
    if state.behaviour().tenants {
        shown["enforce_fs_auth"] = Value::Bool(false);
        shown["enforce_mount_netspace_access"] = Value::Bool(false);
        shown["network_spaces"] = json!([]);
    }
    shown
}

/// Some users.
pub(super) fn users(state: &State, places: &[Place]) -> Answer {
    let twice = state.switches.lists == Lists::UsersTwice;
    let records = |place| {
        let shown = shown_user(state, place)?;
        let another = (twice && shown.role == Role::S3.name(state.behaviour())).then(|| ShownUser {
            source: "LDAP",
            policy: shown.policy.map(|_| ""),
            ..shown.clone()
        });
        Some([Some(shown), another])
    };
    Answer::data(places.iter().filter_map(records).flatten().flatten().collect::<Vec<_>>())
}

/// One user.
pub(super) fn user(state: &State, place: &Place) -> Answer {
    Answer::data(shown_user(state, place))
}

#[derive(Clone, Serialize)]
struct ShownUser<'s> {
    uid: &'s str,
    org_id: Option<u32>,
    source: &'s str,
    username: &'s str,
    role: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    posix_uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    posix_gid: Option<u32>,
    // Whether a cluster leaves the member out for a user that holds nothing is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'s str>,
}

fn shown_user<'s>(state: &'s State, place: &'s Place) -> Option<ShownUser<'s>> {
    let behaviour = state.behaviour();
    let tenant = state.tenants.get(&place.tenant)?;
    let user: &User = tenant.users.get(&place.user)?;
    Some(ShownUser {
        uid: &user.uid,
        org_id: tenant.id,
        source: &user.source,
        username: &place.user,
        role: user.role.name(behaviour),
        posix_uid: user.posix_uid.filter(|_| behaviour.users_tell_posix),
        posix_gid: user.posix_gid.filter(|_| behaviour.users_tell_posix),
        policy: user.policy.as_deref().filter(|_| behaviour.users_tell_policy),
    })
}

/// The list of policies, in the shape the switch says.
pub(super) fn policies(names: &[String], shape: ListShape) -> Answer {
    let objects = || names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>();
    match shape {
        ListShape::Names => Answer::data(json!({ "policies": names })),
        ListShape::Objects => Answer::data(json!({ "policies": objects() })),
        ListShape::BareNames => Answer::data(names),
        ListShape::BareObjects => Answer::data(objects()),
    }
}

/// One policy with its document, which is sent as it was received.
pub(super) fn policy(name: &str, document: &Document, as_string: bool) -> Answer {
    #[derive(Serialize)]
    struct Shown<'p, T> {
        name: &'p str,
        content: T,
    }
    #[derive(Serialize)]
    struct Inner<T> {
        policy: T,
    }
    if as_string {
        Answer::data(Inner { policy: Shown { name, content: document.as_str() } })
    } else {
        Answer::data(Inner { policy: Shown { name, content: document } })
    }
}

/// The identity provider, where one is configured.
pub(super) fn identity_provider(configured: bool) -> Answer {
    let configuration = configured.then(|| {
        serde_json::json!({"config_url": "https://idp.example.com/.well-known/openid-configuration", "claim_name": "roles"})
    });
    Answer::data(configuration)
}

/// Who holds what: under `data` as a client was seen to read it, or bare as the definition has it.
pub(super) fn user_policies(held: &impl Serialize, bare: bool) -> Answer {
    #[derive(Serialize)]
    struct Users<'h, T> {
        users: &'h T,
    }
    if bare { Answer::body(&Users { users: held }) } else { Answer::data(Users { users: held }) }
}

/// The key pair an attach made, if it is shown.
pub(super) fn attached(keys: Option<&Keys>, switches: &Switches) -> Answer {
    let Some(Keys { access_key, secret_key }) = keys.filter(|_| switches.attach_shows_keys) else {
        return Answer::done();
    };
    let words = || format!("Access-Key: {access_key}\nSecret-Key: {secret_key}\n");
    match switches.attach_answer {
        AttachAnswer::Snake => Answer::data(json!({ "access_key": access_key, "secret_key": secret_key })),
        AttachAnswer::Camel => Answer::data(json!({ "accessKey": access_key, "secretKey": secret_key })),
        AttachAnswer::Ids => Answer::data(json!({ "access_key_id": access_key, "secret_access_key": secret_key })),
        AttachAnswer::Deep => {
            Answer::data(json!({ "credentials": [{ "s3": { "accessKey": access_key, "secretKey": secret_key } }] }))
        }
        AttachAnswer::Text => Answer::data(words()),
        AttachAnswer::Body => Answer { body: words(), ..Answer::done() },
        AttachAnswer::Unknown => Answer::data(json!({ "id": access_key, "value": secret_key })),
    }
}

/// Temporary credentials: bare as the definition has it, or under `data`.
pub(super) fn credentials(given: &sts::Credentials, in_data: bool) -> Answer {
    let body = json!({
        "access_key": given.access_key,
        "secret_key": given.secret_key,
        "session_token": given.session_token,
    });
    if in_data { Answer::data(body) } else { Answer::body(&body) }
}
