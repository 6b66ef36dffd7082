//! Reads the JSON text of a document: strictly if a person wrote it, leniently if a cluster returned it.

mod decode;

use super::document::{Document, Places};
use super::json::{self, SyntaxError};
use super::rule;
use crate::base::Severity;
use decode::{Decoder, Mode};

pub use decode::Problem;

/// The longest text that attune parses, in bytes: 512 times the limit of a cluster. A longer one is a wrong file.
pub const MAX_TEXT: usize = 1024 * 1024;

/// The result of reading a text.
#[derive(Debug)]
pub struct Read {
    /// The document, if the text has one. It can be present beside errors such as an unknown member, so that one run
    /// finds all problems.
    pub document: Option<Document>,
    /// The byte ranges of its parts.
    pub places: Places,
    /// All problems, in the order of the text.
    pub problems: Vec<Problem>,
}

/// Why a document from a cluster cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document cannot be read: {why}")]
pub struct Unreadable {
    /// The reason, in one sentence.
    pub why: String,
}

/// Reads a text that a person wrote. Everything that a server refuses, drops or misreads is a problem.
#[must_use]
pub fn read(text: &str) -> Read {
    read_as(text, Mode::Strict)
}

/// Reads a text from a cluster, as servers do: the case of member names is ignored, and the last of repeated members wins.
/// Members outside the grammar are kept in `extra`, so that they count as a difference.
///
/// # Errors
/// The text is not a document.
pub fn read_lenient(text: &str) -> Result<Document, Unreadable> {
    let read = read_as(text, Mode::Lenient);
    let error = read.problems.into_iter().find(|problem| problem.severity == Severity::Error);
    match (read.document, error) {
        (Some(document), None) => Ok(document),
        (_, Some(problem)) => Err(Unreadable { why: problem.message }),
        (None, None) => Err(Unreadable { why: "it has no document".to_owned() }),
    }
}

fn read_as(text: &str, mode: Mode) -> Read {
    let mut decoder = Decoder::new(mode);
    let document = if text.len() > MAX_TEXT {
        let message = format!("the text has {} bytes; a cluster accepts documents of at most 2048", text.len());
        decoder.report(&rule::SIZE, 0..0, message, Some("is this the right file?".to_owned()));
        None
    } else {
        match json::parse(text) {
            Ok(node) => decoder.document(&node),
            Err(SyntaxError { message, span }) => {
                decoder.report(&rule::JSON_SYNTAX, span, format!("this is not JSON: {message}"), None);
                None
            }
        }
    };
    let Decoder { places, mut problems, .. } = decoder;
    problems.sort_by_key(|problem| (problem.span.start, problem.rule.id));
    Read { document, places, problems }
}

#[cfg(test)]
mod tests {
    use super::super::document::{Clause, Effect, Part, Place, Selector};
    use super::*;

    fn statement(members: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Statement":[{{{members}}}]}}"#)
    }

    /// Rule ids with the text they point at.
    fn found(text: &str) -> Vec<(&'static str, String)> {
        read(text).problems.into_iter().map(|p| (p.rule.id, text[p.span].to_owned())).collect()
    }

