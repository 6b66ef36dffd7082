//! Reads a cluster's own OpenAPI definition: which capabilities it has, and which calls of attune it does not fit, so that an
//! incompatible change of a new release is found before a call fails.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::requests::{Call, IDENTITY_PROVIDER, RESET_KEYS, USER_POLICIES, USERS};
use crate::base::ApiFacts;

/// A difference between a call and the definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// There is no such path, or it does not accept the method.
    NoCall {
        /// Method and path.
        call: String,
        /// The methods of the path; empty if there is no such path.
        methods: Vec<String>,
    },
    /// A field of the request is not declared.
    UnknownField {
        /// Method and path.
        call: String,
        /// The field.
        field: String,
        /// The declared fields that the request does not have.
        instead: Vec<String>,
    },
    /// A required field or parameter is not in every request.
    RequiredField {
        /// Method and path.
        call: String,
        /// The field.
        field: String,
    },
}

/// Why a text is not a usable definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoDefinition {
    /// It is not JSON.
    #[error("it is not JSON")]
    NotJson,
    /// It has no paths.
    #[error("it has no `paths`")]
    NoPaths,
}

/// The differences between these calls and a definition, in the order of the calls.
pub fn differences(calls: &[Call], definition: &str) -> Result<Vec<Difference>, NoDefinition> {
    let definition = Definition::read(definition)?;
    let paths = definition.paths().ok_or(NoDefinition::NoPaths)?;
    Ok(calls.iter().flat_map(|call| definition.differences(call, &paths)).collect())
}

/// What a definition says about the capabilities of its cluster.
pub fn api_facts(definition: &str) -> Result<ApiFacts, NoDefinition> {
    let definition = Definition::read(definition)?;
    let paths = definition.paths().ok_or(NoDefinition::NoPaths)?;
    let has = |call: &Call| definition.operation(call, &paths).is_some();
    Ok(ApiFacts {
        key_reset: has(&RESET_KEYS),
        users_have_policy: definition.operation(&USERS, &paths).and_then(|users| definition.users_have_policy(users)),
        user_policies: has(&USER_POLICIES),
        identity_provider: has(&IDENTITY_PROVIDER),
        tenants: paths.contains_key(&comparable("/tenants")),
    })
}

/// The most schemas of one body, and the longest chain of `$ref`: a definition may refer to itself.
const MAX_SCHEMAS: usize = 100;

struct Definition(Value);

#[derive(Debug, Default)]
struct Fields {
    declared: BTreeSet<String>,
    required: BTreeSet<String>,
    /// Whether other fields may be accepted: the schema says so, or cannot be read here.
    open: bool,
    read: usize,
}

impl Definition {
    fn read(text: &str) -> Result<Self, NoDefinition> {
        serde_json::from_str(text).map(Self).map_err(|_| NoDefinition::NotJson)
    }

