//! The query of a request, read as strictly as a body.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::sim::rules::Refusal;

/// The parameters of a query.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads a query that can have the parameters `allowed`.
    ///
    /// # Errors
    /// It has another, or one twice.
    pub(super) fn read(query: Option<&str>, allowed: &[&str]) -> Result<Self, Refusal> {
        let mut read = BTreeMap::new();
        for part in query.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !allowed.contains(&name.as_str()) {
                return Err(Refusal::param(&name, format!("{name} is not a parameter of this call")));
            }
            let twice = Refusal::param(&name, format!("{name} is there twice"));
            if read.insert(name, value).is_some() {
                return Err(twice);
            }
        }
        Ok(Self(read))
    }

    /// A parameter.
    #[must_use]
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that is `true` or `false`, and `false` when it is not there.
    ///
    /// # Errors
    /// It is neither.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Refusal::param(name, format!("{name} must be a boolean"))),
        }
    }
}

fn decode(text: &str) -> Result<String, Refusal> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map(std::borrow::Cow::into_owned);
    decoded.map_err(|_| Refusal::invalid("the query is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_what_the_call_takes_and_nothing_else() {
        let read = |query| Query::read(Some(query), &["org", "include_tenants"]);
        let query = read("org=my%20lab+1&include_tenants=true").unwrap();
        assert_eq!(query.text("org"), Some("my lab 1"));
        assert_eq!(query.flag("include_tenants"), Ok(true));
        assert_eq!(read("").unwrap().flag("include_tenants"), Ok(false));
        assert!(read("include_tenants=1").unwrap().flag("include_tenants").is_err());
        for wrong in ["tenant=x", "org=a&org=b", "org=%ff"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
