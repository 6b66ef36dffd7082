//! Values with their place in the file, and the findings about them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::json;
use toml::Spanned;

use super::codes;
use crate::base::{Code, FileId, Finding, Location, NamePattern};
use crate::policy::access::{Preset, RuleList, Rules, RulesTable};

#[derive(Debug)]
pub(super) struct Report {
    pub(super) file: FileId,
    pub(super) findings: Vec<Finding>,
    /// Errors that a finding says already, at another place.
    pub(super) repeats: Vec<Finding>,
}

impl Report {
    pub(super) fn new(file: FileId) -> Self {
        Self { file, findings: Vec::new(), repeats: Vec::new() }
    }

    pub(super) fn at(&self, span: Range<usize>) -> Location {
        Location { file: self.file, span }
    }

    /// Adds an error at a place in the file.
    pub(super) fn error(
        &mut self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.findings.push(Finding::error(code, message).at(self.at(span)).help(help));
    }

    /// Reads a name. An invalid one is an error.
    pub(super) fn name<N, P: fmt::Display>(
        &mut self,
        kind: &str,
        parsed: Result<N, P>,
        written: &At<String>,
        help: &str,
    ) -> Option<N> {
        let bad = |problem| {
            let message = format!("the {kind} name {:?} {problem}", written.get());
            self.error(codes::BAD_NAME, written.span(), message, help);
        };
        parsed.map_err(bad).ok()
    }

    /// Reads a pattern of names. An invalid one is an error.
    pub(super) fn pattern(&mut self, code: Code, text: &str, span: Range<usize>) -> Option<NamePattern> {
        let bad = |problem| {
            let message = format!("`{text}` is not a pattern of names: it {problem}");
            self.error(code, span, message, "`*` matches any run of characters, `?` matches one");
        };
        text.parse().map_err(bad).ok()
    }
}

/// A value with its place in the file. Comparisons ignore the place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub(super) struct At<T>(Spanned<T>);

impl<T> At<T> {
    /// The place, in bytes.
    pub(super) fn span(&self) -> Range<usize> {
        self.0.span()
    }

    pub(super) fn get(&self) -> &T {
        self.0.get_ref()
    }
}

macro_rules! inline_schema {
    ([$($param:ident)?] $type:ty, |$generator:pat_param| $schema:expr) => {
        impl$(<$param: JsonSchema>)? JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

inline_schema!([T] At<T>, |generator| T::json_schema(generator));

/// The entries of a table in the order of the file.
#[derive(Debug, Clone)]
pub(super) struct Table<T>(pub(super) Vec<(At<String>, T)>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut entries: Vec<_> = BTreeMap::deserialize(deserializer)?.into_iter().collect();
        entries.sort_by_key(|(name, _): &(At<String>, T)| name.span().start);
        Ok(Self(entries))
    }
}

inline_schema!([T] Table<T>, |generator| BTreeMap::<String, T>::json_schema(generator));

/// One text or a list of texts, as in policy documents. Numbers and booleans become text, where the schema allows them.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries(pub(super) Vec<(String, Range<usize>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = Spanned::<OneOrMany>::deserialize(deserializer)?;
        let span = whole.span();
        let entries = match whole.into_inner() {
            OneOrMany::One(text) => return Ok(Self(vec![(text, span)])),
            OneOrMany::Many(entries) => entries,
        };
        let text = |entry: Spanned<OneOrMany>| match (entry.span(), entry.into_inner()) {
            (span, OneOrMany::One(text)) => Ok((text, span)),
            (_, OneOrMany::Many(_)) => Err(D::Error::custom("a list of strings has no lists")),
        };
        entries.into_iter().map(text).collect::<Result<_, _>>().map(Self)
    }
}

// The schemas of values with several types have no `anyOf`: its message would only say that nothing fits. A keyword for lists says
// nothing about a text, so that one schema describes both.
inline_schema!([] Entries, |_| json_schema!({ "type": ["string", "array"], "items": { "type": "string" } }));

/// The values of a condition, which may also be numbers and booleans.
#[derive(Debug, Deserialize)]
pub(super) struct Values(pub(super) Entries);

inline_schema!([] Values, |_| {
    let item = json_schema!({ "type": ["string", "boolean", "number"] });
    json_schema!({ "type": ["string", "boolean", "number", "array"], "items": item })
});

