//! A document as minified JSON, with its members in one order.

use super::super::document::{Clause, Document, Effect, Selector, Statement};
use super::super::json::quote;

/// `Version`, `Id`, `Statement`, then what is not of the grammar.
pub(super) fn document(document: &Document) -> String {
    let statements: Vec<String> = document.statements.iter().map(statement).collect();
    document_of(document, &statements)
}

/// The same, of statements that have been written already; those of the document do not count.
pub(super) fn document_of(document: &Document, statements: &[String]) -> String {
    let length: usize = statements.iter().map(|statement| statement.len() + 1).sum();
    let mut json = Object::with_room(length + 64);
    if let Some(version) = &document.version {
        quote(json.member("Version"), version);
    }
    if let Some(id) = &document.id {
        quote(json.member("Id"), id);
    }
    list(json.member("Statement"), statements, |out, statement| out.push_str(statement));
    json.extra(document.extra.iter());
    json.end()
}

/// `Sid`, `Effect`, actions, resources, `Condition`, then what is not of the grammar.
pub(super) fn statement(statement: &Statement) -> String {
    let mut json = Object::with_room(256);
    if let Some(sid) = &statement.sid {
        quote(json.member("Sid"), sid);
    }
    quote(json.member("Effect"), effect(statement.effect));
    selector(&mut json, "Action", "NotAction", &statement.actions);
    selector(&mut json, "Resource", "NotResource", &statement.resources);
    if !statement.conditions.is_empty() {
        json.member("Condition").push_str(&conditions(&statement.conditions));
    }
    json.extra(statement.extra.iter());
    json.end()
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    }
}

fn selector(json: &mut Object, plain: &'static str, negated: &'static str, selector: &Selector) {
    let name = if selector.negated { negated } else { plain };
    texts(json.member(name), &selector.patterns);
}

/// Clauses of one operator are next to each other in normal form, and one member here.
fn conditions(clauses: &[Clause]) -> String {
    let mut operators = Object::with_room(64);
    for group in clauses.chunk_by(|a, b| a.operator == b.operator) {
        let mut keys = Object::with_room(64);
        for clause in group {
            texts(keys.member(&clause.key), &clause.values);
        }
        operators.member(&group[0].operator).push_str(&keys.end());
    }
    operators.end()
}

/// Always a list, also of one.
fn texts(out: &mut String, texts: &[String]) {
    list(out, texts, quote);
}

fn list(out: &mut String, items: &[String], write: impl Fn(&mut String, &str)) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

/// An object under way.
struct Object(String);

impl Object {
    /// One without members, and room for so many bytes.
    fn with_room(bytes: usize) -> Self {
        let mut json = String::with_capacity(bytes);
        json.push('{');
        Self(json)
    }

    /// Begins a member; its value is to be appended to what is returned.
    fn member(&mut self, name: &str) -> &mut String {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        quote(&mut self.0, name);
        self.0.push(':');
        &mut self.0
    }

    /// Members that are JSON already.
    fn extra<'a>(&mut self, members: impl Iterator<Item = (&'a String, &'a String)>) {
        for (name, json) in members {
            self.member(name).push_str(json);
        }
    }

    fn end(self) -> String {
        self.0 + "}"
    }
}
