//! Conditions in words.

use std::rc::Rc;

use super::conditions::{Atom, Atoms, Condition, Literal, split};
use super::glob::Glob;
use super::patterns::{Dialect, Pattern};
use super::search::Point;
use crate::policy::Principals;
use crate::policy::document::{Piece, pieces};
use crate::policy::json::quoted;

/// The conditions of an example. One value of a variable says more than the patterns with the variable.
pub(super) fn of_example(point: &Point, atoms: &Atoms, dialect: Dialect<'_>) -> Vec<Rc<str>> {
    // What cannot hold beside a condition that holds says nothing.
    let is_clear = |answer: &&Literal| {
        let mut holding = point.answers.iter().filter(|known| known.holds);
        !answer.holds && holding.any(|known| atoms.excluded_by(known.atom).contains(&answer.atom))
    };
    let told = || point.answers.iter().filter(|answer| !is_clear(answer));
    let Some((variable, value)) = value_of_variable(point, atoms, dialect) else {
        return told().map(|answer| text(*answer, atoms)).collect();
    };
    let others = told().filter(|answer| !matches!(atoms.get(answer.atom), Atom::Covers(_)));
    let value = format!("{variable} is {}", quoted(&value)).into();
    std::iter::once(value).chain(others.map(|answer| text(*answer, atoms))).collect()
}

/// How many values of a variable are tried.
const MAX_VALUES: usize = 400;

/// A value of the only variable with which exactly those patterns cover the resource that the example says. `None` if the
/// patterns have several variables, a condition is about the variable, or no short value is found.
fn value_of_variable<'a>(point: &Point, atoms: &'a Atoms, dialect: Dialect<'_>) -> Option<(&'a str, String)> {
    let covers = |answer: &Literal| match atoms.get(answer.atom) {
        Atom::Covers(pattern) => Some((pattern.as_str(), answer.holds)),
        Atom::Condition(_) | Atom::Applies(_) | Atom::IsAbout(_) | Atom::OfOther(_) => None,
    };
    let patterns: Vec<_> = point.answers.iter().filter_map(covers).collect();
    let variable = variables(patterns.first()?.0).next()?;
    let is_known = dialect.requester.name.is_some() && variable.eq_ignore_ascii_case("aws:username");
    let is_only = |(pattern, _): &(&str, bool)| {
        variables(pattern).next().is_some() && variables(pattern).all(|other| other == variable)
    };
    let mut tested = point.answers.iter().filter_map(|answer| atoms.get(answer.atom).condition());
    let is_tested = tested.any(|condition| condition.key.eq_ignore_ascii_case(variable));
    if is_known || is_tested || variable.contains(',') || !patterns.iter().all(is_only) {
        return None;
    }
    let resource = Glob::literal(&point.resource);
    let fits = |value: &&str| {
        patterns.iter().all(|(pattern, holds)| {
            let filled = Pattern::read(&filled(pattern, value), dialect);
            !filled.opaque && filled.matches(&resource) == *holds
        })
    };
    let names = point.resource.split('/').flat_map(parts);
    let mut values: Vec<&str> = names.filter(|value| !value.contains(['*', '?', '$'])).collect();
    values.sort_by_key(|value| value.len());
    let value = values.into_iter().take(MAX_VALUES).chain(["x", "y"]).find(fits)?;
    Some((variable, value.to_owned()))
}

fn variables(pattern: &str) -> impl Iterator<Item = &str> {
    let variable = |piece| match piece {
        Piece::Variable(inside) if !matches!(inside, "*" | "?" | "$") => Some(inside),
        Piece::Variable(_) | Piece::Plain(_) => None,
    };
    pieces(pattern).into_iter().filter_map(variable)
}

/// The pattern with a value for its variable.
fn filled(pattern: &str, value: &str) -> String {
    let fill = |text: String, variable| text.replace(&format!("${{{variable}}}"), value);
    variables(pattern).fold(pattern.to_owned(), fill)
}

/// All parts of a name that are not empty.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    let ends =
        move |start: usize| name[start..].char_indices().map(move |(at, c)| &name[start..start + at + c.len_utf8()]);
    name.char_indices().flat_map(move |(start, _)| ends(start))
}

/// The text of a condition or of its negation.
pub(super) fn text(literal: Literal, atoms: &Atoms) -> Rc<str> {
    text_of(atoms.get(literal.atom), literal.holds).into()
}

fn text_of(atom: &Atom, holds: bool) -> String {
    match (atom, holds) {
        (Atom::Condition(condition), holds) => condition_text(condition, holds),
        (Atom::Covers(pattern), true) => format!("covered by {pattern}"),
        (Atom::Covers(pattern), false) => format!("not covered by {pattern}"),
        (Atom::Applies(member), true) => format!("its unknown member {member} lets it apply"),
        (Atom::Applies(member), false) => format!("its unknown member {member} keeps it from applying"),
        (Atom::IsAbout(Principals::Unknown { bucket, denies, .. }), holds) => {
            let verb = match (denies, holds) {
                (false, true) => "allows",
                (false, false) => "does not allow",
                (true, true) => "denies",
                (true, false) => "does not deny",
            };
            format!("{UNKNOWN_POLICY}{bucket} {verb} it")
        }
        (Atom::IsAbout(principals @ (Principals::Named(_) | Principals::AllBut(_))), holds) => {
            let (member, json) = principals.member().unwrap_or_default();
            format!("\"{member}\": {json} {} the sender", if holds { "is about" } else { "is not about" })
        }
        (Atom::OfOther(atom), holds) => format!("for the other one, {}", text_of(atom, holds)),
    }
}

const UNKNOWN_POLICY: &str = "the unknown policy of bucket ";

/// Whether the text of a condition is that the unknown policy of a bucket allows or denies something.
pub(super) fn is_about_unknown_policy(text: &str) -> bool {
    text.starts_with(UNKNOWN_POLICY) && !text.contains(" does not ")
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
