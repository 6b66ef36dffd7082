//! Properties of all texts and documents: nothing panics, points outside the text, or contradicts itself.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    Catalogue, Clause, Depth, Document, Effect, LintInput, Selector, Statement, diff, lint, normal, read, read_lenient,
    same_document,
};
use crate::base::Severity;

/// Parts of JSON documents and of broken texts, separated by `¦`.
const TEXT_PIECES: &str = "{¦}¦[¦]¦,¦:¦ ¦\n¦\"¦\\¦\\u00¦\\ud83d¦\u{feff}¦\u{0}¦é¦🦀¦0¦1e9¦-¦true¦null¦\"Version\":¦\
    \"2012-10-17\"¦\"Statement\":¦{\"Statement\":[¦\"Effect\":\"Allow\",¦\"Action\":¦\"Resource\":¦\"Condition\":{¦\
    \"action\":¦\"ID\":\"\",¦\"Principal\":\"*\",¦\"s3:*\"";

/// Parts of patterns and values, separated by `¦`.
const PATTERN_PIECES: &str = "s3:¦S3:¦Get¦Object¦*¦?¦${¦}¦{¦$¦aws:username¦arn:aws:s3:::¦arn:¦:¦/¦b¦é¦[¦]¦.¦-¦ ¦,¦(¦|¦)¦\\¦\
    10.0.0.1¦::1¦/32¦2024-05-01T00:00:00Z¦1";

/// SplitMix64: the same random numbers for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

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
        Statement { sid, effect, actions, resources, conditions, extra: BTreeMap::new(), principals: None }
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

fn soup(pieces: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(pieces.split('¦').collect::<Vec<_>>()), 0..24)
        .prop_map(|pieces| pieces.concat())
}

/// A document with odd patterns and values in it.
fn odd_document() -> impl Strategy<Value = Document> {
    (any_document(), prop::collection::vec(soup(PATTERN_PIECES), 1..8)).prop_map(|(mut document, odd)| {
        let mut odd = odd.into_iter().cycle();
        for statement in &mut document.statements {
            statement.actions.patterns.extend(odd.next());
            statement.resources.patterns.extend(odd.next());
            for clause in &mut statement.conditions {
                clause.values.extend(odd.next());
            }
        }
        document
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_can_be_read(text in soup(TEXT_PIECES)) {
        let read = read(&text);
        for problem in &read.problems {
            prop_assert!(text.get(problem.span.clone()).is_some(), "{:?} in {:?}", problem, text);
        }
        prop_assert!(read.document.is_some() || !read.problems.is_empty());
        let _ = read_lenient(&text);
    }

    #[test]
    fn any_document_can_be_checked(document in odd_document()) {
        let catalogue = Catalogue::newest();
        let found = lint(&LintInput { document: &document, catalogue: &catalogue, text_length: None, depth: Depth::Thorough });
        prop_assert!(found.iter().all(|lint| !lint.message.is_empty()));
        prop_assert!(found.iter().all(|lint| lint.rule.severity <= lint.severity), "{found:?}");
        let found_at = |depth| lint(&LintInput { document: &document, catalogue: &catalogue, text_length: None, depth });
        let without_notes = found_at(Depth::Quick).into_iter().filter(|lint| lint.severity != Severity::Note);
        let both = [without_notes.collect(), found_at(Depth::Warnings)];
        let [quick, warnings] = both.map(|found: Vec<_>| format!("{found:?}"));
        prop_assert_eq!(quick, warnings);
        prop_assert!(diff(Some(&document), Some(&document)).statements.is_empty());
    }

    #[test]
    fn the_normal_form_is_read_back_as_the_same_document(document in odd_document()) {
        let sent = normal(&document);
        let strict = read(sent.json());
        let lenient = read_lenient(sent.json()).unwrap();
        prop_assert_eq!(strict.document.as_ref(), Some(&lenient));
        prop_assert!(same_document(&document, &lenient));
        let catalogue = Catalogue::newest();
        for lint in lint(&LintInput { document: &lenient, catalogue: &catalogue, text_length: None, depth: Depth::Thorough }) {
            let span = strict.places.nearest(lint.place);
            prop_assert!(span.is_some_and(|span| sent.json().get(span).is_some()), "{lint:?}");
        }
    }
}
