//! Rules on actions and resources that do not fit: bucket actions on objects, object actions on buckets.

use super::super::catalogue::{Kind, Level};
use super::super::document::{Effect, Part};
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{Check, Entry, LintContext, StatementAt};
use super::finding::Reporter;
use super::patterns::{ARN, can_be_bucket, can_be_object, covers, has_wildcard, is_all, path, relaxed};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &OBJECT_ON_BUCKET, run: object_on_bucket },
    Check { rule: &BUCKET_ON_OBJECT, run: bucket_on_object },
    Check { rule: &STAR_GRANTS_BUCKET, run: star_grants_bucket },
    Check { rule: &BUCKET_GLOB, run: bucket_glob },
    Check { rule: &ACCOUNT_RESOURCE, run: account_resource },
];

/// The statements whose resources are clear.
fn clear<'a>(context: &LintContext<'a>) -> impl Iterator<Item = StatementAt<'a>> + use<'a> {
    context.statements().filter(StatementAt::is_clear)
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
)
.explained("The statement never allows or denies the action.")
.reported_for(&[
    Statement(r#""Resource": "arn:aws:s3:::bucket""#),
    Statement(r#""Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "arn:aws:s3:::bucket""#),
])
.not_reported_for(&[Statement(
    r#""Action": ["s3:ListBucket", "s3:GetObject"], "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#,
)]);

fn object_on_bucket(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in clear(context).filter(|statement| !statement.paths().any(can_be_object)) {
        let entries = only_of_kind(context, statement, Kind::Object);
        let (Some(first), [only, others @ ..]) = (entries.first(), statement.resources.patterns.as_slice()) else {
            continue;
        };
        let message = format!("{} acts on objects, and the statement has only bucket resources", named(&entries));
        let objects = format!("{}/*", only.trim_end_matches('/'));
        if others.is_empty() && entries.len() == statement.actions.patterns.len() {
            report.add(statement.place(Part::Resource(0)), message).fix(objects);
        } else {
            report.add(first.place, message).help(format!("add a resource for the objects, such as `{objects}`"));
        }
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
)
.explained(
    "`bucket/*` does not match the bucket itself on AWS, so AWS never allows the action. MinIO servers \
                allow it.",
)
.reported_for(&[Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket/*""#)])
.not_reported_for(&[
    Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket""#),
    Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::*""#),
]);

fn bucket_on_object(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in clear(context).filter(|statement| !statement.paths().any(can_be_bucket)) {
        let entries = only_of_kind(context, statement, Kind::Bucket);
        let Some(first) = entries.first() else { continue };
        let message = format!("{} acts on buckets, and the statement has only object resources", named(&entries));
        let bucket = statement.paths().find_map(|path| path.split_once('/')).map_or("…", |(bucket, _)| bucket);
        report.add(first.place, message).help(format!("add a resource for the bucket: `{ARN}{bucket}`"));
    }
}

static STAR_GRANTS_BUCKET: Rule = Rule::warning(
    "R07",
    "object-star-grants-bucket",
    "On some servers, a wildcard action on `bucket/*` also allows to change the bucket itself.",
)
.explained(
    "MinIO servers match a bucket as `bucket/`. So `s3:*` on `bucket/*` also allows to delete the bucket \
                and to write its policy. AWS does not do this. attune assumes that a WEKA cluster does.",
)
.reported_for(&[Statement(r#""Action": "s3:*", "Resource": "arn:aws:s3:::bucket/*""#)])
.not_reported_for(&[
    Statement(r#""Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#),
    Statement(r#""Action": "s3:*", "Resource": "arn:aws:s3:::bucket/models/*""#),
    Statement(r#""Action": "s3:*Object", "Resource": "arn:aws:s3:::bucket/*""#),
]);

fn star_grants_bucket(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in clear(context).filter(|statement| statement.effect == Effect::Allow) {
        let changes = |entry: &Entry<'_>| {
            has_wildcard(entry.pattern) && context.matches(entry.pattern, &[Kind::Bucket], Level::Write)
        };
        let Some(wide) = statement.selected_actions().find(changes) else { continue };
        for entry in statement.resources() {
            let bucket = path(entry.pattern).map(relaxed).and_then(|path| path.strip_suffix("/*").map(str::to_owned));
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

static BUCKET_GLOB: Rule = Rule::warning(
    "R08",
    "bucket-glob-no-trailing-star",
    "A bucket pattern has wildcards and does not end in `*`.",
)
.explained("MinIO servers match a bucket as `bucket/`, so `*-logs` matches no bucket there. On AWS it does.")
.reported_for(&[Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::*-logs""#)])
.not_reported_for(&[
    Statement(r#""Action": "s3:ListBucket", "Resource": ["arn:aws:s3:::logs-*", "arn:aws:s3:::app-logs"]"#),
    Statement(
        r#""Action": ["s3:ListBucket", "s3:GetObject"], "Resource": ["arn:aws:s3:::*-logs", "arn:aws:s3:::*-logs/*"]"#,
    ),
]);

fn bucket_glob(context: &LintContext<'_>, report: &mut Reporter) {
    let on_buckets = |statement: &StatementAt<'_>| {
        context.catalogue.actions().iter().any(|action| action.kind == Kind::Bucket && statement.selects(&action.name))
    };
    for statement in clear(context) {
        for entry in statement.resources().filter(|entry| !entry.pattern.contains("${")) {
            let Some(path) = path(entry.pattern).map(relaxed) else { continue };
            let is_bucket_glob = can_be_bucket(&path) && has_wildcard(&path) && !path.ends_with('*');
            let matches = || statement.paths().any(|other| covers(other, &format!("{path}/")));
            if is_bucket_glob && !matches() && on_buckets(&statement) {
                let help = format!("name the buckets, or add `{}/*`", entry.pattern);
                report.add(entry.place, format!("on some servers, `{}` matches no bucket", entry.pattern)).help(help);
            }
        }
    }
}

static ACCOUNT_RESOURCE: Rule =
    Rule::warning("R09", "account-action-resource", "A statement has `s3:ListAllMyBuckets` on specific buckets.")
        .explained("The list of all buckets belongs to no bucket. The action only works on `*`.")
        .reported_for(&[Statement(r#""Action": "s3:ListAllMyBuckets", "Resource": "arn:aws:s3:::bucket""#)])
        .not_reported_for(&[Statement(r#""Action": "s3:ListAllMyBuckets", "Resource": "arn:aws:s3:::*""#)]);

fn account_resource(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in clear(context) {
        if statement.paths().any(|path| is_all(path) && !path.contains('/')) {
            continue;
        }
        for entry in only_of_kind(context, statement, Kind::Account) {
            let help = format!("move it to its own statement on `{ARN}*`");
            report.add(entry.place, format!("`{}` has no effect on specific buckets", entry.pattern)).help(help);
        }
    }
}
