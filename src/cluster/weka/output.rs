//! Reads the output of the `weka` command, in both forms of its JSON: a list or an object, ids as numbers or texts.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::base::{BucketName, GroupName, KeyPair, PolicyName, SessionKeys, UserName};
use crate::cluster::json::{self, ClusterFacts, Expected, Login, cluster_facts, policy_or_none, same_tenant};
use crate::cluster::key_pair::{find, may_hold_secret, mentions_secret};
use crate::cluster::{GroupRecord, UserRecord, Users};

pub(super) fn status(text: &str) -> Result<ClusterFacts, Expected> {
    cluster_facts(one(text))
}

/// A user in `weka user` and `weka user whoami`, with the old names of members and those since 6.0.
#[derive(Debug, Clone, Deserialize)]
struct Row {
    username: String,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default, alias = "orgId", alias = "tenantId", alias = "tenant_id", deserialize_with = "id")]
    org_id: Option<String>,
    #[serde(alias = "orgName", alias = "tenant", alias = "tenant_name", alias = "org")]
    org_name: Option<String>,
    #[serde(default, alias = "s3policy", deserialize_with = "present")]
    s3_policy: Option<Option<String>>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Ok(Some(Option::deserialize(deserializer)?))
}

/// An id as text: `3`, `"3"` and `"UserId<3>"` are the same.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => {
            let inner = text.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>'));
            Some(inner.unwrap_or(&text).to_owned())
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

/// Reads `weka user whoami`. A tenant without a name has its id as name.
pub(super) fn whoami(text: &str) -> Result<Login, Expected> {
    let row: Row = one(text).ok_or(Expected("a user's name and role"))?;
    let tenant = row.org_name.or_else(|| row.org_id.clone()).unwrap_or_default();
    Ok(Login { user: row.username, role: row.role.unwrap_or_default(), tenant, tenant_id: row.org_id })
}

pub(super) fn users(text: &str, tenant_id: Option<&str>) -> Result<Users, Expected> {
    let rows: Vec<Row> = list(text, "users").ok_or(Expected("a list of users with names"))?;
    let is_of = |row: &Row| same_tenant(row.org_id.as_deref(), tenant_id);
    if !rows.is_empty() && !rows.iter().any(is_of) {
        return Err(Expected("a user of the tenant that is logged in to"));
    }
    let attachments_known = rows.iter().any(|row| row.s3_policy.is_some());
    let record = |row: Row| UserRecord {
        name: UserName::reported(row.username),
        role: row.role.unwrap_or_default(),
        source: row.source.unwrap_or_default(),
        policy: policy_or_none(row.s3_policy.flatten()),
    };
    Ok(Users { users: rows.into_iter().filter(is_of).map(record).collect(), attachments_known })
}

pub(super) fn policies(text: &str) -> Result<Vec<PolicyName>, Expected> {
    names(text, "policies", PolicyName::reported).ok_or(Expected("a list of policies"))
}

pub(super) fn groups(text: &str) -> Result<Vec<GroupRecord>, Expected> {
    #[derive(Deserialize)]
    struct Group {
        name: String,
        policy: Option<String>,
    }
    let groups: Vec<Group> = list(text, "groups").ok_or(Expected("a list of groups"))?;
    let record =
        |group: Group| GroupRecord { name: GroupName::reported(group.name), policy: policy_or_none(group.policy) };
    Ok(groups.into_iter().map(record).collect())
}

pub(super) fn buckets(text: &str) -> Result<Vec<BucketName>, Expected> {
    names(text, "buckets", BucketName::reported).ok_or(Expected("a list of buckets"))
}

/// Reads `weka s3 bucket policy get`: JSON as REST answers it, or a word alone.
pub(super) fn bucket_policy(text: &str) -> Result<String, Expected> {
    let word = text.trim();
    if word.chars().all(|c| c.is_ascii_alphabetic()) && !word.is_empty() {
        return Ok(word.to_owned());
    }
    json::bucket_policy(if word.starts_with('"') { word } else { printed_json(text).map_or("", RawValue::get) })
}

/// Reads `weka s3 bucket policy get-json`.
pub(super) fn bucket_document(text: &str) -> Result<Option<String>, Expected> {
    json::bucket_document(printed_json(text).map_or(text, RawValue::get))
}

/// Reads `weka s3 policy show`: the vendor's page shows the document alone; the table has a name and a content; and raw JSON
/// is probably what REST answers.
pub(super) fn document(text: &str) -> Result<String, Expected> {
    json::document(printed_json(text).map_or("", RawValue::get))
}

