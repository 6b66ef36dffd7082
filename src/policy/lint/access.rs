//! Rules on statements that do nothing, as far as the access engine is certain of it.

use crate::base::{Code, Severity};

use super::super::access::{self, dead_denies, grants_nothing, never_grants, redundant_statements};
use super::super::place::{Part, Place};
use super::super::rule::Example::Document;
use super::super::rule::Rule;
use super::context::Context;
use super::{Check, Lint};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &NEVER_GRANTS, run: never },
    Check { rule: &REDUNDANT_STATEMENT, run: redundant },
    Check { rule: &DENY_WITHOUT_EFFECT, run: dead },
    Check { rule: &EMPTY_ACCESS, run: empty },
];

/// How many states a search may look at for a lint: what takes longer is not worth a remark.
const STATES: usize = 2_000;

fn engine<'a>(context: &'a Context<'_>) -> access::Context<'a> {
    access::Context { state_cap: STATES, ..access::Context::new(context.catalogue) }
}

fn whole(at: usize) -> Place {
    Place::Statement(at, Part::Whole)
}

static NEVER_GRANTS: Rule = Rule {
    id: "X01",
    code: Code::new("never-grants", "All that a statement allows is denied by another."),
    severity: Severity::Warning,
    because: "A Deny wins over any Allow, so the statement grants nothing. Looked for by `validate`, not in every plan.",
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
        Lint::new(&NEVER_GRANTS, whole(at), "all that this statement allows is denied by the document")
            .help("remove it, or narrow the statement that denies it")
    };
    if context.denies().next().is_none() || grants_nothing(context.document, &engine(context)) {
        return Vec::new();
    }
    never_grants(context.document, &engine(context)).into_iter().map(lint).collect()
}

static REDUNDANT_STATEMENT: Rule = Rule {
    id: "X02",
    code: Code::new("redundant-statement", "The document gives the same access without a statement."),
    severity: Severity::Note,
    because: "It takes bytes and says nothing that the others do not say. Looked for by `validate`, not in every plan.",
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
    let told: Vec<Place> = never(context).into_iter().chain(dead(context)).map(|lint| lint.place).collect();
    let lint = |at| {
        Lint::new(&REDUNDANT_STATEMENT, whole(at), "the document gives the same access without this statement")
            .help("remove it")
    };
    let redundant = redundant_statements(context.document, &engine(context));
    redundant.into_iter().filter(|at| !told.contains(&whole(*at))).map(lint).collect()
}

static DENY_WITHOUT_EFFECT: Rule = Rule {
    id: "X03",
    code: Code::new("deny-without-effect", "A statement denies nothing that the document allows."),
    severity: Severity::Warning,
    because: "A user's policy is the only grant there is, so what it does not allow need not be denied; a Deny that misses \
              what it was written for looks like protection and is none. Looked for by `validate`, not in every plan.",
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
            .help("check what it is meant to protect, or remove it")
    };
    dead_denies(context.document, &engine(context)).into_iter().map(lint).collect()
}

static EMPTY_ACCESS: Rule = Rule {
    id: "X04",
    code: Code::new("empty-access", "A document allows nothing at all."),
    severity: Severity::Warning,
    because: "Its holders have no access; `detached = true` says that in so many words. Looked for by `validate`, not in \
              every plan.",
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
    vec![Lint::new(&EMPTY_ACCESS, Place::Statements, "this document allows nothing at all")]
}
