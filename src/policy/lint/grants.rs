//! Rules on statements that allow more than they seem to, not enough to be useful, or nothing.

use super::super::access::{dead_denies, grants_nothing, never_grants, patterns_overlap, redundant_statements};
use super::super::catalogue::{Action, Level};
use super::super::document::{Part, Place};
use super::super::normal::fold_wildcards;
use super::super::rule::Rule;
use super::allowed::{On, allowed};
use super::context::{Check, Entry, LintContext, StatementAt, engine};
use super::finding::Reporter;
use super::patterns::{OBJECT_ACTIONS, bucket as bucket_of, can_be_bucket, covers, is_all, objects_of, path, relaxed};
use crate::base::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &WRITE_ON_EVERYTHING, run: write_on_everything },
    Check { rule: &FULL_ACCESS, run: full_access },
    Check { rule: &ALLOW_WITH_NOT, run: allow_with_not },
    Check { rule: &POLICY_ESCALATION, run: policy_escalation },
    Check { rule: &COMPANIONS, run: companions },
];

/// The checks that need the access engine.
pub(super) const THOROUGH: &[Check] = &[
    Check { rule: &NEVER_GRANTS, run: never },
    Check { rule: &REDUNDANT_STATEMENT, run: redundant },
    Check { rule: &DENY_WITHOUT_EFFECT, run: dead },
    Check { rule: &EMPTY_ACCESS, run: empty },
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
    Rule::warning("G01", "write-on-everything", "A statement allows writes in every bucket.");

fn write_on_everything(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in context.allows().filter(|statement| all_actions(*statement).is_none()) {
        let changes = |entry: &Entry<'_>| writes_everywhere(context, entry.pattern);
        if let (Some(resource), Some(action)) = (everything(statement), statement.selected_actions().find(changes)) {
            let message = format!("the statement allows `{}` in every bucket", action.pattern);
            report.add(resource.place, message).help("name the buckets");
        }
    }
}

/// Whether a pattern matches an action that changes something, and the document does not deny it everywhere.
fn writes_everywhere(context: &LintContext<'_>, pattern: &str) -> bool {
    let mut writes = context.matched(pattern).filter(|action| action.level >= Level::Write);
    writes.any(|action| !context.is_denied(&action.name, "*"))
}

static FULL_ACCESS: Rule = Rule::warning("G02", "full-access", "A statement allows everything everywhere.");

fn full_access(context: &LintContext<'_>, report: &mut Reporter) {
    let full = context
        .allows()
        .filter(|statement| all_actions(*statement).is_some_and(|all| writes_everywhere(context, all.pattern)));
    for entry in full.filter_map(everything) {
        let message = "the statement allows all actions in every bucket";
        report.add(entry.place, message).help("name the actions or the buckets");
    }
}

static ALLOW_WITH_NOT: Rule = Rule::warning("G03", "allow-with-not", "An `Allow` uses `NotAction` or `NotResource`.");

fn allow_with_not(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in context.allows() {
        for (place, member) in statement.negated() {
            let message = format!("the statement allows every {} except the listed ones", member.to_lowercase());
            report.add(place, message).help("list the allowed ones, or use `Deny`");
        }
    }
}

static POLICY_ESCALATION: Rule = Rule::warning(
    "G04",
    "policy-escalation",
    "A document allows to write the policy of a bucket, but not to read, write or delete all of its objects.",
);

const WRITES: &str = "s3:PutBucketPolicy";

fn policy_escalation(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in context.allows().filter(|statement| !statement.resources.negated) {
        let Some(entry) = statement.entry_for(WRITES) else { continue };
        let paths = statement.paths().filter(|path| can_be_bucket(path) && !context.is_denied(WRITES, path));
        let missing = |path: &str| {
            let bucket = relaxed(path);
            let action = OBJECT_ACTIONS.into_iter().find(|action| !is_on_all_objects(context, action, &bucket))?;
            Some((action, bucket.into_owned()))
        };
        if let Some((action, bucket)) = paths.filter_map(missing).next() {
            let message = format!(
                "`{}` on `{bucket}` allows a user to give everyone `{action}`, which the document does not allow",
                entry.pattern
            );
            let help = format!("also deny `{WRITES}`: with `PUT {bucket}?policy`, everyone may do it without a login");
            report.add(entry.place, message).help(help);
        }
    }
}

/// Whether the document allows an action on all objects of a bucket, and denies it without a condition on none of those buckets
/// whose policy can be written.
fn is_on_all_objects(context: &LintContext<'_>, action: &str, bucket: &str) -> bool {
    let objects = objects_of(bucket);
    let mut denies = context.denies().filter(|deny| deny.conditions.is_empty() && deny.selects(action));
    let keeps_policy = |denied: &str| context.is_denied(WRITES, bucket_of(denied));
    let takes = |denied: &str| patterns_overlap(&relaxed(denied), &objects) && !keeps_policy(denied);
    let is_denied = denies.any(|deny| deny.resources.negated || deny.paths().any(takes));
    let is_allowed = context.allows().any(|statement| {
        let covered = statement.paths().any(|path| covers(&relaxed(path), &objects));
        statement.selects(action) && covered != statement.resources.negated
    });
    is_allowed && !is_denied
}

static COMPANIONS: Rule =
    Rule::note("G06", "missing-companion", "A document allows `s3:ListBucket` without `s3:GetBucketLocation`.");

fn companions(context: &LintContext<'_>, report: &mut Reporter) {
    let (action, needed) = ("s3:ListBucket", "s3:GetBucketLocation");
    if context.catalogue.get(needed).is_none() || context.allows().any(|statement| statement.selects(needed)) {
        return;
    }
    if let Some(entry) = context.allows().find_map(|statement| statement.entry_for(action)) {
        let message = format!("the document allows `{action}` but not `{needed}`");
        report.add(entry.place, message).help(format!("also allow `{needed}` on the bucket"));
    }
}

fn whole(at: usize) -> Place {
    Place::Statement(at, Part::Whole)
}

static NEVER_GRANTS: Rule =
    Rule::warning("X01", "never-grants", "Other statements deny everything that a statement allows.");

fn never(context: &LintContext<'_>, report: &mut Reporter) {
    for at in vain_allows(context) {
        report
            .add(whole(at), "the document denies everything that this statement allows")
            .help("remove it, or narrow the `Deny` statement");
    }
}

/// The statements whose access others deny, unless the document gives no access at all.
fn vain_allows(context: &LintContext<'_>) -> Vec<usize> {
    if context.denies().next().is_none() || grants_nothing(context.document, &engine(context)) {
        return Vec::new();
    }
    never_grants(context.document, &engine(context))
}

static REDUNDANT_STATEMENT: Rule =
    Rule::note("X02", "redundant-statement", "Without a statement, the document gives the same access.");

fn redundant(context: &LintContext<'_>, report: &mut Reporter) {
    let (document, engine) = (context.document, engine(context));
    if document.statements.len() < 2 {
        return;
    }
    let reported = [vain_allows(context), dead_denies(document, &engine)].concat();
    for at in redundant_statements(document, &engine).into_iter().filter(|at| !reported.contains(at)) {
        report.add(whole(at), "without this statement, the document gives the same access").help("remove it");
    }
}

static DENY_WITHOUT_EFFECT: Rule =
    Rule::warning("X03", "deny-without-effect", "A statement denies nothing that the document allows.");

/// Actions that a server asks for together with `s3:DeleteObject`, so that a `Deny` of them may count without an `Allow`.
const WITH_DELETE: [&str; 2] = ["s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"];

fn dead(context: &LintContext<'_>, report: &mut Reporter) {
    let dead = dead_denies(context.document, &engine(context));
    let counts = |deny: &StatementAt<'_>| {
        let is_asked = WITH_DELETE.iter().any(|action| deny.selects(action));
        is_asked && allowed(context, "s3:DeleteObject", On::Objects).within(deny).example().is_some()
    };
    for deny in context.denies().filter(|deny| dead.contains(&deny.at) && !counts(deny)) {
        let is_allowed = |action: &&Action| context.allows().any(|allow| allow.selects(&action.name));
        let mut denied = context.catalogue.actions().iter().filter(|action| deny.selects(&action.name));
        if denied.any(|action| is_allowed(&action)) {
            let message = "this statement denies nothing that the document allows";
            report.add(whole(deny.at), message).help("check its patterns, or remove it");
        } else {
            let message = "the document allows none of the actions that this statement denies";
            let help = "keep it if these actions must stay denied whatever is allowed later";
            report.add(whole(deny.at), message).severity(Severity::Note).help(help);
        }
    }
}

static EMPTY_ACCESS: Rule = Rule::warning("X04", "empty-access", "A document allows nothing.");

fn empty(context: &LintContext<'_>, report: &mut Reporter) {
    if !context.document.statements.is_empty() && grants_nothing(context.document, &engine(context)) {
        report.add(Place::Statements, "this document allows nothing");
    }
}
