//! The declarations of policies, users and groups: those of one file, and the merged ones of all files.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Display;

use super::lint::{Allowed, with_rule_id};
use super::raw::{RawFile, RawPolicy, RawUser};
use super::schema::SchemaErrors;
use super::spanned::At;
use super::statement::inline_document;
use super::{Authored, DeclaredAttachment, Desired, PolicyEntry, PolicyIntent, PrincipalEntry, codes};
use crate::base::{
    Confusable, FileId, Finding, GroupName, Location, NameProblem, PolicyName, Principal, Severity, UserName,
    confusable, spelled_out,
};

/// The id and the text of a document file.
pub(super) type DocumentFile<'a> = (FileId, &'a str);

/// The declarations of one file, before they are checked against other files.
#[derive(Debug)]
pub(super) struct FileEntries {
    file: FileId,
    policies: Vec<(PolicyName, PolicyEntry)>,
    users: Vec<(UserName, PrincipalEntry)>,
    groups: Vec<(GroupName, PrincipalEntry)>,
    /// The place of the `policy` key of each user and group.
    attachments: Vec<(Principal, Location)>,
    findings: Vec<Finding>,
}

impl FileEntries {
    /// Reads the declarations of a file. `documents` has the document file of each policy, in order; every document may
    /// break the rules in `allowed`.
    pub(super) fn read<'d>(
        raw: &RawFile,
        errors: &SchemaErrors,
        documents: impl IntoIterator<Item = Option<DocumentFile<'d>>>,
        allowed: &Allowed,
        file: FileId,
    ) -> Self {
        let mut entries = Self {
            file,
            policies: Vec::new(),
            users: Vec::new(),
            groups: Vec::new(),
            attachments: Vec::new(),
            findings: Vec::new(),
        };
        for ((name, policy), document) in raw.policies.0.iter().zip(documents) {
            entries.policy(name, policy, document, errors.contain("policies", name.get()), allowed);
        }
        for (name, user) in &raw.users.0 {
            entries.user(name, user, errors.contain("users", name.get()));
        }
        for (name, group) in &raw.groups.0 {
            let at = Location { file, span: name.span() };
            let has_errors = errors.contain("groups", name.get());
            let Some(group_name) = entries.name("group", GroupName::parse(name.get()), name.get(), &at) else {
                continue;
            };
            let raw = RawUser { policy: group.policy.clone(), detached: group.detached, revoke_keys: None };
            if let Some(intent) = entries.attachment(&Principal::from(&group_name), &raw, has_errors, &at) {
                entries.groups.push((group_name, PrincipalEntry { intent, at: Some(at) }));
            }
        }
        entries
    }

    /// Adds the name if it is valid, else a finding.
    fn name<N>(&mut self, kind: &str, parsed: Result<N, NameProblem>, name: &str, at: &Location) -> Option<N> {
        let problem = match parsed {
            Ok(parsed) => return Some(parsed),
            Err(problem) => problem,
        };
        let finding = Finding::error(codes::BAD_NAME, format!("the {kind} name {name:?} {problem}"));
        self.findings.push(finding.at(at.clone()).help("rename it: API calls cannot carry this name safely"));
        None
    }

    /// Reads `[policies.NAME]`. `has_errors` suppresses findings about missing parts.
    fn policy(
        &mut self,
        name: &At<String>,
        raw: &RawPolicy,
        document: Option<DocumentFile<'_>>,
        has_errors: bool,
        allowed: &Allowed,
    ) {
        let at = Location { file: self.file, span: name.span() };
        let Some(policy) = self.policy_name(name.get(), &at) else { return };
        let lint = Allowed::read(raw.lint.as_ref(), self.file, &mut self.findings);
        let mut found = Vec::new();
        let intent = policy_intent(&policy, raw, document, has_errors, &at, &mut found);
        found.retain(|finding: &Finding| {
            finding.is_error() || !(allowed.contains(finding.code) || lint.contains(finding.code))
        });
        self.findings.append(&mut found);
        let Some(intent) = intent else { return };
        let entry = PolicyEntry { description: raw.description.clone(), intent, lint, at: Some(at) };
        self.policies.push((policy, entry));
    }

    fn policy_name(&mut self, name: &str, at: &Location) -> Option<PolicyName> {
        let policy = self.name("policy", PolicyName::parse(name), name, at)?;
        let finding = if policy.is_predefined() {
            let help = "predefined policies can be attached, but not changed or removed; choose another name";
            Finding::error(codes::PREDEFINED, format!("`{policy}` is predefined on every cluster")).help(help)
        } else if name.starts_with(PolicyName::TEMPORARY_PREFIX) {
            let prefix = PolicyName::TEMPORARY_PREFIX;
            let message = format!("names that start with `{prefix}` are reserved for attune's temporary policies");
            Finding::error(codes::RESERVED_NAME, message).help("choose another name")
        } else {
            return Some(policy);
        };
        self.findings.push(finding.at(at.clone()));
        None
    }

    /// Reads `[users.NAME]`.
    fn user(&mut self, name: &At<String>, raw: &RawUser, has_errors: bool) {
        let at = Location { file: self.file, span: name.span() };
        let Some(user) = self.name("user", UserName::parse(name.get()), name.get(), &at) else { return };
        let revoke = raw.revoke_keys.as_ref().filter(|revoke| *revoke.get());
        if let Some(revoke) = revoke.filter(|_| !raw.detached.unwrap_or(false)) {
            let message = format!("`revoke_keys` of user `{user}` needs `detached = true`");
            let help = "add `detached = true`, or remove `revoke_keys`: a user that keeps its policy needs its keys";
            let place = Location { file: self.file, span: revoke.span() };
            self.findings.push(Finding::error(codes::REVOKE_ALONE, message).at(place).help(help));
        }
        let intent = match self.attachment(&Principal::from(&user), raw, has_errors, &at) {
            Some(DeclaredAttachment::Detached) if revoke.is_some() => DeclaredAttachment::Revoked,
            Some(intent) => intent,
            None => return,
        };
        self.users.push((user, PrincipalEntry { intent, at: Some(at) }));
    }

    fn attachment(
        &mut self,
        principal: &Principal,
        raw: &RawUser,
        has_errors: bool,
        at: &Location,
    ) -> Option<DeclaredAttachment> {
        match (&raw.policy, raw.detached.unwrap_or(false)) {
            (Some(policy), true) => {
                let message = format!("{principal} has both `policy = \"{}\"` and `detached = true`", policy.get());
                let finding = Finding::error(codes::USER_CONFLICT, message).at(at.clone());
                self.findings.push(finding.help("keep one of them"));
                None
            }
            (Some(policy), false) => {
                let place = Location { file: at.file, span: policy.span() };
                let name = self.name("policy", PolicyName::parse(policy.get()), policy.get(), &place)?;
                self.attachments.push((principal.clone(), place));
                Some(DeclaredAttachment::Has(name))
            }
            (None, true) => Some(DeclaredAttachment::Detached),
            (None, false) => {
                if !has_errors {
                    let message = format!("{principal} has neither `policy` nor `detached`");
                    let help = "add `policy = \"NAME\"`, or `detached = true` for no policy";
                    self.findings.push(Finding::error(codes::USER_EMPTY, message).at(at.clone()).help(help));
                }
                None
            }
        }
    }
}

