//! Which fixes are certain: those that only write what the text says, or that the access engine proves to change nothing.

use super::super::access::{grants_nothing, same_access};
use super::super::document::{Clause, Document, Effect, Part, Place, Selector, Statement};
use super::super::normal::{fold_value, fold_wildcards, truth};
use super::context::{LintContext, engine};
use super::finding::Fix;
use super::patterns::{ARN, path};

/// Whether a fix can be applied without asking. A certain fix never writes a grant that the document does not have.
pub(super) fn is_certain(context: &LintContext<'_>, fix: &Fix) -> bool {
    let with = fix.with.as_str();
    let Place::Statement(at, part) = fix.place else {
        return fix.place == Place::Version && is_certain_version(context, with);
    };
    let Some(statement) = context.document.statements.get(at) else { return false };
    let clause = |index: usize| statement.conditions.get(index);
    match part {
        Part::Sid => true,
        Part::Action(index) => pattern(&statement.actions, index).is_some_and(|written| is_same_action(written, with)),
        Part::Operator(index) => clause(index).is_some_and(|clause| is_same_name(&clause.operator, with)),
        Part::Key(index) => clause(index).is_some_and(|clause| is_same_name(&clause.key, with)),
        Part::Value(index, value) => clause(index).is_some_and(|clause| is_same_value(clause, value, with)),
        Part::Resource(index) => pattern(&statement.resources, index).is_some_and(|written| {
            is_same_bucket(context, statement, written, with) || is_proven(context, statement, written, with)
        }),
        Part::Whole | Part::Effect | Part::Actions | Part::Resources | Part::Conditions | Part::Clause(_) => false,
    }
}

fn pattern(selector: &Selector, index: usize) -> Option<&str> {
    selector.patterns.get(index).map(String::as_str)
}

/// Another version reads `${…}` differently.
fn is_certain_version(context: &LintContext<'_>, with: &str) -> bool {
    let written = context.document.version.as_deref().unwrap_or_default();
    written.trim() == with || !context.normal.json().contains("${")
}

fn is_same_name(written: &str, with: &str) -> bool {
    written.trim().eq_ignore_ascii_case(with)
}

/// A cluster has no other actions than those of S3, so `*` is `s3:*`, and a name without a service is one of S3.
fn is_same_action(written: &str, with: &str) -> bool {
    is_same_name(written, with)
        || with.strip_prefix("s3:") == Some(written)
        || (fold_wildcards(written) == "*" && with == "s3:*")
}

fn is_same_value(clause: &Clause, value: usize, with: &str) -> bool {
    clause.values.get(value).is_some_and(|written| {
        let is_midnight = clause.operator.contains("Date") && format!("{written}T00:00:00Z") == with;
        let is_truth = clause.operator.contains("Bool") && truth(written).as_deref() == Some(with);
        is_midnight || is_truth || fold_value(&clause.operator, written) == fold_value(&clause.operator, with)
    })
}

/// Whether a resource that matches nothing names the same bucket and key as its fix. `NotResource` matches more if an entry
/// matches less, so nothing is certain there.
fn is_same_bucket(context: &LintContext<'_>, statement: &Statement, written: &str, with: &str) -> bool {
    let named = match path(written) {
        Some(path) if grants_nothing(&alone(statement, written), &engine(context)) => {
            Some(path.trim_start_matches('/'))
        }
        Some(_) => None,
        None => named_path(written),
    };
    !statement.resources.negated && named.is_some_and(|named| with.strip_prefix(ARN) == Some(named))
}

/// The bucket and key of a resource in another notation, if it has no region and no account.
pub(super) fn named_path(written: &str) -> Option<&str> {
    let parts: Vec<&str> = written.splitn(6, ':').collect();
    let rest = match parts.as_slice() {
        [arn, _, service, "", "", rest] if arn.eq_ignore_ascii_case("arn") && service.eq_ignore_ascii_case("s3") => {
            rest
        }
        [scheme, rest] if scheme.eq_ignore_ascii_case("s3") => rest.strip_prefix("//")?,
        [rest] => rest,
        _ => return None,
    };
    let is_plain = !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace);
    is_plain.then_some(rest)
}

/// Whether the engine proves that the statement has the same access with the fix. Without the other resources, so that all
/// fixes of a document can be applied at once.
fn is_proven(context: &LintContext<'_>, statement: &Statement, written: &str, with: &str) -> bool {
    same_access(&alone(statement, written), &alone(statement, with), &engine(context))
}

/// A document that allows the actions of a statement on one resource.
fn alone(statement: &Statement, resource: &str) -> Document {
    let resources = Selector { negated: false, patterns: vec![resource.to_owned()] };
    let statement = Statement { effect: Effect::Allow, resources, conditions: Vec::new(), ..statement.clone() };
    Document { statements: vec![statement], ..Document::default() }
}
