//! Rules on the form of a document: version, statements and their ids, elements, size.

use std::collections::BTreeMap;

use super::super::document::{Part, Place, Selector, Statement};
use super::super::normal::{VERSION as NEWEST, normal_statement};
use super::super::rule::{ACTION_FORM, RESOURCE_FORM, Rule, SIZE, STATEMENT_FORM};
use super::context::{Check, LintContext, StatementAt};
use super::finding::{MAX_DOCUMENT, Reporter};
use crate::base::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check { rule: &ID_IN_IDENTITY, run: id_in_identity },
    Check { rule: &VERSION, run: version },
    Check { rule: &STATEMENT_FORM, run: no_statements },
    Check { rule: &ACTION_FORM, run: no_actions },
    Check { rule: &RESOURCE_FORM, run: no_resources },
    Check { rule: &NOT_ELEMENTS, run: not_elements },
    SIZE_CHECK,
    Check { rule: &DUPLICATE_STATEMENT, run: duplicate_statement },
    Check { rule: &DUPLICATE_SID, run: duplicate_sid },
    Check { rule: &SID_CHARACTERS, run: sid_characters },
];

/// The only check of a document that is far too long.
pub(super) const SIZE_CHECK: Check = Check { rule: &SIZE, run: size };

static ID_IN_IDENTITY: Rule = Rule::warning("S05", "id-in-identity", "The document has an `Id`.");

fn id_in_identity(context: &LintContext<'_>, report: &mut Reporter) {
    if context.document.id.as_ref().is_some_and(|id| !id.is_empty()) {
        report.add(Place::Id, "an identity policy cannot have an `Id`").help("remove it");
    }
}

static VERSION: Rule = Rule::error("S06", "version", "`Version` is not `2012-10-17`.");

fn version(context: &LintContext<'_>, report: &mut Reporter) {
    let help = format!("add `Version` with the value `{NEWEST}`");
    let variable = context.normal.json().find("${").map(|start| &context.normal.json()[start..]);
    match context.document.version.as_deref().filter(|version| !version.is_empty()) {
        Some(NEWEST) => {}
        Some(version) => {
            let message = format!("a cluster does not accept the version `{version}`");
            let lint = report.add(Place::Version, message);
            if variable.is_some() {
                lint.help(format!("write `{NEWEST}`; AWS then replaces variables that it reads as plain text now"));
            }
            lint.fix(NEWEST);
        }
        None if let Some(variable) = variable => {
            let variable = variable.split_inclusive('}').next().unwrap_or(variable);
            let message = format!(
                "the document has no `Version`: MinIO servers replace `{variable}`, and AWS reads it as plain text"
            );
            report.add(Place::Document, message).help(help);
        }
        None => {
            let lint = report.add(Place::Document, "the document has no `Version`").severity(Severity::Warning);
            lint.help(format!("{help}; attune sends it anyway"));
        }
    }
}

fn no_statements(context: &LintContext<'_>, report: &mut Reporter) {
    if context.document.statements.is_empty() {
        report.add(Place::Statements, "the document has no statements").help("remove the policy instead");
    }
}

fn no_actions(context: &LintContext<'_>, report: &mut Reporter) {
    no_entries(context, report, Part::Actions, "Action", |statement| &statement.actions);
}

fn no_resources(context: &LintContext<'_>, report: &mut Reporter) {
    no_entries(context, report, Part::Resources, "Resource", |statement| &statement.resources);
}

fn no_entries(
    context: &LintContext<'_>,
    report: &mut Reporter,
    part: Part,
    member: &str,
    selector: fn(&Statement) -> &Selector,
) {
    let entries = member.to_lowercase() + "s";
    for statement in context.statements().filter(|statement| selector(statement).patterns.is_empty()) {
        let message = match selector(&statement).negated {
            false => format!("the statement has no {entries}"),
            true => format!("`Not{member}` is empty and matches all {entries}"),
        };
        report.add(statement.place(part), message).help(format!("list the intended {entries}"));
    }
}