/// Reads the standard output and standard error of a command that may create a key pair. `None` if they show none. Output
/// that may hold one that is not found is an error. `known` are words that are no secrets: the names in the command.
pub(super) fn key_pair(out: &str, err: &str, known: &[&str]) -> Result<Option<KeyPair>, Expected> {
    match (find(out), find(err)) {
        (Some(pair), None) | (None, Some(pair)) => Ok(Some(pair)),
        (Some(pair), Some(same)) if pair.access_key == same.access_key => Ok(Some(pair)),
        (Some(_), Some(_)) => Err(Expected("one key pair")),
        (None, None) if may_hold_secret(out, known) || mentions_secret(err) => Err(Expected("a whole key pair")),
        (None, None) => Ok(None),
    }
}

/// Reads `weka s3 sts assume-role`: JSON, or lines with labels as captured from 4.2.
pub(super) fn session_keys(text: &str) -> Result<SessionKeys, Expected> {
    labelled_session_keys(text).map_or_else(|| json::session_keys(one(text)), Ok)
}

fn labelled_session_keys(text: &str) -> Option<SessionKeys> {
    let is_token = |label: &str| {
        let plain: String = label.chars().filter(|c| c.is_alphanumeric()).collect();
        plain.eq_ignore_ascii_case("sessiontoken")
    };
    let mut labelled = text.lines().filter_map(|line| line.split_once(':'));
    let (_, token) = labelled.find(|(label, _)| is_token(label))?;
    let token = Some(token.trim()).filter(|token| !token.is_empty() && !token.contains(char::is_whitespace))?;
    let KeyPair { access_key, secret_key } = find(text)?;
    Some(SessionKeys { access_key, secret_key, session_token: token.into() })
}

/// The printed object: bare, alone in a list, or under `data`.
fn one<T: DeserializeOwned>(text: &str) -> Option<T> {
    let json = printed_json(text)?;
    let sole = match serde_json::from_str::<Vec<&RawValue>>(json.get()).as_deref() {
        Ok([one]) => one,
        Ok(_) => return None,
        Err(_) => json,
    };
    if !sole.get().starts_with('{') {
        return None;
    }
    serde_json::from_str(sole.get()).ok().or_else(|| serde_json::from_str::<Data<T>>(sole.get()).ok().map(|it| it.data))
}

/// The elements of the printed list.
fn list<T: DeserializeOwned>(text: &str, member: &str) -> Option<Vec<T>> {
    json::list(printed_json(text)?.get(), member)
}

