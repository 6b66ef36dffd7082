//! The table of calls: which a release has, with their parameters, and what the cluster does with each; from a method and a
//! path to a call; and the simulator's own OpenAPI definition, generated from the table.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::sim::operations::sts::AssumeRoleRequest;
use crate::sim::operations::users::{NewUser, UserChange};
use crate::sim::operations::{Caller, Refusal, attachments, delete_s3, policies, sts, users};
use crate::sim::release::Behaviour;
use crate::sim::rest::request::MemberType::{Number, Object, ObjectOrText, Text};
use crate::sim::rest::request::{ALWAYS, BodyMember, RequestBody, RequestQuery, Since, optional, required};
use crate::sim::rest::responses::{self, ApiResponse};
use crate::sim::rest::tokens::Tokens;
use crate::sim::state::{ClusterState, ROOT};
use crate::sim::switches::OwnDefinition;

const PREFIX: [&str; 2] = ["api", "v2"];

pub(super) struct Spec {
    pub(super) method: &'static str,
    /// With its parameter in braces, as in a definition.
    pub(super) path: &'static str,
    pub(super) handler: Handler,
    exists: Since,
    members: &'static [BodyMember],
    query: &'static [&'static str],
    query_exists: Since,
}

type Answer = Result<ApiResponse, Refusal>;

pub(super) enum Handler {
    /// Of a call without a token.
    LogIn(fn(&ClusterState, &Tokens, &RequestBody) -> Answer),
    Read(ReadHandler),
    /// The state is discarded if the call is refused.
    Write(WriteHandler),
}

