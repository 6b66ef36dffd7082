//! Rules on actions and resources that do not fit: bucket actions on objects, object actions on buckets.

use super::super::catalogue::{Kind, Level};
use super::super::document::{Part, Place, Statement as PolicyStatement};
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{Check, Context, Entry, actions_of, paths, resources_of};
use super::finding::Lint;
use super::patterns::{ARN, can_be_bucket, can_be_object, covers, has_wildcard, is_all, path, relaxed};
use crate::base::{Code, Severity};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &OBJECT_ON_BUCKET, run: object_on_bucket },
    Check { rule: &BUCKET_ON_OBJECT, run: bucket_on_object },
    Check { rule: &STAR_GRANTS_BUCKET, run: star_grants_bucket },
    Check { rule: &BUCKET_GLOB, run: bucket_glob },
    Check { rule: &ACCOUNT_RESOURCE, run: account_resource },
];

/// The entries of `Action` that match only actions of this kind.
fn only_of_kind<'a>(context: &Context<'_>, at: usize, statement: &'a PolicyStatement, kind: Kind) -> Vec<Entry<'a>> {
    let only = |entry: &Entry<'_>| {
        let mut kinds = context.matched(entry.pattern).map(|action| action.kind).peekable();
        kinds.peek().is_some() && kinds.all(|found| found == kind)
    };
    if statement.actions.negated { Vec::new() } else { actions_of(at, statement).filter(only).collect() }
}

/// Whether all resources of a statement have the right prefix, so that it is clear what they match.
fn is_clear(statement: &PolicyStatement) -> bool {
    let resources = &statement.resources;
    !resources.negated && !resources.patterns.is_empty() && paths(statement).count() == resources.patterns.len()
}

