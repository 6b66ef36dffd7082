//! A document as statements in the desired-state file.

use toml_edit::{Array, ArrayOfTables, InlineTable, Table, Value, value};

use crate::policy::{Clause, Document, Effect, Selector, Statement, same_document};

/// The version that statements in the file stand for.
const VERSION: &str = "2012-10-17";

/// The statements, or none where the file has no words for a part of the document.
pub(super) fn statements(document: &Document) -> Option<ArrayOfTables> {
    let implied = Document { version: Some(VERSION.to_owned()), id: None, ..document.clone() };
    let sayable = same_document(&implied, document)
        && document.extra.is_empty()
        && !document.statements.is_empty()
        && document.statements.iter().all(sayable_statement);
    sayable.then(|| document.statements.iter().map(statement).collect())
}

fn sayable_statement(statement: &Statement) -> bool {
    let named = |selector: &Selector| !selector.patterns.is_empty();
    statement.extra.is_empty()
        && named(&statement.actions)
        && named(&statement.resources)
        && distinct(&statement.conditions)
}

/// An operator and a key are one place in the file.
fn distinct(conditions: &[Clause]) -> bool {
    let same = |a: &Clause, b: &Clause| a.operator == b.operator && a.key == b.key;
    conditions.iter().enumerate().all(|(at, clause)| !conditions[..at].iter().any(|other| same(clause, other)))
}

fn statement(statement: &Statement) -> Table {
    let mut table = Table::new();
    if let Some(sid) = &statement.sid {
        table.insert("sid", value(sid));
    }
    table.insert(
        "effect",
        value(match statement.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        }),
    );
    table.insert(name("action", "not_action", &statement.actions), value(texts(&statement.actions.patterns)));
    table.insert(name("resource", "not_resource", &statement.resources), value(texts(&statement.resources.patterns)));
    if !statement.conditions.is_empty() {
        table.insert("condition", value(conditions(&statement.conditions)));
    }
    table
}

fn name(plain: &'static str, negated: &'static str, selector: &Selector) -> &'static str {
    if selector.negated { negated } else { plain }
}

fn conditions(clauses: &[Clause]) -> InlineTable {
    let mut table = InlineTable::new();
    for clause in clauses {
        let keys = table.get_or_insert(clause.operator.as_str(), InlineTable::new());
        if let Value::InlineTable(keys) = keys {
            keys.insert(clause.key.as_str(), texts(&clause.values).into());
        }
    }
    table
}

/// A list of texts.
pub(super) fn texts<T: AsRef<str>>(texts: &[T]) -> Array {
    texts.iter().map(AsRef::as_ref).collect()
}
