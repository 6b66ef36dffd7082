//! Findings of several configurations in one document, for tools that collect results: SARIF, JUnit and GitLab's code quality.

mod junit;
mod sarif;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::base::{Code, Finding, Location, Severity, Sources};
use crate::desired::RepositoryPaths;
use crate::policy;
use crate::render::json;

pub use junit::{junit, junit_of_expectations, junit_of_verify};
pub use sarif::sarif;

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The path of the main file, as given.
    pub file: String,
    /// The paths of its files in their repository.
    pub paths: RepositoryPaths,
    /// The findings, without a place if the main file could not be read.
    pub findings: Vec<Finding>,
    /// The files that were read.
    pub sources: Sources,
}

/// A finding with its place in the repository.
struct Problem<'a> {
    finding: &'a Finding,
    checked: &'a Checked,
    region: Region,
    /// The same in the next run, even if the lines move. Different from that of any other problem.
    fingerprint: String,
}

/// A region of a file. A finding without a place has the start of the main file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Region {
    /// From the top level of the repository.
    path: String,
    /// Line and column of the start, from 1; the column in characters.
    start: (usize, usize),
    end: (usize, usize),
}

impl Checked {
    fn region(&self, at: Option<&Location>) -> Region {
        let Some(at) = at else { return Region { path: self.paths.of(&self.file), start: (1, 1), end: (1, 1) } };
        let end = at.span.end.max(at.span.start);
        Region {
            path: self.paths.of(&self.sources.file(at.file).path),
            start: self.sources.line_column(at),
            end: self.sources.line_column(&Location { file: at.file, span: end..end }),
        }
    }

    /// The line on which a finding starts, with single blanks; without a place, its message.
    fn line(&self, finding: &Finding) -> String {
        let text = finding.at.as_ref().map_or(finding.message.as_str(), |at| {
            let start = at.span.start;
            self.sources.file(at.file).around(&(start..start), 0).2
        });
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The findings of all configurations. A document that two configurations name is reported once.
fn problems(checked: &[Checked]) -> Vec<Problem<'_>> {
    let (mut seen, mut equal) = (BTreeSet::new(), BTreeMap::new());
    let mut problems = Vec::new();
    for (checked, finding) in checked.iter().flat_map(|of| of.findings.iter().map(move |finding| (of, finding))) {
        let region = checked.region(finding.at.as_ref());
        if !seen.insert((region.clone(), finding.code, finding.message.as_str())) {
            continue;
        }
        let mut hash = Sha256::new();
        for part in [finding.code.id, &region.path, &checked.line(finding)] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let hash = hex::encode(&hash.finalize()[..16]);
        let number: &mut usize = equal.entry(hash.clone()).or_default();
        *number += 1;
        problems.push(Problem { finding, checked, region, fingerprint: format!("{hash}:{number}") });
    }
    problems
}

/// The message, the uses of a template or document that it is about, and what to do next.
fn message(finding: &Finding, checked: &Checked) -> String {
    let uses = checked.sources.uses(finding).into_iter().map(|label| {
        let Region { path, start: (line, _), .. } = checked.region(Some(&label.at));
        format!("\n{}: {path}:{line}", label.text)
    });
    let help = finding.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
    format!("{}{}{help}", finding.message, uses.collect::<String>())
}

const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// The address of the text about a code, in the documentation of this version.
fn documentation(code: Code) -> String {
    let page = match policy::rules().into_iter().find(|rule| rule.code == code) {
        Some(rule) => format!("lints.md#{}-{}-{}", rule.id.to_lowercase(), code.id, rule.severity.word()),
        None => format!("findings.md#{}", code.id),
    };
    format!("{REPOSITORY}/blob/v{}/docs/{page}", env!("CARGO_PKG_VERSION"))
}

/// Why a code matters: its sentence, and for a rule of documents its explanation.
fn explanation(code: Code) -> String {
    let rule = policy::rules().into_iter().find(|rule| rule.code == code);
    rule.map_or_else(|| code.about.to_owned(), |rule| format!("{} {}", code.about, rule.explanation()))
}

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: &'a str,
    severity: &'a str,
    location: Place<'a>,
}

#[derive(Serialize)]
struct Place<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
    end: usize,
}

/// Writes the findings as a report of GitLab's code quality, for the widget of merge requests: a JSON array.
pub fn code_quality(out: &mut dyn Write, checked: &[Checked]) -> io::Result<()> {
    let problems = problems(checked);
    json::write(out, &problems.iter().map(issue).collect::<Vec<_>>())
}

fn issue<'a>(problem: &'a Problem<'_>) -> Issue<'a> {
    Issue {
        description: message(problem.finding, problem.checked),
        check_name: problem.finding.code.id,
        fingerprint: &problem.fingerprint,
        severity: match problem.finding.severity {
            Severity::Error => "critical",
            Severity::Warning => "minor",
            Severity::Note => "info",
        },
        location: Place {
            path: &problem.region.path,
            lines: Lines { begin: problem.region.start.0, end: problem.region.end.0 },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: Code = Code::new("unknown-key", "The key is unknown.");

    fn checked(text: &str, places: &[&str]) -> Checked {
        let mut sources = Sources::default();
        let file = sources.add("a.toml", text);
        let places = places.iter().flat_map(|place| text.match_indices(place).map(|(at, found)| at..at + found.len()));
        let mut findings: Vec<Finding> =
            places.map(|span| Finding::error(UNKNOWN, "unknown key").at(Location { file, span })).collect();
        findings.sort_by_key(Finding::place);
        Checked { file: "a.toml".to_owned(), paths: RepositoryPaths::default(), findings, sources }
    }

    fn fingerprints(checked: &[Checked]) -> Vec<String> {
        problems(checked).into_iter().map(|problem| problem.fingerprint).collect()
    }

    #[test]
    fn a_fingerprint_follows_its_line_and_no_two_are_equal() {
        let before = fingerprints(&[checked("x = 1\ny = 2\n[t]\nx = 1\n", &["x", "y"])]);
        assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), 3, "{before:?}");
        let moved = fingerprints(&[checked("# new\n\n  x =  1\ny = 2\n[t]\nx = 1\n", &["x", "y"])]);
        assert_eq!(before, moved);
        let changed = fingerprints(&[checked("x = 2\ny = 2\n[t]\nx = 1\n", &["x", "y"])]);
        assert_ne!(before[0], changed[0]);
        assert_eq!(before[1], changed[1]);
    }

    #[test]
    fn a_file_of_two_configurations_is_reported_once() {
        let one = checked("x = 1\n", &["x"]);
        let mut other = one.clone();
        other.file = "b.toml".to_owned();
        other.findings.push(Finding::error(UNKNOWN, "cannot read b.toml"));
        let both = [one, other];
        let problems = problems(&both);
        assert_eq!(problems.len(), 2);
        assert_eq!(problems[1].region, Region { path: "b.toml".to_owned(), start: (1, 1), end: (1, 1) });
    }
}
