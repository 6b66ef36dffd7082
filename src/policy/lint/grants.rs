//! Rules on statements that allow more than they seem to, or not enough to be useful.

use super::super::catalogue::Level;
use super::super::document::{Part, Place, Statement as PolicyStatement};
use super::super::normal::fold_wildcards;
use super::super::rule::Example::{Document, Statement};
use super::super::rule::Rule;
use super::context::{Check, Context, Entry, actions_of, paths, resources_of, selects};
use super::finding::Lint;
use super::patterns::{can_be_bucket, covers, is_all, objects_of, path, relaxed};
use crate::base::{Code, Severity};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &WRITE_ON_EVERYTHING, run: write_on_everything },
    Check { rule: &FULL_ACCESS, run: full_access },
    Check { rule: &ALLOW_WITH_NOT, run: allow_with_not },
    Check { rule: &POLICY_ESCALATION, run: policy_escalation },
    Check { rule: &LOCK_BYPASS, run: lock_bypass },
    Check { rule: &COMPANIONS, run: companions },
];

/// The resource entry that matches all buckets or all objects.
fn everything(at: usize, statement: &PolicyStatement) -> Option<Entry<'_>> {
    let all = |entry: &Entry<'_>| path(entry.pattern).is_some_and(is_all);
    resources_of(at, statement).filter(|_| !statement.resources.negated).find(all)
}

/// The action entry that matches all actions.
fn all_actions(at: usize, statement: &PolicyStatement) -> Option<Entry<'_>> {
    let all = |entry: &Entry<'_>| matches!(&*fold_wildcards(entry.pattern), "s3:*" | "*");
    actions_of(at, statement).filter(|_| !statement.actions.negated).find(all)
}

static WRITE_ON_EVERYTHING: Rule = Rule {
    id: "G01",
    code: Code::new("write-on-everything", "A statement allows writes in every bucket."),
    severity: Severity::Warning,
    explanation: "It covers the buckets of other users, and all future buckets.",
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
            let message = format!("the statement allows `{}` in every bucket", action.pattern);
            found.push(Lint::new(&WRITE_ON_EVERYTHING, resource.place, message).help("name the buckets"));
        }
    }
    found
}

