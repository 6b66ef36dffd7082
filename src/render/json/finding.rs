//! Findings: `attune.findings/1`, and SARIF 2.1.0 for code scanning (only the parts that attune writes).

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::base::{Finding, Label, Location, Severity, Sources};

/// The characters that stay as they are in the path of a URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

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
        }
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

/// A SARIF log with one run.
#[derive(Debug, Clone, Serialize)]
pub struct SarifV1 {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

macro_rules! sarif {
    ($($name:ident { $($(#[$meta:meta])* $member:ident: $type:ty,)* })*) => {$(
        #[derive(Debug, Clone, Serialize)]
        #[serde(rename_all = "camelCase")]
        struct $name { $($(#[$meta])* $member: $type,)* }
    )*};
}

sarif! {
    Run {
        tool: Tool,
        column_kind: &'static str,
        results: Vec<SarifResult>,
    }
    Tool {
        driver: Driver,
    }
    Driver {
        name: &'static str,
        version: &'static str,
        rules: Vec<Descriptor>,
    }
    Descriptor {
        id: &'static str,
        short_description: Message,
    }
    Message {
        text: String,
    }
    SarifResult {
        rule_id: &'static str,
        level: &'static str,
        message: Message,
        locations: Vec<Place>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        related_locations: Vec<Place>,
    }
    Place {
        physical_location: Physical,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<Message>,
    }
    Physical {
        artifact_location: Artifact,
        region: Region,
    }
    Artifact {
        uri: String,
    }
    Region {
        start_line: usize,
        start_column: usize,
        end_line: usize,
        end_column: usize,
    }
}

impl SarifV1 {
    /// A copy of findings.
    pub fn of(findings: &[Finding], sources: &Sources) -> Self {
        let rules: BTreeMap<_, _> = findings.iter().map(|finding| (finding.code.id, finding.code.about)).collect();
        let descriptor = |(id, about): (_, &str)| Descriptor { id, short_description: Message { text: about.into() } };
        let rules = rules.into_iter().map(descriptor).collect();
        let driver = Driver { name: "attune", version: env!("CARGO_PKG_VERSION"), rules };
        let results = findings.iter().map(|finding| SarifResult::of(finding, sources)).collect();
        Self {
            schema: "https://json.schemastore.org/sarif-2.1.0.json",
            version: "2.1.0",
            runs: [Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results }],
        }
    }
}

impl SarifResult {
    fn of(finding: &Finding, sources: &Sources) -> Self {
        let help = finding.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        let label = |label: &Label| Place::of(&label.at, Some(label.text.clone()), sources);
        Self {
            rule_id: finding.code.id,
            level: finding.severity.word(),
            message: Message { text: format!("{}{help}", finding.message) },
            locations: finding.at.iter().map(|at| Place::of(at, None, sources)).collect(),
            related_locations: finding.labels.iter().map(label).collect(),
        }
    }
}

impl Place {
    fn of(at: &Location, text: Option<String>, sources: &Sources) -> Self {
        let end = at.span.end.max(at.span.start);
        let (start_line, start_column) = sources.line_column(at);
        let (end_line, end_column) = sources.line_column(&Location { file: at.file, span: end..end });
        Self {
            physical_location: Physical {
                artifact_location: Artifact { uri: uri(&sources.file(at.file).path) },
                region: Region { start_line, start_column, end_line, end_column },
            },
            message: text.map(|text| Message { text }),
        }
    }
}

fn uri(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    format!("{scheme}{}", utf8_percent_encode(path, PATH))
}
