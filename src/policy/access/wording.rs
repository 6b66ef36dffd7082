//! How a difference is put: the document's own pattern, what is taken out of it, and the conditions, as texts.

use std::collections::BTreeSet;

use super::atoms::{Atom, Atoms, Condition, Literal, split};
use super::lines::Cause;
use super::pattern::Pattern;
use super::tally::Cover;
use super::terms::Term;

/// What a line is made of.
#[derive(Debug, Clone)]
pub(super) struct Wording<'a> {
    /// What the conditions' indices mean.
    pub(super) atoms: &'a Atoms,
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
        let taken_out = limits().flat_map(|term| &term.minus).map(|minus| minus.pattern.shown.to_string());
        let exceptions = self.none.iter().filter_map(|term| self.exception(term, &narrowest.pattern, &given));
        let covered = limits().map(|term| &*term.pattern.shown).collect::<Vec<_>>();
        Cover {
            pattern: narrowest.pattern.shown.to_string(),
            except: taken_out.chain(exceptions).collect(),
            conditions: self.conditions(&given, &covered),
            cause: self.deny.map_or(Cause::Allow, |deny| Cause::Deny { pattern: base(deny) }),
        }
    }

    fn is_within(&self, deny: &Term) -> bool {
        let anchor = &self.anchor.pattern;
        deny.minus.is_empty() && !anchor.opaque && anchor.covers(&deny.pattern) && !deny.pattern.covers(anchor)
    }

    /// What a term takes out of a pattern, given that some conditions hold; `None` when that is nothing, or is also in
    /// what a wider one takes out.
    fn exception(&self, term: &Term, pattern: &Pattern, given: &[Literal]) -> Option<String> {
        if !self.meets(term, pattern, given) || self.is_in_a_wider_one(term, pattern, given) {
            return None;
        }
        let open: Vec<_> = term.when.iter().filter(|when| !self.atoms.follows(**when, given)).copied().collect();
        let conditions = self.conditions(&open, &[&term.pattern.shown]);
        let whole = term.covers(pattern) && !term.pattern.opaque && !conditions.is_empty();
        let when = conditions.iter().map(String::as_str).collect::<Vec<_>>().join(" and ");
        Some(match (whole, when.is_empty()) {
            (true, _) => format!("when {when}"),
            (false, true) => base(term),
            (false, false) => format!("{} when {when}", base(term)),
        })
    }

    fn meets(&self, term: &Term, pattern: &Pattern, given: &[Literal]) -> bool {
        term.overlaps(pattern) && !self.atoms.conflict(&term.when, given)
    }

    fn is_in_a_wider_one(&self, term: &Term, pattern: &Pattern, given: &[Literal]) -> bool {
        let includes = |wide: &Term, narrow: &Term| {
            let known = [narrow.when.as_slice(), given].concat();
            wide.minus.is_empty() && wide.pattern.covers(&narrow.pattern) && self.atoms.all_follow(&wide.when, &known)
        };
        let place = self.none.iter().position(|other| std::ptr::eq(*other, term));
        self.none.iter().enumerate().any(|(other, wide)| {
            Some(other) != place
                && self.meets(wide, pattern, given)
                && includes(wide, term)
                && (Some(other) < place || !includes(term, wide))
        })
    }

    /// Conditions as texts, without those that only say that one of the patterns shown covers the resource.
    fn conditions(&self, literals: &[Literal], shown: &[&str]) -> BTreeSet<String> {
        let obvious = |literal: &&Literal| match self.atoms.get(literal.atom) {
            Atom::Covers(pattern) => literal.holds && shown.contains(&pattern.as_str()),
            Atom::Condition(_) | Atom::Applies(_) => false,
        };
        literals.iter().filter(|literal| !obvious(literal)).map(|literal| text(*literal, self.atoms)).collect()
    }
}

/// What a term covers.
fn base(term: &Term) -> String {
    if term.minus.is_empty() {
        return term.pattern.shown.to_string();
    }
    let minus: Vec<_> = term.minus.iter().map(|minus| &*minus.pattern.shown).collect();
    format!("everything but {}", minus.join(", "))
}

/// A condition, or that it does not hold, as a person would say it.
pub(super) fn text(literal: Literal, atoms: &Atoms) -> String {
    match (atoms.get(literal.atom), literal.holds) {
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
