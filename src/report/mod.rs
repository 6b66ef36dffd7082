//! The access report: which user or group may do what in which bucket, now and after a plan.

mod columns;
mod grade;
mod matrix;
mod state;
mod why;

#[cfg(test)]
mod tests;

pub use columns::Bucket;
pub use grade::{Class, ClassActions, Grade, Grades, Reach};
pub use matrix::{Cell, Matrix, Row};
pub use state::{Reviewed, Scope, State, review};
pub use why::{Deciding, Source, authored, changes, deciding};

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{PolicyName, Principal, map};
use crate::contract::Checked;
use crate::desired::Term;
use crate::observed::{Identity, Limits, PublicBucket};
use crate::plan::Digest;
use crate::policy::access::{Context, InPractice, RuleList, in_practice};
use crate::policy::{Catalogue, Normal};

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
    /// Where what people can do with a policy differs from its actions: before, and after.
    pub in_practice: [BTreeMap<PolicyName, InPractice>; 2],
    /// The declared users and groups whose access begins or ends, or has ended.
    pub terms: Vec<(Principal, Term)>,
    /// The checked expectations: against the last of the states.
    pub expectations: Vec<Checked>,
    /// The buckets that let in requests without a login: before, and after. `None` where the policies of buckets are not known.
    pub public: [Option<Vec<PublicBucket>>; 2],
}

/// Makes a report by the actions of a catalogue and by the rules that count.
pub fn report(
    scope: Scope,
    identity: Option<Identity>,
    digest: Option<Digest>,
    (catalogue, rules): (&Catalogue, &RuleList),
) -> Report {
    let classes = grade::classes(catalogue);
    let context = Context { rules, ..Context::new(catalogue) };
    let matrix = matrix::matrix(&scope, &classes, &context);
    let in_practice = differing([scope.before(), scope.after()], &context);
    let public = [scope.before(), scope.after()].map(|state| state?.buckets.public(&context));
    Report {
        scope,
        identity,
        digest,
        limits: Limits::default(),
        rules: rules.clone(),
        matrix,
        classes,
        in_practice,
        terms: Vec::new(),
        expectations: Vec::new(),
        public,
    }
}

/// The policies with which people can do something else than their actions say, before and after.
fn differing(sides: [Option<&State>; 2], context: &Context<'_>) -> [BTreeMap<PolicyName, InPractice>; 2] {
    let documents = sides.map(|state| {
        let policies = state.into_iter().flat_map(|state| &state.policies);
        policies.filter_map(|(name, body)| Some((name, body.normal()?))).collect::<Vec<_>>()
    });
    let distinct: BTreeSet<&Normal> = documents.iter().flatten().map(|(_, normal)| *normal).collect();
    let found = map(distinct.into_iter().collect(), |normal| (normal, in_practice(normal.document(), context)));
    let found: BTreeMap<&Normal, InPractice> = found.into_iter().filter(|(_, found)| !found.is_empty()).collect();
    documents.map(|all| all.into_iter().filter_map(|(name, of)| Some((name.clone(), found.get(of)?.clone()))).collect())
}
