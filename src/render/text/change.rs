//! One change of a plan.

use std::io::{self, Write};

use console::{Style, pad_str};
use serde_json::value::RawValue;

use super::diff::documents;
use super::who;
use crate::policy::access::{Context, same_access};
use crate::policy::{self, Catalogue, Document, Sameness};
use crate::render::Styles;
use crate::render::json::{ChangeV1, HolderV1, KindV1, NoteV1, PlanV1, WayV1};
use crate::render::words::{count, list, shown};

/// What stands before the lines under a change.
const UNDER: &str = "        ";

/// How many holders are named before the rest is only counted.
const NAMED: usize = 8;

/// What a change is about: `policy NAME`, `user NAME` or `group NAME`.
pub(super) fn object(change: &ChangeV1) -> String {
    let name = |name: &Option<String>| name.as_deref().map(shown);
    let (kind, name) = match (name(&change.user), name(&change.group)) {
        (Some(user), _) => ("user", user),
        (None, Some(group)) => ("group", group),
        (None, None) => ("policy", name(&change.policy).unwrap_or_default()),
    };
    format!("{kind} {name}")
}

/// The sign of a kind of change, and its style.
pub(super) fn mark(styles: &Styles, kind: KindV1) -> (&'static str, &Style) {
    match kind {
        KindV1::AddPolicy | KindV1::Attach => ("+", &styles.add),
        KindV1::ReplacePolicy => ("±", &styles.change),
        KindV1::Move => (">", &styles.change),
        KindV1::RemovePolicy | KindV1::Detach => ("-", &styles.remove),
    }
}

/// The name of the policy that somebody holds.
pub(super) fn held(raw: Option<&RawValue>) -> String {
    let name: Option<String> = raw.and_then(|raw| serde_json::from_str(raw.get()).ok());
    name.map_or_else(|| "nothing".to_owned(), |name| shown(&name))
}

/// Writes a change with what must be known of it, and what becomes of documents.
pub(super) fn change(
    out: &mut dyn Write,
    styles: &Styles,
    plan: &PlanV1,
    change: &ChangeV1,
    width: usize,
) -> io::Result<()> {
    let (mark, style) = mark(styles, change.kind);
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
    let (before, after) = (held(change.before.as_deref()), held(change.after.as_deref()));
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
