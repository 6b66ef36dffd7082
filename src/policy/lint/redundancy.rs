//! Rules on entries that another entry makes superfluous, or that bring another with them.

use crate::base::{Code, Severity};

use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{Context, Entry, actions_of, is_about, resources_of};
use super::glob::covers;
use super::{Check, Lint};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &REDUNDANT_ACTION, run: redundant_action },
    Check { rule: &VERSION_IMPLIES_OBJECT, run: version_implies_object },
    Check { rule: &REDUNDANT_RESOURCE, run: redundant_resource },
];

static REDUNDANT_ACTION: Rule = Rule {
    id: "A07",
    code: Code::new("redundant-action", "An action is covered by another of the same statement."),
    severity: Severity::Note,
    because: "It takes bytes and says nothing.",
    fires: &[Statement(r#""Action": ["s3:Get*", "s3:GetObject"]"#)],
    silent: &[Statement(r#""Action": ["s3:Get*", "s3:PutObject"]"#)],
};

fn redundant_action(context: &Context<'_>) -> Vec<Lint> {
    let entries = context.statements().map(|(at, statement)| actions_of(at, statement).collect());
    entries.flat_map(|entries: Vec<_>| covered(&REDUNDANT_ACTION, &entries)).collect()
}

static REDUNDANT_RESOURCE: Rule = Rule {
    id: "R11",
    code: Code::new("redundant-resource", "A resource is covered by another of the same statement."),
    severity: Severity::Note,
    because: "It takes bytes and says nothing.",
    fires: &[Statement(r#""Resource": ["arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/models/*"]"#)],
    silent: &[Statement(
        r#""Action": ["s3:ListBucket", "s3:GetObject"], "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#,
    )],
};

fn redundant_resource(context: &Context<'_>) -> Vec<Lint> {
    let entries = context.statements().map(|(at, statement)| resources_of(at, statement).collect());
    entries.flat_map(|entries: Vec<_>| covered(&REDUNDANT_RESOURCE, &entries)).collect()
}

/// Of entries that cover each other (they are spelled differently, or repeated), the first stays.
fn covered(rule: &'static Rule, entries: &[Entry<'_>]) -> Vec<Lint> {
    let covering = |at: usize| {
        entries.iter().enumerate().find(|(other, entry)| {
            let mutual = covers(entries[at].pattern, entry.pattern);
            *other != at && covers(entry.pattern, entries[at].pattern) && (!mutual || *other < at)
        })
    };
    let covered = (0..entries.len()).filter_map(|at| covering(at).map(|(_, by)| (&entries[at], by)));
    let lint = |(entry, by): (&Entry<'_>, &Entry<'_>)| {
        Lint::new(rule, entry.place, format!("`{}` covers `{}`", by.pattern, entry.pattern))
            .help("remove the narrower one")
    };
    covered.map(lint).collect()
}

static VERSION_IMPLIES_OBJECT: Rule = Rule {
    id: "A08",
    code: Code::new("version-implies-object", "A statement has `s3:GetObjectVersion`, and not `s3:GetObject`."),
    severity: Severity::Warning,
    because: "On servers of MinIO's lineage the one brings the other, when it is written without wildcards: the statement \
              allows (or denies) reading the newest version as well.",
    fires: &[Statement(r#""Action": "s3:GetObjectVersion""#)],
    silent: &[
        Statement(r#""Action": ["s3:GetObjectVersion", "s3:GetObject"]"#),
        Statement(r#""Action": "s3:GetObjectV*""#),
    ],
};

fn version_implies_object(context: &Context<'_>) -> Vec<Lint> {
    let exact =
        context.actions().filter(|entry| !entry.statement.actions.negated && entry.pattern == "s3:GetObjectVersion");
    let alone = exact.filter(|entry| !is_about(entry.statement, "s3:GetObject"));
    let message = "`s3:GetObjectVersion` brings `s3:GetObject` with it on some servers";
    alone
        .map(|entry| {
            Lint::new(&VERSION_IMPLIES_OBJECT, entry.place, message).help("add `s3:GetObject` if that is meant")
        })
        .collect()
}
