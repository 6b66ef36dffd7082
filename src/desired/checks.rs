//! Checks of all declarations together.

use std::collections::BTreeMap;

use super::renames::renames;
use super::{DeclaredAttachment, Desired, Envelope, Expectation, PolicyIntent, codes, envelope};
use crate::base::{Confusable, Finding, Location, Principal, confusable, spelled_out};
use crate::policy::{Clause, Document};

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
        let Some(authored) = desired.policies.get(policy).and_then(|of| of.intent.authored()) else { continue };
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
