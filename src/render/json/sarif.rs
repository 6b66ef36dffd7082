//! SARIF 2.1.0: findings for code scanning. Only the parts that attune writes.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::base::{Finding, Location, Severity, Sources};

/// What stands in a URI's path as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// A SARIF log with one run.
#[derive(Debug, Clone, Serialize)]
pub struct SarifV1 {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<Found>,
}

#[derive(Debug, Clone, Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Debug, Clone, Serialize)]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Message,
}

#[derive(Debug, Clone, Serialize)]
struct Message {
    text: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    rule_id: &'static str,
    level: &'static str,
    message: Message,
    locations: Vec<Place>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Place>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    physical_location: Physical,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Debug, Clone, Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

impl SarifV1 {
    /// A copy of findings.
    #[must_use]
    pub fn of(findings: &[Finding], sources: &Sources) -> Self {
        let rules: BTreeMap<_, _> = findings.iter().map(|finding| (finding.code.id, finding.code.about)).collect();
        let descriptor = |(id, about): (_, &str)| Descriptor { id, short_description: Message { text: about.into() } };
        let rules = rules.into_iter().map(descriptor).collect();
        let driver = Driver { name: "attune", version: env!("CARGO_PKG_VERSION"), rules };
        let results = findings.iter().map(|finding| Found::of(finding, sources)).collect();
        Self {
            schema: "https://json.schemastore.org/sarif-2.1.0.json",
            version: "2.1.0",
            runs: [Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results }],
        }
    }
}

impl Found {
    fn of(finding: &Finding, sources: &Sources) -> Self {
        let help = finding.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        let label = |label: &crate::base::Label| Place::of(&label.at, Some(label.text.clone()), sources);
        Self {
            rule_id: finding.code.id,
            level: match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            },
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
