//! Reads the JSON text of a document: strictly what a person wrote, leniently what a cluster returned.

mod decode;
mod members;
pub(super) mod rules;

use std::ops::Range;

use crate::base::Severity;

use super::document::Document;
use super::json::{self, SyntaxError};
use super::place::Places;
use super::rule::Rule;
use decode::{Decoder, Manner};

pub use rules::TOO_LONG;

/// The longest text that is looked at, in bytes: 512 times what a cluster takes, so that a wrong file (a disk image, a
/// log) is refused and not parsed.
pub const MAX_TEXT: usize = 1024 * 1024;

/// What reading a text gave.
#[derive(Debug)]
pub struct Read {
    /// The document, as far as it could be made out. It can be there beside errors (an unknown member, say), so that
    /// what else is wrong with it is found in the same run.
    pub document: Option<Document>,
    /// Where the parts of the document are in the text.
    pub places: Places,
    /// All that is wrong with the text, in its order.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong with a text.
#[derive(Debug)]
pub struct Problem {
    /// Which rule it breaks.
    pub rule: &'static Rule,
    /// How much it weighs.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What to do next.
    pub help: Option<String>,
}

/// Why a document that a cluster returned cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the document cannot be understood: {why}")]
pub struct Unreadable {
    /// What is wrong with it, in one sentence.
    pub why: String,
}

/// Reads what a person wrote. Everything that a server would refuse, drop or misread is a problem.
#[must_use]
pub fn read(text: &str) -> Read {
    read_as(text, Manner::Strict)
}

/// Reads what a cluster returned. Members outside the grammar are kept in `extra`, so that they count as a difference;
/// names of members match in any case and the last of repeated ones wins, as in the servers' own reader.
///
/// # Errors
/// Says why the text is no document at all.
pub fn read_lenient(text: &str) -> Result<Document, Unreadable> {
    let read = read_as(text, Manner::Lenient);
    let error = read.problems.into_iter().find(|problem| problem.severity == Severity::Error);
    match (read.document, error) {
        (Some(document), None) => Ok(document),
        (_, Some(problem)) => Err(Unreadable { why: problem.message }),
        (None, None) => Err(Unreadable { why: "it holds no document".to_owned() }),
    }
}

fn read_as(text: &str, manner: Manner) -> Read {
    let mut decoder = Decoder::new(manner);
    let document = if text.len() > MAX_TEXT {
        let message = format!("the text is {} bytes long; a cluster takes documents of at most 2048", text.len());
        decoder.report(&rules::SIZE, 0..0, message, Some("is this the right file?".to_owned()));
        None
    } else {
        match json::parse(text) {
            Ok(node) => decoder.document(&node),
            Err(SyntaxError { message, span }) => {
                decoder.report(&rules::JSON_SYNTAX, span, format!("this is not JSON: {message}"), None);
                None
            }
        }
    };
    let Decoder { places, mut problems, .. } = decoder;
    problems.sort_by_key(|problem| (problem.span.start, problem.rule.id));
    Read { document, places, problems }
}

#[cfg(test)]
mod tests;
