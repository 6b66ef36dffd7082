//! Rules on the policy of a bucket. It is not about who has it, but about those whom its statements name.

use super::super::bucket_policy::{Unclear, principals};
use super::super::catalogue::Kind;
use super::super::document::{Effect, Part, Place};
use super::super::principals::{IsAbout, PRINCIPALS, Principals};
use super::super::rule::Rule;
use super::context::{Check, LintContext, StatementAt};
use super::finding::Reporter;
use super::patterns::{ARN, can_be_object, has_wildcard, path};
use crate::base::{Severity, list};
use crate::policy::access::within_bucket;

/// The longest policy of a bucket that the rules accept, in bytes: that of Amazon S3. WEKA documents none.
pub const MAX_BUCKET_POLICY: usize = 20 * 1024;

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &IDENTITY_POLICY, run: identity_policy },
    Check { rule: &NO_PRINCIPAL, run: no_principal },
    Check { rule: &WILDCARD_ACTION, run: wildcard_action },
    Check { rule: &OTHER_BUCKET, run: other_bucket },
    Check { rule: &UNFIT_RESOURCE, run: unfit_resource },
    Check { rule: &OPENS_ITSELF, run: opens_itself },
    Check { rule: &NAMED_PRINCIPAL, run: named_principal },
    Check { rule: &TOO_LONG, run: too_long },
];

static IDENTITY_POLICY: Rule =
    Rule::error("B01", "identity-policy-on-bucket", "The policy of a bucket says in no statement whom it is about.");

fn identity_policy(context: &LintContext<'_>, report: &mut Reporter) {
    if !context.document.statements.is_empty() && context.statements().all(|statement| !has_principal(statement)) {
        let help =
            "declare it in `[policies.NAME]`, or add a `Principal` to each statement, such as `\"Principal\": \"*\"`";
        report
            .add(Place::Document, "this is a policy for users, not for a bucket: no statement has a `Principal`")
            .help(help);
    }
}

fn has_principal(statement: StatementAt<'_>) -> bool {
    PRINCIPALS.iter().any(|member| statement.extra.contains_key(*member))
}

static NO_PRINCIPAL: Rule = Rule::error(
    "B02",
    "bucket-principal",
    "A statement of a bucket policy lacks a `Principal` that servers understand.",
);

fn no_principal(context: &LintContext<'_>, report: &mut Reporter) {
    let has_any = context.statements().any(has_principal);
    for statement in context.statements().filter(|_| has_any) {
        let message = match principals(&statement) {
            Ok(Principals::Named(named)) if !named.may_be_everyone() => continue,
            Ok(Principals::Named(_)) => "servers read this `Principal` differently",
            Ok(Principals::AllBut(_) | Principals::Unknown { .. }) => "MinIO servers refuse a `NotPrincipal`",
            Err(Unclear::NoPrincipal) => "the statement does not say whom it is about",
            Err(Unclear::TwoPrincipals) => "the statement has both `Principal` and `NotPrincipal`",
            Err(Unclear::Member | Unclear::NotResource | Unclear::Resource) => continue,
        };
        report.add(statement.place(Part::Whole), message).help("write `\"Principal\": \"*\"` for everyone");
    }
}

static WILDCARD_ACTION: Rule =
    Rule::error("B03", "bucket-action-wildcard", "An action of a bucket policy has a wildcard.");

fn wildcard_action(context: &LintContext<'_>, report: &mut Reporter) {
    let entries = context.statements().flat_map(StatementAt::actions).filter(|entry| has_wildcard(entry.pattern));
    for entry in entries {
        let message = format!("the policy of a bucket cannot have a wildcard in an action: `{}`", entry.pattern);
        let matched: Vec<String> = context.matched(entry.pattern).map(|action| action.name.clone()).collect();
        let help = match matched.len() {
            1..=4 => format!("write {}", list(&matched)),
            _ => "list the actions that are meant".to_owned(),
        };
        report.add(entry.place, message).help(help);
    }
}

static OTHER_BUCKET: Rule =
    Rule::error("B04", "resource-of-other-bucket", "A resource of a bucket policy is not in the bucket, or not only.");

