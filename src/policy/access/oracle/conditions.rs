//! The conditions of the oracle, as documents have them and as lines word them.

use std::collections::BTreeMap;

use super::like;
use crate::policy::Clause;

/// The values of some keys of a request, each absent or a text.
pub(super) type Keys = BTreeMap<&'static str, Option<&'static str>>;

/// A key that a request may repeat, one of which it has one value, and one with numbers.
const KEYS: [(&str, &[Option<&str>]); 3] = [
    ("k", &[None, Some("a"), Some("ab")]),
    ("aws:UserAgent", &[None, Some("a"), Some("b"), Some("AB")]),
    ("n", &[None, Some("1"), Some("2"), Some("3")]),
];

pub(super) fn all_keys() -> Vec<Keys> {
    KEYS.iter().fold(vec![Keys::new()], |all, (key, values)| {
        let with =
            |keys: Keys| values.iter().map(move |value| keys.clone().into_iter().chain([(*key, *value)]).collect());
        all.into_iter().flat_map(with).collect()
    })
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
        other => panic!("{other}"),
    }
}

fn number(text: &str) -> i32 {
    text.parse().unwrap()
}

/// How positive tests are worded.
pub(super) const WORDS: [(&str, &str); 7] = [
    ("StringEqualsIgnoreCase", "is, in any case, "),
    ("NumericLessThanEquals", "<= "),
    ("NumericLessThan", "< "),
    ("NumericGreaterThan", "> "),
    ("StringLike", "like "),
    ("StringEquals", "is "),
    ("NumericEquals", "is "),
];

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
        false => vec![values.to_owned()],
    };
    holds(&Clause { operator: operator.to_owned(), key: key.to_owned(), values }, keys) == holds_if
}

/// How values are worded: `"a", "b" or "c"`, numbers without quotes.
pub(super) fn any_of(operator: &str, values: &[String]) -> String {
    let quote = |value: &String| if operator.starts_with("Numeric") { value.clone() } else { format!("{value:?}") };
    let texts: Vec<_> = values.iter().map(quote).collect();
    match texts.as_slice() {
        [front @ .., last] if !front.is_empty() => format!("{} or {last}", front.join(", ")),
        _ => texts.concat(),
    }
}
