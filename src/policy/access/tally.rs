//! What was found in one profile, by how it is put.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::atoms::Atoms;
use super::search::Answer;
use super::universe::Universe;
use super::verbs::Verb;
use super::wording::text;

/// How a difference is put, without the actions it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cover {
    /// The pattern.
    pub(super) pattern: Rc<str>,
    /// What is taken out of it.
    pub(super) except: BTreeSet<Rc<str>>,
    /// The conditions.
    pub(super) conditions: BTreeSet<Rc<str>>,
    /// What the Deny is about that only the other document has, where that makes the difference; else it is an Allow.
    pub(super) deny: Option<Rc<str>>,
}

/// An example of a difference, without its action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Example {
    /// The resource, as it is written in a policy.
    pub(super) resource: String,
    /// What else must hold or must not.
    pub(super) conditions: Vec<Rc<str>>,
}

/// What was found in one profile.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally<'a> {
    /// For each way to put it, the actions it is about, each with an example.
    pub(super) found: BTreeMap<Cover, BTreeMap<&'a str, Rc<Example>>>,
    /// For each pattern, the actions for which it was not decided.
    pub(super) undecided: BTreeMap<Rc<str>, BTreeSet<&'a str>>,
}

impl<'a> Tally<'a> {
    /// Enters what a search found for a class of actions. What is found of actions that are not known is not decided.
    pub(super) fn enter(&mut self, actions: &[&'a Verb], cover: Cover, answer: Answer, place: (Universe, &Atoms)) {
        let names = |known: bool| actions.iter().filter(move |verb| verb.known == known).map(|verb| verb.name.as_str());
        match answer {
            Answer::Nothing => {}
            Answer::Undecided => self.leave_open(&cover.pattern, names(true).chain(names(false))),
            Answer::Found(point) => {
                self.leave_open(&cover.pattern, names(false));
                if names(true).next().is_none() {
                    return;
                }
                let (universe, atoms) = place;
                let resource = universe.written(&point.resource);
                let conditions = point.answers.iter().map(|answer| text(*answer, atoms)).collect();
                let example = Rc::new(Example { resource, conditions });
                let examples = self.found.entry(cover).or_default();
                for action in names(true) {
                    examples.entry(action).or_insert_with(|| Rc::clone(&example));
                }
            }
        }
    }

    fn leave_open(&mut self, pattern: &Rc<str>, actions: impl Iterator<Item = &'a str>) {
        let mut actions = actions.peekable();
        if actions.peek().is_some() {
            self.undecided.entry(Rc::clone(pattern)).or_default().extend(actions);
        }
    }

    /// Says that nothing is certain, on whatever resource, of actions that are not known.
    pub(super) fn leave_all_open(&mut self) {
        self.undecided.entry("*".into()).or_default().insert("*:*");
    }
}
