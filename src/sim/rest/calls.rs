//! The table of calls: which a cluster has, with their parameters, and what it does with each.

use std::time::Duration;

use axum::http::Method;

use crate::sim::http::HttpResponse;
use crate::sim::operations::sts::AssumeRoleRequest;
use crate::sim::operations::users::{NewUser, UserChange};
use crate::sim::operations::{
    Caller, Refusal, attachments, delete_s3, identity_provider, policies, service_accounts, sts, users,
};
use crate::sim::rest::buckets;
use crate::sim::rest::request::MemberType::{Number, Object, ObjectOrText, Text};
use crate::sim::rest::request::{BodyMember, RequestBody, Since, optional, required};
use crate::sim::rest::responses;
use crate::sim::rest::spec::{self, Answer, CallArgs, Handler, Logins, Spec, delete, get, own_definition, post, spec};
use crate::sim::state::{ClusterState, IdentityProvider, ROOT};

/// The calls of a cluster.
fn of(state: &ClusterState) -> impl Iterator<Item = &'static Spec> {
    CALLS.iter().chain(&buckets::CALLS).filter(|spec| (spec.exists)(state))
}

/// The call of a request to a cluster, and the parameter of its path.
pub(super) fn find(state: &ClusterState, method: &Method, path: &str) -> Result<(&'static Spec, String), Refusal> {
    spec::find(of(state), method, path)
}

const TENANTS: Since = |state| state.behaviour().tenants;
const EXPIRY: Since = |state| state.behaviour().refresh_takes_expiry;
const SERVICE_ACCOUNTS: Since = |state| state.behaviour().service_accounts;
const CONFIG_URL: BodyMember = optional("config_url", Text);
const CLAIM_NAME: BodyMember = optional("claim_name", Text);
const ROLE: BodyMember = optional("role", Text);
const POSIX_UID: BodyMember = optional("posix_uid", Number);
const POSIX_GID: BodyMember = optional("posix_gid", Number);