static OBJECT_ON_BUCKET: Rule = Rule {
    id: "R05",
    code: Code::new(
        "object-action-on-bucket-arn",
        "A statement has an object action, and none of its resources can match an object.",
    ),
    severity: Severity::Error,
    explanation: "The statement never allows or denies the action.",
    fires: &[
        Statement(r#""Resource": "arn:aws:s3:::bucket""#),
        Statement(r#""Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "arn:aws:s3:::bucket""#),
    ],
    silent: &[Statement(
        r#""Action": ["s3:ListBucket", "s3:GetObject"], "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#,
    )],
};

fn object_on_bucket(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, statement) in context.statements().filter(|(_, statement)| is_clear(statement)) {
        if paths(statement).any(can_be_object) {
            continue;
        }
        let entries = only_of_kind(context, at, statement, Kind::Object);
        let Some(first) = entries.first() else { continue };
        let message = format!("{} acts on objects, and the statement has only bucket resources", named(&entries));
        let all = entries.len() == statement.actions.patterns.len();
        found.push(match statement.resources.patterns.as_slice() {
            [only] if all => {
                let place = Place::Statement(at, Part::Resource(0));
                Lint::new(&OBJECT_ON_BUCKET, place, message).fix(format!("{}/*", only.trim_end_matches('/')))
            }
            [only, ..] => Lint::new(&OBJECT_ON_BUCKET, first.place, message)
                .help(format!("add a resource for the objects, such as `{}/*`", only.trim_end_matches('/'))),
            [] => continue,
        });
    }
    found
}

/// The first entry, and the number of others.
fn named(entries: &[Entry<'_>]) -> String {
    match entries {
        [] => String::new(),
        [one] => format!("`{}`", one.pattern),
        [first, rest @ ..] => format!("`{}` (with {} more)", first.pattern, rest.len()),
    }
}

static BUCKET_ON_OBJECT: Rule = Rule {
    id: "R06",
    code: Code::new(
        "bucket-action-on-object-arn",
        "A statement has a bucket action, and none of its resources can match a bucket.",
    ),
    severity: Severity::Warning,
    explanation: "`bucket/*` does not match the bucket itself on AWS, so AWS never allows the action. MinIO servers \
                  allow it.",
    fires: &[Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket/*""#)],
    silent: &[
        Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket""#),
        Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::*""#),
    ],
};

fn bucket_on_object(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, statement) in context.statements().filter(|(_, statement)| is_clear(statement)) {
        if paths(statement).any(can_be_bucket) {
            continue;
        }
        let entries = only_of_kind(context, at, statement, Kind::Bucket);
        let Some(first) = entries.first() else { continue };
        let message = format!("{} acts on buckets, and the statement has only object resources", named(&entries));
        let help = paths(statement).find_map(|path| path.split_once('/')).map(|(bucket, _)| bucket);
        let lint = Lint::new(&BUCKET_ON_OBJECT, first.place, message);
        found.push(lint.help(format!("add a resource for the bucket: `{ARN}{}`", help.unwrap_or("…"))));
    }
    found
}

static STAR_GRANTS_BUCKET: Rule = Rule {
    id: "R07",
    code: Code::new(
        "object-star-grants-bucket",
        "On some servers, a wildcard action on `bucket/*` also allows to change the bucket itself.",
    ),
    severity: Severity::Warning,
    explanation: "MinIO servers match a bucket as `bucket/`. So `s3:*` on `bucket/*` also allows to delete the bucket \
                  and to write its policy. AWS does not do this. attune assumes that a WEKA cluster does.",
    fires: &[Statement(r#""Action": "s3:*", "Resource": "arn:aws:s3:::bucket/*""#)],
    silent: &[
        Statement(r#""Action": "s3:*", "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#),
        Statement(r#""Action": "s3:*", "Resource": "arn:aws:s3:::bucket/models/*""#),
        Statement(r#""Action": "s3:*Object", "Resource": "arn:aws:s3:::bucket/*""#),
    ],
};

fn star_grants_bucket(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, statement) in context.allows().filter(|(_, statement)| is_clear(statement)) {
        let changes = |entry: &Entry<'_>| {
            let mut matched = context.matched(entry.pattern);
            has_wildcard(entry.pattern)
                && matched.any(|action| action.kind == Kind::Bucket && action.level >= Level::Write)
        };
        let Some(wide) = actions_of(at, statement).filter(|_| !statement.actions.negated).find(changes) else {
            continue;
        };
        for entry in resources_of(at, statement) {
            let bucket = path(entry.pattern).map(relaxed).and_then(|path| path.strip_suffix("/*").map(str::to_owned));
            let Some(bucket) = bucket.filter(|bucket| can_be_bucket(bucket)) else { continue };
            if !paths(statement).any(|other| can_be_bucket(other) && covers(&relaxed(other), &bucket)) {
                let message = format!(
                    "on some servers, `{}` on `{}` also allows to change the bucket itself",
                    wide.pattern, entry.pattern
                );
                let lint = Lint::new(&STAR_GRANTS_BUCKET, entry.place, message);
                found.push(lint.help("list the object actions, or deny the bucket actions"));
            }
        }
    }
    found
}

static BUCKET_GLOB: Rule = Rule {
    id: "R08",
    code: Code::new("bucket-glob-no-trailing-star", "A bucket pattern has wildcards and does not end in `*`."),
    severity: Severity::Warning,
    explanation: "MinIO servers match a bucket as `bucket/`, so `*-logs` matches no bucket there. On AWS it does.",
    fires: &[Statement(r#""Action": "s3:ListBucket", "Resource": "arn:aws:s3:::*-logs""#)],
    silent: &[
        Statement(r#""Action": "s3:ListBucket", "Resource": ["arn:aws:s3:::logs-*", "arn:aws:s3:::app-logs"]"#),
        Statement(
            r#""Action": ["s3:ListBucket", "s3:GetObject"], "Resource": ["arn:aws:s3:::*-logs", "arn:aws:s3:::*-logs/*"]"#,
        ),
    ],
};

fn bucket_glob(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, statement) in context.statements().filter(|(_, statement)| is_clear(statement)) {
        let on_buckets = || context.selected(statement).any(|action| action.kind == Kind::Bucket);
        for entry in resources_of(at, statement).filter(|entry| has_wildcard(entry.pattern)) {
            let Some(path) = path(entry.pattern).map(relaxed) else { continue };
            let misses =
                can_be_bucket(&path) && has_wildcard(&path) && !path.ends_with('*') && !entry.pattern.contains("${");
            if misses && !paths(statement).any(|other| covers(other, &format!("{path}/"))) && on_buckets() {
                let message = format!("on some servers, `{}` matches no bucket", entry.pattern);
                let lint = Lint::new(&BUCKET_GLOB, entry.place, message);
                found.push(lint.help(format!("name the buckets, or add `{}/*`", entry.pattern)));
            }
        }
    }
    found
}

static ACCOUNT_RESOURCE: Rule = Rule {
    id: "R09",
    code: Code::new("account-action-resource", "A statement has `s3:ListAllMyBuckets` on specific buckets."),
    severity: Severity::Warning,
    explanation: "The list of all buckets belongs to no bucket. The action only works on `*`.",
    fires: &[Statement(r#""Action": "s3:ListAllMyBuckets", "Resource": "arn:aws:s3:::bucket""#)],
    silent: &[Statement(r#""Action": "s3:ListAllMyBuckets", "Resource": "arn:aws:s3:::*""#)],
};

fn account_resource(context: &Context<'_>) -> Vec<Lint> {
    let mut found = Vec::new();
    for (at, statement) in context.statements().filter(|(_, statement)| is_clear(statement)) {
        if paths(statement).any(|path| is_all(path) && !path.contains('/')) {
            continue;
        }
        for entry in only_of_kind(context, at, statement, Kind::Account) {
            let message = format!("`{}` has no effect on specific buckets", entry.pattern);
            let help = format!("move it to its own statement on `{ARN}*`");
            found.push(Lint::new(&ACCOUNT_RESOURCE, entry.place, message).help(help));
        }
    }
    found
}
