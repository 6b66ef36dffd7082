//! Inline statements, one to one with the JSON: reads and writes them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use toml_edit::{Array, ArrayOfTables, InlineTable, Table, Value, value};

use super::fill::escaped;
use super::raw::{RawEffect, RawStatement};
use super::spanned::{At, Entries, Report, Values};
use super::{Authored, codes};
use crate::policy::{Clause, Document, Effect, Part, Place, Selector, Statement, same_document};

/// The version of documents that are written inline.
const VERSION: &str = "2012-10-17";

/// The document of inline statements, broken if one of them lacks a part. `has_errors` suppresses findings about missing parts:
/// the schema check has already reported an error here, and there is no document.
pub(super) fn inline_document(
    raw: &[At<RawStatement>],
    of: Of,
    has_errors: bool,
    report: &mut Report,
) -> Option<Authored> {
    let file = report.file;
    let mut reader = Reader { of, is_complete: true, has_errors, places: BTreeMap::new(), report };
    let statements = raw.iter().enumerate().map(|(index, statement)| reader.statement(index, statement)).collect();
    let Reader { is_complete, places, .. } = reader;
    let document = Document { version: Some(VERSION.to_owned()), statements, ..Document::default() };
    let authored = Authored::new(document, Some((file, places.into())));
    match (is_complete, has_errors) {
        (true, _) => Some(authored),
        (false, false) => Some(authored.broken()),
        (false, true) => None,
    }
}

/// Conditions: operator, key, values.
pub(super) type RawConditions = BTreeMap<At<String>, BTreeMap<At<String>, Values>>;

/// The clauses of conditions, in their order.
pub(super) fn clauses(raw: &RawConditions) -> Vec<Clause> {
    let all = raw.iter().flat_map(|(operator, keys)| keys.iter().map(move |(key, values)| (operator, key, values)));
    let clause = |(operator, key, Values(values)): (&At<String>, &At<String>, &Values)| Clause {
        operator: operator.get().clone(),
        key: key.get().clone(),
        values: values.0.iter().map(|(text, _)| text.clone()).collect(),
    };
    all.map(clause).collect()
}

/// What a document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// A policy, which users and groups have.
    Policy,
    /// The policy of a bucket.
    Bucket,
}

impl Of {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Bucket => "bucket",
        }
    }

    /// The section of its entry.
    pub(super) fn section(self) -> &'static str {
        match self {
            Self::Policy => "policies",
            Self::Bucket => "buckets",
        }
    }
}

struct Reader<'a> {
    of: Of,
    is_complete: bool,
    has_errors: bool,
    places: BTreeMap<Place, Range<usize>>,
    report: &'a mut Report,
}

type Named<'a> = (&'static str, Option<&'a Entries>);

impl Reader<'_> {
    fn statement(&mut self, index: usize, raw: &At<RawStatement>) -> Statement {
        let place = |part| Place::Statement(index, part);
        self.places.insert(place(Part::Whole), raw.span());
        let statement = raw.get();
        if let Some(sid) = &statement.sid {
            self.places.insert(place(Part::Sid), sid.span());
        }
        let effect = match &statement.effect {
            Some(effect) => {
                self.places.insert(place(Part::Effect), effect.span());
                match effect.get() {
                    RawEffect::Allow => Effect::Allow,
                    RawEffect::Deny => Effect::Deny,
                }
            }
            None => {
                self.incomplete(raw.span(), "has no `effect`", "add `effect = \"Allow\"` or `effect = \"Deny\"`");
                Effect::Deny
            }
        };
        let actions = self.selector(
            raw.span(),
            [("action", statement.action.as_ref()), ("not_action", statement.not_action.as_ref())],
            &|at| place(Part::Action(at)),
        );
        let resources = self.selector(
            raw.span(),
            [("resource", statement.resource.as_ref()), ("not_resource", statement.not_resource.as_ref())],
            &|at| place(Part::Resource(at)),
        );
        let conditions = self.conditions(&statement.condition, &place);
        let principal = statement.principal.as_ref().map(|names| ("Principal".to_owned(), self.principal(names)));
        Statement {
            sid: statement.sid.as_ref().map(|sid| sid.get().clone()),
            effect,
            actions,
            resources,
            conditions,
            extra: principal.into_iter().collect(),
            principals: None,
        }
    }

    /// The names as in JSON. Only bucket policies have them.
    fn principal(&mut self, names: &Entries) -> String {
        if self.of == Of::Policy {
            let span = names.0.first().map(|(_, span)| span.clone()).unwrap_or_default();
            let help = "whom a policy is about is decided by attaching it; only `[buckets]` has `principal`";
            self.incomplete(span, "has a `principal`", help);
        }
        let names: Vec<&str> = names.0.iter().map(|(text, _)| text.as_str()).collect();
        serde_json::json!({ "AWS": names }).to_string()
    }

    fn selector(
        &mut self,
        whole: Range<usize>,
        [these, others]: [Named<'_>; 2],
        place: &dyn Fn(usize) -> Place,
    ) -> Selector {
        let none = Selector { negated: false, patterns: Vec::new() };
        let (negated, entries) = match (these.1, others.1) {
            (Some(entries), None) => (false, entries),
            (None, Some(entries)) => (true, entries),
            (Some(_), Some(_)) => {
                self.incomplete(whole, &format!("has both `{}` and `{}`", these.0, others.0), "keep one of them");
                return none;
            }
            (None, None) => {
                self.incomplete(whole, &format!("has no `{}`", these.0), &format!("add `{} = […]`", these.0));
                return none;
            }
        };
        if entries.0.is_empty() {
            let name = if negated { others.0 } else { these.0 };
            self.incomplete(
                whole,
                &format!("has an empty `{name}`"),
                "add at least one entry, or remove the statement",
            );
            return none;
        }
        for (at, (_, span)) in entries.0.iter().enumerate() {
            self.places.insert(place(at), span.clone());
        }
        Selector { negated, patterns: entries.0.iter().map(|(text, _)| text.clone()).collect() }
    }

    fn conditions(&mut self, raw: &RawConditions, place: &dyn Fn(Part) -> Place) -> Vec<Clause> {
        let mut clause = 0;
        for (operator, keys) in raw {
            for (key, Values(values)) in keys {
                self.places.insert(place(Part::Operator(clause)), operator.span());
                self.places.insert(place(Part::Key(clause)), key.span());
                self.places.insert(place(Part::Clause(clause)), key.span());
                for (at, (_, span)) in values.0.iter().enumerate() {
                    self.places.insert(place(Part::Value(clause, at)), span.clone());
                }
                clause += 1;
            }
        }
        clauses(raw)
    }

    fn incomplete(&mut self, span: Range<usize>, what: &str, help: &str) {
        self.is_complete = false;
        if !self.has_errors {
            self.report.error(codes::BAD_STATEMENT, span, format!("the statement {what}"), help);
        }
    }
}

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
