//! Reads the bodies of successful answers, in every shape that releases and clients show.
//!
//! The definitions leave some shapes open (`GET /s3/policies`, `GET /s3/policies/{policy}`), and clients see shapes that no
//! definition declares. So each function accepts all known shapes and no other: an unknown shape is an error, never an
//! empty list.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::base::{BucketName, KeyPair, PolicyName, SessionKeys, UserName};
use crate::cluster::json::{self, ClusterFacts, Expected, Login, Members, cluster_facts, policy_or_none, same_tenant};
use crate::cluster::{UserRecord, Users, key_pair};

pub(super) type Read<T> = fn(&str) -> Result<T, Expected>;

/// How long a token lives if the answer does not say: the vendor's default.
const DEFAULT_LIFE_SECONDS: u64 = 300;

#[derive(Debug)]
pub(super) struct Tokens {
    pub(super) access: SecretString,
    pub(super) refresh: Option<SecretString>,
    pub(super) life_seconds: u64,
    /// Reported since 4.4.
    pub(super) password_change_required: bool,
}

/// Reads `POST /login` and `POST /login/refresh`: `data` is an object, on one page of the documentation an array
/// of one.
pub(super) fn tokens(body: &str) -> Result<Tokens, Expected> {
    #[derive(Deserialize)]
    struct Raw {
        access_token: String,
        refresh_token: Option<String>,
        expires_in: Option<f64>,
        #[serde(default)]
        password_change_required: Option<bool>,
    }
    let raw: Raw = object(sole(data(body)?)).ok_or(Expected("an access token"))?;
    // A `number` in the definitions. The cast cuts off a fraction, and makes 0 of a negative number.
    let life_seconds = raw.expires_in.map_or(DEFAULT_LIFE_SECONDS, |seconds| seconds as u64);
    Ok(Tokens {
        access: raw.access_token.into(),
        refresh: raw.refresh_token.filter(|token| !token.is_empty()).map(Into::into),
        life_seconds,
        password_change_required: raw.password_change_required.unwrap_or(false),
    })
}

pub(super) fn cluster(body: &str) -> Result<ClusterFacts, Expected> {
    cluster_facts(object(data(body)?))
}

pub(super) fn whoami(body: &str) -> Result<Login, Expected> {
    #[derive(Deserialize)]
    struct Raw {
        username: String,
        role: String,
        org_name: String,
        #[serde(default, deserialize_with = "id")]
        org_id: Option<String>,
    }
    let raw: Raw = object(data(body)?).ok_or(Expected("a user name, role and org_name"))?;
    Ok(Login { user: raw.username, role: raw.role, tenant: raw.org_name, tenant_id: raw.org_id })
}

/// An id as text: the definitions say a number, and the `weka` command writes some ids as text.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Raw {
        Number(serde_json::Number),
        Text(String),
    }
    Ok(Option::deserialize(deserializer)?.map(|raw| match raw {
        Raw::Number(number) => whole(&number),
        Raw::Text(text) => text,
    }))
}

/// A number as text: `300.0` is `300`.
fn whole(number: &serde_json::Number) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[derive(Debug, Deserialize)]
pub(super) struct UserRow {
    #[serde(rename = "username")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) role: String,
    #[serde(default, deserialize_with = "id")]
    pub(super) uid: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) source: String,
    #[serde(default, deserialize_with = "id")]
    pub(super) org_id: Option<String>,
    /// `None` if the record has no such member (before 4.4), `Some(None)` if the user has no policy.
    #[serde(default, deserialize_with = "attached")]
    pub(super) policy: Option<Option<PolicyName>>,
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn attached<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<PolicyName>>, D::Error> {
    Ok(Some(policy_or_none(Option::deserialize(deserializer)?)))
}

pub(super) fn users(body: &str) -> Result<Vec<UserRow>, Expected> {
    let rows: Vec<Box<RawValue>> = array(data(body)?).ok_or(Expected("a list of users"))?;
    rows.iter().map(|row| object(row.get()).ok_or(Expected("a list of users with names"))).collect()
}

/// Reads `GET /s3/userPolicies`: `users` at the top as in the definition, or under `data` as a client sees it.
/// An empty text is a user without a policy. A name that occurs twice is listed twice: most JSON readers would silently keep
/// the last one.
pub(super) fn user_policies(body: &str) -> Result<Vec<(UserName, Option<PolicyName>)>, Expected> {
    #[derive(Deserialize)]
    struct Raw {
        users: Members<Option<String>>,
    }
    let raw: Raw = object(data(body)?).ok_or(Expected("users and their policies"))?;
    Ok(raw.users.0.into_iter().map(|(user, policy)| (UserName::reported(user), policy_or_none(policy))).collect())
}

