//! A change in words; names are written as the place needs it, as code spans or inside HTML.

use super::access::holder;
use super::escape::Name;
use crate::render::json::{ChangeV1, HolderV1, KindV1, NoteV1, PlanV1, WayV1};
use crate::render::words::{count, list};

/// How many holders that keep their access are named before the rest is only counted.
const NAMED: usize = 8;

/// What a change is about: a policy, user or group.
pub(super) fn object(change: &ChangeV1, name: Name) -> String {
    match (&change.policy, &change.user, &change.group) {
        (Some(policy), _, _) => format!("policy {}", name(policy)),
        (None, Some(user), _) => format!("user {}", name(user)),
        (None, None, Some(group)) => format!("group {}", name(group)),
        (None, None, None) => name(&change.id),
    }
}

/// What happens to it; `names` is whether holders that keep their access are named.
pub(super) fn what(plan: &PlanV1, change: &ChangeV1, name: Name, names: bool) -> String {
    let mut parts = Vec::new();
    match change.kind {
        KindV1::AddPolicy => parts.extend(size(plan, change)),
        KindV1::ReplacePolicy => {
            if !change.heals.is_empty() {
                parts.push(format!("finishes an interrupted replacement, after which {}", gone(change, name)));
            }
            parts.push(replacing(change, name, names));
            if change.way != Some(WayV1::Finish) {
                parts.extend(size(plan, change));
            }
        }
        KindV1::RemovePolicy => {
            parts.push("nobody holds it then".to_owned());
            if !change.heals.is_empty() {
                parts.push(format!("{} as well", gone(change, name)));
            }
        }
        KindV1::Attach | KindV1::Move | KindV1::Detach => {
            let held = |value: Option<&serde_json::value::RawValue>| match value {
                Some(value) => name(&serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.to_string())),
                None => "nothing".to_owned(),
            };
            parts.push(format!("{} → {}", held(change.before.as_deref()), held(change.after.as_deref())));
        }
    }
    parts.extend(change.notes.iter().filter_map(|note| noted(*note)).map(str::to_owned));
    parts.join("; ")
}

fn size(plan: &PlanV1, change: &ChangeV1) -> Option<String> {
    let after = change.after.as_ref()?;
    Some(format!("{} of {} bytes", after.get().len(), plan.limits.document_bytes))
}

/// What an interrupted run left behind.
fn gone(change: &ChangeV1, name: Name) -> String {
    let names: Vec<String> = change.heals.iter().map(|policy| name(policy)).collect();
    format!("{} {} gone", list(&names), if names.len() == 1 { "is" } else { "are" })
}

fn replacing(change: &ChangeV1, name: Name, names: bool) -> String {
    let holders = &change.holders;
    let who = || {
        let number = count(holders.len(), "holder", "holders");
        if names { format!("{number}: {}", named(holders, NAMED, name)) } else { number }
    };
    match change.way {
        Some(WayV1::Swap) if holders.is_empty() => "swap, nobody loses access on the way".to_owned(),
        Some(WayV1::Swap) => format!("swap, access is kept throughout by {}", who()),
        Some(WayV1::Gap) => format!("gap, without access for a moment: {}", named(holders, holders.len(), name)),
        Some(WayV1::Finish) if holders.is_empty() => "brought back, nobody holds it".to_owned(),
        Some(WayV1::Finish) => format!("brought back, access is kept throughout by {}", who()),
        Some(WayV1::Plain) | None => "replaced, nobody holds it".to_owned(),
    }
}

fn named(holders: &[HolderV1], most: usize, name: Name) -> String {
    let one = |of: &HolderV1| {
        let who = holder(of.user.as_deref(), of.group.as_deref(), name);
        if of.declared { who } else { format!("{who} (in no file)") }
    };
    let mut words: Vec<String> = holders.iter().take(most).map(one).collect();
    if holders.len() > most {
        words.push(format!("{} more", holders.len() - most));
    }
    list(&words)
}

/// What a note says.
fn noted(note: NoteV1) -> Option<&'static str> {
    match note {
        NoteV1::Heals => None,
        NoteV1::KeysStay => Some("the key pair stays valid for a later attach"),
        NoteV1::KeysRetired => Some("before that, a new key pair is made and thrown away: the old one is worthless"),
        NoteV1::KeysMayAppear => Some(KEYS_MAY_APPEAR),
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

/// What an attach may bring.
pub(super) const KEYS_MAY_APPEAR: &str = "a key pair is made if there is none, an old one works again";
