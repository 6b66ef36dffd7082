//! Rules on condition operators and keys.

use std::collections::BTreeSet;

use super::super::access::is_in_every_request;
use super::super::catalogue::{Kind, Level};
use super::super::document::{Clause, Effect, Part};
use super::super::normal::{fold_value, fold_wildcards, truth};
use super::super::rule::{EMPTY_CONDITION, Rule};
use super::context::{Check, ClauseAt, Entry, LintContext, StatementAt};
use super::finding::Reporter;
use super::patterns::{covers, has_wildcard};
use super::vocabulary::{OPERATORS, ValueType, actions_of_key, is_newer_key, keys, operator};
use crate::base::{Severity, nearest};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &UNKNOWN_OPERATOR, run: unknown_operator },
    Check { rule: &EMPTY_CONDITION, run: no_values },
    Check { rule: &DUPLICATE_VALUE, run: duplicate_value },
    Check { rule: &MANY_VALUES, run: many_values },
    Check { rule: &FOR_ALL_VALUES, run: for_all_values },
    Check { rule: &KEY_UNKNOWN, run: key_unknown },
    Check { rule: &LIST_PREFIX, run: list_prefix },
    Check { rule: &DENY_WITHOUT_HEADER, run: deny_without_header },
    Check { rule: &NEVER_ABSENT, run: never_absent },
];

static UNKNOWN_OPERATOR: Rule = Rule::error("C01", "unknown-operator", "A condition operator is unknown.");

fn unknown_operator(context: &LintContext<'_>, report: &mut Reporter) {
    let known = || OPERATORS.iter().map(|(name, _)| *name);
    for clause in context.clauses().filter(|clause| operator(&clause.operator).is_none()) {
        let written = &clause.operator;
        let lint = report.add(clause.place(Part::Operator), format!("`{written}` is not an operator"));
        if let Some(proper) = known().find(|name| name.eq_ignore_ascii_case(written)) {
            lint.fix(proper);
        } else if let Some(near) = nearest(written.trim_end_matches("IfExists"), known()) {
            lint.help(format!("did you mean `{near}`?"));
        }
    }
}

fn no_values(context: &LintContext<'_>, report: &mut Reporter) {
    for clause in context.clauses().filter(|clause| clause.values.is_empty()) {
        let message = format!("`{}` has no values", clause.key);
        report.add(clause.place(Part::Clause), message).help("add a value, or remove the condition");
    }
}

static DUPLICATE_VALUE: Rule = Rule::warning("C04", "duplicate-value", "A condition lists a value twice.");

fn duplicate_value(context: &LintContext<'_>, report: &mut Reporter) {
    for clause in context.clauses() {
        let mut seen = BTreeSet::new();
        for (place, value) in clause.values() {
            if !seen.insert(fold_value(&clause.operator, value)) {
                let message = format!("`{value}` is listed twice for `{}`", clause.key);
                report.add(place, message).help("remove one of them");
            }
        }
    }
}

static MANY_VALUES: Rule =
    Rule::error("C05", "many-values", "An operator on numbers, dates or booleans has more than one value.");

fn many_values(context: &LintContext<'_>, report: &mut Reporter) {
    const SINGLE: [ValueType; 4] = [ValueType::Number, ValueType::Instant, ValueType::Boolean, ValueType::Presence];
    let single = |clause: &ClauseAt<'_>| operator(&clause.operator).is_some_and(|(_, of)| SINGLE.contains(&of));
    for clause in context.clauses().filter(single) {
        let different: BTreeSet<_> = clause.values().map(|(_, value)| fold_value(&clause.operator, value)).collect();
        if different.len() > 1 {
            let message = format!("`{}` accepts only one value", clause.operator);
            report.add(clause.place(Part::Clause), message).help("write one statement for each value");
        }
    }
}

static FOR_ALL_VALUES: Rule = Rule::warning("C08", "forallvalues-allow", "An `Allow` has a `ForAllValues` condition.");

fn for_all_values(context: &LintContext<'_>, report: &mut Reporter) {
    let allows = context.clauses().filter(|clause| clause.statement.effect == Effect::Allow);
    for clause in allows.filter(|clause| clause.operator.starts_with("ForAllValues:")) {
        report
            .add(clause.place(Part::Operator), "`ForAllValues` is true if the request does not have the key")
            .help("use `ForAnyValue`, or add a `Null` condition that requires the key");
    }
}

static KEY_UNKNOWN: Rule =
    Rule::error("C02", "key-unknown", "A condition key is unknown, or some action of the statement does not have it.");

