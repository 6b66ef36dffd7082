//! Checks the declared documents against the rules of documents, without the suppressed ones.

use std::collections::{BTreeMap, BTreeSet};

use super::raw::RawLint;
use super::rows::merged;
use super::spanned::Report;
use super::{Authored, Desired, PolicyEntry, codes};
use crate::base::{Code, FileId, Finding, Location, did_you_mean, nearest};
use crate::policy::{self, Catalogue, Depth, Lint, LintInput, Place, Rule};

/// The suppressed rules of `[lint] allow`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<Code>);

impl Allowed {
    /// Whether this rule is suppressed.
    pub fn contains(&self, rule: Code) -> bool {
        self.0.contains(&rule)
    }

    /// Whether the rule of this id or name is suppressed.
    pub fn has(&self, rule: &str) -> bool {
        let named = policy::rules().into_iter().find(|known| known.id == rule || known.code.id == rule);
        named.is_some_and(|known| self.contains(known.code))
    }

    /// The rules that this one or the other suppresses.
    pub(super) fn and(self, other: &Self) -> Self {
        Self(self.0.union(&other.0).copied().collect())
    }

    /// The ids of the rules, such as `R07`.
    pub fn names(&self) -> Vec<&'static str> {
        policy::rules().into_iter().filter(|rule| self.contains(rule.code)).map(|rule| rule.id).collect()
    }

    /// Reads a `[lint]` table. The name of no rule is a finding.
    pub(super) fn read(raw: Option<&RawLint>, report: &mut Report) -> Self {
        let Some(raw) = raw else { return Self::default() };
        let mut allowed = BTreeSet::new();
        let rules = policy::rules();
        for written in &raw.allow {
            let name = written.get();
            if let Some(rule) = rules.iter().find(|rule| rule.id == name || rule.code.id == name) {
                allowed.insert(rule.code);
                continue;
            }
            let id = rules.iter().map(|rule| rule.id).find(|id| id.eq_ignore_ascii_case(name));
            let near = id.or_else(|| nearest(name, rules.iter().map(|rule| rule.code.id)));
            let help =
                did_you_mean(near, || "write the id or the name of a rule, such as `R07` or `wrong-kind`".to_owned());
            report.error(codes::UNKNOWN_LINT, written.span(), format!("no rule has the name `{name}`"), help);
        }
        Self(allowed)
    }
}

/// Checks the declared documents, and what could be read of broken ones. Findings are in the order of the files and lines,
/// without those of suppressed rules.
pub fn lint(desired: &Desired, catalogue: &Catalogue, depth: Depth) -> Vec<Finding> {
    let found = grouped(without_repeated(lints(desired, catalogue, depth).collect()));
    let mut findings: Vec<Finding> =
        found.into_iter().map(|(entry, authored, lint)| finding(entry.at.as_ref(), authored, lint)).collect();
    findings.extend(bucket_findings(desired, catalogue, depth));
    findings.sort_by_key(Finding::place);
    merged(findings).0
}

/// The findings about the documents of buckets.
fn bucket_findings(desired: &Desired, catalogue: &Catalogue, depth: Depth) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (bucket, entry) in &desired.buckets {
        let Some(authored) = entry.intent.authored() else { continue };
        let depth = if authored.is_broken() { Depth::Quick } else { depth };
        let input = LintInput { document: authored.document(), catalogue, text_length: None, depth };
        let is_kept = |lint: &Lint| !desired.lint.contains(lint.rule.code) && !entry.lint.contains(lint.rule.code);
        let kept = policy::lint_bucket(&input, bucket).into_iter().filter(is_kept);
        findings.extend(kept.map(|lint| finding(entry.at.as_ref(), authored, lint)));
    }
    findings
}

type Found<'a> = (&'a PolicyEntry, &'a Authored, Lint);

/// The findings without those of combined policies that the policies with the statements have, too.
fn without_repeated(found: Vec<Found<'_>>) -> Vec<Found<'_>> {
    let place = |(_, authored, lint): &Found<'_>| {
        let Location { file, span } = authored.place(lint.place)?;
        Some((lint.rule.code, file, span.start, span.end))
    };
    let own = found.iter().filter(|(_, authored, _)| !authored.is_combined()).filter_map(place);
    let own: BTreeSet<_> = own.collect();
    let is_repeated = |of: &Found<'_>| of.1.is_combined() && place(of).is_some_and(|place| own.contains(&place));
    found.into_iter().filter(|of| !is_repeated(of)).collect()
}

