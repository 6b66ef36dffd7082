//! A plan as a reviewer reads it.

use std::io::{self, Write};

use console::{measure_text_width, pad_str};

use super::diff::documents;
use super::users::{gained, lost};
use super::{holder, overridden};
use crate::base::PolicyName;
use crate::observed::Body;
use crate::plan::{Change, ChangeId, ChangeKind, Holder, Note, Plan, Way};
use crate::policy::access::{Context, same_access};
use crate::policy::{self, Catalogue, Normal, Sameness};
use crate::render::Styles;
use crate::render::json::SummaryV1;
use crate::render::words::{count, list, shown};

/// What stands before the lines under a change.
const UNDER: &str = "        ";

/// How many holders are named before the rest is only counted.
const NAMED: usize = 8;

/// Writes a plan: cluster, changes, digest and counts.
///
/// # Errors
/// Those of the writer.
pub fn plan(out: &mut dyn Write, styles: &Styles, plan: &Plan) -> io::Result<()> {
    heading(out, styles, plan)?;
    if plan.is_empty() {
        let policies = count(plan.unchanged.policies, "policy", "policies");
        let holders = holders(plan.unchanged.users, plan.unchanged.groups);
        writeln!(out, "\nno changes: {policies}{holders} are as the file says")?;
        return left_alone(out, styles, plan);
    }
    gained(out, styles, plan)?;
    writeln!(out)?;
    let width = plan.changes.iter().map(|change| measure_text_width(&object(change))).max().unwrap_or(0);
    for change in &plan.changes {
        self::change(out, styles, plan, change, width)?;
    }
    lost(out, styles, plan)?;
    writeln!(out)?;
    summary(out, styles, plan)?;
    left_alone(out, styles, plan)
}

fn heading(out: &mut dyn Write, styles: &Styles, plan: &Plan) -> io::Result<()> {
    let identity = &plan.identity;
    let cluster = styles.strong.apply_to(format!("cluster {}", shown(&identity.name)));
    writeln!(out, "{cluster} · WEKA {} · tenant {}", shown(&release(plan)), shown(&identity.tenant))
}

/// The release without the build's hash.
fn release(plan: &Plan) -> String {
    plan.identity.release.to_string().split('-').next().unwrap_or_default().to_owned()
}

/// What a change is about: `policy NAME`, `user NAME` or `group NAME`.
fn object(change: &Change) -> String {
    match &change.id {
        ChangeId::Policy(policy) => format!("policy {}", shown(policy.as_str())),
        ChangeId::Holder(principal) => format!("{} {}", principal.kind(), shown(principal.name())),
    }
}

fn change(out: &mut dyn Write, styles: &Styles, plan: &Plan, change: &Change, width: usize) -> io::Result<()> {
    let (mark, style) = match &change.kind {
        ChangeKind::AddPolicy { .. } | ChangeKind::Attach { .. } => ("+", &styles.add),
        ChangeKind::ReplacePolicy { .. } => ("±", &styles.change),
        ChangeKind::Move { .. } => (">", &styles.change),
        ChangeKind::RemovePolicy { .. } | ChangeKind::Detach { .. } => ("-", &styles.remove),
    };
    let object = object(change);
    let object = pad_str(&object, width, console::Alignment::Left, None);
    let line = format!("  {} {object}   {}", style.apply_to(mark), what(plan, change));
    writeln!(out, "{}", line.trim_end())?;
    for note in &change.notes {
        if let Some(text) = under(*note) {
            writeln!(out, "{UNDER}{}", styles.dim.apply_to(text))?;
        }
    }
    if let Some(text) = sameness(change) {
        writeln!(out, "{UNDER}{}", styles.dim.apply_to(text))?;
    }
    match &change.kind {
        ChangeKind::AddPolicy { after, .. } => documents(out, styles, UNDER, None, after.document()),
        ChangeKind::ReplacePolicy { before, after, .. } => replaced(out, styles, before.as_ref(), after),
        ChangeKind::RemovePolicy { .. }
        | ChangeKind::Attach { .. }
        | ChangeKind::Move { .. }
        | ChangeKind::Detach { .. } => Ok(()),
    }
}

/// What a new document does not change.
fn sameness(change: &Change) -> Option<&'static str> {
    let ChangeKind::ReplacePolicy { before: Some(Body::Known(before)), after, .. } = &change.kind else { return None };
    let context = Catalogue::newest();
    match policy::sameness(before.document(), after.document()) {
        Sameness::Same => None,
        Sameness::IdsOnly => Some("ids only: the document decides as before"),
        Sameness::Different => same_access(before.document(), after.document(), &Context::new(&context))
            .then_some("no access change: the new document allows what the old one does"),
    }
}

fn replaced(out: &mut dyn Write, styles: &Styles, before: Option<&Body>, after: &Normal) -> io::Result<()> {
    match before {
        Some(Body::Known(before)) => documents(out, styles, UNDER, Some(before.document()), after.document()),
        Some(Body::Unreadable(text)) => {
            let text = format!("- {}", shown(text));
            writeln!(out, "{UNDER}{}", styles.remove.apply_to(text))?;
            documents(out, styles, UNDER, None, after.document())
        }
        Some(Body::NotRead) | None => Ok(()),
    }
}

