//! That no text and no document makes this room panic, point outside the text, or contradict itself.

use proptest::prelude::*;

use super::arbitrary::any_document;
use super::{Catalogue, Depth, Document, LintInput, diff, lint, normal, read, read_lenient, same_document};
use crate::base::Severity;

/// Pieces of which texts are put together: what a document is made of, and what upsets readers.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "\n",
    "\"",
    "\\",
    "\\u00",
    "\\ud83d",
    "\u{feff}",
    "\u{0}",
    "é",
    "🦀",
    "0",
    "1e9",
    "-",
    "true",
    "null",
    "\"Version\":",
    "\"2012-10-17\"",
    "\"Statement\":",
    "{\"Statement\":[",
    "\"Effect\":\"Allow\",",
    "\"Action\":",
    "\"Resource\":",
    "\"Condition\":{",
    "\"action\":",
    "\"ID\":\"\",",
    "\"Principal\":\"*\",",
    "\"s3:*\"",
];

/// Pieces of patterns and values.
const PATTERN_PIECES: &[&str] = &[
    "s3:",
    "S3:",
    "Get",
    "Object",
    "*",
    "?",
    "${",
    "}",
    "{",
    "$",
    "aws:username",
    "arn:aws:s3:::",
    "arn:",
    ":",
    "/",
    "b",
    "é",
    "[",
    "]",
    ".",
    "-",
    " ",
    ",",
    "(",
    "|",
    ")",
    "\\",
    "10.0.0.1",
    "::1",
    "/32",
    "2024-05-01T00:00:00Z",
    "1",
];

fn soup(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| pieces.concat())
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
    fn any_text_can_be_read(text in soup(PIECES)) {
        let read = read(&text);
        for problem in &read.problems {
            prop_assert!(text.get(problem.span.clone()).is_some(), "{:?} in {:?}", problem, text);
        }
        prop_assert!(read.document.is_some() || !read.problems.is_empty());
        let _ = read_lenient(&text);
    }

    #[test]
    fn any_document_can_be_looked_at(document in odd_document()) {
        let catalogue = Catalogue::newest();
        let found = lint(&LintInput { document: &document, catalogue: &catalogue, text_length: None, depth: Depth::Thorough });
        prop_assert!(found.iter().all(|lint| !lint.message.is_empty()));
        prop_assert!(found.iter().all(|lint| lint.rule.severity <= lint.severity), "{found:?}");
        let told = |depth| lint(&LintInput { document: &document, catalogue: &catalogue, text_length: None, depth });
        let weighty = told(Depth::Quick).into_iter().filter(|lint| lint.severity != Severity::Note);
        let both = [weighty.collect(), told(Depth::Warnings)];
        let [quick, warnings] = both.map(|found: Vec<_>| format!("{found:?}"));
        prop_assert_eq!(quick, warnings);
        prop_assert!(diff(Some(&document), Some(&document)).statements.is_empty());
    }

    #[test]
    fn what_is_sent_is_read_back_as_the_same(document in odd_document()) {
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