type ReadHandler = fn(&ClusterState, &CallArgs<'_>) -> Answer;
type WriteHandler = fn(&mut ClusterState, &CallArgs<'_>) -> Answer;

pub(super) struct CallArgs<'a> {
    pub(super) caller: Caller,
    /// The parameter of the path.
    pub(super) name: &'a str,
    pub(super) query: &'a RequestQuery,
    pub(super) body: &'a RequestBody,
    /// The number of temporary credentials so far.
    pub(super) assumed: &'a AtomicU64,
}

const fn spec(method: &'static str, path: &'static str, handler: Handler, members: &'static [BodyMember]) -> Spec {
    Spec { method, path, handler, members, exists: ALWAYS, query: &[], query_exists: ALWAYS }
}

const fn get(path: &'static str, read: ReadHandler) -> Spec {
    spec("GET", path, Handler::Read(read), &[])
}

const fn post(path: &'static str, members: &'static [BodyMember], write: WriteHandler) -> Spec {
    spec("POST", path, Handler::Write(write), members)
}

const fn delete(path: &'static str, write: WriteHandler) -> Spec {
    spec("DELETE", path, Handler::Write(write), &[])
}

const TENANTS: Since = |behaviour| behaviour.tenants;
const EXPIRY: Since = |behaviour| behaviour.refresh_takes_expiry;
const ROLE: BodyMember = optional("role", Text);
const POSIX_UID: BodyMember = optional("posix_uid", Number);
const POSIX_GID: BodyMember = optional("posix_gid", Number);

/// The calls of all releases with the members and parameters of the definitions.
pub(super) static CALLS: [Spec; 24] = [
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
    Spec { exists: |behaviour| behaviour.own_definition, ..get("/docs/schema", definition) },
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
    get("/s3", |state, call| call.caller.require_s3_reader(state).map(|()| responses::s3())),
    Spec { query: &["purge_config"], ..delete("/s3", |state, call| delete_s3(state, &call.caller).map(done)) },
    Spec {
        exists: TENANTS,
        ..get("/s3/oidc", |state, call| {
            let configured = state.switches.identity_provider;
            call.caller.require_s3_reader(state).map(|()| responses::identity_provider(configured))
        })
    },
    Spec {
        exists: |behaviour| behaviour.user_policies,
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
                exists: |behaviour| behaviour.content_may_be_text,
                ..required("policy_file_content", ObjectOrText)
            },
            BodyMember {
                exists: |behaviour| !behaviour.content_may_be_text,
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
    post(ATTACH, &[required("policy_name", Text), required("user_name", Text)], attach),
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

const ATTACH: &str = "/s3/policies/attach";

fn done((): ()) -> ApiResponse {
    ApiResponse::done()
}

fn log_in(state: &ClusterState, tokens: &Tokens, body: &RequestBody) -> Answer {
    let tenant = body.optional_text("org").unwrap_or_else(|| ROOT.to_owned());
    let caller = Caller::log_in(state, &tenant, &body.text("username"), &body.text("password"))?;
    Ok(responses::tokens(&tokens.issue(&caller, None), state.behaviour()))
}

/// Issues new tokens for a refresh token. Assumed: the old ones stay valid.
fn refresh(state: &ClusterState, tokens: &Tokens, body: &RequestBody) -> Answer {
    let owner = tokens.refresh(&body.text("refresh_token")).ok_or(Refusal::Unauthorized)?;
    let caller = Caller::from_token(state, &owner.tenant, &owner.user)?;
    let time = body.number("access_token_expiry").map(Duration::from_secs);
    Ok(responses::tokens(&tokens.issue(&caller, time), state.behaviour()))
}

fn definition(state: &ClusterState, _: &CallArgs<'_>) -> Answer {
    let missing = || Refusal::NotFound("this cluster has no definition of its own".to_owned());
    own_definition(state).map(|definition| ApiResponse::body(&definition)).ok_or_else(missing)
}

fn tenants(state: &ClusterState, call: &CallArgs<'_>) -> Answer {
    let tenants = users::list_tenants(state, &call.caller)?.into_iter();
    Ok(ApiResponse::data(tenants.map(|(name, tenant)| responses::tenant(state, name, tenant)).collect::<Vec<_>>()))
}

fn tenant(state: &ClusterState, call: &CallArgs<'_>) -> Answer {
    let mut tenants = users::list_tenants(state, &call.caller)?.into_iter();
    let found = tenants.find(|(tenant, _)| users::tenant_uid(state, tenant) == call.name);
    let missing = || Refusal::NotFound(format!("Tenant \"{}\" was not found", call.name));
    found.map(|(name, tenant)| ApiResponse::data(responses::tenant(state, name, tenant))).ok_or_else(missing)
}

fn users(state: &ClusterState, call: &CallArgs<'_>) -> Answer {
    let (org, everywhere) = (call.query.text("org"), call.query.flag("include_tenants")?);
    Ok(responses::users(state, &users::list(state, &call.caller, org, everywhere)?))
}

fn add_user(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let new = NewUser {
        name: call.body.text("username"),
        password: call.body.text("password"),
        settings: user_change(call.body)?,
        org: call.body.optional_text("org"),
    };
    let user_ref = users::add(state, &call.caller, new)?;
    Ok(responses::user(state, user_ref))
}

fn change_user(state: &mut ClusterState, call: &CallArgs<'_>) -> Answer {
    let user_ref = users::change(state, &call.caller, call.name, &user_change(call.body)?)?;
    Ok(responses::user(state, user_ref))
}

fn user_change(body: &RequestBody) -> Result<UserChange, Refusal> {
    Ok(UserChange {
        role: body.optional_text("role"),
        posix_uid: body.posix_id("posix_uid")?,
        posix_gid: body.posix_id("posix_gid")?,
    })
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
    let serial = call.assumed.fetch_add(1, Ordering::Relaxed);
    let credentials = sts::assume_role(state, &call.caller.tenant, &request, serial)?;
    Ok(responses::credentials(&credentials, state.switches.sts_in_data))
}

impl Spec {
    pub(super) fn of(behaviour: &Behaviour) -> impl Iterator<Item = &'static Self> {
        CALLS.iter().filter(|spec| (spec.exists)(behaviour))
    }

    pub(super) fn members(&self, behaviour: &Behaviour) -> Vec<BodyMember> {
        self.members.iter().filter(|member| (member.exists)(behaviour)).copied().collect()
    }

    pub(super) fn query(&self, behaviour: &Behaviour) -> &'static [&'static str] {
        if (self.query_exists)(behaviour) { self.query } else { &[] }
    }

    /// The call of a request, and the parameter of its path. `path` is as it was sent. The answer of a real cluster to a wrong
    /// method is unknown.
    pub(super) fn find(method: &Method, path: &str, behaviour: &Behaviour) -> Result<(&'static Self, String), Refusal> {
        let segments = decode(&resolve(path))?;
        let call = segments.strip_prefix(&PREFIX.map(str::to_owned));
        let call = call.filter(|call| call.iter().all(|segment| !segment.is_empty())).unwrap_or_default();
        let fitting: Vec<_> = Self::of(behaviour).filter_map(|spec| Some((spec, spec.parameter(call)?))).collect();
        if fitting.is_empty() {
            return Err(Refusal::NotFound(format!("{path} is not a call of this release")));
        }
        let found = fitting.into_iter().find(|(spec, _)| spec.method == method.as_str());
        found.ok_or_else(|| Refusal::WrongMethod(format!("{path} does not take {method}")))
    }

    /// The parameter of a path of this form, or an empty text; `None` if the path does not have this form.
    fn parameter(&self, path: &[String]) -> Option<String> {
        let form: Vec<&str> = self.path.split('/').skip(1).collect();
        let fits = |(form, segment): (&&str, &String)| form.starts_with('{') || form == segment;
        if form.len() != path.len() || !form.iter().zip(path).all(fits) {
            return None;
        }
        let parameter = form.iter().zip(path).find(|(form, _)| form.starts_with('{'));
        Some(parameter.map(|(_, segment)| segment.clone()).unwrap_or_default())
    }
}

/// Resolves `.` and `..` before decoding, as a proxy in front of a cluster does: `DELETE /s3/policies/..` becomes
/// `DELETE /s3`. A `%2e%2e` stays a name.
fn resolve(path: &str) -> Vec<&str> {
    let mut resolved = Vec::new();
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        match segment {
            "." => {}
            ".." => {
                resolved.pop();
            }
            segment => resolved.push(segment),
        }
    }
    resolved
}

