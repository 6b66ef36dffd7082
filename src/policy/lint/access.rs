//! Rules on statements without effect. The access engine finds them.

use super::super::access::{self, dead_denies, grants_nothing, never_grants, redundant_statements};
use super::super::document::{Part, Place};
use super::super::rule::Example::Document;
use super::super::rule::Rule;
use super::context::{Check, Context};
use super::finding::Lint;
use crate::base::{Code, Severity};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &NEVER_GRANTS, run: never },
    Check { rule: &REDUNDANT_STATEMENT, run: redundant },
    Check { rule: &DENY_WITHOUT_EFFECT, run: dead },
    Check { rule: &EMPTY_ACCESS, run: empty },
];

/// The number of states that a search may visit for a lint. A longer search is not worth the time.
const STATE_CAP: usize = 2_000;

fn engine<'a>(context: &'a Context<'_>) -> access::Context<'a> {
    access::Context { state_cap: STATE_CAP, ..access::Context::new(context.catalogue) }
}

fn whole(at: usize) -> Place {
    Place::Statement(at, Part::Whole)
}

static NEVER_GRANTS: Rule = Rule {
    id: "X01",
    code: Code::new("never-grants", "Other statements deny everything that a statement allows."),
    severity: Severity::Warning,
    explanation: "A `Deny` overrides every `Allow`, so the statement grants nothing. `validate` checks this rule; \
                  `plan` does not.",
    fires: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/private/*"},
  {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::bucket/private/*"}]}"#,
    )],
    silent: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::bucket/private/*"}]}"#,
    )],
};

fn never(context: &Context<'_>) -> Vec<Lint> {
    let lint = |at| {
        Lint::new(&NEVER_GRANTS, whole(at), "the document denies everything that this statement allows")
            .help("remove it, or narrow the `Deny` statement")
    };
    if context.denies().next().is_none() || grants_nothing(context.document, &engine(context)) {
        return Vec::new();
    }
    never_grants(context.document, &engine(context)).into_iter().map(lint).collect()
}

static REDUNDANT_STATEMENT: Rule = Rule {
    id: "X02",
    code: Code::new("redundant-statement", "Without a statement, the document gives the same access."),
    severity: Severity::Note,
    explanation: "The statement uses bytes and has no effect. `validate` checks this rule; `plan` does not.",
    fires: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/models/*"}]}"#,
    )],
    silent: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bucket/models/*"}]}"#,
    )],
};

fn redundant(context: &Context<'_>) -> Vec<Lint> {
    if context.document.statements.len() < 2 {
        return Vec::new();
    }
    let reported: Vec<Place> = never(context).into_iter().chain(dead(context)).map(|lint| lint.place).collect();
    let lint = |at| {
        Lint::new(&REDUNDANT_STATEMENT, whole(at), "without this statement, the document gives the same access")
            .help("remove it")
    };
    let redundant = redundant_statements(context.document, &engine(context));
    redundant.into_iter().filter(|at| !reported.contains(&whole(*at))).map(lint).collect()
}

static DENY_WITHOUT_EFFECT: Rule = Rule {
    id: "X03",
    code: Code::new("deny-without-effect", "A statement denies nothing that the document allows."),
    severity: Severity::Warning,
    explanation: "A user has one policy, so only access that this policy allows needs a `Deny`. A `Deny` with a wrong \
                  pattern looks like protection and is none. `validate` checks this rule; `plan` does not.",
    fires: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::buckets/private/*"}]}"#,
    )],
    silent: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/private/*"}]}"#,
    )],
};

fn dead(context: &Context<'_>) -> Vec<Lint> {
    let lint = |at| {
        Lint::new(&DENY_WITHOUT_EFFECT, whole(at), "this statement denies nothing that the document allows")
            .help("check its patterns, or remove it")
    };
    dead_denies(context.document, &engine(context)).into_iter().map(lint).collect()
}

static EMPTY_ACCESS: Rule = Rule {
    id: "X04",
    code: Code::new("empty-access", "A document allows nothing."),
    severity: Severity::Warning,
    explanation: "Users with this policy have no access. `detached = true` says so directly. `validate` checks this \
                  rule; `plan` does not.",
    fires: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
    )],
    silent: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
    )],
};

fn empty(context: &Context<'_>) -> Vec<Lint> {
    if context.document.statements.is_empty() || !grants_nothing(context.document, &engine(context)) {
        return Vec::new();
    }
    vec![Lint::new(&EMPTY_ACCESS, Place::Statements, "this document allows nothing")]
}
