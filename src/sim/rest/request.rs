//! Bodies and queries of requests, read strictly: a member or parameter that the definition does not have is an error.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::value::{RawValue, to_raw_value};

use crate::sim::document::{StoredDocument, check_json};
use crate::sim::http::pairs;
use crate::sim::operations::Refusal;
use crate::sim::state::ClusterState;

pub(super) type Since = fn(&ClusterState) -> bool;

pub(super) const ALWAYS: Since = |_| true;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MemberType {
    Text,
    /// A number; in this API always a non-negative integer.
    Number,
    Object,
    /// A JSON object, or a string that contains one.
    ObjectOrText,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct BodyMember {
    pub(super) name: &'static str,
    pub(super) kind: MemberType,
    pub(super) required: bool,
    pub(super) exists: Since,
}

pub(super) const fn required(name: &'static str, kind: MemberType) -> BodyMember {
    BodyMember { name, kind, required: true, exists: ALWAYS }
}

pub(super) const fn optional(name: &'static str, kind: MemberType) -> BodyMember {
    BodyMember { name, kind, required: false, exists: ALWAYS }
}

#[derive(Debug)]
pub(super) struct RequestBody(BTreeMap<String, Box<RawValue>>);

impl RequestBody {
    pub(super) fn read(
        members: &[BodyMember],
        may_be_form: bool,
        content_type: Option<&str>,
        bytes: &[u8],
    ) -> Result<Self, Refusal> {
        // How a cluster treats the body of a call that has none is unknown.
        let is_optional = members.iter().all(|member| !member.required);
        if members.is_empty() || is_optional && bytes.is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        let media_type = content_type.and_then(|content_type| content_type.split(';').next()).map(str::trim);
        let is = |wanted: &str| media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case(wanted));
        if may_be_form && is("application/x-www-form-urlencoded") {
            let body = form(bytes)?;
            check(members, &body)?;
            return Ok(Self(body));
        }
        if !is("application/json") {
            return Err(Refusal::invalid("the content type of the body must be application/json"));
        }
        let broken = |error: &dyn std::fmt::Display| Refusal::invalid(format!("the body cannot be read: {error}"));
        let text = str::from_utf8(bytes).map_err(|error| broken(&error))?;
        check_json(text).map_err(|error| broken(&error))?;
        let body: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).map_err(|error| broken(&error))?;
        check(members, &body)?;
        Ok(Self(body))
    }

    /// A required text; [`read`](Self::read) checked that it exists.
    pub(super) fn text(&self, name: &str) -> String {
        self.optional_text(name).unwrap_or_default()
    }

    pub(super) fn optional_text(&self, name: &str) -> Option<String> {
        self.0.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(|raw| whole_number(raw.get()))
    }

    pub(super) fn posix_id(&self, name: &str) -> Result<Option<u32>, Refusal> {
        let id = self.number(name).map(u32::try_from).transpose();
        id.map_err(|_| Refusal::param(name, format!("{name} is too large")))
    }

    /// An optional policy document, as an object or as JSON in a string.
    pub(super) fn document(&self, name: &str) -> Result<Option<StoredDocument>, Refusal> {
        let Some(raw) = self.0.get(name) else { return Ok(None) };
        let inner = self.optional_text(name);
        let text = inner.as_deref().unwrap_or(raw.get());
        let wrong = |error| Refusal::param(name, format!("Invalid policy: {error}"));
        StoredDocument::parse(text).map(Some).map_err(wrong)
    }
}

fn check(members: &[BodyMember], body: &BTreeMap<String, Box<RawValue>>) -> Result<(), Refusal> {
    let unknown = body.keys().filter(|name| members.iter().all(|member| member.name != *name));
    let unknown: Vec<String> = unknown.cloned().collect();
    if !unknown.is_empty() {
        return Err(Refusal::Unknown(unknown));
    }
    let missing = members.iter().filter(|member| member.required && !body.contains_key(member.name));
    let missing: Vec<String> = missing.map(|member| member.name.to_owned()).collect();
    if !missing.is_empty() {
        return Err(Refusal::Missing(missing));
    }
    let fits = |member: &BodyMember| body.get(member.name).is_none_or(|raw| member.kind.fits(raw.get()));
    match members.iter().find(|member| !fits(member)) {
        Some(member) => Err(Refusal::param(member.name, format!("{} must be {}", member.name, member.kind.name()))),
        None => Ok(()),
    }
}

/// A form as members that are texts.
fn form(bytes: &[u8]) -> Result<BTreeMap<String, Box<RawValue>>, Refusal> {
    let text = str::from_utf8(bytes).map_err(|_| Refusal::invalid("the body is not UTF-8"))?;
    let mut members = BTreeMap::new();
    for (name, value) in decoded_pairs(text)? {
        let value = to_raw_value(&value).map_err(|error| Refusal::invalid(error.to_string()))?;
        if members.insert(name.clone(), value).is_some() {
            return Err(Refusal::param(&name, format!("{name} is there twice")));
        }
    }
    Ok(members)
}

/// A number such as `300` or `300.0`.
fn whole_number(json: &str) -> Option<u64> {
    let digits = json.split_once('.').map_or(json, |(whole, rest)| if rest == "0" { whole } else { json });
    digits.parse().ok()
}

impl MemberType {
    fn fits(self, json: &str) -> bool {
        match self {
            Self::Text => json.starts_with('"'),
            Self::Number => whole_number(json).is_some(),
            Self::Object => json.starts_with('{'),
            Self::ObjectOrText => json.starts_with(['{', '"']),
        }
    }

