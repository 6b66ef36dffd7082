//! The policy document as data, in the order it was written: its parts, their places in a text, and its JSON.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::{array, object, quoted};
use super::principals::Principals;

/// A policy document as a policy file, an inline table or a cluster has it: nothing is normalized yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
    /// Who it is about, if it is of the policy of a bucket (see [`scoped`](super::scoped)). A statement of a user's policy is
    /// about this user, also if `extra` has a `Principal`: servers ignore it there.
    pub principals: Option<Principals>,
}

/// What a statement does.
// `Deny` wins over any `Allow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "EffectV1")]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies.
    Deny,
}

impl Statement {
    /// A statement about actions and resources, without conditions.
    pub fn plain<'t>(
        effect: Effect,
        actions: impl IntoIterator<Item = &'t str>,
        resources: impl IntoIterator<Item = &'t str>,
    ) -> Self {
        Self {
            sid: None,
            effect,
            actions: Selector::any_of(actions),
            resources: Selector::any_of(resources),
            conditions: Vec::new(),
            extra: BTreeMap::new(),
            principals: None,
        }
    }
}

impl Effect {
    /// The value of the member `Effect`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

/// A list of patterns (`*` is any run of characters, `?` is one character), or its complement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    /// True for `NotAction` and `NotResource`: everything except what the patterns match.
    pub negated: bool,
    /// The patterns, as written.
    pub patterns: Vec<String>,
}

impl Selector {
    /// What any of the patterns matches.
    pub(super) fn any_of<'t>(patterns: impl IntoIterator<Item = &'t str>) -> Self {
        Self { negated: false, patterns: patterns.into_iter().map(str::to_owned).collect() }
    }
}

/// One condition: the operator applied to a key of the request and any of the values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
// A map takes twice the memory, and ten thousand documents keep theirs.
pub struct Places(Box<[(Place, Range<usize>)]>);

impl From<BTreeMap<Place, Range<usize>>> for Places {
    fn from(all: BTreeMap<Place, Range<usize>>) -> Self {
        Self(all.into_iter().collect())
    }
}

impl Places {
    /// The range of exactly this place.
    pub fn get(&self, place: Place) -> Option<Range<usize>> {
        let at = self.0.binary_search_by_key(&place, |(known, _)| *known).ok()?;
        self.0.get(at).map(|(_, span)| span.clone())
    }

    /// The range of this place, or of the nearest enclosing place that the text has.
    pub fn nearest(&self, place: Place) -> Option<Range<usize>> {
        std::iter::successors(Some(place), |place| place.enclosing()).find_map(|place| self.get(place))
    }
}

/// The document as minified JSON: `Version`, `Id`, `Statement`, then members outside the grammar.
pub(super) fn document_json(document: &Document) -> String {
    let version = document.version.iter().map(|version| ("Version", quoted(version)));
    let id = document.id.iter().map(|id| ("Id", quoted(id)));
    let statements = ("Statement", array(document.statements.iter().map(statement_json)));
    object(version.chain(id).chain([statements]).chain(extra(&document.extra)))
}

/// The statement as minified JSON: `Sid`, `Effect`, actions, resources, `Condition`, then members outside the grammar.
pub(super) fn statement_json(statement: &Statement) -> String {
    let sid = statement.sid.iter().map(|sid| ("Sid", quoted(sid)));
    let name = |selector: &Selector, plain, negated| if selector.negated { negated } else { plain };
    let members = [
        ("Effect", quoted(statement.effect.as_str())),
        (name(&statement.actions, "Action", "NotAction"), quoted(&statement.actions.patterns)),
        (name(&statement.resources, "Resource", "NotResource"), quoted(&statement.resources.patterns)),
    ];
    let conditions = (!statement.conditions.is_empty()).then(|| ("Condition", conditions(&statement.conditions)));
    let principals = statement.principals.iter().map(|principals| match (principals, principals.member()) {
        (_, Some((name, json))) => (name, json.to_owned()),
        (principals, None) => ("Principal", quoted(&format!("{principals:?}"))),
    });
    object(sid.chain(members).chain(conditions).chain(extra(&statement.extra)).chain(principals))
}

/// Adjacent clauses of one operator become one member. In normal form all of them are adjacent.
fn conditions(clauses: &[Clause]) -> String {
    object(clauses.chunk_by(|a, b| a.operator == b.operator).map(|group| {
        let keys = group.iter().map(|clause| (clause.key.as_str(), quoted(&clause.values)));
        (group[0].operator.as_str(), object(keys))
    }))
}

fn extra(members: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, String)> {
    members.iter().map(|(name, json)| (name.as_str(), json.clone()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Plain(&'t str),
    /// The text inside of `${…}`.
    Variable(&'t str),
}

/// The pieces of a text. A `${` without `}` is plain.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${")
        && let Some((inside, after)) = behind.split_once('}')
    {
        pieces.extend([Piece::Plain(before), Piece::Variable(inside)]);
        rest = after;
    }
    pieces.push(Piece::Plain(rest));
    pieces
}

/// The text with `value` in place of each variable.
pub fn with_variables(text: &str, value: &str) -> String {
    let with = |piece| match piece {
        Piece::Plain(text) => text,
        Piece::Variable(_) => value,
    };
    pieces(text).iter().copied().map(with).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_place_is_the_place_itself_or_one_around_it() {
        let places = Places::from(BTreeMap::from([
            (Place::Document, 0..90),
            (Place::Statement(0, Part::Whole), 10..50),
            (Place::Statement(0, Part::Clause(1)), 20..30),
        ]));
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
