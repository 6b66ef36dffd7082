//! The cluster's own words about a failure, taken out of an answer.

use serde_json::Value;

pub(super) use crate::cluster::words::clean;

/// What the error envelope says, in one line, or `None` where the body is no such envelope:
/// `{message, data: {error?, reason?, param?, missing_params?}}`, or `{data: "Unauthorized"}`.
pub(super) fn of_envelope(body: &str) -> Option<String> {
    let envelope: Value = serde_json::from_str(body).ok()?;
    let data = &envelope["data"];
    let mut parts: Vec<String> = Vec::new();
    for said in [&envelope["message"], data, &data["error"], &data["reason"]] {
        let said = said.as_str().unwrap_or_default().trim();
        if !said.is_empty() && !parts.iter().any(|part| part == said) {
            parts.push(said.to_owned());
        }
    }
    if let Some(param) = data["param"].as_str() {
        parts.push(format!("parameter `{param}`"));
    }
    let missing: Vec<&str> =
        data["missing_params"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !missing.is_empty() {
        parts.push(format!("missing: {}", missing.join(", ")));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The error that a body reports although its status is a success, which clients see in `data.error`.
pub(super) fn of_failed_success(body: &str) -> Option<Value> {
    let envelope: Value = serde_json::from_str(body).ok()?;
    let error = &envelope["data"]["error"];
    let says_nothing = error.is_null() || *error == Value::Bool(false) || error.as_str() == Some("");
    (!says_nothing).then(|| error.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_read_in_every_shape() {
        let cases = [
            (r#"{"message":"no such policy"}"#, "no such policy"),
            (r#"{"data":"Unauthorized"}"#, "Unauthorized"),
            (r#"{"message":"m","data":{"error":"e","reason":"r"}}"#, "m; e; r"),
            (r#"{"message":"same","data":{"error":"same"}}"#, "same"),
            (
                r#"{"message":"m","data":{"param":"user_name","missing_params":["a","b"]}}"#,
                "m; parameter `user_name`; missing: a, b",
            ),
        ];
        for (body, words) in cases {
            assert_eq!(of_envelope(body).as_deref(), Some(words), "{body}");
        }
        for body in ["", "<html>", "{}", "[]", "\"text\"", r#"{"message":7,"data":[]}"#] {
            assert_eq!(of_envelope(body), None, "{body}");
        }
    }

    #[test]
    fn a_success_can_report_a_failure() {
        assert_eq!(of_failed_success(r#"{"data":{"error":"is held"}}"#), Some("is held".into()));
        assert!(of_failed_success(r#"{"data":{"error":{"code":7}}}"#).is_some_and(|error| error.is_object()));
        for body in [r#"{"data":null}"#, r#"{"data":{"error":null}}"#, r#"{"data":{"error":""}}"#, "[]", "x"] {
            assert_eq!(of_failed_success(body), None, "{body}");
        }
    }
}
