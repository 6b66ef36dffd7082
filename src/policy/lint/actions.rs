//! Rules on actions: their names, and entries that another entry covers or implies.

use super::super::catalogue::Catalogue;
use super::super::normal::fold_wildcards;
use super::super::rule::Rule;
use super::context::{ActionForm, Check, Entry, LintContext, action_form, matched};
use super::finding::Reporter;
use super::patterns::covers;
use super::vocabulary::ALIASES;
use crate::base::{Severity, nearest, spelled_out};

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &UNKNOWN_ACTION, run: unknown_action },
    Check { rule: &MATCHES_NOTHING, run: matches_nothing },
    Check { rule: &ACTION_CASE, run: action_case },
    Check { rule: &FOREIGN_SERVICE, run: foreign_service },
    Check { rule: &UNTIDY_ACTION, run: untidy_action },
    Check { rule: &REDUNDANT_ACTION, run: redundant_action },
    Check { rule: &VERSION_IMPLIES_OBJECT, run: version_implies_object },
    Check { rule: &REDUNDANT_RESOURCE, run: redundant_resource },
];

static UNKNOWN_ACTION: Rule =
    Rule::error("A01", "unknown-action", "The release of the cluster does not know the action.");

fn unknown_action(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.actions(ActionForm::Unknown) {
        let name = entry.pattern;
        let odd = if name.is_ascii() { String::new() } else { format!(": {}", spelled_out(name)) };
        let is_undocumented = context.is_undocumented(name);
        let lint = if is_undocumented {
            report.add(entry.place, format!("WEKA does not document `{name}`")).severity(Severity::Warning)
        } else {
            report.add(entry.place, format!("`{name}` is not an action{odd}"))
        };
        let plain: String = name.chars().filter(char::is_ascii_graphic).collect();
        let bare = plain.strip_prefix("s3:").unwrap_or(&plain);
        let proper = format!("s3:{bare}");
        let known = context.catalogue.actions().iter().filter_map(|action| action.name.strip_prefix("s3:"));
        if let Some((call, right)) = ALIASES.iter().find(|(call, _)| call.eq_ignore_ascii_case(bare)) {
            lint.help(match right {
                Some(right) => format!("`s3:{right}` allows the call `{call}`, among others"),
                None => format!("no action allows the call `{call}`; remove it"),
            });
        } else if is_undocumented {
            lint.help(MINIO_KNOWS_IT);
        } else if context.catalogue.get(&proper).is_some() {
            lint.fix(proper);
        } else if Catalogue::newest().get(&proper).is_some() {
            lint.help("only later releases have it");
        } else if let Some(near) = nearest(bare, known).filter(|near| is_typo(bare, near)) {
            lint.help(format!("did you mean `s3:{near}`?"));
        }
    }
}

const MINIO_KNOWS_IT: &str = "MinIO servers know it, so a cluster may accept it; test it, or remove it";

/// Whether a name is probably a misspelt action. A name with another word has another meaning: `PutObjectAcl` is not
/// `PutObject`.
fn is_typo(written: &str, action: &str) -> bool {
    written.chars().count().abs_diff(action.chars().count()) <= 2 && written.starts_with(action.split_at(1).0)
}

static MATCHES_NOTHING: Rule = Rule::error(
    "A02",
    "wildcard-matches-nothing",
    "An action with wildcards matches no action of the cluster's release.",
);

fn matches_nothing(context: &LintContext<'_>, report: &mut Reporter) {
    for entry in context.actions(ActionForm::MatchesNothing) {
        let later = matched(entry.pattern, &Catalogue::newest()).next().is_some();
        if !later && context.is_undocumented(entry.pattern) {
            let message = format!("WEKA documents no action that `{}` matches", entry.pattern);
            report.add(entry.place, message).severity(Severity::Warning).help(MINIO_KNOWS_IT);
            continue;
        }
        let help = if later { "only later releases have such actions" } else { "check its spelling" };
        report.add(entry.place, format!("`{}` matches no action", entry.pattern)).help(help);
    }
}

static ACTION_CASE: Rule = Rule::error("A03", "action-case", "An action is written in the wrong case.");

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
    Rule::error("A04", "foreign-service", "An action belongs to another service than S3, or to all services.");

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
    Rule::error("A05", "whitespace-or-comma", "An action is empty, or has whitespace or a comma.");

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
    Rule::note("A07", "redundant-action", "Another action of the statement covers an action.");

fn redundant_action(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in context.statements() {
        covered(report, &statement.actions().collect::<Vec<_>>());
    }
}

static REDUNDANT_RESOURCE: Rule =
    Rule::note("R11", "redundant-resource", "Another resource of the statement covers a resource.");

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
    Rule::warning("A08", "version-implies-object", "A statement has `s3:GetObjectVersion` without `s3:GetObject`.");

fn version_implies_object(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in context.statements().filter(|statement| !statement.selects("s3:GetObject")) {
        for entry in statement.selected_actions().filter(|entry| entry.pattern == "s3:GetObjectVersion") {
            report
                .add(entry.place, "on some servers, `s3:GetObjectVersion` implies `s3:GetObject`")
                .help("add `s3:GetObject` if you intend this");
        }
    }
}
