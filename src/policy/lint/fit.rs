//! Rules on whether the actions of a statement fit its resources.

use super::super::catalogue::{Kind, Level};
use super::super::document::{Effect, Part};
use super::super::normal::fold_wildcards;
use super::super::rule::Rule;
use super::context::{Check, Entry, LintContext, StatementAt};
use super::finding::Reporter;
use super::patterns::{
    ARN, OBJECT_ACTIONS, can_be_bucket, can_be_object, covers, front, has_wildcard, is_all, one_or_list, path, relaxed,
};
use crate::base::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &OBJECT_ON_BUCKET, run: object_on_bucket },
    Check { rule: &BUCKET_ON_OBJECT, run: bucket_on_object },
    Check { rule: &STAR_GRANTS_BUCKET, run: star_grants_bucket },
    Check { rule: &BUCKET_GLOB, run: bucket_glob },
    Check { rule: &ACCOUNT_RESOURCE, run: account_resource },
];

/// The statements of which it is clear what their resources match.
fn clear<'a>(context: &LintContext<'a>) -> impl Iterator<Item = StatementAt<'a>> + use<'a> {
    let is_one = |path: &str| !path.contains("arn:");
    context.statements().filter(move |statement| statement.is_clear() && statement.paths().all(is_one))
}

/// The entries of `Action` that match only actions of this kind.
fn only_of_kind<'a>(context: &LintContext<'_>, statement: StatementAt<'a>, kind: Kind) -> Vec<Entry<'a>> {
    let only = |entry: &Entry<'_>| {
        let mut kinds = context.matched(entry.pattern).map(|action| action.kind).peekable();
        kinds.peek().is_some() && kinds.all(|found| found == kind)
    };
    statement.selected_actions().filter(only).collect()
}

static OBJECT_ON_BUCKET: Rule = Rule::error(
    "R05",
    "object-action-on-bucket-arn",
    "A statement has an object action, and none of its resources can match an object.",
);

fn object_on_bucket(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in clear(context).filter(|statement| !statement.paths().any(can_be_object)) {
        let entries = only_of_kind(context, statement, Kind::Object);
        if entries.is_empty() {
            star_without_objects(context, statement, report);
        }
        let (Some(first), [only, others @ ..]) = (entries.first(), statement.resources.patterns.as_slice()) else {
            continue;
        };
        let message =
            format!("{} acts on objects, and no resource of the statement matches an object", named(&entries));
        let objects = format!("{}/*", only.trim_end_matches('/'));
        if others.is_empty() && entries.len() == statement.actions.patterns.len() {
            report.add(statement.place(Part::Resource(0)), message).fix(objects);
        } else {
            report.add(first.place, message).help(format!("add a resource for the objects, such as `{objects}`"));
        }
    }
}

/// Reports an `Allow` of a wildcard on buckets alone, unless the document allows access to objects elsewhere.
fn star_without_objects(context: &LintContext<'_>, statement: StatementAt<'_>, report: &mut Reporter) {
    let action_of = |entry: &Entry<'_>| OBJECT_ACTIONS.into_iter().find(|action| covers(entry.pattern, action));
    let mut entries = statement.selected_actions();
    let Some((entry, action)) = entries.find_map(|entry| Some((entry, action_of(&entry)?))) else { return };
    let gives_objects = |other: StatementAt<'_>| {
        let acts = OBJECT_ACTIONS.iter().any(|action| other.selects(action));
        acts && (other.resources.negated || other.paths().any(can_be_object))
    };
    if statement.effect == Effect::Allow && !context.allows().any(gives_objects) {
        let message =
            format!("`{}` includes `{action}`, and no resource of the document matches an object", entry.pattern);
        let bucket = statement.resources.patterns.first().map_or("", |first| first.trim_end_matches('/'));
        let help = format!("to allow access to objects, add the resource `{bucket}/*`");
        report.add(entry.place, message).help(help).severity(Severity::Warning);
    }
}

