//! Rules on lists of a part of a bucket: a list shows all keys below its prefix, unless it has a delimiter.

use super::super::document::{Clause, Effect, Part, Statement, with_variables};
use super::super::normal::truth;
use super::super::rule::Rule;
use super::context::{Check, ClauseAt, LintContext, StatementAt};
use super::finding::Reporter;
use super::patterns::{can_be_bucket, covers, front, has_wildcard, is_all, one_or_list, relaxed};

pub(super) const CHECKS: &[Check] =
    &[Check { rule: &LISTS_BELOW, run: lists_below }, Check { rule: &DENY_OF_PREFIX, run: deny_of_prefix }];

const LIST: &str = "s3:ListBucket";
const PREFIX: &str = "s3:prefix";
const DELIMITER: &str = "s3:delimiter";

static LISTS_BELOW: Rule = Rule::warning(
    "P08",
    "lists-below-prefix",
    "An `Allow` of a list with a short prefix also allows a list of everything below it.",
);

fn lists_below(context: &LintContext<'_>, report: &mut Reporter) {
    for clause in context.clauses().filter(|clause| names_prefixes(clause, Effect::Allow)) {
        let Some(bucket) = clause.statement.paths().find(|path| can_be_bucket(path)) else { continue };
        let prefixes: Vec<&str> = prefixes(context, bucket).collect();
        let is_parent = |prefix: &str| {
            let is_above = |other: &&str| other.len() > prefix.len() && other.starts_with(prefix);
            prefix.is_empty() || (prefix.ends_with('/') && prefixes.iter().any(is_above))
        };
        let shows_more = |prefix: &str| {
            let below = format!("{prefix}{UNNAMED}");
            lists(context, bucket, Some(prefix)) && !lists(context, bucket, Some(&below))
        };
        let is_wide = |value: &str| is_plain(value) && is_parent(value) && shows_more(value);
        let wide: Vec<_> = clause.values().filter(|(_, value)| is_wide(value)).collect();
        let Some((place, first)) = wide.first() else { continue };
        let what = if first.is_empty() { "every key of the bucket" } else { "every key below it" };
        let message = format!("a list with the prefix `\"{first}\"` and without a delimiter shows {what}");
        let values = one_or_list(wide.iter().map(|(_, value)| *value));
        let condition = format!("{{\"StringEquals\": {{\"s3:prefix\": {values}, \"s3:delimiter\": \"/\"}}}}");
        let help = format!("allow it in a statement with `{condition}`, which shows only the names on this level");
        report.add(*place, message).help(help);
    }
}

/// A name that no document has.
const UNNAMED: char = '\u{1}';

/// Whether a clause of a statement about lists names prefixes.
fn names_prefixes(clause: &ClauseAt<'_>, effect: Effect) -> bool {
    let is_of_effect = clause.statement.effect == effect && clause.statement.selects(LIST);
    let operator = clause.operator.trim_start_matches("ForAnyValue:");
    is_of_effect && clause.key == PREFIX && operator.starts_with("String") && !operator.contains("Not")
}

/// All prefixes of which the document allows a list of a bucket.
fn prefixes<'a>(context: &LintContext<'a>, bucket: &str) -> impl Iterator<Item = &'a str> {
    let clauses = context.clauses().filter(|clause| names_prefixes(clause, Effect::Allow));
    let clauses = clauses.filter(move |clause| is_about(&clause.statement, bucket));
    clauses.flat_map(|clause| clause.values().map(|(_, value)| value))
}

fn is_plain(value: &str) -> bool {
    !has_wildcard(value) && !value.contains("${")
}

static DENY_OF_PREFIX: Rule = Rule::warning(
    "P09",
    "deny-of-prefix",
    "A `Deny` of lists by prefix hides nothing, because a list with a shorter prefix is allowed.",
);

fn deny_of_prefix(context: &LintContext<'_>, report: &mut Reporter) {
    for clause in context.clauses().filter(|clause| names_prefixes(clause, Effect::Deny)) {
        let Some(bucket) = clause.statement.paths().find(|path| can_be_bucket(path)) else { continue };
        let evading = clause.values().find_map(|(_, value)| {
            let front = front(value);
            let shorter = front.char_indices().map(|(end, _)| Some(&front[..end]));
            let shorter = [None].into_iter().chain(shorter).find(|prefix| lists(context, bucket, *prefix))?;
            Some((value, shorter))
        });
        if let Some((value, shorter)) = evading {
            let query = shorter.map_or(String::new(), |prefix| format!("&prefix={prefix}"));
            let message = format!(
                "this `Deny` hides nothing: the list `GET {}?list-type=2{query}` also shows the keys of `{value}`",
                bucket.trim_end_matches('/')
            );
            let help = format!("instead, allow `{LIST}` only with the `{PREFIX}` of what may be seen");
            report.add(clause.place(Part::Key), message).help(help);
        }
    }
}

/// Whether the document allows a list of a bucket with a prefix, or without one, and without a delimiter. Other conditions of an
/// `Allow` may hold, and those of a `Deny` may not.
fn lists(context: &LintContext<'_>, bucket: &str, prefix: Option<&str>) -> bool {
    let applies = |statement: &StatementAt<'_>, unknown: bool| {
        let holds = |clause: &Clause| holds(clause, prefix).unwrap_or(unknown);
        statement.selects(LIST) && is_about(statement, bucket) && statement.conditions.iter().all(holds)
    };
    context.allows().any(|allow| applies(&allow, true)) && !context.denies().any(|deny| applies(&deny, false))
}

/// Whether a statement is about a bucket.
fn is_about(statement: &Statement, bucket: &str) -> bool {
    let matches = |pattern: &String| {
        let path = super::patterns::path(pattern).map(relaxed);
        path.is_some_and(|path| is_all(&path) || covers(&path, bucket) || covers(&path, &format!("{bucket}/")))
    };
    statement.resources.patterns.iter().any(matches) != statement.resources.negated
}

/// Whether a condition holds for a list with a prefix, or without one, and without a delimiter. `None` if that depends on other
/// things.
fn holds(clause: &Clause, prefix: Option<&str>) -> Option<bool> {
    let value = match clause.key.as_str() {
        PREFIX => prefix,
        DELIMITER => None,
        _ => return None,
    };
    let (is_any_absent, operator) = match clause.operator.split_once(':') {
        Some(("ForAllValues", operator)) => (true, operator),
        Some((_, operator)) => (false, operator),
        None => (false, clause.operator.as_str()),
    };
    if operator == "Null" {
        let asks_absent = clause.values.iter().any(|value| truth(value).as_deref() == Some("true"));
        return Some(asks_absent == value.is_none());
    }
    let is_negated = operator.contains("Not");
    let equals = |written: &String, value: &str| {
        let pattern = with_variables(written, "?*");
        match operator.contains("Like") || pattern != *written {
            true => covers(&pattern, value),
            false if operator.contains("IgnoreCase") => written.eq_ignore_ascii_case(value),
            false => written == value,
        }
    };
    if !operator.starts_with("String") {
        return None;
    }
    Some(match value {
        None => is_negated || is_any_absent,
        Some(value) => clause.values.iter().any(|written| equals(written, value)) != is_negated,
    })
}
