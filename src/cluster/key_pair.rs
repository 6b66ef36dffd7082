//! Finds a new key pair in an answer of any shape: any spelling, at any depth, in arrays, in text and in tables.
//!
//! No definition says what an attach answers when it creates a key pair, and the secret is shown only once. So the search
//! accepts all known shapes, and reports an answer that may hold a secret that it does not find.

use std::collections::BTreeSet;
use std::mem::take;

use secrecy::zeroize::{Zeroize, Zeroizing};
use serde_json::{Deserializer, Value};

use crate::base::KeyPair;

/// The longest text that is searched, in bytes. An answer with a key pair has a few hundred.
const MAX_SEARCHED: usize = 64 << 10;

/// How many places of a text are tried as the start of JSON. Questions and notes may come before it.
const MAX_STARTS: usize = 16;

const MAX_NESTED: usize = 4;

/// The length from which a word may be a key, in characters. Keys have 20 and 40.
const MIN_KEY: usize = 16;

/// The key pair in a text; `None` if there is none, or more than one.
pub(super) fn find(text: &str) -> Option<KeyPair> {
    let mut found = Vec::new();
    if text.len() <= MAX_SEARCHED {
        search(text, MAX_NESTED, &mut found);
    }
    let [Pair { access, secret }] = found.as_mut_slice() else { return None };
    Some(KeyPair { access_key: take(access), secret_key: take(&mut **secret).into() })
}

pub(super) fn mentions_secret(text: &str) -> bool {
    text.to_ascii_lowercase().contains("secret") || find(text).is_some()
}

/// Whether a text for people may hold a secret: it mentions keys, or has a word that may be one. `known` are words that
/// are no keys, such as the names in the call.
pub(super) fn may_hold_secret(text: &str, known: &[&str]) -> bool {
    if text.len() > MAX_SEARCHED || mentions_secret(text) || text.lines().any(|line| !labels_in(line).is_empty()) {
        return true;
    }
    let words = text.split(|c: char| c.is_whitespace() || "\"'`|│,;:=()[]{}<>".contains(c));
    let is_plain = |word: &str| word.trim_end_matches('.').chars().all(|c| c.is_ascii_lowercase());
    words.filter(|word| word.chars().count() >= MIN_KEY).any(|word| !known.contains(&word) && !is_plain(word))
}

/// The members of an answer that has a message and no key pair.
const OF_A_MESSAGE: [&str; 10] =
    ["data", "message", "msg", "status", "success", "ok", "result", "operation", "description", "warnings"];

/// Words with other letters than a sentence has, that are no keys.
const PLAIN_WORDS: [&str; 5] = ["S3", "IAM", "OK", "WEKA", "API"];

/// The longest word of a sentence, in bytes. Secret keys have 40, and other letters.
const LONGEST_WORD: usize = 20;

/// Whether an answer in JSON has only sentences for people, in members for them, and nothing that may be half a key pair.
/// `known` are the names in the call, which a sentence may repeat.
pub(super) fn has_only_a_message(text: &str, known: &[String]) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|mut value| {
        let is_message = is_message(&value, known);
        wipe(&mut value);
        is_message
    })
}

fn is_message(value: &Value, known: &[String]) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(_) => false,
        Value::String(text) => is_sentence(text, known),
        Value::Array(items) => items.iter().all(|item| is_message(item, known)),
        Value::Object(members) => members
            .iter()
            .all(|(name, value)| OF_A_MESSAGE.contains(&name.to_lowercase().as_str()) && is_message(value, known)),
    }
}

fn is_sentence(text: &str, known: &[String]) -> bool {
    let mut rest = text.to_owned();
    known.iter().filter(|name| !name.is_empty()).for_each(|name| rest = rest.replace(name.as_str(), " "));
    let is_plain = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().is_none_or(|c| c.is_ascii_alphabetic());
        first && letters.all(|c| c.is_ascii_lowercase()) && word.len() <= LONGEST_WORD && word != "secret"
    };
    let words = rest.split(|c: char| c.is_whitespace() || "\"'`.,;:()!_-".contains(c));
    words.into_iter().all(|word| PLAIN_WORDS.contains(&word) || is_plain(word))
}

const FIRST_WORDS: [&str; 4] = ["access", "secret", "aws", "s3"];

/// The longest label, in bytes: `aws_secret_access_key`, and some blanks.
const MAX_LABEL: usize = 24;

#[derive(Debug, PartialEq, Eq)]
struct Pair {
    access: String,
    secret: Zeroizing<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Access,
    Secret,
}

