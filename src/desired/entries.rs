//! The declarations of policies, users and groups.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Display;

use super::fill::{Kind, Scope};
use super::lint::{Allowed, with_rule_id};
use super::raw::{RawFile, RawPolicy, RawUser};
use super::schema::SchemaErrors;
use super::spanned::{At, Report};
use super::statement::inline_document;
use super::{Authored, DeclaredAttachment, Desired, PolicyEntry, PolicyIntent, PrincipalEntry, codes};
use crate::base::{
    Confusable, FileId, Finding, GroupName, Location, NameProblem, PolicyName, Principal, Severity, UserName,
    confusable, spelled_out,
};
use crate::policy::{Clause, Document};

/// A document file, and the values of its placeholders.
pub(super) struct DocumentFile<'a> {
    pub(super) file: FileId,
    pub(super) text: &'a str,
    pub(super) scope: Scope<'a>,
}

pub(super) struct FileReader<'a> {
    pub(super) desired: &'a mut Desired,
    /// The place of the `policy` key of each user and group.
    pub(super) attachments: &'a mut BTreeMap<Principal, Location>,
    pub(super) errors: &'a SchemaErrors,
    pub(super) report: &'a mut Report,
}

impl FileReader<'_> {
    /// Adds the declarations to the desired state. `documents` has the document file of each policy, in order.
    pub(super) fn read<'d>(&mut self, raw: &RawFile, documents: impl IntoIterator<Item = Option<DocumentFile<'d>>>) {
        for ((name, policy), document) in raw.policies.0.iter().zip(documents) {
            if let Some((name, entry)) = self.policy(name, policy, document) {
                let Desired { policies, broken, .. } = &mut *self.desired;
                let declared = if entry.intent.is_broken() { broken } else { policies };
                declare("policy", declared, name, entry, |entry| &entry.at, self.report);
            }
        }
        for (written, user) in &raw.users.0 {
            let Some(name) = self.name("user", UserName::parse(written.get()), written) else { continue };
            if let Some(entry) = self.principal(&Principal::from(&name), user, written) {
                declare("user", &mut self.desired.users, name, entry, |entry| &entry.at, self.report);
            }
        }
        for (written, group) in &raw.groups.0 {
            let Some(name) = self.name("group", GroupName::parse(written.get()), written) else { continue };
            let group = RawUser { policy: group.policy.clone(), detached: group.detached, revoke_keys: None };
            if let Some(entry) = self.principal(&Principal::from(&name), &group, written) {
                declare("group", &mut self.desired.groups, name, entry, |entry| &entry.at, self.report);
            }
        }
    }

    fn name<N>(&mut self, kind: &str, parsed: Result<N, NameProblem>, written: &At<String>) -> Option<N> {
        let bad = |problem| {
            let message = format!("the {kind} name {:?} {problem}", written.get());
            let help = "rename it: API calls cannot carry this name safely";
            self.report.error(codes::BAD_NAME, written.span(), message, help);
        };
        parsed.map_err(bad).ok()
    }

    /// Reads `[policies.NAME]`.
    fn policy(
        &mut self,
        name: &At<String>,
        raw: &RawPolicy,
        document: Option<DocumentFile<'_>>,
    ) -> Option<(PolicyName, PolicyEntry)> {
        let policy = self.policy_name(name)?;
        let lint = Allowed::read(raw.lint.as_ref(), self.report);
        let has_errors = self.errors.contain("policies", name.get());
        let mut found = Report::new(self.report.file);
        let intent = policy_intent(&policy, raw, document, has_errors, name, &mut found);
        let is_allowed = |finding: &Finding| self.desired.lint.contains(finding.code) || lint.contains(finding.code);
        found.findings.retain(|finding| finding.is_error() || !is_allowed(finding));
        self.report.findings.append(&mut found.findings);
        let at = Some(self.report.at(name.span()));
        Some((policy, PolicyEntry { description: raw.description.clone(), intent: intent?, lint, at }))
    }

    fn policy_name(&mut self, name: &At<String>) -> Option<PolicyName> {
        let policy = self.name("policy", PolicyName::parse(name.get()), name)?;
        let prefix = PolicyName::TEMPORARY_PREFIX;
        if policy.is_predefined() {
            let help = "predefined policies can be attached, but not changed or removed; choose another name";
            let message = format!("`{policy}` is predefined on every cluster");
            self.report.error(codes::PREDEFINED, name.span(), message, help);
            return None;
        }
        if policy.as_str().starts_with(prefix) {
            let message = format!("names that start with `{prefix}` are reserved for attune's temporary policies");
            self.report.error(codes::RESERVED_NAME, name.span(), message, "choose another name");
            return None;
        }
        Some(policy)
    }

    /// Reads `[users.NAME]` or `[groups.NAME]`.
    fn principal(&mut self, principal: &Principal, raw: &RawUser, name: &At<String>) -> Option<PrincipalEntry> {
        let detached = raw.detached.unwrap_or(false);
        let revoke = raw.revoke_keys.as_ref().filter(|revoke| *revoke.get());
        if let Some(revoke) = revoke.filter(|_| !detached) {
            let message = format!("`revoke_keys` of {principal} needs `detached = true`");
            let help = "add `detached = true`, or remove `revoke_keys`: a user that keeps its policy needs its keys";
            self.report.error(codes::REVOKE_ALONE, revoke.span(), message, help);
        }
        let intent = match (&raw.policy, detached) {
            (Some(policy), true) => {
                let message = format!("{principal} has both `policy = \"{}\"` and `detached = true`", policy.get());
                self.report.error(codes::USER_CONFLICT, name.span(), message, "keep one of them");
                return None;
            }
            (Some(policy), false) => {
                let attached = self.name("policy", PolicyName::parse(policy.get()), policy)?;
                self.attachments.insert(principal.clone(), self.report.at(policy.span()));
                DeclaredAttachment::Has(attached)
            }
            (None, true) if revoke.is_some() => DeclaredAttachment::Revoked,
            (None, true) => DeclaredAttachment::Detached,
            (None, false) => {
                if !self.errors.contain(&format!("{}s", principal.kind()), name.get()) {
                    let message = format!("{principal} has neither `policy` nor `detached`");
                    let help = "add `policy = \"NAME\"`, or `detached = true` for no policy";
                    self.report.error(codes::USER_EMPTY, name.span(), message, help);
                }
                return None;
            }
        };
        Some(PrincipalEntry { intent, at: Some(self.report.at(name.span())) })
    }
}