fn policy_intent(
    policy: &PolicyName,
    raw: &RawPolicy,
    document: Option<DocumentFile<'_>>,
    has_errors: bool,
    at: &Location,
    findings: &mut Vec<Finding>,
) -> Option<PolicyIntent> {
    let absent = raw.absent.unwrap_or(false);
    let given = [raw.document.is_some(), raw.statement.is_some(), absent].iter().filter(|given| **given).count();
    if given > 1 {
        let message = format!("policy `{policy}` has more than one of `document`, `statement` and `absent`");
        findings.push(Finding::error(codes::POLICY_CONFLICT, message).at(at.clone()).help("keep one of them"));
        return None;
    }
    if absent {
        return Some(PolicyIntent::Absent);
    }
    if let Some(statements) = raw.statement.as_ref().filter(|statements| !statements.is_empty()) {
        return inline_document(statements, has_errors, at.file, findings).map(PolicyIntent::Present);
    }
    if let Some((file, text)) = document {
        return document_from_file(file, text, findings).map(PolicyIntent::Present);
    }
    if raw.document.is_none() && !has_errors {
        let finding = Finding::error(codes::POLICY_EMPTY, format!("policy `{policy}` has no document"));
        findings.push(finding.at(at.clone()).help(
            "add `document = \"FILE.json\"` or `[[policies.NAME.statement]]` tables, or `absent = true` to remove the policy",
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
        message: with_rule_id(problem.rule, &problem.message),
        at: Some(Location { file, span: problem.span }),
        labels: Vec::new(),
        help: problem.help,
    }));
    let document = read.document.filter(|_| !failed)?;
    Some(Authored::new(document, Some((file, read.places))))
}

