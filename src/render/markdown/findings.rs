//! What was found about a plan, and what guards say. Messages hold names from elsewhere, so all of a message is a code span.

use super::cut::Cut;
use super::escape::code;
use crate::base::Severity;
use crate::render::json::{FindingV1, OverrideV1, PlanV1};
use crate::render::words::count;

/// What stands in the way.
pub(super) fn blocking(plan: &PlanV1) -> String {
    let errors: Vec<&FindingV1> =
        plan.findings.iter().filter(|finding| matches!(finding.severity, Severity::Error)).collect();
    section("In the way", &errors)
}

/// What guards refuse.
pub(super) fn refused(plan: &PlanV1) -> String {
    section("Refused", &plan.refusals.iter().collect::<Vec<_>>())
}

/// What guards would have refused, had it not been overridden.
pub(super) fn overridden(overrides: &[OverrideV1]) -> String {
    if overrides.is_empty() {
        return String::new();
    }
    let item = |of: &OverrideV1| format!("- by {}: {}\n", code(&of.given), code(&of.message));
    format!("**Overridden**\n\n{}\n", overrides.iter().map(item).collect::<String>())
}

/// What else was found.
pub(super) fn other(plan: &PlanV1, cut: Cut) -> String {
    let others: Vec<&FindingV1> =
        plan.findings.iter().filter(|finding| !matches!(finding.severity, Severity::Error)).collect();
    if cut < Cut::Names || others.is_empty() {
        return section("Found as well", &others);
    }
    format!("{} not shown\n\n", count(others.len(), "warning or note is", "warnings and notes are"))
}

fn section(title: &str, findings: &[&FindingV1]) -> String {
    if findings.is_empty() {
        return String::new();
    }
    format!("**{title}**\n\n{}\n", findings.iter().map(|finding| item(finding)).collect::<String>())
}

fn item(finding: &FindingV1) -> String {
    let severity = finding.severity.word();
    let mut text = format!("- {severity} {}: {}", code(&finding.code), code(&finding.message));
    if let Some(file) = &finding.file {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        text += &format!(" in {}", code(&format!("{file}{line}")));
    }
    text.push('\n');
    for line in finding.help.iter().flat_map(|help| help.lines()).filter(|line| !line.trim().is_empty()) {
        text += &format!("  - {}\n", code(line.trim()));
    }
    text
}
