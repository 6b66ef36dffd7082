//! The documents of a probe, and what the cluster's copy of each says.
//!
//! Each grants only on buckets that do not exist. One that cannot name such a bucket only denies.

use serde_json::Value;

/// In a document, the name of the buckets that do not exist.
const BUCKET: &str = "BUCKET";

/// A document to add, and how to read the cluster's copy of it.
pub(super) struct Trial {
    /// The question that it answers.
    pub(super) question: &'static str,
    document: &'static str,
    /// The answer, from the document that was sent and the cluster's copy.
    judge: fn(&Value, &Value) -> &'static str,
}

impl Trial {
    /// The document about these buckets, as JSON text.
    pub(super) fn document(&self, bucket: &str) -> String {
        self.document.replace(BUCKET, bucket)
    }

    /// What the copy says about a document that the cluster accepted.
    pub(super) fn judge(&self, sent: &str, copy: &str) -> &'static str {
        match (serde_json::from_str::<Value>(sent), serde_json::from_str::<Value>(copy)) {
            (Ok(sent), Ok(shown)) if sent == shown => {
                // A copy without white space that the document did not have.
                let is_as_is = copy.trim().len() == sent.to_string().len();
                if is_as_is { "as sent" } else { "as sent, spaced otherwise" }
            }
            (Ok(sent), Ok(shown)) => (self.judge)(&sent, &shown),
            (_, Err(_)) | (Err(_), _) => "not readable",
        }
    }
}

/// The documents, each for one question.
pub(super) const TRIALS: [Trial; 12] = [
    Trial {
        question: "order",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject","s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/b","arn:aws:s3:::BUCKET/a"]}]}"#,
        judge: |sent, shown| if sorted(sent) == sorted(shown) { "lists in another order" } else { "changed" },
    },
    Trial {
        question: "scalars",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/a"}]}"#,
        judge: |_, shown| if statement(shown)["Action"].is_array() { "lists of one" } else { "changed" },
    },
    Trial {
        question: "empty-sid",
        document: r#"{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/a"]}]}"#,
        judge: |_, shown| if statement(shown).get("Sid").is_none() { "dropped" } else { "changed" },
    },
    Trial {
        question: "numbers",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::BUCKET"],"Condition":{"NumericLessThanEquals":{"s3:max-keys":10}}}]}"#,
        judge: |_, shown| of_value(&statement(shown)["Condition"]["NumericLessThanEquals"]["s3:max-keys"]),
    },
    Trial {
        question: "networks",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/a"],"Condition":{"IpAddress":{"aws:SourceIp":["10.1.2.3/8"]}}}]}"#,
        judge: |_, shown| {
            if shown.to_string().contains("10.0.0.0/8") { "host bits set to zero" } else { "changed" }
        },
    },
    Trial {
        question: "repeated-statements",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/a"]},{"Effect":"Allow","Action":["s3:PutObject"],"Resource":["arn:aws:s3:::BUCKET/b"]},{"Effect":"Allow","Action":["s3:PutObject"],"Resource":["arn:aws:s3:::BUCKET/b"]}]}"#,
        judge: |_, shown| match shown["Statement"].as_array().map(Vec::len) {
            Some(1) => "other statements dropped",
            Some(2) => "the copy dropped",
            Some(_) | None => "changed",
        },
    },
    Trial {
        question: "unknown-member",
        document: r#"{"Version":"2012-10-17","Statement":[{"Comment":"x","Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/a"]}]}"#,
        judge: |_, shown| if statement(shown).get("Comment").is_none() { "dropped" } else { "changed" },
    },
    Trial {
        question: "single-statement",
        document: r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/a"]}}"#,
        judge: |_, shown| if shown["Statement"].is_array() { "a list of one" } else { "changed" },
    },
    Trial {
        question: "no-version",
        document: r#"{"Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/a"]}]}"#,
        judge: |_, shown| match shown["Version"].as_str() {
            Some("") => "an empty version",
            Some(_) => "a version added",
            None => "changed",
        },
    },
    Trial {
        question: "every-resource",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["s3:GetObject"],"Resource":["*"]}]}"#,
        judge: |_, _| "changed",
    },
    Trial {
        question: "lower-case-action",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:getobject"],"Resource":["arn:aws:s3:::BUCKET/a"]}]}"#,
        judge: |_, shown| if shown.to_string().contains("s3:GetObject") { "in its usual spelling" } else { "changed" },
    },
    Trial {
        question: "not-action",
        document: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotAction":["s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/a"]}]}"#,
        judge: |_, shown| if statement(shown).get("NotAction").is_none() { "dropped" } else { "changed" },
    },
];

