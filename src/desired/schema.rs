//! The JSON Schema of a configuration file, and the check of parsed TOML against it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Value, json};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::codes;
use super::raw::RawFile;
use super::spanned::TIME;
use crate::base::{FileId, Finding, Location, did_you_mean, nearest};

/// The JSON Schema of a configuration file, as checked in. A test compares it with [`schema`].
pub const SCHEMA: &str = include_str!("../../schemas/attune.schema.json");

/// [`SCHEMA`] as JSON, read once for all configurations of a process.
pub(super) static PARSED: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(SCHEMA).unwrap_or_default());

/// Keys for secrets, which no section has.
const SECRET_KEYS: [&str; 8] =
    ["password", "passwd", "token", "access_token", "refresh_token", "secret", "secret_key", "api_key"];

/// Keys of earlier versions, and what to do instead.
const REMOVED: [(&str, &str); 1] = [(
    "weka_bin",
    "a configuration names no program that a plan runs: put `weka` on PATH, or give `--weka-bin PATH` or set ATTUNE_WEKA_BIN",
)];

/// Generates the JSON Schema (draft 7, which TOML plugins of editors understand).
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<RawFile>();
    RecursiveTransform(for_editors).transform(&mut schema);
    schema.to_value()
}

/// Removes null and defaults, since TOML has no null and every key is optional. Makes choices of words a list of words: their
/// messages name the words.
fn for_editors(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("default");
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(mut options)) = object.remove("anyOf") {
        options.retain(|option| option.get("type").and_then(Value::as_str) != Some("null"));
        match options.as_slice() {
            [Value::Object(members)] => {
                for (name, value) in members {
                    object.entry(name).or_insert_with(|| value.clone());
                }
            }
            _ => _ = object.insert("anyOf".to_owned(), options.into()),
        }
    }
    let words = |options: &Value| -> Option<(Vec<Value>, Vec<Value>)> {
        let one = |option: &Value| Some((option.get("const")?.clone(), option["description"].clone()));
        options.as_array()?.iter().map(one).collect()
    };
    if let Some((words, texts)) = object.get("oneOf").and_then(words) {
        object.remove("oneOf");
        object.insert("type".to_owned(), json!("string"));
        object.insert("enum".to_owned(), words.into());
        object.insert("x-taplo".to_owned(), json!({ "docs": { "enumValues": texts } }));
    }
}

fn types(schema: &Value) -> Vec<&str> {
    let names = &schema["type"];
    match names.as_array() {
        Some(types) => types.iter().filter_map(Value::as_str).collect(),
        None => names.as_str().into_iter().collect(),
    }
}

/// The words of a choice.
fn words(schema: &Value) -> Option<impl Iterator<Item = &str>> {
    Some(schema["enum"].as_array()?.iter().filter_map(Value::as_str))
}

/// Whether it is a date, which JSON Schema takes for a string.
fn is_date(schema: &Value) -> bool {
    schema["format"] == "date" || is_time(schema)
}

/// Whether it is a date or a date-time.
fn is_time(schema: &Value) -> bool {
    schema["pattern"] == TIME
}

fn accepts(schema: &Value, value: &DeValue<'_>) -> bool {
    if let Some(mut words) = words(schema) {
        return value.as_str().is_some_and(|value| words.any(|word| word == value));
    }
    let (shown, names) = type_of(value);
    match names {
        [] => is_date(schema),
        _ if shown == NEGATIVE && schema.get("minimum").is_some() => false,
        _ => types(schema).iter().any(|name| names.contains(name)),
    }
}

fn expected(schema: &Value) -> String {
    let mut expected: Vec<String> = match words(schema) {
        Some(words) => words.map(|word| format!("{word:?}")).collect(),
        None if is_time(schema) => vec!["a date".to_owned(), "a time with an offset".to_owned()],
        None if is_date(schema) => vec!["a date".to_owned()],
        None => types(schema).into_iter().map(|name| type_name(name).to_owned()).collect(),
    };
    let last = expected.pop().unwrap_or_default();
    if expected.is_empty() { last } else { format!("{} or {last}", expected.join(", ")) }
}