    pub(super) fn in_definition(self) -> &'static str {
        match self {
            Self::Text | Self::ObjectOrText => "string",
            Self::Number => "number",
            Self::Object => "object",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::ObjectOrText => "an object or a string",
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RequestQuery(BTreeMap<String, String>);

impl RequestQuery {
    pub(super) fn read(query: Option<&str>, allowed: &[&str]) -> Result<Self, Refusal> {
        let mut read = BTreeMap::new();
        let pairs = decoded_pairs(query.unwrap_or_default())?;
        let unknown = pairs.iter().map(|(name, _)| name).filter(|name| !allowed.contains(&name.as_str()));
        let unknown: Vec<String> = unknown.cloned().collect();
        if !unknown.is_empty() {
            return Err(Refusal::Unknown(unknown));
        }
        for (name, value) in pairs {
            let twice = Refusal::param(&name, format!("{name} is there twice"));
            if read.insert(name, value).is_some() {
                return Err(twice);
            }
        }
        Ok(Self(read))
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that is `true` or `false`; `false` by default.
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

/// The pairs of a query or a form, decoded.
fn decoded_pairs(text: &str) -> Result<Vec<(String, String)>, Refusal> {
    pairs(text).map(|(name, value)| Ok((decode(name)?, decode(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rest::calls::CALLS;

    const JSON: Option<&str> = Some("application/json; charset=utf-8");

    fn members(release: &str, path: &str) -> Vec<BodyMember> {
        let spec = CALLS.iter().find(|spec| (spec.method, spec.path) == ("POST", path)).unwrap();
        spec.members(&ClusterState { release: release.parse().unwrap(), ..ClusterState::default() })
    }

    fn read(release: &str, path: &str, text: &str) -> Result<RequestBody, Refusal> {
        RequestBody::read(&members(release, path), false, JSON, text.as_bytes())
    }

    const DETACH: &str = "/s3/policies/detach";
    const ADD_POLICY: &str = "/s3/policies";

    #[test]
    fn members_outside_the_definition_are_refused() {
        for (release, path, text, wrong) in [
            ("5.1", DETACH, r#"{"user_name":1}"#, Some("user_name")),
            ("5.1", DETACH, r#"{"user_name":null}"#, Some("user_name")),
            ("4.4", "/users", r#"{"username":"a","password":"b","org":"c"}"#, Some("org")),
            ("4.0", "/login/refresh", r#"{"refresh_token":"","access_token_expiry":1}"#, Some("access_token_expiry")),
            ("4.4", "/login/refresh", r#"{"refresh_token":"","access_token_expiry":1}"#, None),
        ] {
            let param = match read(release, path, text) {
                Ok(_) => None,
                Err(Refusal::Invalid { param, .. }) => param,
                Err(Refusal::Unknown(params)) => params.first().cloned(),
                Err(refusal) => panic!("{refusal:?}"),
            };
            assert_eq!(param.as_deref(), wrong, "{release} {text}");
        }
    }

    #[test]
    fn all_missing_members_are_named() {
        let missing = vec!["policy_name".to_owned(), "user_name".to_owned()];
        assert_eq!(read("5.1", "/s3/policies/attach", "{}").unwrap_err(), Refusal::Missing(missing));
    }

    #[test]
    fn a_body_is_one_json_object_without_duplicates() {
        for text in ["", "{", "[]", "null", r#"{"user_name":"a"}{}"#, r#"{"user_name":"a","user_name":"b"}"#] {
            assert!(matches!(read("5.1", DETACH, text), Err(Refusal::Invalid { .. })), "{text}");
        }
        for content_type in [None, Some("text/plain"), Some("application/json5")] {
            let body = br#"{"user_name":"a"}"#;
            assert!(RequestBody::read(&members("5.1", DETACH), false, content_type, body).is_err());
        }
        RequestBody::read(&[], false, None, b"").unwrap();
    }

    #[test]
    fn a_login_may_be_a_form() {
        let form = |text: &str| {
            let content_type = Some("application/x-www-form-urlencoded");
            RequestBody::read(&members("5.1", "/login"), true, content_type, text.as_bytes())
        };
        let body = form("username=my+admin&password=a%26b%3D").unwrap();
        assert_eq!((body.text("username"), body.text("password")), ("my admin".into(), "a&b=".into()));
        for wrong in ["username=a", "username=a&password=b&password=c", "username=a&password=%ff"] {
            assert!(form(wrong).is_err(), "{wrong}");
        }
        let unknown = form("username=a&password=b&more=1&other=2").unwrap_err();
        assert_eq!(unknown, Refusal::Unknown(vec!["more".into(), "other".into()]));
    }

    #[test]
    fn numbers_may_have_a_fraction_of_zero() {
        for (json, number) in [("300", Some(300)), ("300.0", Some(300)), ("300.5", None), ("-1", None), ("3e2", None)] {
            assert_eq!(whole_number(json), number, "{json}");
        }
    }

    #[test]
    fn a_document_in_a_string_is_for_old_releases() {
        let object = r#"{"policy_name":"a","policy_file_content":{"x": 1.0}}"#;
        let text = r#"{"policy_name":"a","policy_file_content":"{\"x\": 1.0}"}"#;
        for (release, body) in [("3.14", object), ("3.14", text), ("4.0", text), ("4.4", object), ("5.1", object)] {
            let body = read(release, ADD_POLICY, body).unwrap();
            assert_eq!(body.document("policy_file_content").unwrap().unwrap().as_str(), r#"{"x":1.0}"#);
        }
        assert!(["4.4", "5.1"].iter().all(|release| read(release, ADD_POLICY, text).is_err()));
        let body = read("4.0", ADD_POLICY, r#"{"policy_name":"a","policy_file_content":"{"}"#).unwrap();
        assert!(body.document("policy_file_content").is_err());
    }

    #[test]
    fn a_query_has_only_the_parameters_of_the_call() {
        let read = |query| RequestQuery::read(Some(query), &["org", "include_tenants"]);
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
