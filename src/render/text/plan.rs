//! A plan as a reviewer reads it.

use std::io::{self, Write};

use console::{measure_text_width, pad_str};
use serde_json::value::RawValue;

use super::base::base;
use super::diff::documents;
use super::users::{gained, lost};
use super::{overridden, who};
use crate::policy::access::{Context, same_access};
use crate::policy::{self, Catalogue, Document, Sameness};
use crate::render::Styles;
use crate::render::json::{ChangeV1, HolderV1, KindV1, NoteV1, PlanV1, SummaryV1, WayV1};
use crate::render::words::{count, list, shown};

/// What stands before the lines under a change.
const UNDER: &str = "        ";

/// How many holders are named before the rest is only counted.
const NAMED: usize = 8;

/// Writes a plan: cluster, changes, digest and counts.
///
/// # Errors
/// Those of the writer.
pub fn plan(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    base(out, styles, plan.base.as_ref())?;
    heading(out, styles, plan)?;
    if plan.changes.is_empty() {
        let policies = count(plan.unchanged.policies, "policy", "policies");
        let holders = holders(plan.unchanged.users, plan.unchanged.groups);
        writeln!(out, "\nno changes: {policies}{holders} are as the file says")?;
        return left_alone(out, styles, plan);
    }
    gained(out, styles, &plan.changes)?;
    writeln!(out)?;
    let width = plan.changes.iter().map(|change| measure_text_width(&object(change))).max().unwrap_or(0);
    for change in &plan.changes {
        self::change(out, styles, plan, change, width)?;
    }
    lost(out, styles, &plan.changes)?;
    writeln!(out)?;
    summary(out, styles, plan)?;
    left_alone(out, styles, plan)
}

fn heading(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    let of = &plan.cluster;
    let cluster = styles.strong.apply_to(format!("cluster {}", shown(&of.name)));
    // The release without the build's hash.
    let release = of.release.split('-').next().unwrap_or_default();
    writeln!(out, "{cluster} · WEKA {} · tenant {}", shown(release), shown(&of.tenant))
}

/// What a change is about: `policy NAME`, `user NAME` or `group NAME`.
fn object(change: &ChangeV1) -> String {
    let name = |name: &Option<String>| name.as_deref().map(shown);
    let (kind, name) = match (name(&change.user), name(&change.group)) {
        (Some(user), _) => ("user", user),
        (None, Some(group)) => ("group", group),
        (None, None) => ("policy", name(&change.policy).unwrap_or_default()),
    };
    format!("{kind} {name}")
}

fn change(out: &mut dyn Write, styles: &Styles, plan: &PlanV1, change: &ChangeV1, width: usize) -> io::Result<()> {
    let (mark, style) = match change.kind {
        KindV1::AddPolicy | KindV1::Attach => ("+", &styles.add),
        KindV1::ReplacePolicy => ("±", &styles.change),
        KindV1::Move => (">", &styles.change),
        KindV1::RemovePolicy | KindV1::Detach => ("-", &styles.remove),
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
    match change.kind {
        KindV1::AddPolicy | KindV1::ReplacePolicy => replaced(out, styles, change),
        KindV1::RemovePolicy | KindV1::Attach | KindV1::Move | KindV1::Detach => Ok(()),
    }
}

/// What a new document does not change.
fn sameness(change: &ChangeV1) -> Option<&'static str> {
    if change.kind != KindV1::ReplacePolicy {
        return None;
    }
    let (before, after) = (document(change.before.as_deref()?)?, document(change.after.as_deref()?)?);
    let context = Catalogue::newest();
    match policy::sameness(&before, &after) {
        Sameness::Same => None,
        Sameness::IdsOnly => Some("ids only: the document decides as before"),
        Sameness::Different => same_access(&before, &after, &Context::new(&context))
            .then_some("no access change: the new document allows what the old one does"),
    }
}

/// The document in a plan; `None` for one that cannot be modelled, of which there is the text.
fn document(raw: &RawValue) -> Option<Document> {
    policy::read_lenient(raw.get()).ok()
}

fn replaced(out: &mut dyn Write, styles: &Styles, change: &ChangeV1) -> io::Result<()> {
    let Some(after) = change.after.as_deref().and_then(document) else { return Ok(()) };
    let before = change.before.as_deref();
    if let Some(text) = before.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok()) {
        writeln!(out, "{UNDER}{}", styles.remove.apply_to(format!("- {}", shown(&text))))?;
    } else if before.is_none() && change.kind == KindV1::ReplacePolicy {
        // An interrupted replacement is finished: nobody gets a document that is not held already.
        return Ok(());
    }
    documents(out, styles, UNDER, before.and_then(document).as_ref(), &after)
}

