//! Statements as they apply to the resources of one kind.

use super::Conditions;
use super::class::ClassTerms;
use super::conditions::Atoms;
use super::requests::{AskedOn, KEYS_OF_LIST};
use super::resources::ResourceSpace;
use super::terms::{CompiledStatement, Numbers, Term};
use crate::policy::Effect;

/// What is known about the conditions of a request.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) atoms: &'a Atoms,
    pub(super) conditions: Conditions,
}

impl Known<'_> {
    /// The terms that apply, without the conditions whose answer is known.
    fn of(self, terms: Vec<Term>, numbers: &mut Numbers) -> Vec<Term> {
        match self.conditions {
            Conditions::Any => terms,
            Conditions::NotGiven => terms.iter().filter_map(|term| term.without_keys(self.atoms, numbers)).collect(),
        }
    }
}

/// A statement as it applies in a space.
pub(super) struct View<'a> {
    statement: &'a CompiledStatement,
    /// Its terms reduced to the space.
    terms: Vec<Term>,
    /// Its terms that apply to no bucket, as terms that apply everywhere in the space.
    of_account: Vec<Term>,
    /// Its terms as the list of buckets asks for them.
    listed: Vec<Term>,
}

impl<'a> View<'a> {
    /// A statement in a space. `account` is the space of no bucket, if it counts, as it does for the list of buckets.
    pub(super) fn new(
        statement: &'a CompiledStatement,
        space: ResourceSpace,
        account: Option<ResourceSpace>,
        known: Known<'_>,
        numbers: &mut Numbers,
    ) -> Self {
        let reduced = statement.terms.iter().filter_map(|term| {
            let within = term.within(space, numbers);
            // Both resources of no bucket are one line, so a term about either shapes its words.
            let reduced = within.reduced(space, numbers);
            let mut is_of_star =
                || space == ResourceSpace::Bare && term.reduced(ResourceSpace::Star, numbers).is_some();
            reduced.or_else(|| is_of_star().then_some(within))
        });
        let terms: Vec<Term> = reduced.collect();
        let for_list = terms.iter().filter(|_| account.is_some());
        let listed = for_list.filter_map(|term| term.with_keys(&KEYS_OF_LIST, known.atoms, numbers)).collect();
        let lifted = statement.terms.iter().filter_map(|term| term.everywhere_if(account?, numbers)).collect();
        let [terms, of_account, listed] = [terms, lifted, listed].map(|terms| known.of(terms, numbers));
        Self { statement, terms, of_account, listed }
    }
}

/// The terms of a document that select an action.
pub(super) fn class_terms<'a>(document: &'a [View<'_>], action: usize, on: AskedOn) -> ClassTerms<'a> {
    let mut class_terms = ClassTerms::default();
    for view in document.iter().filter(|view| view.statement.selects[action]) {
        let terms = match view.statement.effect {
            Effect::Allow => &mut class_terms.allow,
            Effect::Deny => &mut class_terms.deny,
        };
        terms.extend(match on {
            AskedOn::Resource => &view.terms,
            AskedOn::Account => &view.of_account,
            AskedOn::Listed => &view.listed,
        });
    }
    class_terms
}