static NOT_ELEMENTS: Rule = Rule::error("S11", "not-element-support", "A statement uses `NotAction` or `NotResource`.");

fn not_elements(context: &LintContext<'_>, report: &mut Reporter) {
    for statement in context.statements() {
        for (place, member) in statement.negated() {
            report
                .add(place, format!("the cluster may not support `Not{member}`"))
                .help("list the intended entries, or deny the exceptions in a separate statement");
        }
    }
}

const NEARLY_TOO_LONG: usize = MAX_DOCUMENT * 9 / 10;

fn size(context: &LintContext<'_>, report: &mut Reporter) {
    let length = context.normal.len();
    if length < NEARLY_TOO_LONG {
        return;
    }
    let saved = context.text_length.map(|text| text.saturating_sub(length)).filter(|saved| *saved > 0);
    let saved = saved.map(|saved| format!(", {saved} fewer than the text")).unwrap_or_default();
    let message = format!("the sent document has {length} bytes{saved}; a cluster accepts {MAX_DOCUMENT}");
    let severity = if length > MAX_DOCUMENT { Severity::Error } else { Severity::Warning };
    report.add(Place::Document, message).help("use fewer and wider patterns, or shorter ids").severity(severity);
}

static DUPLICATE_STATEMENT: Rule =
    Rule::error("S13", "duplicate-statement", "Two statements are equal except for their `Sid`.");

fn duplicate_statement(context: &LintContext<'_>, report: &mut Reporter) {
    if context.document.statements.len() < 2 {
        return;
    }
    let without_sid = |statement| {
        let mut statement = normal_statement(statement);
        (statement.sid.take(), statement)
    };
    let normal: Vec<_> = context.document.statements.iter().map(without_sid).collect();
    for (at, (sid, statement)) in normal.iter().enumerate() {
        if let Some(first) = normal[..at].iter().position(|(_, other)| other == statement) {
            let message = format!("statement {} is equal to statement {}", at + 1, first + 1);
            let severity = if normal[first].0 == *sid { Severity::Warning } else { Severity::Error };
            let place = Place::Statement(at, Part::Whole);
            report.add(place, message).severity(severity).help("remove one of them");
        }
    }
}

static DUPLICATE_SID: Rule = Rule::error("S14", "duplicate-sid", "Two statements have the same `Sid`.");

fn duplicate_sid(context: &LintContext<'_>, report: &mut Reporter) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (statement, sid) in sids(context).filter(|(_, sid)| !sid.is_empty()) {
        if let Some(first) = seen.get(sid) {
            let message = format!("`{sid}` is already the `Sid` of statement {}", first + 1);
            report.add(statement.place(Part::Sid), message).help("choose another one");
        } else {
            seen.insert(sid, statement.at);
        }
    }
}

static SID_CHARACTERS: Rule =
    Rule::warning("S15", "sid-characters", "A `Sid` is empty, or has characters other than `A-Z a-z 0-9`.");

fn sid_characters(context: &LintContext<'_>, report: &mut Reporter) {
    for (statement, sid) in sids(context) {
        let place = statement.place(Part::Sid);
        if sid.is_empty() {
            let lint = report.add(place, "the `Sid` is empty and counts as absent").help("remove it");
            lint.severity(Severity::Note);
        } else if !sid.chars().all(|c| c.is_ascii_alphanumeric()) {
            let message = format!("some servers refuse the characters of the `Sid` `{sid}`");
            let plain: String = sid.chars().filter(char::is_ascii_alphanumeric).collect();
            let lint = report.add(place, message).help("use letters and digits only");
            if !plain.is_empty() && sids(context).all(|(_, other)| other != plain) {
                lint.fix(plain);
            }
        }
    }
}

fn sids<'a>(context: &LintContext<'a>) -> impl Iterator<Item = (StatementAt<'a>, &'a str)> + use<'a> {
    let sids = context.document.statements.iter().map(|statement| statement.sid.as_deref());
    context.statements().zip(sids).filter_map(|(statement, sid)| Some((statement, sid?)))
}
