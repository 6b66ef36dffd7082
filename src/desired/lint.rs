//! The declared documents, held against the rules of documents.

use std::collections::BTreeSet;

use super::raw::RawLint;
use super::{Authored, Desired, PolicyEntry, PolicyIntent, codes};
use crate::base::{Code, FileId, Finding, Location, map, nearest};
use crate::policy::{self, Catalogue, Depth, Lint, LintInput, Rule};

/// The rules that somebody agreed not to be told of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<Code>);

impl Allowed {
    /// Whether this rule is among them.
    #[must_use]
    pub fn contains(&self, rule: Code) -> bool {
        self.0.contains(&rule)
    }

    /// The ids of the rules, such as `R07`.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        if self.0.is_empty() {
            return Vec::new();
        }
        policy::rules().into_iter().filter(|rule| self.contains(rule.code)).map(|rule| rule.id).collect()
    }

    /// What a `[lint]` table says. A name that no rule has is a finding.
    pub(super) fn read(raw: Option<&RawLint>, file: FileId, findings: &mut Vec<Finding>) -> Self {
        let mut allowed = BTreeSet::new();
        let Some(raw) = raw else { return Self(allowed) };
        let rules = policy::rules();
        for name in &raw.allow {
            match rules.iter().find(|rule| rule.id == name.get() || rule.code.id == name.get()) {
                Some(rule) => _ = allowed.insert(rule.code),
                None => findings.push(unknown(name.get(), &rules).at(Location { file, span: name.span() })),
            }
        }
        Self(allowed)
    }
}

fn unknown(name: &str, rules: &[&Rule]) -> Finding {
    let finding = Finding::error(codes::UNKNOWN_LINT, format!("no rule is called `{name}`"));
    let id = rules.iter().map(|rule| rule.id).find(|id| id.eq_ignore_ascii_case(name));
    match id.or_else(|| nearest(name, rules.iter().map(|rule| rule.code.id))) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help("name a rule as findings do, such as `R07` or `wrong-kind`"),
    }
}

/// What is probably not meant in the declared documents, in the order of the files and of their lines. The rules that
/// the files allow to be broken are silent.
#[must_use]
pub fn lint(desired: &Desired, catalogue: &Catalogue, depth: Depth) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        lints(desired, catalogue, depth).map(|(entry, authored, lint)| finding(entry, authored, lint)).collect();
    findings.sort_by_key(Finding::place);
    findings
}

/// A string in a file that should be another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where it stands.
    pub at: Location,
    /// What should stand there, quoted as JSON and TOML both read it.
    pub with: String,
}

/// The edits that mend what [`lint`] finds, as far as what was meant is clear.
#[must_use]
pub fn fixes(desired: &Desired, catalogue: &Catalogue) -> Vec<Edit> {
    let edit = |(_, authored, lint): (&PolicyEntry, &Authored, Lint)| {
        let ((file, places), fix) = (authored.source()?, lint.fix?);
        let span = places.get(fix.place)?;
        Some(Edit { at: Location { file: *file, span }, with: fix.written() })
    };
    lints(desired, catalogue, Depth::Quick).filter_map(edit).collect()
}

/// The text of a rule's message, with the short name by which it can be allowed.
pub(super) fn named(rule: &Rule, message: &str) -> String {
    format!("{message} [{}]", rule.id)
}

fn lints<'a>(
    desired: &'a Desired,
    catalogue: &'a Catalogue,
    depth: Depth,
) -> impl Iterator<Item = (&'a PolicyEntry, &'a Authored, Lint)> {
    let declared = desired.policies.values().filter_map(|entry| match &entry.intent {
        PolicyIntent::Present(authored) => Some((entry, authored)),
        PolicyIntent::Absent => None,
    });
    let declared: Vec<(&PolicyEntry, &Authored)> = declared.collect();
    let found = map(declared.clone(), |(_, authored)| {
        policy::lint_normal(
            &LintInput { document: authored.document(), catalogue, text_length: None, depth },
            authored.normal(),
        )
    });
    declared.into_iter().zip(found).flat_map(|((entry, authored), found)| {
        let told = found
            .into_iter()
            .filter(|lint| !desired.lint.contains(lint.rule.code) && !entry.lint.contains(lint.rule.code));
        told.map(move |lint| (entry, authored, lint))
    })
}

fn finding(entry: &PolicyEntry, authored: &Authored, lint: Lint) -> Finding {
    let nearest = |(file, places): &(FileId, policy::Places)| {
        places.nearest(lint.place).map(|span| Location { file: *file, span })
    };
    Finding {
        code: lint.rule.code,
        severity: lint.severity,
        message: named(lint.rule, &lint.message),
        at: authored.source().and_then(nearest).or_else(|| entry.at.clone()),
        labels: Vec::new(),
        help: lint.help,
    }
}