fn policy_intent(
    policy: &PolicyName,
    raw: &RawPolicy,
    document: Option<DocumentFile<'_>>,
    has_errors: bool,
    name: &At<String>,
    report: &mut Report,
) -> Option<PolicyIntent> {
    let absent = raw.absent.unwrap_or(false);
    let given = [raw.document.is_some(), raw.statement.is_some(), absent].iter().filter(|given| **given).count();
    if given > 1 {
        let message = format!("policy `{policy}` has more than one of `document`, `statement` and `absent`");
        report.error(codes::POLICY_CONFLICT, name.span(), message, "keep one of them");
        return None;
    }
    if absent {
        return Some(PolicyIntent::Absent);
    }
    if let Some(statements) = raw.statement.as_ref().filter(|statements| !statements.is_empty()) {
        return inline_document(statements, has_errors, report).map(PolicyIntent::Present);
    }
    if let Some(document) = document {
        return document_from_file(&document, &mut report.findings).map(PolicyIntent::Present);
    }
    if raw.document.is_none() && !has_errors {
        let help = "add `document = \"FILE.json\"` or `[[policies.NAME.statement]]` tables, or `absent = true` to remove the policy";
        report.error(codes::POLICY_EMPTY, name.span(), format!("policy `{policy}` has no document"), help);
    }
    None
}

fn document_from_file(of: &DocumentFile<'_>, findings: &mut Vec<Finding>) -> Option<Authored> {
    let file = of.file;
    let mut report = Report::new(file);
    let read =
        crate::policy::read_with(of.text, &mut |text, span| of.scope.filled(text, Kind::Exact, span, &mut report));
    let failed = !report.findings.is_empty();
    findings.append(&mut report.findings);
    let failed = failed || read.problems.iter().any(|problem| problem.severity == Severity::Error);
    findings.extend(read.problems.into_iter().map(|problem| Finding {
        code: problem.rule.code,
        severity: problem.severity,
        message: with_rule_id(problem.rule, &problem.message),
        at: Some(Location { file, span: problem.span }),
        labels: Vec::new(),
        help: problem.help,
    }));
    let authored = Authored::new(read.document?, Some((file, read.places)));
    Some(if failed { authored.broken() } else { authored })
}

