//! The rules in words: what each finds and why, with its examples, as markdown.

use std::fmt::Write as _;

use crate::base::Severity;

use super::super::rule::{Example, Rule};
use super::rules;

/// What a rule is about, as markdown.
#[must_use]
pub fn explain(rule: &Rule) -> String {
    let mut text = format!("### {} `{}` ({})\n\n", rule.id, rule.code.id, severity(rule.severity));
    let _ = write!(text, "{}\n\n{}\n", rule.code.about, rule.because);
    examples(&mut text, "Found in:", rule.fires);
    examples(&mut text, "Not found in:", rule.silent);
    text
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn examples(text: &mut String, heading: &str, examples: &[Example]) {
    let shown: Vec<&str> = examples
        .iter()
        .filter_map(Example::shown)
        .filter(|example| !example.is_empty())
        .map(|example| example.trim_start_matches('\u{feff}'))
        .collect();
    if !shown.is_empty() {
        let _ = write!(text, "\n{heading}\n\n```json\n{}\n```\n", shown.join("\n"));
    }
}

/// The groups of rules: the letter of their ids, and what they are about.
const GROUPS: &[(char, &str)] = &[
    ('S', "Form"),
    ('A', "Actions"),
    ('R', "Resources"),
    ('V', "Variables"),
    ('C', "Conditions"),
    ('X', "Access"),
    ('G', "Grants"),
];

/// All rules, as a page of markdown: `docs/lints.md`.
#[must_use]
pub fn reference() -> String {
    let rules = rules();
    let mut text = INTRODUCTION.to_owned();
    for (letter, name) in GROUPS {
        let group: Vec<_> = rules.iter().filter(|rule| rule.id.starts_with(*letter)).collect();
        if group.is_empty() {
            continue;
        }
        let _ = write!(text, "\n## {name}\n\n| id | name | severity | found when |\n|---|---|---|---|\n");
        for rule in &group {
            let (name, about) = (rule.code.id, rule.code.about.replace('|', "\\|"));
            let _ = writeln!(text, "| {} | `{name}` | {} | {about} |", rule.id, severity(rule.severity));
        }
        for rule in &group {
            let _ = write!(text, "\n{}", explain(rule));
        }
    }
    text
}

const INTRODUCTION: &str = "\
# What is held against a policy document

This page is generated from the rules; do not edit it.

An *error* says that a server refuses the document or reads it otherwise than it is written; a *warning*, that something is
legal and probably not meant; a *note* is advice. Where the severity depends on the case, the table gives the highest.

What a WEKA cluster accepts is documented in part only. Its S3 descends from MinIO's, so the rules take into account what
servers of that lineage do, and where these differ the stricter answer is assumed. Each rule says so.

Examples that are not a whole document are members of one statement; what they leave out is
`\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::bucket/*\"`.

The rules are about IAM policies. Bucket policies have others: `s3:*` and other wildcards in actions are not supported there,
for instance.
";
