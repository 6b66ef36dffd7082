//! A call of the API: its parameters, and the clusters that have it; from a method and a path to a call; and the simulator's own
//! OpenAPI definition, generated from its calls.

use axum::http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::sim::http::HttpResponse;
use crate::sim::operations::{Caller, Refusal};
use crate::sim::rest::lockouts::Lockouts;
use crate::sim::rest::request::{ALWAYS, BodyMember, RequestBody, RequestQuery, Since};
use crate::sim::rest::tokens::Tokens;
use crate::sim::state::ClusterState;
use crate::sim::switches::OwnDefinition;

const PREFIX: [&str; 2] = ["api", "v2"];

/// A call: its parameters, the clusters that have it, and what they do with it.
pub(super) struct Spec {
    pub(super) method: &'static str,
    /// With its parameter in braces, as in a definition.
    pub(super) path: &'static str,
    pub(super) handler: Handler,
    pub(super) exists: Since,
    pub(super) members: &'static [BodyMember],
    pub(super) query: &'static [&'static str],
    pub(super) query_exists: Since,
}

#[derive(Debug)]
pub(super) struct Logins {
    pub(super) tokens: Tokens,
    pub(super) lockouts: Lockouts,
}

pub(super) type Answer = Result<HttpResponse, Refusal>;

pub(super) enum Handler {
    /// Of a call without a token.
    LogIn(fn(&ClusterState, &Logins, &RequestBody) -> Answer),
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
    pub(super) query: RequestQuery,
    pub(super) body: RequestBody,
}

pub(super) const fn spec(
    method: &'static str,
    path: &'static str,
    handler: Handler,
    members: &'static [BodyMember],
) -> Spec {
    Spec { method, path, handler, members, exists: ALWAYS, query: &[], query_exists: ALWAYS }
}

pub(super) const fn get(path: &'static str, read: ReadHandler) -> Spec {
    spec("GET", path, Handler::Read(read), &[])
}

pub(super) const fn post(path: &'static str, members: &'static [BodyMember], write: WriteHandler) -> Spec {
    spec("POST", path, Handler::Write(write), members)
}

pub(super) const fn delete(path: &'static str, write: WriteHandler) -> Spec {
    spec("DELETE", path, Handler::Write(write), &[])
}

impl Spec {
    pub(super) fn members(&self, state: &ClusterState) -> Vec<BodyMember> {
        self.members.iter().filter(|member| (member.exists)(state)).copied().collect()
    }

    pub(super) fn query(&self, state: &ClusterState) -> &'static [&'static str] {
        if (self.query_exists)(state) { self.query } else { &[] }
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

/// The call of a request among those of a cluster, and the parameter of its path. `path` is as it was sent. The answer of a
/// real cluster to a wrong method is unknown.
pub(super) fn find<'s>(
    specs: impl Iterator<Item = &'s Spec>,
    method: &Method,
    path: &str,
) -> Result<(&'s Spec, String), Refusal> {
    let segments = decode(&resolve(path))?;
    let call = segments.strip_prefix(&PREFIX.map(str::to_owned));
    let call = call.filter(|call| call.iter().all(|segment| !segment.is_empty())).unwrap_or_default();
    let fitting: Vec<_> = specs.filter_map(|spec| Some((spec, spec.parameter(call)?))).collect();
    if fitting.is_empty() {
        return Err(Refusal::NotFound(format!("{path} is not a call of this release")));
    }
    let found = fitting.into_iter().find(|(spec, _)| spec.method == method.as_str());
    found.ok_or_else(|| Refusal::WrongMethod(format!("{path} does not take {method}")))
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

/// The definition of a cluster with these calls; `None` if its switch says so.
pub(super) fn own_definition<'s>(specs: impl Iterator<Item = &'s Spec>, state: &ClusterState) -> Option<Value> {
    let switch = state.switches.own_definition;
    if switch == OwnDefinition::Missing {
        return None;
    }
    let rename = |name: &'static str| match (switch, name) {
        (OwnDefinition::Renamed, "user_name") => "user",
        (OwnDefinition::Own | OwnDefinition::Renamed | OwnDefinition::Missing, name) => name,
    };
    let mut paths = Map::new();
    for spec in specs {
        paths.entry(spec.path).or_insert_with(|| json!({}))[spec.method.to_lowercase()] =
            operation(spec, state, rename);
    }
    Some(json!({
        "openapi": "3.0.3",
        "info": { "title": "The simulated cluster of attune", "version": state.release.as_str() },
        "servers": [{ "url": "/api/v2" }],
        "paths": paths,
    }))
}

fn operation(spec: &Spec, state: &ClusterState, rename: impl Fn(&'static str) -> &'static str) -> Value {
    let (members, query) = (spec.members(state), spec.query(state));
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
        let required: Vec<&str> = if spec.path == "/s3/policies/attach" {
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
