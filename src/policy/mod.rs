//! Policy documents: reading, equality, access, lint. Pure, and without a cluster.

pub mod access;
#[cfg(test)]
mod arbitrary;
mod catalogue;
mod compared;
mod diff;
mod document;
mod json;
mod lint;
mod normal;
mod place;
mod predefined;
#[cfg(test)]
mod properties;
mod read;
mod reviewed;
mod rule;

pub use catalogue::{Action, Catalogue, CatalogueProblem, Kind, Level};
pub use compared::{Compared, compared};
pub use diff::{Change, DocumentDiff, Line, LineKind, StatementDiff, diff};
pub use document::{Clause, Document, Effect, Selector, Statement};
pub use lint::{
    Depth, Fix, Lint, LintInput, MAX_DOCUMENT, apply_edits, apply_fixes, explain, lint, lint_normal, reference, rules,
};
pub use normal::{Normal, Sameness, normal, same_document, sameness};
pub use place::{Part, Place, Places};
pub use predefined::predefined;
pub use read::{MAX_TEXT, Problem, Read, TOO_LONG, Unreadable, read, read_lenient};
pub use reviewed::reviewed;
pub use rule::{Example, Rule};
