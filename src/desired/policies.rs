//! What files declare of policies.

use super::at::At;
use super::declared::{Declared, bad_name};
use super::lint::named;
use super::raw::RawPolicy;
use super::statement::inline_document;
use super::{Allowed, Authored, PolicyEntry, PolicyIntent, codes};
use crate::base::{FileId, Finding, Location, PolicyName, Severity};

/// A document file that was read: its id and its text.
pub(super) type DocumentFile<'a> = (FileId, &'a str);

impl Declared {
    /// One `[policies.NAME]`. `broken` says that a part of it was already found wrong, `allowed` which rules every
    /// document may break.
    pub(super) fn policy(
        &mut self,
        name: &At<String>,
        raw: &RawPolicy,
        document: Option<DocumentFile<'_>>,
        broken: bool,
        allowed: &Allowed,
    ) {
        let at = Location { file: self.file, span: name.span() };
        let Some(policy) = policy_name(name.get(), &at, &mut self.findings) else { return };
        let lint = Allowed::read(raw.lint.as_ref(), self.file, &mut self.findings);
        let mut found = Vec::new();
        let intent = policy_intent(&policy, raw, document, broken, &at, &mut found);
        let is_told =
            |finding: &Finding| finding.is_error() || !(allowed.contains(finding.code) || lint.contains(finding.code));
        self.findings.extend(found.into_iter().filter(is_told));
        let Some(intent) = intent else { return };
        let entry = PolicyEntry { description: raw.description.clone(), intent, lint, at: Some(at) };
        self.policies.push((policy, entry));
    }
}

fn policy_name(name: &str, at: &Location, findings: &mut Vec<Finding>) -> Option<PolicyName> {
    let policy = match PolicyName::parse(name) {
        Ok(policy) => policy,
        Err(problem) => {
            findings.push(bad_name("policy", name, problem, at.clone()));
            return None;
        }
    };
    if policy.is_predefined() {
        let finding = Finding::error(codes::PREDEFINED, format!("`{policy}` is predefined on every cluster"));
        findings.push(finding.at(at.clone()).help(
            "a predefined policy can be held by users but not changed or removed; choose another name for your own",
        ));
        return None;
    }
    if name.starts_with(PolicyName::TRANSIT_PREFIX) {
        let finding = Finding::error(
            codes::RESERVED_NAME,
            format!("names that begin with `{}` are attune's own, for policies in transit", PolicyName::TRANSIT_PREFIX),
        );
        findings.push(finding.at(at.clone()).help("choose another name"));
        return None;
    }
    Some(policy)
}

fn policy_intent(
    policy: &PolicyName,
    raw: &RawPolicy,
    document: Option<DocumentFile<'_>>,
    broken: bool,
    at: &Location,
    findings: &mut Vec<Finding>,
) -> Option<PolicyIntent> {
    let absent = raw.absent.unwrap_or(false);
    let given = [raw.document.is_some(), raw.statement.is_some(), absent].iter().filter(|given| **given).count();
    if given > 1 {
        let message = format!("policy `{policy}` declares more than one of `document`, `statement` and `absent`");
        findings.push(Finding::error(codes::POLICY_CONFLICT, message).at(at.clone()).help("keep one of them"));
        return None;
    }
    if absent {
        return Some(PolicyIntent::Absent);
    }
    if let Some(statements) = raw.statement.as_ref().filter(|statements| !statements.is_empty()) {
        return inline_document(statements, broken, at.file, findings).map(PolicyIntent::Present);
    }
    if let Some((file, text)) = document {
        return document_from_file(file, text, findings).map(PolicyIntent::Present);
    }
    if raw.document.is_none() && !broken {
        let finding = Finding::error(codes::POLICY_EMPTY, format!("policy `{policy}` has no document"));
        findings.push(finding.at(at.clone()).help(
            "add `document = \"FILE.json\"` or `[[policies.NAME.statement]]` tables, or `absent = true` to have it removed",
        ));
    }
    None
}

fn document_from_file(file: FileId, text: &str, findings: &mut Vec<Finding>) -> Option<Authored> {
    let read = crate::policy::read(text);
    let failed = read.problems.iter().any(|problem| problem.severity == Severity::Error);
    findings.extend(read.problems.into_iter().map(|problem| Finding {
        code: problem.rule.code,
        severity: problem.severity,
        message: named(problem.rule, &problem.message),
        at: Some(Location { file, span: problem.span }),
        labels: Vec::new(),
        help: problem.help,
    }));
    let document = read.document.filter(|_| !failed)?;
    Some(Authored::new(document, Some((file, read.places))))
}
