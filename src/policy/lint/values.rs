//! Rules on the values of conditions, and on variables in values and resources.

use std::net::{IpAddr, Ipv6Addr};

use super::super::document::{Part, Place, with_variables};
use super::super::normal::{instant, integer, network, truth};
use super::super::rule::Rule;
use super::context::{Check, ClauseAt, LintContext};
use super::finding::Reporter;
use super::patterns::has_wildcard;
use super::vocabulary::{COMMON_KEYS, ValueType, is_newer_key, operator};
use crate::base::{Severity, nearest};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &VALUE_TYPE, run: value_type },
    Check { rule: &WILDCARD_WITHOUT_LIKE, run: wildcard_without_like },
    Check { rule: &VARIABLE, run: variable },
    Check { rule: &UNSUPPORTED_FORM, run: unsupported_form },
];

static VALUE_TYPE: Rule = Rule::error(
    "C06",
    "value-type",
    "A value has the wrong type for the operator, or the operator does not fit the key.",
);

fn value_type(context: &LintContext<'_>, report: &mut Reporter) {
    for clause in context.clauses() {
        let Some((_, value_type)) = operator(&clause.operator) else { continue };
        let only = KEYS_OF_TYPES.iter().find(|(of, _)| *of == value_type).map_or(clause.key.as_str(), |(_, key)| key);
        if !clause.key.eq_ignore_ascii_case(only) {
            let message = format!("`{}` works only with the key `{only}`", clause.operator);
            report.add(clause.place(Part::Key), message).help("use `StringEquals`");
        }
        for (place, value) in clause.values() {
            let is_text = matches!(value_type, ValueType::Pattern | ValueType::Text) && !has_wildcard(value);
            if clause.key == ENCRYPTION && is_text && !ENCRYPTIONS.contains(&value) {
                let message = format!("servers refuse the value `{value}` for `{ENCRYPTION}`");
                report.add(place, message).help(format!("write `{}` or `{}`", ENCRYPTIONS[0], ENCRYPTIONS[1]));
            }
            value_problem(value_type, value, place, report);
        }
    }
}

/// The types of values that servers accept only with one key.
const KEYS_OF_TYPES: [(ValueType, &str); 2] =
    [(ValueType::Boolean, "aws:SecureTransport"), (ValueType::Network, "aws:SourceIp")];

const ENCRYPTION: &str = "s3:x-amz-server-side-encryption";

/// The only values of the key that MinIO servers accept.
const ENCRYPTIONS: [&str; 2] = ["AES256", "aws:kms"];

fn is_base64(value: &str) -> bool {
    let letters = value.trim_end_matches('=');
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    value.len().is_multiple_of(4) && value.len() - letters.len() <= 2 && letters.bytes().all(is_letter)
}

/// Reports a value that the operator does not accept.
fn value_problem(value_type: ValueType, value: &str, place: Place, report: &mut Reporter) {
    let (wrong, what, proper) = match value_type {
        ValueType::Pattern | ValueType::Text => return,
        ValueType::Binary => (!is_base64(value), "base64", None),
        ValueType::Network => return network_problem(value, place, report),
        ValueType::Number => (integer(value).is_none(), "a whole number", None),
        ValueType::Presence => (truth(value).is_none(), "`true` or `false`", None),
        ValueType::Boolean => (!matches!(value, "true" | "false"), "exactly `true` or `false`", truth(value)),
        ValueType::Instant => {
            let midnight = format!("{value}T00:00:00Z");
            let proper = instant(&midnight).map(|_| midnight);
            (instant(value).is_none(), "an RFC 3339 date and time, such as `2026-05-01T00:00:00Z`", proper)
        }
    };
    if wrong {
        let lint = report.add(place, format!("`{value}` is not {what}"));
        if let Some(proper) = proper {
            lint.fix(proper);
        }
    }
}

fn network_problem(value: &str, place: Place, report: &mut Reporter) {
    let address = |text: &str| text.split('/').next().and_then(|address| address.parse::<IpAddr>().ok());
    match network(value) {
        None if value.parse::<Ipv6Addr>().is_ok() => {
            let message = format!("`{value}` has no prefix; some servers read it with `/32`");
            report.add(place, message).severity(Severity::Warning).fix(format!("{value}/128"));
        }
        None => _ = report.add(place, format!("`{value}` is not a network, such as `10.0.0.0/8`")),
        Some(folded) if value.contains('/') && address(value) != address(&folded) => {
            let message = format!("`{value}` has host bits behind its prefix; servers ignore them");
            report.add(place, message).severity(Severity::Warning).fix(folded);
        }
        Some(_) => {}
    }
}

