//! The rules that a document of the cluster breaks.

use std::collections::BTreeSet;

use crate::base::{BucketName, Release, Severity};
use crate::policy::{self, Catalogue, Depth, Document, Lint, LintInput};

/// The catalogues that a plan, and a validation without a cluster, check documents against.
pub(super) fn catalogues(release: &Release) -> [Catalogue; 2] {
    [Catalogue::of(release), Catalogue::newest()]
}

/// The rules that would block a plan, or a validation without a cluster.
pub(super) fn broken_rules(document: &Document, catalogues: &[Catalogue; 2]) -> Vec<&'static str> {
    broken(document, catalogues, policy::lint)
}

/// The same for the policy of a bucket.
pub(super) fn broken_rules_of_bucket(
    document: &Document,
    bucket: &BucketName,
    catalogues: &[Catalogue; 2],
) -> Vec<&'static str> {
    broken(document, catalogues, |input| policy::lint_bucket(input, bucket))
}

fn broken(
    document: &Document,
    catalogues: &[Catalogue; 2],
    lint: impl Fn(&LintInput<'_>) -> Vec<Lint>,
) -> Vec<&'static str> {
    let found = |catalogue| lint(&LintInput { document, catalogue, text_length: None, depth: Depth::Quick });
    let errors = catalogues.iter().flat_map(found).filter(|lint| lint.severity == Severity::Error);
    let rules: BTreeSet<&'static str> = errors.map(|lint| lint.rule.code.id).collect();
    rules.into_iter().collect()
}