/// The first entry, and the number of others.
fn named(entries: &[Entry<'_>]) -> String {
    match entries {
        [] => String::new(),
        [one] => format!("`{}`", one.pattern),
        [first, rest @ ..] => format!("`{}` (with {} more)", first.pattern, rest.len()),
    }
}

static BUCKET_ON_OBJECT: Rule = Rule::warning(
    "R06",
    "bucket-action-on-object-arn",
    "A statement has a bucket action, and none of its resources can match a bucket.",
);

fn bucket_on_object(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in clear(context).filter(|statement| !statement.paths().any(can_be_bucket)) {
        let mut entries = only_of_kind(context, statement, Kind::Bucket);
        // By `minio-2021`, a `Deny` of it on objects is what keeps their locks.
        entries.retain(|entry| statement.effect == Effect::Allow || entry.pattern != LOCK_CONFIGURATION);
        let (bucket, key) = statement.paths().find_map(|path| path.split_once('/')).unwrap_or(("…", "*"));
        let on_minio = statement.paths().any(matches_bucket_on_minio);
        if let Some(first) = entries.first() {
            let on = if on_minio { "on AWS, " } else { "" };
            let message =
                format!("{on}{} acts on buckets, and no resource of the statement matches a bucket", named(&entries));
            report.add(first.place, message).help(format!("add a resource for the bucket: `{ARN}{bucket}`"));
        } else if statement.effect == Effect::Allow && !on_minio && !is_listed(context, bucket) {
            let Some(entry) = statement.selected_actions().find(|entry| covers(entry.pattern, LIST)) else { continue };
            let message =
                format!("`{}` includes `{LIST}`, and no resource of the document matches the bucket", entry.pattern);
            report.add(entry.place, message).help(listing(bucket, key));
        }
    }
}

const LIST: &str = "s3:ListBucket";
const LOCK_CONFIGURATION: &str = "s3:GetBucketObjectLockConfiguration";

/// The statement that allows to list a folder, and the condition that shows the way to it.
fn listing(bucket: &str, key: &str) -> String {
    let folder = front(key);
    let parents =
        folder.match_indices('/').map(|(end, _)| &folder[..=end]).filter(|parent| parent.len() < folder.len());
    let above = one_or_list([""].into_iter().chain(parents));
    format!(
        "to list the folder, add `{{\"Effect\": \"Allow\", \"Action\": \"{LIST}\", \"Resource\": \"{ARN}{bucket}\", \
         \"Condition\": {{\"StringLike\": {{\"s3:prefix\": \"{key}\"}}}}}}`; to browse to it from the top, add another \
         one with `{{\"StringEquals\": {{\"s3:prefix\": {above}, \"s3:delimiter\": \"/\"}}}}`"
    )
}

/// MinIO servers match a bucket as `bucket/`.
fn matches_bucket_on_minio(path: &str) -> bool {
    path.split_once('/').is_some_and(|(bucket, _)| covers(path, &format!("{bucket}/")))
}

/// Whether a statement allows to list a bucket, perhaps under a condition.
fn is_listed(context: &LintContext<'_>, bucket: &str) -> bool {
    let is_bucket = |path: &str| covers(&relaxed(path), bucket) || covers(&relaxed(path), &format!("{bucket}/"));
    let lists = |statement: StatementAt<'_>| statement.resources.negated || statement.paths().any(is_bucket);
    context.allows().any(|statement| statement.selects(LIST) && lists(statement))
}

static STAR_GRANTS_BUCKET: Rule = Rule::warning(
    "R07",
    "object-star-grants-bucket",
    "On some servers, a wildcard action on `bucket/*` also allows to change the bucket itself.",
);

fn star_grants_bucket(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in clear(context).filter(|statement| statement.effect == Effect::Allow) {
        let changes = |entry: &Entry<'_>| {
            has_wildcard(entry.pattern) && context.matches(entry.pattern, &[Kind::Bucket], Level::Write)
        };
        let Some(wide) = statement.selected_actions().find(changes) else { continue };
        for entry in statement.resources() {
            // A variable has a value, so `bucket/${aws:username}` does not match `bucket/`.
            let folded = path(entry.pattern).map(fold_wildcards);
            let bucket = folded.as_deref().and_then(|path| path.strip_suffix("/*")).map(relaxed);
            let Some(bucket) = bucket.filter(|bucket| can_be_bucket(bucket)) else { continue };
            if !statement.paths().any(|other| can_be_bucket(other) && covers(&relaxed(other), &bucket)) {
                let message = format!(
                    "on some servers, `{}` on `{}` also allows to change the bucket itself",
                    wide.pattern, entry.pattern
                );
                report.add(entry.place, message).help("list the object actions, or deny the bucket actions");
            }
        }
    }
}

static BUCKET_GLOB: Rule =
    Rule::warning("R08", "bucket-glob-no-trailing-star", "A bucket pattern has wildcards and does not end in `*`.");

fn bucket_glob(context: &LintContext<'_>, report: &mut Reporter) {
    let on_buckets = |statement: &StatementAt<'_>| {
        context.catalogue.actions().iter().any(|action| action.kind == Kind::Bucket && statement.selects(&action.name))
    };
    for statement in clear(context) {
        let is_glob = |entry: &Entry<'_>| has_wildcard(entry.pattern) && !entry.pattern.ends_with('*');
        for entry in statement.resources().filter(|entry| is_glob(entry) && !entry.pattern.contains("${")) {
            let Some(path) = path(entry.pattern).map(relaxed).filter(|path| can_be_bucket(path)) else { continue };
            let matches = || statement.paths().any(|other| covers(other, &format!("{path}/")));
            if !matches() && on_buckets(&statement) {
                let help = format!("name the buckets, or add `{}/*`", entry.pattern);
                report.add(entry.place, format!("on some servers, `{}` matches no bucket", entry.pattern)).help(help);
            }
        }
    }
}

static ACCOUNT_RESOURCE: Rule =
    Rule::warning("R09", "account-action-resource", "A statement has `s3:ListAllMyBuckets` on specific buckets.");

fn account_resource(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in clear(context) {
        if statement.paths().any(|path| is_all(path) && !path.contains('/')) {
            continue;
        }
        for entry in only_of_kind(context, statement, Kind::Account) {
            let is_listed =
                statement.paths().find(|path| can_be_bucket(path)).is_some_and(|path| is_listed(context, path));
            let own = if is_listed { "are listed already" } else { "are listed with `s3:ListBucket`" };
            let help = format!(
                "remove it: by MinIO rules, the buckets {own}; allow it on `{ARN}*` only if this user may see all names"
            );
            report.add(entry.place, format!("`{}` has no effect on specific buckets", entry.pattern)).help(help);
        }
    }
}
