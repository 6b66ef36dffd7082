//! The shape that a file must have: its JSON Schema, read once, so that a file can be held against it quickly.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::de::DeValue;

use super::SCHEMA;

/// What a value may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// The alternatives; none where there is only this one.
    options: Vec<Shape>,
    /// The only text that fits.
    only: Option<String>,
    /// The names of the types that fit, as a schema has them.
    types: Vec<String>,
    /// Whether no number below zero fits.
    natural: bool,
    /// Whether it is a date, which the schema of an editor knows as a string.
    date: bool,
    /// The members that a table may have, by name.
    members: BTreeMap<String, Shape>,
    /// What members of any other name must be, where there may be some.
    others: Option<Box<Shape>>,
    /// What the entries of a list must be.
    items: Option<Box<Shape>>,
}

impl Shape {
    /// What a desired-state file may be.
    pub(super) fn of_file() -> Self {
        // A test reads it.
        Self::of(&serde_json::from_str(SCHEMA).unwrap_or_default())
    }

    /// Reads a schema.
    fn of(schema: &Value) -> Self {
        let shape = |key: &str| schema.get(key).filter(|of| of.is_object()).map(|of| Box::new(Self::of(of)));
        let all = |schemas: &Vec<Value>| schemas.iter().map(Self::of).collect();
        let types = match schema.get("type") {
            Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(one)) => vec![one.clone()],
            Some(_) | None => Vec::new(),
        };
        let members = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        Self {
            options: ["anyOf", "oneOf"]
                .into_iter()
                .find_map(|key| schema.get(key)?.as_array())
                .map_or_else(Vec::new, all),
            only: schema.get("const").and_then(Value::as_str).map(str::to_owned),
            types,
            natural: schema.get("minimum").is_some(),
            date: schema.get("format").and_then(Value::as_str) == Some("date"),
            members: members.map(|(name, of)| (name.clone(), Self::of(of))).collect(),
            others: shape("additionalProperties"),
            items: shape("items"),
        }
    }

    /// What a table's member of this name must be, if it may have one.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        self.members.get(name).or(self.others.as_deref())
    }

    /// The names of members that are spoken of.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// What the entries of a list must be, where that is said.
    pub(super) fn items(&self) -> Option<&Self> {
        self.items.as_deref()
    }

    /// The alternative that a value fits, as far as can be told from the outside.
    pub(super) fn fitting(&self, value: &DeValue<'_>) -> Option<&Self> {
        self.options().iter().find(|option| option.accepts(value))
    }

    fn options(&self) -> &[Self] {
        if self.options.is_empty() { std::slice::from_ref(self) } else { &self.options }
    }

    fn accepts(&self, value: &DeValue<'_>) -> bool {
        if self.only.is_some() {
            return value.as_str() == self.only.as_deref();
        }
        let kinds: &[&str] = match value {
            DeValue::String(_) => &["string"],
            DeValue::Integer(integer) if integer.as_str().starts_with('-') && self.natural => &[],
            DeValue::Integer(_) => &["integer", "number"],
            DeValue::Float(_) => &["number"],
            DeValue::Boolean(_) => &["boolean"],
            DeValue::Datetime(_) => return self.date,
            DeValue::Array(_) => &["array"],
            DeValue::Table(_) => &["object"],
        };
        self.types.iter().any(|name| kinds.contains(&name.as_str()))
    }

    /// What fits, in words.
    pub(super) fn expected(&self) -> String {
        let mut words: Vec<String> = self.options().iter().flat_map(Self::words).collect();
        let last = words.pop().unwrap_or_default();
        if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) }
    }

    fn words(&self) -> Vec<String> {
        match &self.only {
            Some(only) => vec![format!("{only:?}")],
            None if self.date => vec!["a date".to_owned()],
            None => self.types.iter().map(|name| word(name).to_owned()).collect(),
        }
    }
}

/// What a value is, in words.
pub(super) fn found(value: &DeValue<'_>) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_that_is_checked_in_is_that_of_the_types() {
        assert_eq!(serde_json::from_str::<Value>(SCHEMA).unwrap(), super::super::schema());
        assert!(Shape::of_file().member("policies").is_some() && Shape::of_file().member("polices").is_none());
    }
}