/// The schema of [`Entries`] that are limits: numbers and percentages.
pub(super) struct Limits;

inline_schema!([] Limits, |_| {
    let percent = "^([0-9]+|[0-9]{1,2}%|100%)$";
    let item = json_schema!({ "type": ["integer", "string"], "minimum": 0, "pattern": percent });
    json_schema!({
        "type": ["integer", "string", "array"], "minimum": 0, "pattern": percent, "minItems": 1, "items": item
    })
});

/// Rules of evaluation: a name, a list of names, or a table of answers. It may be invalid, for the reason.
#[derive(Debug, Clone)]
pub(super) struct RuleNames(pub(super) Result<RuleList, String>);

impl<'de> Deserialize<'de> for RuleNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        if value.is_table() {
            let table = value.try_into::<RulesTable>().map_err(|problem| problem.message().to_owned());
            return Ok(Self(table.map(|table| Rules::from(table).into())));
        }
        let several: Vec<toml::Value> = value.as_array().cloned().unwrap_or_else(|| vec![value]);
        let names = several.iter().filter_map(toml::Value::as_str);
        Ok(Self(RuleList::parse(names).map_err(|problem| problem.to_string())))
    }
}

inline_schema!([] RuleNames, |generator| {
    let names = json_schema!({ "enum": Preset::ALL.map(Preset::name) });
    let mut schema = RulesTable::json_schema(generator);
    schema.insert("type".to_owned(), json!(["string", "array", "object"]));
    schema.insert("minItems".to_owned(), json!(1));
    schema.insert("items".to_owned(), json!({ "type": "string", "allOf": [names] }));
    schema.insert("allOf".to_owned(), json!([{ "if": { "type": "string" }, "then": names }]));
    schema
});

/// The schema of a variable, whose value is read before the rest of the file is typed.
pub(super) struct RawVar;

/// The value of a variable, and what it may have.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "this is only a schema")]
struct RawVarTable {
    /// The value, as a text. Without one, the command line or the environment must give it.
    value: Option<String>,
    /// Whether the value may have `*`, `?` and `/`, beside letters, digits, `.`, `_` and `-`. Default: false.
    pattern: Option<bool>,
}

inline_schema!([] RawVar, |generator| {
    let mut schema = RawVarTable::json_schema(generator);
    schema.insert("type".to_owned(), json!(["string", "object"]));
    schema
});

/// The schema of a table of rows, which are read before the rest of the file is typed.
pub(super) struct RawTable;

inline_schema!([] RawTable, |generator| {
    let pattern = json!({ "type": "boolean", "description": "Whether the values may have `*`, `?` and `/`. Default: false." });
    let column = json!({ "type": "object", "properties": { "pattern": pattern }, "additionalProperties": false });
    let columns = json!({
        "description": "Properties of columns, by name. Every other key is a row: its name, and the values of its columns.",
        "type": "object", "additionalProperties": column
    });
    let row = json!({ "type": "object", "additionalProperties": RawVar::json_schema(generator) });
    json_schema!({ "type": "object", "properties": { "columns": columns }, "additionalProperties": row })
});

/// The schema of a [`Time`] that is a day.
pub(super) struct Day;

inline_schema!([] Day, |_| json_schema!({ "type": "string", "format": "date" }));

/// The pattern of a [`Time`], or of a text with placeholders that becomes one.
pub(super) const TIME: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].+)?$|\\{\\{";

/// A date, a date-time or a string, not validated yet.
#[derive(Debug, Clone)]
pub(super) struct Time(pub(super) String);

inline_schema!([] Time, |_| json_schema!({ "type": "string", "pattern": TIME }));

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let time = toml::Value::deserialize(deserializer)?;
        Ok(Self(time.as_str().map_or_else(|| time.to_string(), str::to_owned)))
    }
}

enum OneOrMany {
    One(String),
    Many(Vec<Spanned<OneOrMany>>),
}

struct OneOrManyVisitor;

macro_rules! scalar_as_text {
    ($($method:ident: $type:ty),*) => {
        $(fn $method<E>(self, value: $type) -> Result<Self::Value, E> {
            Ok(OneOrMany::One(value.to_string()))
        })*
    };
}

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    scalar_as_text!(visit_str: &str, visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = seq.next_element()? {
            entries.push(entry);
        }
        Ok(OneOrMany::Many(entries))
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}
