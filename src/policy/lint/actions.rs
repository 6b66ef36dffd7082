//! Rules on actions: their names, entries that another entry covers or implies, and whether they fit the resources.

use super::super::catalogue::{Catalogue, Kind, Level};
use super::super::document::{Effect, Part};
use super::super::normal::fold_wildcards;
use super::super::rule::Example::Statement;
use super::super::rule::Rule;
use super::context::{ActionForm, Check, Entry, LintContext, StatementAt, action_form, matched};
use super::finding::Reporter;
use super::patterns::{ARN, can_be_bucket, can_be_object, covers, has_wildcard, is_all, path, relaxed};
use super::vocabulary::ALIASES;
use crate::base::{nearest, spelled_out};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &UNKNOWN_ACTION, run: unknown_action },
    Check { rule: &MATCHES_NOTHING, run: matches_nothing },
    Check { rule: &ACTION_CASE, run: action_case },
    Check { rule: &FOREIGN_SERVICE, run: foreign_service },
    Check { rule: &UNTIDY_ACTION, run: untidy_action },
    Check { rule: &REDUNDANT_ACTION, run: redundant_action },
    Check { rule: &VERSION_IMPLIES_OBJECT, run: version_implies_object },
    Check { rule: &REDUNDANT_RESOURCE, run: redundant_resource },
    Check { rule: &OBJECT_ON_BUCKET, run: object_on_bucket },
    Check { rule: &BUCKET_ON_OBJECT, run: bucket_on_object },
    Check { rule: &STAR_GRANTS_BUCKET, run: star_grants_bucket },
    Check { rule: &BUCKET_GLOB, run: bucket_glob },
    Check { rule: &ACCOUNT_RESOURCE, run: account_resource },
];

