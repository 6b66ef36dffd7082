//! Writes documents as inline statements.

use std::borrow::Cow;

use toml_edit::{Array, ArrayOfTables, InlineTable, Table, Value, value};

use super::fill::escaped;
use crate::policy::{Clause, Document, Selector, Statement, same_document};

const VERSION: &str = "2012-10-17";

/// The inline statements of a document, or `None` if they cannot express a part of it.
pub fn inline_statements(document: &Document) -> Option<ArrayOfTables> {
    statements(document, escaped)
}

/// The inline statements of a document with placeholders.
pub fn inline_template(document: &Document) -> Option<ArrayOfTables> {
    statements(document, |text| Cow::Borrowed(text))
}

/// How a text is written.
type Written = fn(&str) -> Cow<'_, str>;

fn statements(document: &Document, written: Written) -> Option<ArrayOfTables> {
    let with_version = Document { version: Some(VERSION.to_owned()), id: None, ..document.clone() };
    let is_expressible = same_document(&with_version, document)
        && document.extra.is_empty()
        && !document.statements.is_empty()
        && document.statements.iter().all(is_expressible);
    is_expressible.then(|| document.statements.iter().map(|statement| inline_statement(statement, written)).collect())
}

fn is_expressible(statement: &Statement) -> bool {
    statement.extra.is_empty()
        && !statement.actions.patterns.is_empty()
        && !statement.resources.patterns.is_empty()
        && has_distinct_keys(&statement.conditions)
}

/// A TOML table has each operator and key once.
fn has_distinct_keys(conditions: &[Clause]) -> bool {
    let same = |a: &Clause, b: &Clause| a.operator == b.operator && a.key == b.key;
    conditions.iter().enumerate().all(|(at, clause)| !conditions[..at].iter().any(|other| same(clause, other)))
}

fn inline_statement(statement: &Statement, written: Written) -> Table {
    let mut table = Table::new();
    if let Some(sid) = &statement.sid {
        table.insert("sid", value(written(sid).as_ref()));
    }
    table.insert("effect", value(statement.effect.as_str()));
    let mut insert = |key: &str, selector: &Selector| {
        let key = if selector.negated { format!("not_{key}") } else { key.to_owned() };
        table.insert(&key, value(array(&selector.patterns, written)));
    };
    insert("action", &statement.actions);
    insert("resource", &statement.resources);
    if !statement.conditions.is_empty() {
        let mut conditions = InlineTable::new();
        for clause in &statement.conditions {
            let keys = conditions.get_or_insert(written(&clause.operator), InlineTable::new());
            if let Value::InlineTable(keys) = keys {
                keys.insert(written(&clause.key), array(&clause.values, written).into());
            }
        }
        table.insert("condition", value(conditions));
    }
    table
}

/// A table without a header of its own: only its entries have headers.
pub fn implicit_table() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

fn array(texts: &[String], written: Written) -> Array {
    texts.iter().map(|text| written(text).into_owned()).collect()
}
