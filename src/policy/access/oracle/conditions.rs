//! The conditions of the oracle, as documents have them and as lines word them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::like;
use crate::policy::Clause;

/// The values of some keys of a request, each absent or a text.
pub(super) type Keys = BTreeMap<&'static str, Option<&'static str>>;

/// A key that a request may repeat, and some with one value: a text, a number, an address, a time.
pub(super) const KEYS: [(&str, &[Option<&str>]); 6] = [
    ("k", &[None, Some("a"), Some("ab")]),
    ("s3:prefix", &[None, Some(""), Some("a"), Some("ab")]),
    ("aws:UserAgent", &[None, Some("a"), Some("b"), Some("AB")]),
    ("n", &[None, Some("1"), Some("2"), Some("3")]),
    (
        "aws:SourceIp",
        &[None, Some("10.0.0.1"), Some("10.1.0.1"), Some("10.200.0.1"), Some("11.0.0.1"), Some("200.0.0.1")],
    ),
    (
        "aws:CurrentTime",
        &[
            None,
            Some("2025-01-01T00:00:00Z"),
            Some("2026-01-01T00:00:00Z"),
            Some("2026-03-01T00:00:00Z"),
            Some("2026-06-01T12:00:00Z"),
            Some("2027-01-01T00:00:00Z"),
        ],
    ),
];

/// All values of some keys. All other keys are absent.
pub(super) fn all_keys(some: &[&str]) -> Vec<Keys> {
    KEYS.iter().fold(vec![Keys::new()], |all, (key, values)| {
        let values = if some.contains(key) { values } else { &values[..1] };
        let with =
            |keys: Keys| values.iter().map(move |value| keys.clone().into_iter().chain([(*key, *value)]).collect());
        all.into_iter().flat_map(with).collect()
    })
}

/// Whether a request to a server of MinIO can have these values of the used keys: it has each of `aws:…`.
pub(super) fn on_minio(used: &[&str], keys: &Keys) -> bool {
    used.iter().all(|key| !key.starts_with("aws:") || keys[key].is_some())
}

pub(super) fn holds(clause: &Clause, keys: &Keys) -> bool {
    let value = keys[clause.key.as_str()];
    let any = |test: fn(&str, &str) -> bool| value.is_some_and(|v| clause.values.iter().any(|given| test(given, v)));
    match clause.operator.as_str() {
        "StringEquals" => any(|given, value| given == value),
        "StringNotEquals" => !any(|given, value| given == value),
        "StringLike" => any(like),
        "StringNotLike" => !any(like),
        "StringEqualsIgnoreCase" => any(|given, value| given.to_lowercase() == value.to_lowercase()),
        "Null" => value.is_none() == (clause.values == ["true"]),
        "NumericLessThan" => any(|given, value| number(value) < number(given)),
        "NumericLessThanEquals" => any(|given, value| number(value) <= number(given)),
        "NumericGreaterThan" => any(|given, value| number(value) > number(given)),
        "NumericEquals" => any(|given, value| number(value) == number(given)),
        "NumericNotEquals" => !any(|given, value| number(value) == number(given)),
        "DateLessThan" => any(|given, value| instant(value) < instant(given)),
        "DateLessThanEquals" => any(|given, value| instant(value) <= instant(given)),
        "DateGreaterThan" => any(|given, value| instant(value) > instant(given)),
        "DateGreaterThanEquals" => any(|given, value| instant(value) >= instant(given)),
        "DateEquals" => any(|given, value| instant(value) == instant(given)),
        "DateNotEquals" => !any(|given, value| instant(value) == instant(given)),
        "IpAddress" => any(is_in),
        "NotIpAddress" => !any(is_in),
        other => panic!("{other}"),
    }
}

fn number(text: &str) -> i32 {
    text.parse().unwrap()
}

fn instant(text: &str) -> OffsetDateTime {
    OffsetDateTime::parse(text, &Rfc3339).unwrap()
}

fn is_in(network: &str, address: &str) -> bool {
    let bits = |text: &str| u64::from(text.parse::<Ipv4Addr>().unwrap().to_bits());
    let (first, length) = network.split_once('/').unwrap();
    let others = 32 - length.parse::<u32>().unwrap();
    bits(first) >> others == bits(address) >> others
}

/// How positive tests are worded.
pub(super) const WORDS: [(&str, &str); 14] = [
    ("StringEqualsIgnoreCase", "is, in any case, "),
    ("NumericLessThanEquals", "<= "),
    ("NumericLessThan", "< "),
    ("NumericGreaterThan", "> "),
    ("StringLike", "like "),
    ("StringEquals", "is "),
    ("NumericEquals", "is "),
    ("NumericGreaterThanEquals", ">= "),
    ("IpAddress", "in "),
    ("DateLessThanEquals", "<= "),
    ("DateLessThan", "< "),
    ("DateGreaterThanEquals", ">= "),
    ("DateGreaterThan", "> "),
    ("DateEquals", "is "),
];

/// The operator of a test of the key whose words another operator has as well.
fn operator_of(key: &str, worded: &str) -> String {
    match (key, worded) {
        ("aws:CurrentTime", "StringEquals") => "DateEquals".to_owned(),
        ("aws:CurrentTime", _) => worded.replace("Numeric", "Date"),
        _ => worded.to_owned(),
    }
}

/// Whether the text of a condition holds.
pub(super) fn holds_as_worded(text: &str, keys: &Keys) -> bool {
    let (key, said) = text.split_once(' ').unwrap();
    match said {
        "is absent" => return keys[key].is_none(),
        "is present" => return keys[key].is_some(),
        _ => {}
    }
    let (said, holds_if) = match (said.strip_prefix("is not "), said.strip_prefix("not ")) {
        (Some(value), _) => (format!("is {value}"), false),
        (None, Some(test)) => (test.to_owned(), false),
        (None, None) => (said.replacen(" none of ", " ", 1), !said.contains(" none of ")),
    };
    let (operator, values) =
        WORDS.iter().find_map(|(operator, word)| Some((*operator, said.strip_prefix(word)?))).unwrap();
    let values = match values.contains('"') {
        true => values.split('"').skip(1).step_by(2).map(str::to_owned).collect(),
        false => values.split(", ").flat_map(|some| some.split(" or ")).map(str::to_owned).collect(),
    };
    holds(&Clause { operator: operator_of(key, operator), key: key.to_owned(), values }, keys) == holds_if
}

/// How values are worded: `"a", "b" or "c"`, numbers, addresses and times without quotes.
pub(super) fn any_of(operator: &str, values: &[String]) -> String {
    let quote = |value: &String| match operator {
        "IpAddress" => value.clone(),
        _ if operator.starts_with("Numeric") => value.clone(),
        _ if operator.starts_with("Date") => instant(value).to_offset(time::UtcOffset::UTC).format(&Rfc3339).unwrap(),
        _ => format!("{value:?}"),
    };
    let texts: Vec<_> = values.iter().map(quote).collect();
    match texts.as_slice() {
        [front @ .., last] if !front.is_empty() => format!("{} or {last}", front.join(", ")),
        _ => texts.concat(),
    }
}