/// What happens, on the line of the change.
fn what(plan: &Plan, change: &Change) -> String {
    let has = |note| change.notes.contains(&note);
    match &change.kind {
        ChangeKind::AddPolicy { after, .. } => size(plan, after),
        ChangeKind::ReplacePolicy { after, holders, way, leftovers, .. } => {
            let healing = if leftovers.is_empty() { "" } else { "finishes an interrupted replacement; " };
            format!(
                "{healing}{}{}",
                replacing(way, holders),
                if *way == Way::Finish { String::new() } else { format!(" · {}", size(plan, after)) }
            )
        }
        ChangeKind::RemovePolicy { .. } => "nobody holds it then".to_owned(),
        ChangeKind::Attach { after, .. } => {
            let keys = if has(Note::KeysMayAppear) {
                "; a key pair is made if there is none, an old one works again"
            } else {
                ""
            };
            format!("nothing → {}{keys}", name(after))
        }
        ChangeKind::Move { before, after, .. } => format!("{} → {}", name(before), name(after)),
        ChangeKind::Detach { before, .. } => {
            let keys = match (has(Note::KeysRetired), has(Note::KeysStay)) {
                (true, _) => "; before that, a new key pair is made and thrown away: the old one is worthless",
                (false, true) => "; the key pair stays valid for a later attach",
                (false, false) => "",
            };
            format!("{} → nothing{keys}", name(before))
        }
    }
}

fn replacing(way: &Way, holders: &[Holder]) -> String {
    let who = || format!("{}: {}", count(holders.len(), "holder", "holders"), named(holders));
    match way {
        Way::Plain => "replaced, nobody holds it".to_owned(),
        Way::Swap(_) if holders.is_empty() => "swap, nobody loses access on the way".to_owned(),
        Way::Swap(_) => format!("swap, access is kept throughout by {}", who()),
        Way::Gap => format!("gap, without access for a moment: {}", named(holders)),
        Way::Finish if holders.is_empty() => "brought back, nobody holds it".to_owned(),
        Way::Finish => format!("brought back, access is kept throughout by {}", who()),
    }
}

fn named(holders: &[Holder]) -> String {
    let mut words: Vec<String> = holders
        .iter()
        .take(NAMED)
        .map(|Holder { principal, undeclared }| {
            let name = holder(principal);
            if *undeclared { format!("{name} (in no file)") } else { name }
        })
        .collect();
    if holders.len() > NAMED {
        words.push(format!("{} more", holders.len() - NAMED));
    }
    list(&words)
}

/// What needs a line of its own.
fn under(note: Note) -> Option<&'static str> {
    match note {
        Note::KeysStay | Note::KeysRetired | Note::KeysMayAppear | Note::Heals => None,
        Note::Imported => Some("the user comes from a directory, whose next refresh sets its policy again"),
        Note::NameAbsent => {
            Some("the name is absent for a moment: identities mapped to it by name (OIDC) are affected")
        }
        Note::NameGone => Some("identities mapped to it by name (OIDC) lose it; the cluster does not report them here"),
        Note::NoRoom => Some("a gap, because the cluster has no room for one policy more"),
        Note::NoRoomToMove => Some("without access for a moment, because the cluster has no room for one policy more"),
    }
}

fn size(plan: &Plan, document: &Normal) -> String {
    format!("{} of {} bytes", document.len(), plan.limits.document_bytes)
}

fn name(policy: &PolicyName) -> String {
    shown(policy.as_str())
}

fn summary(out: &mut dyn Write, styles: &Styles, plan: &Plan) -> io::Result<()> {
    let SummaryV1 { add, replace, remove, attach, r#move, detach, calls, .. } = SummaryV1::of(plan);
    let counts = [
        (add, "to add"),
        (replace, "to replace"),
        (remove, "to remove"),
        (attach, "to attach"),
        (r#move, "to move"),
        (detach, "to detach"),
    ];
    let counts: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if plan.is_blocked() {
        return writeln!(out, "no plan: {}, but something stands in the way", counts.join(", "));
    }
    overridden(out, styles, plan)?;
    for refusal in &plan.refusals {
        writeln!(out, "{} {}", styles.remove.apply_to("refused:"), shown(&refusal.message))?;
        if let Some(help) = &refusal.help {
            for line in help.lines() {
                writeln!(out, "         {}", styles.dim.apply_to(shown(line)))?;
            }
        }
    }
    let digest = styles.strong.apply_to(format!("plan {}", plan.digest.short()));
    writeln!(out, "{digest}: {} · {}", counts.join(", "), count(calls, "call", "calls"))
}

/// Users behind something else in a list, and groups where there are any.
fn holders(users: usize, groups: usize) -> String {
    let users = count(users, "user", "users");
    match groups {
        0 => format!(" and {users}"),
        groups => format!(", {users} and {}", count(groups, "group", "groups")),
    }
}

fn left_alone(out: &mut dyn Write, styles: &Styles, plan: &Plan) -> io::Result<()> {
    let alone = &plan.left_alone;
    let mut parts = Vec::new();
    if !alone.predefined.is_empty() {
        parts.push(count(alone.predefined.len(), "predefined policy", "predefined policies"));
    }
    if !alone.policies.is_empty() || !alone.users.is_empty() || !alone.groups.is_empty() {
        let policies = count(alone.policies.len(), "policy", "policies");
        let holders = holders(alone.users.len(), alone.groups.len());
        parts.push(format!("{policies}{holders} that no file names"));
    }
    if parts.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", styles.dim.apply_to(format!("left alone: {}", parts.join(", "))))
}
