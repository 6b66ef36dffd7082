//! Any document, for property tests.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::document::{Clause, Document, Effect, Selector, Statement};

fn some_of(words: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(prop::sample::select(words).prop_map(str::to_owned), 1..4)
}

fn any_selector(words: &'static [&'static str]) -> impl Strategy<Value = Selector> {
    (any::<bool>(), some_of(words)).prop_map(|(negated, patterns)| Selector { negated, patterns })
}

fn any_conditions() -> impl Strategy<Value = Vec<Clause>> {
    let operator = prop::sample::select(vec!["StringLike", "IpAddress", "NumericEquals", "Null", "DateLessThan"]);
    let key = prop::sample::select(vec!["aws:a", "s3:b"]);
    let values = some_of(&["true", "10", "010", "10.0.0.1/8", "2024-05-01T00:00:00Z", "x\"y", "é*"]);
    let clauses = prop::collection::btree_map((operator, key), values, 0..3);
    clauses.prop_map(|clauses| {
        let clause = |((operator, key), values): ((&str, &str), Vec<String>)| Clause {
            operator: operator.to_owned(),
            key: key.to_owned(),
            values,
        };
        clauses.into_iter().map(clause).collect()
    })
}

fn any_statement() -> impl Strategy<Value = Statement> {
    let sid = prop::option::of(prop::sample::select(vec!["", "A", "B"]).prop_map(str::to_owned));
    let effect = prop::sample::select(vec![Effect::Allow, Effect::Deny]);
    let actions = any_selector(&["s3:*", "s3:Get*", "s3:GetObject", "s3:Put?bject"]);
    let resources = any_selector(&["*", "arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username}/?*", "arn:aws:s3:::é"]);
    (sid, effect, actions, resources, any_conditions()).prop_map(|(sid, effect, actions, resources, conditions)| {
        Statement { sid, effect, actions, resources, conditions, extra: BTreeMap::new() }
    })
}

pub(super) fn any_document() -> impl Strategy<Value = Document> {
    let version = prop::option::of(prop::sample::select(vec!["2012-10-17", "2008-10-17"]).prop_map(str::to_owned));
    let id = prop::option::of(prop::sample::select(vec!["", "i"]).prop_map(str::to_owned));
    let statements = prop::collection::vec(any_statement(), 0..4);
    (version, id, statements).prop_map(|(version, id, statements)| Document {
        version,
        id,
        statements,
        extra: BTreeMap::new(),
    })
}
