//! The policy document as data, in the order it was written: its parts, their places in a text, and its JSON.

use std::collections::BTreeMap;
use std::ops::Range;

use super::json::quote;

/// A policy document as a policy file, an inline table or a cluster has it: nothing is normalized yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// `Version`, when given.
    pub version: Option<String>,
    /// `Id` (or `ID`), when given.
    pub id: Option<String>,
    /// `Statement`, always as a list.
    pub statements: Vec<Statement>,
    /// Members outside the grammar, as minified JSON. Only a document from a cluster can have any.
    pub extra: BTreeMap<String, String>,
}

/// One statement of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// `Sid`, when given.
    pub sid: Option<String>,
    /// `Effect`.
    pub effect: Effect,
    /// `Action` or `NotAction`.
    pub actions: Selector,
    /// `Resource` or `NotResource`.
    pub resources: Selector,
    /// `Condition`: all clauses must hold.
    pub conditions: Vec<Clause>,
    /// Members outside the grammar of an identity policy, such as `Principal`, as minified JSON. Only a statement from
    /// a cluster can have any.
    pub extra: BTreeMap<String, String>,
}

/// Whether a statement allows or denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// `Allow`.
    Allow,
    /// `Deny`, which wins over any `Allow`.
    Deny,
}

/// A list of patterns (`*` is any run of characters, `?` is one character), or its complement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// True for `NotAction` and `NotResource`: everything except what the patterns match.
    pub negated: bool,
    /// The patterns, as written.
    pub patterns: Vec<String>,
}

/// One condition: the operator applied to a key of the request and any of the values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// The operator, such as `StringLike`.
    pub operator: String,
    /// The key, such as `s3:prefix`.
    pub key: String,
    /// The values, any of which satisfies the clause.
    pub values: Vec<String>,
}

/// A place in a document: statement, member, entry. Places are ordered as a reader meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The document as a whole.
    Document,
    /// The value of `Version`.
    Version,
    /// The value of `Id`.
    Id,
    /// The value of `Statement`.
    Statements,
    /// A part of the statement of this index.
    Statement(usize, Part),
}

/// A part of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The statement as a whole.
    Whole,
    /// The value of `Sid`.
    Sid,
    /// The value of `Effect`.
    Effect,
    /// The value of `Action` or `NotAction`.
    Actions,
    /// One entry of `Action` or `NotAction`.
    Action(usize),
    /// The value of `Resource` or `NotResource`.
    Resources,
    /// One entry of `Resource` or `NotResource`.
    Resource(usize),
    /// The value of `Condition`.
    Conditions,
    /// The clause of this index in [`Statement::conditions`]: the key and its values.
    Clause(usize),
    /// The name of the operator of a clause.
    Operator(usize),
    /// The name of the key of a clause.
    Key(usize),
    /// One value of a clause: the clause's index, then the value's.
    Value(usize, usize),
}

impl Place {
    /// The place around this one.
    #[must_use]
    pub fn enclosing(self) -> Option<Self> {
        match self {
            Self::Document => None,
            Self::Version | Self::Id | Self::Statements => Some(Self::Document),
            Self::Statement(at, part) => Some(match part.enclosing() {
                Some(part) => Self::Statement(at, part),
                None => Self::Statements,
            }),
        }
    }
}

impl Part {
    fn enclosing(self) -> Option<Self> {
        match self {
            Self::Whole => None,
            Self::Sid | Self::Effect | Self::Actions | Self::Resources | Self::Conditions => Some(Self::Whole),
            Self::Action(_) => Some(Self::Actions),
            Self::Resource(_) => Some(Self::Resources),
            Self::Clause(_) => Some(Self::Conditions),
            Self::Operator(clause) | Self::Key(clause) | Self::Value(clause, _) => Some(Self::Clause(clause)),
        }
    }
}

/// The byte ranges of the places of one document in its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Sorted by place.
    spans: Vec<(Place, Range<usize>)>,
}

impl Places {
    /// Records the range of a place.
    pub fn insert(&mut self, place: Place, span: Range<usize>) {
        match self.search(place) {
            Ok(at) => self.spans[at].1 = span,
            Err(at) => self.spans.insert(at, (place, span)),
        }
    }

