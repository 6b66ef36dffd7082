//! The parts of answers that both transports read.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Identity;
use crate::base::{PolicyName, Release, SessionKeys, UserName};

/// What an answer should hold and does not. Quotes nothing of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected(pub(super) &'static str);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClusterFacts {
    pub(super) name: String,
    pub(super) guid: String,
    pub(super) release: Release,
    /// Its time, if it says it.
    pub(super) time: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
pub(super) struct RawCluster {
    name: String,
    guid: String,
    release: String,
    #[serde(default)]
    time: Option<serde_json::Value>,
}

pub(super) fn cluster_facts(raw: Option<RawCluster>) -> Result<ClusterFacts, Expected> {
    let RawCluster { name, guid, release, time } = raw.ok_or(Expected("a cluster's name, guid and release"))?;
    let release = Release::parse(&release).ok_or(Expected("a release such as 5.1.2"))?;
    // Without an id it could be any cluster.
    if guid.is_empty() {
        return Err(Expected("a cluster's guid"));
    }
    let time = time.as_ref().and_then(|time| time.get("cluster_time")?.as_str());
    let time = time.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    Ok(ClusterFacts { name, guid, release, time })
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) role: String,
    pub(super) tenant: String,
    pub(super) tenant_id: Option<String>,
}

pub(super) fn identity(facts: ClusterFacts, login: &Login) -> Identity {
    let ClusterFacts { name, guid, release, time: _ } = facts;
    let (user, role, tenant) = (UserName::reported(login.user.as_str()), login.role.clone(), login.tenant.clone());
    Identity { name, guid, release, tenant, user, role }
}

/// Whether a record with this tenant id belongs to a tenant. If one of the two is unknown, it does.
pub(super) fn same_tenant(record: Option<&str>, tenant: Option<&str>) -> bool {
    record.is_none() || tenant.is_none() || record == tenant
}

/// The elements of a list: bare, or a member of that name, and either of them below `data`. Two members of one name are
/// ambiguous.
pub(super) fn list<T: DeserializeOwned>(json: &str, member: &str) -> Option<Vec<T>> {
    list_within(json, member, 2)
}

/// The same, at most so many objects deep.
fn list_within<T: DeserializeOwned>(json: &str, member: &str, depth: usize) -> Option<Vec<T>> {
    if json.starts_with('[') {
        return serde_json::from_str(json).ok();
    }
    let depth = depth.checked_sub(1)?;
    let Members(object) = serde_json::from_str::<Members<&RawValue>>(json).ok()?;
    let named = |wanted: &str| object.iter().filter(|(name, _)| name == wanted).map(|(_, list)| *list).collect();
    let found = [member, "data"].map(named).into_iter().find(|found: &Vec<_>| !found.is_empty())?;
    match found.as_slice() {
        [only] => list_within(only.get(), member, depth),
        _ => None,
    }
}

/// The names in a list, of texts (before 4.2 for buckets) or of objects with a `name`.
pub(super) fn names<T>(json: &str, member: &str, reported: fn(String) -> T) -> Option<Vec<T>> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Listed {
        Name(String),
        Object { name: String },
    }
    let name = |(Listed::Name(name) | Listed::Object { name }): Listed| reported(name);
    Some(list(json, member)?.into_iter().map(name).collect())
}

/// The document of a bucket's policy, in the shapes of [`document`]. `None` for an answer with nothing in it.
pub(super) fn bucket_document(json: &str) -> Result<Option<String>, Expected> {
    if is_nothing(json, MAX_WRAPPED) {
        return Ok(None);
    }
    unwrapped(json, MAX_WRAPPED).map(Some).ok_or(Expected("the document of a bucket policy, or nothing"))
}

fn is_nothing(json: &str, depth: usize) -> bool {
    let (json, Some(depth)) = (json.trim(), depth.checked_sub(1)) else { return false };
    if json.is_empty() || json == "null" {
        return true;
    }
    if json.starts_with('"') {
        return serde_json::from_str::<String>(json).is_ok_and(|text| is_nothing(&text, depth));
    }
    if json.starts_with('[') {
        let items = serde_json::from_str::<Vec<&RawValue>>(json);
        return items.is_ok_and(|items| items.len() < 2 && items.iter().all(|item| is_nothing(item.get(), depth)));
    }
    let Ok(Members(members)) = serde_json::from_str::<Members<&RawValue>>(json) else { return false };
    match members.as_slice() {
        [] => true,
        [(name, value)] => ["content", "policy", "data"].contains(&name.as_str()) && is_nothing(value.get(), depth),
        _ => false,
    }
}

/// What an answer calls the policy of a bucket: a text, alone or below `policy` or `data`. A document in its place is its own
/// text.
pub(super) fn bucket_policy(json: &str) -> Result<String, Expected> {
    named(json, MAX_WRAPPED).ok_or(Expected("the name of a bucket policy"))
}

fn named(json: &str, depth: usize) -> Option<String> {
    let (json, depth) = (json.trim(), depth.checked_sub(1)?);
    if json.starts_with('"') {
        return serde_json::from_str(json).ok();
    }
    if json.starts_with('[') {
        let [only] = serde_json::from_str::<[&RawValue; 1]>(json).ok()?;
        return named(only.get(), depth);
    }
    let Members(members) = serde_json::from_str::<Members<&RawValue>>(json).ok()?;
    let inner: Vec<_> = members.iter().filter(|(name, _)| ["policy", "data"].contains(&name.as_str())).collect();
    match inner.as_slice() {
        [] if members.iter().any(|(name, _)| name == "Statement") => Some(json.to_owned()),
        [(_, value)] => named(value.get(), depth),
        _ => None,
    }
}

/// How many lists, objects and strings may be around a document.
const MAX_WRAPPED: usize = 6;