/// The users of a tenant, with the policies from `/users`. Records without a tenant belong to the caller's. Some releases
/// may list users of other tenants to an administrator of the cluster.
pub(super) fn from_records(rows: Vec<UserRow>, tenant: Option<&str>, attachments_known: bool) -> Users {
    let users = rows.into_iter().filter(|row| is_of(row, tenant)).map(record).collect();
    Users { users, attachments_known }
}

/// The same with the policies from `/s3/userPolicies`. A user with a policy that `/users` does not list (a user of a
/// directory, perhaps) is added, with the role that a policy implies and no source. A name that either answer has several
/// times gets a record for each.
pub(super) fn from_map(
    rows: Vec<UserRow>,
    tenant: Option<&str>,
    reported: Vec<(UserName, Option<PolicyName>)>,
) -> Users {
    let mut attached: BTreeMap<UserName, Vec<Option<PolicyName>>> = BTreeMap::new();
    for (user, policy) in reported {
        attached.entry(user).or_default().push(policy);
    }
    let listed: BTreeSet<UserName> = rows.iter().map(|row| UserName::reported(row.name.as_str())).collect();
    let nothing = vec![None];
    let mut users = Vec::new();
    for user in from_records(rows, tenant, true).users {
        let policies = attached.get(&user.name).unwrap_or(&nothing);
        users.extend(policies.iter().map(|policy| UserRecord { policy: policy.clone(), ..user.clone() }));
    }
    for (name, policies) in attached.into_iter().filter(|(name, _)| !listed.contains(name)) {
        let record = |policy| UserRecord { name: name.clone(), role: "S3".into(), source: String::new(), policy };
        users.extend(policies.into_iter().filter(Option::is_some).map(record));
    }
    Users { users, attachments_known: true }
}

pub(super) fn is_of(row: &UserRow, tenant: Option<&str>) -> bool {
    same_tenant(row.org_id.as_deref(), tenant)
}

fn record(row: UserRow) -> UserRecord {
    UserRecord { name: UserName::reported(row.name), role: row.role, source: row.source, policy: row.policy.flatten() }
}

/// Reads `GET /s3/policies`, whose shape no definition declares: `{policies: […]}` or a bare array, under `data` or
/// not, of names or of objects with a `name`.
pub(super) fn policies(body: &str) -> Result<Vec<PolicyName>, Expected> {
    json::names(data(body)?, "policies", PolicyName::reported).ok_or(Expected("a list of policies"))
}

/// Reads `GET /s3/buckets`, in the same shapes.
pub(super) fn buckets(body: &str) -> Result<Vec<BucketName>, Expected> {
    json::names(data(body)?, "buckets", BucketName::reported).ok_or(Expected("a list of buckets"))
}

/// Reads `GET /tenants` and `GET /organizations`: the names in the cluster's order.
pub(super) fn tenants(body: &str) -> Result<Vec<String>, Expected> {
    json::names(data(body)?, "tenants", |name| name).ok_or(Expected("a list of tenants"))
}

/// Reads `GET /s3/buckets/{bucket}/policy`.
pub(super) fn bucket_policy(body: &str) -> Result<String, Expected> {
    json::bucket_policy(data(body)?)
}

/// Reads `GET /s3/buckets/{bucket}/policyJson`: JSON in a string in the definitions.
pub(super) fn bucket_document(body: &str) -> Result<Option<String>, Expected> {
    json::bucket_document(data(body)?)
}

/// Reads `GET /s3/policies/{policy}`: the unchanged text of the document, in any shape.
pub(super) fn document(body: &str) -> Result<String, Expected> {
    json::document(data(body)?)
}

/// Reads `GET /s3/oidc`: whether there is an identity provider, which has an address of its configuration. `None` is an answer
/// with unknown members: no definition says what a cluster without a provider answers.
pub(super) fn identity_provider(body: &str) -> Result<Option<bool>, Expected> {
    let whole: Value = serde_json::from_str(body).map_err(|_| Expected("JSON"))?;
    let data = whole.get("data").unwrap_or(&whole);
    let sole = data.as_array().filter(|items| items.len() == 1).and_then(|items| items.first()).unwrap_or(data);
    let is_set = |address: &str| !address.trim().is_empty();
    Ok(match sole {
        Value::Null => Some(false),
        Value::Array(items) => items.is_empty().then_some(false),
        Value::String(text) => text.is_empty().then_some(false),
        Value::Object(members) if members.is_empty() => Some(false),
        Value::Object(members) => match members.get("config_url") {
            Some(Value::Null) => Some(false),
            Some(address) => address.as_str().map(is_set),
            None => None,
        },
        Value::Bool(_) | Value::Number(_) => None,
    })
}

