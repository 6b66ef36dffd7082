//! `attune.many/1`: the results of a command for several configurations. Reads saved plans, outcomes and such results back, to show
//! them.

use serde_json::value::RawValue;

use super::finding::FindingsV1;
use super::outcome::OutcomeV1;
use super::plan::{Head, PlanV1};
use super::{pretty, visible};

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

impl ManyV1 {
    /// Reads the results of a command for several targets.
    pub fn read(text: &str) -> Result<Self, NotSaved> {
        match Saved::read(text)? {
            Saved::Many(many) => Ok(many),
            Saved::Plan(plan) => Err(NotSaved::Other(plan.format)),
            Saved::Outcome(outcome) => Err(NotSaved::Other(outcome.format)),
        }
    }

    /// Prints this as JSON with the results of `runs`, of which only one must be in memory at a time.
    ///
    /// # Errors
    /// Those of `runs` and `print`.
    pub fn in_pieces<E>(
        &self,
        runs: impl Iterator<Item = Result<OneV1, E>>,
        mut print: impl FnMut(String) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { format, tool_version, command, exit, named, runs: _ } = self.clone();
        let empty = pretty(&Self { format, tool_version, command, exit, named, runs: Vec::new() });
        let mut before = empty.strip_suffix("]\n}").unwrap_or_default().to_owned();
        let mut is_empty = true;
        for run in runs {
            print(format!("{before}\n    {}", run?.in_list()))?;
            (before, is_empty) = (",".to_owned(), false);
        }
        print(if is_empty { empty + "\n" } else { "\n  ]\n}\n".to_owned() })
    }
}

impl OneV1 {
    /// The name of the target for people: the file, and the tenant behind `@`.
    pub fn name(&self) -> String {
        target_name(&self.file, self.tenant.as_deref())
    }

    /// A run that failed without a result.
    pub fn failed(file: String, exit: u8, error: String) -> Self {
        let summary = Some(format!("error: {error}"));
        Self { file, exit, error: Some(error), summary, ..Self::default() }
    }

    /// The JSON of an element of `runs`, where its members are indented by six spaces.
    fn in_list(&self) -> String {
        let alone = Self { result: None, ..self.clone() };
        let text = pretty(&alone).replace('\n', "\n    ");
        match (&self.result, text.strip_suffix("\n    }")) {
            // As it is: its lines were indented by whoever wrote it.
            (Some(result), Some(text)) => format!("{text},\n      \"result\": {}\n    }}", visible(result.get())),
            (Some(_), None) | (None, _) => text,
        }
    }
}

/// The name of a target for people: the file, and the tenant behind `@`.
pub fn target_name(file: &str, tenant: Option<&str>) -> String {
    tenant.map_or_else(|| file.to_owned(), |tenant| format!("{file}@{tenant}"))
}

/// The format of a result.
pub fn format_of(text: &str) -> Result<String, NotSaved> {
    serde_json::from_str::<Head>(text).map(|head| head.format).map_err(|error| NotSaved::Nothing(error.to_string()))
}

/// The target that a result names, if it is a plan that names one.
pub fn result_target(result: &RawValue) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        target: Option<String>,
    }
    serde_json::from_str::<Named>(result.get()).ok()?.target
}

/// A configuration among several, with its plan or why there is none.
#[derive(Debug, Clone)]
pub struct PlannedTarget {
    /// Its name: that of its configuration, and the tenant if the configuration is for several.
    pub name: String,
    /// Its configuration.
    pub file: String,
    /// The tenant, if the configuration is for several.
    pub tenant: Option<String>,
    /// The exit code for it.
    pub exit: u8,
    /// Its plan, or the findings that prevented one.
    pub result: Result<Box<PlanV1>, FindingsV1>,
    /// Why it failed.
    pub error: Option<String>,
}

