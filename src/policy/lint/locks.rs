//! Rules on object locks: what deletes objects although a lock or a `Deny` is meant to keep them.

use super::super::document::{Effect, Selector, Statement};
use super::super::normal::fold_wildcards;
use super::super::rule::Rule;
use super::allowed::{Allowed, On, allowed};
use super::context::{Check, Entry, LintContext, StatementAt};
use super::finding::Reporter;
use super::patterns::{ARN, bucket, is_all};
use crate::base::Severity;

/// The checks that need the access engine, and a document without errors.
pub(super) const CHECKS: &[Check] = &[Check { rule: &LOCK_BYPASS, run: lock_bypass }];

static LOCK_BYPASS: Rule = Rule::warning("G05", "lock-bypass", "An action bypasses a lock or a `Deny` on deletion.");

const BYPASS: &str = "s3:BypassGovernanceRetention";
const DELETE: &str = "s3:DeleteObject";
const LOCK_CONFIGURATION: &str = "s3:GetBucketObjectLockConfiguration";
const RETENTION: &str = "s3:PutObjectRetention";
const LIFECYCLE: &str = "s3:PutLifecycleConfiguration";
const BUCKET_POLICY: &str = "s3:PutBucketPolicy";

fn lock_bypass(context: &LintContext<'_>, report: &mut Reporter) {
    let is_denied = context.denies().any(|deny| deny.selects(BYPASS));
    if is_denied {
        context.denies().filter(|deny| deny.selects(BYPASS)).for_each(|deny| void_deny(context, deny, report));
    } else {
        lock_configuration(context, report);
        retention(context, report);
    }
    bypass(context, report);
    lifecycle(context, report);
}

/// The objects that the document allows to delete.
fn deletable<'c, 'a>(context: &'c LintContext<'a>) -> Allowed<'c, 'a> {
    allowed(context, DELETE, On::Objects)
}

/// Reports a `Deny` of the bypass that other actions get round.
fn void_deny(context: &LintContext<'_>, deny: StatementAt<'_>, report: &mut Reporter) {
    let place = deny.place_of(BYPASS);
    if let Some(key) = deletable(context).and(LOCK_CONFIGURATION).within(&deny).example() {
        let message = format!(
            "by the rules `minio-2021`, this `Deny` keeps no lock: `DELETE {key}?versionId=…` with \
             `x-amz-bypass-governance-retention` is allowed by `{LOCK_CONFIGURATION}` on objects"
        );
        let help = format!(
            "also deny `{LOCK_CONFIGURATION}` on the objects, or use COMPLIANCE retention; by `minio-2026`, this request is \
             denied"
        );
        report.add(place, message).help(help);
    }
    if let Some(key) = deletable(context).and(RETENTION).within(&deny).example() {
        let message = format!(
            "by MinIO rules, this `Deny` keeps no lock: `PUT {key}?retention&versionId=…` with \
             `x-amz-bypass-governance-retention` shortens it, since `{RETENTION}` is allowed"
        );
        report.add(place, message).help(format!("also deny `{RETENTION}`, or use COMPLIANCE retention"));
    }
    if let Some(bucket) = allowed(context, BUCKET_POLICY, On::Buckets).within(&on_buckets(deny)).example() {
        let message = format!(
            "by MinIO rules, this `Deny` keeps no lock: with `PUT {bucket}?policy`, the user allows everyone to delete \
             locked objects without a login"
        );
        report.add(place, message).help(format!("also deny `{BUCKET_POLICY}`, or use COMPLIANCE retention"));
    }
}

/// Reports the action that bypasses locks where it is allowed on objects.
fn lock_configuration(context: &LintContext<'_>, report: &mut Reporter) {
    let bypassing = || deletable(context).and(LOCK_CONFIGURATION).without(BYPASS);
    let Some((entry, key)) = first_allow(context, LOCK_CONFIGURATION, bypassing) else { return };
    let message = format!(
        "by the rules `minio-2021`, `{LOCK_CONFIGURATION}` on objects bypasses GOVERNANCE retention: `DELETE \
         {key}?versionId=…` with `x-amz-bypass-governance-retention` is allowed"
    );
    let bucket = bucket(&key);
    let help = format!(
        "allow `{LOCK_CONFIGURATION}` in its own statement on the bucket only: `{ARN}{bucket}`; by `minio-2026`, this request \
         is denied"
    );
    report.add(entry.place, message).help(help);
}

