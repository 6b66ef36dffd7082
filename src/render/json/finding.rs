//! Findings: `attune.findings/1`.

use crate::base::{Finding, Label, Severity, Sources};

json_types! {
    /// A finding, with its location.
    pub struct FindingV1 {
        /// The rule, as listed in the documentation.
        code: String,
        /// `error`, `warning` or `note`.
        severity: Severity,
        /// The problem.
        message: String,
        /// The file, if there is one.
        file?: String,
        /// The line, from 1.
        line?: usize,
        /// The column, from 1, in characters.
        column?: usize,
        /// The next step.
        help?: String,
        /// The policy that uses the document, and the row of the template, if the place has several uses.
        uses?: Vec<UseV1>,
    }

    /// One use of the place of a finding.
    pub struct UseV1 {
        /// What it is.
        text: String,
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in characters.
        column: usize,
    }

    /// A list of findings.
    pub struct FindingsV1 = "attune.findings/1" {
        /// The findings.
        findings: Vec<FindingV1>,
    }
}

impl FindingV1 {
    /// A copy of a finding.
    pub fn of(finding: &Finding, sources: &Sources) -> Self {
        let place = finding.at.as_ref().map(|at| (sources.file(at.file).path.clone(), sources.line_column(at)));
        Self {
            code: finding.code.id.to_owned(),
            severity: finding.severity,
            message: finding.message.clone(),
            file: place.as_ref().map(|(file, _)| file.clone()),
            line: place.as_ref().map(|(_, (line, _))| *line),
            column: place.as_ref().map(|(_, (_, column))| *column),
            help: finding.help.clone(),
            uses: Some(sources.uses(finding).iter().map(|label| UseV1::of(label, sources)).collect::<Vec<_>>())
                .filter(|uses| !uses.is_empty()),
        }
    }
}

impl UseV1 {
    fn of(label: &Label, sources: &Sources) -> Self {
        let (line, column) = sources.line_column(&label.at);
        Self { text: label.text.clone(), file: sources.file(label.at.file).path.clone(), line, column }
    }
}

impl FindingsV1 {
    /// A copy of findings.
    pub fn of(findings: &[Finding], sources: &Sources) -> Self {
        Self {
            format: "attune.findings/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            findings: findings.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
        }
    }
}