fn other_bucket(context: &LintContext<'_>, report: &mut Reporter) {
    let Some(bucket) = context.bucket else { return };
    for entry in context.resources().filter(|entry| path(entry.pattern).is_some()) {
        let own = path(entry.pattern).map(|path| path.split_once('/').map_or(path, |(name, _)| name));
        if own == Some(bucket.as_str()) {
            continue;
        }
        let message = match within_bucket(entry.pattern, bucket.as_str()) {
            Some(within) if within.is_empty() => format!("`{}` is not in bucket `{bucket}`", entry.pattern),
            Some(_) | None => format!("`{}` does not name bucket `{bucket}`", entry.pattern),
        };
        report.add(entry.place, message).help(format!("write `{ARN}{bucket}` or `{ARN}{bucket}/*`"));
    }
}

static UNFIT_RESOURCE: Rule = Rule::error(
    "B05",
    "bucket-action-and-resource",
    "A statement of a bucket policy has an action on objects and no resource of objects, or the reverse.",
);

fn unfit_resource(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in context.statements().filter(StatementAt::is_clear) {
        let has_objects = statement.paths().any(can_be_object);
        let has_bucket = statement.paths().any(|path| !path.contains('/'));
        for entry in statement.selected_actions().filter(|entry| !has_wildcard(entry.pattern)) {
            let Some(action) = context.catalogue.get(entry.pattern) else { continue };
            let (fits, what, resource) = match action.kind {
                Kind::Object => (has_objects, "objects", "BUCKET/*"),
                Kind::Bucket | Kind::Account => (has_bucket, "the bucket itself", "BUCKET"),
            };
            if !fits {
                let message = format!("`{}` acts on {what}, and no resource of the statement is that", entry.pattern);
                report.add(entry.place, message).help(format!("add the resource `{ARN}{resource}`"));
            }
        }
    }
}

static OPENS_ITSELF: Rule =
    Rule::error("B06", "anonymous-changes-bucket-policy", "Everyone may change or delete the policy of the bucket.");

fn opens_itself(context: &LintContext<'_>, report: &mut Reporter) {
    let is_open = |statement: &StatementAt<'_>| {
        principals(statement).map_or(true, |principals| principals.about_anonymous() != IsAbout::No)
    };
    for statement in context.allows().filter(is_open) {
        for action in ["s3:PutBucketPolicy", "s3:DeleteBucketPolicy"] {
            if !statement.selects(action) {
                continue;
            }
            let message = format!("everyone may use `{action}` without a login, and so open the bucket further");
            report.add(statement.place_of(action), message).help("remove the action");
        }
    }
}

static NAMED_PRINCIPAL: Rule = Rule::warning(
    "B07",
    "bucket-principal-named",
    "A statement of a bucket policy is about named users, or a `Deny` is meant for users.",
);

fn named_principal(context: &LintContext<'_>, report: &mut Reporter) {
    let gives_anyone = context
        .allows()
        .any(|statement| principals(&statement).is_ok_and(|principals| principals.about_anonymous() == IsAbout::Yes));
    for statement in context.statements() {
        let Ok(principals) = principals(&statement) else { continue };
        let is_named = principals.about_anonymous() == IsAbout::No;
        let message = match (statement.effect, is_named) {
            (Effect::Allow, true) => "MinIO servers let nobody in by a `Principal` that names users",
            (Effect::Deny, true) => "MinIO servers keep nobody out by a `Principal` that names users",
            // A `Deny` for everyone takes back a part of what an `Allow` gives everyone.
            (Effect::Deny, false) if !gives_anyone => {
                "MinIO servers keep out nobody with a login by the policy of a bucket, and this one lets in nobody else"
            }
            (Effect::Allow | Effect::Deny, false) => continue,
        };
        let help = "give or deny it in the policies of these users";
        report.add(statement.place(Part::Whole), message).help(help);
    }
}

static TOO_LONG: Rule = Rule::error("B08", "bucket-policy-size", "The policy of a bucket is too long.");

fn too_long(context: &LintContext<'_>, report: &mut Reporter) {
    let length = context.normal.len();
    if length > MAX_BUCKET_POLICY {
        let message = format!("the sent document has {length} bytes; servers accept {MAX_BUCKET_POLICY}");
        report.add(Place::Document, message).severity(Severity::Error).help("use fewer and wider patterns");
    }
}