    fn operation<'a>(&self, call: &Call, paths: &BTreeMap<String, &'a Value>) -> Option<&'a Value> {
        paths.get(&comparable(call.path))?.get(call.method.as_str().to_lowercase())
    }

    fn paths(&self) -> Option<BTreeMap<String, &Value>> {
        let paths = self.0["paths"].as_object()?;
        Some(paths.iter().map(|(path, item)| (comparable(path), self.resolved(item))).collect())
    }

    fn differences(&self, call: &Call, paths: &BTreeMap<String, &Value>) -> Vec<Difference> {
        let methods = |item: &Value| -> Vec<String> {
            let members = item.as_object().into_iter().flat_map(|item| item.keys());
            members.filter(|member| METHODS.contains(&member.as_str())).map(|name| name.to_uppercase()).collect()
        };
        let item = paths.get(&comparable(call.path)).copied();
        let found = item.and_then(|item| Some((item, self.operation(call, paths)?)));
        match found {
            Some((item, operation)) => self.of_operation(call, item, operation),
            None if call.optional => Vec::new(),
            None => vec![Difference::NoCall { call: call.name(), methods: item.map(methods).unwrap_or_default() }],
        }
    }

    fn of_operation(&self, call: &Call, item: &Value, operation: &Value) -> Vec<Difference> {
        let body = self.body(operation);
        let sent = [call.always, call.sometimes].concat();
        let instead: Vec<String> =
            body.declared.iter().filter(|name| !sent.contains(&name.as_str())).cloned().collect();
        let unknown = sent.iter().filter(|field| !body.open && !body.declared.contains(**field));
        let unknown = unknown.map(|field| Difference::UnknownField {
            call: call.name(),
            field: (*field).to_owned(),
            instead: instead.clone(),
        });
        let misnamed = |name: &str| call.misnamed.contains(&name) && !body.declared.contains(name);
        let required = body.required.iter().filter(|name| !misnamed(name)).cloned();
        let parameters = [item, operation].into_iter().flat_map(|at| self.required_parameters(at));
        let lacking = required.chain(parameters).filter(|name| !call.always.contains(&name.as_str()));
        let lacking = lacking.map(|field| Difference::RequiredField { call: call.name(), field });
        unknown.chain(lacking).collect()
    }

    fn body(&self, operation: &Value) -> Fields {
        let mut fields = Fields::default();
        let Some(body) = operation.get("requestBody") else { return fields };
        match self.json_schema(body) {
            Some(schema) => self.add(schema, &mut fields),
            None => fields.open = true,
        }
        fields
    }

    /// The schema of the JSON in a body or a response.
    fn json_schema<'a>(&'a self, of: &'a Value) -> Option<&'a Value> {
        let content = self.resolved(of)["content"].as_object()?;
        let (_, json) = content.iter().find(|(kind, _)| kind.starts_with("application/json"))?;
        json.get("schema").map(|schema| self.resolved(schema))
    }

    fn users_have_policy(&self, operation: &Value) -> Option<bool> {
        let answer = self.json_schema(&operation["responses"]["200"])?;
        let user = &self.resolved(&answer["properties"]["data"])["items"];
        let mut fields = Fields::default();
        self.add(user, &mut fields);
        (!fields.declared.is_empty()).then(|| fields.declared.contains("policy"))
    }

    fn add(&self, schema: &Value, fields: &mut Fields) {
        fields.read += 1;
        if fields.read > MAX_SCHEMAS {
            fields.open = true;
            return;
        }
        let schema = self.resolved(schema);
        let parts = schema["allOf"].as_array();
        let properties = schema["properties"].as_object();
        fields.declared.extend(properties.into_iter().flat_map(|properties| properties.keys().cloned()));
        let required = schema["required"].as_array().into_iter().flatten();
        fields.required.extend(required.filter_map(Value::as_str).map(str::to_owned));
        let additional = &schema["additionalProperties"];
        let choice = ["oneOf", "anyOf"].iter().any(|choice| schema.get(choice).is_some());
        let is_empty = parts.is_none() && properties.is_none();
        fields.open |= additional == &Value::Bool(true) || additional.is_object() || choice || is_empty;
        for part in parts.into_iter().flatten() {
            self.add(part, fields);
        }
    }

    /// The required parameters that are not in the path. attune sends none.
    fn required_parameters(&self, at: &Value) -> Vec<String> {
        let parameters = at["parameters"].as_array().into_iter().flatten().map(|parameter| self.resolved(parameter));
        let required = parameters.filter(|parameter| {
            parameter["required"] == true && matches!(parameter["in"].as_str(), Some("query" | "header" | "cookie"))
        });
        required.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect()
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let mut value = value;
        for _ in 0..MAX_SCHEMAS {
            let Some(to) = value["$ref"].as_str().and_then(|to| self.0.pointer(to.strip_prefix('#')?)) else { break };
            value = to;
        }
        value
    }
}

