//! `attune.findings/1`: findings for machines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Finding, Severity, Sources};

/// A finding, with its place as a person counts: line and column from 1.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FindingV1 {
    /// The kind, as listed in the documentation.
    pub code: String,
    /// `error`, `warning` or `note`.
    pub severity: SeverityV1,
    /// What is wrong.
    pub message: String,
    /// The file, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, from 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeverityV1 {
    /// Nothing can be done until it is mended.
    Error,
    /// Probably not what was meant.
    Warning,
    /// Good to know.
    Note,
}

/// A list of findings as a document of its own.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(title = "attune.findings/1")]
pub struct FindingsV1 {
    /// `attune.findings/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// The findings.
    pub findings: Vec<FindingV1>,
}

impl SeverityV1 {
    /// `error`, `warning` or `note`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl FindingV1 {
    /// A copy of a finding.
    #[must_use]
    pub fn of(finding: &Finding, sources: &Sources) -> Self {
        let place = finding.at.as_ref().map(|at| (sources.file(at.file).path.clone(), sources.line_column(at)));
        Self {
            code: finding.code.id.to_owned(),
            severity: match finding.severity {
                Severity::Error => SeverityV1::Error,
                Severity::Warning => SeverityV1::Warning,
                Severity::Note => SeverityV1::Note,
            },
            message: finding.message.clone(),
            file: place.as_ref().map(|(file, _)| file.clone()),
            line: place.as_ref().map(|(_, (line, _))| *line),
            column: place.as_ref().map(|(_, (_, column))| *column),
            help: finding.help.clone(),
        }
    }
}

impl FindingsV1 {
    /// A copy of findings.
    #[must_use]
    pub fn of(findings: &[Finding], sources: &Sources) -> Self {
        Self {
            format: "attune.findings/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            findings: findings.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
        }
    }
}