/// What happens, on the line of the change.
fn what(plan: &PlanV1, change: &ChangeV1) -> String {
    let has = |note| change.notes.contains(&note);
    let name = |raw: &Option<Box<RawValue>>| {
        let name: Option<String> = raw.as_deref().and_then(|raw| serde_json::from_str(raw.get()).ok());
        name.map_or_else(|| "nothing".to_owned(), |name| shown(&name))
    };
    let (before, after) = (name(&change.before), name(&change.after));
    match change.kind {
        KindV1::AddPolicy => size(plan, change),
        KindV1::ReplacePolicy => {
            let healing = if change.heals.is_empty() { "" } else { "finishes an interrupted replacement; " };
            let way = change.way.unwrap_or(WayV1::Finish);
            let size = if way == WayV1::Finish { String::new() } else { format!(" · {}", size(plan, change)) };
            format!("{healing}{}{size}", replacing(way, &change.holders))
        }
        KindV1::RemovePolicy => "nobody holds it then".to_owned(),
        KindV1::Attach => {
            let keys = if has(NoteV1::KeysMayAppear) {
                "; a key pair is made if there is none, an old one works again"
            } else {
                ""
            };
            format!("{before} → {after}{keys}")
        }
        KindV1::Move => format!("{before} → {after}"),
        KindV1::Detach => {
            let keys = match (has(NoteV1::KeysRetired), has(NoteV1::KeysStay)) {
                (true, _) => "; before that, a new key pair is made and thrown away: the old one is worthless",
                (false, true) => "; the key pair stays valid for a later attach",
                (false, false) => "",
            };
            format!("{before} → {after}{keys}")
        }
    }
}

fn replacing(way: WayV1, holders: &[HolderV1]) -> String {
    let who = || format!("{}: {}", count(holders.len(), "holder", "holders"), named(holders));
    match way {
        WayV1::Plain => "replaced, nobody holds it".to_owned(),
        WayV1::Swap if holders.is_empty() => "swap, nobody loses access on the way".to_owned(),
        WayV1::Swap => format!("swap, access is kept throughout by {}", who()),
        WayV1::Gap => format!("gap, without access for a moment: {}", named(holders)),
        WayV1::Finish if holders.is_empty() => "brought back, nobody holds it".to_owned(),
        WayV1::Finish => format!("brought back, access is kept throughout by {}", who()),
    }
}

fn named(holders: &[HolderV1]) -> String {
    let mut words: Vec<String> = holders
        .iter()
        .take(NAMED)
        .map(|holder| {
            let name = who(holder.user.as_deref(), holder.group.as_deref());
            if holder.declared { name } else { format!("{name} (in no file)") }
        })
        .collect();
    if holders.len() > NAMED {
        words.push(format!("{} more", holders.len() - NAMED));
    }
    list(&words)
}

/// What needs a line of its own.
fn under(note: NoteV1) -> Option<&'static str> {
    match note {
        NoteV1::KeysStay | NoteV1::KeysRetired | NoteV1::KeysMayAppear | NoteV1::Heals => None,
        NoteV1::Imported => Some("the user comes from a directory, whose next refresh sets its policy again"),
        NoteV1::NameAbsent => {
            Some("the name is absent for a moment: identities mapped to it by name (OIDC) are affected")
        }
        NoteV1::NameGone => {
            Some("identities mapped to it by name (OIDC) lose it; the cluster does not report them here")
        }
        NoteV1::NoRoom => Some("a gap, because the cluster has no room for one policy more"),
        NoteV1::NoRoomToMove => {
            Some("without access for a moment, because the cluster has no room for one policy more")
        }
    }
}

fn size(plan: &PlanV1, change: &ChangeV1) -> String {
    let size = change.after.as_deref().map_or(0, |raw| raw.get().len());
    format!("{size} of {} bytes", plan.limits.document_bytes)
}

/// What a plan comes to, in a line: its digest, or why there is none to run.
#[must_use]
pub fn verdict(plan: &PlanV1) -> String {
    let counts = counts(&plan.summary);
    if plan.is_blocked() {
        return format!("no plan: {counts}, but something stands in the way");
    }
    if plan.changes.is_empty() {
        return "no changes".to_owned();
    }
    let calls = count(plan.summary.calls, "call", "calls");
    let refused = if plan.refusals.is_empty() { "" } else { " · refused by a guard" };
    format!("plan {}: {counts} · {calls}{refused}", plan.short_digest())
}

fn counts(summary: &SummaryV1) -> String {
    let SummaryV1 { add, replace, remove, attach, r#move, detach, .. } = *summary;
    let counts = [
        (add, "to add"),
        (replace, "to replace"),
        (remove, "to remove"),
        (attach, "to attach"),
        (r#move, "to move"),
        (detach, "to detach"),
    ];
    let counts: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    counts.join(", ")
}

fn summary(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
    let counts = counts(&plan.summary);
    if plan.is_blocked() {
        return writeln!(out, "{}", verdict(plan));
    }
    overridden(out, styles, &plan.overrides)?;
    for refusal in &plan.refusals {
        writeln!(out, "{} {}", styles.remove.apply_to("refused:"), shown(&refusal.message))?;
        if let Some(help) = &refusal.help {
            for line in help.lines() {
                writeln!(out, "         {}", styles.dim.apply_to(shown(line)))?;
            }
        }
    }
    let digest = styles.strong.apply_to(format!("plan {}", plan.short_digest()));
    writeln!(out, "{digest}: {counts} · {}", count(plan.summary.calls, "call", "calls"))
}

/// Users behind something else in a list, and groups where there are any.
fn holders(users: usize, groups: usize) -> String {
    let users = count(users, "user", "users");
    match groups {
        0 => format!(" and {users}"),
        groups => format!(", {users} and {}", count(groups, "group", "groups")),
    }
}

fn left_alone(out: &mut dyn Write, styles: &Styles, plan: &PlanV1) -> io::Result<()> {
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
