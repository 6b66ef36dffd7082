//! Rules on statements that allow more than they seem to, or not enough to be useful.

use super::super::catalogue::{Kind, Level};
use super::super::document::Part;
use super::super::normal::fold_wildcards;
use super::super::rule::Example::{Document, Statement};
use super::super::rule::Rule;
use super::context::{Check, Entry, LintContext, StatementAt};
use super::finding::Reporter;
use super::patterns::{can_be_bucket, covers, is_all, objects_of, path, relaxed};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &WRITE_ON_EVERYTHING, run: write_on_everything },
    Check { rule: &FULL_ACCESS, run: full_access },
    Check { rule: &ALLOW_WITH_NOT, run: allow_with_not },
    Check { rule: &POLICY_ESCALATION, run: policy_escalation },
    Check { rule: &LOCK_BYPASS, run: lock_bypass },
    Check { rule: &COMPANIONS, run: companions },
];

/// The resource entry that matches all buckets or all objects.
fn everything(statement: StatementAt<'_>) -> Option<Entry<'_>> {
    let all = |entry: &Entry<'_>| path(entry.pattern).is_some_and(is_all);
    statement.resources().find(all).filter(|_| !statement.resources.negated)
}

/// The action entry that matches all actions.
fn all_actions(statement: StatementAt<'_>) -> Option<Entry<'_>> {
    statement.selected_actions().find(|entry| matches!(&*fold_wildcards(entry.pattern), "s3:*" | "*"))
}

static WRITE_ON_EVERYTHING: Rule =
    Rule::warning("G01", "write-on-everything", "A statement allows writes in every bucket.")
        .explained("It covers the buckets of other users, and all future buckets.")
        .reported_for(&[Statement(r#""Action": "s3:PutObject", "Resource": "arn:aws:s3:::*""#)])
        .not_reported_for(&[
            Statement(r#""Action": "s3:GetObject", "Resource": "arn:aws:s3:::*""#),
            Statement(r#""Action": "s3:PutObject", "Resource": "arn:aws:s3:::ml-*""#),
        ]);

fn write_on_everything(context: &LintContext<'_>, report: &mut Reporter) {
    let all_kinds = [Kind::Account, Kind::Bucket, Kind::Object];
    for statement in context.allows().filter(|statement| all_actions(*statement).is_none()) {
        let changes = |entry: &Entry<'_>| context.matches(entry.pattern, &all_kinds, Level::Write);
        if let (Some(resource), Some(action)) = (everything(statement), statement.selected_actions().find(changes)) {
            let message = format!("the statement allows `{}` in every bucket", action.pattern);
            report.add(resource.place, message).help("name the buckets");
        }
    }
}

static FULL_ACCESS: Rule = Rule::warning("G02", "full-access", "A statement allows everything everywhere.")
    .explained("It allows to delete every bucket, and to write the policy of every bucket.")
    .reported_for(&[Statement(r#""Action": "s3:*", "Resource": "arn:aws:s3:::*""#)])
    .not_reported_for(&[Statement(
        r#""Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#,
    )]);

fn full_access(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.allows().filter_map(|statement| all_actions(statement).and(everything(statement))) {
        let message = "the statement allows all actions in every bucket";
        report.add(entry.place, message).help("name the actions or the buckets");
    }
}

static ALLOW_WITH_NOT: Rule = Rule::warning("G03", "allow-with-not", "An `Allow` uses `NotAction` or `NotResource`.")
    .explained("It allows everything except the listed entries. This includes future actions and new buckets.")
    .reported_for(&[
        Statement(r#""NotAction": "s3:DeleteBucket""#),
        Statement(r#""NotResource": "arn:aws:s3:::private/*""#),
    ])
    .not_reported_for(&[Statement(r#""Effect": "Deny", "NotResource": "arn:aws:s3:::bucket/*""#)]);

fn allow_with_not(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in context.allows() {
        let negated = [
            (statement.actions.negated, Part::Actions, "action"),
            (statement.resources.negated, Part::Resources, "resource"),
        ];
        for (_, part, what) in negated.into_iter().filter(|(negated, ..)| *negated) {
            let message = format!("the statement allows every {what} except the listed ones");
            report.add(statement.place(part), message).help("list the allowed ones, or use `Deny`");
        }
    }
}

/// The entry of `Action` that matches an action.
fn entry_for<'a>(statement: StatementAt<'a>, action: &str) -> Option<Entry<'a>> {
    statement.selected_actions().find(|entry| covers(entry.pattern, action))
}

static POLICY_ESCALATION: Rule = Rule::warning(
    "G04",
    "policy-escalation",
    "A document allows to write the policy of a bucket, but not to read its objects.",
)
.explained("A user who can write the policy of a bucket can give anyone access to it, even without a login.")
.reported_for(&[Statement(r#""Action": "s3:PutBucketPolicy", "Resource": "arn:aws:s3:::bucket""#)])
.not_reported_for(&[Statement(
    r#""Action": ["s3:PutBucketPolicy", "s3:GetObject"], "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#,
)]);

fn policy_escalation(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in context.allows().filter(|statement| !statement.resources.negated) {
        let Some(entry) = entry_for(statement, "s3:PutBucketPolicy") else { continue };
        let mut buckets = statement.paths().filter(|path| can_be_bucket(path)).map(relaxed);
        if let Some(bucket) = buckets.find(|bucket| !reads_objects(context, bucket)) {
            let message =
                format!("`{}` on `{bucket}` allows a user to get more access than this policy gives", entry.pattern);
            report.add(entry.place, message).help("let an administrator write the bucket policy");
        }
    }
}

/// Whether a statement allows to read all objects of a bucket.
fn reads_objects(context: &LintContext<'_>, bucket: &str) -> bool {
    let objects = objects_of(bucket);
    context.allows().any(|statement| {
        let covered = statement.paths().any(|path| covers(&relaxed(path), &objects));
        statement.selects("s3:GetObject") && covered != statement.resources.negated
    })
}

static LOCK_BYPASS: Rule = Rule::warning("G05", "lock-bypass", "An action bypasses a lock or a `Deny` on deletion.")
    .explained("`s3:BypassGovernanceRetention` allows to delete locked objects. A lifecycle rule deletes objects even \
                if `s3:DeleteObject` is denied, so also deny `s3:PutLifecycleConfiguration`.")
    .reported_for(&[
        Statement(r#""Action": ["s3:GetObject", "s3:BypassGovernanceRetention"]"#),
        Document(
            r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]},
  {"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::bucket/*"}]}"#,
        ),
    ])
    .not_reported_for(&[Document(
        r#"{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]},
  {"Effect": "Deny", "Action": ["s3:DeleteObject", "s3:PutLifecycleConfiguration"], "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]}]}"#,
    )]);

fn lock_bypass(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.allows().filter_map(|statement| entry_for(statement, "s3:BypassGovernanceRetention")) {
        // `full-access` reports all actions.
        if fold_wildcards(entry.pattern) != "s3:*" {
            let message = format!("`{}` allows to delete objects under governance retention", entry.pattern);
            report.add(entry.place, message).help("let an administrator do this");
        }
    }
    let lifecycle = "s3:PutLifecycleConfiguration";
    let ban = context.denies().find_map(|statement| entry_for(statement, "s3:DeleteObject"));
    let allowed = context.allows().any(|statement| statement.selects(lifecycle));
    let denied = context.denies().any(|statement| statement.selects(lifecycle));
    if let Some(ban) = ban.filter(|_| allowed && !denied) {
        let message = format!("the document denies deletion but allows `{lifecycle}`, which can also delete");
        report.add(ban.place, message).help(format!("also deny `{lifecycle}`"));
    }
}

static COMPANIONS: Rule = Rule::note("G06", "missing-companion", "A document allows an action without another one that clients also need.")
    .explained("Consoles and some SDKs request the location of a bucket before they list it. Without `s3:ListBucket`, \
                the response for a missing object is 403 instead of 404.")
    .reported_for(&[
        Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket""#),
        Statement(r#""Action": "s3:GetObject""#),
    ])
    .not_reported_for(&[Statement(
        r#""Action": ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#,
    )]);

/// Actions, each with the action that clients also need.
const COMPANIONS_OF: [(&str, &str); 2] = [("s3:ListBucket", "s3:GetBucketLocation"), ("s3:GetObject", "s3:ListBucket")];

fn companions(context: &LintContext<'_>, report: &mut Reporter) {
    for (action, needed) in COMPANIONS_OF {
        if context.catalogue.get(needed).is_none() || context.allows().any(|statement| statement.selects(needed)) {
            continue;
        }
        if let Some(entry) = context.allows().find_map(|statement| entry_for(statement, action)) {
            let message = format!("the document allows `{action}` but not `{needed}`");
            report.add(entry.place, message).help(format!("also allow `{needed}` on the bucket"));
        }
    }
}