/// Reports that the retention of objects can be shortened, unless the document manages it on purpose.
fn retention(context: &LintContext<'_>, report: &mut Reporter) {
    let has_lock_key =
        |statement: &StatementAt<'_>| statement.conditions.iter().any(|clause| clause.key.contains("object-lock-"));
    let is_managed = context.allows().any(|allow| allow.selects("s3:GetObjectRetention"))
        || context.statements().any(|statement| statement.selects(RETENTION) && has_lock_key(&statement));
    let shortening = || deletable(context).and(RETENTION).without(BYPASS);
    let Some((entry, key)) = first_allow(context, RETENTION, shortening).filter(|_| !is_managed) else { return };
    let message = format!(
        "by MinIO rules, `{RETENTION}` also shortens GOVERNANCE retention: `PUT {key}?retention&versionId=…` with \
         `x-amz-bypass-governance-retention`"
    );
    let help = "use COMPLIANCE retention, which holds, if this user must not delete locked objects";
    report.add(entry.place, message).severity(Severity::Note).help(help);
}

/// The first entry that allows an action within a set of requests, with an example.
fn first_allow<'c, 'a: 'c>(
    context: &'c LintContext<'a>,
    action: &str,
    set: impl Fn() -> Allowed<'c, 'a>,
) -> Option<(Entry<'a>, String)> {
    let entries = context.allows().filter_map(|allow| allow.entry_for(action));
    entries.filter_map(|entry| Some((entry, set().within(&entry.statement).example()?))).next()
}

/// Reports the bypass itself, as part of `s3:*` once.
fn bypass(context: &LintContext<'_>, report: &mut Reporter) {
    let mut is_reported = false;
    let bypassable = |entry: &Entry<'_>| allowed(context, BYPASS, On::Objects).within(&entry.statement);
    // `full-access` reports all actions everywhere.
    let is_everywhere = |entry: &Entry<'_>| entry.statement.paths().any(is_all);
    for entry in context.allows().filter_map(|statement| statement.entry_for(BYPASS)) {
        if fold_wildcards(entry.pattern) != "s3:*" {
            if bypassable(&entry).is_empty() {
                continue;
            }
            let message = format!("`{}` allows to delete objects under GOVERNANCE retention", entry.pattern);
            report.add(entry.place, message).help("let an administrator do this");
        } else if !is_reported && !is_everywhere(&entry) && bypassable(&entry).and(DELETE).example().is_some() {
            let message = format!("`s3:*` includes `{BYPASS}`, so it deletes objects under GOVERNANCE retention");
            let help = format!(
                "if locks must hold, deny `{BYPASS}`, `{RETENTION}` and `{LOCK_CONFIGURATION}` on the objects and \
                 `{BUCKET_POLICY}` on the bucket, or use COMPLIANCE retention"
            );
            report.add(entry.place, message).severity(Severity::Note).help(help);
            is_reported = true;
        }
    }
}

/// Reports a `Deny` of deletion whose buckets can have a lifecycle rule that deletes.
fn lifecycle(context: &LintContext<'_>, report: &mut Reporter) {
    for deny in context.denies() {
        let Some(ban) = deny.entry_for(DELETE) else { continue };
        if allowed(context, LIFECYCLE, On::Buckets).within(&on_buckets(deny)).example().is_some() {
            let message = format!("the document denies deletion but allows `{LIFECYCLE}`, which can also delete");
            report.add(ban.place, message).help(format!("also deny `{LIFECYCLE}`"));
            return;
        }
    }
}

/// The statement on the buckets of its resources.
fn on_buckets(statement: StatementAt<'_>) -> Statement {
    let buckets = statement.paths().map(|path| format!("{ARN}{}", bucket(path))).collect();
    let patterns = if statement.resources.negated { vec![format!("{ARN}*")] } else { buckets };
    Statement {
        effect: Effect::Allow,
        resources: Selector { negated: false, patterns },
        ..Statement::clone(&statement)
    }
}