static FULL_ACCESS: Rule = Rule {
    id: "G02",
    code: Code::new("full-access", "A statement allows everything everywhere."),
    severity: Severity::Warning,
    explanation: "It allows to delete every bucket, and to write the policy of every bucket.",
    fires: &[Statement(r#""Action": "s3:*", "Resource": "arn:aws:s3:::*""#)],
    silent: &[Statement(r#""Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#)],
};

fn full_access(context: &Context<'_>) -> Vec<Lint> {
    let full = context.allows().filter_map(|(at, statement)| all_actions(at, statement).and(everything(at, statement)));
    let message = "the statement allows all actions in every bucket";
    full.map(|entry| Lint::new(&FULL_ACCESS, entry.place, message).help("name the actions or the buckets")).collect()
}

static ALLOW_WITH_NOT: Rule = Rule {
    id: "G03",
    code: Code::new("allow-with-not", "An `Allow` uses `NotAction` or `NotResource`."),
    severity: Severity::Warning,
    explanation: "It allows everything except the listed entries. This includes future actions and new buckets.",
    fires: &[Statement(r#""NotAction": "s3:DeleteBucket""#), Statement(r#""NotResource": "arn:aws:s3:::private/*""#)],
    silent: &[Statement(r#""Effect": "Deny", "NotResource": "arn:aws:s3:::bucket/*""#)],
};

fn allow_with_not(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, statement) in context.allows() {
        let lint = |part, what: &str| {
            let message = format!("the statement allows every {what} except the listed ones");
            Lint::new(&ALLOW_WITH_NOT, Place::Statement(at, part), message).help("list the allowed ones, or use `Deny`")
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

/// The entry of `Action` that matches an action.
fn entry_for<'a>(at: usize, statement: &'a PolicyStatement, action: &str) -> Option<Entry<'a>> {
    actions_of(at, statement).filter(|_| !statement.actions.negated).find(|entry| covers(entry.pattern, action))
}

static POLICY_ESCALATION: Rule = Rule {
    id: "G04",
    code: Code::new(
        "policy-escalation",
        "A document allows to write the policy of a bucket, but not to read its objects.",
    ),
    severity: Severity::Warning,
    explanation: "A user who can write the policy of a bucket can give anyone access to it, even without a login.",
    fires: &[Statement(r#""Action": "s3:PutBucketPolicy", "Resource": "arn:aws:s3:::bucket""#)],
    silent: &[Statement(
        r#""Action": ["s3:PutBucketPolicy", "s3:GetObject"], "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#,
    )],
};

fn policy_escalation(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, statement) in context.allows() {
        let Some(entry) = entry_for(at, statement, "s3:PutBucketPolicy") else { continue };
        let buckets = paths(statement).filter(|path| !statement.resources.negated && can_be_bucket(path));
        if let Some(bucket) = buckets.map(relaxed).find(|bucket| !reads_objects(context, bucket)) {
            let message =
                format!("`{}` on `{bucket}` allows a user to get more access than this policy gives", entry.pattern);
            let lint = Lint::new(&POLICY_ESCALATION, entry.place, message);
            found.push(lint.help("let an administrator write the bucket policy"));
        }
    }
    found
}

/// Whether a statement allows to read all objects of a bucket.
fn reads_objects(context: &Context<'_>, bucket: &str) -> bool {
    let objects = objects_of(bucket);
    context.allows().any(|(_, statement)| {
        let covered = paths(statement).any(|path| covers(&relaxed(path), &objects));
        selects(statement, "s3:GetObject") && covered != statement.resources.negated
    })
}

static LOCK_BYPASS: Rule = Rule {
    id: "G05",
    code: Code::new("lock-bypass", "An action bypasses a lock or a `Deny` on deletion."),
    severity: Severity::Warning,
    explanation: "`s3:BypassGovernanceRetention` allows to delete locked objects. A lifecycle rule deletes objects \
                  even if `s3:DeleteObject` is denied, so also deny `s3:PutLifecycleConfiguration`.",
    fires: &[
        Statement(r#""Action": ["s3:GetObject", "s3:BypassGovernanceRetention"]"#),
        Document(
            r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]},
  {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
        ),
    ],
    silent: &[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]},
  {"Effect": "Deny", "Action": ["s3:DeleteObject", "s3:PutLifecycleConfiguration"], "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]}]}"#,
    )],
};

fn lock_bypass(context: &Context<'_>) -> Vec<Lint> {
    let bypass = context.allows().filter_map(|(at, statement)| {
        // `full-access` reports all actions.
        let entry = entry_for(at, statement, "s3:BypassGovernanceRetention")?;
        let all = fold_wildcards(entry.pattern) == "s3:*";
        let message = format!("`{}` allows to delete objects under governance retention", entry.pattern);
        (!all).then(|| Lint::new(&LOCK_BYPASS, entry.place, message).help("let an administrator do this"))
    });
    bypass.chain(lifecycle_bypass(context)).collect()
}

fn lifecycle_bypass(context: &Context<'_>) -> Option<Lint> {
    let lifecycle = "s3:PutLifecycleConfiguration";
    let allowed = context.allows().any(|(_, statement)| selects(statement, lifecycle));
    let denied = context.denies().any(|(_, statement)| selects(statement, lifecycle));
    let ban = context.denies().find_map(|(at, statement)| entry_for(at, statement, "s3:DeleteObject"))?;
    let message = format!("the document denies deletion but allows `{lifecycle}`, which can also delete");
    (allowed && !denied).then(|| Lint::new(&LOCK_BYPASS, ban.place, message).help(format!("also deny `{lifecycle}`")))
}

static COMPANIONS: Rule = Rule {
    id: "G06",
    code: Code::new("missing-companion", "A document allows an action without another one that clients also need."),
    severity: Severity::Note,
    explanation: "Consoles and some SDKs request the location of a bucket before they list it. Without \
                  `s3:ListBucket`, the response for a missing object is 403 instead of 404.",
    fires: &[
        Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket""#),
        Statement(r#""Action": "s3:GetObject""#),
    ],
    silent: &[Statement(
        r#""Action": ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#,
    )],
};

/// Actions, each with the action that clients also need.
const COMPANIONS_OF: [(&str, &str); 2] = [("s3:ListBucket", "s3:GetBucketLocation"), ("s3:GetObject", "s3:ListBucket")];

fn companions(context: &Context<'_>) -> Vec<Lint> {
    let missing = COMPANIONS_OF.into_iter().filter(|(_, needed)| {
        let known = context.catalogue.get(needed).is_some();
        known && !context.allows().any(|(_, statement)| selects(statement, needed))
    });
    let lint = |(action, needed): (&str, &str)| {
        let entry = context.allows().find_map(|(at, statement)| entry_for(at, statement, action))?;
        let message = format!("the document allows `{action}` but not `{needed}`");
        Some(Lint::new(&COMPANIONS, entry.place, message).help(format!("also allow `{needed}` on the bucket")))
    };
    missing.filter_map(lint).collect()
}