/// Reads `GET /docs/schema`, without judging it.
pub(super) fn definition(body: &str) -> Result<String, Expected> {
    Ok(data(body).unwrap_or(body).to_owned())
}

/// Reads the answer to an attach. It is unknown whether and in which shape 5.1 and later show a new key pair here, so that all
/// shapes are accepted. An answer that is neither a key pair nor known to be empty is an error: it may hold a key pair.
pub(super) fn key_pair(body: &str) -> Result<Option<KeyPair>, Expected> {
    if let Some(pair) = key_pair::find(body) {
        return Ok(Some(pair));
    }
    if body.trim().is_empty() {
        return Ok(None);
    }
    nothing(body)?;
    match serde_json::from_str::<String>(data(body)?) {
        Ok(text) if !is_confirmation(&text) => Err(Expected("nothing, or a key pair")),
        Ok(_) | Err(_) => Ok(None),
    }
}

/// Reads the answer to a key reset, which has a new key pair.
pub(super) fn new_key_pair(body: &str) -> Result<KeyPair, Expected> {
    key_pair::find(body).ok_or(Expected("a key pair"))
}

/// Accepts every answer of the API. A page of a proxy is none.
pub(super) fn anything(body: &str) -> Result<(), Expected> {
    data(body).map(drop)
}

/// The id of a user among the users of a tenant. Several records with different ids are ambiguous.
pub(super) fn uid_of(rows: &[UserRow], tenant: Option<&str>, user: &UserName) -> Result<String, &'static str> {
    let of_user = rows.iter().filter(|row| is_of(row, tenant) && row.name == user.as_str());
    let ids: BTreeSet<Option<&str>> = of_user.map(|row| row.uid.as_deref()).collect();
    match ids.into_iter().collect::<Vec<_>>().as_slice() {
        [Some(one)] => Ok((*one).to_owned()),
        [] => Err("the cluster has no such user"),
        [None] => Err("the cluster does not report its id"),
        _ => Err("the cluster has several users of this name"),
    }
}

fn is_confirmation(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "" | "ok" | "done" | "success" | "null")
}

/// Reads `POST /s3/sts`: bare in the definitions, perhaps under `data`.
pub(super) fn session_keys(body: &str) -> Result<SessionKeys, Expected> {
    json::session_keys(object(sole(data(body)?)))
}

/// Reads the empty answer to a write: `{"data": null}`, `{}` or `null`. Any other JSON answers something else, so that the
/// outcome of the write is unknown.
pub(super) fn nothing(body: &str) -> Result<(), Expected> {
    const EXPECTED: Expected = Expected("an object with `data` and nothing in it");
    data(body)?;
    let members: Option<BTreeMap<String, Value>> = serde_json::from_str(body).map_err(|_| EXPECTED)?;
    let Some(members) = members.filter(|members| !members.is_empty()) else { return Ok(()) };
    let is_empty =
        |data: &Value| data.as_object().is_none_or(|data| data.is_empty()) && data.as_array().is_none_or(Vec::is_empty);
    if members.get("data").is_some_and(is_empty) { Ok(()) } else { Err(EXPECTED) }
}

/// The JSON under `data`, or all of it without a `data`.
fn data(body: &str) -> Result<&str, Expected> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let whole: &RawValue = serde_json::from_str(body).map_err(|_| Expected("JSON"))?;
    if !is_object(whole.get()) {
        return Ok(whole.get());
    }
    let envelope: Envelope<'_> = serde_json::from_str(whole.get()).map_err(|_| Expected("JSON with one `data`"))?;
    Ok(envelope.data.map_or(whole.get(), RawValue::get))
}

/// The element of an array of one; any other JSON unchanged.
fn sole(json: &str) -> &str {
    match serde_json::from_str::<Vec<&RawValue>>(json).as_deref() {
        Ok([one]) => one.get(),
        _ => json,
    }
}

fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{')
}

/// Reads an object only: serde would also fill a struct from an array, by position.
fn object<T: DeserializeOwned>(json: &str) -> Option<T> {
    if is_object(json) { serde_json::from_str(json).ok() } else { None }
}