/// Decodes each segment once, so that a `%2F` in a name does not split it.
fn decode(segments: &[&str]) -> Result<Vec<String>, Refusal> {
    let decode = |segment: &&str| percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned);
    segments.iter().map(decode).collect::<Result<_, _>>().map_err(|_| Refusal::invalid("the path is not UTF-8"))
}

/// The definition of a cluster; `None` if its release or its switch says so.
fn own_definition(state: &ClusterState) -> Option<Value> {
    let (behaviour, switch) = (state.behaviour(), state.switches.own_definition);
    if switch == OwnDefinition::Missing {
        return None;
    }
    let rename = |name: &'static str| match (switch, name) {
        (OwnDefinition::Renamed, "user_name") => "user",
        (OwnDefinition::Own | OwnDefinition::Renamed | OwnDefinition::Missing, name) => name,
    };
    let mut paths = Map::new();
    for spec in Spec::of(behaviour) {
        paths.entry(spec.path).or_insert_with(|| json!({}))[spec.method.to_lowercase()] =
            operation(spec, behaviour, rename);
    }
    Some(json!({
        "openapi": "3.0.3",
        "info": { "title": "The simulated cluster of attune", "version": state.release.as_str() },
        "servers": [{ "url": "/api/v2" }],
        "paths": paths,
    }))
}

fn operation(spec: &Spec, behaviour: &Behaviour, rename: impl Fn(&'static str) -> &'static str) -> Value {
    let (members, query) = (spec.members(behaviour), spec.query(behaviour));
    let mut operation = json!({ "responses": { "200": { "description": "Done." } } });
    let named = spec.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name, place, required| json!({ "name": name, "in": place, "required": required, "schema": { "type": "string" } });
    let parameters: Vec<Value> = named
        .map(|name| parameter(name, "path", true))
        .chain(query.iter().map(|name| parameter(name, "query", false)))
        .collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if !members.is_empty() {
        let properties: Map<String, Value> = members
            .iter()
            .map(|member| (rename(member.name).to_owned(), json!({ "type": member.kind.in_definition() })))
            .collect();
        let required: Vec<&str> = if spec.path == ATTACH {
            // The vendor's definitions have this error, and clients must tolerate it.
            vec!["policy", "user"]
        } else {
            members.iter().filter(|member| member.required).map(|member| rename(member.name)).collect()
        };
        let schema = json!({ "type": "object", "required": required, "properties": properties });
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{SimRelease, Switches};

    fn find(release: &str, method: &Method, path: &str) -> Result<(&'static str, String), Refusal> {
        let behaviour = release.parse::<SimRelease>().unwrap().behaviour();
        Spec::find(method, &format!("/api/v2{path}"), behaviour).map(|(spec, name)| (spec.path, name))
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
        ] {
            assert!(matches!(find("5.1", &method, path), Err(Refusal::WrongMethod(_))), "{path}");
        }
        let outside = Spec::find(&Method::GET, "/users", SimRelease::default().behaviour());
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
        own_definition(&ClusterState { switches, ..ClusterState::default() })
    }

    #[test]
    fn the_definition_has_every_path_with_its_methods_and_fields() {
        let definition = of(OwnDefinition::Own).unwrap();
        let paths = definition["paths"].as_object().unwrap();
        assert_eq!(paths.len(), 19);
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