/// The calls of all releases with the members and parameters of the definitions.
pub(super) static CALLS: [Spec; 32] = [
    spec(
        "POST",
        "/login",
        Handler::LogIn(log_in),
        &[required("username", Text), required("password", Text), optional("org", Text)],
    ),
    spec(
        "POST",
        "/login/refresh",
        Handler::LogIn(refresh),
        &[
            required("refresh_token", Text),
            BodyMember { exists: EXPIRY, ..optional("access_token_expiry", Number) },
            BodyMember { exists: EXPIRY, ..optional("refresh_token_expiry", Number) },
        ],
    ),
    Spec { exists: |state| state.behaviour().own_definition, ..get("/docs/schema", definition) },
    get("/cluster", |state, _| Ok(responses::cluster(state))),
    get("/organizations", tenants),
    get("/organizations/{uid}", tenant),
    Spec { exists: TENANTS, ..get("/tenants", tenants) },
    Spec { exists: TENANTS, ..get("/tenants/{uid}", tenant) },
    Spec { query: &["org", "include_tenants"], query_exists: TENANTS, ..get("/users", users) },
    // The definition requires nothing here. Assumed: a user without a name or a password is refused.
    post(
        "/users",
        &[
            required("username", Text),
            required("password", Text),
            ROLE,
            POSIX_UID,
            POSIX_GID,
            BodyMember { exists: TENANTS, ..optional("org", Text) },
        ],
        add_user,
    ),
    get("/users/whoami", |state, call| responses::who_am_i(state, &call.caller)),
    spec("PUT", "/users/{uid}", Handler::Write(change_user), &[ROLE, POSIX_UID, POSIX_GID]),
    delete("/users/{uid}", |state, call| users::remove(state, &call.caller, call.name).map(done)),
    Spec {
        exists: |state| state.behaviour().own_key_pairs && state.switches.key_reset,
        ..post("/users/{uid}/s3/resetCredentials", &[optional("org", Text)], reset_keys)
    },
    get("/s3", |state, call| call.caller.require_s3_reader(state).map(|_| responses::s3())),
    Spec { query: &["purge_config"], ..delete("/s3", |state, call| delete_s3(state, &call.caller).map(done)) },
    Spec {
        exists: TENANTS,
        ..get("/s3/oidc", |state, call| {
            let provider = identity_provider::show(state, &call.caller)?;
            provider.map_or_else(|| responses::no_provider(state.switches.no_provider), |it| Ok(responses::data(it)))
        })
    },
    Spec {
        exists: TENANTS,
        ..post("/s3/oidc", &[required("config_url", Text), CLAIM_NAME], |state, call| {
            let claim_name = call.body.optional_text("claim_name").unwrap_or_default();
            let provider = IdentityProvider { config_url: call.body.text("config_url"), claim_name };
            identity_provider::add(state, &call.caller, provider)?;
            Ok(responses::data(&state.identity_provider))
        })
    },
    Spec { exists: TENANTS, ..spec("PUT", "/s3/oidc", Handler::Write(change_provider), &[CONFIG_URL, CLAIM_NAME]) },
    Spec {
        exists: TENANTS,
        ..delete("/s3/oidc", |state, call| identity_provider::remove(state, &call.caller).map(done))
    },
    Spec {
        exists: SERVICE_ACCOUNTS,
        ..get("/s3/serviceAccounts", |state, call| {
            Ok(responses::service_accounts(&service_accounts::list(state, &call.caller)?))
        })
    },
    Spec {
        exists: SERVICE_ACCOUNTS,
        ..post("/s3/serviceAccounts", &[optional("policy_file_content", ObjectOrText)], |state, call| {
            let document = call.body.document("policy_file_content")?;
            Ok(responses::pair(&service_accounts::add(state, &call.caller, document)?))
        })
    },
    Spec {
        exists: SERVICE_ACCOUNTS,
        ..get("/s3/serviceAccounts/{access_key}", |state, call| {
            Ok(responses::service_account(&service_accounts::show(state, &call.caller, call.name)?))
        })
    },
    Spec {
        exists: SERVICE_ACCOUNTS,
        ..delete("/s3/serviceAccounts/{access_key}", |state, call| {
            service_accounts::remove(state, &call.caller, call.name).map(done)
        })
    },
    Spec {
        exists: |state| state.behaviour().user_policies,
        ..get("/s3/userPolicies", |state, call| {
            let attached = attachments::list(state, &call.caller)?;
            Ok(responses::user_policies(&attached, state.switches.user_policies_bare))
        })
    },
    get("/s3/policies", |state, call| {
        Ok(responses::policies(&policies::list(state, &call.caller)?, state.switches.list_shape))
    }),
    post(
        "/s3/policies",
        &[
            required("policy_name", Text),
            BodyMember {
                exists: |state| state.behaviour().content_may_be_text,
                ..required("policy_file_content", ObjectOrText)
            },
            BodyMember {
                exists: |state| !state.behaviour().content_may_be_text,
                ..required("policy_file_content", Object)
            },
        ],
        add_policy,
    ),
    // A policy may have the name of one of the next calls; the method differs.
    get("/s3/policies/{policy}", |state, call| {
        let document = policies::show(state, &call.caller, call.name)?;
        Ok(responses::policy(call.name, &document, state.switches.content_as_string))
    }),
    delete("/s3/policies/{policy}", |state, call| policies::remove(state, &call.caller, call.name).map(done)),
    // The definition requires `policy` and `user`, which it does not have: an error in it. Clients send these two.
    post("/s3/policies/attach", &[required("policy_name", Text), required("user_name", Text)], attach),
    post("/s3/policies/detach", &[required("user_name", Text)], |state, call| {
        attachments::detach(state, &call.caller, &call.body.text("user_name")).map(done)
    }),
    spec(
        "POST",
        "/s3/sts",
        Handler::Read(assume_role),
        &[
            required("access_key", Text),
            required("secret_key", Text),
            required("duration", Number),
            optional("policy_file_content", ObjectOrText),
        ],
    ),
];

fn done((): ()) -> HttpResponse {
    responses::done()
}

fn log_in(state: &ClusterState, logins: &Logins, body: &RequestBody) -> Answer {
    let tenant = body.optional_text("org").unwrap_or_else(|| ROOT.to_owned());
    let (user, password) = (body.text("username"), body.text("password"));
    let log_in = || Caller::log_in(state, &tenant, &user, &password);
    let caller = logins.lockouts.guard((&tenant, &user), &state.limits, log_in)?;
    Ok(responses::tokens(&logins.tokens.issue(&caller, None), state))
}