/// The half of a key pair that a name stands for: `accessKey`, `Access-Key`, `access_key_id`, `SECRET KEY`, `SecretAccessKey`…
fn half(name: &str) -> Option<Half> {
    let plain: String = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect();
    match plain.trim().to_ascii_lowercase().as_str() {
        "accesskey" | "accesskeyid" | "awsaccesskeyid" | "s3accesskey" => Some(Half::Access),
        "secretkey" | "secretaccesskey" | "awssecretaccesskey" | "s3secretkey" => Some(Half::Secret),
        _ => None,
    }
}

fn search(text: &str, nested: usize, found: &mut Vec<Pair>) {
    if let Ok(mut value) = serde_json::from_str::<Value>(text) {
        in_json(&value, nested, found);
        wipe(&mut value);
        return;
    }
    if embedded(text, nested, found) {
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    if let Some(pair) = by_labels(&lines).or_else(|| by_columns(&lines)) {
        note(pair, found);
    }
}

fn embedded(text: &str, nested: usize, found: &mut Vec<Pair>) -> bool {
    let before = found.len();
    let mut from = 0;
    for _ in 0..MAX_STARTS {
        let Some(at) = text[from..].find(['{', '[']) else { break };
        let rest = &text[from + at..];
        let mut values = Deserializer::from_str(rest).into_iter::<Value>();
        from += at + 1;
        if let Some(Ok(mut value)) = values.next() {
            from += values.byte_offset().saturating_sub(1);
            in_json(&value, nested, found);
            wipe(&mut value);
        }
    }
    found.len() > before
}

fn in_json(value: &Value, nested: usize, found: &mut Vec<Pair>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => {
            if let Some(nested) = nested.checked_sub(1) {
                search(text, nested, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| in_json(item, nested, found)),
        Value::Object(members) => {
            let of = |wanted: Half| {
                let mut texts = members.iter().filter(|(name, _)| half(name) == Some(wanted));
                texts.find_map(|(_, value)| value.as_str().filter(|text| is_key(text)))
            };
            if let (Some(access), Some(secret)) = (of(Half::Access), of(Half::Secret)) {
                note(Pair { access: access.to_owned(), secret: secret.to_owned().into() }, found);
            }
            let others = members.iter().filter(|(name, _)| half(name).is_none());
            others.for_each(|(_, value)| in_json(value, nested, found));
        }
    }
}

fn note(pair: Pair, found: &mut Vec<Pair>) {
    if !found.contains(&pair) {
        found.push(pair);
    }
}

/// Whether a text may be a key: one word, and no mask such as `****`.
fn is_key(text: &str) -> bool {
    !text.contains(char::is_whitespace) && text.contains(char::is_alphanumeric)
}

/// Overwrites all texts of a value in memory: each may be a secret.
fn wipe(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
    }
}

/// Reads `Access-Key: AAAA`, `access_key | AAAA`, `secret_key = bbbb`, each on a line of its own or both on one.
fn by_labels(lines: &[&str]) -> Option<Pair> {
    let (mut access, mut secret) = (None, None);
    for line in lines {
        for (which, behind) in labels_in(line) {
            match which {
                Half::Access => access = access.or_else(|| value(line, behind)),
                Half::Secret => secret = secret.or_else(|| value(line, behind)),
            }
        }
    }
    Some(Pair { access: access?, secret: secret?.into() })
}

fn labels_in(line: &str) -> Vec<(Half, usize)> {
    let lower = line.to_ascii_lowercase();
    let starts: BTreeSet<usize> =
        FIRST_WORDS.iter().flat_map(|word| lower.match_indices(word)).map(|(at, _)| at).collect();
    let mut labels: Vec<(Half, usize)> = Vec::new();
    for start in starts {
        // `secret access key` is one label.
        if labels.last().is_none_or(|(_, end)| *end <= start)
            && let Some((which, length)) = label_at(&lower[start..])
        {
            labels.push((which, start + length));
        }
    }
    labels
}

/// The longest label that a text in lower case begins with, and its length.
fn label_at(text: &str) -> Option<(Half, usize)> {
    let is_part = |c: u8| c.is_ascii_alphanumeric() || b"_- ".contains(&c);
    let length = text.bytes().take(MAX_LABEL).take_while(|c| is_part(*c)).count();
    let run = &text[..length];
    let labels = (1..=run.len()).filter_map(|end| Some((half(&run[..end])?, end)));
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    labels.rev().find(|(_, end)| !text[*end..].starts_with(goes_on))
}

/// The value behind a label: after a sign or a wide gap, or alone on the rest of the line.
fn value(line: &str, behind: usize) -> Option<String> {
    const SIGNS: &[char] = &[':', '=', '|', '│', '"', '\'', '\t'];
    let rest = line.get(behind..)?;
    let trimmed: &str = rest.trim_start_matches(|c: char| c == ' ' || SIGNS.contains(&c));
    let gap = &rest[..rest.len() - trimmed.len()];
    let ends = |c: char| c.is_whitespace() || matches!(c, '|' | '│' | '"' | '\'' | ',');
    let word = trimmed.split(ends).next().filter(|word| is_key(word))?;
    let alone = trimmed.trim_end() == word;
    let apart = gap.contains(SIGNS) || gap.contains("  ") || (alone && !gap.is_empty());
    // The label of the next column is not a value.
    let next: String = trimmed.chars().take(MAX_LABEL + 1).collect();
    (apart && label_at(&next.to_ascii_lowercase()).is_none()).then(|| word.to_owned())
}

fn by_columns(lines: &[&str]) -> Option<Pair> {
    let heads = lines.iter().enumerate().filter(|(_, line)| labels_in(line).len() == 2);
    heads.into_iter().find_map(|(at, head)| {
        let row = lines[at + 1..].iter().find(|line| line.contains(char::is_alphanumeric))?;
        let names = cells(head);
        let words = row.split_whitespace().collect();
        let values = [cells(row), words].into_iter().find(|values| values.len() == names.len())?;
        let of = |wanted: Half| {
            let column = names.iter().position(|name| half(name) == Some(wanted))?;
            values.get(column).filter(|value| is_key(value)).map(|value| (*value).to_owned())
        };
        Some(Pair { access: of(Half::Access)?, secret: of(Half::Secret)?.into() })
    })
}

/// The cells of a line: between bars, or between wide gaps, or its words.
fn cells(line: &str) -> Vec<&str> {
    let line = line.trim();
    let bars = line.split(['|', '│']).map(str::trim).filter(|cell| !cell.is_empty());
    if line.contains(['|', '│']) {
        return bars.collect();
    }
    let gaps = line.split("  ").flat_map(|cell| cell.split('\t')).map(str::trim).filter(|cell| !cell.is_empty());
    let wide: Vec<&str> = gaps.collect();
    if wide.len() > 1 { wide } else { line.split_whitespace().collect() }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn found(text: &str) -> Option<(String, String)> {
        find(text).map(|pair| (pair.access_key, pair.secret_key.expose_secret().to_owned()))
    }

    fn pair() -> Option<(String, String)> {
        Some(("AK/0+".to_owned(), "SK/1+=".to_owned()))
    }

    #[test]
    fn a_pair_is_found_under_any_spelling_at_any_depth() {
        for (access, secret) in [
            ("access_key", "secret_key"),
            ("accessKey", "secretKey"),
            ("access_key_id", "secret_access_key"),
            ("AccessKeyId", "SecretAccessKey"),
            ("Access-Key", "Secret-Key"),
            ("ACCESS KEY", "SECRET KEY"),
            ("aws_access_key_id", "aws_secret_access_key"),
        ] {
            let object = format!(r#"{{"user":"bob","{access}":"AK\/0\u002b","{secret}":"SK/1+=","n":[1,null]}}"#);
            let quoted = Value::from(object.as_str());
            for text in [
                object.clone(),
                format!(r#"{{"data":{object}}}"#),
                format!(r#"{{"data":[{object}]}}"#),
                format!(r#"[{object},{object}]"#),
                format!(r#"{{"data":{{"credentials":[{{"s3":{object}}}],"ok":true}}}}"#),
                format!(r#"{{"data":{quoted}}}"#),
                format!("This replaces the pair. Continue? [yes/no] {{y}} {object}\ndone"),
            ] {
                assert_eq!(found(&text), pair(), "{text}");
            }
        }
    }

    #[test]
    fn a_pair_is_found_in_text_and_tables() {
        for text in [
            "Access-Key: AK/0+\nSecret-Key: SK/1+=\nSession-Token: x\n",
            "Access key: AK/0+\r\nSecret key: SK/1+=\r\n",
            "access_key = AK/0+\nsecret_key = SK/1+=",
            "access_key AK/0+\nsecret_key SK/1+=",
            "access_key_id\tAK/0+\nsecret_access_key\tSK/1+=",
            "The key pair was made. Access key: AK/0+, Secret key: SK/1+=",
            "| access_key | AK/0+ |\n| secret_key | SK/1+= |",
            "NAME        VALUE\naccess key  AK/0+\nsecret key  SK/1+=",
            "access_key  secret_key\nAK/0+       SK/1+=",
            "ACCESS KEY  SECRET KEY\nAK/0+ SK/1+=\n",
            "USER  SECRET KEY  ACCESS KEY\n----  ----------  ----------\nbob   SK/1+=      AK/0+",
            "+------------+\n| Access Key | Secret Key |\n+------------+\n| AK/0+ | SK/1+= |\n+---+",
            "│ accessKey │ secretKey │\n├───┼───┤\n│ AK/0+ │ SK/1+= │",
            "export AWS_ACCESS_KEY_ID=AK/0+\nexport AWS_SECRET_ACCESS_KEY='SK/1+='",
            r#"{"data": "Access-Key: AK/0+\nSecret-Key: SK/1+="}"#,
            r#"note: "accessKey":"AK/0+","secretKey":"SK/1+=""#,
        ] {
            assert_eq!(found(text), pair(), "{text}");
        }
    }

    #[test]
    fn captured_answers_are_read() {
        let secret = "b".repeat(40);
        let sts = format!("Access-Key: AAAAAAAAAAAAAAAAAAAA\nSecret-Key: {secret}\nSession-Token: eyJhbGci.e30.c2ln\n");
        for (text, access, secret) in [
            (r#"{"data": {"accessKey": "AAAA", "secretKey": "bbbb"}}"#, "AAAA", "bbbb"),
            (
                r#"{"status": "success", "operation": "user_created", "access_key": "ldap-alice", "secret_key": "bb", "message": ""}"#,
                "ldap-alice",
                "bb",
            ),
            (&sts, "AAAAAAAAAAAAAAAAAAAA", &secret),
        ] {
            assert_eq!(found(text), Some((access.to_owned(), secret.to_owned())), "{text}");
        }
        for text in [
            r#"{"message": "… is already present in the list"}"#,
            r#"{"status": "success", "message": "Refresh completed: 45 success, 2 failures", "success_count": 45, "failure_count": 2, "errors": ["User user1: S3 policy not found"]}"#,
            "error: Could not find a running S3 container to run the command in",
        ] {
            assert!(found(text).is_none() && !mentions_secret(text) && !may_hold_secret(text, &[]), "{text}");
        }
    }

    #[test]
    fn half_a_pair_a_mask_and_two_pairs_are_none() {
        for text in [
            r#"{"accessKey":"AK"}"#,
            r#"{"access_key":7,"secret_key":"SK"}"#,
            r#"{"access_key":"AK","secret_key":"****"}"#,
            r#"{"access_key":"AK","secret_key":"not shown"}"#,
            r#"[{"access_key":"A","secret_key":"S"},{"access_key":"B","secret_key":"T"}]"#,
            "The secret key is displayed once and the access key is not",
            "Access-Key: AK",
            "access_key  secret_key",
        ] {
            assert_eq!(found(text), None, "{text}");
            assert!(may_hold_secret(text, &[]), "{text}");
        }
    }

    #[test]
    fn a_text_that_could_hold_a_secret_is_told_from_one_that_does_not() {
        let harmless = ["", "null", "Policy ml-readers-of-everything attached to user alice.", "done in 12 ms"];
        for text in harmless {
            assert!(!may_hold_secret(text, &["ml-readers-of-everything"]), "{text}");
        }
        for text in ["0AKIAXXXXXXXXXXX bbbbbbbbbbBBBBBBBBBBB", "key=bbbbbbbbbbBBBBBBBBBBB", "Secret: x", "accessKey: x"]
        {
            assert!(may_hold_secret(text, &[]), "{text}");
        }
    }

    #[test]
    fn a_message_alone_is_told_from_an_answer_that_may_hold_a_key() {
        let known = ["ml-Training-2026".to_owned(), "svc-X9".to_owned()];
        for text in [
            "null",
            "{}",
            r#"{"data":null,"message":""}"#,
            r#"{"data":{"message":"Policy ml-Training-2026 attached to S3 user svc-X9."}}"#,
            r#"{"data":"Attached."}"#,
            r#"{"status":"success","operation":"policy_attached","message":""}"#,
            r#"{"data":[],"success":true}"#,
        ] {
            assert!(has_only_a_message(text, &known), "{text}");
        }
        for text in [
            "",
            "<html>",
            r#"{"id":"done"}"#,
            r#"{"data":"AK SK"}"#,
            r#"{"message":"your key is bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}"#,
            r#"{"message":"0AKIA1"}"#,
            r#"{"message":"the secret was sent by mail"}"#,
            r#"{"message":["done",12345678]}"#,
        ] {
            assert!(!has_only_a_message(text, &known), "{text}");
        }
    }

    #[test]
    fn hostile_texts_take_no_time() {
        let huge = "x".repeat(MAX_SEARCHED + 1);
        for text in
            ["{".repeat(60_000), "[{".repeat(30_000), "access".repeat(10_000), "secret key\n".repeat(5_000), huge]
        {
            // With quadratic time this test would not end.
            assert!(find(&text).is_none());
            may_hold_secret(&text, &[]);
        }
    }
}
