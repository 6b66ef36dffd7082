//! Where to look for a difference: terms of the one document, one by one, so that what both share costs nothing.

use std::borrow::{Borrow, Cow};

use super::pairs::{Facts, Pairs};
use super::pattern::Pattern;
use super::terms::Term;

/// A term that is looked at by itself, perhaps narrowed to a part of the one the document has.
pub(super) type Anchor<'a> = Cow<'a, Term>;

/// The terms that no other includes: what applies to a narrower term is found with the wider.
pub(super) fn widest<T: Borrow<Term>>(terms: Vec<T>, facts: Facts<'_>) -> Vec<T> {
    let beaten = |index: usize, term: &Term| {
        terms.iter().map(Borrow::borrow).enumerate().any(|(other, wider): (_, &Term)| {
            other != index && wider.includes(term, facts) && (other < index || !term.includes(wider, facts))
        })
    };
    let keep: Vec<_> = terms.iter().enumerate().map(|(index, term)| !beaten(index, term.borrow())).collect();
    terms.into_iter().zip(keep).filter_map(|(term, keep)| keep.then_some(term)).collect()
}

/// Narrows anchors by what else must not apply: outside of `NotResource: [n…]` is inside some `n`, so that an anchor is
/// the same as its parts within those, which are patterns a person wrote.
pub(super) fn narrow<'a>(anchors: Vec<Anchor<'a>>, none: &[&Term], facts: Facts<'_>) -> Vec<Anchor<'a>> {
    none.iter()
        .filter(|term| !term.minus.is_empty())
        .fold(anchors, |anchors, term| anchors.into_iter().flat_map(|anchor| parts(anchor, term, facts)).collect())
}

fn parts<'a>(anchor: Anchor<'a>, none: &Term, facts: Facts<'_>) -> Vec<Anchor<'a>> {
    if !facts.atoms.all_follow(&none.when, &anchor.when) || none.minus.iter().any(|minus| minus.atom.is_some()) {
        return vec![anchor];
    }
    let pairs = facts.pairs;
    let within = none.minus.iter().map(|minus| &minus.pattern).filter(|within| pairs.meet(within, &anchor.pattern));
    let parts: Option<Vec<_>> = within.map(|within| common(&anchor.pattern, within, pairs)).collect();
    match parts {
        None => vec![anchor],
        Some(parts) => {
            let part = |pattern: &Pattern| Cow::Owned(Term { pattern: pattern.clone(), ..anchor.clone().into_owned() });
            parts.into_iter().map(part).collect()
        }
    }
}

/// The narrower of two patterns, when what they have in common is just that.
fn common<'a>(anchor: &'a Pattern, within: &'a Pattern, pairs: &Pairs) -> Option<&'a Pattern> {
    if pairs.covers(within, anchor) {
        return Some(anchor);
    }
    (!anchor.opaque && pairs.covers(anchor, within)).then_some(within)
}
