//! What a difference is about, in the words of the documents.

use std::collections::BTreeSet;
use std::rc::Rc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::Literal;
use super::glob::{Glob, Token};
use super::patterns::{Dialect, Pattern, Requester};
use super::resources::ResourceSpace;
use super::rules::Rules;
use super::search::maximal;
use super::terms::{Exclusion, Facts, Term};
use super::wording::text;
use crate::policy::json::quoted;

/// Requests that a line does not cover, although its pattern does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ExceptionV1", deny_unknown_fields)]
pub struct Exception {
    /// The resources, as a pattern or as `everything but` patterns; missing for all resources of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<String>,
    /// The conditions, all of which must hold, without those of the line.
    pub conditions: Vec<String>,
    /// Why they are excluded.
    pub reason: Reason,
}

/// Why an exception is no part of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The other document allows them too: they were had before, or are still had after.
    Had,
    /// A `Deny` denies them.
    Denied,
    /// The `NotResource` of the statement leaves them out.
    LeftOut,
}

/// The description of a difference without its actions.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Description {
    pub(super) pattern: Rc<str>,
    pub(super) except: BTreeSet<Exception>,
    pub(super) conditions: BTreeSet<Rc<str>>,
    /// The resources of the Deny that causes the difference. `None` if an Allow causes it.
    pub(super) deny: Option<Rc<str>>,
    /// Further resources: those of the difference are also among each of these.
    pub(super) within: BTreeSet<Rc<str>>,
}

impl Description {
    /// Whether a reader of this line, by the first rules, knows everything that the other line says by the second rules,
    /// for an action in a resource space. It can be wrongly false.
    pub(super) fn covers(&self, other: &Self, space: ResourceSpace, [rules, other_rules]: [Rules; 2]) -> bool {
        let same = (self.deny.is_none() || self.deny == other.deny)
            && self.within.is_subset(&other.within)
            && self.conditions.is_subset(&other.conditions)
            && self.except.is_subset(&other.except);
        if !same || self.pattern == other.pattern {
            return same;
        }
        let read =
            |text: &str, rules| Pattern::read(text, Dialect { rules, variables: true, requester: Requester::UNKNOWN });
        let (wide, narrow) = (read(&self.pattern, rules), read(&other.pattern, other_rules));
        let is_wider = || match space {
            ResourceSpace::BucketSlash => {
                let narrow = ResourceSpace::Bucket.reduce(&narrow.globs);
                let with_slash = |glob: &Glob| Glob::new(glob.tokens().iter().copied().chain([Token::One('/')]));
                narrow.iter().all(|glob| wide.globs.iter().any(|wide| wide.subsumes(&with_slash(glob))))
            }
            ResourceSpace::Bare
            | ResourceSpace::Star
            | ResourceSpace::Root
            | ResourceSpace::Bucket
            | ResourceSpace::Object
            | ResourceSpace::TrimmedObject => wide.covers(&narrow),
        };
        !wide.opaque && !narrow.opaque && is_wider()
    }
}

/// The parts of a difference that its description needs.
#[derive(Debug, Clone)]
pub(super) struct Describer<'a> {
    pub(super) facts: Facts<'a>,
    /// The Allow term that gives the access.
    pub(super) candidate: &'a Term,
    /// The Deny term of the other document, if it causes the difference.
    pub(super) deny: Option<&'a Term>,
    /// Further terms that apply.
    pub(super) also: &'a [&'a Term],
    /// The terms that must not apply.
    pub(super) none: &'a [(&'a Term, Reason)],
}