/// The members of a path that are methods (OpenAPI 3).
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// A path without the common prefix and the names of its parameters.
fn comparable(path: &str) -> String {
    let path = path.strip_prefix("/api/v2").unwrap_or(path).trim_end_matches('/');
    let segment = |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_owned() };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::requests::{ATTACH, CALLS, DETACH, LOGIN, SHOW_POLICY, USER_POLICIES, USERS};
    use super::*;

    fn with_body(schema: &Value) -> Value {
        json!({ "post": { "requestBody": { "content": { "application/json": { "schema": schema } } } } })
    }

    fn found(call: Call, path: &str, item: &Value) -> Vec<Difference> {
        differences(&[call], &json!({ "openapi": "3.0.3", "paths": { path: item } }).to_string()).unwrap()
    }

    fn unknown(call: &Call, field: &str, instead: &[&str]) -> Difference {
        let instead = instead.iter().map(|&name| name.to_owned()).collect();
        Difference::UnknownField { call: call.name(), field: field.to_owned(), instead }
    }

    fn required(call: &Call, field: &str) -> Difference {
        Difference::RequiredField { call: call.name(), field: field.to_owned() }
    }

    #[test]
    fn a_definition_that_fits_has_no_differences() {
        let attach = json!({ "required": ["policy", "user"], "properties": { "policy_name": {}, "user_name": {} } });
        assert_eq!(found(ATTACH, "/s3/policies/attach", &with_body(&attach)), []);
        let login = json!({ "required": ["username", "password"], "properties": { "username": {}, "password": {}, "org": {} } });
        assert_eq!(found(LOGIN, "/login", &with_body(&login)), []);
        assert_eq!(found(LOGIN, "/api/v2/login/", &with_body(&login)), [], "the path with its prefix");
        assert_eq!(found(SHOW_POLICY, "/s3/policies/{name}", &json!({ "get": {} })), [], "another name of a parameter");
    }

    #[test]
    fn a_path_or_a_method_that_is_gone_is_named() {
        let gone = |methods: &[&str]| Difference::NoCall {
            call: "GET /users".into(),
            methods: methods.iter().map(|&method| method.to_owned()).collect(),
        };
        assert_eq!(found(USERS, "/accounts", &json!({ "get": {} })), [gone(&[])]);
        assert_eq!(found(USERS, "/users", &json!({ "post": {}, "summary": "" })), [gone(&["POST"])]);
        assert_eq!(found(USER_POLICIES, "/accounts", &json!({})), [], "it can be done without");
        assert_eq!(
            differences(&CALLS, r#"{"paths":{}}"#).unwrap().len(),
            CALLS.iter().filter(|call| !call.optional).count()
        );
    }

    #[test]
    fn a_renamed_field_is_named_with_what_is_there_instead() {
        let detach = json!({ "required": ["user"], "properties": { "user": {} } });
        let differences = found(DETACH, "/s3/policies/detach", &with_body(&detach));
        assert_eq!(differences, [unknown(&DETACH, "user_name", &["user"]), required(&DETACH, "user")]);
        let attach = json!({ "required": ["policy", "user"], "properties": { "policy": {}, "user_name": {} } });
        let differences = found(ATTACH, "/s3/policies/attach", &with_body(&attach));
        assert_eq!(differences, [unknown(&ATTACH, "policy_name", &["policy"]), required(&ATTACH, "policy")]);
        assert_eq!(found(DETACH, "/s3/policies/detach", &json!({ "post": {} })), [unknown(&DETACH, "user_name", &[])]);
    }

    #[test]
    fn a_required_field_that_is_not_always_sent_is_named() {
        let properties = json!({ "username": {}, "password": {}, "org": {}, "otp": {} });
        let login = json!({ "required": ["username", "org", "otp"], "properties": properties });
        assert_eq!(found(LOGIN, "/login", &with_body(&login)), [required(&LOGIN, "org"), required(&LOGIN, "otp")]);
        let parameter = |at: &str, must: bool| json!({ "name": "scope", "in": at, "required": must });
        let users =
            json!({ "parameters": [parameter("query", true)], "get": { "parameters": [parameter("path", true)] } });
        assert_eq!(found(USERS, "/users", &users), [required(&USERS, "scope")]);
        assert_eq!(found(USERS, "/users", &json!({ "get": { "parameters": [parameter("query", false)] } })), []);
    }

    #[test]
    fn references_and_parts_are_followed_and_an_open_schema_accepts_all() {
        let definition = |schema: &Value| {
            let user = json!({ "properties": { "user_name": {} }, "required": ["user_name"] });
            let turning = json!({ "allOf": [{ "$ref": "#/components/schemas/Turning" }, { "$ref": "#/components/schemas/Turning" }] });
            json!({
                "paths": { "/s3/policies/detach": with_body(schema) },
                "components": { "schemas": { "User": user, "Turning": turning, "Itself": { "$ref": "#/components/schemas/Itself" } } },
            })
            .to_string()
        };
        for schema in [
            json!({ "$ref": "#/components/schemas/User" }),
            json!({ "allOf": [{ "$ref": "#/components/schemas/User" }, { "properties": { "note": {} } }] }),
            json!({ "$ref": "#/components/schemas/Turning" }),
            json!({ "$ref": "#/components/schemas/Itself" }),
            json!({ "$ref": "elsewhere.json" }),
            json!({ "type": "object" }),
            json!({ "properties": { "x": {} }, "additionalProperties": true }),
            json!({ "properties": {}, "oneOf": [{ "properties": { "user_name": {} } }] }),
        ] {
            assert_eq!(differences(&[DETACH], &definition(&schema)), Ok(Vec::new()), "{schema}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_definition_is_an_error() {
        for text in ["", "openapi: 3.0.3", "<html>"] {
            assert_eq!(differences(&CALLS, text), Err(NoDefinition::NotJson), "{text}");
        }
        for text in ["{}", "[]", "null", r#"{"paths":[]}"#] {
            assert_eq!(differences(&CALLS, text), Err(NoDefinition::NoPaths), "{text}");
        }
    }
}
