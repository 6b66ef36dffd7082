//! SARIF 2.1.0, for code scanning: one run for all configurations. Only the parts that attune writes.

use std::collections::BTreeMap;
use std::io::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::{Checked, Problem, REPOSITORY, Region, documentation, explanation, message, problems};
use crate::base::{Code, Label, Severity};
use crate::render::json;

/// The characters that stay as they are in the path of a URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// The name that GitHub and others use for the top level of the repository.
const TOP_LEVEL: &str = "%SRCROOT%";

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

macro_rules! sarif {
    ($($name:ident { $($(#[$meta:meta])* $member:ident: $type:ty,)* })*) => {$(
        #[derive(Serialize)]
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
        semantic_version: &'static str,
        information_uri: &'static str,
        rules: Vec<Descriptor>,
    }
    Descriptor {
        id: &'static str,
        short_description: Message,
        full_description: Message,
        help: Message,
        help_uri: String,
    }
    Message {
        text: String,
    }
    SarifResult {
        rule_id: &'static str,
        rule_index: usize,
        level: &'static str,
        message: Message,
        locations: [Place; 1],
        #[serde(skip_serializing_if = "Vec::is_empty")]
        related_locations: Vec<Place>,
        partial_fingerprints: Fingerprints,
    }
    Fingerprints {
        /// The name that GitHub reads.
        primary_location_line_hash: String,
    }
    Place {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<usize>,
        physical_location: Physical,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<Message>,
    }
    Physical {
        artifact_location: Artifact,
        region: SarifRegion,
    }
    Artifact {
        uri: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        uri_base_id: Option<&'static str>,
    }
    SarifRegion {
        start_line: usize,
        start_column: usize,
        end_line: usize,
        end_column: usize,
    }
}

/// Writes the findings as a SARIF log with one run.
pub fn sarif(out: &mut dyn Write, checked: &[Checked]) -> io::Result<()> {
    let problems = problems(checked);
    let mut rules: BTreeMap<&str, (Code, usize)> =
        problems.iter().map(|problem| (problem.finding.code.id, (problem.finding.code, 0))).collect();
    rules.values_mut().enumerate().for_each(|(index, (_, of))| *of = index);
    let results = problems.iter().map(|problem| result(problem, rules[problem.finding.code.id].1)).collect();
    let version = env!("CARGO_PKG_VERSION");
    let driver = Driver {
        name: "attune",
        version,
        semantic_version: version,
        information_uri: REPOSITORY,
        rules: rules.into_values().map(|(code, _)| descriptor(code)).collect(),
    };
    let log = Log {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: [Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results }],
    };
    json::write(out, &log)
}

fn descriptor(code: Code) -> Descriptor {
    let (text, explained, help_uri) = (code.about.to_owned(), explanation(code), documentation(code));
    Descriptor {
        id: code.id,
        short_description: Message { text },
        help: Message { text: format!("{explained} See {help_uri}") },
        full_description: Message { text: explained },
        help_uri,
    }
}

fn result(problem: &Problem<'_>, rule_index: usize) -> SarifResult {
    let (finding, checked) = (problem.finding, problem.checked);
    let label = |(id, label): (usize, &Label)| Place {
        id: Some(id + 1),
        message: Some(Message { text: label.text.clone() }),
        ..place(checked.region(Some(&label.at)))
    };
    SarifResult {
        rule_id: finding.code.id,
        rule_index,
        level: match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        message: Message { text: message(finding, checked) },
        locations: [place(problem.region.clone())],
        related_locations: checked.sources.resolved(finding).labels.iter().enumerate().map(label).collect(),
        partial_fingerprints: Fingerprints { primary_location_line_hash: problem.fingerprint.clone() },
    }
}

fn place(region: Region) -> Place {
    let Region { path, start: (start_line, start_column), end: (end_line, end_column) } = region;
    let is_absolute = path.starts_with('/');
    let scheme = if is_absolute { "file://" } else { "" };
    let artifact_location = Artifact {
        uri: format!("{scheme}{}", utf8_percent_encode(&path, PATH)),
        uri_base_id: (!is_absolute).then_some(TOP_LEVEL),
    };
    let region = SarifRegion { start_line, start_column, end_line, end_column };
    Place { id: None, physical_location: Physical { artifact_location, region }, message: None }
}