impl Describer<'_> {
    pub(super) fn description(&self) -> Description {
        let limits = || [Some(self.candidate), self.deny].into_iter().flatten().chain(self.also.iter().copied());
        let given: Vec<_> = limits().flat_map(|term| &term.when).copied().collect();
        let narrowest = self.deny.filter(|deny| self.is_within(deny)).unwrap_or(self.candidate);
        let left_out = |exclusion: &Exclusion| Exception {
            resources: Some(exclusion.pattern.shown.to_string()),
            conditions: Vec::new(),
            reason: Reason::LeftOut,
        };
        let excluded = limits().flat_map(|term| &term.exclusions).map(left_out);
        let meets = |(term, _): &(&Term, Reason)| {
            term.overlaps(&narrowest.pattern, self.facts.pairs) && !self.facts.atoms.conflict(&term.when, &given)
        };
        let none: Vec<_> = self.none.iter().copied().filter(meets).collect();
        let widest = maximal(none, |(wide, _), (narrow, _)| self.excludes(wide, narrow, &given)).into_iter();
        let exceptions = widest.map(|(term, reason)| self.exception(term, reason, &narrowest.pattern, &given));
        let covered = limits().map(|term| &*term.pattern.shown).collect::<Vec<_>>();
        let is_wider =
            |term: &&&Term| !term.pattern.opaque && self.facts.pairs.covers(&term.pattern, &narrowest.pattern);
        let within = self.also.iter().filter(|term| !is_wider(term) && term.exclusions.is_empty());
        Description {
            pattern: Rc::clone(&narrowest.pattern.shown),
            except: excluded.chain(exceptions).collect(),
            conditions: self.conditions(&given, &covered),
            deny: self.deny.map(resources_text),
            within: within
                .map(|term| Rc::clone(&term.pattern.shown))
                .filter(|text| **text != *narrowest.pattern.shown)
                .collect(),
        }
    }

    fn is_within(&self, deny: &Term) -> bool {
        let candidate = &self.candidate.pattern;
        deny.exclusions.is_empty()
            && !candidate.opaque
            && self.facts.pairs.covers(candidate, &deny.pattern)
            && !self.facts.pairs.covers(&deny.pattern, candidate)
    }

    /// What a term excludes from a pattern, if the literals of `given` hold.
    fn exception(&self, term: &Term, reason: Reason, pattern: &Pattern, given: &[Literal]) -> Exception {
        let open = term.when.iter().filter(|when| !self.facts.atoms.follows(**when, given));
        let conditions = self.conditions(&open.copied().collect::<Vec<_>>(), &[&term.pattern.shown]);
        let whole =
            term.exclusions.is_empty() && self.facts.pairs.covers(&term.pattern, pattern) && !term.pattern.opaque;
        let resources = (!whole || conditions.is_empty()).then(|| resources_text(term).to_string());
        Exception { resources, conditions: conditions.iter().map(ToString::to_string).collect(), reason }
    }

    /// Whether a term excludes everything that a narrower one excludes, if the literals of `given` hold.
    fn excludes(&self, wide: &Term, narrow: &Term, given: &[Literal]) -> bool {
        let atoms = self.facts.atoms;
        let follows = |when: &Literal| atoms.follows(*when, &narrow.when) || atoms.follows(*when, given);
        wide.exclusions.is_empty()
            && self.facts.pairs.covers(&wide.pattern, &narrow.pattern)
            && wide.when.iter().all(follows)
    }

    /// Conditions as texts, without those that only say that a shown pattern covers the resource.
    fn conditions(&self, literals: &[Literal], shown: &[&str]) -> BTreeSet<Rc<str>> {
        let obvious = |literal: &&Literal| {
            literal.holds
                && self.facts.atoms.get(literal.atom).pattern().is_some_and(|pattern| shown.contains(&pattern))
        };
        literals.iter().filter(|literal| !obvious(literal)).map(|literal| text(*literal, self.facts.atoms)).collect()
    }
}

fn resources_text(term: &Term) -> Rc<str> {
    if term.exclusions.is_empty() {
        return Rc::clone(&term.pattern.shown);
    }
    let exclusions: Vec<_> = term.exclusions.iter().map(|exclusion| quoted_if_odd(&exclusion.pattern.shown)).collect();
    format!("everything but {}", exclusions.join(", ")).into()
}

/// A pattern in a list, in quotes if it could be mistaken for the text around it.
fn quoted_if_odd(pattern: &str) -> String {
    let is_odd = pattern.contains(|c: char| c.is_whitespace() || c == ',' || c == '"');
    if is_odd { quoted(pattern) } else { pattern.to_owned() }
}
