//! The declarations of policies and buckets, and the documents of both.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Display;
use std::ops::Range;
use std::path::Path;

use super::Loader;
use crate::base::{
    BucketName, CannedPolicy, FileId, Finding, GroupName, Location, NameProblem, NoCannedPolicy, PolicyName, Principal,
    Severity, UserName,
};
use crate::desired::combine::{Combined, Content, DeclaredPolicy};
use crate::desired::envelope::What;
use crate::desired::fill::{Kind, Scope};
use crate::desired::lint::{Allowed, with_rule_id};
use crate::desired::raw::{RawBucket, RawFile, RawPolicy, RawStatement};
use crate::desired::spanned::{At, Report};
use crate::desired::statement::{Of, inline_document};
use crate::desired::{Authored, BucketEntry, BucketIntent, PolicyIntent, RenamedFrom, codes};

impl Loader {
    /// Adds the declarations of a file to the desired state.
    pub(super) fn declarations(&mut self, raw: &RawFile, directory: &Path) {
        // A new section must note the names that it has.
        let RawFile {
            policies,
            users,
            groups,
            buckets,
            required_version: _,
            include: _,
            vars: _,
            tables: _,
            cluster: _,
            ownership: _,
            guards: _,
            drift: _,
            lint: _,
            credentials: _,
            roles: _,
            expect: _,
            envelope: _,
        } = raw;
        let mut principals = Vec::new();
        for (written, policy) in &policies.0 {
            self.enter("policies", written);
            self.note_policy(written, policy);
            let document = self.document(Of::Policy, written, policy.document.as_ref(), directory);
            let Some(name) = self.policy_name(written) else { continue };
            let attached_to = policy.attached_to.iter();
            principals.extend(attached_to.filter_map(|to| self.attached_to(&name, written, to)));
            let declared = self.policy(&name, written, policy, document);
            declare("policy", &mut self.policies, name, declared, |declared| Some(&declared.at), &mut self.report);
        }
        for (written, user) in &users.0 {
            self.enter("users", written);
            self.note_principal(What::User, written, user);
            let Some(name) = self.name("user", UserName::parse(written.get()), written) else { continue };
            principals.extend(self.principal(Principal::User(name), user, written));
        }
        for (written, group) in &groups.0 {
            self.enter("groups", written);
            self.note_principal(What::Group, written, group);
            let Some(name) = self.name("group", GroupName::parse(written.get()), written) else { continue };
            principals.extend(self.principal(Principal::Group(name), group, written));
        }
        // The order must not depend on the order of the tables.
        principals.sort_by_key(|declared| declared.listed_by.clone());
        principals.into_iter().for_each(|declared| self.declare_principal(declared));
        for (written, bucket) in &buckets.0 {
            self.enter("buckets", written);
            self.note_bucket(written, bucket);
            let document = self.document(Of::Bucket, written, bucket.document.as_ref(), directory);
            let (parsed, help) = (BucketName::parse(written.get()), "write the name as the cluster has it");
            let Some(name) = self.report.name("bucket", parsed, written, help) else { continue };
            let Some(intent) = self.bucket_intent(&name, written, bucket, document) else { continue };
            let lint = Allowed::read(bucket.lint.as_ref(), &mut self.report);
            let at = Some(self.report.at(written.span()));
            let entry = BucketEntry { description: bucket.description.clone(), intent, lint, at };
            declare("bucket", &mut self.desired.buckets, name, entry, |entry| entry.at.as_ref(), &mut self.report);
        }
    }

    /// Turns to an entry: from now on, findings name the row that makes it, if there is one.
    fn enter(&mut self, section: &str, name: &At<String>) {
        let made = self.made.get(section, name.get());
        self.report.file = made.map_or(self.report.file.whole(), |made| made.file);
    }

    pub(super) fn name<N>(&mut self, kind: &str, parsed: Result<N, NameProblem>, written: &At<String>) -> Option<N> {
        self.report.name(kind, parsed, written, "rename it: API calls cannot carry this name safely")
    }

    /// Reads `[policies.NAME]`.
    fn policy(
        &mut self,
        policy: &PolicyName,
        name: &At<String>,
        raw: &RawPolicy,
        document: Option<FileId>,
    ) -> DeclaredPolicy {
        let lint = Allowed::read(raw.lint.as_ref(), &mut self.report);
        let known = self.report.findings.len();
        let content = self.content(policy, name, raw, document);
        let found = self.report.findings.split_off(known);
        let is_allowed = |finding: &Finding| self.desired.lint.contains(finding.code) || lint.contains(finding.code);
        self.report.findings.extend(found.into_iter().filter(|finding| finding.is_error() || !is_allowed(finding)));
        let at = self.report.at(name.span());
        let is_abstract = raw.is_abstract == Some(true);
        let renamed_from = raw.renamed_from.as_ref().and_then(|old| self.old_name(policy, old));
        DeclaredPolicy { description: raw.description.clone(), lint, renamed_from, at, is_abstract, content }
    }

