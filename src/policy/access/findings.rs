//! What searches have found: descriptions with the actions or requests that they are about.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::conditions::Atoms;
use super::describe::Description;
use super::formulas::Subject;
use super::patterns::Dialect;
use super::resources::ResourceSpace;
use super::rules::Rules;
use super::search::SearchResult;
use super::wording::of_example;

/// What was found by groups of rules that evaluate alike.
pub(super) type GroupFindings<'a> = Vec<(Vec<Rules>, Findings<'a>)>;

/// An example of a difference without its action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Example {
    /// The resource as a policy names it.
    pub(super) resource: String,
    pub(super) conditions: Vec<Rc<str>>,
    pub(super) space: ResourceSpace,
}

/// The actions of a difference with their examples.
pub(super) type Examples<'a> = BTreeMap<&'a str, Rc<Example>>;

/// The names of the actions or requests of a class.
#[derive(Debug, Clone, Default)]
pub(super) struct Names<'a> {
    pub(super) known: Vec<&'a str>,
    /// The names of sets of unknown actions. A difference about these is undecided.
    pub(super) unknown: Vec<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn of(class: &[&Subject<'a>]) -> Self {
        let names = |is_known| class.iter().filter(|one| one.is_known == is_known).map(|one| one.name).collect();
        Self { known: names(true), unknown: names(false) }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Findings<'a> {
    /// For each description, its actions with examples.
    pub(super) found: BTreeMap<Description, Examples<'a>>,
    /// For each pattern, the undecided actions.
    pub(super) undecided: BTreeMap<Rc<str>, BTreeSet<&'a str>>,
}

impl<'a> Findings<'a> {
    /// Adds the result of a search for a class of actions or requests.
    pub(super) fn enter(
        &mut self,
        names: &Names<'a>,
        description: Description,
        answer: SearchResult,
        space: ResourceSpace,
        (atoms, dialect): (&Atoms, Dialect<'_>),
    ) {
        match answer {
            SearchResult::Nothing => {}
            SearchResult::Undecided => {
                self.add_undecided(&description.pattern, names.known.iter().chain(&names.unknown).copied());
            }
            SearchResult::Found(point) => {
                self.add_undecided(&description.pattern, names.unknown.iter().copied());
                if names.known.is_empty() {
                    return;
                }
                let resource = space.written(&point.resource);
                let conditions = of_example(&point, atoms, dialect);
                let example = Rc::new(Example { resource, conditions, space });
                let examples = self.found.entry(description).or_default();
                for &action in &names.known {
                    examples.entry(action).or_insert_with(|| Rc::clone(&example));
                }
            }
        }
    }

    fn add_undecided(&mut self, pattern: &Rc<str>, actions: impl Iterator<Item = &'a str>) {
        let mut actions = actions.peekable();
        if actions.peek().is_some() {
            self.undecided.entry(Rc::clone(pattern)).or_default().extend(actions);
        }
    }

    /// Records that all unknown actions are undecided for all resources.
    pub(super) fn add_all_unknown(&mut self) {
        self.undecided.entry("*".into()).or_default().insert("*:*");
    }
}