    const FULL: &str = r#"{
      "Version": "2012-10-17", "ID": "x",
      "Statement": [
        {"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"],
         "Condition": {"StringLike": {"s3:prefix": ["a", "b"]}, "Bool": {"aws:SecureTransport": true}, "NumericEquals": {"s3:max-keys": 10}}},
        {"Effect": "Deny", "NotAction": ["s3:GetObject"], "NotResource": "arn:aws:s3:::b"}
      ]
    }"#;

    #[test]
    fn a_full_document_is_read_as_written() {
        let read = read(FULL);
        assert_eq!(read.problems.len(), 0, "{:?}", read.problems);
        let document = read.document.unwrap();
        assert_eq!((document.version.as_deref(), document.id.as_deref()), (Some("2012-10-17"), Some("x")));
        let [first, second] = document.statements.as_slice() else { panic!("not two statements") };
        assert_eq!((first.sid.as_deref(), first.effect), (Some("A"), Effect::Allow));
        assert_eq!(first.actions, Selector { negated: false, patterns: vec!["s3:GetObject".into()] });
        let clause = |operator: &str, key: &str, values: &[&str]| Clause {
            operator: operator.into(),
            key: key.into(),
            values: values.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(
            first.conditions,
            [
                clause("StringLike", "s3:prefix", &["a", "b"]),
                clause("Bool", "aws:SecureTransport", &["true"]),
                clause("NumericEquals", "s3:max-keys", &["10"]),
            ]
        );
        assert_eq!((second.sid.as_deref(), second.effect), (None, Effect::Deny));
        assert_eq!(second.resources, Selector { negated: true, patterns: vec!["arn:aws:s3:::b".into()] });
        assert!(second.actions.negated && document.extra.is_empty() && first.extra.is_empty());
    }

    #[test]
    fn every_part_has_its_place_in_the_text() {
        let places = read(FULL).places;
        let at = |place| places.get(place).map(|span| &FULL[span]);
        let first = |part| at(Place::Statement(0, part));
        assert_eq!(at(Place::Version), Some("\"2012-10-17\""));
        assert_eq!(at(Place::Id), Some("\"x\""));
        assert_eq!(first(Part::Sid), Some("\"A\""));
        assert_eq!(first(Part::Effect), Some("\"Allow\""));
        assert_eq!(first(Part::Action(0)), Some("\"s3:GetObject\""));
        assert_eq!(first(Part::Resources), Some(r#"["arn:aws:s3:::b/*", "arn:aws:s3:::c/*"]"#));
        assert_eq!(first(Part::Resource(1)), Some("\"arn:aws:s3:::c/*\""));
        assert_eq!(first(Part::Operator(0)), Some("\"StringLike\""));
        assert_eq!(first(Part::Key(1)), Some("\"aws:SecureTransport\""));
        assert_eq!(first(Part::Clause(1)), Some("\"aws:SecureTransport\": true"));
        assert_eq!(first(Part::Value(0, 1)), Some("\"b\""));
        assert_eq!(first(Part::Value(2, 0)), Some("10"));
        assert_eq!(at(Place::Statement(1, Part::Actions)), Some("[\"s3:GetObject\"]"));
        assert!(first(Part::Conditions).unwrap().starts_with('{') && first(Part::Whole).unwrap().ends_with("}}}"));
        assert!(at(Place::Statements).unwrap().starts_with('[') && at(Place::Document) == Some(FULL));
    }

    #[test]
    fn all_problems_come_in_one_run_in_the_order_of_the_text() {
        let text = r#"{"version":"2012-10-17","Statement":[
            {"Effect":"allow","Actions":"s3:GetObject","Resource":7,"Resource":"arn:aws:s3:::b"},
            {"Principal":"*","Action":"s3:*","NotAction":"s3:*","Condition":{"StringLike":{}}}]}"#;
        let expected = [
            ("S03", "\"version\""),
            ("S08", "\"allow\""),
            ("S03", "\"Actions\""),
            ("S02", "\"Resource\""),
            ("S08", "{"),
            ("S04", "\"Principal\""),
            ("S09", "\"NotAction\""),
            ("C03", "{}"),
        ];
        assert_eq!(found(text), expected.map(|(id, at)| (id, at.to_owned())));
    }

    #[test]
    fn a_document_can_be_there_beside_errors() {
        let read = read(&statement(r#""Effect":"Allow","Action":"s3:*","Resource":"x","Conditons":{}"#));
        assert_eq!(read.problems[0].help.as_deref(), Some("did you mean `Condition`?"));
        assert_eq!(read.document.unwrap().statements.len(), 1);
    }

    #[test]
    fn a_single_statement_is_taken_with_a_note() {
        let read = read(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"x"}}"#);
        let [problem] = read.problems.as_slice() else { panic!("{:?}", read.problems) };
        assert_eq!((problem.rule.id, problem.severity), ("S07", Severity::Note));
        assert_eq!(read.document.unwrap().statements.len(), 1);
    }

    #[test]
    fn a_huge_text_is_refused_unread() {
        let text = " ".repeat(MAX_TEXT + 1);
        assert_eq!(found(&text), [("S12", String::new())]);
    }

    #[test]
    fn a_document_from_a_cluster_keeps_unknown_members() {
        let text = r#"{"version":"2012-10-17","Comment":{"b":1,"a":[ 2 ]},"Statement":{
            "Effect":"Deny","effect":"Allow","Sid":null,"Action":"s3:*","Resource":[],"Principal":"*","Condition":{"Null":{}}}}"#;
        let document = read_lenient(text).unwrap();
        assert_eq!(document.version.as_deref(), Some("2012-10-17"));
        assert_eq!(document.extra.get("Comment").map(String::as_str), Some(r#"{"a":[2],"b":1}"#));
        let statement = &document.statements[0];
        assert_eq!((statement.effect, statement.sid.as_deref()), (Effect::Allow, None));
        assert_eq!(statement.extra.get("Principal").map(String::as_str), Some("\"*\""));
        assert_eq!(statement.extra.get("Condition").map(String::as_str), Some(r#"{"Null":{}}"#));
        assert!(statement.conditions.is_empty() && statement.resources.patterns.is_empty());
    }

    #[test]
    fn clauses_from_a_cluster_that_differ_in_case_are_both_kept() {
        let text =
            statement(r#""Effect":"Allow","Action":"s3:*","Resource":"x","Condition":{"Bool":{"a:B":"x","a:b":"y"}}"#);
        assert_eq!(read_lenient(&text).unwrap().statements[0].conditions.len(), 2);
        assert_eq!(found(&text), [("S02", "\"a:b\"".to_owned())]);
    }

    #[test]
    fn a_text_that_is_no_document_is_unreadable() {
        let cases = [
            ("", "not JSON"),
            ("[]", "must be an object"),
            ("{}", "has no `Statement`"),
            (r#"{"Statement":[{"Action":"s3:*","Resource":"x"}]}"#, "has no `Effect`"),
            (r#"{"Statement":[{"Effect":"Allow","Action":"a","NotAction":"b","Resource":"x"}]}"#, "both"),
            (r#"{"Statement":[{"Effect":"Allow","Action":1,"Resource":"x"}]}"#, "must be a string"),
            (r#"{"Version":1,"Statement":[]}"#, "must be a string"),
        ];
        for (text, why) in cases {
            let unreadable = read_lenient(text).unwrap_err();
            assert!(unreadable.why.contains(why), "{text}: {unreadable}");
        }
    }
}