fn names<T>(text: &str, member: &str, reported: fn(String) -> T) -> Option<Vec<T>> {
    json::names(printed_json(text)?.get(), member, reported)
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

/// The printed JSON, after questions and notes. A value that is cut off does not count, and neither does a value inside it.
/// Text that only begins like JSON is skipped, until about four times the text was read: this bounds the time for any output.
fn printed_json(text: &str) -> Option<&RawValue> {
    let mut budget = 4 * text.len() + 65_536;
    let starts = text.char_indices().filter(|(_, letter)| matches!(letter, '{' | '['));
    for rest in starts.map(|(at, _)| &text[at..]) {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        match values.next()? {
            Ok(value) => return Some(value),
            Err(error) if error.is_eof() => return None,
            Err(error) => budget = budget.checked_sub(consumed(rest, &error))?,
        }
    }
    None
}

fn consumed(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    before + error.column()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn users_are_read_in_both_forms() {
        let legacy = r#"[{"uid":"UserId<3>","org_id":"OrgId<0>","username":"al","role":"S3","source":"Internal","s3_policy":"ml"},
            {"uid":"UserId<4>","org_id":"OrgId<1>","username":"bo","role":"S3","source":"LDAP","s3_policy":""}]"#;
        let newest = r#"[{"uid":3,"tenantId":0,"tenant":"Root","username":"al","role":"S3","source":"Internal","s3policy":"ml"}]"#;
        let all = users(legacy, None).unwrap();
        assert!(all.attachments_known && all.users.len() == 2 && all.users[1].policy.is_none());
        for text in [legacy, newest] {
            let Users { users, attachments_known } = users(text, Some("0")).unwrap();
            assert!(attachments_known);
            assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["al"]);
            assert_eq!(users[0].policy, Some(PolicyName::reported("ml")));
        }
        assert!(users(legacy, Some("7")).is_err());
        assert!(!users(r#"{"users":[{"username":"al"}]}"#, None).unwrap().attachments_known);
        assert!(users("Nobody is logged in", None).is_err());
    }

    #[test]
    fn who_is_logged_in_is_read_as_an_object_or_a_list_of_one() {
        for text in [
            r#"{"username":"admin","role":"ClusterAdmin","org_id":0,"org_name":"Root"}"#,
            r#"[{"username":"admin","role":"ClusterAdmin","tenantId":0,"tenant":"Root"}]"#,
            r#"{"data":{"username":"admin","role":"ClusterAdmin","org_id":"OrgId<0>","org_name":"Root"}}"#,
        ] {
            let who = whoami(text).unwrap();
            let found = (who.user.as_str(), who.tenant.as_str(), who.tenant_id.as_deref());
            assert_eq!(found, ("admin", "Root", Some("0")));
        }
        assert!(whoami("[]").is_err());
    }

    #[test]
    fn policies_and_documents_are_read_in_every_shape() {
        for text in [r#"["a","b"]"#, r#"[{"name":"a"},{"name":"b"}]"#, r#"{"policies":["a","b"]}"#] {
            assert_eq!(policies(text).unwrap(), ["a", "b"].map(PolicyName::reported), "{text}");
        }
        let document_text = r#"{"Version": "2012-10-17"}"#;
        for text in [
            format!(r#"{{"name":"a","content":{document_text}}}"#),
            format!(r#"[{{"name":"a","content":{document_text}}}]"#),
            format!(r#"[{{"name":"a","content":{}}}]"#, Value::from(document_text)),
        ] {
            assert_eq!(document(&text).unwrap(), document_text, "{text}");
        }
        assert!(document(r#"{"name":"a"}"#).is_err() && policies("{}").is_err());
    }

    #[test]
    fn a_key_pair_is_found_behind_a_question_and_in_words() {
        for text in [
            "This replaces the pair. Continue? [yes/no] [{\"access_key\":\"AK\",\"secret_key\":\"SK\"}]",
            "Access key: AK\nSecret key: SK\n",
        ] {
            for (out, err) in [(text, ""), (text, "a warning"), ("", text), (text, text)] {
                let pair = key_pair(out, err, &[]).unwrap().unwrap();
                assert_eq!((pair.access_key.as_str(), pair.secret_key.expose_secret()), ("AK", "SK"), "{text}");
            }
        }
        for (out, err) in [("", ""), ("null", ""), ("attached ml-training-2026-readers", "warning: no TTY")] {
            assert!(key_pair(out, err, &["ml-training-2026-readers"]).unwrap().is_none(), "{out}");
        }
        let other = r#"{"access_key":"A2","secret_key":"S2"}"#;
        for (out, err) in [
            ("the secret is on its way", ""),
            ("", "the secret is on its way"),
            (r#"{"id":"0AKIAXXXXXXXXXXX","value":"bbbbbbbbbbBBBBBBBBBBB"}"#, ""),
            (r#"{"access_key":"AK","secret_key":"SK"}"#, other),
        ] {
            assert!(key_pair(out, err, &[]).is_err(), "{out}{err}");
        }
    }

    #[test]
    fn no_output_takes_long_to_read_and_cut_off_output_is_an_error() {
        let many = 2_000_000;
        for text in ["[".repeat(many), "{".repeat(many), "[[x ".repeat(many / 4), "{\"a\":[1,".repeat(many / 8)] {
            assert!(policies(&text).is_err() && key_pair(&text, "", &[]).is_err());
        }
        let deep = format!("{}[]{}", r#"{"data":"#.repeat(100_000), "}".repeat(100_000));
        assert!(policies(&deep).is_err() && whoami(&deep).is_err());
        assert!(policies(r#"{"policies":["a","b"],"more":"#).is_err());
        assert!(policies(r#"{"policies":["a"],"policies":["b"]}"#).is_err());
        assert_eq!(policies("{ or [maybe] \n{x} [\"a\"]").unwrap(), [PolicyName::reported("a")]);
    }

    #[test]
    fn a_group_that_is_listed_twice_is_two_records() {
        let groups = groups(r#"[{"name":"g","policy":"p"},{"name":"g","policy":""},{"name":"h"}]"#).unwrap();
        let shown: Vec<_> = groups.iter().map(|group| (group.name.as_str(), group.policy.is_some())).collect();
        assert_eq!(shown, [("g", true), ("g", false), ("h", false)]);
    }

    #[test]
    fn the_cluster_is_read() {
        let read = status(r#"{"name":"stewie","guid":"g","release":"5.1.2","status":"OK"}"#).unwrap();
        assert_eq!((read.name.as_str(), read.release.to_string()), ("stewie", "5.1.2".to_owned()));
        assert!(status(r#"{"name":"stewie","guid":"g","release":"weka"}"#).is_err());
    }
}