/// Issues new tokens for a refresh token. Assumed: the old ones stay valid.
fn refresh(state: &ClusterState, logins: &Logins, body: &RequestBody) -> Answer {
    let owner = logins.tokens.refresh(&body.text("refresh_token")).ok_or(Refusal::Unauthorized)?;
    let caller = Caller::from_token(state, &owner.tenant, &owner.user)?;
    let time = body.number("access_token_expiry").map(Duration::from_secs);
    Ok(responses::tokens(&logins.tokens.issue(&caller, time), state))
}

fn definition(state: &ClusterState, _: &CallArgs<'_>) -> Answer {
    let missing = || Refusal::NotFound("this cluster has no definition of its own".to_owned());
    own_definition(of(state), state).map(|definition| responses::bare(&definition)).ok_or_else(missing)
}

fn tenants(state: &ClusterState, call: &CallArgs<'_>) -> Answer {
    let tenants = users::list_tenants(state, &call.caller)?.into_iter();
    Ok(responses::data(tenants.map(|(name, tenant)| responses::tenant(state, name, tenant)).collect::<Vec<_>>()))
}

fn tenant(state: &ClusterState, call: &CallArgs<'_>) -> Answer {
    let mut tenants = users::list_tenants(state, &call.caller)?.into_iter();
    let found = tenants.find(|(tenant, _)| users::tenant_uid(state, tenant) == call.name);
    let missing = || Refusal::NotFound(format!("Tenant \"{}\" was not found", call.name));
    found.map(|(name, tenant)| responses::data(responses::tenant(state, name, tenant))).ok_or_else(missing)
}

fn users(state: &ClusterState, call: &CallArgs<'_>) -> Answer {
    let (org, everywhere) = (call.query.text("org"), call.query.flag("include_tenants")?);
    Ok(responses::users(state, &users::list(state, &call.caller, org, everywhere)?))
}

fn add_user(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let new = NewUser {
        name: call.body.text("username"),
        password: call.body.text("password"),
        settings: user_change(&call.body)?,
        org: call.body.optional_text("org"),
    };
    let user_ref = users::add(state, &call.caller, new)?;
    Ok(responses::user(state, user_ref))
}

fn change_user(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let user_ref = users::change(state, &call.caller, call.name, &user_change(&call.body)?)?;
    Ok(responses::user(state, user_ref))
}

fn user_change(body: &RequestBody) -> Result<UserChange, Refusal> {
    Ok(UserChange {
        role: body.optional_text("role"),
        posix_uid: body.posix_id("posix_uid")?,
        posix_gid: body.posix_id("posix_gid")?,
    })
}

/// Assumed: as for the `weka` command, the user needs a policy.
fn reset_keys(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let user_ref = users::find_any(state, &call.caller, call.body.optional_text("org").as_deref(), call.name)?;
    let caller = Caller { tenant: user_ref.tenant, ..call.caller.clone() };
    let keys = attachments::renew_keys(state, &caller, Some(&user_ref.user))?;
    Ok(responses::reset(&keys, &state.switches))
}

fn change_provider(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let (config_url, claim_name) = (call.body.optional_text("config_url"), call.body.optional_text("claim_name"));
    identity_provider::change(state, &call.caller, config_url, claim_name)?;
    Ok(responses::data(&state.identity_provider))
}

fn add_policy(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let document = call.body.document("policy_file_content")?;
    let document = document.ok_or_else(|| Refusal::Missing(vec!["policy_file_content".to_owned()]))?;
    policies::add(state, &call.caller, &call.body.text("policy_name"), document).map(done)
}

fn attach(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let (policy, user) = (call.body.text("policy_name"), call.body.text("user_name"));
    let keys = attachments::attach(state, &call.caller, &policy, &user)?;
    Ok(responses::attached(keys.as_ref(), &state.switches))
}

