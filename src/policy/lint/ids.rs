//! Rules on statements that are there twice, and on their ids.

use std::collections::BTreeMap;

use crate::base::{Code, Severity};

use super::super::document::Statement as PolicyStatement;
use super::super::normal::normal_statement;
use super::super::place::{Part, Place};
use super::super::rule::Example::{Document, Statement};
use super::super::rule::Rule;
use super::context::Context;
use super::{Check, Lint};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &DUPLICATE_STATEMENT, run: duplicate_statement },
    Check { rule: &DUPLICATE_SID, run: duplicate_sid },
    Check { rule: &SID_CHARACTERS, run: sid_characters },
];

static DUPLICATE_STATEMENT: Rule = Rule {
    id: "S13",
    code: Code::new("duplicate-statement", "Two statements are the same but for their `Sid`."),
    severity: Severity::Error,
    because: "Servers of MinIO's lineage from before October 2021 drop duplicates when they load a policy, and drop the \
              wrong statement: `[A, B, B]` becomes `[B]`. A statement that is repeated with its `Sid` is sent once, so \
              that is only a warning.",
    fires: &[
        Document(
            r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Sid": "B", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::bucket/*"}]}"#,
        ),
        Document(
            r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
        ),
    ],
    silent: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
    )],
};

fn duplicate_statement(context: &Context<'_>) -> Vec<Lint> {
    if context.document.statements.len() < 2 {
        return Vec::new();
    }
    let without_sid = |statement| {
        let mut statement = normal_statement(statement);
        (statement.sid.take(), statement)
    };
    let normal: Vec<(Option<String>, PolicyStatement)> = context.document.statements.iter().map(without_sid).collect();
    let mut found = Vec::new();
    for (at, (sid, statement)) in normal.iter().enumerate() {
        if let Some(first) = normal[..at].iter().position(|(_, other)| other == statement) {
            let message = format!("statement {} says the same as statement {}", at + 1, first + 1);
            let repeated = normal[first].0 == *sid;
            let severity = if repeated { Severity::Warning } else { Severity::Error };
            let place = Place::Statement(at, Part::Whole);
            found.push(Lint::new(&DUPLICATE_STATEMENT, place, message).severity(severity).help("remove one of them"));
        }
    }
    found
}

static DUPLICATE_SID: Rule = Rule {
    id: "S14",
    code: Code::new("duplicate-sid", "Two statements have the same `Sid`."),
    severity: Severity::Error,
    because: "A `Sid` must be unique within a document; AWS refuses the document otherwise.",
    fires: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Sid": "A", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"}]}"#,
    )],
    silent: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"},
  {"Sid": "a", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"}]}"#,
    )],
};

fn duplicate_sid(context: &Context<'_>) -> Vec<Lint> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for (at, sid) in sids(context) {
        if let Some(first) = seen.get(sid) {
            let message = format!("`{sid}` is already the `Sid` of statement {}", first + 1);
            found.push(Lint::new(&DUPLICATE_SID, Place::Statement(at, Part::Sid), message).help("choose another"));
        } else if !sid.is_empty() {
            seen.insert(sid, at);
        }
    }
    found
}

static SID_CHARACTERS: Rule = Rule {
    id: "S15",
    code: Code::new("sid-characters", "A `Sid` has characters other than `A-Z a-z 0-9`, or none at all."),
    severity: Severity::Warning,
    because: "AWS refuses other characters. An empty `Sid` is like none.",
    fires: &[Statement(r#""Sid": "read models""#), Statement(r#""Sid": """#)],
    silent: &[Statement(r#""Sid": "ReadModels2""#)],
};

fn sid_characters(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, sid) in sids(context) {
        let place = Place::Statement(at, Part::Sid);
        if sid.is_empty() {
            let lint = Lint::new(&SID_CHARACTERS, place, "the `Sid` is empty, which is like none").help("remove it");
            found.push(lint.severity(Severity::Note));
        } else if !sid.chars().all(|c| c.is_ascii_alphanumeric()) {
            let message = format!("`{sid}` has characters that a `Sid` cannot have everywhere");
            let plain: String = sid.chars().filter(char::is_ascii_alphanumeric).collect();
            let lint = Lint::new(&SID_CHARACTERS, place, message).help("use letters and digits only");
            let taken = sids(context).any(|(_, other)| other == plain);
            found.push(if plain.is_empty() || taken { lint } else { lint.fix(plain) });
        }
    }
    found
}

fn sids<'a>(context: &Context<'a>) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
    context.statements().filter_map(|(at, statement)| statement.sid.as_deref().map(|sid| (at, sid)))
}
