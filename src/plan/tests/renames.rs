//! Renames: what a plan of one says and does, what stops it, and random ones beside other changes.

use proptest::prelude::*;

use super::properties::check;
use super::shown::worlds;
use super::{
    Declared, POLICIES, PRINCIPALS, Scene, World, document, normal, open, planned, policy, refused, run, scenes,
};
use crate::base::{PolicyName, Severity};
use crate::desired::{Authored, DeclaredAttachment, PolicyEntry, PolicyIntent, RenamedFrom};
use crate::plan::renames::temporary;
use crate::plan::{ChangeKind, Note, Plan, ReplaceMethod};

impl Declared {
    fn renamed(mut self, name: &str, old: &str, number: u8) -> Self {
        let renamed_from = Some(RenamedFrom { policy: policy(old), in_base: false, at: None });
        let intent = PolicyIntent::Present(Authored::new(document(number), None));
        self.0.policies.insert(policy(name), PolicyEntry { renamed_from, ..PolicyEntry::new(intent) });
        self
    }
}

/// The temporary policy of a rename.
fn mark(name: &str, old: &str, number: u8) -> PolicyName {
    temporary(&policy(name), Some(&policy(old)), &normal(number), 0)
}

fn declared() -> Declared {
    Declared::default().renamed("new", "old", 1).has("ua", "new").has("group/gd", "new")
}

/// A cluster before the rename: `ub` and `group/ge` are unmanaged.
fn world(number: u8) -> World {
    let world = World::new().with("old", number).attached("ua", "old").attached("ub", "old");
    world.attached("group/gd", "old").attached("group/ge", "old")
}

/// The method of a rename, who has the policy and whether it is undeclared, and its notes.
type Renamed = (ReplaceMethod, Vec<(String, bool)>, Vec<Note>);

fn rename(plan: &Plan) -> Option<Renamed> {
    plan.changes.iter().find_map(|change| {
        let ChangeKind::RenamePolicy { method, attached, .. } = &change.kind else { return None };
        let attached = attached.iter().map(|of| (of.principal.label(), of.undeclared)).collect();
        Some((method.clone(), attached, change.notes.clone()))
    })
}

fn codes(plan: &Plan) -> Vec<(&'static str, Severity)> {
    plan.findings.iter().map(|finding| (finding.code.id, finding.severity)).collect()
}

#[test]
fn a_name_that_is_made_again_is_neither_moved_nor_removed() {
    // An interrupted rename has removed the old name, and someone made it again.
    let mut interrupted = world(2).with("new", 1).attached("ua", "new").attached("group/gd", "new");
    interrupted.policies.insert(mark("new", "old", 1), normal(1));
    let plan = planned(&declared(), &interrupted);
    assert_eq!(codes(&plan), [("renamed-and-there", Severity::Warning)]);
    let mut end = interrupted.clone();
    run(&plan, &mut end, &[0], usize::MAX, |_| Ok(())).unwrap();
    assert!(end.policies.contains_key(&policy("old")) && !end.policies.contains_key(&mark("new", "old", 1)));
}

#[test]
fn an_interrupted_replacement_is_no_rename() {
    let world =
        world(2).with_temporary("new", 1).attached("ua", temporary(&policy("new"), None, &normal(1), 0).as_str());
    let plan = planned(&declared(), &world);
    assert_eq!(codes(&plan), [("renamed-and-there", Severity::Error)]);
}

#[test]
fn an_interrupted_rename_goes_on_with_another_document() {
    let mut world = world(1).attached("ub", mark("new", "old", 2).as_str());
    world.policies.insert(mark("new", "old", 2), normal(2));
    let plan = planned(&declared(), &world);
    let (method, attached, notes) = rename(&plan).unwrap();
    assert_eq!(method, ReplaceMethod::Swap(mark("new", "old", 1)));
    assert!(attached.len() == 4 && notes.contains(&Note::Resumed));
    let mut end = world.clone();
    run(&plan, &mut end, &[0], usize::MAX, |_| Ok(())).unwrap();
    assert!(end.attached.values().all(|attached| *attached == Some(policy("new"))), "{:?}", end.attached);
    assert_eq!(end.policies.len(), PolicyName::PREDEFINED.len() + 1);
}

#[test]
fn guards_count_a_rename_with_another_document() {
    let mut declared = declared().owning(&["o*"], &[]);
    declared.0.guards.max_removals = vec!["0".parse().unwrap()];
    assert_eq!(refused(&planned(&declared, &world(2))), ["guard-removals"]);
}

/// The new names of renamed policies.
const NEW: [&str; 4] = ["qa", "qb", "qc", "qd"];

/// Random scenes in which some undeclared policies are renamed, and the declared users and groups that had them have the new ones.
/// Some renames were interrupted, some new names exist already.
fn renaming() -> impl Strategy<Value = Scene> {
    let extra = prop::collection::vec((0..8_u8, 0..3_u8, any::<prop::sample::Index>()), POLICIES.len());
    (scenes(false), extra, 0..4_usize).prop_map(|(mut scene, extra, room)| {
        for ((old, new), (choice, number, index)) in POLICIES.iter().zip(NEW).zip(extra) {
            if choice == 7 {
                continue;
            }
            let is_present = |declared: &Declared| {
                let entry = declared.0.policies.get(&policy(old));
                entry.is_some_and(|entry| matches!(entry.intent, PolicyIntent::Present(_)))
            };
            if is_present(&scene.declared) && choice < 3 {
                continue;
            }
            scene.declared.0.policies.remove(&policy(old));
            scene.declared = scene.declared.renamed(new, old, number);
            let desired = &mut scene.declared.0;
            for entry in desired.users.values_mut().chain(desired.groups.values_mut()) {
                if entry.intent == DeclaredAttachment::Has(policy(old)) {
                    entry.intent = DeclaredAttachment::Has(policy(new));
                }
            }
            let left = match choice {
                0 => Some(mark(new, old, number)),
                1 => Some(mark(new, old, 1)),
                2 => Some(policy(new)),
                _ => None,
            };
            if let Some(left) = left {
                scene.world.policies.insert(left.clone(), normal(number));
                let who = PRINCIPALS[index.index(PRINCIPALS.len())];
                scene.world = scene.world.attached(who, left.as_str());
            }
        }
        scene.world = scene.world.room(if room == 3 { 100 } else { room });
        scene
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: worlds(200), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_rename_ends_in_the_desired_state(scene in renaming()) {
        check(&scene).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn most_random_renames_are_not_blocked() {
    let open = open(renaming(), check, 150);
    assert!(open > 25, "only {open} of 150 random scenes have a plan: the properties would hold of nothing");
}
