//! Conditions in words.

use std::rc::Rc;

use super::conditions::{Atom, Atoms, Condition, Literal, split};

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
    let (yes, no) = relation(test, &condition.values.join(" or "));
    match (holds, optional || !quantifier.is_empty()) {
        (true, _) => format!("{subject} {yes}{}", if optional { ", if present" } else { "" }),
        (false, false) => format!("{subject} {no}"),
        (false, true) => format!("not ({subject} {yes}{})", if optional { ", if present" } else { "" }),
    }
}

/// The text of a test and of its negation.
fn relation(test: &str, values: &str) -> (String, String) {
    let word = match test {
        "StringEquals" | "NumericEquals" | "DateEquals" | "ArnEquals" | "BinaryEquals" | "Bool" => {
            return (format!("is {values}"), format!("is not {values}"));
        }
        "Null" if values == "true" => return ("is absent".to_owned(), "is present".to_owned()),
        "Null" if values == "false" => return ("is present".to_owned(), "is absent".to_owned()),
        "StringLike" | "ArnLike" => "like",
        "StringEqualsIgnoreCase" => "is, in any case,",
        "IpAddress" => "in",
        "NumericLessThan" | "DateLessThan" => "<",
        "NumericLessThanEquals" | "DateLessThanEquals" => "<=",
        "NumericGreaterThan" | "DateGreaterThan" => ">",
        "NumericGreaterThanEquals" | "DateGreaterThanEquals" => ">=",
        _ => test,
    };
    (format!("{word} {values}"), format!("not {word} {values}"))
}
