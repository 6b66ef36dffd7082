//! JSON as a tree with positions, repeated members, and numbers as text.

use std::collections::BTreeMap;
use std::ops::Range;

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde::Serialize;
use serde::de::IgnoredAny;

use crate::base::VisibleText;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) value: Json,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// As written: `10`, `1e2`, `100.01`.
    Number(String),
    String(String),
    Array(Vec<Node>),
    Object(Vec<Pair>),
}

/// One member of an object. Several members may have the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) name_span: Range<usize>,
    pub(super) value: Node,
}

/// Why a text is not JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) span: Range<usize>,
}

/// Reads exactly one JSON value, strictly by RFC 8259.
///
/// Two parsers read the text. `serde_json` is strict and explains mistakes well, but drops positions and repeated members.
/// `jsonc-parser` keeps them and bounds the depth, but accepts some texts that are not JSON.
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    if text.starts_with('\u{feff}') {
        let message = "the text starts with a byte order mark, which JSON does not allow".to_owned();
        return Err(SyntaxError { message, span: 0..'\u{feff}'.len_utf8() });
    }
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| strict_error(text, &error))?;
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).map_err(|error| {
        SyntaxError { message: error.kind().to_string(), span: error.range().start..error.range().end }
    })?;
    let missing = SyntaxError { message: "there is no value".to_owned(), span: 0..text.len() };
    parsed.value.map(node).ok_or(missing)
}

/// `serde_json` counts lines and bytes from 1, and appends both to its message.
fn strict_error(text: &str, error: &serde_json::Error) -> SyntaxError {
    let whole = error.to_string();
    let message = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
    let line_start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let mut start = (line_start + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let found = text[start..].chars().next();
    let span = start..start + found.map_or(0, char::len_utf8);
    if let Some(c) = found.filter(|c| !c.is_ascii() && (c.is_whitespace() || VisibleText::default().hides(*c))) {
        let message = format!("the invisible character U+{:04X} is no white space of JSON", u32::from(c));
        return SyntaxError { message, span };
    }
    let quote = found.filter(|c| is_quote(*c)).map(|quote| (quote, span.clone()));
    // A string that starts with a JSON quote and ends with another one goes on to the next JSON quote of the line.
    let earlier = || {
        let before = text.get(line_start..start)?.char_indices().rfind(|(_, c)| is_quote(*c) && !c.is_ascii())?;
        Some((before.1, line_start + before.0..line_start + before.0 + before.1.len_utf8()))
    };
    let quote = quote.or_else(earlier);
    match quote {
        Some((quote, span)) => {
            SyntaxError { message: format!("`{quote}` is no quote of JSON, which has only `\"`"), span }
        }
        None => SyntaxError { message, span },
    }
}

/// Whether a character is a quote, though none of JSON. Editors and chat programs write them in place of `"`.
fn is_quote(c: char) -> bool {
    matches!(c, '\'' | '`' | '\u{2018}'..='\u{201f}' | '«' | '»' | '\u{ff02}')
}

fn node(value: ast::Value<'_>) -> Node {
    let span = value.start()..value.end();
    let value = match value {
        ast::Value::NullKeyword(_) => Json::Null,
        ast::Value::BooleanLit(literal) => Json::Bool(literal.value),
        ast::Value::NumberLit(literal) => Json::Number(literal.value.to_owned()),
        ast::Value::StringLit(literal) => Json::String(literal.value.into_owned()),
        ast::Value::Array(array) => Json::Array(array.elements.into_iter().map(node).collect()),
        ast::Value::Object(object) => Json::Object(object.properties.into_iter().map(pair).collect()),
    };
    Node { span, value }
}

fn pair(property: ast::ObjectProp<'_>) -> Pair {
    let name_span = match &property.name {
        ObjectPropName::String(name) => name.start()..name.end(),
        ObjectPropName::Word(name) => name.start()..name.end(),
    };
    Pair { name: property.name.into_string(), name_span, value: node(property.value) }
}

impl Node {
    /// The elements of a list. Any other value is a list of one.
    pub(super) fn list(&self) -> &[Self] {
        if let Json::Array(elements) = &self.value { elements } else { std::slice::from_ref(self) }
    }

    /// Replaces texts: strings, and the names of members.
    pub(super) fn replace(&mut self, by: &mut dyn FnMut(&str, &Range<usize>) -> Option<String>) {
        match &mut self.value {
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
            Json::String(text) => {
                if let Some(new) = by(text, &self.span) {
                    *text = new;
                }
            }
            Json::Array(elements) => elements.iter_mut().for_each(|element| element.replace(by)),
            Json::Object(pairs) => {
                for pair in pairs {
                    if let Some(new) = by(&pair.name, &pair.name_span) {
                        pair.name = new;
                    }
                    pair.value.replace(by);
                }
            }
        }
    }
}

impl Json {
    /// The text of a string, number or boolean.
    pub(super) fn scalar(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            Self::Number(text) | Self::String(text) => Some(text.clone()),
            Self::Null | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Whether it is an empty object, or an object with one.
    pub(super) fn has_empty_object(&self) -> bool {
        let Self::Object(pairs) = self else { return false };
        let is_empty = |pair: &Pair| matches!(&pair.value.value, Self::Object(pairs) if pairs.is_empty());
        pairs.is_empty() || pairs.iter().any(is_empty)
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// Minified JSON with the members of every object sorted by name. The last of repeated members counts.
    pub(super) fn minified(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(text) => text.clone(),
            Self::String(text) => quoted(text),
            Self::Array(elements) => array(elements.iter().map(|element| element.value.minified())),
            Self::Object(pairs) => {
                let members: BTreeMap<&str, &Node> =
                    pairs.iter().map(|pair| (pair.name.as_str(), &pair.value)).collect();
                object(members.into_iter().map(|(name, node)| (name, node.value.minified())))
            }
        }
    }
}

/// A text, or a list of texts, as JSON.
pub(super) fn quoted<T: Serialize + ?Sized>(texts: &T) -> String {
    serde_json::to_string(texts).unwrap_or_else(|_| unreachable!("texts have a form in JSON"))
}

/// A JSON array of values that are already JSON.
pub(super) fn array(values: impl IntoIterator<Item = String>) -> String {
    joined('[', values.into_iter(), ']')
}

/// A JSON object, in the order given, of values that are already JSON.
pub(super) fn object<'a>(members: impl IntoIterator<Item = (&'a str, String)>) -> String {
    joined('{', members.into_iter().map(|(name, value)| quoted(name) + ":" + &value), '}')
}

