//! The table of calls: which a release has, with their parameters; from a method and a path to a call; and the simulator's
//! own OpenAPI definition, generated from the table.

use axum::http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::sim::operations::Refusal;
use crate::sim::release::Behaviour;
use crate::sim::state::ClusterState;
use crate::sim::switches::OwnDefinition;

const PREFIX: [&str; 2] = ["api", "v2"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Login,
    Refresh,
    Read(ReadCall),
    Write(WriteCall),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadCall {
    /// The definition of all calls.
    Definition,
    Cluster,
    Tenants,
    Tenant,
    WhoAmI,
    Users,
    S3,
    IdentityProvider,
    UserPolicies,
    Policies,
    Policy,
    Sts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteCall {
    AddUser,
    ChangeUser,
    RemoveUser,
    /// Deletes the S3 cluster.
    DeleteS3,
    AddPolicy,
    RemovePolicy,
    Attach,
    Detach,
}

pub(super) struct Spec {
    pub(super) method: &'static str,
    /// With its parameter in braces, as in a definition.
    pub(super) path: &'static str,
    pub(super) call: Call,
    exists: Since,
    members: &'static [BodyMember],
    query: &'static [&'static str],
    query_exists: Since,
}

type Since = fn(&Behaviour) -> bool;

const ALWAYS: Since = |_| true;
const TENANTS: Since = |behaviour| behaviour.tenants;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MemberType {
    Text,
    /// A number; in this API always a non-negative integer.
    Number,
    Object,
    /// A JSON object, or a string that contains one.
    ObjectOrText,
}

use MemberType::{Number, Object, ObjectOrText, Text};

#[derive(Debug, Clone, Copy)]
pub(super) struct BodyMember {
    pub(super) name: &'static str,
    pub(super) kind: MemberType,
    pub(super) required: bool,
    exists: Since,
}

const fn required(name: &'static str, kind: MemberType) -> BodyMember {
    BodyMember { name, kind, required: true, exists: ALWAYS }
}

const fn optional(name: &'static str, kind: MemberType) -> BodyMember {
    BodyMember { name, kind, required: false, exists: ALWAYS }
}

const fn spec(method: &'static str, path: &'static str, call: Call, members: &'static [BodyMember]) -> Spec {
    Spec { method, path, call, members, exists: ALWAYS, query: &[], query_exists: ALWAYS }
}

const fn get(path: &'static str, call: ReadCall) -> Spec {
    spec("GET", path, Call::Read(call), &[])
}

const fn post(path: &'static str, call: WriteCall, members: &'static [BodyMember]) -> Spec {
    spec("POST", path, Call::Write(call), members)
}

const fn delete(path: &'static str, call: WriteCall) -> Spec {
    spec("DELETE", path, Call::Write(call), &[])
}

const ROLE: BodyMember = optional("role", Text);
const POSIX_UID: BodyMember = optional("posix_uid", Number);
const POSIX_GID: BodyMember = optional("posix_gid", Number);
const EXPIRY: Since = |behaviour| behaviour.refresh_takes_expiry;

/// The calls of all releases with the members and parameters of the definitions.
pub(super) static CALLS: [Spec; 24] = [
    spec(
        "POST",
        "/login",
        Call::Login,
        &[required("username", Text), required("password", Text), optional("org", Text)],
    ),
    spec(
        "POST",
        "/login/refresh",
        Call::Refresh,
        &[
            required("refresh_token", Text),
            BodyMember { exists: EXPIRY, ..optional("access_token_expiry", Number) },
            BodyMember { exists: EXPIRY, ..optional("refresh_token_expiry", Number) },
        ],
    ),
    Spec { exists: |behaviour| behaviour.own_definition, ..get("/docs/schema", ReadCall::Definition) },
    get("/cluster", ReadCall::Cluster),
    get("/organizations", ReadCall::Tenants),
    get("/organizations/{uid}", ReadCall::Tenant),
    Spec { exists: TENANTS, ..get("/tenants", ReadCall::Tenants) },
    Spec { exists: TENANTS, ..get("/tenants/{uid}", ReadCall::Tenant) },
    Spec { query: &["org", "include_tenants"], query_exists: TENANTS, ..get("/users", ReadCall::Users) },
    // The definition requires nothing here. Assumed: a user without a name or a password is refused.
    post(
        "/users",
        WriteCall::AddUser,
        &[
            required("username", Text),
            required("password", Text),
            ROLE,
            POSIX_UID,
            POSIX_GID,
            BodyMember { exists: TENANTS, ..optional("org", Text) },
        ],
    ),
    get("/users/whoami", ReadCall::WhoAmI),
    spec("PUT", "/users/{uid}", Call::Write(WriteCall::ChangeUser), &[ROLE, POSIX_UID, POSIX_GID]),
    delete("/users/{uid}", WriteCall::RemoveUser),
    get("/s3", ReadCall::S3),
    Spec { query: &["purge_config"], ..delete("/s3", WriteCall::DeleteS3) },
    Spec { exists: TENANTS, ..get("/s3/oidc", ReadCall::IdentityProvider) },
    Spec { exists: |behaviour| behaviour.user_policies, ..get("/s3/userPolicies", ReadCall::UserPolicies) },
    get("/s3/policies", ReadCall::Policies),
    post(
        "/s3/policies",
        WriteCall::AddPolicy,
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
    ),
    // A policy may have the name of one of the next calls; the method differs.
    get("/s3/policies/{policy}", ReadCall::Policy),
    delete("/s3/policies/{policy}", WriteCall::RemovePolicy),
    // The definition requires `policy` and `user`, which it does not have: an error in it. Clients send these two.
    post("/s3/policies/attach", WriteCall::Attach, &[required("policy_name", Text), required("user_name", Text)]),
    post("/s3/policies/detach", WriteCall::Detach, &[required("user_name", Text)]),
    spec(
        "POST",
        "/s3/sts",
        Call::Read(ReadCall::Sts),
        &[
            required("access_key", Text),
            required("secret_key", Text),
            required("duration", Number),
            optional("policy_file_content", ObjectOrText),
        ],
    ),
];

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

#[derive(Clone)]
pub(super) struct Route {
    pub(super) spec: &'static Spec,
    pub(super) name: String,
}

impl Route {
    /// The call of a request; `path` is as it was sent. The answer of a real cluster to a wrong method is unknown.
    pub(super) fn find(method: &Method, path: &str, behaviour: &Behaviour) -> Result<Self, Refusal> {
        let segments = decode(&resolve(path))?;
        let call = segments.strip_prefix(&PREFIX.map(str::to_owned));
        let call = call.filter(|call| call.iter().all(|segment| !segment.is_empty())).unwrap_or_default();
        let fitting = Spec::of(behaviour).filter_map(|spec| Some(Self { spec, name: spec.parameter(call)? }));
        let fitting: Vec<Self> = fitting.collect();
        if fitting.is_empty() {
            return Err(Refusal::NotFound(format!("{path} is not a call of this release")));
        }
        let found = fitting.into_iter().find(|route| route.spec.method == method.as_str());
        found.ok_or_else(|| Refusal::WrongMethod(format!("{path} does not take {method}")))
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
pub(super) fn definition(state: &ClusterState) -> Option<Value> {
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
            .map(|member| (rename(member.name).to_owned(), json!({ "type": type_of(member.kind) })))
            .collect();
        let required: Vec<&str> = if spec.call == Call::Write(WriteCall::Attach) {
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

fn type_of(kind: MemberType) -> &'static str {
    match kind {
        MemberType::Text | MemberType::ObjectOrText => "string",
        MemberType::Number => "number",
        MemberType::Object => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{SimRelease, Switches};

    fn find(release: &str, method: &Method, path: &str) -> Result<(Call, String), Refusal> {
        let behaviour = release.parse::<SimRelease>().unwrap().behaviour();
        Route::find(method, &format!("/api/v2{path}"), behaviour).map(|route| (route.spec.call, route.name))
    }

    #[test]
    fn paths_follow_the_release() {
        for (release, path, call) in [
            ("4.0", "/s3/userPolicies", Some(ReadCall::UserPolicies)),
            ("3.14", "/s3/userPolicies", None),
            ("5.1", "/tenants", Some(ReadCall::Tenants)),
            ("4.4", "/tenants", None),
            ("5.1", "/docs/schema", Some(ReadCall::Definition)),
            ("4.4", "/docs/schema", None),
            ("5.1", "/organizations", Some(ReadCall::Tenants)),
        ] {
            match (find(release, &Method::GET, path), call) {
                (Ok((found, _)), Some(call)) => assert_eq!(found, Call::Read(call)),
                (found, call) => assert!(matches!((found, call), (Err(Refusal::NotFound(_)), None)), "{path}"),
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
        let outside = Route::find(&Method::GET, "/users", SimRelease::default().behaviour());
        assert!(matches!(outside, Err(Refusal::NotFound(_))));
    }

    #[test]
    fn names_are_decoded_once_and_dots_resolved_before() {
        for (path, name) in [("a%20b%2Fc%252e", "a b/c%2e"), ("%2e%2e", ".."), ("attach", "attach"), ("...", "...")] {
            let found = find("5.1", &Method::GET, &format!("/s3/policies/{path}"));
            assert_eq!(found, Ok((Call::Read(ReadCall::Policy), name.to_owned())));
        }
        assert!(matches!(find("5.1", &Method::GET, "/s3/policies/%ff"), Err(Refusal::Invalid { .. })));
        for path in ["/s3/policies/..", "/s3/policies/a/../..", "/users/./../s3"] {
            let found = find("5.1", &Method::DELETE, path);
            assert_eq!(found, Ok((Call::Write(WriteCall::DeleteS3), String::new())), "{path}");
        }
    }

    fn of(switch: OwnDefinition) -> Option<Value> {
        let switches = Switches { own_definition: switch, ..Switches::default() };
        definition(&ClusterState { switches, ..ClusterState::default() })
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