static UNKNOWN_ACTION: Rule =
    Rule::error("A01", "unknown-action", "The release of the cluster does not know the action.")
        .explained(
            "MinIO servers refuse the document. Many API calls have another name than their action: `ListObjectsV2` \
                needs `s3:ListBucket`, and `HeadObject` needs `s3:GetObject`. Such an action allows more than the one \
                call, so `validate --fix` does not write it.",
        )
        .reported_for(&[
            Statement(r#""Action": "s3:ListObjectsV2", "Resource": "arn:aws:s3:::bucket""#),
            Statement(r#""Action": "s3:GetObjectAcl""#),
            Statement(r#""Action": "GetObject""#),
        ])
        .not_reported_for(&[Statement(r#""Action": ["s3:GetObject", "s3:Get*"]"#)]);

fn unknown_action(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.actions(ActionForm::Unknown) {
        let name = entry.pattern;
        let odd = if name.is_ascii() { String::new() } else { format!(": {}", spelled_out(name)) };
        let lint = report.add(entry.place, format!("`{name}` is not an action{odd}"));
        let plain: String = name.chars().filter(char::is_ascii_graphic).collect();
        let bare = plain.strip_prefix("s3:").unwrap_or(&plain);
        let proper = format!("s3:{bare}");
        let known = context.catalogue.actions().iter().filter_map(|action| action.name.strip_prefix("s3:"));
        if let Some((call, right)) = ALIASES.iter().find(|(call, _)| call.eq_ignore_ascii_case(bare)) {
            lint.help(match right {
                Some(right) => format!("`s3:{right}` allows the call `{call}`, among others"),
                None => format!("no action allows the call `{call}`; remove it"),
            });
        } else if context.catalogue.get(&proper).is_some() {
            lint.fix(proper);
        } else if Catalogue::newest().get(&proper).is_some() {
            lint.help("only later releases have it");
        } else if let Some(near) = nearest(bare, known).filter(|near| is_typo(bare, near)) {
            lint.help(format!("did you mean `s3:{near}`?"));
        }
    }
}

/// Whether a name is probably a misspelt action. A name with another word has another meaning: `PutObjectAcl` is not
/// `PutObject`.
fn is_typo(written: &str, action: &str) -> bool {
    written.chars().count().abs_diff(action.chars().count()) <= 2 && written.starts_with(action.split_at(1).0)
}

static MATCHES_NOTHING: Rule = Rule::error(
    "A02",
    "wildcard-matches-nothing",
    "An action with wildcards matches no action of the cluster's release.",
)
.explained("MinIO servers refuse the document.")
.reported_for(&[Statement(r#""Action": "s3:Gett*""#)])
.not_reported_for(&[Statement(r#""Action": "s3:Get?bject""#)]);

fn matches_nothing(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.actions(ActionForm::MatchesNothing) {
        let later = matched(entry.pattern, &Catalogue::newest()).next().is_some();
        let help = if later { "only later releases have such actions" } else { "check its spelling" };
        report.add(entry.place, format!("`{}` matches no action", entry.pattern)).help(help);
    }
}

static ACTION_CASE: Rule = Rule::error("A03", "action-case", "An action is written in the wrong case.")
    .explained("AWS ignores the case of actions. MinIO servers do not: they refuse the document.")
    .reported_for(&[Statement(r#""Action": "s3:getobject""#), Statement(r#""Action": "S3:get*""#)])
    .not_reported_for(&[Statement(r#""Action": "s3:Get*""#)]);

fn action_case(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.actions(ActionForm::WrongCase) {
        let lint = report.add(entry.place, format!("`{}` is in the wrong case", entry.pattern));
        match proper_case(entry.pattern, context.catalogue) {
            Some(proper) => lint.fix(proper),
            None => lint.help("write the action as the documentation does"),
        };
    }
}

/// The pattern with the case of an action before its first wildcard, if it then matches.
fn proper_case(pattern: &str, catalogue: &Catalogue) -> Option<String> {
    let front = pattern.find(['*', '?']).unwrap_or(pattern.len());
    let lower = pattern.to_ascii_lowercase();
    let alike = catalogue.actions().iter().filter(|action| covers(&lower, &action.name.to_ascii_lowercase()));
    let proper =
        alike.filter_map(|action| action.name.get(..front).map(|start| format!("{start}{}", &pattern[front..])));
    proper.into_iter().find(|proper| action_form(proper, catalogue) == ActionForm::Known)
}

static FOREIGN_SERVICE: Rule =
    Rule::error("A04", "foreign-service", "An action belongs to another service than S3, or to all services.")
        .explained("A WEKA cluster has only S3 actions. Some MinIO servers read `*` as an action of administrators.")
        .reported_for(&[Statement(r#""Action": "*""#), Statement(r#""Action": "iam:GetUser""#)])
        .not_reported_for(&[Statement(r#""Action": "s3:GetObject*""#)]);

fn foreign_service(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.actions(ActionForm::Foreign) {
        if fold_wildcards(entry.pattern) == "*" {
            report.add(entry.place, "`*` means the actions of all services").fix("s3:*");
        } else {
            let message = format!("`{}` is not an action of S3", entry.pattern);
            report.add(entry.place, message).help("every action starts with `s3:`");
        }
    }
}

static UNTIDY_ACTION: Rule =
    Rule::error("A05", "whitespace-or-comma", "An action is empty, or has whitespace or a comma.")
        .explained(
            "The entry matches nothing. Servers compare entries character by character, and a list must be a JSON \
                list.",
        )
        .reported_for(&[
            Statement(r#""Action": "s3:GetObject ""#),
            Statement(r#""Action": "s3:GetObject,s3:PutObject""#),
        ])
        .not_reported_for(&[Statement(r#""Action": ["s3:GetObject", "s3:PutObject"]"#)]);

fn untidy_action(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.actions(ActionForm::Untidy) {
        let lint = report.add(entry.place, format!("`{}` matches nothing", entry.pattern));
        let trimmed = entry.pattern.trim();
        if action_form(trimmed, context.catalogue) == ActionForm::Untidy {
            lint.help("write a JSON list of actions, without spaces");
        } else {
            lint.fix(proper_case(trimmed, context.catalogue).unwrap_or_else(|| trimmed.to_owned()));
        }
    }
}

static REDUNDANT_ACTION: Rule =
    Rule::note("A07", "redundant-action", "Another action of the statement covers an action.")
        .explained("It uses bytes and has no effect.")
        .reported_for(&[Statement(r#""Action": ["s3:Get*", "s3:GetObject"]"#)])
        .not_reported_for(&[Statement(r#""Action": ["s3:Get*", "s3:PutObject"]"#)]);

fn redundant_action(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in context.statements() {
        covered(report, &statement.actions().collect::<Vec<_>>());
    }
}

static REDUNDANT_RESOURCE: Rule = Rule::note(
    "R11",
    "redundant-resource",
    "Another resource of the statement covers a resource.",
)
.explained("It uses bytes and has no effect.")
.reported_for(&[Statement(r#""Resource": ["arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/models/*"]"#)])
.not_reported_for(&[Statement(
    r#""Action": ["s3:ListBucket", "s3:GetObject"], "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"]"#,
)]);

fn redundant_resource(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in context.statements() {
        covered(report, &statement.resources().collect::<Vec<_>>());
    }
}

/// Reports covered entries. Of entries that cover each other, the first one stays.
fn covered(report: &mut Reporter, entries: &[Entry<'_>]) {
    for (at, entry) in entries.iter().enumerate() {
        let covering = entries.iter().enumerate().find(|(other, wide)| {
            let mutual = covers(entry.pattern, wide.pattern);
            *other != at && covers(wide.pattern, entry.pattern) && (!mutual || *other < at)
        });
        if let Some((_, wide)) = covering {
            let message = format!("`{}` covers `{}`", wide.pattern, entry.pattern);
            report.add(entry.place, message).help("remove the narrower one");
        }
    }
}

static VERSION_IMPLIES_OBJECT: Rule =
    Rule::warning("A08", "version-implies-object", "A statement has `s3:GetObjectVersion` without `s3:GetObject`.")
        .explained(
            "On MinIO servers, `s3:GetObjectVersion` without wildcards implies `s3:GetObject`. So the statement \
                also allows or denies to read the newest version.",
        )
        .reported_for(&[Statement(r#""Action": "s3:GetObjectVersion""#)])
        .not_reported_for(&[
            Statement(r#""Action": ["s3:GetObjectVersion", "s3:GetObject"]"#),
            Statement(r#""Action": "s3:GetObjectV*""#),
        ]);

fn version_implies_object(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in context.statements().filter(|statement| !statement.selects("s3:GetObject")) {
        for entry in statement.selected_actions().filter(|entry| entry.pattern == "s3:GetObjectVersion") {
            report
                .add(entry.place, "on some servers, `s3:GetObjectVersion` implies `s3:GetObject`")
                .help("add `s3:GetObject` if you intend this");
        }
    }
}

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
        let message =
            format!("on AWS, {} acts on buckets, and no resource of the statement matches a bucket", named(&entries));
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
    Statement(r#""Action": "s3:*", "Resource": "arn:aws:s3:::bucket/${aws:username}""#),
    Statement(r#""Action": "s3:*Object", "Resource": "arn:aws:s3:::bucket/*""#),
]);

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