fn joined(open: char, items: impl Iterator<Item = String>, close: char) -> String {
    let mut json = String::from(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            json.push(',');
        }
        json.push_str(&item);
    }
    json.push(close);
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_repeats_and_numbers_are_kept() {
        let text = r#"{"a": 1e2, "é": [true, null], "a": "\u002a"}"#;
        let Json::Object(pairs) = parse(text).unwrap().value else { panic!("not an object") };
        let names: Vec<_> = pairs.iter().map(|pair| &text[pair.name_span.clone()]).collect();
        assert_eq!(names, ["\"a\"", "\"é\"", "\"a\""]);
        let values: Vec<_> = pairs.iter().map(|pair| &text[pair.value.span.clone()]).collect();
        assert_eq!(values, ["1e2", "[true, null]", r#""\u002a""#]);
        assert_eq!(pairs[0].value.value, Json::Number("1e2".into()));
        assert_eq!(pairs[2].value.value, Json::String("*".into()));
    }

    #[test]
    fn invalid_json_is_refused_at_the_position_of_the_mistake() {
        let cases = [
            ("{\"a\": 1,}", "}"),
            ("{'a': 1}", "'"),
            ("{\"a\": 1} x", "x"),
            ("{\"a\": 1}{}", "{"),
            ("{\n  \"a\": 01}", "1"),
            ("{\"a\" // no\n: 1}", "/"),
            ("\u{feff}{}", "\u{feff}"),
            ("{\"a\":\u{a0}1}", "\u{a0}"),
            ("{\u{200b}\"a\":1}", "\u{200b}"),
            ("{\"a\": 1", "1"),
            ("{“a”: 1}", "“"),
            ("{\"a\": «b»}", "«"),
            ("{\n \"a”: \"b\"}", "”"),
            ("{\"a”: 1}", "”"),
        ];
        for (text, at) in cases {
            let error = parse(text).unwrap_err();
            assert_eq!(&text[error.span.clone()], at, "{text:?}: {}", error.message);
            assert!(!error.message.contains(" at line "), "{}", error.message);
            let of_quote = error.message == format!("`{at}` is no quote of JSON, which has only `\"`");
            assert_eq!(of_quote, at.chars().any(is_quote), "{}", error.message);
        }
        let invisible = parse("{\u{a0}\"a\": 1}").unwrap_err();
        assert_eq!(invisible.message, "the invisible character U+00A0 is no white space of JSON");
        let elsewhere = parse("{\"Sid\": \"“a”\",\n \"b\" 1}").unwrap_err();
        assert!(!elsewhere.message.contains("quote"), "{}", elsewhere.message);
        for text in ["", " ", "\"a\tb\"", "\"\\ud800\"", "\"\\x41\"", "NaN", "+1", ".5", "1.", "-", "[1,,2]", "nul"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_an_overflow() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(parse(&deep(500)).is_ok());
        assert!(parse(&deep(600)).is_err());
        assert!(parse(&"{\"a\":".repeat(600)).is_err());
        assert!(parse(&deep(1_000_000)).is_err());
        assert!(parse(&"{\"a\":".repeat(1_000_000)).is_err());
    }

    #[test]
    fn minified_json_has_sorted_members() {
        let node = parse(r#"{ "b": [1, "x\ty"], "a": {"d": null, "c": true}, "b": [] }"#).unwrap();
        assert_eq!(node.value.minified(), r#"{"a":{"c":true,"d":null},"b":[]}"#);
    }
}