fn assume_role(state: &ClusterState, call: &CallArgs<'_>) -> Answer {
    let request = AssumeRoleRequest {
        access_key: call.body.text("access_key"),
        secret_key: call.body.text("secret_key"),
        duration: call.body.number("duration").unwrap_or_default(),
        policy: call.body.document("policy_file_content")?,
    };
    let credentials = sts::assume_role(state, &call.caller.tenant, &request)?;
    Ok(responses::credentials(&credentials, state.switches.sts_in_data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    use crate::sim::Switches;
    use crate::sim::switches::OwnDefinition;

    fn find(release: &str, method: &Method, path: &str) -> Result<(&'static str, String), Refusal> {
        let state = ClusterState { release: release.parse().unwrap(), ..ClusterState::default() };
        super::find(&state, method, &format!("/api/v2{path}")).map(|(spec, name)| (spec.path, name))
    }

    #[test]
    fn paths_follow_the_release() {
        for (release, path, exists) in [
            ("4.0", "/s3/userPolicies", true),
            ("3.14", "/s3/userPolicies", false),
            ("5.1", "/tenants", true),
            ("4.4", "/tenants", false),
            ("5.1", "/docs/schema", true),
            ("4.4", "/docs/schema", false),
            ("5.1", "/organizations", true),
            ("3.14", "/s3/buckets", true),
        ] {
            match find(release, &Method::GET, path) {
                Ok((found, _)) => assert!(exists && found == path, "{path}"),
                Err(refusal) => assert!(!exists && matches!(refusal, Refusal::NotFound(_)), "{path}"),
            }
        }
    }

    #[test]
    fn an_unknown_path_is_404_and_a_wrong_method_405() {
        for path in ["", "/", "/s3/", "/s3/policies/", "/users/", "/s3/policies/a/b", "/s3/policy", "/S3", "//s3"] {
            assert!(matches!(find("5.1", &Method::GET, path), Err(Refusal::NotFound(_))), "{path}");
        }
        for (method, path) in [
            (Method::GET, "/login"),
            (Method::GET, "/s3/sts"),
            (Method::GET, "/users/1"),
            (Method::PUT, "/s3/policies/a"),
            (Method::DELETE, "/s3/buckets/a/policy"),
        ] {
            assert!(matches!(find("5.1", &method, path), Err(Refusal::WrongMethod(_))), "{path}");
        }
        let outside = super::find(&ClusterState::default(), &Method::GET, "/users");
        assert!(matches!(outside, Err(Refusal::NotFound(_))));
    }

    #[test]
    fn names_are_decoded_once_and_dots_resolved_before() {
        for (path, name) in [("a%20b%2Fc%252e", "a b/c%2e"), ("%2e%2e", ".."), ("attach", "attach"), ("...", "...")] {
            let found = find("5.1", &Method::GET, &format!("/s3/policies/{path}"));
            assert_eq!(found, Ok(("/s3/policies/{policy}", name.to_owned())));
        }
        assert!(matches!(find("5.1", &Method::GET, "/s3/policies/%ff"), Err(Refusal::Invalid { .. })));
        for path in ["/s3/policies/..", "/s3/policies/a/../..", "/users/./../s3"] {
            let found = find("5.1", &Method::DELETE, path);
            assert_eq!(found, Ok(("/s3", String::new())), "{path}");
        }
    }

    fn of(switch: OwnDefinition) -> Option<Value> {
        let switches = Switches { own_definition: switch, ..Switches::default() };
        let state = ClusterState { switches, ..ClusterState::default() };
        own_definition(super::of(&state), &state)
    }

    #[test]
    fn the_definition_has_every_path_with_its_methods_and_fields() {
        let definition = of(OwnDefinition::Own).unwrap();
        let paths = definition["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 25);
        let methods = |path: &str| paths[path].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(methods("/s3/policies/attach"), ["post"]);
        assert_eq!(methods("/s3/policies/{policy}"), ["delete", "get"]);
        let schema = |path: &str| &paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(schema("/login")["required"], json!(["username", "password"]));
        assert_eq!(schema("/s3/policies")["properties"]["policy_file_content"]["type"], "object");
        assert_eq!(schema("/s3/policies/attach")["required"], json!(["policy", "user"]));
        assert_eq!(paths["/users"]["get"]["parameters"][0]["name"], "org");
    }

    #[test]
    fn a_switch_renames_a_field_or_removes_the_definition() {
        let renamed = of(OwnDefinition::Renamed).unwrap().to_string();
        assert!(renamed.contains("\"user\":{") && !renamed.contains("user_name"), "{renamed}");
        assert_eq!(of(OwnDefinition::Missing), None);
    }
}
