//! The rules that a document of the cluster breaks, and that the configuration suppresses for it.

use std::collections::BTreeSet;

use toml_edit::{Array, Item, Table, value};

use crate::base::{Release, Severity};
use crate::policy::{Catalogue, Depth, Document, Lint, LintInput};

/// The catalogues that a plan, and a validation without a cluster, check documents against.
pub(super) fn catalogues(release: &Release) -> [Catalogue; 2] {
    [Catalogue::of(release), Catalogue::newest()]
}

/// The rules that would block a plan, or a validation without a cluster.
pub(super) fn broken_rules(
    document: &Document,
    catalogues: &[Catalogue; 2],
    lint: impl Fn(&LintInput<'_>) -> Vec<Lint>,
) -> Vec<&'static str> {
    let found = |catalogue| lint(&LintInput { document, catalogue, text_length: None, depth: Depth::Quick });
    let errors = catalogues.iter().flat_map(found).filter(|lint| lint.severity == Severity::Error);
    let rules: BTreeSet<&'static str> = errors.map(|lint| lint.rule.code.id).collect();
    rules.into_iter().collect()
}

/// Adds the rules to suppress to the entry of a document, if there are any.
pub(super) fn suppress(rules: &[&'static str], entry: &mut Table) {
    if !rules.is_empty() {
        let mut lint = Table::new();
        lint.insert("allow", value(rules.iter().copied().collect::<Array>()));
        entry.insert("lint", Item::Table(lint));
    }
}
