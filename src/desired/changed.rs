//! What a changed template changes: its entries that differ from those of the base.

use std::collections::BTreeMap;

use super::{DeclaredAttachment, Desired, PolicyIntent, codes};
use crate::base::{FileId, Finding, Location, Sources, list_some};

/// How many entries a note names.
const NAMED: usize = 10;

/// A note for each template whose entries differ from those of the base, in the order of the files.
pub fn template_changes(base: &Desired, proposal: &Desired, sources: &Sources) -> Vec<Finding> {
    let mut changed: BTreeMap<(FileId, usize, usize), Vec<String>> = BTreeMap::new();
    let mut add = |at: &Option<Location>, object: String| {
        if let Some(at) = at.as_ref().filter(|at| at.file.is_use()) {
            changed.entry((at.file.whole(), at.span.start, at.span.end)).or_default().push(object);
        }
    };
    for (name, entry) in &proposal.policies {
        let before = base.policies.get(name).map(|entry| &entry.intent);
        if !before.is_some_and(|before| is_same_policy(before, &entry.intent)) {
            add(&entry.at, format!("policy `{name}`"));
        }
    }
    for (principal, entry) in proposal.principals() {
        let before: Option<&DeclaredAttachment> = base.entry(&principal).map(|entry| &entry.intent);
        let is_same_term = base.schedules.get(&principal) == proposal.schedules.get(&principal);
        if before != Some(&entry.intent) || !is_same_term {
            add(&entry.at, principal.to_string());
        }
    }
    let note = |((file, start, end), objects): ((FileId, usize, usize), Vec<String>)| {
        let name = sources.file(file).text.get(start..end).unwrap_or_default();
        let message = format!("the template {name} or its rows changed: {}", list_some(&objects, NAMED, String::clone));
        Finding::note(codes::TEMPLATE_CHANGED, message).at(Location { file, span: start..end })
    };
    changed.into_iter().map(note).collect()
}

fn is_same_policy(before: &PolicyIntent, after: &PolicyIntent) -> bool {
    match (before, after) {
        (PolicyIntent::Absent, PolicyIntent::Absent) => true,
        (PolicyIntent::Present(before), PolicyIntent::Present(after)) => before.normal() == after.normal(),
        (PolicyIntent::Absent, PolicyIntent::Present(_)) | (PolicyIntent::Present(_), PolicyIntent::Absent) => false,
    }
}
