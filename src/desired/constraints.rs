//! The rules between the keys of a table, in the JSON Schema: each is a condition, so that the message of an editor names the key
//! that is missing or too much. attune itself reports them with codes of their own.

use schemars::Schema;
use serde_json::{Value, json};

/// A user: `policy`, or `detached = true`.
pub(super) fn user(schema: &mut Schema) {
    group(schema);
    let detached = json!({ "properties": { "detached": { "const": true } }, "required": ["detached"] });
    add(schema, &[unless(&[json!({ "not": is_true("revoke_keys") }), has("until")], &detached)]);
}

/// A group: `policy`, or `detached = true`.
pub(super) fn group(schema: &mut Schema) {
    let rules = [
        conflict(schema, &has("policy"), "detached", &is_true("detached")),
        unless(&[has("policy"), is_true("detached")], &has("policy")),
        when(&has("from"), &has("policy")),
        when(&has("until"), &has("policy")),
    ];
    add(schema, &rules);
    term(schema);
}

/// When access begins and ends: `before` with `from`, `then` with `until`.
fn term(schema: &mut Schema) {
    add(schema, &[when(&has("before"), &has("from")), when(&has("then"), &has("until"))]);
}

/// An entry of `attached_to`: a user or a group.
pub(super) fn attached(schema: &mut Schema) {
    let rules = [
        conflict(schema, &has("user"), "group", &has("group")),
        unless(&[has("user"), has("group")], &has("user")),
        when(&is_true("revoke_keys"), &has("until")),
    ];
    add(schema, &rules);
    term(schema);
}

/// A policy: `document`, `statement`, `combine` or `absent = true`; `renamed_from` only if it is on the cluster.
pub(super) fn policy(schema: &mut Schema) {
    let rules = [
        conflict(schema, &has("document"), "statement", &has("statement")),
        conflict(schema, &has("document"), "absent", &is_true("absent")),
        conflict(schema, &has("statement"), "absent", &is_true("absent")),
        conflict(schema, &has("document"), "combine", &has("combine")),
        conflict(schema, &has("statement"), "combine", &has("combine")),
        conflict(schema, &has("combine"), "absent", &is_true("absent")),
        conflict(schema, &is_true("abstract"), "absent", &is_true("absent")),
        conflict(schema, &is_true("absent"), "renamed_from", &has("renamed_from")),
        conflict(schema, &is_true("abstract"), "renamed_from", &has("renamed_from")),
        unless(&[has("document"), has("statement"), has("combine"), is_true("absent")], &has("document")),
    ];
    add(schema, &rules);
}

/// A bucket: `policy`, `document` or `statement`.
pub(super) fn bucket(schema: &mut Schema) {
    let rules = [
        conflict(schema, &has("policy"), "document", &has("document")),
        conflict(schema, &has("policy"), "statement", &has("statement")),
        conflict(schema, &has("document"), "statement", &has("statement")),
        unless(&[has("policy"), has("document"), has("statement")], &has("policy")),
    ];
    add(schema, &rules);
}

/// A statement: an effect, actions, and resources.
pub(super) fn statement(schema: &mut Schema) {
    let rules = [
        has("effect"),
        conflict(schema, &has("action"), "not_action", &has("not_action")),
        unless(&[has("action"), has("not_action")], &has("action")),
        conflict(schema, &has("resource"), "not_resource", &has("not_resource")),
        unless(&[has("resource"), has("not_resource")], &has("resource")),
    ];
    add(schema, &rules);
}

/// The destination: `age` with `dir`, `command`, or `file = true` with `dir`.
pub(super) fn credentials(schema: &mut Schema) {
    let rules = [
        conflict(schema, &has("age"), "command", &has("command")),
        conflict(schema, &has("age"), "file", &is_true("file")),
        conflict(schema, &is_true("file"), "command", &has("command")),
        conflict(schema, &has("command"), "dir", &has("dir")),
        when(&has("age"), &has("dir")),
        when(&is_true("file"), &has("dir")),
        unless(&[has("age"), has("command"), is_true("file")], &has("age")),
    ];
    add(schema, &rules);
}

