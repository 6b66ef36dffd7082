//! Holds the parsed TOML against the schema: says everything that does not fit, and takes it out of the tree, so
//! that what is left can be read and checked further in the same run.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::codes;
use crate::base::{FileId, Finding, Location, nearest};

/// Keys that would hold a secret, wherever they stand.
const SECRET_KEYS: [&str; 8] =
    ["password", "passwd", "token", "access_token", "refresh_token", "secret", "secret_key", "api_key"];

/// What did not fit.
#[derive(Debug, Default)]
pub(super) struct Misfits {
    /// One finding each.
    pub(super) findings: Vec<Finding>,
    /// The entries they are in, as section and name, such as `("users", "bob")`: what such an entry lacks is not
    /// worth a second finding.
    pub(super) entries: BTreeSet<(String, String)>,
    /// Where secrets stand, which must not be shown.
    pub(super) secrets: Vec<Location>,
}

/// Whether a key is, or is nearly, one that would hold a secret.
pub(super) fn is_secret(key: &str) -> bool {
    nearest(key, SECRET_KEYS).is_some()
}

/// Checks `root` against the JSON Schema of a file and removes what does not fit.
pub(super) fn check(root: &mut DeTable<'_>, schema: &Value, file: FileId) -> Misfits {
    let mut walk = Walk { file, path: Vec::new(), misfits: Misfits::default() };
    walk.table(root, schema);
    walk.misfits
}

struct Walk {
    file: FileId,
    path: Vec<String>,
    misfits: Misfits,
}

impl Walk {
    fn table<'i>(&mut self, table: &mut DeTable<'i>, schema: &Value) {
        let members = std::mem::replace(table, DeTable::new());
        for (key, mut value) in members {
            let name = key.get_ref().to_string();
            self.path.push(name.clone());
            let keep = match member(schema, &name) {
                Some(of) => self.value(&mut value, of),
                None => {
                    self.unknown(&name, key.span(), value.span(), schema);
                    false
                }
            };
            self.path.pop();
            if keep {
                table.insert(key, value);
            }
        }
    }

    /// Whether the value may stay.
    fn value(&mut self, value: &mut Spanned<DeValue<'_>>, schema: &Value) -> bool {
        let span = value.span();
        let fits = options(schema).any(|option| accepts(option, value.get_ref()));
        if !fits {
            self.wrong_type(value.get_ref(), span, schema);
            return false;
        }
        let Some(schema) = options(schema).find(|option| accepts(option, value.get_ref())) else { return true };
        match value.get_mut() {
            DeValue::Table(table) => self.table(table, schema),
            DeValue::Array(array) => {
                if let Some(of) = schema.get("items") {
                    self.items(array, of);
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
        true
    }

    fn items<'i>(&mut self, array: &mut DeArray<'i>, schema: &Value) {
        let items = std::mem::replace(array, DeArray::new());
        *array = items.into_iter().filter_map(|mut item| self.value(&mut item, schema).then_some(item)).collect();
    }

    fn unknown(&mut self, name: &str, span: Range<usize>, value: Range<usize>, schema: &Value) {
        if is_secret(name) {
            self.misfits.secrets.push(Location { file: self.file, span: value });
            let finding = Finding::error(codes::SECRET_IN_FILE, format!("`{name}` would put a secret into the file"));
            self.add(
                finding.help(
                    "take it out, treat it as known to everybody who can read this file, and set ATTUNE_USERNAME and \
                 ATTUNE_PASSWORD in the environment instead",
                ),
                span,
            );
            return;
        }
        let known = || schema.get("properties").and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys);
        let finding = Finding::error(codes::UNKNOWN_KEY, format!("unknown key `{name}`"));
        let finding = match nearest(name, known().map(String::as_str)) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => {
                let known: Vec<_> = known().map(|key| format!("`{key}`")).collect();
                finding.help(format!("known here: {}", known.join(", ")))
            }
        };
        self.add(finding, span);
    }

    fn wrong_type(&mut self, value: &DeValue<'_>, span: Range<usize>, schema: &Value) {
        let expected = expected(schema);
        let found = match value.as_str().filter(|_| expected.contains('"')) {
            Some(text) => format!("{text:?}"),
            None => found(value).to_owned(),
        };
        let key = self.path.last().map_or("", String::as_str);
        let finding = Finding::error(codes::WRONG_TYPE, format!("`{key}` takes {expected}, not {found}"));
        self.add(finding, span);
    }

    fn add(&mut self, finding: Finding, span: Range<usize>) {
        if let [section, name, ..] = self.path.as_slice() {
            self.misfits.entries.insert((section.clone(), name.clone()));
        }
        self.misfits.findings.push(finding.at(Location { file: self.file, span }));
    }
}

/// The schema of a table's member, if it may have one of that name.
fn member<'s>(schema: &'s Value, name: &str) -> Option<&'s Value> {
    let declared = schema.get("properties").and_then(|properties| properties.get(name));
    declared.or_else(|| schema.get("additionalProperties").filter(|of| of.is_object()))
}

/// The alternatives of a schema; itself when it has none.
fn options(schema: &Value) -> impl Iterator<Item = &Value> {
    let alternatives = ["anyOf", "oneOf"].into_iter().find_map(|key| schema.get(key)).and_then(Value::as_array);
    alternatives.map_or(std::slice::from_ref(schema), Vec::as_slice).iter()
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one],
        Some(_) | None => Vec::new(),
    }
}

fn accepts(schema: &Value, value: &DeValue<'_>) -> bool {
    if let Some(only) = schema.get("const") {
        return value.as_str().is_some() && value.as_str() == only.as_str();
    }
    let kinds: &[&str] = match value {
        DeValue::String(_) => &["string"],
        DeValue::Integer(integer) => {
            let negative = integer.as_str().starts_with('-');
            if negative && schema.get("minimum").is_some() { &[] } else { &["integer", "number"] }
        }
        DeValue::Float(_) => &["number"],
        DeValue::Boolean(_) => &["boolean"],
        DeValue::Datetime(_) => return is_date(schema),
        DeValue::Array(_) => &["array"],
        DeValue::Table(_) => &["object"],
    };
    types(schema).iter().any(|name| kinds.contains(name))
}

/// Whether it takes a date, which the schema of an editor knows as a string.
fn is_date(schema: &Value) -> bool {
    schema.get("format").and_then(Value::as_str) == Some("date")
}

/// What a schema takes, in words.
fn expected(schema: &Value) -> String {
    let mut words: Vec<String> = options(schema)
        .flat_map(|option| match option.get("const").and_then(Value::as_str) {
            Some(only) => vec![format!("{only:?}")],
            None if is_date(option) => vec!["a date".to_owned()],
            None => types(option).into_iter().map(word).map(str::to_owned).collect(),
        })
        .collect();
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) }
}

/// What a value is, in words.
fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(integer) if integer.as_str().starts_with('-') => "a negative number",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn word(kind: &str) -> &str {
    match kind {
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        other => other,
    }
}
