//! A change in words, with all that is noted of it.

use crate::render::json::{ChangeV1, KindV1, PlanV1, ReplaceMethodV1};
use crate::render::phrase::{Name, counted, given_at_once, held, named, noted, replacing, size};
use crate::render::words::{count, list};

/// How many holders that keep their access are named before the rest is only counted.
const NAMED: usize = 8;

/// What happens to it; `names` is whether holders that keep their access are named.
pub(super) fn what(plan: &PlanV1, change: &ChangeV1, name: Name, names: bool) -> String {
    let mut parts = Vec::new();
    match change.kind {
        KindV1::AddPolicy => {
            if !change.attached_to.is_empty() {
                parts.push(given_at_once(&change.attached_to, change.attached_to.len(), name));
            }
            parts.extend(size(plan, change));
        }
        KindV1::ReplacePolicy => {
            if !change.temporary_policies.is_empty() {
                parts.push(format!("finishes an interrupted replacement, after which {}", gone(change, name)));
            }
            let holders = &change.attached_to;
            let keeping = || match names {
                true => counted(holders, NAMED, name),
                false => count(holders.len(), "holder", "holders"),
            };
            let without = || named(holders, holders.len(), name);
            parts.push(replacing(change.method.unwrap_or(ReplaceMethodV1::Plain), holders, keeping, without));
            if change.method != Some(ReplaceMethodV1::Finish) {
                parts.extend(size(plan, change));
            }
        }
        KindV1::RemovePolicy => {
            parts.push("nobody holds it then".to_owned());
            if !change.temporary_policies.is_empty() {
                parts.push(format!("{} as well", gone(change, name)));
            }
        }
        KindV1::Attach | KindV1::Move | KindV1::Detach => {
            parts.push(format!("{} → {}", held(change.before.as_deref(), name), held(change.after.as_deref(), name)));
        }
    }
    parts.extend(change.notes.iter().filter_map(|note| noted(*note)).map(str::to_owned));
    parts.join("; ")
}

/// What an interrupted run left behind.
fn gone(change: &ChangeV1, name: Name) -> String {
    let names: Vec<String> = change.temporary_policies.iter().map(|policy| name(policy)).collect();
    format!("{} {} gone", list(&names), if names.len() == 1 { "is" } else { "are" })
}
