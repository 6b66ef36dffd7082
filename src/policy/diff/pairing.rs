//! Which statement of the newer document continues which of the older.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::super::document::Statement;
use super::entries::{Entry, statement_entries};

/// How much of two statements must be the same for one to continue the other, in thousandths: half. One action on one
/// resource, with the action or the resource replaced, is just that much alike.
const ALIKE: usize = 500;

/// A statement with its number in its document, from 1.
#[derive(Debug)]
pub(super) struct Numbered {
    pub(super) number: usize,
    pub(super) statement: Statement,
}

/// Each newer statement with the older one it continues, and the older ones that nothing continues.
#[derive(Debug)]
pub(super) struct Pairing {
    pub(super) pairs: Vec<(Option<Numbered>, Numbered)>,
    pub(super) removed: Vec<Numbered>,
}

/// Pairs what is the same; then by equal `Sid`, by equal content, and by likeness, most alike first.
pub(super) fn pair(before: Vec<Numbered>, after: Vec<Numbered>) -> Pairing {
    let mut matching = Matching::new(&before, &after);
    matching.where_equal(|statement| Some(statement.clone()));
    matching.where_equal(|statement| statement.sid.clone());
    matching.where_equal(|statement| Some((statement.effect, about(statement))));
    matching.where_equal(|statement| Some(about(statement)));
    matching.where_alike();
    let older_of = matching.older_of;

    let mut before: Vec<Option<Numbered>> = before.into_iter().map(Some).collect();
    let pairs = after.into_iter().zip(older_of).map(|(after, older)| {
        let before = older.and_then(|older| before[older].take());
        (before, after)
    });
    let pairs = pairs.collect();
    Pairing { pairs, removed: before.into_iter().flatten().collect() }
}

struct Matching<'a> {
    before: &'a [Numbered],
    after: &'a [Numbered],
    /// For each newer statement, the index of the older one it continues.
    older_of: Vec<Option<usize>>,
}

impl<'a> Matching<'a> {
    fn new(before: &'a [Numbered], after: &'a [Numbered]) -> Self {
        Self { before, after, older_of: vec![None; after.len()] }
    }

    fn open_before(&self) -> Vec<usize> {
        (0..self.before.len()).filter(|older| !self.older_of.contains(&Some(*older))).collect()
    }

    fn open_after(&self) -> Vec<usize> {
        (0..self.after.len()).filter(|newer| self.older_of[*newer].is_none()).collect()
    }

    /// Pairs what has the same key, in order; what has none is left open.
    fn where_equal<K: PartialEq>(&mut self, key: impl Fn(&Statement) -> Option<K>) {
        let mut open: Vec<(usize, K)> = self
            .open_before()
            .into_iter()
            .filter_map(|older| key(&self.before[older].statement).map(|key| (older, key)))
            .collect();
        for newer in self.open_after() {
            let wanted = key(&self.after[newer].statement);
            let found = open.iter().position(|(_, key)| Some(key) == wanted.as_ref());
            self.older_of[newer] = found.map(|found| open.remove(found).0);
        }
    }

    fn where_alike(&mut self) {
        let older: Vec<_> = self.open_before().into_iter().map(|at| (at, about(&self.before[at].statement))).collect();
        let newer: Vec<_> = self.open_after().into_iter().map(|at| (at, about(&self.after[at].statement))).collect();
        let mut candidates: Vec<(Reverse<usize>, usize, usize)> = Vec::new();
        for (newer, after) in &newer {
            let scored = older.iter().map(|(older, before)| (Reverse(likeness(before, after)), *newer, *older));
            candidates.extend(scored.filter(|(Reverse(likeness), _, _)| *likeness >= ALIKE));
        }
        candidates.sort();
        for (_, newer, older) in candidates {
            if self.older_of[newer].is_none() && !self.older_of.contains(&Some(older)) {
                self.older_of[newer] = Some(older);
            }
        }
    }
}

/// What a statement is about: its actions, resources and conditions.
fn about(statement: &Statement) -> BTreeSet<Entry> {
    statement_entries(statement).into_iter().filter(Entry::is_about).collect()
}

/// The share of entries that are in both, in thousandths.
fn likeness(before: &BTreeSet<Entry>, after: &BTreeSet<Entry>) -> usize {
    let common = before.intersection(after).count();
    (2000 * common).checked_div(before.len() + after.len()).unwrap_or(0)
}
