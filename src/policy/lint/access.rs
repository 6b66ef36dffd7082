//! Rules on statements without effect. The access engine finds them.

use super::super::access::{self, dead_denies, grants_nothing, never_grants, redundant_statements};
use super::super::document::{Part, Place};
use super::super::rule::Example::Document;
use super::super::rule::Rule;
use super::context::{Check, LintContext};
use super::finding::Reporter;

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &NEVER_GRANTS, run: never },
    Check { rule: &REDUNDANT_STATEMENT, run: redundant },
    Check { rule: &DENY_WITHOUT_EFFECT, run: dead },
    Check { rule: &EMPTY_ACCESS, run: empty },
];

/// The number of states that a search may visit for a lint. A longer search is not worth the time.
const STATE_CAP: usize = 2_000;

fn engine<'a>(context: &'a LintContext<'_>) -> access::Context<'a> {
    access::Context { state_cap: STATE_CAP, ..access::Context::new(context.catalogue) }
}

fn whole(at: usize) -> Place {
    Place::Statement(at, Part::Whole)
}

static NEVER_GRANTS: Rule =
    Rule::warning("X01", "never-grants", "Other statements deny everything that a statement allows.")
        .explained(
            "A `Deny` overrides every `Allow`, so the statement grants nothing. `validate` checks this rule; `plan` \
                does not.",
        )
        .reported_for(&[Document(
            r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/private/*"},
  {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::bucket/private/*"}]}"#,
        )])
        .not_reported_for(&[Document(
            r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::bucket/private/*"}]}"#,
        )]);

fn never(context: &LintContext<'_>, report: &mut Reporter) {
    for at in vain_allows(context) {
        report
            .add(whole(at), "the document denies everything that this statement allows")
            .help("remove it, or narrow the `Deny` statement");
    }
}

/// The statements whose access others deny, unless the document gives no access at all.
fn vain_allows(context: &LintContext<'_>) -> Vec<usize> {
    if context.denies().next().is_none() || grants_nothing(context.document, &engine(context)) {
        return Vec::new();
    }
    never_grants(context.document, &engine(context))
}

static REDUNDANT_STATEMENT: Rule =
    Rule::note("X02", "redundant-statement", "Without a statement, the document gives the same access.")
        .explained("The statement uses bytes and has no effect. `validate` checks this rule; `plan` does not.")
        .reported_for(&[Document(
            r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/models/*"}]}"#,
        )])
        .not_reported_for(&[Document(
            r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/models/*"}]}"#,
        )]);

fn redundant(context: &LintContext<'_>, report: &mut Reporter) {
    let (document, engine) = (context.document, engine(context));
    if document.statements.len() < 2 {
        return;
    }
    let reported = [vain_allows(context), dead_denies(document, &engine)].concat();
    for at in redundant_statements(document, &engine).into_iter().filter(|at| !reported.contains(at)) {
        report.add(whole(at), "without this statement, the document gives the same access").help("remove it");
    }
}

static DENY_WITHOUT_EFFECT: Rule =
    Rule::warning("X03", "deny-without-effect", "A statement denies nothing that the document allows.")
        .explained(
            "A user has one policy, so only access that this policy allows needs a `Deny`. A `Deny` with a wrong \
                pattern looks like protection and is none. `validate` checks this rule; `plan` does not.",
        )
        .reported_for(&[Document(
            r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::buckets/private/*"}]}"#,
        )])
        .not_reported_for(&[Document(
            r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/private/*"}]}"#,
        )]);

fn dead(context: &LintContext<'_>, report: &mut Reporter) {
    for at in dead_denies(context.document, &engine(context)) {
        report
            .add(whole(at), "this statement denies nothing that the document allows")
            .help("check its patterns, or remove it");
    }
}

static EMPTY_ACCESS: Rule = Rule::warning("X04", "empty-access", "A document allows nothing.")
    .explained(
        "Users with this policy have no access. `detached = true` says so directly. `validate` checks this \
                rule; `plan` does not.",
    )
    .reported_for(&[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
    )])
    .not_reported_for(&[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
    )]);

fn empty(context: &LintContext<'_>, report: &mut Reporter) {
    if !context.document.statements.is_empty() && grants_nothing(context.document, &engine(context)) {
        report.add(Place::Statements, "this document allows nothing");
    }
}
