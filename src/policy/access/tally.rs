//! What was found in one profile, by how it is put.

use std::collections::{BTreeMap, BTreeSet};

use super::atoms::Atoms;
use super::lines::{Cause, Witness};
use super::search::{Answer, Point};
use super::wording::text;

/// How a difference is put, without the actions it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cover {
    /// The pattern.
    pub(super) pattern: String,
    /// What is taken out of it.
    pub(super) except: BTreeSet<String>,
    /// The conditions.
    pub(super) conditions: BTreeSet<String>,
    /// What makes the difference.
    pub(super) cause: Cause,
}

/// What was found in one profile.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// For each way to put it, the actions it is about, each with an example.
    pub(super) found: BTreeMap<Cover, BTreeMap<String, Witness>>,
    /// For each pattern, the actions for which it was not decided.
    pub(super) undecided: BTreeMap<String, BTreeSet<String>>,
}

impl Tally {
    /// Enters what a search found for a class of actions.
    pub(super) fn enter(&mut self, actions: &[&str], cover: Cover, answer: Answer, atoms: &Atoms) {
        match answer {
            Answer::Nothing => {}
            Answer::Undecided => {
                self.undecided
                    .entry(cover.pattern)
                    .or_default()
                    .extend(actions.iter().map(|&action| action.to_owned()));
            }
            Answer::Found(point) => {
                let witnesses = self.found.entry(cover).or_default();
                for &action in actions {
                    witnesses.entry(action.to_owned()).or_insert_with(|| witness(action, &point, atoms));
                }
            }
        }
    }
}

fn witness(action: &str, point: &Point, atoms: &Atoms) -> Witness {
    let conditions = point.answers.iter().map(|answer| text(*answer, atoms)).collect();
    Witness { action: action.to_owned(), resource: point.resource.clone(), conditions }
}