fn type_name(name: &str) -> &str {
    match name {
        "string" => "a string",
        "integer" => "an integer",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        other => other,
    }
}

const NEGATIVE: &str = "a negative number";

/// The type of a value in words, and its names in JSON Schema, which has no dates.
fn type_of(value: &DeValue<'_>) -> (&'static str, &'static [&'static str]) {
    match value {
        DeValue::String(_) => ("a string", &["string"]),
        DeValue::Integer(integer) if integer.as_str().starts_with('-') => (NEGATIVE, &["integer", "number"]),
        DeValue::Integer(_) => ("an integer", &["integer", "number"]),
        DeValue::Float(_) => ("a number", &["number"]),
        DeValue::Boolean(_) => ("a boolean", &["boolean"]),
        DeValue::Datetime(_) => ("a date", &[]),
        DeValue::Array(_) => ("a list", &["array"]),
        DeValue::Table(_) => ("a table", &["object"]),
    }
}

/// The key of an entry with its rows.
pub(super) const EACH: &str = "each";

#[derive(Debug, Default)]
pub(super) struct SchemaErrors {
    pub(super) findings: Vec<Finding>,
    /// The entries with errors, as section and name, such as `("users", "bob")`.
    entries: BTreeSet<(String, String)>,
    /// The entries whose rows have a wrong type, by section and name: they make nothing.
    without_rows: BTreeSet<(String, String)>,
    /// The places of secrets, which attune must not show.
    pub(super) secrets: Vec<Location>,
}

impl SchemaErrors {
    /// Whether a finding is within a place.
    pub(super) fn are_within(&self, file: FileId, span: &Range<usize>) -> bool {
        let is_within = |at: &Location| at.file == file && span.start <= at.span.start && at.span.end <= span.end;
        self.findings.iter().any(|finding| finding.at.as_ref().is_some_and(is_within))
    }

    /// Whether the rows of an entry have a wrong type. Then its placeholders are not worth further findings.
    pub(super) fn lost_rows(&self, section: &str, name: &str) -> bool {
        !self.without_rows.is_empty() && self.without_rows.contains(&(section.to_owned(), name.to_owned()))
    }

    /// Notes that an entry has another name from now on.
    pub(super) fn rename(&mut self, section: &str, old: &str, new: &str) {
        if self.contain(section, old) {
            self.entries.insert((section.to_owned(), new.to_owned()));
        }
    }

    /// Whether an entry has an error. Then a missing part of it is not worth a second finding.
    pub(super) fn contain(&self, section: &str, name: &str) -> bool {
        !self.entries.is_empty() && self.entries.contains(&(section.to_owned(), name.to_owned()))
    }
}

/// Whether a key is, or nearly is, one for a secret.
pub(super) fn is_secret(key: &str) -> bool {
    nearest(key, SECRET_KEYS).is_some()
}

/// Checks a file against the schema. Reports and removes invalid parts, so that the same run can check the rest.
pub(super) fn check(root: &mut DeTable<'_>, schema: &Value, file: FileId) -> SchemaErrors {
    let mut checker = Checker { file, errors: SchemaErrors::default() };
    checker.table(root, schema, None);
    checker.errors
}

struct Checker {
    file: FileId,
    errors: SchemaErrors,
}

/// A key, and the table that it is in.
#[derive(Clone, Copy)]
struct KeyPath<'p> {
    parent: Option<&'p KeyPath<'p>>,
    key: &'p str,
}

impl KeyPath<'_> {
    /// The first two keys: a section, and the name of an entry.
    fn entry(&self) -> Option<(&str, &str)> {
        let parent = self.parent?;
        if parent.parent.is_some() { parent.entry() } else { Some((parent.key, self.key)) }
    }

    /// Whether it is the rows of an entry.
    fn is_rows(&self) -> bool {
        let section = self.parent.and_then(|entry| entry.parent);
        self.key == EACH && section.is_some_and(|section| section.parent.is_none())
    }

    /// Whether it is the entry of a user or group.
    fn is_principal(&self) -> bool {
        let section = self.parent.filter(|parent| parent.parent.is_none());
        section.is_some_and(|section| ["users", "groups"].contains(&section.key))
    }
}

