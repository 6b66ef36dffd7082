//! The declarations of policies, users and groups.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Display;
use std::ops::Range;

use super::allowed::Allowed;
use super::combine::{Combined, Content, DeclaredPolicies, DeclaredPolicy};
use super::fill::{Kind, Scope};
use super::lint::with_rule_id;
use super::raw::{RawFile, RawPolicy};
use super::renames::renames;
use super::rows::AllMade;
use super::schedule::Schedule;
use super::schema::SchemaErrors;
use super::spanned::{At, Report};
use super::statement::{Of, inline_document};
use super::{
    Authored, DeclaredAttachment, Desired, Envelope, Expectation, PolicyEntry, PolicyIntent, PrincipalEntry,
    RenamedFrom, codes, envelope,
};
use crate::base::{
    Confusable, FileId, Finding, GroupName, Location, NameProblem, PolicyName, Principal, Severity, UserName,
    confusable, spelled_out,
};
use crate::policy::{Clause, Document};

/// A document file, and the values of its placeholders.
pub(super) struct DocumentFile<'a> {
    pub(super) of: Of,
    pub(super) file: FileId,
    pub(super) text: &'a str,
    pub(super) scope: Scope<'a>,
}

pub(super) struct FileReader<'a> {
    pub(super) desired: &'a mut Desired,
    pub(super) policies: &'a mut DeclaredPolicies,
    /// The place of the `policy` key of each user and group.
    pub(super) attachments: &'a mut BTreeMap<Principal, Location>,
    pub(super) errors: &'a SchemaErrors,
    /// The entries that rows have made.
    pub(super) made: &'a AllMade,
    /// The documents of files, by the section and the name of the entry.
    pub(super) documents: BTreeMap<(&'static str, String), DocumentFile<'a>>,
    pub(super) report: &'a mut Report,
}

/// A declaration of a user or group, which may be one of several.
pub(super) struct Declared {
    pub(super) principal: Principal,
    pub(super) entry: PrincipalEntry,
    pub(super) schedule: Option<Schedule>,
    /// The place where its policy is named.
    pub(super) attachment: Option<Location>,
    /// The policy that has it in `attached_to`.
    pub(super) listed_by: Option<PolicyName>,
}

impl FileReader<'_> {
    /// Adds the declarations of policies, users and groups to the desired state.
    pub(super) fn read(&mut self, raw: &RawFile) {
        let file = self.report.file;
        let own =
            |made: &AllMade, section, name: &At<String>| made.get(section, name.get()).map_or(file, |made| made.file);
        let mut principals = Vec::new();
        for (written, policy) in &raw.policies.0 {
            self.report.file = own(self.made, "policies", written);
            let Some(name) = self.policy_name(written) else { continue };
            let attached_to = policy.attached_to.iter();
            principals.extend(attached_to.filter_map(|to| self.attached_to(&name, written, to)));
            let declared = self.policy(&name, written, policy);
            declare("policy", self.policies, name, declared, |declared| Some(&declared.at), self.report);
        }
        for (written, user) in &raw.users.0 {
            self.report.file = own(self.made, "users", written);
            let Some(name) = self.name("user", UserName::parse(written.get()), written) else { continue };
            principals.extend(self.principal(Principal::User(name), user, written));
        }
        for (written, group) in &raw.groups.0 {
            self.report.file = own(self.made, "groups", written);
            let Some(name) = self.name("group", GroupName::parse(written.get()), written) else { continue };
            principals.extend(self.principal(Principal::Group(name), &group.clone().into(), written));
        }
        // The order must not depend on the order of the tables.
        principals.sort_by_key(|declared| declared.listed_by.clone());
        principals.into_iter().for_each(|declared| self.declare_principal(declared));
    }

    fn declare_principal(&mut self, declared: Declared) {
        let Declared { principal, entry, schedule, attachment, .. } = declared;
        if let Some(at) = attachment {
            self.attachments.entry(principal.clone()).or_insert(at);
        }
        if let Some(schedule) = schedule.filter(|_| self.desired.entry(&principal).is_none()) {
            self.desired.schedules.insert(principal.clone(), schedule);
        }
        let Desired { users, groups, .. } = &mut *self.desired;
        match principal {
            Principal::User(name) => declare("user", users, name, entry, |entry| entry.at.as_ref(), self.report),
            Principal::Group(name) => declare("group", groups, name, entry, |entry| entry.at.as_ref(), self.report),
        }
    }

    pub(super) fn name<N>(&mut self, kind: &str, parsed: Result<N, NameProblem>, written: &At<String>) -> Option<N> {
        let bad = |problem| {
            let message = format!("the {kind} name {:?} {problem}", written.get());
            let help = "rename it: API calls cannot carry this name safely";
            self.report.error(codes::BAD_NAME, written.span(), message, help);
        };
        parsed.map_err(bad).ok()
    }

    /// Reads `[policies.NAME]`.
    fn policy(&mut self, policy: &PolicyName, name: &At<String>, raw: &RawPolicy) -> DeclaredPolicy {
        let document = self.documents.remove(&("policies", name.get().clone()));
        let lint = Allowed::read(raw.lint.as_ref(), self.report);
        let has_errors = self.errors.contain("policies", name.get());
        let combined = raw.combine.as_ref().filter(|combined| !combined.is_empty());
        let combined = combined.map(|combined| self.combined(combined));
        let mut found = Report::new(self.report.file);
        let content = content(policy, raw, combined, document, has_errors, name, &mut found);
        let is_allowed = |finding: &Finding| self.desired.lint.contains(finding.code) || lint.contains(finding.code);
        found.findings.retain(|finding| finding.is_error() || !is_allowed(finding));
        self.report.findings.append(&mut found.findings);
        let at = self.report.at(name.span());
        let is_abstract = raw.is_abstract == Some(true);
        let renamed_from = raw.renamed_from.as_ref().and_then(|old| self.old_name(policy, old));
        DeclaredPolicy { description: raw.description.clone(), lint, renamed_from, at, is_abstract, content }
    }

    fn combined(&mut self, written: &[At<String>]) -> Content {
        let read = |written: &At<String>| {
            let policy = self.name("policy", PolicyName::parse(written.get()), written)?;
            Some(Combined { policy, at: self.report.at(written.span()) })
        };
        let read: Vec<Option<Combined>> = written.iter().map(read).collect();
        read.into_iter().collect::<Option<_>>().map_or(Content::Invalid, Content::Combined)
    }

    fn old_name(&mut self, policy: &PolicyName, written: &At<String>) -> Option<RenamedFrom> {
        let old = self.policy_name(written)?;
        if old == *policy {
            let message = format!("policy `{policy}` is renamed from its own name");
            let help = "write the name that it had before, or remove `renamed_from`";
            self.report.error(codes::BAD_RENAME, written.span(), message, help);
            return None;
        }
        Some(RenamedFrom { policy: old, in_base: false, at: Some(self.report.at(written.span())) })
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
}

