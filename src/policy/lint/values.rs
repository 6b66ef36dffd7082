//! Rules on the values of conditions.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::base::{Code, Severity};

use super::super::normal::{instant, integer, network, truth};
use super::super::place::Part;
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{ClauseAt, Context};
use super::glob::has_wildcard;
use super::variables::without_variables;
use super::vocabulary::{ValueType, operator};
use super::{Check, Lint};

pub(super) const CHECKS: &[Check] =
    &[Check { rule: &VALUE_TYPE, run: value_type }, Check { rule: &WILDCARD_WITHOUT_LIKE, run: wildcard_without_like }];

static VALUE_TYPE: Rule = Rule {
    id: "C06",
    code: Code::new("value-type", "A value is not of the operator's type, or the operator is not for that key."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage take whole numbers, RFC 3339 dates, networks, and exactly `true` or `false`; \
              `Bool` only with `aws:SecureTransport`, addresses only with `aws:SourceIp`. Bits of a host in a network \
              are ignored, and an IPv6 address without a prefix is read as one with `/32`: both are warnings.",
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
            if let Some(trouble) = trouble(value_type, value) {
                let lint = Lint::new(&VALUE_TYPE, place, trouble.message).severity(trouble.severity);
                found.push(match trouble.proper {
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
        ValueType::Truth => "aws:SecureTransport",
        ValueType::Network => "aws:SourceIp",
        ValueType::Pattern
        | ValueType::Text
        | ValueType::Binary
        | ValueType::Presence
        | ValueType::Number
        | ValueType::Instant => return None,
    };
    let wrong = !clause.clause.key.eq_ignore_ascii_case(only);
    let message = format!("`{}` is only for the key `{only}`", clause.clause.operator);
    wrong.then(|| Lint::new(&VALUE_TYPE, clause.place(Part::Key), message).help("use `StringEquals`"))
}

/// What is wrong with a value, and how it should be.
struct Trouble {
    severity: Severity,
    message: String,
    proper: Option<String>,
}

impl Trouble {
    fn error(message: String, proper: Option<String>) -> Self {
        Self { severity: Severity::Error, message, proper }
    }

    fn warning(message: String, proper: Option<String>) -> Self {
        Self { severity: Severity::Warning, message, proper }
    }
}

fn trouble(value_type: ValueType, value: &str) -> Option<Trouble> {
    let not = |what: &str, proper| Trouble::error(format!("`{value}` is not {what}"), proper);
    match value_type {
        ValueType::Pattern | ValueType::Text | ValueType::Binary => None,
        ValueType::Number => integer(value).is_none().then(|| not("a whole number", None)),
        ValueType::Presence => truth(value).is_none().then(|| not("`true` or `false`", None)),
        ValueType::Truth => {
            (!matches!(value, "true" | "false")).then(|| not("exactly `true` or `false`", truth(value)))
        }
        ValueType::Instant => instant(value).is_none().then(|| {
            let midnight = format!("{value}T00:00:00Z");
            not("a date and time by RFC 3339, such as `2026-05-01T00:00:00Z`", instant(&midnight).map(|_| midnight))
        }),
        ValueType::Network => network_trouble(value),
    }
}

fn network_trouble(value: &str) -> Option<Trouble> {
    let Some(folded) = network(value) else {
        return Some(if value.parse::<Ipv6Addr>().is_ok() {
            let message = format!("`{value}` has no prefix, and is read with `/32` by some servers");
            Trouble::warning(message, Some(format!("{value}/128")))
        } else {
            Trouble::error(format!("`{value}` is not a network, such as `10.0.0.0/8`"), None)
        });
    };
    let single = value.parse::<Ipv4Addr>().is_ok();
    let written = value.split('/').next().and_then(|address| address.parse::<std::net::IpAddr>().ok());
    let masked = folded.split('/').next().and_then(|address| address.parse().ok());
    let message = format!("`{value}` has bits behind its prefix, which are ignored");
    (!single && written != masked).then(|| Trouble::warning(message, Some(folded)))
}

static WILDCARD_WITHOUT_LIKE: Rule = Rule {
    id: "C07",
    code: Code::new("wildcard-without-like", "A value has wildcards, and the operator compares texts as they are."),
    severity: Severity::Warning,
    because: "Only `StringLike` and `StringNotLike` know wildcards; elsewhere `*` is an asterisk.",
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
            let message = format!("the wildcards of `{value}` stand for themselves with `{name}`");
            let like = if name.contains("Not") { "StringNotLike" } else { "StringLike" };
            found.push(Lint::new(&WILDCARD_WITHOUT_LIKE, place, message).help(format!("use `{like}`")));
        }
    }
    found
}
