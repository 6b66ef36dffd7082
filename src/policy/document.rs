//! The policy document as data, in the order it was written.

use std::collections::BTreeMap;

/// A policy document: what a policy file, an inline table or a cluster's answer says, with nothing folded yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// `Version`, when given.
    pub version: Option<String>,
    /// `Id` (or `ID`), when given.
    pub id: Option<String>,
    /// `Statement`, always as a list.
    pub statements: Vec<Statement>,
    /// Members that are not part of the grammar, as minified JSON. Only a document read from a cluster can have any.
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
    /// Members that are not part of an identity policy's grammar (`Principal` is one), as minified JSON. Only a
    /// statement read from a cluster can have any.
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

/// A list of patterns (`*` any run, `?` one character), or its complement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// True for `NotAction` and `NotResource`: all but what the patterns match.
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