fn content(
    policy: &PolicyName,
    raw: &RawPolicy,
    combined: Option<Content>,
    document: Option<DocumentFile<'_>>,
    has_errors: bool,
    name: &At<String>,
    report: &mut Report,
) -> Content {
    let absent = raw.absent.unwrap_or(false);
    let given = [raw.document.is_some(), raw.statement.is_some(), raw.combine.is_some(), absent];
    if given.iter().filter(|given| **given).count() > 1 {
        let message = format!("policy `{policy}` has more than one of `document`, `statement`, `combine` and `absent`");
        report.error(codes::POLICY_CONFLICT, name.span(), message, "keep one of them");
        return Content::Invalid;
    }
    if absent && raw.is_abstract == Some(true) {
        let message = format!("policy `{policy}` is both `abstract` and `absent`");
        let help = "keep `absent` to remove it from the cluster, or `abstract` to combine it with others";
        report.error(codes::POLICY_CONFLICT, name.span(), message, help);
        return Content::Invalid;
    }
    let off_cluster = if absent { Some("absent") } else { raw.is_abstract.filter(|it| *it).map(|_| "abstract") };
    if let (Some(key), Some(old)) = (off_cluster, &raw.renamed_from) {
        let message = format!("policy `{policy}` has both `{key} = true` and `renamed_from`");
        report.error(codes::POLICY_CONFLICT, old.span(), message, "keep one of them");
        return Content::Invalid;
    }
    if absent {
        return Content::Own(PolicyIntent::Absent);
    }
    if let Some(combined) = combined {
        return combined;
    }
    let own = |authored: Option<Authored>| {
        authored.map_or(Content::Invalid, |authored| Content::Own(PolicyIntent::Present(authored)))
    };
    if let Some(statements) = raw.statement.as_ref().filter(|statements| !statements.is_empty()) {
        return own(inline_document(statements, Of::Policy, has_errors, report));
    }
    if let Some(document) = document {
        return own(document_from_file(&document, &mut report.findings));
    }
    if raw.document.is_none() && !has_errors {
        let help = "add `document = \"FILE.json\"`, `[[policies.NAME.statement]]` tables or `combine = [\"POLICY\"]`, or \
                    `absent = true` to remove the policy";
        report.error(codes::POLICY_EMPTY, name.span(), format!("policy `{policy}` has no document"), help);
    }
    Content::Invalid
}

