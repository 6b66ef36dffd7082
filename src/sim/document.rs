//! A policy document as the simulated cluster stores it: the JSON text as it was sent, minified.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// A JSON text without white space between its tokens, otherwise as it was sent. Whether a real cluster reformats
/// documents is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument(Arc<str>);

impl StoredDocument {
    /// Parses a JSON text.
    ///
    /// # Errors
    /// It is not JSON, or an object has a member twice.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        check_json(text)?;
        Ok(Self(minify(text).into()))
    }

    /// The minified text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for StoredDocument {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(ser::Error::custom)?.serialize(writer)
    }
}

impl<'de> Deserialize<'de> for StoredDocument {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(reader)?;
        Self::parse(raw.get()).map_err(de::Error::custom)
    }
}

/// Checks that `text` is one JSON value in which no object has a member twice, which serde_json does not refuse.
pub(super) fn check_json(text: &str) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Unique.deserialize(&mut reader)?;
    reader.end()
}

/// Removes the white space between the tokens of a JSON text. Everything else stays: the order of members, escapes, the
/// form of numbers.
fn minify(text: &str) -> String {
    let mut small = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in text.chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if c.is_ascii_whitespace() {
            continue;
        } else {
            in_string = c == '"';
        }
        small.push(c);
    }
    small
}

macro_rules! accept {
    ($($visit:ident: $kind:ty),*) => {
        $(fn $visit<E: Error>(self, _: $kind) -> Result<(), E> {
            Ok(())
        })*
    };
}

/// Accepts any value without duplicate members, and keeps nothing.
struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Unique)?;
            if let Some(name) = seen.replace(name) {
                return Err(A::Error::custom(format!("the member `{name}` is there twice")));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Unique)?.is_some() {}
        Ok(())
    }

    accept! { visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duplicate_member_is_found_at_any_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"[{"b":{"a":[],"a":null}}]"#, r#"{"a":1,"\u0061":2}"#] {
            let error = check_json(text).unwrap_err().to_string();
            assert!(error.contains("`a` is there twice at line 1"), "{error}");
        }
        for text in [r#"{"a":1,"b":{"a":-2.5e3}}"#, "[]", "null", "true", r#""x""#] {
            check_json(text).unwrap();
        }
        assert!(check_json("{} {}").is_err() && check_json("").is_err());
    }

    #[test]
    fn minify_removes_only_the_space_between_tokens() {
        let text = " { \"b\" : [ 1.50 , \" a \\\" b \\\\\" ] ,\n\t\"a\" : \"\\u002a\" } ";
        assert_eq!(minify(text), r#"{"b":[1.50," a \" b \\"],"a":"\u002a"}"#);
    }
}