impl PlannedTarget {
    /// The targets of `attune plan` for several configurations.
    ///
    /// # Errors
    /// A result that is neither a plan nor findings.
    pub fn all(many: &ManyV1) -> Result<Vec<Self>, NotSaved> {
        many.runs.iter().map(Self::of).collect()
    }

    /// One target of `attune plan` for several.
    ///
    /// # Errors
    /// A result that is neither a plan nor findings.
    pub fn of(run: &OneV1) -> Result<Self, NotSaved> {
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
        let (file, tenant) = (run.file.clone(), run.tenant.clone());
        Ok(Self { name: run.name(), file, tenant, exit: run.exit, result, error: run.error.clone() })
    }
}

json_types! {
    /// The targets of configurations: what a command runs for, each for itself.
    pub struct TargetsV1 = "attune.targets/1" of(named: Vec<String>, targets: Vec<TargetV1>) {
        /// The files and directories that the command line names.
        named: Vec<String> = named,
        /// The targets, in the order of the configurations and tenants.
        targets: Vec<TargetV1> = targets,
    }

    /// A configuration on one cluster and tenant.
    pub struct TargetV1 {
        /// The id: that of the configuration, and the tenant behind `@` if the configuration is for several.
        id: String,
        /// The id of the configuration: its path from the top level of the Git repository.
        configuration: String,
        /// The tenant, if the configuration is for several.
        tenant?: String,
        /// Why the tenants cannot be listed; then the id ends in `@*`.
        problem?: String,
        /// What to do about the problem.
        help?: String,
    }

    /// The results of a command for many configurations.
    pub struct ManyV1 = "attune.many/1" of(command: Option<String>, exit: u8, named: Vec<String>, runs: Vec<OneV1>) {
        /// The command; missing in files of earlier versions.
        command?: String = command,
        /// The exit code of the command: the worst of all.
        exit: u8 = exit,
        /// The files and directories that the command line names; missing in files of earlier versions.
        named*: String = named,
        /// The result of each configuration, in the order of the arguments.
        runs: Vec<OneV1> = runs,
    }

    /// The result of a command for one configuration.
    #[derive(Default)]
    pub struct OneV1 {
        /// The id of the target; missing in files of earlier versions.
        target?: String,
        /// The file.
        file: String,
        /// The tenant, if the configuration is for several.
        tenant?: String,
        /// The exit code for this configuration.
        exit: u8,
        /// Why it failed; missing when it did not.
        error?: String,
        /// Whether it did not start, since earlier failures stopped the run; missing when it did.
        not_started?: bool,
        /// The result on one line; missing when there is none.
        summary?: String,
        /// What people read of the result of an apply, a check of a cluster or a validation, of which `result` does not have
        /// all.
        text?: String,
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
    fn pieces_are_the_json_of_the_whole() {
        let result = RawValue::from_string("{\n  \"a\": [\n    1\n  ],\n  \"b\": \"\u{202e}\"\n}".to_owned()).ok();
        let failed = |name: &str| OneV1::failed(name.to_owned(), 1, "line\nbreak \u{7}\u{202e}".to_owned());
        let some = OneV1 { result, text: Some("one\ntwo\n".to_owned()), tenant: Some("ml".to_owned()), ..failed("a") };
        let saved = OneV1 { saved: Some("a.json".to_owned()), ..failed("b") };
        for runs in [vec![], vec![some.clone()], vec![failed("c"), some.clone(), saved, some]] {
            let named = vec!["clusters".to_owned(); runs.len()];
            let all = ManyV1::of(Some("drift".to_owned()), 2, named, runs);
            let (mut pieces, mut whole) = (String::new(), Vec::new());
            let runs = all.runs.iter().cloned().map(Ok::<_, ()>);
            all.in_pieces(runs, |piece| {
                pieces += &piece;
                Ok(())
            })
            .unwrap();
            super::super::write(&mut whole, &all).unwrap();
            assert_eq!(pieces, String::from_utf8(whole).unwrap());
        }
    }

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
