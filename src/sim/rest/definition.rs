//! The simulator's own OpenAPI definition, generated from its table of calls: paths, methods, queries and bodies.

use serde_json::{Map, Value, json};

use crate::sim::release::Behaviour;
use crate::sim::rest::route::{Call, MemberType, Spec, WriteCall};
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
    use crate::sim::Switches;

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
