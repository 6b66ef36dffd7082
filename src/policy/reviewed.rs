//! A document from a cluster as the text of a policy file, laid out for a reviewer.

use super::document::{Document, document_json};
use super::json::{self, Json, Node, Pair, quoted};
use super::normal::{Normal, normal};
use super::read::{read, read_lenient};
use crate::base::{Severity, VisibleText};

/// The widest line that a list is kept on, in characters.
const WIDTH: usize = 100;

/// The text of a policy file that declares exactly the document that a cluster returned. The members keep the order of the
/// cluster. If a file cannot have them so, for example with a repeated member, they are in the usual order.
///
/// # Errors
/// Why no file can declare the document.
pub fn reviewed(returned: &str) -> Result<(String, Document), String> {
    let document = read_lenient(returned).map_err(|unreadable| unreadable.why)?;
    let same = normal(&document);
    let in_returned_order =
        json::parse(returned).ok().map(|node| laid_out(&node)).and_then(|text| declared(text, &same).ok());
    if let Some(declared) = in_returned_order {
        return Ok(declared);
    }
    let usual = json::parse(&document_json(&document)).map_err(|problem| problem.message)?;
    declared(laid_out(&usual), &same)
}

/// The text of a policy file with this document; `None` if no file can declare it.
pub fn file_text(document: &Document) -> Option<String> {
    reviewed(&document_json(document)).ok().map(|(text, _)| text)
}

/// The text with its document, if that is the expected one.
fn declared(text: String, expected: &Normal) -> Result<(String, Document), String> {
    let read = read(&text);
    if let Some(problem) = read.problems.iter().find(|problem| problem.severity == Severity::Error) {
        return Err(problem.message.clone());
    }
    match read.document {
        Some(document) if normal(&document) == *expected => Ok((text, document)),
        Some(_) | None => Err("a part of it cannot be written in a file".to_owned()),
    }
}

/// Indented JSON with a final line break.
fn laid_out(document: &Node) -> String {
    value(document, 0, 0) + "\n"
}

/// A value within `depth` others, behind this number of characters of its line. A list stays on the line if it is short
/// and has no objects or lists. A single statement becomes a list of one, as attune sends it.
fn value(node: &Node, depth: usize, behind: usize) -> String {
    let inner = 2 * (depth + 1);
    match &node.value {
        Json::Object(pairs) => {
            let member = |pair: &Pair| {
                let name = format!("{}: ", visible(&pair.name));
                let is_object = matches!(pair.value.value, Json::Object(_));
                if depth == 0 && pair.name == "Statement" && is_object {
                    name + &block('[', &[value(&pair.value, 2, 4)], ']', 1)
                } else {
                    let behind = inner + name.chars().count();
                    name + &value(&pair.value, depth + 1, behind)
                }
            };
            block('{', &pairs.iter().map(member).collect::<Vec<_>>(), '}', depth)
        }
        Json::Array(nodes) => {
            let items: Vec<_> = nodes.iter().map(|node| value(node, depth + 1, inner)).collect();
            let plain = nodes.iter().all(|node| !matches!(node.value, Json::Object(_) | Json::Array(_)));
            let line = format!("[{}]", items.join(", "));
            let fits = plain && behind + line.chars().count() < WIDTH;
            if fits { line } else { block('[', &items, ']', depth) }
        }
        Json::String(string) => visible(string),
        Json::Null | Json::Bool(_) | Json::Number(_) => node.value.minified(),
    }
}

/// Items on lines of their own.
fn block(open: char, items: &[String], close: char, depth: usize) -> String {
    if items.is_empty() {
        return format!("{open}{close}");
    }
    let (outer, inner) = ("  ".repeat(depth), "  ".repeat(depth + 1));
    format!("{open}\n{inner}{}\n{outer}{close}", items.join(&format!(",\n{inner}")))
}

/// A JSON string without invisible characters: those, and characters that change the text direction, become escapes.
fn visible(text: &str) -> String {
    let (mut eye, mut units) = (VisibleText::default(), [0; 2]);
    let mut shown = String::new();
    for c in quoted(text).chars() {
        if eye.hides(c) {
            c.encode_utf16(&mut units).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}")));
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::super::properties::any_document;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_document_is_declared_as_it_is(document in any_document()) {
            let returned = document_json(&document);
            let (text, declared) = reviewed(&returned).unwrap();
            prop_assert_eq!(normal(&declared), normal(&document));
            prop_assert_eq!(read(&text).document, Some(declared));
            prop_assert_eq!(reviewed(&text).unwrap().0, text);
        }
    }

    #[test]
    fn the_members_stay_in_the_order_of_the_cluster() {
        let returned = r#"{"Statement":[{"Resource":"arn:aws:s3:::a/*","Action":["s3:GetObject","s3:PutObject"],"Effect":"Allow","Condition":{"NumericLessThan":{"s3:max-keys":10}}}],"Version":"2012-10-17"}"#;
        let (text, _) = reviewed(returned).unwrap();
        assert_eq!(
            text,
            r#"{
  "Statement": [
    {
      "Resource": "arn:aws:s3:::a/*",
      "Action": ["s3:GetObject", "s3:PutObject"],
      "Effect": "Allow",
      "Condition": {
        "NumericLessThan": {
          "s3:max-keys": 10
        }
      }
    }
  ],
  "Version": "2012-10-17"
}
"#
        );
    }

    #[test]
    fn members_that_a_file_cannot_have_are_written_in_the_usual_order() {
        for returned in [
            r#"{"version":"2012-10-17","statement":[{"effect":"Allow","action":"s3:*","resource":"arn:aws:s3:::a/*"}]}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::a/*","Sid":null}]}"#,
        ] {
            let (text, document) = reviewed(returned).unwrap();
            assert_eq!(normal(&document), normal(&read_lenient(returned).unwrap()));
            assert!(text.contains("\"Effect\": \"Allow\",\n      \"Action\": [\"s3:*\"]"), "{text}");
        }
    }

    #[test]
    fn a_single_statement_becomes_a_list_and_long_lists_are_broken() {
        let resources: Vec<String> = (0..9).map(|n| format!("\"arn:aws:s3:::bucket-{n}/*\"")).collect();
        let returned = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:*","Resource":[{}]}}}}"#,
            resources.join(",")
        );
        let (text, _) = reviewed(&returned).unwrap();
        assert!(text.contains("\"Statement\": [\n    {\n"), "{text}");
        assert!(text.contains("\"Resource\": [\n        \"arn:aws:s3:::bucket-0/*\",\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
    }

    #[test]
    fn invisible_characters_are_escaped() {
        let returned = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"a\u{202e}b\u{feff}\",\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::ü/*\"}]}";
        let (text, _) = reviewed(returned).unwrap();
        assert!(text.contains("\"a\\u202eb\\ufeff\"") && text.contains("ü"), "{text}");
    }

    #[test]
    fn a_document_that_no_file_can_declare_is_an_error() {
        for (returned, why) in [
            ("nonsense", "not JSON"),
            (r#"{"Version":"2012-10-17","Statement":"all"}"#, "`Statement` must be a list of statements"),
            (
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::a/*"}]}"#,
                "`Principal` belongs in bucket policies",
            ),
        ] {
            let problem = reviewed(returned).unwrap_err();
            assert!(problem.contains(why), "{returned}: {problem}");
        }
    }
}
