//! What a cluster asks of a policy document.
//!
//! How closely a real cluster looks is unknown. These checks are the ones that follow from the documentation and
//! from the code its S3 descends from; actions, conditions and further members are let through unread.

use serde_json::{Map, Value};

use super::Refusal;
use crate::sim::document::Document;

/// The only version a document can name; that one may leave it out is assumed.
const VERSION: &str = "2012-10-17";

/// Lets a document through that a cluster would take.
///
/// # Errors
/// Says what is wrong with the document, as a problem of the parameter `policy_file_content`.
pub fn check(document: &Document, limit: usize) -> Result<(), Refusal> {
    let size = document.as_str().len();
    if size > limit {
        return Err(wrong(&format!("the policy is {size} bytes long; at most {limit} are allowed")));
    }
    let value = serde_json::from_str(document.as_str()).map_err(|error| wrong(&error.to_string()))?;
    let Value::Object(policy) = value else { return Err(wrong("the policy is not an object")) };
    if policy.get("Version").is_some_and(|version| version != VERSION) {
        return Err(wrong(&format!("Version must be \"{VERSION}\"")));
    }
    // A single statement without brackets is allowed by AWS and not by the code WEKA's S3 descends from.
    match policy.get("Statement").and_then(Value::as_array) {
        None => Err(wrong("Statement must be an array")),
        Some(statements) if statements.is_empty() => Err(wrong("Statement is empty")),
        Some(statements) => statements.iter().try_for_each(statement),
    }
}

fn statement(value: &Value) -> Result<(), Refusal> {
    let Value::Object(statement) = value else { return Err(wrong("a statement is not an object")) };
    if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Err(wrong("Effect must be \"Allow\" or \"Deny\""));
    }
    texts(statement, "Action", "NotAction")?;
    for resource in texts(statement, "Resource", "NotResource")? {
        if resource != "*" && !resource.starts_with("arn:aws:s3:::") {
            return Err(wrong(&format!("the resource \"{resource}\" does not begin with arn:aws:s3:::")));
        }
    }
    Ok(())
}

/// The texts under one of two names: one text, or an array of some.
fn texts<'v>(statement: &'v Map<String, Value>, name: &str, negated: &str) -> Result<Vec<&'v str>, Refusal> {
    let texts = match statement.get(name).or_else(|| statement.get(negated)) {
        Some(Value::String(text)) => vec![text.as_str()],
        Some(Value::Array(list)) => list
            .iter()
            .map(|item| item.as_str().ok_or_else(|| wrong(&format!("{name} holds something that is not a string"))))
            .collect::<Result<_, _>>()?,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    };
    if texts.is_empty() { Err(wrong(&format!("a statement has no {name}"))) } else { Ok(texts) }
}

fn wrong(why: &str) -> Refusal {
    Refusal::param("policy_file_content", format!("Invalid policy: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rules::testing::POLICY;

    fn verdict(text: &str) -> Result<(), String> {
        check(&Document::parse(text).unwrap(), 2048).map_err(|refusal| refusal.message())
    }

    #[test]
    fn the_predefined_documents_and_plain_ones_pass() {
        for release in ["3.14", "5.1"] {
            for (_, text) in release.parse::<crate::sim::SimRelease>().unwrap().behaviour().predefined {
                verdict(text).unwrap();
            }
        }
        verdict(POLICY).unwrap();
        verdict(r#"{"Statement":[{"Effect":"Deny","NotAction":["s3:*"],"Resource":"*","Sid":"","Condition":{}}]}"#)
            .unwrap();
    }

    #[test]
    fn what_is_not_a_policy_is_refused() {
        for (text, part) in [
            ("[]", "not an object"),
            ("{}", "Statement must be an array"),
            (r#"{"Statement":[]}"#, "Statement is empty"),
            (r#"{"Statement":{"Effect":"Allow"}}"#, "must be an array"),
            (r#"{"Version":"2008-10-17","Statement":[1]}"#, "Version"),
            (r#"{"Statement":[1]}"#, "not an object"),
            (r#"{"Statement":[{"Effect":"allow","Action":"s3:*","Resource":"*"}]}"#, "Effect"),
            (r#"{"Statement":[{"Effect":"Allow","Resource":"*"}]}"#, "no Action"),
            (r#"{"Statement":[{"Effect":"Allow","Action":[],"Resource":"*"}]}"#, "no Action"),
            (r#"{"Statement":[{"Effect":"Allow","Action":[1],"Resource":"*"}]}"#, "not a string"),
            (r#"{"Statement":[{"Effect":"Allow","Action":"s3:*"}]}"#, "no Resource"),
            (r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}]}"#, "arn:aws:s3:::"),
        ] {
            let error = verdict(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_size_is_that_of_the_minified_text() {
        let document = Document::parse(&POLICY.replace(',', ",\n   ")).unwrap();
        assert!(check(&document, POLICY.len()).is_ok());
        assert!(check(&document, POLICY.len() - 1).unwrap_err().message().contains("bytes long"));
    }
}
