//! How a difference is put: the document's own pattern, what is taken out of it, and the conditions, as texts.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::atoms::{Atom, Atoms, Condition, Literal, split};
use super::pairs::Facts;
use super::pattern::Pattern;
use super::tally::Cover;
use super::terms::Term;

/// What a line is made of.
#[derive(Debug, Clone)]
pub(super) struct Wording<'a> {
    /// What is known of the terms.
    pub(super) facts: Facts<'a>,
    /// The Allow term that gives access.
    pub(super) anchor: &'a Term,
    /// The Deny term of the other document that stood against it.
    pub(super) deny: Option<&'a Term>,
    /// What must not apply.
    pub(super) none: &'a [&'a Term],
}

impl Wording<'_> {
    /// The texts.
    pub(super) fn cover(&self) -> Cover {
        let limits = || [Some(self.anchor), self.deny].into_iter().flatten();
        let given: Vec<_> = limits().flat_map(|term| &term.when).copied().collect();
        let narrowest = self.deny.filter(|deny| self.is_within(deny)).unwrap_or(self.anchor);
        let taken_out = limits().flat_map(|term| &term.minus).map(|minus| Rc::clone(&minus.pattern.shown));
        let meets = |term: &&Term| {
            term.overlaps(&narrowest.pattern, self.facts.pairs) && !self.facts.atoms.conflict(&term.when, &given)
        };
        let none: Vec<&Term> = self.none.iter().copied().filter(meets).collect();
        let widest = none.iter().enumerate().filter(|(place, _)| !self.is_in_a_wider_one(*place, &none, &given));
        let exceptions = widest.map(|(_, term)| self.exception(term, &narrowest.pattern, &given));
        let covered = limits().map(|term| &*term.pattern.shown).collect::<Vec<_>>();
        Cover {
            pattern: Rc::clone(&narrowest.pattern.shown),
            except: taken_out.chain(exceptions).collect(),
            conditions: self.conditions(&given, &covered),
            deny: self.deny.map(base),
        }
    }

    fn is_within(&self, deny: &Term) -> bool {
        let anchor = &self.anchor.pattern;
        deny.minus.is_empty()
            && !anchor.opaque
            && self.facts.pairs.covers(anchor, &deny.pattern)
            && !self.facts.pairs.covers(&deny.pattern, anchor)
    }

    /// What a term takes out of a pattern that it meets, given that some conditions hold.
    fn exception(&self, term: &Term, pattern: &Pattern, given: &[Literal]) -> Rc<str> {
        let open = term.when.iter().filter(|when| !self.facts.atoms.follows(**when, given));
        let conditions = self.conditions(&open.copied().collect::<Vec<_>>(), &[&term.pattern.shown]);
        if conditions.is_empty() {
            return base(term);
        }
        let whole = term.minus.is_empty() && self.facts.pairs.covers(&term.pattern, pattern) && !term.pattern.opaque;
        let when = conditions.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" and ");
        if whole { format!("when {when}").into() } else { format!("{} when {when}", base(term)).into() }
    }

    /// Whether what one of `none` takes out, given that some conditions hold, is also in what a wider one does.
    fn is_in_a_wider_one(&self, place: usize, none: &[&Term], given: &[Literal]) -> bool {
        let includes = |wide: &Term, narrow: &Term| {
            let follows = |when: &Literal| {
                self.facts.atoms.follows(*when, &narrow.when) || self.facts.atoms.follows(*when, given)
            };
            wide.minus.is_empty()
                && self.facts.pairs.covers(&wide.pattern, &narrow.pattern)
                && wide.when.iter().all(follows)
        };
        let term = none[place];
        none.iter()
            .enumerate()
            .any(|(other, wide)| other != place && includes(wide, term) && (other < place || !includes(term, wide)))
    }

    /// Conditions as texts, without those that only say that one of the patterns shown covers the resource.
    fn conditions(&self, literals: &[Literal], shown: &[&str]) -> BTreeSet<Rc<str>> {
        let obvious = |literal: &&Literal| match self.facts.atoms.get(literal.atom) {
            Atom::Covers(pattern) => literal.holds && shown.contains(&pattern.as_str()),
            Atom::Condition(_) | Atom::Applies(_) => false,
        };
        literals.iter().filter(|literal| !obvious(literal)).map(|literal| text(*literal, self.facts.atoms)).collect()
    }
}

/// What a term covers.
fn base(term: &Term) -> Rc<str> {
    if term.minus.is_empty() {
        return Rc::clone(&term.pattern.shown);
    }
    let minus: Vec<_> = term.minus.iter().map(|minus| &*minus.pattern.shown).collect();
    format!("everything but {}", minus.join(", ")).into()
}

/// A condition, or that it does not hold, as a person would say it.
pub(super) fn text(literal: Literal, atoms: &Atoms) -> Rc<str> {
    atoms.text(literal, words)
}

fn words(atom: &Atom, holds: bool) -> String {
    match (atom, holds) {
        (Atom::Condition(condition), holds) => condition_text(condition, holds),
        (Atom::Covers(pattern), true) => format!("covered by {pattern}"),
        (Atom::Covers(pattern), false) => format!("not covered by {pattern}"),
        (Atom::Applies(member), true) => format!("its unknown member {member} lets it apply"),
        (Atom::Applies(member), false) => format!("its unknown member {member} keeps it from applying"),
    }
}

fn condition_text(condition: &Condition, holds: bool) -> String {
    let (quantifier, test, optional) = split(&condition.operator);
    let subject = match quantifier {
        "" => condition.key.clone(),
        "ForAnyValue:" => format!("some {}", condition.key),
        "ForAllValues:" => format!("every {}", condition.key),
        _ => format!("{quantifier}{}", condition.key),
    };
    let (yes, no) = relation(test, &condition.values.join(" or "));
    match (holds, optional || !quantifier.is_empty()) {
        (true, _) => format!("{subject} {yes}{}", if optional { ", if present" } else { "" }),
        (false, false) => format!("{subject} {no}"),
        (false, true) => format!("not ({subject} {yes}{})", if optional { ", if present" } else { "" }),
    }
}

/// What a test says of a key, and how its opposite is said.
fn relation(test: &str, values: &str) -> (String, String) {
    let word = match test {
        "StringEquals" | "NumericEquals" | "DateEquals" | "ArnEquals" | "BinaryEquals" | "Bool" => {
            return (format!("is {values}"), format!("is not {values}"));
        }
        "Null" if values == "true" => return ("is absent".to_owned(), "is present".to_owned()),
        "Null" if values == "false" => return ("is present".to_owned(), "is absent".to_owned()),
        "StringLike" | "ArnLike" => "like",
        "StringEqualsIgnoreCase" => "is, in any case,",
        "IpAddress" => "in",
        "NumericLessThan" | "DateLessThan" => "<",
        "NumericLessThanEquals" | "DateLessThanEquals" => "<=",
        "NumericGreaterThan" | "DateGreaterThan" => ">",
        "NumericGreaterThanEquals" | "DateGreaterThanEquals" => ">=",
        _ => test,
    };
    (format!("{word} {values}"), format!("not {word} {values}"))
}
