//! Statements that do nothing, as far as the access engine is certain of it.

use super::{Context, includes, same_access};
use crate::policy::{Document, Effect};

/// Statements without which the document gives the same access, by index; all of them may go at once. Of two that make
/// up for one another, the later is named.
#[must_use]
pub fn redundant_statements(document: &Document, context: &Context<'_>) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..document.statements.len()).collect();
    let mut redundant = Vec::new();
    for index in (0..document.statements.len()).rev() {
        let without: Vec<_> = kept.iter().copied().filter(|other| *other != index).collect();
        if same_access(document, &part(document, &without), context) {
            kept = without;
            redundant.insert(0, index);
        }
    }
    redundant
}

/// Deny statements that deny nothing which the document allows, by index.
#[must_use]
pub fn dead_denies(document: &Document, context: &Context<'_>) -> Vec<usize> {
    let allows = of_effect(document, Effect::Allow);
    let allowed = part(document, &allows);
    let is_dead = |deny: &usize| {
        let denied: Vec<_> = allows.iter().copied().chain([*deny]).collect();
        includes(&part(document, &denied), &allowed, context)
    };
    of_effect(document, Effect::Deny).into_iter().filter(is_dead).collect()
}

/// Allow statements all of which the document denies, or which allow nothing, by index.
#[must_use]
pub fn never_grants(document: &Document, context: &Context<'_>) -> Vec<usize> {
    let denies = of_effect(document, Effect::Deny);
    let is_vain = |allow: &usize| {
        let alone: Vec<_> = denies.iter().copied().chain([*allow]).collect();
        grants_nothing(&part(document, &alone), context)
    };
    of_effect(document, Effect::Allow).into_iter().filter(is_vain).collect()
}

/// Whether a document allows nothing at all.
#[must_use]
pub fn grants_nothing(document: &Document, context: &Context<'_>) -> bool {
    includes(&part(document, &[]), document, context)
}

fn of_effect(document: &Document, effect: Effect) -> Vec<usize> {
    let statements = document.statements.iter().enumerate();
    statements.filter(|(_, statement)| statement.effect == effect).map(|(index, _)| index).collect()
}

/// The document with only some of its statements.
fn part(document: &Document, statements: &[usize]) -> Document {
    let statements = statements.iter().filter_map(|&index| document.statements.get(index).cloned()).collect();
    Document { statements, ..document.clone() }
}