/// A document of exactly so many bytes.
pub(super) fn sized(bucket: &str, bytes: usize) -> String {
    let document = |key: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::{bucket}/{key}"]}}]}}"#
        )
    };
    let rest = bytes.saturating_sub(document("").len());
    document(&"a".repeat(rest))
}

/// The same document with so many blanks more.
pub(super) fn spaced(document: &str, blanks: usize) -> String {
    document.replacen('{', &format!("{{{}", " ".repeat(blanks)), 1)
}

/// The first or only statement.
fn statement(document: &Value) -> &Value {
    let statement = &document["Statement"];
    statement.as_array().map_or(statement, |statements| statements.first().unwrap_or(&Value::Null))
}

fn of_value(value: &Value) -> &'static str {
    match value {
        Value::Number(_) => "numbers",
        Value::String(_) => "text",
        Value::Array(items) if items.iter().all(Value::is_string) => "lists of text",
        Value::Array(_) => "lists",
        Value::Null | Value::Bool(_) | Value::Object(_) => "changed",
    }
}

/// The document with all lists in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(sorted).collect();
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), sorted(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_probe_adds_grants_only_on_its_own_buckets() {
        for trial in &TRIALS {
            let text = trial.document("attune-probe-x");
            let document: Value = serde_json::from_str(&text).unwrap();
            let statements =
                document["Statement"].as_array().cloned().unwrap_or_else(|| vec![document["Statement"].clone()]);
            for statement in statements {
                let own = |resource: &Value| resource.as_str().unwrap().starts_with("arn:aws:s3:::attune-probe-x");
                let resources = statement["Resource"].as_array();
                let resources = resources.map_or_else(|| own(&statement["Resource"]), |all| all.iter().all(own));
                assert!(statement["Effect"] == "Deny" || resources, "{}: {statement}", trial.question);
            }
        }
    }

    #[test]
    fn a_document_has_the_size_that_is_asked_for() {
        for bytes in [500, 2048, 2049] {
            let document = sized("attune-probe-x", bytes);
            assert_eq!(document.len(), bytes);
            let spaced = spaced(&document, 7);
            assert_eq!(spaced.len(), bytes + 7);
            let [document, spaced] = [document, spaced].map(|text| serde_json::from_str::<Value>(&text).unwrap());
            assert_eq!(document, spaced);
        }
    }

    #[test]
    fn a_copy_is_compared_with_what_was_sent() {
        let judged = |question: &str, copy: &str| {
            let trial = TRIALS.iter().find(|trial| trial.question == question).unwrap();
            trial.judge(&trial.document("b"), copy)
        };
        let copy = |question: &str| TRIALS.iter().find(|trial| trial.question == question).unwrap().document("b");
        for trial in &TRIALS {
            assert_eq!(judged(trial.question, &copy(trial.question)), "as sent");
        }
        assert_eq!(judged("order", &copy("order").replace("\":\"", "\": \"")), "as sent, spaced otherwise");
        assert_eq!(judged("networks", &copy("networks").replace("10.1.2.3", "10.0.0.0")), "host bits set to zero");
        assert_eq!(judged("numbers", &copy("numbers").replace(":10}", r#":["10"]}"#)), "lists of text");
        assert_eq!(judged("empty-sid", &copy("empty-sid").replace(r#""Sid":"","#, "")), "dropped");
        let other = copy("order").replace(r#""s3:PutObject","s3:GetObject""#, r#""s3:GetObject","s3:PutObject""#);
        assert_eq!(judged("order", &other), "lists in another order");
        assert_eq!(judged("order", "<html>"), "not readable");
    }
}
