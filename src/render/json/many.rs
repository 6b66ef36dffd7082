//! `attune.many/1`: the results of a command for several configurations.

use serde_json::value::RawValue;

use super::finding::FindingsV1;
use super::outcome::{NotSaved, Saved};
use super::plan::{Head, PlanV1};

json_types! {
    /// The results of a command for many configurations.
    pub struct ManyV1 = "attune.many/1" {
        /// The exit code of the command: the worst of all.
        exit: u8,
        /// The files and directories that the command line names; missing in files of earlier versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        named: Vec<String>,
        /// The result of each configuration, in the order of the arguments.
        runs: Vec<OneV1>,
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

impl ManyV1 {
    /// Combines the results.
    pub fn new(exit: u8, named: Vec<String>, runs: Vec<OneV1>) -> Self {
        Self {
            format: "attune.many/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            exit,
            named,
            runs,
        }
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