    fn content(
        &mut self,
        policy: &PolicyName,
        name: &At<String>,
        raw: &RawPolicy,
        document: Option<FileId>,
    ) -> Content {
        let combined = raw.combine.as_ref().filter(|combined| !combined.is_empty());
        let combined = combined.map(|combined| self.combined(combined));
        if let Some((span, message, help)) = conflict(policy, name, raw) {
            self.report.error(codes::POLICY_CONFLICT, span, message, help);
            return Content::Invalid;
        }
        if raw.absent == Some(true) {
            return Content::Own(PolicyIntent::Absent);
        }
        if let Some(combined) = combined {
            return combined;
        }
        let authored = self.authored(Of::Policy, name, raw.statement.as_deref(), document);
        if authored.is_none() && raw.document.is_none() && !self.errors.contain("policies", name.get()) {
            let help = "add `document = \"FILE.json\"`, `[[policies.NAME.statement]]` tables or `combine = [\"POLICY\"]`, or \
                        `absent = true` to remove the policy";
            self.report.error(codes::POLICY_EMPTY, name.span(), format!("policy `{policy}` has no document"), help);
        }
        authored.map_or(Content::Invalid, |authored| Content::Own(PolicyIntent::Present(authored)))
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

    fn bucket_intent(
        &mut self,
        bucket: &BucketName,
        name: &At<String>,
        raw: &RawBucket,
        document: Option<FileId>,
    ) -> Option<BucketIntent> {
        let given = [raw.policy.is_some(), raw.document.is_some(), raw.statement.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            let message = format!("bucket `{bucket}` has more than one of `policy`, `document` and `statement`");
            self.report.error(codes::BUCKET_CONFLICT, name.span(), message, "keep one of them");
            return None;
        }
        if let Some(policy) = &raw.policy {
            let bad = |problem| {
                let message = format!("the policy {:?} of bucket `{bucket}` {problem}", policy.get());
                let help = "a policy of `[policies]` is for users; for a bucket, write one of these names, `document` or \
                            `statement`";
                self.report.error(codes::BUCKET_POLICY, policy.span(), message, help);
            };
            // Names in a configuration have one spelling.
            let exact = |canned: &CannedPolicy| canned.as_str() == policy.get();
            let parsed = CannedPolicy::ALL.into_iter().find(exact).ok_or(NoCannedPolicy);
            return parsed.map_err(bad).ok().map(BucketIntent::Canned);
        }
        let authored = self.authored(Of::Bucket, name, raw.statement.as_deref(), document);
        if authored.is_none() && raw.document.is_none() && !self.errors.contain("buckets", name.get()) {
            let help = "add `policy = \"none\"` (or `download`, `upload`, `public`), `document = \"FILE.json\"` or \
                        `[[buckets.NAME.statement]]` tables";
            self.report.error(codes::BUCKET_CONFLICT, name.span(), format!("bucket `{bucket}` has no policy"), help);
        }
        authored.map(BucketIntent::Document)
    }

    /// The document of an entry: its statements, or that of its file.
    fn authored(
        &mut self,
        of: Of,
        name: &At<String>,
        statements: Option<&[At<RawStatement>]>,
        document: Option<FileId>,
    ) -> Option<Authored> {
        if let Some(statements) = statements.filter(|statements| !statements.is_empty()) {
            let has_errors = self.errors.contain(of.section(), name.get());
            return inline_document(statements, of, has_errors, &mut self.report);
        }
        let file = document?;
        let row = self.made.get(of.section(), name.get()).map(|made| &*made.row);
        let scope = Scope { variables: &self.variables, row };
        let mut report = Report::new(file);
        let replaced = &mut |text: &str, span: &Range<usize>| scope.filled(text, Kind::Exact, span, &mut report);
        let text = &self.sources.file(file).text;
        let mut read = match of {
            Of::Policy => crate::policy::read_with(text, replaced),
            Of::Bucket => crate::policy::read_bucket_policy_with(text, replaced),
        };
        if of == Of::Bucket {
            // It is what a bucket policy needs.
            read.problems.retain(|problem| !crate::policy::is_principal_note(problem));
        }
        let failed = !report.findings.is_empty();
        let is_broken = failed || read.problems.iter().any(|problem| problem.severity == Severity::Error);
        self.report.findings.append(&mut report.findings);
        self.report.findings.extend(read.problems.into_iter().map(|problem| Finding {
            code: problem.rule.code,
            severity: problem.severity,
            message: with_rule_id(problem.rule, &problem.message),
            at: Some(Location { file, span: problem.span }),
            labels: Vec::new(),
            help: problem.help,
        }));
        let authored = Authored::new(read.document?, Some((file, read.places)));
        Some(if is_broken { authored.broken() } else { authored })
    }
}

/// What a policy has that excludes each other: the place, the message and the help.
fn conflict(policy: &PolicyName, name: &At<String>, raw: &RawPolicy) -> Option<(Range<usize>, String, &'static str)> {
    let absent = raw.absent.unwrap_or(false);
    let given = [raw.document.is_some(), raw.statement.is_some(), raw.combine.is_some(), absent];
    if given.iter().filter(|given| **given).count() > 1 {
        let message = format!("policy `{policy}` has more than one of `document`, `statement`, `combine` and `absent`");
        return Some((name.span(), message, "keep one of them"));
    }
    if absent && raw.is_abstract == Some(true) {
        let help = "keep `absent` to remove it from the cluster, or `abstract` to combine it with others";
        return Some((name.span(), format!("policy `{policy}` is both `abstract` and `absent`"), help));
    }
    let off_cluster = if absent { Some("absent") } else { raw.is_abstract.filter(|it| *it).map(|_| "abstract") };
    let (key, old) = (off_cluster?, raw.renamed_from.as_ref()?);
    Some((old.span(), format!("policy `{policy}` has both `{key} = true` and `renamed_from`"), "keep one of them"))
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
