//! The shape of an answer: its members and the types of their values, without any name or value of a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;

/// The longest answer whose shape is kept, in bytes.
const LONGEST: usize = 64 << 10;

/// The members that definitions, documentation or clients have. Any other one may be a name of the cluster.
const MEMBERS: [&str; 37] = [
    "Action",
    "Condition",
    "Effect",
    "Id",
    "NotAction",
    "NotResource",
    "Principal",
    "Resource",
    "Sid",
    "Statement",
    "Version",
    "buckets",
    "claim_name",
    "config_url",
    "content",
    "data",
    "error",
    "expires_in",
    "fs",
    "hard_limit_bytes",
    "message",
    "name",
    "password_change_required",
    "path",
    "policies",
    "policy",
    "role",
    "source",
    "session_id",
    "tenant",
    "token_type",
    "uid",
    "used_bytes",
    "user",
    "username",
    "users",
    "org_id",
];

/// The most shapes of a call that are kept.
const MOST: usize = 4;

/// The shapes of the answers to each call, once they are to be kept: reading an answer for its shape is work.
#[derive(Debug, Default)]
pub(super) struct Shapes(OnceLock<Mutex<BTreeMap<String, BTreeSet<String>>>>);

impl Shapes {
    pub(super) fn keep(&self) {
        self.0.get_or_init(Mutex::default);
    }

    pub(super) fn add(&self, call: impl FnOnce() -> String, body: &str) {
        let Some(kept) = self.0.get() else { return };
        let mut shapes = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let shapes = shapes.entry(call()).or_default();
        if body.len() <= LONGEST && shapes.len() < MOST {
            shapes.insert(shape(body));
        }
    }

    /// The shapes of each call, as one text.
    pub(super) fn all(&self) -> BTreeMap<String, String> {
        let Some(kept) = self.0.get() else { return BTreeMap::new() };
        let shapes = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let joined = |shapes: &BTreeSet<String>| shapes.iter().cloned().collect::<Vec<_>>().join(" or ");
        shapes.iter().map(|(call, shapes)| (call.clone(), joined(shapes))).collect()
    }
}

/// The shape of an answer, such as `{data: {policies: [text]}}`.
fn shape(body: &str) -> String {
    match serde_json::from_str(body) {
        Ok(value) => of_value(&value),
        Err(_) if body.trim().is_empty() => "empty".to_owned(),
        Err(_) => "no JSON".to_owned(),
    }
}

fn of_value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(number) if number.is_f64() => "number with a point".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(text) if serde_json::from_str::<Value>(text).is_ok_and(|inner| inner.is_object()) => {
            "JSON in a text".to_owned()
        }
        Value::String(_) => "text".to_owned(),
        Value::Array(items) => {
            let shapes: BTreeSet<String> = items.iter().map(of_value).collect();
            format!("[{}]", Vec::from_iter(shapes).join(" or "))
        }
        Value::Object(members) => {
            let of_member = |(name, value): (&String, &Value)| {
                // Documents differ, and are no matter of the cluster.
                let is_document =
                    name == "content" && value.is_object() || name == "policy" && value.get("Statement").is_some();
                format!("{}: {}", shown(name), if is_document { "object".to_owned() } else { of_value(value) })
            };
            let shapes: BTreeSet<String> = members.iter().map(of_member).collect();
            format!("{{{}}}", Vec::from_iter(shapes).join(", "))
        }
    }
}

/// The name of a member, if it is a known one or one of a key pair or token.
fn shown(name: &str) -> &str {
    let lower = name.to_ascii_lowercase();
    let is_word = name.len() <= 24 && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let is_of_keys = ["access_", "accesskey", "secret", "session", "refresh_"].iter().any(|part| lower.contains(part));
    if MEMBERS.contains(&name) || (is_word && is_of_keys) { name } else { "…" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_has_members_and_types_and_no_names_or_values() {
        for (body, expected) in [
            (r#"{"data":{"policies":["readonly","x"]}}"#, "{data: {policies: [text]}}"),
            (r#"{"data":[{"name":"readonly"}]}"#, "{data: [{name: text}]}"),
            (r#"{"users":{"alice":"p","bob":""}}"#, "{users: {…: text}}"),
            (r#"{"data":{"accessKey":"AK","secretKey":"SK"}}"#, "{data: {accessKey: text, secretKey: text}}"),
            (r#"{"data":{"policy":{"content":"{\"Version\":\"\"}"}}}"#, "{data: {policy: {content: JSON in a text}}}"),
            (r#"{"data":{"policy":{"content":{"Statement":[]}}}}"#, "{data: {policy: {content: object}}}"),
            (r#"[1,null,true]"#, "[null or number or true or false]"),
            (r#"{"data":{"expires_in":300.0}}"#, "{data: {expires_in: number with a point}}"),
            ("", "empty"),
            ("<html>", "no JSON"),
        ] {
            assert_eq!(shape(body), expected, "{body}");
        }
    }
}