pub(super) fn document_from_file(of: &DocumentFile<'_>, findings: &mut Vec<Finding>) -> Option<Authored> {
    let file = of.file;
    let mut report = Report::new(file);
    let replaced = &mut |text: &str, span: &Range<usize>| of.scope.filled(text, Kind::Exact, span, &mut report);
    let read = match of.of {
        Of::Policy => crate::policy::read_with(of.text, replaced),
        Of::Bucket => crate::policy::read_bucket_policy_with(of.text, replaced),
    };
    let failed = !report.findings.is_empty();
    findings.append(&mut report.findings);
    let mut read = read;
    if of.of == Of::Bucket {
        // It is what a bucket policy needs.
        read.problems.retain(|problem| !crate::policy::is_principal_note(problem));
    }
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
pub(super) fn declare<N: Ord + Display, E>(
    kind: &str,
    declared: &mut BTreeMap<N, E>,
    name: N,
    entry: E,
    at: impl Fn(&E) -> Option<&Location>,
    report: &mut Report,
) {
    match declared.entry(name) {
        Entry::Vacant(place) => _ = place.insert(entry),
        Entry::Occupied(first) => {
            let finding = Finding::error(codes::DECLARED_TWICE, format!("{kind} `{}` is declared twice", first.key()))
                .at(at(&entry).cloned())
                .label(at(first.get()).cloned(), "declared here, too")
                .help("remove one of the two declarations");
            report.findings.push(finding);
        }
    }
}

pub(super) fn check_together(
    desired: &Desired,
    attachments: &BTreeMap<Principal, Location>,
    findings: &mut Vec<Finding>,
) {
    attached_to_nothing(desired, attachments, findings);
    renames(desired, attachments, findings);
    confusable_names(desired, findings);
    names_with_wildcards(desired, findings);
    named_twice("expectations", desired.expectations.iter().map(Expectation::named), findings);
    named_twice("envelopes", desired.envelopes.iter().map(Envelope::named), findings);
    findings.extend(envelope::outside(desired));
}

/// Two expectations or envelopes of one name are an error: a failure, an override and a review name them. `all` has the name and
/// the place of each, and what to do if there are two of this name.
fn named_twice<'a>(
    kinds: &str,
    all: impl Iterator<Item = (&'a str, &'a Option<Location>, &'static str)>,
    findings: &mut Vec<Finding>,
) {
    let mut known = BTreeMap::new();
    for (name, at, help) in all {
        let Some(first) = known.insert(name, at) else { continue };
        let message = format!("two {kinds} have the name `{name}`");
        let finding = Finding::error(codes::DECLARED_TWICE, message).at(at.clone()).help(help);
        findings.push(finding.label(first.clone(), "first declared here"));
    }
}

fn attached_to_nothing(desired: &Desired, attachments: &BTreeMap<Principal, Location>, findings: &mut Vec<Finding>) {
    for (principal, entry, attachment) in desired.ever() {
        let DeclaredAttachment::Has(policy) = attachment else { continue };
        let kind = principal.kind();
        let absent = desired.policies.get(policy).filter(|of| matches!(of.intent, PolicyIntent::Absent));
        let (code, word, of, keep) = match (absent, desired.abstracts.get(policy)) {
            (Some(of), _) => (codes::ATTACHED_ABSENT, "absent", of, "keep the policy"),
            (None, Some(of)) => (codes::ATTACHED_ABSTRACT, "abstract", of, "remove `abstract = true`"),
            (None, None) => continue,
        };
        let finding = Finding::error(code, format!("{principal} has `{policy}`, which is declared `{word}`"))
            .at(attachments.get(&principal).or(entry.at.as_ref()).cloned())
            .label(of.at.clone(), format!("declared {word} here"))
            .help(format!("give the {kind} another policy or `detached = true`, or {keep}"));
        findings.push(finding);
    }
}

fn confusable_names(desired: &Desired, findings: &mut Vec<Finding>) {
    let policies = desired.policies.iter().chain(&desired.abstracts);
    let policies = policies.map(|(name, entry)| (name.as_str(), &entry.at)).collect::<Vec<_>>();
    let users = desired.users.iter().map(|(name, entry)| (name.as_str(), &entry.at)).collect();
    let groups = desired.groups.iter().map(|(name, entry)| (name.as_str(), &entry.at)).collect();
    let buckets = desired.buckets.iter().map(|(name, entry)| (name.as_str(), &entry.at)).collect();
    for (kind, names) in [("policy", policies), ("user", users), ("group", groups), ("bucket", buckets)] {
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
