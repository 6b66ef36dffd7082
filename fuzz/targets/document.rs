//! Any text as a policy document: no reader panics, what they point at is there, and a document that was read has one
//! normal form, whose rendering reads back as the same.

#![no_main]

use attune::base::Severity;
use attune::policy::{Document, normal, read, read_lenient};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let strict = read(text);
    for problem in &strict.problems {
        assert!(text.get(problem.span.clone()).is_some(), "{} points outside: {:?}", problem.rule.id, problem.span);
    }
    let sound = strict.problems.iter().all(|problem| problem.severity != Severity::Error);
    assert!(strict.document.is_some() || !sound, "neither a document nor an error");
    if let Some(document) = strict.document {
        let again = read(&settled(&document)).document;
        if sound {
            let again = again.expect("the rendering of a sound document is one");
            assert_eq!(normal(&again), normal(&document));
        }
    }
    if let Ok(document) = read_lenient(text) {
        let again = read_lenient(&settled(&document)).expect("the rendering of what a cluster returned is readable");
        assert_eq!(normal(&again), normal(&document));
    } else {
        assert!(!sound, "what is strictly right is not read leniently");
    }
});

/// The rendering of the normal form, which is its own normal form.
fn settled(document: &Document) -> String {
    let once = normal(document);
    assert_eq!(normal(once.document()), once);
    once.json().to_owned()
}
