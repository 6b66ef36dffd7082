//! A document as minified JSON, with its members in one order.

use super::super::document::{Clause, Document, Effect, Selector, Statement};
use super::super::json::{array, object, quoted};

/// `Version`, `Id`, `Statement`, then what is not of the grammar.
pub(super) fn document(document: &Document) -> String {
    let mut members = Vec::new();
    members.extend(document.version.iter().map(|version| ("Version", quoted(version))));
    members.extend(document.id.iter().map(|id| ("Id", quoted(id))));
    members.push(("Statement", array(document.statements.iter().map(statement))));
    members.extend(document.extra.iter().map(|(name, json)| (name.as_str(), json.clone())));
    object(members)
}

/// `Sid`, `Effect`, actions, resources, `Condition`, then what is not of the grammar.
pub(super) fn statement(statement: &Statement) -> String {
    let mut members = Vec::new();
    members.extend(statement.sid.iter().map(|sid| ("Sid", quoted(sid))));
    members.push(("Effect", quoted(effect(statement.effect))));
    members.push(selector("Action", "NotAction", &statement.actions));
    members.push(selector("Resource", "NotResource", &statement.resources));
    if !statement.conditions.is_empty() {
        members.push(("Condition", conditions(&statement.conditions)));
    }
    members.extend(statement.extra.iter().map(|(name, json)| (name.as_str(), json.clone())));
    object(members)
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    }
}

/// Always a list, also of one.
fn selector(plain: &'static str, negated: &'static str, selector: &Selector) -> (&'static str, String) {
    let name = if selector.negated { negated } else { plain };
    (name, list(&selector.patterns))
}

/// Clauses of one operator are next to each other in normal form, and one member here.
fn conditions(clauses: &[Clause]) -> String {
    let operators = clauses.chunk_by(|a, b| a.operator == b.operator).map(|group| {
        let keys = group.iter().map(|clause| (clause.key.as_str(), list(&clause.values)));
        (group[0].operator.as_str(), object(keys))
    });
    object(operators)
}

fn list(texts: &[String]) -> String {
    array(texts.iter().map(|text| quoted(text)))
}
