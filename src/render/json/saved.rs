//! What was saved and is read back, to be shown.

use serde::Deserialize;

use super::{OutcomeV1, PlanV1};

/// What a file holds that attune wrote.
#[derive(Debug, Clone)]
pub enum Saved {
    /// A plan.
    Plan(Box<PlanV1>),
    /// What an apply did.
    Outcome(Box<OutcomeV1>),
}

/// A text is nothing that can be shown.
#[derive(Debug, thiserror::Error)]
pub enum NotSaved {
    /// It is no JSON, or none that says what it is.
    #[error("it is neither a plan nor an outcome: {0}")]
    Nothing(String),
    /// It is of another kind.
    #[error("it is `{0}`, which is neither a plan nor an outcome")]
    Other(String),
    /// It is of a version that this attune does not know.
    #[error("it is `{format}`{by}, and this attune reads `{known}`")]
    Version {
        /// What it is.
        format: String,
        /// What this attune reads.
        known: &'static str,
        /// By which version it was written, in words; empty when it does not say.
        by: String,
    },
}

/// How a file begins that attune wrote.
#[derive(Deserialize)]
struct Head {
    format: String,
    #[serde(default)]
    tool_version: Option<String>,
}

impl Saved {
    /// Reads what `plan --out`, `plan --format json` or `apply --format json` wrote. Members that a later minor version
    /// added are passed over; another major version is refused.
    ///
    /// # Errors
    /// Says why it cannot be shown.
    pub fn read(text: &str) -> Result<Self, NotSaved> {
        let nothing = |error: serde_json::Error| NotSaved::Nothing(error.to_string());
        let Head { format, tool_version } = serde_json::from_str(text).map_err(nothing)?;
        let known = match format.split_once('/') {
            Some(("attune.plan", _)) => "attune.plan/1",
            Some(("attune.outcome", _)) => "attune.outcome/1",
            Some(_) | None => return Err(NotSaved::Other(format)),
        };
        if format != known {
            let by = tool_version.map(|version| format!(", written by attune {version}")).unwrap_or_default();
            return Err(NotSaved::Version { format, known, by });
        }
        if known == "attune.plan/1" {
            return serde_json::from_str(text).map(|plan| Self::Plan(Box::new(plan))).map_err(nothing);
        }
        serde_json::from_str(text).map(|outcome| Self::Outcome(Box::new(outcome))).map_err(nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_this_version_is_said_to_be() {
        for (text, message) in [
            ("", "it is neither a plan nor an outcome: "),
            ("{}", "missing field `format`"),
            (r#"{"format":"attune.access/1"}"#, "it is `attune.access/1`, which is neither a plan nor an outcome"),
            (
                r#"{"format":"attune.plan/2","tool_version":"9.1.0"}"#,
                "it is `attune.plan/2`, written by attune 9.1.0, and this attune reads `attune.plan/1`",
            ),
            (
                r#"{"format":"attune.outcome/10"}"#,
                "it is `attune.outcome/10`, and this attune reads `attune.outcome/1`",
            ),
            (r#"{"format":"attune.plan/1"}"#, "missing field"),
        ] {
            let error = Saved::read(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
