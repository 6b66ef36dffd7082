//! Lint: rules on documents. `docs/lints.md` explains each, with examples.
//!
//! An *error* says that a server refuses the document, or reads it in another way than it is written. If servers differ
//! and the behaviour of a WEKA cluster is unknown, the rule assumes the stricter one and says so.

mod actions;
mod allowed;
mod bucket;
mod conditions;
mod context;
mod finding;
mod fit;
mod fixes;
mod form;
mod grants;
mod locks;
mod patterns;
mod prefixes;
mod protections;
mod resources;
mod values;
mod vocabulary;

use super::document::Place;
use super::normal::normal;
use super::rule::{self, Rule};
use crate::base::{BucketName, Severity};
use context::{Check, LintContext};
use finding::Reporter;

pub use bucket::MAX_BUCKET_POLICY;
pub use finding::{Depth, Fix, Lint, LintInput, MAX_DOCUMENT, apply_edits};

/// A longer document, in bytes, is only measured: it cannot be sent, and its check would take long.
const MAX_CHECKED: usize = 8 * MAX_DOCUMENT;

const CHECKS: &[&[Check]] = &[
    form::CHECKS,
    actions::CHECKS,
    fit::CHECKS,
    resources::CHECKS,
    conditions::CHECKS,
    values::CHECKS,
    grants::CHECKS,
];

/// The checks of a document without errors: they ask the access engine about single statements, which is fast.
const CHECKS_OF_VALID: &[&[Check]] = &[locks::CHECKS, protections::CHECKS, prefixes::CHECKS];

/// The rules that the reader of documents checks.
const READER_RULES: &[&Rule] = &[
    &rule::JSON_SYNTAX,
    &rule::DUPLICATE_MEMBER,
    &rule::UNKNOWN_MEMBER,
    &rule::PRINCIPAL,
    &rule::EFFECT,
    &rule::WRONG_KIND,
];

/// Checks a document. The findings are in the order of the document.
pub fn lint(input: &LintInput<'_>) -> Vec<Lint> {
    let LintInput { document, catalogue, text_length, depth } = *input;
    let normal = normal(document);
    let context = LintContext { document, catalogue, text_length, normal: &normal, bucket: None };
    if normal.len() > MAX_CHECKED {
        return run(&[&[form::SIZE_CHECK]], &context, depth);
    }
    let mut found = run(CHECKS, &context, depth);
    // The access of an invalid document does not matter.
    if found.iter().all(|lint| lint.severity != Severity::Error) {
        found.append(&mut run(CHECKS_OF_VALID, &context, depth));
        if depth == Depth::Thorough {
            found.append(&mut run(&[grants::THOROUGH], &context, depth));
        }
    }
    let mut found = without_effects(found);
    found.sort_by(|a, b| (a.place, a.rule.id, &a.message).cmp(&(b.place, b.rule.id, &b.message)));
    found
}

/// The checks of the policy of a bucket.
const CHECKS_OF_BUCKET: &[&[Check]] =
    &[form::CHECKS, actions::CHECKS, resources::CHECKS, conditions::CHECKS, values::CHECKS, bucket::CHECKS];

/// Rules that the policy of a bucket need not keep: an `Id` is allowed, another size counts, and another rule says which resources.
const NOT_OF_BUCKET: [&str; 3] = ["S05", rule::SIZE.id, "R02"];

/// Checks the document of the policy of a bucket, read with [`read_bucket_policy`](super::read_bucket_policy). The findings are in
/// the order of the document.
pub fn lint_bucket(input: &LintInput<'_>, bucket: &BucketName) -> Vec<Lint> {
    let LintInput { document, catalogue, text_length, depth } = *input;
    let normal = normal(document);
    let context = LintContext { document, catalogue, text_length, normal: &normal, bucket: Some(bucket) };
    let mut found = run(CHECKS_OF_BUCKET, &context, depth);
    found.retain(|lint| !NOT_OF_BUCKET.contains(&lint.rule.id));
    found.sort_by(|a, b| (a.place, a.rule.id, &a.message).cmp(&(b.place, b.rule.id, &b.message)));
    found
}

fn run(groups: &[&[Check]], context: &LintContext<'_>, depth: Depth) -> Vec<Lint> {
    let checks = groups.iter().copied().flatten().filter(|check| depth.includes(check.rule.severity));
    let found = checks.flat_map(|check| {
        let mut reporter = Reporter { rule: check.rule, found: Vec::new() };
        (check.run)(context, &mut reporter);
        reporter.found.iter_mut().for_each(|lint| lint.fix = lint.fix.take_if(|fix| fixes::is_certain(context, fix)));
        reporter.found
    });
    found.filter(|lint| depth.includes(lint.severity)).collect()
}

/// Rules whose warnings are the cause of what other rules report on the same statement, each with the ids of those. `X04` is
/// about the whole document.
const EXPLAINS: &[(&str, &[&str])] = &[
    ("C11", &["X01", "X02", "X03", "X04"]),
    ("G05", &["X02", "X03"]),
    ("P01", &["X02", "X03"]),
    ("P02", &["X01", "X02", "X04"]),
    ("P04", &["X02", "X03"]),
    ("R05", &["G04", "X01", "X02", "X04"]),
    ("R06", &["G06", "X01", "X02", "X03", "X04"]),
    ("R08", &["X01", "X02", "X03", "X04"]),
    ("R09", &["X01", "X02", "X04"]),
    ("R10", &["X01", "X02", "X03", "X04"]),
    ("S13", &["X02"]),
];

/// The findings without those that another one explains: one cause is one finding.
fn without_effects(found: Vec<Lint>) -> Vec<Lint> {
    let statement = |place: Place| match place {
        Place::Statement(at, _) => Some(at),
        Place::Document | Place::Version | Place::Id | Place::Statements => None,
    };
    let explains = |cause: &Lint, effect: &Lint| {
        let is_near = statement(effect.place).is_none_or(|at| statement(cause.place) == Some(at));
        let is_known = EXPLAINS.iter().any(|(id, others)| *id == cause.rule.id && others.contains(&effect.rule.id));
        is_known && is_near && cause.severity != Severity::Note
    };
    let is_effect: Vec<bool> = found.iter().map(|lint| found.iter().any(|other| explains(other, lint))).collect();
    found.into_iter().zip(is_effect).filter(|(_, is_effect)| !is_effect).map(|(lint, _)| lint).collect()
}

/// All rules by id, with those of the reader.
pub fn rules() -> Vec<&'static Rule> {
    let checked = CHECKS
        .iter()
        .chain(CHECKS_OF_VALID)
        .chain([&grants::THOROUGH, &bucket::CHECKS])
        .flat_map(|group| group.iter())
        .map(|check| check.rule);
    let mut rules: Vec<&'static Rule> = READER_RULES.iter().copied().chain(checked).collect();
    rules.sort_by_key(|rule| rule.id);
    rules
}

#[cfg(test)]
mod tests;