    fn search(&self, place: Place) -> Result<usize, usize> {
        self.spans.binary_search_by(|(other, _)| other.cmp(&place))
    }

    /// The range of exactly this place.
    #[must_use]
    pub fn get(&self, place: Place) -> Option<Range<usize>> {
        self.search(place).ok().map(|at| self.spans[at].1.clone())
    }

    /// The range of this place, or of the nearest enclosing place that the text has.
    #[must_use]
    pub fn nearest(&self, place: Place) -> Option<Range<usize>> {
        std::iter::successors(Some(place), |place| place.enclosing()).find_map(|place| self.get(place))
    }
}

/// The document as minified JSON: `Version`, `Id`, `Statement`, then members outside the grammar.
pub(super) fn document_json(document: &Document) -> String {
    let statements: Vec<String> = document.statements.iter().map(statement_json).collect();
    document_json_with(document, &statements)
}

/// The same with statements that are already JSON, in place of those of the document.
pub(super) fn document_json_with(document: &Document, statements: &[String]) -> String {
    let length: usize = statements.iter().map(|statement| statement.len() + 1).sum();
    let mut json = JsonObject::with_room(length + 64);
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

/// The statement as minified JSON: `Sid`, `Effect`, actions, resources, `Condition`, then members outside the grammar.
pub(super) fn statement_json(statement: &Statement) -> String {
    let mut json = JsonObject::with_room(256);
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

fn selector(json: &mut JsonObject, plain: &'static str, negated: &'static str, selector: &Selector) {
    let name = if selector.negated { negated } else { plain };
    list(json.member(name), &selector.patterns, quote);
}

/// Adjacent clauses of one operator become one member. In normal form all of them are adjacent.
fn conditions(clauses: &[Clause]) -> String {
    let mut operators = JsonObject::with_room(64);
    for group in clauses.chunk_by(|a, b| a.operator == b.operator) {
        let mut keys = JsonObject::with_room(64);
        for clause in group {
            list(keys.member(&clause.key), &clause.values, quote);
        }
        operators.member(&group[0].operator).push_str(&keys.end());
    }
    operators.end()
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

/// A JSON object while it is written.
struct JsonObject(String);

impl JsonObject {
    fn with_room(bytes: usize) -> Self {
        let mut json = String::with_capacity(bytes);
        json.push('{');
        Self(json)
    }

    /// Starts a member. The caller appends its value to the returned text.
    fn member(&mut self, name: &str) -> &mut String {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        quote(&mut self.0, name);
        self.0.push(':');
        &mut self.0
    }

    /// Adds members whose values are already JSON.
    fn extra<'a>(&mut self, members: impl Iterator<Item = (&'a String, &'a String)>) {
        for (name, json) in members {
            self.member(name).push_str(json);
        }
    }

    fn end(self) -> String {
        self.0 + "}"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_place_is_the_place_itself_or_one_around_it() {
        let mut places = Places::default();
        places.insert(Place::Document, 0..90);
        places.insert(Place::Statement(0, Part::Whole), 10..50);
        places.insert(Place::Statement(0, Part::Clause(1)), 20..30);
        let nearest = |place| places.nearest(place);
        assert_eq!(nearest(Place::Statement(0, Part::Value(1, 2))), Some(20..30));
        assert_eq!(nearest(Place::Statement(0, Part::Value(0, 0))), Some(10..50));
        assert_eq!(nearest(Place::Statement(0, Part::Action(3))), Some(10..50));
        assert_eq!(nearest(Place::Statement(1, Part::Action(3))), Some(0..90));
        assert_eq!(Places::default().nearest(Place::Version), None);
    }

    #[test]
    fn places_are_ordered_as_a_reader_meets_them() {
        assert!(Place::Version < Place::Statement(0, Part::Whole));
        assert!(Place::Statement(0, Part::Value(3, 1)) < Place::Statement(1, Part::Whole));
        assert!(Place::Statement(0, Part::Action(9)) < Place::Statement(0, Part::Resource(0)));
    }
}