fn array<T: DeserializeOwned>(json: &str) -> Option<Vec<T>> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn names(body: &str) -> Vec<String> {
        policies(body).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tokens_come_as_an_object_or_an_array_of_one() {
        let object = r#"{"access_token":"a","token_type":"Bearer","expires_in":3000,"refresh_token":"r"}"#;
        for body in [format!(r#"{{"data":{object}}}"#), format!(r#"{{"data":[{object}]}}"#)] {
            let tokens = tokens(&body).unwrap();
            assert_eq!((tokens.access.expose_secret(), tokens.refresh.unwrap().expose_secret()), ("a", "r"));
            assert_eq!((tokens.life_seconds, tokens.password_change_required), (3000, false));
        }
        let bare =
            tokens(r#"{"data":{"access_token":"a","password_change_required":true,"refresh_token":""}}"#).unwrap();
        assert_eq!((bare.life_seconds, bare.refresh.is_none(), bare.password_change_required), (300, true, true));
        for body in ["", "<html>", r#"{"data":null}"#, r#"{"data":[]}"#, r#"{"data":{"access_token":7}}"#] {
            assert!(tokens(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_cluster_needs_a_release() {
        let body = r#"{"data":{"name":"w","guid":"g","release":"4.2.1","extra":[1]}}"#;
        let ClusterFacts { name, guid, release, .. } = cluster(body).unwrap();
        assert_eq!((name.as_str(), guid.as_str(), release.to_string().as_str()), ("w", "g", "4.2.1"));
        for (name, guid, release) in [("w", "g", "?"), ("w", "", "4.2.1")] {
            let body = format!(r#"{{"data":{{"name":"{name}","guid":"{guid}","release":"{release}"}}}}"#);
            assert!(cluster(&body).is_err(), "{body}");
        }
        assert!(cluster(r#"{"data":["w","g","4.2.1"]}"#).is_err());
    }

    #[test]
    fn whoami_takes_an_id_as_number_or_text() {
        for id in ["0", "\"0\"", "0.0"] {
            let who = r#""username":"admin","uid":"u","role":"ClusterAdmin","org_name":"Root""#;
            let who = whoami(&format!(r#"{{"data":{{"org_id":{id},{who}}}}}"#)).unwrap();
            let found = (who.user.as_str(), who.tenant.as_str(), who.tenant_id.as_deref());
            assert_eq!(found, ("admin", "Root", Some("0")));
        }
    }

    #[test]
    fn a_user_without_the_member_is_not_a_user_without_a_policy() {
        let rows = users(
            r#"{"data":[{"username":"a","role":"S3"},{"username":"b","policy":""},{"username":"c","policy":null,"source":null},
                {"username":"d","policy":"p","org_id":3,"uid":"x"}]}"#,
        )
        .unwrap();
        let policies: Vec<_> = rows.iter().map(|row| row.policy.clone()).collect();
        assert_eq!(policies, [None, Some(None), Some(None), Some(Some(PolicyName::reported("p")))]);
        for body in [r#"{"data":null}"#, r#"{"data":{}}"#, r#"{"data":[["a"]]}"#, r#"{"data":[{}]}"#] {
            assert!(users(body).is_err(), "{body}");
        }
    }

    #[test]
    fn user_policies_stand_at_the_top_or_under_data() {
        for body in [r#"{"users":{"a":"p","b":""}}"#, r#"{"data":{"users":{"a":"p","b":null}}}"#] {
            let map = user_policies(body).unwrap();
            let expected = [("a", Some("p")), ("b", None)];
            let expected = expected.map(|(user, policy)| (UserName::reported(user), policy.map(PolicyName::reported)));
            assert_eq!(map, expected);
        }
        assert_eq!(user_policies(r#"{"users":{"a":"p","a":"q"}}"#).unwrap().len(), 2);
        assert!(user_policies(r#"{"users":{}}"#).unwrap().is_empty());
        for body in ["{}", r#"{"data":null}"#, r#"{"users":null}"#, r#"{"data":[]}"#] {
            assert!(user_policies(body).is_err(), "{body}");
        }
    }

    #[test]
    fn policies_come_in_six_shapes() {
        for list in [r#"["a","b"]"#, r#"[{"name":"a"},{"name":"b","content":{}}]"#] {
            for body in [
                format!(r#"{{"data":{{"policies":{list}}}}}"#),
                format!(r#"{{"policies":{list}}}"#),
                format!(r#"{{"data":{list}}}"#),
                list.to_owned(),
            ] {
                assert_eq!(names(&body), ["a", "b"], "{body}");
            }
        }
        assert!(names(r#"{"data":{"policies":[]}}"#).is_empty());
        for body in ["{}", r#"{"data":null}"#, r#"{"data":{"policies":null}}"#, "[1]", "<html>", r#"["a""#] {
            assert!(policies(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_document_keeps_its_bytes() {
        let text = r#"{ "Version":"2012-10-17", "n":1.50, "Statement":[] }"#;
        assert_eq!(document(&format!(r#"{{"data":{{"policy":{{"name":"p","content":{text}}}}}}}"#)).unwrap(), text);
        let quoted = serde_json::to_string(text).unwrap();
        assert_eq!(document(&format!(r#"{{"data":{{"policy":{{"content":{quoted}}}}}}}"#)).unwrap(), text);
        for content in ["null", "[]", "\"\"", "\"[]\"", "\"{\"", "1"] {
            let body = format!(r#"{{"data":{{"policy":{{"content":{content}}}}}}}"#);
            assert!(document(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn an_attach_seldom_shows_a_key_pair() {
        for body in ["{\"data\":null}", "{}", "{\"data\":{}}", "{\"data\":\"ok\"}", "{\"data\":[]}"] {
            assert!(key_pair(body).unwrap().is_none(), "{body}");
        }
        for body in [r#"{"data":{"access_key":"AK","secret_key":"SK"}}"#, "Access-Key: AK\nSecret-Key: SK\n"] {
            let pair = key_pair(body).unwrap().unwrap();
            assert_eq!((pair.access_key.as_str(), pair.secret_key.expose_secret()), ("AK", "SK"));
        }
        for body in [
            r#"{"data":{"secret_key":"SK"}}"#,
            r#"{"data":{"access_key":"AK","secret_key":{"v":"SK"}}}"#,
            r#"{"data":{"id":"AK","key":"SK"}}"#,
            r#"{"data":"AK SK"}"#,
            r#"["AK","SK"]"#,
            "<html>",
            "AK SK",
        ] {
            assert!(key_pair(body).is_err(), "{body}");
        }
        assert!(key_pair("").unwrap().is_none());
    }

    #[test]
    fn an_empty_answer_is_json() {
        for body in [r#"{"data":null}"#, "null", "{}"] {
            assert!(nothing(body).is_ok(), "{body}");
        }
        let pages = ["<html></html>", "", r#"{"data":null"#, "[]"];
        for body in pages.into_iter().chain([r#"{"data":{"users":[]}}"#, r#"{"data":["p"]}"#, r#"{"status":"ok"}"#]) {
            assert!(nothing(body).is_err(), "{body}");
        }
    }

    fn rows() -> Vec<UserRow> {
        users(
            r#"{"data":[{"username":"a","role":"S3","source":"Internal","org_id":0},
                {"username":"b","role":"S3","org_id":"0"},
                {"username":"c","role":"S3","org_id":1},
                {"username":"d","role":"ClusterAdmin"}]}"#,
        )
        .unwrap()
    }

    fn shown(users: &Users) -> Vec<(&str, Option<&str>)> {
        users.users.iter().map(|user| (user.name.as_str(), user.policy.as_ref().map(PolicyName::as_str))).collect()
    }

    #[test]
    fn users_of_other_tenants_are_left_out() {
        let users = from_records(rows(), Some("0"), false);
        assert_eq!(shown(&users), [("a", None), ("b", None), ("d", None)]);
        assert!(!users.attachments_known);
        assert_eq!(from_records(rows(), None, false).users.len(), 4);
    }

    #[test]
    fn a_user_that_is_not_listed_still_has_its_policy() {
        let attached = user_policies(r#"{"users":{"a":"p","b":"","c":"q","ldap":"r","gone":""}}"#).unwrap();
        let users = from_map(rows(), Some("0"), attached);
        assert_eq!(shown(&users), [("a", Some("p")), ("b", None), ("d", None), ("ldap", Some("r"))]);
        assert!(users.attachments_known);
    }

    #[test]
    fn a_name_that_an_answer_has_twice_has_two_records() {
        let attached = user_policies(r#"{"users":{"a":"p","a":"q","ldap":"r","ldap":"r"}}"#).unwrap();
        let users = from_map(rows(), Some("0"), attached);
        let expected =
            [("a", Some("p")), ("a", Some("q")), ("b", None), ("d", None), ("ldap", Some("r")), ("ldap", Some("r"))];
        assert_eq!(shown(&users), expected);
        let twice = || rows().into_iter().chain(rows()).filter(|row| row.name == "a").collect();
        let attached = user_policies(r#"{"users":{"a":"p"}}"#).unwrap();
        assert_eq!(shown(&from_map(twice(), Some("0"), attached)), [("a", Some("p")); 2]);
        assert_eq!(from_records(twice(), Some("0"), true).users.len(), 2);
    }
}