fn key_unknown(context: &LintContext<'_>, report: &mut Reporter) {
    for clause in context.clauses() {
        let (key, place) = (clause.key.as_str(), clause.place(Part::Key));
        if let Some(without) = first_without(clause.statement, key) {
            let message = format!("`{key}` is not a key of `{without}`");
            report.add(place, message).help("move that action to its own statement");
        } else if is_newer_key(key) {
            report.add(place, format!("the cluster may not know `{key}`")).severity(Severity::Warning);
        } else if !keys().any(|known| known == key) {
            let lint = report.add(place, format!("`{key}` is not a known condition key"));
            if let Some(proper) = keys().find(|known| known.eq_ignore_ascii_case(key)) {
                lint.fix(proper);
            } else if let Some(near) = nearest(key, keys()) {
                lint.help(format!("did you mean `{near}`?"));
            }
        }
    }
}

/// The first action of a statement whose requests cannot have the key. A pattern has the keys of all actions that it
/// matches, and `s3:*` has all keys.
fn first_without<'a>(statement: StatementAt<'a>, key: &str) -> Option<&'a str> {
    let actions = actions_of_key(key)?;
    let has = |pattern: &str| {
        fold_wildcards(pattern) == "s3:*" || actions.iter().any(|action| covers(pattern, &format!("s3:{action}")))
    };
    statement.selected_actions().map(|entry| entry.pattern).find(|pattern| !has(pattern))
}

static LIST_PREFIX: Rule = Rule::warning(
    "C09",
    "listbucket-prefix",
    "A statement has a condition on a listing key, and its actions also match object actions.",
);

/// Keys that only list requests have.
const LISTING_KEYS: &[&str] = &["s3:delimiter", "s3:max-keys", "s3:prefix"];

fn list_prefix(context: &LintContext<'_>, report: &mut Reporter) {
    for clause in context.clauses().filter(needs_listing) {
        let on_objects = |entry: &Entry<'_>| {
            has_wildcard(entry.pattern) && context.matches(entry.pattern, &[Kind::Object], Level::List)
        };
        if let Some(entry) = clause.statement.selected_actions().find(on_objects) {
            let message = format!("object actions of `{}` never have the key `{}`", entry.pattern, clause.key);
            report.add(clause.place(Part::Key), message).help("move `s3:ListBucket` to its own statement");
        }
    }
}

/// Whether the clause keeps an `Allow` from applying to other requests than lists.
fn needs_listing(clause: &ClauseAt<'_>) -> bool {
    clause.statement.effect == Effect::Allow
        && !may_be_true_without(&clause.operator)
        && LISTING_KEYS.contains(&clause.key.as_str())
        && first_without(clause.statement, &clause.key).is_none()
}

/// Whether a condition with this operator can be true for a request without the key.
fn may_be_true_without(operator: &str) -> bool {
    operator.contains("Not") || operator == "Null" || operator.starts_with("ForAllValues:")
}

static DENY_WITHOUT_HEADER: Rule = Rule::warning(
    "C10",
    "deny-without-header",
    "A `Deny` of uploads without a header also denies the parts of large uploads.",
);

/// Keys of headers that begin an upload. Requests that upload a part never have them.
const UPLOAD_HEADERS: &[&str] =
    &["s3:x-amz-metadata-directive", "s3:x-amz-server-side-encryption", "s3:x-amz-storage-class"];

fn deny_without_header(context: &LintContext<'_>, report: &mut Reporter) {
    let is_true_without = |clause: &Clause| {
        let needs_it =
            clause.operator == "Null" && clause.values.iter().any(|value| truth(value).as_deref() != Some("true"));
        may_be_true_without(&clause.operator) && !needs_it
    };
    let denies = context.clauses().filter(|clause| clause.statement.effect == Effect::Deny);
    for clause in denies.filter(|clause| UPLOAD_HEADERS.contains(&clause.key.as_str())) {
        let mut same_key = clause.statement.conditions.iter().filter(|other| other.key == clause.key);
        if clause.statement.selects("s3:PutObject") && same_key.all(is_true_without) {
            let message =
                format!("on MinIO servers, large uploads fail: requests for a part never have `{}`", clause.key);
            let help = "use the default encryption of the bucket instead, or upload in one piece";
            let help =
                if clause.key.ends_with("encryption") { help } else { "upload in one piece, or remove the condition" };
            report.add(clause.place(Part::Key), message).help(help);
        }
    }
}

static NEVER_ABSENT: Rule =
    Rule::warning("C11", "never-absent", "A `Null` condition asks for requests without a key that every request has.");

fn never_absent(context: &LintContext<'_>, report: &mut Reporter) {
    let asks = |clause: &ClauseAt<'_>| {
        let is_true = |value: &String| truth(value).as_deref() == Some("true");
        clause.operator == "Null" && is_in_every_request(&clause.key) && clause.values.iter().any(is_true)
    };
    for clause in context.clauses().filter(asks) {
        let message = format!("by MinIO rules, the condition is never true: every request has `{}`", clause.key);
        let help = "remove the condition, or the statement that never applies";
        report.add(clause.place(Part::Key), message).help(help);
    }
}