/// The unchanged text of the document in an answer, in every shape that releases and clients show: the document alone, or the
/// `content` of a policy, below `policy` or `data`, alone in a list, as an object or as JSON in a string. An answer with two
/// of them is ambiguous.
pub(super) fn document(json: &str) -> Result<String, Expected> {
    unwrapped(json, MAX_WRAPPED).ok_or(Expected("a policy with its content"))
}

fn unwrapped(json: &str, depth: usize) -> Option<String> {
    let (json, depth) = (json.trim(), depth.checked_sub(1)?);
    if json.starts_with('"') {
        return unwrapped(&serde_json::from_str::<String>(json).ok()?, depth);
    }
    if json.starts_with('[') {
        let [only] = serde_json::from_str::<[&RawValue; 1]>(json).ok()?;
        return unwrapped(only.get(), depth);
    }
    let Members(members) = serde_json::from_str::<Members<&RawValue>>(json).ok()?;
    let named =
        |names: &[&str]| -> Vec<_> { members.iter().filter(|(name, _)| names.contains(&name.as_str())).collect() };
    let is_document = !named(&["Statement", "Version"]).is_empty();
    match (is_document, named(&["content", "policy", "data"]).as_slice()) {
        (true, []) => Some(json.to_owned()),
        (false, [(name, value)]) if name == "content" && value.get().starts_with('{') => Some(value.get().to_owned()),
        (false, [(_, value)]) => unwrapped(value.get(), depth),
        (true | false, _) => None,
    }
}

/// The policy of a user or group. An empty name is none.
pub(super) fn policy_or_none(policy: Option<String>) -> Option<PolicyName> {
    policy.filter(|name| !name.is_empty()).map(PolicyName::reported)
}

#[derive(Deserialize)]
pub(super) struct RawSessionKeys {
    #[serde(alias = "access_key_id")]
    access_key: String,
    #[serde(alias = "secret_access_key")]
    secret_key: String,
    session_token: String,
}

pub(super) fn session_keys(raw: Option<RawSessionKeys>) -> Result<SessionKeys, Expected> {
    let RawSessionKeys { access_key, secret_key, session_token } = raw.ok_or(Expected("temporary credentials"))?;
    Ok(SessionKeys { access_key, secret_key: secret_key.into(), session_token: session_token.into() })
}

/// All members of a JSON object in their order, several of one name included.
pub(super) struct Members<T>(pub(super) Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for All<T> {
            type Value = Members<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_found_in_every_shape_and_is_unchanged() {
        const DOCUMENT: &str = r#"{"Version": "2012-10-17","Statement":[ ], "n": 1.0e2}"#;
        let text = serde_json::Value::from(DOCUMENT);
        for answer in [
            DOCUMENT.to_owned(),
            text.to_string(),
            format!(r#"[{DOCUMENT}]"#),
            format!(r#"{{"name":"a","content":{DOCUMENT}}}"#),
            format!(r#"[{{"name":"a","content":{DOCUMENT}}}]"#),
            format!(r#"[{{"name":"a","content":{text}}}]"#),
            format!(r#"{{"name":"a","policy":{DOCUMENT}}}"#),
            format!(r#"{{"policy":{text}}}"#),
            format!(r#"{{"policy":{{"name":"a","content":{DOCUMENT}}}}}"#),
            format!(r#"{{"data":{{"policy":{{"name":"a","content":{text}}}}}}}"#),
        ] {
            assert_eq!(document(&answer).as_deref(), Ok(DOCUMENT), "{answer}");
        }
        assert_eq!(
            document(r#"{"content":{"x":1}}"#).as_deref(),
            Ok(r#"{"x":1}"#),
            "what the reader of documents refuses"
        );
        for nothing in
            ["", "null", "{}", "[]", r#""""#, r#"{"policy":""}"#, r#"{"data":{"policy":null}}"#, r#"[{"policy":"{}"}]"#]
        {
            assert_eq!(bucket_document(nothing), Ok(None), "{nothing}");
        }
        assert_eq!(bucket_document(&format!(r#"{{"policy":{text}}}"#)), Ok(Some(DOCUMENT.to_owned())));
        for answer in [r#""None""#, r#"{"policy":"Custom"}"#, "{", r#"{"a":1}"#, r#"["",""]"#, r#"{"policy":"","x":1}"#]
        {
            assert!(bucket_document(answer).is_err(), "{answer}");
        }
        for answer in [
            r#""Download""#,
            r#"{"policy":"Download"}"#,
            r#"{"data":{"policy":"Download"}}"#,
            r#"[{"policy":"Download"}]"#,
        ] {
            assert_eq!(bucket_policy(answer).as_deref(), Ok("Download"), "{answer}");
        }
        assert_eq!(bucket_policy(&format!(r#"{{"policy":{text}}}"#)).as_deref(), Ok(DOCUMENT));
        for answer in ["", "7", "null", "{}", r#"{"policy":7}"#, r#"{"policy":"a","data":"b"}"#, r#"["a","b"]"#] {
            assert!(bucket_policy(answer).is_err(), "{answer}");
        }
        for answer in [
            "",
            "null",
            "{}",
            "[]",
            "7",
            r#""{""#,
            r#"{"policy":{"name":"a"}}"#,
            r#"{"content":null}"#,
            r#"{"content":[]}"#,
            r#"{"content":{},"content":{}}"#,
            r#"{"content":{},"policy":{}}"#,
            r#"{"Version":"","content":{}}"#,
            r#"[{"Version":""},{"Version":""}]"#,
            &format!("{}{{\"Version\":1}}{}", "[".repeat(10), "]".repeat(10)),
        ] {
            assert!(document(answer).is_err(), "{answer}");
        }
    }
}
