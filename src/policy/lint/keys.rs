//! Rules on condition keys, and on the actions whose requests have them.

use crate::base::{Code, Severity};

use super::super::catalogue::Kind;
use super::super::document::{Effect, Statement as PolicyStatement};
use super::super::normal::fold_wildcards;
use super::super::place::Part;
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{ClauseAt, Context};
use super::glob::{covers, has_wildcard};
use super::vocabulary::{ACTION_KEYS, NEWER_KEYS, keys};
use super::{Check, Lint};
use crate::base::nearest;

pub(super) const CHECKS: &[Check] =
    &[Check { rule: &KEY_UNKNOWN, run: key_unknown }, Check { rule: &LIST_PREFIX, run: list_prefix }];

static KEY_UNKNOWN: Rule = Rule {
    id: "C02",
    code: Code::new("key-unknown", "A condition key is not known, or not for all actions of the statement."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage know a fixed set of keys, in exactly one spelling, and which of them each action \
              has; they refuse the document otherwise. Keys that they learned after 2021 are a warning.",
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

/// A finding when the key is not known.
fn known_key(clause: &ClauseAt<'_>) -> Option<Lint> {
    let key = clause.clause.key.as_str();
    if keys().any(|known| known == key) {
        return None;
    }
    let lint = Lint::new(&KEY_UNKNOWN, clause.place(Part::Key), format!("`{key}` is not a key that a cluster knows"));
    let newer = NEWER_KEYS.iter().any(|newer| key == *newer || (newer.ends_with('/') && key.starts_with(newer)));
    Some(if newer {
        let message = format!("`{key}` may not be known to the cluster");
        Lint::new(&KEY_UNKNOWN, clause.place(Part::Key), message).severity(Severity::Warning)
    } else if let Some(proper) = keys().find(|known| known.eq_ignore_ascii_case(key)) {
        lint.fix(proper)
    } else if let Some(near) = nearest(key, keys()) {
        lint.help(format!("the nearest one is `{near}`"))
    } else {
        lint
    })
}

/// A finding when the requests of some action do not have the key.
fn key_of_all(clause: &ClauseAt<'_>) -> Option<Lint> {
    let key = clause.clause.key.as_str();
    let without = first_without(clause.statement, key)?;
    let message = format!("`{key}` is not a key of `{without}`");
    Some(Lint::new(&KEY_UNKNOWN, clause.place(Part::Key), message).help("make a statement of its own for that action"))
}

/// The first action of a statement whose requests cannot have the key. A pattern has the keys of all that it matches, and
/// `s3:*` has all.
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
        "A condition on a key of listings, and a pattern that also matches actions on objects.",
    ),
    severity: Severity::Warning,
    because: "Requests on objects never have `s3:prefix`, `s3:delimiter` or `s3:max-keys`, so the statement allows none of \
              them.",
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

/// Keys that only listings have.
const LISTING_KEYS: &[&str] = &["s3:delimiter", "s3:max-keys", "s3:prefix"];

fn list_prefix(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for clause in context.clauses().filter(|clause| needs_listing(clause)) {
        let on_objects = |pattern: &&String| {
            has_wildcard(pattern) && context.matched(pattern).any(|action| action.kind == Kind::Object)
        };
        let mut patterns = clause.statement.actions.patterns.iter().filter(|_| !clause.statement.actions.negated);
        if let Some(pattern) = patterns.find(on_objects) {
            let message = format!("`{pattern}` on objects never has `{}`", clause.clause.key);
            let lint = Lint::new(&LIST_PREFIX, clause.place(Part::Key), message);
            found.push(lint.help("make a statement of its own for `s3:ListBucket`"));
        }
    }
    found
}

/// Whether an `Allow` has no effect where the request is not a listing. A negated operator is true without the key.
fn needs_listing(clause: &ClauseAt<'_>) -> bool {
    let operator = &clause.clause.operator;
    let true_without = operator.contains("Not") || operator == "Null" || operator.starts_with("ForAllValues:");
    clause.statement.effect == Effect::Allow
        && !true_without
        && LISTING_KEYS.contains(&clause.clause.key.as_str())
        && first_without(clause.statement, &clause.clause.key).is_none()
}