/// Advice on several documents in the same words becomes one finding, for the first of them.
fn grouped<'a>(found: Vec<Found<'a>>) -> Vec<Found<'a>> {
    let mut repeated: BTreeMap<String, usize> = BTreeMap::new();
    for (_, _, lint) in found.iter().filter(|(_, _, lint)| lint.is_advice()) {
        *repeated.entry(lint.message.clone()).or_default() += 1;
    }
    let first = |(entry, authored, mut lint): Found<'a>| {
        let count = if lint.is_advice() { repeated.remove(&lint.message)? } else { 1 };
        if let Some(help) = lint.help.as_mut().filter(|_| count > 1) {
            help.push_str(&format!("; further policies with this note: {}", count - 1));
        }
        Some((entry, authored, lint))
    };
    found.into_iter().filter_map(first).collect()
}

/// A replacement of a text in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The place of the text.
    pub at: Location,
    /// The new text; a string is quoted so that both JSON and TOML can read it. Empty if the text is only removed.
    pub with: String,
}

/// The place of an edit, and its text for each use of the file.
type EditOfUses = (Location, BTreeMap<FileId, String>);

/// The edits that fix findings of [`lint`], where the fix is certain. A place that several policies use is only edited if all of
/// them need the same edit.
pub fn fixes(desired: &Desired, catalogue: &Catalogue) -> Vec<Edit> {
    let mut edits: BTreeMap<(FileId, usize, Place), EditOfUses> = BTreeMap::new();
    for (_, authored, lint) in lints(desired, catalogue, Depth::Quick) {
        let Some((at, fix)) = lint.fix.and_then(|fix| Some((authored.own_place(fix.place)?, fix))) else { continue };
        let key = (at.file.whole(), at.span.start, fix.place);
        let (_, by_use) = edits.entry(key).or_insert_with(|| (at.clone(), BTreeMap::new()));
        by_use.entry(at.file).or_insert(fix.written());
    }
    let authored: Vec<&Authored> = declared(desired).map(|(_, authored)| authored).collect();
    let edit = |((whole, start, place), (at, by_use)): ((FileId, usize, Place), EditOfUses)| {
        let places = authored.iter().filter_map(|authored| authored.own_place(place));
        let mut users = places.filter(|at| at.file.whole() == whole && at.span.start == start);
        let with = by_use.values().next()?;
        let is_same = users.all(|at| by_use.get(&at.file) == Some(with));
        is_same.then(|| Edit { at: Location { file: whole, span: at.span }, with: with.clone() })
    };
    edits.into_iter().filter_map(edit).collect()
}

/// A message with the id of its rule, by which users suppress the rule.
pub(super) fn with_rule_id(rule: &Rule, message: &str) -> String {
    format!("{message} [{}]", rule.id)
}

/// The declared documents, and what could be read of broken ones.
fn declared(desired: &Desired) -> impl Iterator<Item = (&PolicyEntry, &Authored)> {
    let entries = desired.policies.values().chain(desired.abstracts.values()).chain(desired.broken.values());
    entries.filter_map(|entry| Some((entry, entry.intent.authored()?)))
}

fn lints<'a>(desired: &'a Desired, catalogue: &'a Catalogue, depth: Depth) -> impl Iterator<Item = Found<'a>> {
    declared(desired).flat_map(move |(entry, authored)| {
        // The access of a part of a document does not matter.
        let depth = if authored.is_broken() && depth == Depth::Thorough { Depth::Quick } else { depth };
        let input = LintInput { document: authored.document(), catalogue, text_length: None, depth };
        let kept = policy::lint(&input)
            .into_iter()
            .filter(|lint| !desired.lint.contains(lint.rule.code) && !entry.lint.contains(lint.rule.code));
        kept.map(move |lint| (entry, authored, lint))
    })
}

/// The finding of a rule, at its place in the document or else at that of the entry.
fn finding(entry: Option<&Location>, authored: &Authored, lint: Lint) -> Finding {
    let combined = entry.filter(|_| authored.is_combined()).cloned();
    let finding = Finding {
        code: lint.rule.code,
        severity: lint.severity,
        message: with_rule_id(lint.rule, &lint.message),
        at: authored.place(lint.place).or_else(|| entry.cloned()),
        labels: Vec::new(),
        help: lint.help,
    };
    finding.label(combined, "found in this combined policy")
}
