//! Finds a policy document inside of the output of another tool.

use super::json::{self, Json, Node, Pair};

/// How deep a document can be inside of a text.
const DEPTH: usize = 4;

/// The outputs that people take for a document: where the document is in them, and what prints them.
const OUTPUTS: &[(&str, &str)] = &[
    (".policy.content", "weka s3 policy show"),
    (".Policy", "mc admin policy info"),
    (".PolicyVersion.Document", "aws iam get-policy-version"),
    (".PolicyDocument", "aws iam get-user-policy"),
    (".Policy|fromjson", "aws s3api get-bucket-policy"),
];

/// Where a text has a document, if that is not the text itself: what is wrong, and what to do next.
pub(super) fn wrapped(node: &Node) -> Option<(String, String)> {
    if has_statement(node) {
        return None;
    }
    let place = inside(&node.value, "", DEPTH)?;
    let output =
        OUTPUTS.iter().find(|(at, _)| *at == place).map(|(_, command)| format!(", as in the output of `{command}`"));
    let message = format!("the document is inside this text, at `{place}`{}", output.unwrap_or_default());
    Some((message, format!("save only that part: `jq '{place}' FILE`")))
}

/// The `jq` filter that gives the document in a value.
fn inside(value: &Json, place: &str, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    match value {
        Json::Object(pairs) if !place.is_empty() && is_document(pairs) => Some(place.to_owned()),
        Json::Object(pairs) => pairs
            .iter()
            .filter(|pair| is_plain(&pair.name))
            .find_map(|pair| inside(&pair.value.value, &format!("{place}.{}", pair.name), depth)),
        Json::Array(nodes) => {
            let at = if place.is_empty() { "." } else { place };
            nodes.iter().enumerate().find_map(|(index, node)| inside(&node.value, &format!("{at}[{index}]"), depth))
        }
        Json::String(text) => {
            let node = json::parse(text).ok()?;
            let Json::Object(pairs) = &node.value else { return None };
            let place = if place.is_empty() { "fromjson".to_owned() } else { format!("{place}|fromjson") };
            is_document(pairs).then_some(place)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => None,
    }
}

fn has_statement(document: &Node) -> bool {
    matches!(&document.value, Json::Object(pairs) if pairs.iter().any(|pair| pair.name.eq_ignore_ascii_case("Statement")))
}

fn is_document(pairs: &[Pair]) -> bool {
    pairs.iter().any(|pair| pair.name == "Statement")
}

/// Whether `jq` takes a name without quotes.
fn is_plain(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_found_in_the_output_of_other_tools() {
        let document = r#"{"Version": "2012-10-17", "Statement": []}"#;
        let text = json::quoted(document);
        for (output, place, command) in [
            (
                format!(r#"{{"policy": {{"name": "rw", "content": {document}}}}}"#),
                ".policy.content",
                "weka s3 policy show",
            ),
            (format!(r#"{{"PolicyName": "rw", "Policy": {document}}}"#), ".Policy", "mc admin policy info"),
            (
                format!(r#"{{"PolicyVersion": {{"Document": {document}, "VersionId": "v3"}}}}"#),
                ".PolicyVersion.Document",
                "aws iam get-policy-version",
            ),
            (format!(r#"{{"Policy": {text}}}"#), ".Policy|fromjson", "aws s3api get-bucket-policy"),
            (format!("[{document}]"), ".[0]", ""),
            (text.clone(), "fromjson", ""),
        ] {
            let (message, help) = wrapped(&json::parse(&output).unwrap()).unwrap();
            assert!(message.contains(&format!("`{place}`")) && message.contains(command), "{message}");
            assert_eq!(help, format!("save only that part: `jq '{place}' FILE`"));
        }
        for other in [document, "{}", "[]", "7", r#"{"a b": {"Statement": []}}"#, r#""text""#] {
            assert_eq!(wrapped(&json::parse(other).unwrap()), None, "{other}");
        }
    }
}
