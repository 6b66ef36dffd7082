//! Where to look for a difference: terms of the one document, one by one, so that what both share costs nothing.

use std::borrow::Cow;

use super::atoms::Atoms;
use super::pattern::Pattern;
use super::terms::Term;

/// A term that is looked at by itself, perhaps narrowed to a part of the one the document has.
pub(super) type Anchor<'a> = Cow<'a, Term>;

/// The terms that no other includes: what applies to a narrower term is found with the wider.
pub(super) fn widest<'a>(terms: Vec<Anchor<'a>>, atoms: &Atoms) -> Vec<Anchor<'a>> {
    let beaten = |index: usize, term: &Term| {
        terms.iter().enumerate().any(|(other, wider)| {
            other != index && wider.includes(term, atoms) && (other < index || !term.includes(wider, atoms))
        })
    };
    let keep: Vec<_> = terms.iter().enumerate().map(|(index, term)| !beaten(index, term)).collect();
    terms.into_iter().zip(keep).filter_map(|(term, keep)| keep.then_some(term)).collect()
}

/// Narrows anchors by what else must not apply: outside of `NotResource: [n…]` is inside some `n`, so that an anchor is
/// the same as its parts within those, which are patterns a person wrote.
pub(super) fn narrow<'a>(anchors: Vec<Anchor<'a>>, none: &[&Term], atoms: &Atoms) -> Vec<Anchor<'a>> {
    none.iter()
        .filter(|term| !term.minus.is_empty())
        .fold(anchors, |anchors, term| anchors.into_iter().flat_map(|anchor| parts(anchor, term, atoms)).collect())
}

fn parts<'a>(anchor: Anchor<'a>, none: &Term, atoms: &Atoms) -> Vec<Anchor<'a>> {
    if !atoms.all_follow(&none.when, &anchor.when) || none.minus.iter().any(|minus| minus.atom.is_some()) {
        return vec![anchor];
    }
    let within = none.minus.iter().map(|minus| &minus.pattern).filter(|within| within.overlaps(&anchor.pattern));
    let parts: Option<Vec<_>> = within.map(|within| common(&anchor.pattern, within)).collect();
    match parts {
        None => vec![anchor],
        Some(parts) => {
            let part = |pattern: &Pattern| Cow::Owned(Term { pattern: pattern.clone(), ..anchor.clone().into_owned() });
            parts.into_iter().map(part).collect()
        }
    }
}

/// The narrower of two patterns, when what they have in common is just that.
fn common<'a>(anchor: &'a Pattern, within: &'a Pattern) -> Option<&'a Pattern> {
    if within.covers(anchor) { Some(anchor) } else { (!anchor.opaque && anchor.covers(within)).then_some(within) }
}
