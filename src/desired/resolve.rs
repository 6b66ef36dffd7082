//! Turns what was written into what is valid, and says why where that cannot be done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::at::At;
use super::credentials::sink;
use super::drift::ignores;
use super::lint::named;
use super::raw::{RawCluster, RawFile, RawOwnership, RawPolicy, RawStrategy, RawVia};
use super::statement::inline_document;
use super::{
    Allowed, Authored, ClusterSettings, Desired, Endpoint, Guards, Holding, Ownership, PolicyEntry, PolicyIntent,
    Strategy, Via, codes,
};
use crate::base::{FileId, Finding, Location, NameProblem, PolicyName, Principal, Release, Severity};

/// What has been read so far, of all files.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    pub(super) desired: Desired,
    /// Where a declared user or group says what it holds.
    pub(super) holds: BTreeMap<Principal, Location>,
}

/// A document file that was read: its id and its text.
pub(super) type DocumentFile<'a> = (FileId, &'a str);

impl Resolver {
    /// The sections that only the main file holds.
    pub(super) fn settings(&mut self, raw: &RawFile, file: FileId, directory: &Path, findings: &mut Vec<Finding>) {
        if let Some(cluster) = &raw.cluster {
            self.desired.cluster = cluster_settings(cluster.get(), file, directory, findings);
        }
        if let Some(ownership) = &raw.ownership {
            self.desired.ownership = ownership_of(ownership.get(), file, findings);
        }
        if let Some(guards) = &raw.guards {
            self.desired.guards = Guards::read(guards, file, findings);
        }
        if let Some(drift) = &raw.drift {
            self.desired.ignores = ignores(drift.get(), file, findings);
        }
        self.desired.lint = Allowed::read(raw.lint.as_ref().map(At::get), file, findings);
        if let Some(credentials) = &raw.credentials {
            self.desired.credentials = sink(credentials, file, directory, findings);
        }
    }

    /// One `[policies.NAME]`. `broken` says that a part of it was already found wrong.
    pub(super) fn policy(
        &mut self,
        name: &At<String>,
        raw: &RawPolicy,
        document: Option<DocumentFile<'_>>,
        broken: bool,
        file: FileId,
        findings: &mut Vec<Finding>,
    ) {
        let at = Location { file, span: name.span() };
        let Some(policy) = policy_name(name.get(), &at, findings) else { return };
        if let Some(first) = self.desired.policies.get(&policy) {
            findings.push(twice("policy", policy.as_str(), at, first.at.clone()));
            return;
        }
        let lint = Allowed::read(raw.lint.as_ref(), file, findings);
        let mut found = Vec::new();
        let intent = policy_intent(&policy, raw, document, broken, &at, &mut found);
        let allowed = |finding: &Finding| self.desired.lint.contains(finding.code) || lint.contains(finding.code);
        findings.extend(found.into_iter().filter(|finding| finding.is_error() || !allowed(finding)));
        let Some(intent) = intent else { return };
        let entry = PolicyEntry { description: raw.description.clone(), intent, lint, at: Some(at) };
        self.desired.policies.insert(policy, entry);
    }

    /// What only shows when all files are read.
    pub(super) fn finish(&mut self, findings: &mut Vec<Finding>) {
        for (principal, entry) in self.desired.holders() {
            let Holding::Holds(policy) = &entry.intent else { continue };
            let Some(declared) = self.desired.policies.get(policy) else { continue };
            if !matches!(declared.intent, PolicyIntent::Absent) {
                continue;
            }
            let finding = Finding::error(
                codes::HOLDS_ABSENT,
                format!("{principal} is to hold `{policy}`, which is declared `absent`"),
            );
            let finding = finding.at(self.holds.get(&principal).cloned()).help(format!(
                "give the {} another policy, or `detached = true`, or keep the policy",
                principal.kind()
            ));
            findings.push(match &declared.at {
                Some(at) => finding.label(at.clone(), "declared absent here"),
                None => finding,
            });
        }
    }
}

