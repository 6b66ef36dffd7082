//! Checks the old names of renamed policies (`renamed_from`) against all other declarations, and removes those that are done.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{DeclaredAttachment, Desired, Edit, PolicyEntry, PolicyIntent, codes};
use crate::base::{Finding, Location, PolicyName, Principal, Sources};

/// The old name of a renamed policy. No policy is declared under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenamedFrom {
    /// The old name.
    pub policy: PolicyName,
    /// Whether the trusted revision (`--base`) declares a policy of the old name, or the same rename.
    pub in_base: bool,
    /// The place of the old name.
    pub at: Option<Location>,
}

impl Desired {
    /// Whether this declares a policy of the old name, or the same rename.
    pub(super) fn declares_rename(&self, policy: &PolicyName, old: &PolicyName) -> bool {
        let is_present = |entry: &PolicyEntry| entry.intent.authored().is_some();
        let renames = |entry: &PolicyEntry| entry.renamed_from.as_ref().is_some_and(|from| from.policy == *old);
        self.policies.get(old).is_some_and(is_present) || self.policies.get(policy).is_some_and(renames)
    }

    /// The policies with an old name (`renamed_from`), in the order of their names.
    pub fn renames(&self) -> impl Iterator<Item = (&PolicyName, &RenamedFrom)> {
        self.policies.iter().filter_map(|(policy, entry)| Some((policy, entry.renamed_from.as_ref()?)))
    }
}

/// Finds old names that are declared as well, that two policies have, or that a user or group is to have.
pub(super) fn renames(desired: &Desired, attachments: &BTreeMap<Principal, Location>, findings: &mut Vec<Finding>) {
    let mut renamed: BTreeMap<&PolicyName, (&PolicyName, &RenamedFrom)> = BTreeMap::new();
    for (policy, old) in desired.renames() {
        findings.extend(declared_as_well(desired, policy, old));
        if let Some((first, of_first)) = renamed.get(&old.policy) {
            let message = format!("`{first}` and `{policy}` are both renamed from `{}`", old.policy);
            let finding = Finding::error(codes::BAD_RENAME, message).at(old.at.clone());
            let help = "keep one `renamed_from`, and move the users of the other policy by their own declarations";
            findings.push(finding.help(help).label(of_first.at.clone(), "first renamed here"));
        } else {
            renamed.insert(&old.policy, (policy, old));
        }
    }
    for (principal, entry, attachment) in desired.ever() {
        let DeclaredAttachment::Has(attached) = attachment else { continue };
        // A policy that is declared under the old name is the error.
        let is_declared = desired.policy(attached).is_some();
        let Some((policy, old)) = renamed.get(attached).filter(|_| !is_declared) else { continue };
        let message = format!("{principal} has `{attached}`, which is renamed to `{policy}`");
        let finding = Finding::error(codes::ATTACHED_RENAMED, message)
            .at(attachments.get(&principal).or(entry.at.as_ref()).cloned())
            .help(format!("give the {} the policy `{policy}`, or remove `renamed_from`", principal.kind()))
            .label(old.at.clone(), "renamed here");
        findings.push(finding);
    }
}

fn declared_as_well(desired: &Desired, policy: &PolicyName, old: &RenamedFrom) -> Option<Finding> {
    let entry =
        [&desired.policies, &desired.abstracts, &desired.broken].into_iter().find_map(|of| of.get(&old.policy))?;
    let (what, help) = match &entry.intent {
        PolicyIntent::Present(_) => (
            "declared as well",
            "remove one of the two; policies can exchange names, or be renamed in a row, only in two applies",
        ),
        PolicyIntent::Absent => ("declared absent", "remove that declaration: a rename removes the old policy"),
    };
    let message = format!("policy `{policy}` is renamed from `{}`, which is {what}", old.policy);
    let finding = Finding::error(codes::BAD_RENAME, message).at(old.at.clone()).help(help);
    Some(finding.label(entry.at.clone(), "declared here"))
}

/// The edits that remove `renamed_from` where `is_done` says so of the old name. Comments stay.
pub fn without_renames(desired: &Desired, sources: &Sources, is_done: impl Fn(&PolicyName) -> bool) -> Vec<Edit> {
    let edit = |(_, old): (&PolicyName, &RenamedFrom)| {
        let at = old.at.as_ref()?;
        let (span, with) = without_key(&sources.file(at.file).text, at.span.clone())?;
        Some(Edit { at: Location { file: at.file, span }, with })
    };
    desired.renames().filter(|(_, old)| is_done(&old.policy)).filter_map(edit).collect()
}

/// The place of the key with this value and everything that goes with it, and the text that stays of it: its comment.
fn without_key(text: &str, value: Range<usize>) -> Option<(Range<usize>, String)> {
    let line = text[..value.start].rfind('\n').map_or(0, |end| end + 1);
    let end = text[value.end..].find('\n').map_or(text.len(), |end| value.end + end + 1);
    let (before, after) = (&text[line..value.start], &text[value.end..end]);
    if !before.contains(['{', ',']) {
        let comment = after.trim_start();
        let indent = before.len() - before.trim_start().len();
        let kept = if comment.starts_with('#') { format!("{}{comment}", &before[..indent]) } else { String::new() };
        return Some((line..end, kept));
    }
    // In an inline table, with the comma before it, or after it if it comes first.
    let key = line + before.rfind("renamed_from")?;
    let key = if text[..key].ends_with(['"', '\'']) { key - 1 } else { key };
    let head = text[..key].trim_end();
    if head.ends_with(',') {
        return Some((head.len() - 1..value.end, String::new()));
    }
    let tail = &text[value.end..];
    let rest = tail.trim_start().strip_prefix(',').map_or(tail, str::trim_start);
    Some((key..text.len() - rest.len(), String::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removed(text: &str) -> String {
        let value = text.find("\"old\"").unwrap();
        let (span, with) = without_key(text, value..value + 5).unwrap();
        format!("{}{with}{}", &text[..span.start], &text[span.end..])
    }

    #[test]
    fn a_key_is_removed_and_comments_stay() {
        assert_eq!(
            removed("[policies.a]\n# why\nrenamed_from = \"old\"\nabsent = true"),
            "[policies.a]\n# why\nabsent = true"
        );
        assert_eq!(removed("  renamed_from=\"old\"   # until May\nb = 1\n"), "  # until May\nb = 1\n");
        assert_eq!(removed("[p]\na.\"renamed_from\" = \"old\""), "[p]\n");
        assert_eq!(removed("a = { x = 1, renamed_from = \"old\", y = 2 } # b\n"), "a = { x = 1, y = 2 } # b\n");
        assert_eq!(removed("a = { renamed_from = \"old\", y = 2 }\n"), "a = { y = 2 }\n");
        assert_eq!(removed("a = { x = 1, \"renamed_from\" = \"old\" }\n"), "a = { x = 1 }\n");
    }
}
