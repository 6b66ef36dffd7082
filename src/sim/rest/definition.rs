//! The simulator's own OpenAPI definition, generated from its table of calls: paths, methods, queries and bodies.

use serde_json::{Map, Value, json};

use crate::sim::rest::request::{BodyMember, MemberType, members};
use crate::sim::rest::route::{PATHS, Route, WriteCall, calls};
use crate::sim::state::ClusterState;
use crate::sim::switches::OwnDefinition;

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
    for path in PATHS {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let mut item = Map::new();
        for (method, route) in calls(&segments, behaviour) {
            // `/s3/policies/attach` is also the path of a policy: that call belongs to the path with the parameter.
            if route.has_path_parameter() == path.contains('{') {
                let operation = operation(path, &route, &members(&route, behaviour), route.query(behaviour), rename);
                item.insert(method.as_str().to_lowercase(), operation);
            }
        }
        if !item.is_empty() {
            paths.insert((*path).to_owned(), Value::Object(item));
        }
    }
    Some(json!({
        "openapi": "3.0.3",
        "info": { "title": "The simulated cluster of attune", "version": state.release.as_str() },
        "servers": [{ "url": "/api/v2" }],
        "paths": paths,
    }))
}

fn operation(
    path: &str,
    route: &Route,
    members: &[BodyMember],
    query: &[&str],
    rename: impl Fn(&'static str) -> &'static str,
) -> Value {
    let mut operation = json!({ "responses": { "200": { "description": "Done." } } });
    let named = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
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
        let required: Vec<&str> = match route {
            // The vendor's definitions have this error, and clients must tolerate it.
            Route::Write(WriteCall::Attach) => vec!["policy", "user"],
            Route::Login | Route::Refresh | Route::Read(_) | Route::Write(_) => {
                members.iter().filter(|member| member.required).map(|member| rename(member.name)).collect()
            }
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
    use crate::sim::Switches;

    fn of(switch: OwnDefinition) -> Option<Value> {
        let switches = Switches { own_definition: switch, ..Switches::default() };
        definition(&ClusterState { switches, ..ClusterState::default() })
    }

    #[test]
    fn the_definition_has_every_path_with_its_methods_and_fields() {
        let definition = of(OwnDefinition::Own).unwrap();
        let paths = definition["paths"].as_object().unwrap();
        assert_eq!(paths.len(), PATHS.len());
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