fn cluster_settings(raw: &RawCluster, file: FileId, directory: &Path, findings: &mut Vec<Finding>) -> ClusterSettings {
    let endpoint = |text: &At<String>| Endpoint {
        text: text.get().clone(),
        directory: directory.to_path_buf(),
        at: Some(Location { file, span: text.span() }),
    };
    ClusterSettings {
        endpoints: raw.endpoints.iter().map(endpoint).collect(),
        tenant: raw.tenant.as_ref().map(|tenant| tenant.get().clone()),
        ca_file: raw.ca_file.as_ref().map(|path| directory.join(path.get())),
        fingerprint: raw.fingerprint.as_ref().and_then(|text| fingerprint(text, file, findings)),
        via: match raw.via {
            Some(RawVia::Weka) => Via::Weka,
            Some(RawVia::Rest) | None => Via::Rest,
        },
        // A name without a path is looked for in `PATH`.
        weka_bin: raw.weka_bin.as_ref().map(|bin| match bin.get().contains('/') {
            true => directory.join(bin.get()),
            false => PathBuf::from(bin.get()),
        }),
        release: raw.release.as_ref().and_then(|text| release(text, file, findings)),
        replace: match raw.replace {
            Some(RawStrategy::Gap) => Strategy::Gap,
            Some(RawStrategy::Swap) | None => Strategy::Swap,
        },
    }
}

fn release(text: &At<String>, file: FileId, findings: &mut Vec<Finding>) -> Option<Release> {
    let release = Release::parse(text.get());
    if release.is_none() {
        findings.push(
            Finding::error(codes::BAD_RELEASE, format!("`{}` is not a release", text.get()))
                .at(Location { file, span: text.span() })
                .help("write its numbers, such as `5.1`; without it the cluster is asked"),
        );
    }
    release
}

fn fingerprint(text: &At<String>, file: FileId, findings: &mut Vec<Finding>) -> Option<String> {
    let digits = text.get().strip_prefix("sha256:").map(|digits| digits.replace(':', "").to_lowercase());
    let digits = digits.filter(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if digits.is_none() {
        let message = format!("`{}` is not a fingerprint", text.get());
        findings.push(
            Finding::error(codes::BAD_FINGERPRINT, message)
                .at(Location { file, span: text.span() })
                .help("write `sha256:` and the 64 hexadecimal digits of the SHA-256 of the certificate (DER)"),
        );
    }
    digits
}

fn ownership_of(raw: &RawOwnership, file: FileId, findings: &mut Vec<Finding>) -> Ownership {
    let policies = patterns(&raw.policies, file, findings);
    let users = patterns(&raw.users, file, findings);
    let groups = patterns(&raw.groups, file, findings);
    Ownership { policies, users, groups }
}

/// Reads patterns of names. A text that is none is a finding.
pub(super) fn patterns(texts: &[At<String>], file: FileId, findings: &mut Vec<Finding>) -> Vec<glob::Pattern> {
    let mut read = Vec::new();
    for text in texts {
        match glob::Pattern::new(text.get()) {
            Ok(pattern) => read.push(pattern),
            Err(error) => findings.push(
                Finding::error(codes::BAD_PATTERN, format!("`{}` is not a pattern: {error}", text.get()))
                    .at(Location { file, span: text.span() })
                    .help("`*` stands for any run of characters, `?` for one"),
            ),
        }
    }
    read
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
    Some(Authored { document, source: Some((file, read.places)) })
}

pub(super) fn bad_name(what: &str, name: &str, problem: NameProblem, at: Location) -> Finding {
    Finding::error(codes::BAD_NAME, format!("the {what} name {name:?} {problem}"))
        .at(at)
        .help("such a name cannot be carried safely by the calls that would have to name it; rename it")
}

pub(super) fn twice(what: &str, name: &str, at: Location, first: Option<Location>) -> Finding {
    let finding = Finding::error(codes::DECLARED_TWICE, format!("{what} `{name}` is declared twice"))
        .at(at)
        .help("keep one of the two declarations");
    match first {
        Some(first) => finding.label(first, "first declared here"),
        None => finding,
    }
}
