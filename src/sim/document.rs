//! A policy document as the simulated cluster keeps it: the text that was sent, minified.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use super::json;

/// A JSON text without white space between its tokens. Whether a real cluster writes a document anew is unknown;
/// here it is kept as it was sent, member for member.
#[derive(Debug, Clone)]
pub struct Document(Arc<RawValue>);

impl Document {
    /// Takes a JSON text in which no member is named twice.
    ///
    /// # Errors
    /// Says where it is not that.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        json::check(text)?;
        RawValue::from_string(json::minify(text)).map(|raw| Self(raw.into()))
    }

    /// The text, minified.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Document {}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(writer)
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(reader)?;
        Self::parse(raw.get()).map_err(de::Error::custom)
    }
}
