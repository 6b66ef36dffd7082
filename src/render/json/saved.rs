//! `attune.many/1`: the results of a command for several configurations. Reads saved plans, outcomes and such results back, to show
//! them.

use serde_json::value::RawValue;

use super::finding::FindingsV1;
use super::outcome::OutcomeV1;
use super::plan::{Head, PlanV1};

/// A saved plan or outcome.
#[derive(Debug, Clone)]
pub enum Saved {
    /// A plan.
    Plan(Box<PlanV1>),
    /// The outcome of an apply.
    Outcome(Box<OutcomeV1>),
    /// The results for several configurations.
    Many(ManyV1),
}

/// Why a saved file cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum NotSaved {
    /// It is not JSON, or has no format.
    #[error("not a plan or an outcome: {0}")]
    Nothing(String),
    /// It has another format.
    #[error("the format is `{0}`, not a plan or an outcome")]
    Other(String),
    /// It has a version that this attune does not know.
    #[error("the format is `{format}`{by}; this attune reads `{known}`")]
    Version {
        /// Its format.
        format: String,
        /// The format that this attune reads.
        known: &'static str,
        /// The version of attune that wrote it, in words; empty when unknown.
        by: String,
    },
}

impl Saved {
    /// Reads the output of `plan --out`, `plan --format json` or `apply --format json`. Ignores members that a later minor
    /// version added, and refuses another major version.
    pub fn read(text: &str) -> Result<Self, NotSaved> {
        let nothing = |error: serde_json::Error| NotSaved::Nothing(error.to_string());
        let Head { format, tool_version } = serde_json::from_str(text).map_err(nothing)?;
        let known = match format.split_once('/') {
            Some(("attune.plan", _)) => "attune.plan/1",
            Some(("attune.outcome", _)) => "attune.outcome/1",
            Some(("attune.many", _)) => "attune.many/1",
            Some(_) | None => return Err(NotSaved::Other(format)),
        };
        if format != known {
            let by = tool_version.map(|version| format!(", written by attune {version}")).unwrap_or_default();
            return Err(NotSaved::Version { format, known, by });
        }
        let read = match known {
            "attune.plan/1" => serde_json::from_str(text).map(|plan| Self::Plan(Box::new(plan))),
            "attune.many/1" => serde_json::from_str(text).map(Self::Many),
            _ => serde_json::from_str(text).map(|outcome| Self::Outcome(Box::new(outcome))),
        };
        read.map_err(nothing)
    }
}

/// A configuration among several, with its plan or why there is none.
#[derive(Debug, Clone)]
pub struct Target {
    /// The name of its configuration.
    pub name: String,
    /// The exit code for it.
    pub exit: u8,
    /// Its plan, or the findings that prevented one.
    pub result: Result<Box<PlanV1>, FindingsV1>,
    /// Why it failed.
    pub error: Option<String>,
}

impl Target {
    /// The targets of `attune plan` for several configurations.
    ///
    /// # Errors
    /// A result that is neither a plan nor findings.
    pub fn all(many: &ManyV1) -> Result<Vec<Self>, NotSaved> {
        many.runs.iter().map(Self::of).collect()
    }

    fn of(run: &OneV1) -> Result<Self, NotSaved> {
        let text = run.result.as_deref().map(RawValue::get);
        let is_findings = |text: &&str| {
            serde_json::from_str::<Head>(text).is_ok_and(|head| head.format.starts_with("attune.findings/"))
        };
        let result = match text {
            None => Err(FindingsV1::of(&[], &crate::base::Sources::default())),
            Some(text) if is_findings(&text) => {
                Err(serde_json::from_str(text).map_err(|error| NotSaved::Nothing(error.to_string()))?)
            }
            Some(text) => match Saved::read(text)? {
                Saved::Plan(plan) => Ok(plan),
                Saved::Outcome(outcome) => return Err(NotSaved::Other(outcome.format)),
                Saved::Many(many) => return Err(NotSaved::Other(many.format)),
            },
        };
        Ok(Self { name: run.file.clone(), exit: run.exit, result, error: run.error.clone() })
    }
}

json_types! {
    /// The results of a command for many configurations.
    pub struct ManyV1 = "attune.many/1" of(exit: u8, named: Vec<String>, runs: Vec<OneV1>) {
        /// The exit code of the command: the worst of all.
        exit: u8 = exit,
        /// The files and directories that the command line names; missing in files of earlier versions.
        named*: String = named,
        /// The result of each configuration, in the order of the arguments.
        runs: Vec<OneV1> = runs,
    }

    /// The result of a command for one configuration.
    pub struct OneV1 {
        /// The file.
        file: String,
        /// The exit code for this configuration.
        exit: u8,
        /// Why it failed; missing when it did not.
        error?: String,
        /// The result for this configuration: a plan, an outcome, a check or findings; missing when there is none.
        #[schemars(with = "Option<serde_json::Value>")]
        result?: Box<RawValue>,
        /// The name of the file beside this one that has the result (`attune plan --out DIR`); missing when the result is
        /// here.
        saved?: String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_formats_and_versions_are_refused() {
        for (text, message) in [
            ("", "not a plan or an outcome: "),
            ("{}", "missing field `format`"),
            (r#"{"format":"attune.access/1"}"#, "the format is `attune.access/1`, not a plan or an outcome"),
            (
                r#"{"format":"attune.plan/2","tool_version":"9.1.0"}"#,
                "the format is `attune.plan/2`, written by attune 9.1.0; this attune reads `attune.plan/1`",
            ),
            (
                r#"{"format":"attune.outcome/10"}"#,
                "the format is `attune.outcome/10`; this attune reads `attune.outcome/1`",
            ),
            (r#"{"format":"attune.plan/1"}"#, "missing field"),
        ] {
            let error = Saved::read(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