static WILDCARD_WITHOUT_LIKE: Rule =
    Rule::warning("C07", "wildcard-without-like", "A value has wildcards, and the operator does not support them.");

fn wildcard_without_like(context: &LintContext<'_>, report: &mut Reporter) {
    for clause in context.clauses() {
        let Some((name, ValueType::Text)) = operator(&clause.operator) else { continue };
        for (place, value) in clause.values().filter(|(_, value)| has_wildcard(&with_variables(value, ""))) {
            let message = format!("`{name}` does not support the wildcards of `{value}`");
            let like = if name.contains("Not") { "StringNotLike" } else { "StringLike" };
            report.add(place, message).help(format!("use `{like}`"));
        }
    }
}

/// A variable in a text, or something similar to one.
#[derive(Debug, PartialEq, Eq)]
enum Found<'t> {
    /// `${` without `}`.
    Unclosed,
    /// `${key}`, with any key.
    Variable(&'t str),
    /// `{key}` with a known key and without `$`.
    NoDollar(&'t str),
}

fn variables(text: &str) -> Vec<Found<'_>> {
    let braces = text.match_indices('{').filter_map(|(open, _)| {
        let inside = text[open + 1..].split_once('}').map(|(inside, _)| inside);
        let known = |inside: &str| COMMON_KEYS.iter().any(|key| key.eq_ignore_ascii_case(inside));
        match (text[..open].ends_with('$'), inside) {
            (true, None) => Some(Found::Unclosed),
            (true, Some(inside)) => Some(Found::Variable(inside)),
            (false, Some(inside)) if known(inside) => Some(Found::NoDollar(inside)),
            (false, _) => None,
        }
    });
    braces.collect()
}

/// All variables, in all texts in which a server expands them.
fn all_variables<'a>(context: &LintContext<'a>) -> impl Iterator<Item = (Place, &'a str, Found<'a>)> + use<'a> {
    let resources = context.resources().map(|entry| (entry.place, entry.pattern));
    let texts = resources.chain(context.clauses().flat_map(ClauseAt::values));
    texts.flat_map(|(place, text)| variables(text).into_iter().map(move |found| (place, text, found)))
}

static VARIABLE: Rule = Rule::error("V01", "variable", "A variable is unclosed, empty, misspelled or unknown.");

fn variable(context: &LintContext<'_>, report: &mut Reporter) {
    for (place, text, found) in all_variables(context) {
        match found {
            Found::Unclosed => _ = report.add(place, format!("`${{` in `{text}` is not closed")).help("add `}`"),
            Found::NoDollar(key) => {
                let plain = format!("{{{key}}}");
                let lint = report.add(place, format!("`{plain}` is not a variable without `$`"));
                lint.help(format!("did you mean `{}`?", text.replacen(&plain, &format!("${plain}"), 1)));
            }
            Found::Variable("") => {
                report.add(place, format!("`${{}}` in `{text}` is empty")).help("write the key, or remove it");
            }
            Found::Variable(key) if COMMON_KEYS.contains(&key) || is_aws_only(key) => {}
            Found::Variable(key) if is_newer_key(key) => {
                let message = format!("the cluster may not know the variable `${{{key}}}`");
                report.add(place, message).severity(Severity::Warning).help("use `${aws:username}` if you can");
            }
            Found::Variable(key) => {
                let lint = report.add(place, format!("`${{{key}}}` is not a known variable"));
                if let Some(proper) = COMMON_KEYS.iter().find(|known| known.eq_ignore_ascii_case(key.trim())) {
                    lint.help(format!("did you mean `${{{proper}}}`?"));
                } else if let Some(near) = nearest(key, COMMON_KEYS.iter().copied()) {
                    lint.help(format!("did you mean `${{{near}}}`?"));
                }
            }
        }
    }
}

static UNSUPPORTED_FORM: Rule =
    Rule::warning("V02", "variable-unsupported-form", "A variable has a form that only AWS supports.");

fn is_aws_only(key: &str) -> bool {
    matches!(key, "*" | "?" | "$") || key.contains(',')
}

fn unsupported_form(context: &LintContext<'_>, report: &mut Reporter) {
    for (place, _, found) in all_variables(context) {
        if let Found::Variable(key) = found
            && is_aws_only(key)
        {
            report.add(place, format!("only AWS supports `${{{key}}}`")).help("remove it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_in_a_text() {
        let text = "a/${aws:username}/{aws:UserId}/{x}/${}/${unclosed";
        assert_eq!(
            variables(text),
            [Found::Variable("aws:username"), Found::NoDollar("aws:UserId"), Found::Variable(""), Found::Unclosed]
        );
        assert_eq!(with_variables("a${b}c${*}d", ""), "acd");
        assert_eq!(with_variables("plain", ""), "plain");
    }
}
