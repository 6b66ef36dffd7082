//! GitLab's code quality report: the widget of merge requests. Only the documented members.

use std::io::{self, Write};

use serde::Serialize;

use super::{Checked, Problem, Severity, message, problems};
use crate::render::json;

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

/// Writes the findings as a report of GitLab's code quality, a JSON array.
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
