//! Puts together what the files declare, and says what only shows when all of them are read.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::alike::alike;
use super::declared::Declared;
use super::{DeclaredAttachment, Desired, PolicyIntent, codes};
use crate::base::{Finding, Location, PolicyName, Principal, both};

/// Adds what the files declare. Of an entry that is declared twice, the first stands, in the order of the files.
pub(super) fn merge(files: Vec<Declared>, desired: &mut Desired, findings: &mut Vec<Finding>) {
    let room = |of: fn(&Declared) -> usize| files.iter().map(of).sum();
    let mut policies = Vec::with_capacity(room(|file| file.policies.len()));
    let mut users = Vec::with_capacity(room(|file| file.users.len()));
    let mut groups = Vec::with_capacity(room(|file| file.groups.len()));
    let mut holds = Vec::with_capacity(room(|file| file.holds.len()));
    for file in files {
        policies.extend(file.policies);
        users.extend(file.users);
        groups.extend(file.groups);
        holds.extend(file.holds);
        findings.extend(file.findings);
    }
    let (policies, users) = both(
        users.len(),
        || unique("policy", policies, |entry| entry.at.clone()),
        || unique("user", users, |entry| entry.at.clone()),
    );
    let groups = unique("group", groups, |entry| entry.at.clone());
    (desired.policies, desired.users, desired.groups) = (policies.0, users.0, groups.0);
    findings.extend([policies.1, users.1, groups.1].into_iter().flatten());
    holds_absent(desired, holds, findings);
    findings.extend(alike(desired));
}

/// The entries by name, and what is there twice.
fn unique<N: Ord + std::fmt::Display, E>(
    kind: &str,
    entries: Vec<(N, E)>,
    at: impl Fn(&E) -> Option<Location>,
) -> (BTreeMap<N, E>, Vec<Finding>) {
    let mut findings = Vec::new();
    if entries.is_sorted_by(|(a, _), (b, _)| a < b) {
        return (entries.into_iter().collect(), findings);
    }
    let mut unique = BTreeMap::new();
    for (name, entry) in entries {
        match unique.entry(name) {
            Entry::Vacant(place) => _ = place.insert(entry),
            Entry::Occupied(first) => findings.push(twice(kind, first.key(), at(&entry), at(first.get()))),
        }
    }
    (unique, findings)
}

fn twice(kind: &str, name: &impl std::fmt::Display, at: Option<Location>, first: Option<Location>) -> Finding {
    let finding = Finding::error(codes::DECLARED_TWICE, format!("{kind} `{name}` is declared twice"))
        .at(at)
        .help("keep one of the two declarations");
    match first {
        Some(first) => finding.label(first, "first declared here"),
        None => finding,
    }
}

/// Nobody can hold what is to be absent. `holds` are the places where that is said.
fn holds_absent(desired: &Desired, holds: Vec<(Principal, Location)>, findings: &mut Vec<Finding>) {
    let absent = desired.policies.iter().filter(|(_, entry)| matches!(entry.intent, PolicyIntent::Absent));
    let absent: BTreeMap<&PolicyName, Option<&Location>> =
        absent.map(|(policy, entry)| (policy, entry.at.as_ref())).collect();
    if absent.is_empty() {
        return;
    }
    let holds: BTreeMap<Principal, Location> = holds.into_iter().collect();
    for (principal, entry) in desired.holders() {
        let DeclaredAttachment::Has(policy) = &entry.intent else { continue };
        let Some(declared) = absent.get(policy) else { continue };
        let message = format!("{principal} is to hold `{policy}`, which is declared `absent`");
        let finding = Finding::error(codes::HOLDS_ABSENT, message)
            .at(holds.get(&principal).or(entry.at.as_ref()).cloned())
            .help(format!("give the {} another policy, or `detached = true`, or keep the policy", principal.kind()));
        findings.push(match declared {
            Some(at) => finding.label((*at).clone(), "declared absent here"),
            None => finding,
        });
    }
}