/// Adds a declaration. If an entry is declared twice, the first one counts, in the order of the files.
fn declare<N: Ord + Display, E>(
    kind: &str,
    declared: &mut BTreeMap<N, E>,
    name: N,
    entry: E,
    at: impl Fn(&E) -> &Option<Location>,
    report: &mut Report,
) {
    match declared.entry(name) {
        Entry::Vacant(place) => _ = place.insert(entry),
        Entry::Occupied(first) => {
            let finding = Finding::error(codes::DECLARED_TWICE, format!("{kind} `{}` is declared twice", first.key()))
                .at(at(&entry).clone())
                .help("remove one of the two declarations");
            report.findings.push(match at(first.get()) {
                Some(first) => finding.label(first.clone(), "first declared here"),
                None => finding,
            });
        }
    }
}

pub(super) fn check_together(
    desired: &Desired,
    attachments: &BTreeMap<Principal, Location>,
    findings: &mut Vec<Finding>,
) {
    attached_absent(desired, attachments, findings);
    confusable_names(desired, findings);
    names_with_wildcards(desired, findings);
}

fn attached_absent(desired: &Desired, attachments: &BTreeMap<Principal, Location>, findings: &mut Vec<Finding>) {
    for (principal, entry) in desired.principals() {
        let DeclaredAttachment::Has(policy) = &entry.intent else { continue };
        let Some(PolicyEntry { intent: PolicyIntent::Absent, at, .. }) = desired.policies.get(policy) else { continue };
        let message = format!("{principal} has `{policy}`, which is declared `absent`");
        let finding = Finding::error(codes::ATTACHED_ABSENT, message)
            .at(attachments.get(&principal).or(entry.at.as_ref()).cloned())
            .help(format!("give the {} another policy or `detached = true`, or keep the policy", principal.kind()));
        findings.push(match at {
            Some(at) => finding.label(at.clone(), "declared absent here"),
            None => finding,
        });
    }
}

fn confusable_names(desired: &Desired, findings: &mut Vec<Finding>) {
    let policies = desired.policies.iter().map(|(name, entry)| (name.as_str(), &entry.at)).collect::<Vec<_>>();
    let users = desired.users.iter().map(|(name, entry)| (name.as_str(), &entry.at)).collect();
    let groups = desired.groups.iter().map(|(name, entry)| (name.as_str(), &entry.at)).collect();
    for (kind, names) in [("policy", policies), ("user", users), ("group", groups)] {
        let odd = confusable(names.iter().map(|(name, _)| *name));
        let report =
            |(name, at): (&str, &Option<Location>)| Some(looks_alike(kind, name, odd.get(name)?).at(at.clone()));
        findings.extend(names.into_iter().filter_map(report));
    }
}

/// By MinIO rules, the name of a user is part of a pattern where its policy has `${aws:username}`.
fn names_with_wildcards(desired: &Desired, findings: &mut Vec<Finding>) {
    for (user, entry) in desired.users.iter().filter(|(user, _)| user.as_str().contains(['*', '?'])) {
        let DeclaredAttachment::Has(policy) = &entry.intent else { continue };
        let Some(PolicyEntry { intent: PolicyIntent::Present(authored), .. }) = desired.policies.get(policy) else {
            continue;
        };
        if has_name_in_pattern(authored.document()) {
            let message = format!(
                "by MinIO rules, the user `{user}` gets what `{policy}` allows by `${{aws:username}}` to all users whose \
                 names match"
            );
            let finding = Finding::warning(codes::NAME_PATTERN, message).at(entry.at.clone());
            findings.push(finding.help("give the user another name, or a policy without `${aws:username}`"));
        }
    }
}

/// Whether a document compares the name of the user as a part of a pattern.
fn has_name_in_pattern(document: &Document) -> bool {
    let has_name = |text: &String| text.contains("${aws:username}") || text.contains("${aws:userid}");
    let is_pattern = |clause: &&Clause| clause.operator.contains("Like");
    document.statements.iter().any(|statement| {
        let values = statement.conditions.iter().filter(is_pattern).flat_map(|clause| &clause.values);
        statement.resources.patterns.iter().chain(values).any(has_name)
    })
}

/// The finding about a name, declared or on the cluster, that looks like another one.
pub fn looks_alike(kind: &str, name: &str, why: &Confusable) -> Finding {
    let message = format!("the {kind} `{name}` {}", why.reason());
    Finding::warning(codes::CONFUSABLE, message)
        .help(format!("{}: check that this name is intended", spelled_out(name)))
}
