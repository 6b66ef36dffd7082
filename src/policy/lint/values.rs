//! Rules on the values of conditions, and on variables in values and resources.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::document::{Part, Place};
use super::super::normal::{instant, integer, network, truth};
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{Check, ClauseAt, Context};
use super::finding::Lint;
use super::patterns::has_wildcard;
use super::vocabulary::{COMMON_KEYS, ValueType, operator};
use crate::base::{Code, Severity, nearest};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &VALUE_TYPE, run: value_type },
    Check { rule: &WILDCARD_WITHOUT_LIKE, run: wildcard_without_like },
    Check { rule: &VARIABLE, run: variable },
    Check { rule: &UNSUPPORTED_FORM, run: unsupported_form },
];

static VALUE_TYPE: Rule = Rule {
    id: "C06",
    code: Code::new("value-type", "A value has the wrong type for the operator, or the operator does not fit the key."),
    severity: Severity::Error,
    explanation: "MinIO servers accept whole numbers, RFC 3339 dates, networks, and exactly `true` or `false`. They \
                  accept `Bool` only with `aws:SecureTransport`, and addresses only with `aws:SourceIp`. Two cases \
                  are warnings: servers ignore host bits of a network, and they read an IPv6 address without a prefix \
                  with `/32`.",
    fires: &[
        Statement(
            r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket", "Condition": {"NumericLessThan": {"s3:max-keys": 1.5}}"#,
        ),
        Statement(r#""Condition": {"DateLessThan": {"aws:CurrentTime": "2026-05-01"}}"#),
        Statement(r#""Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/33"}}"#),
        Statement(r#""Condition": {"IpAddress": {"aws:SourceIp": "10.1.2.3/8"}}"#),
        Statement(r#""Condition": {"IpAddress": {"aws:SourceIp": "2001:db8::1"}}"#),
        Statement(r#""Condition": {"Bool": {"aws:SecureTransport": "True"}}"#),
        Statement(r#""Condition": {"Bool": {"aws:username": true}}"#),
    ],
    silent: &[Statement(
        r#""Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "10.1.2.3", "2001:db8::/32"]}, "Bool": {"aws:SecureTransport": true}, "DateLessThan": {"aws:CurrentTime": "2026-05-01T00:00:00Z"}}"#,
    )],
};

fn value_type(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for clause in context.clauses() {
        let Some((_, value_type)) = operator(&clause.clause.operator) else { continue };
        found.extend(only_key(&clause, value_type));
        for (place, value) in clause.values() {
            if let Some(problem) = problem(value_type, value) {
                let lint = Lint::new(&VALUE_TYPE, place, problem.message).severity(problem.severity);
                found.push(match problem.proper {
                    Some(proper) => lint.fix(proper),
                    None => lint,
                });
            }
        }
    }
    found
}

fn only_key(clause: &ClauseAt<'_>, value_type: ValueType) -> Option<Lint> {
    let only = match value_type {
        ValueType::Boolean => "aws:SecureTransport",
        ValueType::Network => "aws:SourceIp",
        ValueType::Pattern
        | ValueType::Text
        | ValueType::Binary
        | ValueType::Presence
        | ValueType::Number
        | ValueType::Instant => return None,
    };
    let wrong = !clause.clause.key.eq_ignore_ascii_case(only);
    let message = format!("`{}` works only with the key `{only}`", clause.clause.operator);
    wrong.then(|| Lint::new(&VALUE_TYPE, clause.place(Part::Key), message).help("use `StringEquals`"))
}

/// What is wrong with a value, and the correct value.
struct ValueProblem {
    severity: Severity,
    message: String,
    proper: Option<String>,
}

impl ValueProblem {
    fn error(message: String, proper: Option<String>) -> Self {
        Self { severity: Severity::Error, message, proper }
    }

    fn warning(message: String, proper: Option<String>) -> Self {
        Self { severity: Severity::Warning, message, proper }
    }
}

fn problem(value_type: ValueType, value: &str) -> Option<ValueProblem> {
    let not = |what: &str, proper| ValueProblem::error(format!("`{value}` is not {what}"), proper);
    match value_type {
        ValueType::Pattern | ValueType::Text | ValueType::Binary => None,
        ValueType::Number => integer(value).is_none().then(|| not("a whole number", None)),
        ValueType::Presence => truth(value).is_none().then(|| not("`true` or `false`", None)),
        ValueType::Boolean => {
            (!matches!(value, "true" | "false")).then(|| not("exactly `true` or `false`", truth(value)))
        }
        ValueType::Instant => instant(value).is_none().then(|| {
            let midnight = format!("{value}T00:00:00Z");
            not("an RFC 3339 date and time, such as `2026-05-01T00:00:00Z`", instant(&midnight).map(|_| midnight))
        }),
        ValueType::Network => network_problem(value),
    }
}

fn network_problem(value: &str) -> Option<ValueProblem> {
    let Some(folded) = network(value) else {
        return Some(if value.parse::<Ipv6Addr>().is_ok() {
            let message = format!("`{value}` has no prefix; some servers read it with `/32`");
            ValueProblem::warning(message, Some(format!("{value}/128")))
        } else {
            ValueProblem::error(format!("`{value}` is not a network, such as `10.0.0.0/8`"), None)
        });
    };
    let single = value.parse::<Ipv4Addr>().is_ok();
    let written = value.split('/').next().and_then(|address| address.parse::<std::net::IpAddr>().ok());
    let masked = folded.split('/').next().and_then(|address| address.parse().ok());
    let message = format!("`{value}` has host bits behind its prefix; servers ignore them");
    (!single && written != masked).then(|| ValueProblem::warning(message, Some(folded)))
}

static WILDCARD_WITHOUT_LIKE: Rule = Rule {
    id: "C07",
    code: Code::new("wildcard-without-like", "A value has wildcards, and the operator does not support them."),
    severity: Severity::Warning,
    explanation: "Only `StringLike` and `StringNotLike` support wildcards. For any other operator, `*` is a plain \
                  asterisk.",
    fires: &[Statement(
        r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket", "Condition": {"StringEquals": {"s3:prefix": "models/*"}}"#,
    )],
    silent: &[
        Statement(
            r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket", "Condition": {"StringLike": {"s3:prefix": "models/*"}}"#,
        ),
        Statement(
            r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket", "Condition": {"StringEquals": {"s3:prefix": "${aws:username}/"}}"#,
        ),
    ],
};

fn wildcard_without_like(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for clause in context.clauses() {
        let Some((name, ValueType::Text)) = operator(&clause.clause.operator) else { continue };
        for (place, value) in clause.values().filter(|(_, value)| has_wildcard(&without_variables(value))) {
            let message = format!("`{name}` does not support the wildcards of `{value}`");
            let like = if name.contains("Not") { "StringNotLike" } else { "StringLike" };
            found.push(Lint::new(&WILDCARD_WITHOUT_LIKE, place, message).help(format!("use `{like}`")));
        }
    }
    found
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

/// The text without its variables.
pub(super) fn without_variables(text: &str) -> String {
    let mut parts = text.split("${");
    let front = parts.next().unwrap_or_default().to_owned();
    parts.fold(front, |text, part| text + part.split_once('}').map_or(part, |(_, rest)| rest))
}

/// All texts of the document in which a server expands variables.
fn texts<'a>(context: &Context<'a>) -> impl Iterator<Item = (Place, &'a str)> + use<'a> {
    let resources = context.resources().map(|entry| (entry.place, entry.pattern));
    let values = context.clauses().flat_map(|clause| clause.values());
    resources.chain(values)
}

static VARIABLE: Rule = Rule {
    id: "V01",
    code: Code::new("variable", "A variable is unclosed, empty, misspelled or unknown."),
    severity: Severity::Error,
    explanation: "MinIO servers know a fixed set of variables, each in one spelling. Anything else stays in the text \
                  and matches nothing.",
    fires: &[
        Statement(r#""Resource": "arn:aws:s3:::home/${aws:userName}/*""#),
        Statement(r#""Resource": "arn:aws:s3:::home/${aws:username/*""#),
        Statement(r#""Resource": "arn:aws:s3:::home/{aws:username}/*""#),
        Statement(r#""Resource": "arn:aws:s3:::home/${aws:PrincipalTag/team}/*""#),
        Statement(r#""Resource": "arn:aws:s3:::home/${ aws:username }/*""#),
    ],
    silent: &[Statement(r#""Resource": "arn:aws:s3:::home/${aws:username}/*""#)],
};

fn variable(context: &Context<'_>) -> Vec<Lint> {
    let found = texts(context).flat_map(|(place, text)| {
        variables(text).into_iter().filter_map(move |found| variable_lint(place, text, &found))
    });
    found.collect()
}

fn variable_lint(place: Place, text: &str, found: &Found<'_>) -> Option<Lint> {
    let lint = |message: String| Lint::new(&VARIABLE, place, message);
    match found {
        Found::Unclosed => Some(lint(format!("`${{` in `{text}` is not closed")).help("add `}`")),
        Found::NoDollar(key) => {
            let plain = format!("{{{key}}}");
            Some(lint(format!("`{plain}` is not a variable without `$`")).fix(text.replacen(
                &plain,
                &format!("${plain}"),
                1,
            )))
        }
        Found::Variable("") => Some(lint(format!("`${{}}` in `{text}` is empty")).help("write the key, or remove it")),
        Found::Variable(key) if COMMON_KEYS.contains(key) || is_aws_only(key) => None,
        Found::Variable(key) => {
            let lint = lint(format!("`${{{key}}}` is not a known variable"));
            let proper = COMMON_KEYS.iter().find(|known| known.eq_ignore_ascii_case(key.trim()));
            let near = || nearest(key, COMMON_KEYS.iter().copied());
            Some(match proper {
                Some(proper) => lint.fix(text.replace(&format!("${{{key}}}"), &format!("${{{proper}}}"))),
                None => match near() {
                    Some(near) => lint.help(format!("did you mean `${{{near}}}`?")),
                    None => lint,
                },
            })
        }
    }
}

static UNSUPPORTED_FORM: Rule = Rule {
    id: "V02",
    code: Code::new("variable-unsupported-form", "A variable has a form that only AWS supports."),
    severity: Severity::Warning,
    explanation: "On MinIO servers, `${*}`, `${?}`, `${$}` and `${key, 'default'}` stay in the text. A `*` in them is \
                  a wildcard there.",
    fires: &[
        Statement(r#""Resource": "arn:aws:s3:::bucket/${*}""#),
        Statement(r#""Resource": "arn:aws:s3:::home/${aws:username, 'nobody'}/*""#),
    ],
    silent: &[Statement(r#""Resource": "arn:aws:s3:::home/${aws:username}/*""#)],
};

fn is_aws_only(key: &str) -> bool {
    matches!(key, "*" | "?" | "$") || key.contains(',')
}

fn unsupported_form(context: &Context<'_>) -> Vec<Lint> {
    let found = texts(context).flat_map(|(place, text)| {
        variables(text).into_iter().filter_map(move |found| match found {
            Found::Variable(key) if is_aws_only(key) => {
                let message = format!("only AWS supports `${{{key}}}`");
                Some(Lint::new(&UNSUPPORTED_FORM, place, message).help("remove it"))
            }
            Found::Variable(_) | Found::Unclosed | Found::NoDollar(_) => None,
        })
    });
    found.collect()
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
        assert_eq!(without_variables("a${b}c${*}d"), "acd");
        assert_eq!(without_variables("plain"), "plain");
    }
}
