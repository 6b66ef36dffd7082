//! A document from a cluster as the text of a policy file, laid out for a reviewer.

use super::document::{Document, document_json};
use super::json::{self, Json, Node, quoted};
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

/// Indented JSON with a final line break. A single statement becomes a list of one, as attune sends it.
fn laid_out(document: &Node) -> String {
    let mut text = String::new();
    match &document.value {
        Json::Object(pairs) => members(&mut text, 0, pairs.iter().map(|pair| (pair.name.as_str(), &pair.value)), true),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            value(&mut text, 0, document);
        }
    }
    text.push('\n');
    text
}

fn members<'n>(text: &mut String, depth: usize, of: impl Iterator<Item = (&'n str, &'n Node)>, document: bool) {
    let mut any = false;
    text.push('{');
    for (name, node) in of {
        begin(text, depth + 1, any);
        any = true;
        text.push_str(&visible(name));
        text.push_str(": ");
        let single = document && name == "Statement" && matches!(node.value, Json::Object(_));
        if single {
            list(text, depth + 1, std::slice::from_ref(node));
        } else {
            value(text, depth + 1, node);
        }
    }
    end(text, depth, any, '}');
}

fn value(text: &mut String, depth: usize, node: &Node) {
    match &node.value {
        Json::Object(pairs) => members(text, depth, pairs.iter().map(|pair| (pair.name.as_str(), &pair.value)), false),
        Json::Array(nodes) => list(text, depth, nodes),
        Json::String(string) => text.push_str(&visible(string)),
        Json::Null => text.push_str("null"),
        Json::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Json::Number(number) => text.push_str(number),
    }
}

/// On one line if it is short and has no objects or lists.
fn list(text: &mut String, depth: usize, nodes: &[Node]) {
    let plain = nodes.iter().all(|node| !matches!(node.value, Json::Object(_) | Json::Array(_)));
    if plain {
        let mut items = Vec::new();
        for node in nodes {
            let mut item = String::new();
            value(&mut item, 0, node);
            items.push(item);
        }
        let line = format!("[{}]", items.join(", "));
        let before = text.rsplit('\n').next().unwrap_or_default().chars().count();
        if before + line.chars().count() < WIDTH {
            text.push_str(&line);
            return;
        }
    }
    text.push('[');
    for (at, node) in nodes.iter().enumerate() {
        begin(text, depth + 1, at > 0);
        value(text, depth + 1, node);
    }
    end(text, depth, !nodes.is_empty(), ']');
}

fn begin(text: &mut String, depth: usize, further: bool) {
    if further {
        text.push(',');
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
}

fn end(text: &mut String, depth: usize, any: bool, bracket: char) {
    if any {
        text.push('\n');
        text.push_str(&"  ".repeat(depth));
    }
    text.push(bracket);
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
