//! Findings: `attune.findings/1`.

use crate::base::{Finding, Label, Severity, Sources};

json_types! {
    /// A finding, with its location.
    pub struct FindingV1 of(finding: &Finding, sources: &Sources) {
        /// The rule, as listed in the documentation.
        code: String = finding.code.id.to_owned(),
        /// `error`, `warning` or `note`.
        severity: Severity = finding.severity,
        /// The problem.
        message: String = finding.message.clone(),
        /// The file, if there is one.
        file?: String = finding.at.as_ref().map(|at| sources.file(at.file).path.clone()),
        /// The line, from 1.
        line?: usize = finding.at.as_ref().map(|at| sources.line_column(at).0),
        /// The column, from 1, in characters.
        column?: usize = finding.at.as_ref().map(|at| sources.line_column(at).1),
        /// The next step.
        help?: String = finding.help.clone(),
        /// The policy that uses the document, and the row of the template, if the place has several uses.
        uses?: Vec<UseV1> = Some(sources.uses(finding).iter().map(|label| UseV1::of(label, sources)).collect::<Vec<_>>())
            .filter(|uses| !uses.is_empty()),
    }

    /// One use of the place of a finding.
    pub struct UseV1 of(label: &Label, sources: &Sources) {
        /// What it is.
        text: String = label.text.clone(),
        /// The file.
        file: String = sources.file(label.at.file).path.clone(),
        /// The line, from 1.
        line: usize = sources.line_column(&label.at).0,
        /// The column, from 1, in characters.
        column: usize = sources.line_column(&label.at).1,
    }

    /// A list of findings.
    pub struct FindingsV1 = "attune.findings/1" of(findings: &[Finding], sources: &Sources) {
        /// The findings.
        findings: Vec<FindingV1> = findings.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
    }
}