/// An entry of `[[drift.ignore]]`: all of its keys.
pub(super) fn ignore(schema: &mut Schema) {
    add(schema, &["object", "reason", "until"].map(has));
}

/// An entry of `[[expect]]`: one subject, and one demand on some resources.
pub(super) fn expect(schema: &mut Schema) {
    let subjects = ["user", "group", "users", "groups"];
    let demands = ["can", "cannot", "only"];
    let both = |one: &str, other: &str| conflict(schema, &has(one), other, &has(other));
    let mut rules = Vec::new();
    for keys in [&subjects[..], &demands[..]] {
        for (index, one) in keys.iter().enumerate() {
            rules.extend(keys[index + 1..].iter().map(|other| both(one, other)));
        }
    }
    rules.extend(subjects.iter().chain(&demands).map(|other| both("nobody", other)));
    rules.push(has("on"));
    rules.push(unless(&["nobody", "can", "cannot", "only"].map(has), &has("nobody")));
    rules.push(unless(&["nobody", "user", "group", "users", "groups"].map(has), &has("user")));
    add(schema, &rules);
}

/// An entry of `[[envelope]]`: its files, and actions with resources.
pub(super) fn envelope(schema: &mut Schema) {
    let rules = [
        has("files"),
        when(&has("actions"), &has("resources")),
        when(&has("resources"), &has("actions")),
        when(&has("conditions"), &has("actions")),
    ];
    add(schema, &rules);
}

/// Allows a text in place of the table.
pub(super) fn or_text(schema: &mut Schema) {
    schema.insert("type".to_owned(), json!(["string", "object"]));
}

/// Gives the schema of an entry with a name the key `each`.
pub(super) fn each(schema: &mut Schema) {
    rows(schema, " The name must have a column.");
}

/// Gives the schema of an entry of a list the key `each`.
pub(super) fn each_of_list(schema: &mut Schema) {
    rows(schema, "");
}

fn rows(schema: &mut Schema, more: &str) {
    let about = format!(
        "The rows: a list, or the name of a table of rows in `[tables]`. The entry is a template, and each row makes an entry of \
         it: `{{{{COLUMN}}}}` is replaced by the value of the row.{more}"
    );
    let cell = json!({ "type": ["string", "object"], "properties": {
        "value": { "type": "string", "description": "The value." },
        "pattern": { "type": "boolean", "description": "Whether the value may have `*`, `?` and `/`." },
    }, "additionalProperties": false });
    let items = json!({ "type": "object", "additionalProperties": cell });
    let each = json!({ "description": about, "type": ["string", "array"], "items": items });
    let properties = schema.ensure_object().entry("properties").or_insert_with(|| json!({}));
    properties.as_object_mut().into_iter().for_each(|of| _ = of.insert("each".to_owned(), each.clone()));
}

fn add(schema: &mut Schema, rules: &[Value]) {
    let all = schema.ensure_object().entry("allOf").or_insert_with(|| json!([]));
    all.as_array_mut().into_iter().for_each(|all| all.extend_from_slice(rules));
}

fn has(key: &str) -> Value {
    json!({ "required": [key] })
}

fn is_true(key: &str) -> Value {
    json!({ "properties": { key: { "const": true } }, "required": [key] })
}

/// With this, `key` must not be so. Then the message is that `key` is unexpected; a `not` would have one that no one understands.
fn conflict(schema: &Schema, with: &Value, key: &str, not: &Value) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let others = properties.into_iter().flatten().filter(|(name, _)| *name != key);
    let others: serde_json::Map<String, Value> = others.map(|(name, _)| (name.clone(), json!(true))).collect();
    when(&json!({ "allOf": [with, not] }), &json!({ "properties": others, "additionalProperties": false }))
}

fn when(condition: &Value, rule: &Value) -> Value {
    json!({ "if": condition, "then": rule })
}

fn unless(conditions: &[Value], rule: &Value) -> Value {
    json!({ "if": { "not": { "anyOf": conditions } }, "then": rule })
}
