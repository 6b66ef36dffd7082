//! The normal form: what of a document counts, and nothing else, in one rendering.
//!
//! Two documents are the same when their normal forms are. Only differences of writing are folded (order, repetition,
//! a scalar for a list of one, notations of one value); documents that grant the same access in different words stay
//! different.

mod patterns;
mod render;
mod values;

use std::cmp::Ordering;
use std::sync::Arc;

use super::document::{Clause, Document, Selector, Statement};
pub(super) use patterns::fold_wildcards;
pub(super) use values::{fold_value, instant, integer, network, truth};

/// The only version with policy variables, and the only one that servers of MinIO's lineage take.
const VERSION: &str = "2012-10-17";

/// A document in normal form, with its rendering. Compares by the rendering. A clone shares both.
#[derive(Debug, Clone)]
pub struct Normal {
    document: Arc<Document>,
    json: Arc<str>,
}

/// How two documents compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// They are the same document.
    Same,
    /// They differ in nothing but `Id` and `Sid`, which no decision depends on.
    IdsOnly,
    /// They differ.
    Different,
}

/// The normal form of a document.
#[must_use]
pub fn normal(document: &Document) -> Normal {
    let mut statements: Vec<(String, Statement)> = document
        .statements
        .iter()
        .map(|statement| {
            let statement = normal_statement(statement);
            (render::statement(&statement), statement)
        })
        .collect();
    statements.sort_by(|(a, _), (b, _)| a.cmp(b));
    statements.dedup_by(|(a, _), (b, _)| a == b);
    let (written, statements): (Vec<String>, Vec<Statement>) = statements.into_iter().unzip();
    let document = Document {
        version: version(document, &written),
        id: present(document.id.as_ref()),
        statements,
        extra: document.extra.clone(),
    };
    let json = render::document_of(&document, &written).into();
    Normal { document: Arc::new(document), json }
}

/// A document as minified JSON, in the order of its parts: not folded as its normal form is.
pub(super) fn rendered(document: &Document) -> String {
    render::document(document)
}

/// Whether two documents are the same but for their writing.
#[must_use]
pub fn same_document(before: &Document, after: &Document) -> bool {
    normal(before) == normal(after)
}

/// How two documents compare. That one statement is there twice under different ids is more than a difference of ids.
#[must_use]
pub fn sameness(before: &Document, after: &Document) -> Sameness {
    let (before, after) = (normal(before), normal(after));
    if before == after {
        Sameness::Same
    } else if before.without_ids() == after.without_ids() {
        Sameness::IdsOnly
    } else {
        Sameness::Different
    }
}

impl Normal {
    /// The one rendering: minified JSON. These bytes are sent, compared, and measured against a cluster's limit.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The same, shared.
    #[must_use]
    pub fn shared_json(&self) -> Arc<str> {
        Arc::clone(&self.json)
    }

    /// The length of the rendering, in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a rendering is never empty")]
    pub fn len(&self) -> usize {
        self.json.len()
    }

    /// The document, in normal form.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The rendering without ids, which may hold a statement more than once.
    fn without_ids(&self) -> String {
        let mut document = Document { id: None, ..Document::clone(&self.document) };
        for statement in &mut document.statements {
            statement.sid = None;
        }
        document.statements.sort_by_cached_key(render::statement);
        render::document(&document)
    }
}

impl PartialEq for Normal {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Eq for Normal {}

impl PartialOrd for Normal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Normal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.json.cmp(&other.json)
    }
}

/// No version means the usual one, unless a variable is used, `${` anywhere in a statement: without a version, AWS reads
/// it literally.
fn version(document: &Document, statements: &[String]) -> Option<String> {
    match &document.version {
        None if !statements.iter().any(|statement| statement.contains("${")) => Some(VERSION.to_owned()),
        version => version.clone(),
    }
}

/// An empty text is like none.
fn present(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

/// The normal form of one statement.
pub(super) fn normal_statement(statement: &Statement) -> Statement {
    let mut conditions: Vec<Clause> = statement.conditions.iter().map(normal_clause).collect();
    conditions.sort_by(|a, b| (&a.operator, &a.key, &a.values).cmp(&(&b.operator, &b.key, &b.values)));
    conditions.dedup();
    Statement {
        sid: present(statement.sid.as_ref()),
        effect: statement.effect,
        actions: normal_selector(&statement.actions),
        resources: normal_selector(&statement.resources),
        conditions,
        extra: statement.extra.iter().map(|(name, json)| (name.clone(), values::fold_extra(name, json))).collect(),
    }
}

fn normal_selector(selector: &Selector) -> Selector {
    let patterns = selector.patterns.iter().map(|pattern| fold_wildcards(pattern).into_owned());
    Selector { negated: selector.negated, patterns: set(patterns) }
}

fn normal_clause(clause: &Clause) -> Clause {
    let values = clause.values.iter().map(|value| fold_value(&clause.operator, value));
    Clause { operator: clause.operator.clone(), key: clause.key.clone(), values: set(values) }
}

fn set(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts.dedup();
    texts
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
