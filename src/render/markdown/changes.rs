//! The changes of a plan: what goes and moves as lists, documents in folds.

use super::change::what;
use super::cut::Cut;
use super::diff::{Body, BodyLine};
use super::escape::{code, fence, html_code};
use crate::plan::Note;
use crate::render::json::{ChangeV1, KindV1, PlanV1};
use crate::render::phrase::{KEYS_MAY_APPEAR, object};
use crate::render::words::{count, list};

/// What is removed, detached and moved, by name: all of it, whatever else is left out.
pub(super) fn taken(plan: &PlanV1) -> String {
    let mut text = String::new();
    for (kind, title) in [(KindV1::RemovePolicy, "Removed"), (KindV1::Detach, "Detached"), (KindV1::Move, "Moved")] {
        let changes = of_kind(plan, kind);
        if changes.is_empty() {
            continue;
        }
        text += &format!("**{title}: {}**\n\n", numbered(&changes));
        for change in changes {
            text += &item(plan, change, true);
        }
        text.push('\n');
    }
    text
}

/// What is replaced, added and attached.
pub(super) fn given(plan: &PlanV1, bodies: &[Body], cut: Cut) -> String {
    let names = cut < Cut::Names;
    let mut text = String::new();
    for (kind, title, named) in [
        (KindV1::ReplacePolicy, "Replaced", true),
        (KindV1::AddPolicy, "Added", names),
        (KindV1::Attach, "Attached", names),
    ] {
        let changes = of_kind(plan, kind);
        if changes.is_empty() {
            continue;
        }
        text += &format!("**{title}: {}**\n\n", numbered(&changes));
        if named {
            let folded = cut.shows(kind);
            let items = plan.changes.iter().zip(bodies).filter(|(change, _)| change.kind == kind);
            for (change, body) in items {
                text += &if folded { fold(plan, change, body, cut) } else { item(plan, change, names) };
            }
        } else {
            text += &keys(&changes);
        }
        text.push('\n');
    }
    text
}

/// The documents of what is removed, as they are now.
pub(super) fn removed_documents(plan: &PlanV1, bodies: &[Body], cut: Cut) -> String {
    if !cut.shows(KindV1::RemovePolicy) {
        return String::new();
    }
    let removed = plan.changes.iter().zip(bodies).filter(|(change, _)| change.kind == KindV1::RemovePolicy);
    let folds: String = removed
        .filter(|(_, body)| !body.lines.is_empty())
        .map(|(change, body)| fold(plan, change, body, cut))
        .collect();
    if folds.is_empty() { folds } else { format!("**Documents of what is removed**\n\n{folds}\n") }
}

fn of_kind(plan: &PlanV1, kind: KindV1) -> Vec<&ChangeV1> {
    plan.changes.iter().filter(|change| change.kind == kind).collect()
}

/// How many policies, users and groups they are about.
fn numbered(changes: &[&ChangeV1]) -> String {
    let number = |of: fn(&ChangeV1) -> bool| changes.iter().filter(|change| of(change)).count();
    let numbers = [
        (number(|change| change.policy.is_some()), "policy", "policies"),
        (number(|change| change.user.is_some()), "user", "users"),
        (number(|change| change.group.is_some()), "group", "groups"),
    ];
    let some = numbers.iter().filter(|(n, _, _)| *n > 0);
    list(&some.map(|(n, one, many)| count(*n, one, many)).collect::<Vec<_>>())
}

/// What holds for some of the users that are not named one by one.
fn keys(changes: &[&ChangeV1]) -> String {
    let some = changes.iter().filter(|change| change.notes.contains(&Note::KeysMayBeCreated)).count();
    if some == 0 { String::new() } else { format!("for {some} of them {KEYS_MAY_APPEAR}\n") }
}

fn item(plan: &PlanV1, change: &ChangeV1, names: bool) -> String {
    format!("- {}: {}\n", object(change, code), what(plan, change, code, names))
}

fn fold(plan: &PlanV1, change: &ChangeV1, body: &Body, cut: Cut) -> String {
    let shown = |line: &&BodyLine| cut < Cut::Context || !line.context;
    let lines: Vec<String> = body.lines.iter().filter(shown).map(|line| line.text.clone()).collect();
    let what = match change.kind {
        // It is said above, with the name.
        KindV1::RemovePolicy => String::new(),
        KindV1::AddPolicy | KindV1::ReplacePolicy | KindV1::Attach | KindV1::Move | KindV1::Detach => {
            format!(": {}", what(plan, change, html_code, true))
        }
    };
    let mut text = format!("<details><summary>{}{what}</summary>\n\n", object(change, html_code));
    if let Some(sameness) = body.sameness {
        text += &format!("{sameness}\n\n");
    }
    if !lines.is_empty() {
        text += &fence("diff", &lines);
        text.push('\n');
    }
    text + "</details>\n"
}
