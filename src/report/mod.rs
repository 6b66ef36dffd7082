//! The access report: which user or group may do what in which bucket, now and after a plan.

mod bucket;
mod grade;
mod matrix;
mod review;
mod state;

#[cfg(test)]
mod tests;

pub use bucket::Bucket;
pub use grade::{Class, ClassActions, Grade, Grades, Reach};
pub use matrix::{Cell, Matrix, Row};
pub use review::{Reviewed, review};
pub use state::{Scope, State};

use crate::observed::{Identity, Limits};
use crate::plan::Digest;
use crate::policy::Catalogue;
use crate::policy::access::{Context, RuleList};

/// The access report.
#[derive(Debug, Clone)]
pub struct Report {
    /// The reported states.
    pub scope: Scope,
    /// The cluster, if there is one.
    pub identity: Option<Identity>,
    /// The digest of the plan, if there is one.
    pub digest: Option<Digest>,
    /// The limits of a cluster.
    pub limits: Limits,
    /// The rules that count. The first leads.
    pub rules: RuleList,
    /// The access matrix.
    pub matrix: Matrix,
    /// The actions of each class.
    pub classes: Vec<ClassActions>,
}

/// Makes a report by the actions of a catalogue and by the rules that count.
pub fn report(
    scope: Scope,
    identity: Option<Identity>,
    digest: Option<Digest>,
    (catalogue, rules): (&Catalogue, &RuleList),
) -> Report {
    let classes = grade::classes(catalogue);
    let matrix = matrix::matrix(&scope, &classes, &Context { rules, ..Context::new(catalogue) });
    Report { scope, identity, digest, limits: Limits::default(), rules: rules.clone(), matrix, classes }
}