/// Adds the declarations of all files. If an entry is declared twice, the first one counts, in the order of the files.
pub(super) fn merge(files: Vec<FileEntries>, desired: &mut Desired, findings: &mut Vec<Finding>) {
    let (mut policies, mut users, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    let mut attachments = BTreeMap::new();
    for file in files {
        policies.extend(file.policies);
        users.extend(file.users);
        groups.extend(file.groups);
        attachments.extend(file.attachments);
        findings.extend(file.findings);
    }
    desired.policies = unique("policy", policies, |entry| &entry.at, findings);
    desired.users = unique("user", users, |entry| &entry.at, findings);
    desired.groups = unique("group", groups, |entry| &entry.at, findings);
    attached_absent(desired, &attachments, findings);
    confusable_names(desired, findings);
}

/// The entries by name. Reports entries that are declared twice.
fn unique<N: Ord + Display, E>(
    kind: &str,
    entries: Vec<(N, E)>,
    at: impl Fn(&E) -> &Option<Location>,
    findings: &mut Vec<Finding>,
) -> BTreeMap<N, E> {
    let mut unique = BTreeMap::new();
    for (name, entry) in entries {
        let first = match unique.entry(name) {
            Entry::Vacant(place) => {
                place.insert(entry);
                continue;
            }
            Entry::Occupied(first) => first,
        };
        let finding = Finding::error(codes::DECLARED_TWICE, format!("{kind} `{}` is declared twice", first.key()))
            .at(at(&entry).clone())
            .help("remove one of the two declarations");
        findings.push(match at(first.get()) {
            Some(first) => finding.label(first.clone(), "first declared here"),
            None => finding,
        });
    }
    unique
}

/// Reports users and groups with a policy that is declared `absent`.
fn attached_absent(desired: &Desired, attachments: &BTreeMap<Principal, Location>, findings: &mut Vec<Finding>) {
    for (principal, entry) in desired.holders() {
        let DeclaredAttachment::Has(policy) = &entry.intent else { continue };
        let Some(PolicyEntry { intent: PolicyIntent::Absent, at, .. }) = desired.policies.get(policy) else { continue };
        let message = format!("{principal} has `{policy}`, which is declared `absent`");
        let finding = Finding::error(codes::HOLDS_ABSENT, message)
            .at(attachments.get(&principal).or(entry.at.as_ref()).cloned())
            .help(format!("give the {} another policy or `detached = true`, or keep the policy", principal.kind()));
        findings.push(match at {
            Some(at) => finding.label(at.clone(), "declared absent here"),
            None => finding,
        });
    }
}

/// Reports declared names that look like other names.
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

/// The finding about a name, declared or on the cluster, that looks like another one.
#[must_use]
pub fn looks_alike(kind: &str, name: &str, why: &Confusable) -> Finding {
    let message = format!("the {kind} `{name}` {}", why.reason());
    Finding::warning(codes::CONFUSABLE, message)
        .help(format!("{}: check that this name is intended", spelled_out(name)))
}
