//! Two things serde_json does not do: refuse a member that is named twice, and drop white space without touching the rest.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Checks that `text` is one JSON value in which no object names a member twice.
///
/// # Errors
/// Says what is wrong, with line and column.
pub(super) fn check(text: &str) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Unique.deserialize(&mut reader)?;
    reader.end()
}

/// `text`, which is JSON, without the white space between its tokens. Everything else stays as it was written:
/// the order of members, escapes, the form of numbers.
#[must_use]
pub(super) fn minify(text: &str) -> String {
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

/// Reads any value and keeps nothing.
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

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_named_twice_is_found_at_any_depth() {
        for text in [r#"{"a":1,"a":2}"#, r#"[{"b":{"a":[],"a":null}}]"#, r#"{"a":1,"\u0061":2}"#] {
            let error = check(text).unwrap_err().to_string();
            assert!(error.contains("`a` is there twice at line 1"), "{error}");
        }
        for text in [r#"{"a":1,"b":{"a":-2.5e3}}"#, "[]", "null", "true", r#""x""#] {
            check(text).unwrap();
        }
        assert!(check("{} {}").is_err() && check("").is_err());
    }

    #[test]
    fn minify_touches_only_the_space_between_tokens() {
        let text = " { \"b\" : [ 1.50 , \" a \\\" b \\\\\" ] ,\n\t\"a\" : \"\\u002a\" } ";
        assert_eq!(minify(text), r#"{"b":[1.50," a \" b \\"],"a":"\u002a"}"#);
    }
}
