//! Policy documents: read, normalize, compare, lint, evaluate. Pure, without a cluster.

pub mod access;
mod bucket_policy;
mod catalogue;
mod diff;
mod document;
mod join;
mod json;
mod lint;
mod normal;
mod principals;
#[cfg(test)]
mod properties;
mod read;
mod reviewed;
mod rule;
#[cfg(test)]
mod testing;
mod wrapped;

pub use bucket_policy::{BucketDocument, Unclear, alone, combined, for_everyone, is_principal_note};
pub use catalogue::{Action, Catalogue, CatalogueProblem, Kind, Level, predefined};
pub use diff::{Change, Compared, DiffLine, DocumentDiff, LineKind, StatementDiff, compared, diff};
pub use document::{Clause, Document, Effect, Part, Place, Places, Selector, Statement, with_variables};
pub use join::{Joined, Origin, join};
pub use lint::{Depth, Fix, Lint, LintInput, MAX_BUCKET_POLICY, MAX_DOCUMENT, apply_edits, lint, lint_bucket, rules};
pub use normal::{Normal, Sameness, normal, same_document, sameness};
pub use principals::{Named, Principals};
#[cfg(test)]
pub(crate) use properties::Random;
pub use read::{
    MAX_TEXT, Read, Unreadable, read, read_bucket_policy, read_bucket_policy_with, read_lenient, read_with,
};
pub use reviewed::{file_text, reviewed};
pub use rule::{Problem, Rule, TOO_LONG};
