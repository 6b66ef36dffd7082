//! Rules on condition operators and keys.

use std::collections::BTreeSet;

use super::super::catalogue::Kind;
use super::super::document::{Effect, Part, Statement as PolicyStatement};
use super::super::normal::{fold_value, fold_wildcards};
use super::super::rule::Example::Statement;
use super::super::rule::{EMPTY_CONDITION, Rule};
use super::context::{Check, ClauseAt, Context};
use super::finding::Lint;
use super::patterns::{covers, has_wildcard};
use super::vocabulary::{ACTION_KEYS, NEWER_KEYS, OPERATORS, ValueType, keys, operator};
use crate::base::{Code, Severity, nearest};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &UNKNOWN_OPERATOR, run: unknown_operator },
    Check { rule: &EMPTY_CONDITION, run: no_values },
    Check { rule: &DUPLICATE_VALUE, run: duplicate_value },
    Check { rule: &MANY_VALUES, run: many_values },
    Check { rule: &FOR_ALL_VALUES, run: for_all_values },
    Check { rule: &KEY_UNKNOWN, run: key_unknown },
    Check { rule: &LIST_PREFIX, run: list_prefix },
];

static UNKNOWN_OPERATOR: Rule = Rule {
    id: "C01",
    code: Code::new("unknown-operator", "A condition operator is unknown."),
    severity: Severity::Error,
    explanation: "MinIO servers know 23 operators, each in one spelling. They refuse a document with any other. Only \
                  AWS knows `…IfExists` and `Arn…`.",
    fires: &[
        Statement(
            r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket", "Condition": {"StringLikeIfExists": {"s3:prefix": "a/*"}}"#,
        ),
        Statement(r#""Condition": {"ipAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#),
    ],
    silent: &[Statement(r#""Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#)],
};

fn unknown_operator(context: &Context<'_>) -> Vec<Lint> {
    let lint = |clause: ClauseAt<'_>| {
        let written = &clause.clause.operator;
        let lint =
            Lint::new(&UNKNOWN_OPERATOR, clause.place(Part::Operator), format!("`{written}` is not an operator"));
        let known = || OPERATORS.iter().map(|(name, _)| *name);
        if let Some(proper) = known().find(|name| name.eq_ignore_ascii_case(written)) {
            lint.fix(proper)
        } else if let Some(near) = nearest(written.trim_end_matches("IfExists"), known()) {
            lint.help(format!("did you mean `{near}`?"))
        } else {
            lint
        }
    };
    context.clauses().filter(|clause| operator(&clause.clause.operator).is_none()).map(lint).collect()
}

fn no_values(context: &Context<'_>) -> Vec<Lint> {
    let empty = context.clauses().filter(|clause| clause.clause.values.is_empty());
    let message = |clause: &ClauseAt<'_>| format!("`{}` has no values", clause.clause.key);
    let lint = |clause: ClauseAt<'_>| Lint::new(&EMPTY_CONDITION, clause.place(Part::Clause), message(&clause));
    empty.map(|clause| lint(clause).help("add a value, or remove the condition")).collect()
}

static DUPLICATE_VALUE: Rule = Rule {
    id: "C04",
    code: Code::new("duplicate-value", "A condition lists a value twice."),
    severity: Severity::Warning,
    explanation: "MinIO servers refuse such a document. attune sends the value once.",
    fires: &[
        Statement(r#""Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.1", "10.0.0.1/32"]}}"#),
        Statement(r#""Condition": {"StringEquals": {"aws:username": ["alice", "alice"]}}"#),
    ],
    silent: &[Statement(r#""Condition": {"StringEquals": {"aws:username": ["alice", "Alice"]}}"#)],
};

fn duplicate_value(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for clause in context.clauses() {
        let mut seen = BTreeSet::new();
        for (place, value) in clause.values() {
            if !seen.insert(fold_value(&clause.clause.operator, value)) {
                let message = format!("`{value}` is listed twice for `{}`", clause.clause.key);
                found.push(Lint::new(&DUPLICATE_VALUE, place, message).help("remove one of them"));
            }
        }
    }
    found
}

static MANY_VALUES: Rule = Rule {
    id: "C05",
    code: Code::new("many-values", "An operator on numbers, dates or booleans has more than one value."),
    severity: Severity::Error,
    explanation: "MinIO servers refuse the document.",
    fires: &[Statement(
        r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket", "Condition": {"NumericLessThan": {"s3:max-keys": [10, 20]}}"#,
    )],
    silent: &[Statement(r#""Condition": {"StringEquals": {"aws:username": ["alice", "bob"]}}"#)],
};

fn many_values(context: &Context<'_>) -> Vec<Lint> {
    let single = |clause: &ClauseAt<'_>| match operator(&clause.clause.operator) {
        Some((_, ValueType::Number | ValueType::Instant | ValueType::Boolean | ValueType::Presence)) => true,
        Some((_, ValueType::Pattern | ValueType::Text | ValueType::Binary | ValueType::Network)) | None => false,
    };
    let different = |clause: &ClauseAt<'_>| {
        clause.values().map(|(_, value)| fold_value(&clause.clause.operator, value)).collect::<BTreeSet<_>>().len()
    };
    let many = context.clauses().filter(|clause| single(clause) && different(clause) > 1);
    let message = |clause: &ClauseAt<'_>| format!("`{}` accepts only one value", clause.clause.operator);
    many.map(|clause| {
        Lint::new(&MANY_VALUES, clause.place(Part::Clause), message(&clause)).help("write one statement for each value")
    })
    .collect()
}

static FOR_ALL_VALUES: Rule = Rule {
    id: "C08",
    code: Code::new("forallvalues-allow", "An `Allow` has a `ForAllValues` condition."),
    severity: Severity::Warning,
    explanation: "`ForAllValues` is also true if the request does not have the key. So the statement allows more than \
                  it seems to.",
    fires: &[Statement(r#""Condition": {"ForAllValues:StringEquals": {"jwt:groups": "ml"}}"#)],
    silent: &[
        Statement(r#""Condition": {"ForAnyValue:StringEquals": {"jwt:groups": "ml"}}"#),
        Statement(r#""Effect": "Deny", "Condition": {"ForAllValues:StringEquals": {"jwt:groups": "guests"}}"#),
    ],
};

fn for_all_values(context: &Context<'_>) -> Vec<Lint> {
    let is_it = |clause: &ClauseAt<'_>| {
        clause.statement.effect == Effect::Allow && clause.clause.operator.starts_with("ForAllValues:")
    };
    let message = "`ForAllValues` is true if the request does not have the key";
    let lint = |clause: ClauseAt<'_>| {
        let lint = Lint::new(&FOR_ALL_VALUES, clause.place(Part::Operator), message);
        lint.help("use `ForAnyValue`, or add a `Null` condition that requires the key")
    };
    context.clauses().filter(is_it).map(lint).collect()
}

static KEY_UNKNOWN: Rule = Rule {
    id: "C02",
    code: Code::new("key-unknown", "A condition key is unknown, or some action of the statement does not have it."),
    severity: Severity::Error,
    explanation: "MinIO servers know a fixed set of keys for each action, each in one spelling. They refuse a \
                  document with any other key. A key that was added after 2021 is a warning.",
    fires: &[
        Statement(r#""Condition": {"IpAddress": {"aws:SourceIP": "10.0.0.0/8"}}"#),
        Statement(r#""Condition": {"StringEquals": {"aws:PrincipalTag/team": "ml"}}"#),
        Statement(r#""Condition": {"StringLike": {"s3:prefix": "models/*"}}"#),
        Statement(r#""Condition": {"StringEquals": {"s3:ExistingObjectTag/public": "yes"}}"#),
    ],
    silent: &[
        Statement(r#""Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}"#),
        Statement(
            r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket", "Condition": {"StringLike": {"s3:prefix": "models/*"}}"#,
        ),
    ],
};

fn key_unknown(context: &Context<'_>) -> Vec<Lint> {
    context.clauses().filter_map(|clause| known_key(&clause).or_else(|| key_of_all(&clause))).collect()
}

/// Reports an unknown key.
fn known_key(clause: &ClauseAt<'_>) -> Option<Lint> {
    let key = clause.clause.key.as_str();
    if keys().any(|known| known == key) {
        return None;
    }
    let lint = Lint::new(&KEY_UNKNOWN, clause.place(Part::Key), format!("`{key}` is not a known condition key"));
    let newer = NEWER_KEYS.iter().any(|newer| key == *newer || (newer.ends_with('/') && key.starts_with(newer)));
    Some(if newer {
        let message = format!("the cluster may not know `{key}`");
        Lint::new(&KEY_UNKNOWN, clause.place(Part::Key), message).severity(Severity::Warning)
    } else if let Some(proper) = keys().find(|known| known.eq_ignore_ascii_case(key)) {
        lint.fix(proper)
    } else if let Some(near) = nearest(key, keys()) {
        lint.help(format!("did you mean `{near}`?"))
    } else {
        lint
    })
}

/// Reports a key that requests of some action do not have.
fn key_of_all(clause: &ClauseAt<'_>) -> Option<Lint> {
    let key = clause.clause.key.as_str();
    let without = first_without(clause.statement, key)?;
    let message = format!("`{key}` is not a key of `{without}`");
    Some(Lint::new(&KEY_UNKNOWN, clause.place(Part::Key), message).help("move that action to its own statement"))
}

/// The first action of a statement whose requests cannot have the key. A pattern has the keys of all actions that it
/// matches, and `s3:*` has all keys.
fn first_without<'a>(statement: &'a PolicyStatement, key: &str) -> Option<&'a str> {
    let (_, actions) = ACTION_KEYS.iter().find(|(known, _)| *known == key)?;
    let has = |pattern: &str| {
        fold_wildcards(pattern) == "s3:*" || actions.iter().any(|action| covers(pattern, &format!("s3:{action}")))
    };
    let mut patterns = statement.actions.patterns.iter().filter(|_| !statement.actions.negated);
    patterns.find(|pattern| !has(pattern)).map(String::as_str)
}

static LIST_PREFIX: Rule = Rule {
    id: "C09",
    code: Code::new(
        "listbucket-prefix",
        "A statement has a condition on a listing key, and its actions also match object actions.",
    ),
    severity: Severity::Warning,
    explanation: "Requests on objects never have `s3:prefix`, `s3:delimiter` or `s3:max-keys`. So the statement \
                  allows no object action.",
    fires: &[Statement(
        r#""Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"], "Condition": {"StringLike": {"s3:prefix": "models/*"}}"#,
    )],
    silent: &[
        Statement(
            r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket", "Condition": {"StringLike": {"s3:prefix": "models/*"}}"#,
        ),
        Statement(
            r#""Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"], "Condition": {"StringNotLike": {"s3:prefix": "private/*"}}"#,
        ),
    ],
};

/// Keys that only list requests have.
const LISTING_KEYS: &[&str] = &["s3:delimiter", "s3:max-keys", "s3:prefix"];

fn list_prefix(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for clause in context.clauses().filter(|clause| needs_listing(clause)) {
        let on_objects = |pattern: &&String| {
            has_wildcard(pattern) && context.matched(pattern).any(|action| action.kind == Kind::Object)
        };
        let mut patterns = clause.statement.actions.patterns.iter().filter(|_| !clause.statement.actions.negated);
        if let Some(pattern) = patterns.find(on_objects) {
            let message = format!("object actions of `{pattern}` never have the key `{}`", clause.clause.key);
            let lint = Lint::new(&LIST_PREFIX, clause.place(Part::Key), message);
            found.push(lint.help("move `s3:ListBucket` to its own statement"));
        }
    }
    found
}

/// Whether the clause keeps an `Allow` from applying to other requests than lists. A negated operator is true without the
/// key.
fn needs_listing(clause: &ClauseAt<'_>) -> bool {
    let operator = &clause.clause.operator;
    let true_without = operator.contains("Not") || operator == "Null" || operator.starts_with("ForAllValues:");
    clause.statement.effect == Effect::Allow
        && !true_without
        && LISTING_KEYS.contains(&clause.clause.key.as_str())
        && first_without(clause.statement, &clause.clause.key).is_none()
}
