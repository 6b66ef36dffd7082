//! Conditions in words.

use std::rc::Rc;

use super::conditions::{Atom, Atoms, Condition, Literal, split};
use crate::policy::json::quoted;

/// The text of a condition or of its negation.
pub(super) fn text(literal: Literal, atoms: &Atoms) -> Rc<str> {
    let text = match (atoms.get(literal.atom), literal.holds) {
        (Atom::Condition(condition), holds) => condition_text(condition, holds),
        (Atom::Covers(pattern), true) => format!("covered by {pattern}"),
        (Atom::Covers(pattern), false) => format!("not covered by {pattern}"),
        (Atom::Applies(member), true) => format!("its unknown member {member} lets it apply"),
        (Atom::Applies(member), false) => format!("its unknown member {member} keeps it from applying"),
    };
    text.into()
}

fn condition_text(condition: &Condition, holds: bool) -> String {
    let (quantifier, test, optional) = split(&condition.operator);
    let subject = match quantifier {
        "" => condition.key.clone(),
        "ForAnyValue:" => format!("some {}", condition.key),
        "ForAllValues:" => format!("every {}", condition.key),
        _ => format!("{quantifier}{}", condition.key),
    };
    let (yes, no) = relation(test, &condition.values);
    match (holds, optional || !quantifier.is_empty()) {
        (true, _) => format!("{subject} {yes}{}", if optional { ", if present" } else { "" }),
        (false, false) => format!("{subject} {no}"),
        (false, true) => format!("not ({subject} {yes}{})", if optional { ", if present" } else { "" }),
    }
}

/// The text of a test and of its negation.
fn relation(test: &str, values: &[String]) -> (String, String) {
    let texts: Vec<String> = values.iter().map(|value| value_text(test, value)).collect();
    let (any, none) = match texts.as_slice() {
        [front @ .., last] if !front.is_empty() => {
            (format!("{} or {last}", front.join(", ")), Some(format!("none of {}", texts.join(", "))))
        }
        _ => (texts.concat(), None),
    };
    let word = match test {
        "StringEquals" | "NumericEquals" | "DateEquals" | "ArnEquals" | "BinaryEquals" | "Bool" => {
            return (format!("is {any}"), format!("is {}", none.unwrap_or_else(|| format!("not {any}"))));
        }
        "Null" if any == "true" => return ("is absent".to_owned(), "is present".to_owned()),
        "Null" if any == "false" => return ("is present".to_owned(), "is absent".to_owned()),
        "StringLike" | "ArnLike" => "like",
        "StringEqualsIgnoreCase" => "is, in any case,",
        "IpAddress" => "in",
        "NumericLessThan" | "DateLessThan" => "<",
        "NumericLessThanEquals" | "DateLessThanEquals" => "<=",
        "NumericGreaterThan" | "DateGreaterThan" => ">",
        "NumericGreaterThanEquals" | "DateGreaterThanEquals" => ">=",
        _ => test,
    };
    let no = none.map_or_else(|| format!("not {word} {any}"), |none| format!("{word} {none}"));
    (format!("{word} {any}"), no)
}

/// A value as it is shown: in quotes, unless it is a plain number, date, address or answer that the test compares as one.
fn value_text(test: &str, value: &str) -> String {
    let is_typed = ["Numeric", "Date", "IpAddress", "Bool", "Null"].iter().any(|kind| test.starts_with(kind));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".:/+-".contains(c);
    if is_typed && !value.is_empty() && value.chars().all(is_plain) { value.to_owned() } else { quoted(value) }
}