impl Checker {
    fn table(&mut self, table: &mut DeTable<'_>, schema: &Value, parent: Option<&KeyPath<'_>>) {
        let mut invalid = BTreeSet::new();
        for (key, value) in table.iter_mut() {
            let path = KeyPath { parent, key: key.get_ref() };
            let others = || schema.get("additionalProperties").filter(|others| others.is_object());
            let is_valid = match schema["properties"].get(path.key).or_else(others) {
                Some(of) => self.value(value, of, &path),
                None => {
                    self.unknown_key(&path, key.span(), value.span(), schema);
                    false
                }
            };
            if !is_valid {
                invalid.insert(path.key.to_owned());
            }
        }
        if !invalid.is_empty() {
            let members = std::mem::replace(table, DeTable::new());
            table.extend(members.into_iter().filter(|(key, _)| !invalid.contains(key.get_ref().as_ref())));
        }
    }

    /// Checks a value. Returns whether it may stay.
    fn value(&mut self, value: &mut Spanned<DeValue<'_>>, schema: &Value, path: &KeyPath<'_>) -> bool {
        let span = value.span();
        if !accepts(schema, value.get_ref()) {
            self.wrong_type(value.get_ref(), span, schema, path);
            return false;
        }
        let items = schema.get("items").filter(|of| of.is_object());
        if let DeValue::Table(table) = value.get_mut() {
            self.table(table, schema, Some(path));
        } else if let (DeValue::Array(array), Some(of)) = (value.get_mut(), items) {
            let all = std::mem::replace(array, DeArray::new()).into_iter();
            *array = all.filter_map(|mut item| self.value(&mut item, of, path).then_some(item)).collect();
        }
        true
    }

    fn unknown_key(&mut self, path: &KeyPath<'_>, span: Range<usize>, value: Range<usize>, schema: &Value) {
        let key = path.key;
        if is_secret(key) {
            self.errors.secrets.push(Location { file: self.file, span: value });
            let finding =
                Finding::error(codes::SECRET_IN_FILE, format!("`{key}` puts a secret into the configuration"));
            let help = "remove it, replace the secret everywhere because others can read this file, and set ATTUNE_USERNAME and \
                        ATTUNE_PASSWORD in the environment instead";
            return self.add(finding.help(help), span, path);
        }
        let names: BTreeSet<&str> =
            schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let removed = REMOVED.iter().find(|(removed, _)| *removed == key).map(|(_, instead)| (*instead).to_owned());
        let valid =
            || format!("valid keys: {}", names.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "));
        let help = removed.unwrap_or_else(|| did_you_mean(nearest(key, names.iter().copied()), valid));
        self.add(Finding::error(codes::UNKNOWN_KEY, format!("unknown key `{key}`")).help(help), span, path);
    }

    fn wrong_type(&mut self, value: &DeValue<'_>, span: Range<usize>, schema: &Value, path: &KeyPath<'_>) {
        let expected = expected(schema);
        let found = match value.as_str().filter(|_| expected.contains('"')) {
            Some(text) => format!("{text:?}"),
            None => type_of(value).0.to_owned(),
        };
        let mut finding = Finding::error(codes::WRONG_TYPE, format!("`{}` takes {expected}, not {found}", path.key));
        if let Some((section, name)) = path.entry().filter(|_| path.is_rows()) {
            self.errors.without_rows.insert((section.to_owned(), name.to_owned()));
        }
        let is_attachment = path.key == "policy" || path.is_principal();
        if is_attachment && found == "a list" {
            finding =
                finding.help("a user or group has one policy: declare one policy that combines these (`combine`)");
        }
        self.add(finding, span, path);
    }

    fn add(&mut self, finding: Finding, span: Range<usize>, path: &KeyPath<'_>) {
        if let Some((section, name)) = path.entry() {
            self.errors.entries.insert((section.to_owned(), name.to_owned()));
        }
        self.errors.findings.push(finding.at(Location { file: self.file, span }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_schema_is_up_to_date() {
        assert_eq!(serde_json::from_str::<Value>(SCHEMA).unwrap(), schema());
    }
}
