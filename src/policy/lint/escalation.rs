//! Rules on actions that bring more with them than they say, or need others to be of use.

use crate::base::{Code, Severity};

use super::super::document::Statement as PolicyStatement;
use super::super::normal::fold_wildcards;
use super::super::rule::Example::{Document, Statement};
use super::super::rule::Rule;
use super::context::{Context, Entry, actions_of, is_about, paths};
use super::glob::covers;
use super::resource::{can_be_bucket, objects_of, relaxed};
use super::{Check, Lint};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &POLICY_ESCALATION, run: policy_escalation },
    Check { rule: &LOCK_BYPASS, run: lock_bypass },
    Check { rule: &COMPANIONS, run: companions },
];

/// The entry by which a statement is about an action. None when it is by `NotAction`.
fn entry_for<'a>(at: usize, statement: &'a PolicyStatement, action: &str) -> Option<Entry<'a>> {
    actions_of(at, statement).filter(|_| !statement.actions.negated).find(|entry| covers(entry.pattern, action))
}

static POLICY_ESCALATION: Rule = Rule {
    id: "G04",
    code: Code::new("policy-escalation", "Writing a bucket's policy is allowed, and reading its objects is not."),
    severity: Severity::Warning,
    because: "Who can write the bucket's policy can allow anything in it to anyone, without a login even.",
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
                format!("`{}` on `{bucket}` can give access to objects that the policy does not", entry.pattern);
            let lint = Lint::new(&POLICY_ESCALATION, entry.place, message);
            found.push(lint.help("leave the bucket's policy to an administrator"));
        }
    }
    found
}

/// Whether some statement allows to read all objects of a bucket.
fn reads_objects(context: &Context<'_>, bucket: &str) -> bool {
    let objects = objects_of(bucket);
    context.allows().any(|(_, statement)| {
        let covered = paths(statement).any(|path| covers(&relaxed(path), &objects));
        is_about(statement, "s3:GetObject") && covered != statement.resources.negated
    })
}

static LOCK_BYPASS: Rule = Rule {
    id: "G05",
    code: Code::new("lock-bypass", "A lock or a ban on deleting can be got around."),
    severity: Severity::Warning,
    because: "`s3:BypassGovernanceRetention` deletes what a lock should keep. And where deleting objects is denied, a \
              lifecycle rule still deletes them, so `s3:PutLifecycleConfiguration` must be denied as well.",
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
        // All actions are no surprise, and another rule's matter.
        let entry = entry_for(at, statement, "s3:BypassGovernanceRetention")?;
        let all = fold_wildcards(entry.pattern) == "s3:*";
        let message = format!("`{}` allows deleting what governance retention should keep", entry.pattern);
        (!all).then(|| Lint::new(&LOCK_BYPASS, entry.place, message).help("leave it to an administrator"))
    });
    bypass.chain(lifecycle_bypass(context)).collect()
}

fn lifecycle_bypass(context: &Context<'_>) -> Option<Lint> {
    let lifecycle = "s3:PutLifecycleConfiguration";
    let allowed = context.allows().any(|(_, statement)| is_about(statement, lifecycle));
    let denied = context.denies().any(|(_, statement)| is_about(statement, lifecycle));
    let ban = context.denies().find_map(|(at, statement)| entry_for(at, statement, "s3:DeleteObject"))?;
    let message = format!("deleting is denied, and `{lifecycle}` is allowed, which can delete as well");
    (allowed && !denied).then(|| Lint::new(&LOCK_BYPASS, ban.place, message).help(format!("also deny `{lifecycle}`")))
}

static COMPANIONS: Rule = Rule {
    id: "G06",
    code: Code::new("missing-companion", "An action is allowed without another that clients need beside it."),
    severity: Severity::Note,
    because: "Consoles and some SDKs ask for a bucket's location before they list it. Without `s3:ListBucket`, asking for an \
              object that is not there is answered with 403 and not 404.",
    fires: &[
        Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket""#),
        Statement(r#""Action": "s3:GetObject""#),
    ],
    silent: &[Statement(
        r#""Action": ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#,
    )],
};

/// Actions, with the one that clients need beside them.
const NEEDED: [(&str, &str); 2] = [("s3:ListBucket", "s3:GetBucketLocation"), ("s3:GetObject", "s3:ListBucket")];

fn companions(context: &Context<'_>) -> Vec<Lint> {
    let missing = NEEDED.into_iter().filter(|(_, needed)| {
        let known = context.catalogue.get(needed).is_some();
        known && !context.allows().any(|(_, statement)| is_about(statement, needed))
    });
    let lint = |(action, needed): (&str, &str)| {
        let entry = context.allows().find_map(|(at, statement)| entry_for(at, statement, action))?;
        let message = format!("`{action}` is allowed, and `{needed}` nowhere");
        Some(Lint::new(&COMPANIONS, entry.place, message).help(format!("allow `{needed}` on the bucket as well")))
    };
    missing.filter_map(lint).collect()
}
