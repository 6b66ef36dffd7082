//! Rules on statements that allow a great deal.

use crate::base::{Code, Severity};

use super::super::catalogue::Level;
use super::super::document::Statement as PolicyStatement;
use super::super::normal::fold_wildcards;
use super::super::place::{Part, Place};
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{Context, Entry, actions_of, resources_of};
use super::resource::{is_all, path};
use super::{Check, Lint};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &WRITE_ON_EVERYTHING, run: write_on_everything },
    Check { rule: &FULL_ACCESS, run: full_access },
    Check { rule: &ALLOW_WITH_NOT, run: allow_with_not },
];

/// The resource by which a statement is about all buckets or all objects.
fn everything(at: usize, statement: &PolicyStatement) -> Option<Entry<'_>> {
    let all = |entry: &Entry<'_>| path(entry.pattern).is_some_and(is_all);
    resources_of(at, statement).filter(|_| !statement.resources.negated).find(all)
}

/// The entry by which a statement is about all actions.
fn all_actions(at: usize, statement: &PolicyStatement) -> Option<Entry<'_>> {
    let all = |entry: &Entry<'_>| matches!(&*fold_wildcards(entry.pattern), "s3:*" | "*");
    actions_of(at, statement).filter(|_| !statement.actions.negated).find(all)
}

static WRITE_ON_EVERYTHING: Rule = Rule {
    id: "G01",
    code: Code::new("write-on-everything", "A statement allows changes in every bucket."),
    severity: Severity::Warning,
    because: "It covers the buckets of others, and those that are yet to come.",
    fires: &[Statement(r#""Action": "s3:PutObject", "Resource": "arn:aws:s3:::*""#)],
    silent: &[
        Statement(r#""Action": "s3:GetObject", "Resource": "arn:aws:s3:::*""#),
        Statement(r#""Action": "s3:PutObject", "Resource": "arn:aws:s3:::ml-*""#),
    ],
};

fn write_on_everything(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, statement) in context.allows() {
        let Some(resource) = everything(at, statement) else { continue };
        if statement.actions.negated || all_actions(at, statement).is_some() {
            continue;
        }
        let changes = |entry: &Entry<'_>| context.matched(entry.pattern).any(|action| action.level >= Level::Write);
        if let Some(action) = actions_of(at, statement).find(changes) {
            let message = format!("`{}` is allowed in every bucket", action.pattern);
            found.push(Lint::new(&WRITE_ON_EVERYTHING, resource.place, message).help("name the buckets"));
        }
    }
    found
}

static FULL_ACCESS: Rule = Rule {
    id: "G02",
    code: Code::new("full-access", "A statement allows everything everywhere."),
    severity: Severity::Warning,
    because: "It includes deleting every bucket and writing every bucket's policy.",
    fires: &[Statement(r#""Action": "s3:*", "Resource": "arn:aws:s3:::*""#)],
    silent: &[Statement(r#""Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#)],
};

fn full_access(context: &Context<'_>) -> Vec<Lint> {
    let full = context.allows().filter_map(|(at, statement)| all_actions(at, statement).and(everything(at, statement)));
    let message = "all actions are allowed in every bucket";
    full.map(|entry| Lint::new(&FULL_ACCESS, entry.place, message).help("name the actions or the buckets")).collect()
}

static ALLOW_WITH_NOT: Rule = Rule {
    id: "G03",
    code: Code::new("allow-with-not", "An `Allow` with `NotAction` or `NotResource`."),
    severity: Severity::Warning,
    because: "It allows everything except what is listed, also what a later release or a new bucket brings.",
    fires: &[Statement(r#""NotAction": "s3:DeleteBucket""#), Statement(r#""NotResource": "arn:aws:s3:::private/*""#)],
    silent: &[Statement(r#""Effect": "Deny", "NotResource": "arn:aws:s3:::bucket/*""#)],
};

fn allow_with_not(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, statement) in context.allows() {
        let lint = |part, what: &str| {
            let message = format!("every {what} but those listed is allowed");
            Lint::new(&ALLOW_WITH_NOT, Place::Statement(at, part), message).help("list what is allowed, or use `Deny`")
        };
        if statement.actions.negated {
            found.push(lint(Part::Actions, "action"));
        }
        if statement.resources.negated {
            found.push(lint(Part::Resources, "resource"));
        }
    }
    found
}
