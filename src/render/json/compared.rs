//! `attune.access-comparison/1`: what only one of two can do, and what both can.

use super::access::AccessV1;
use super::answers::SubjectV1;
use super::requests::{CanV1, names};
use crate::policy::access::{Comparison, Relation};

json_types! {
    /// What only one of two users, groups or tokens can do, and what both can.
    pub struct AccessComparisonV1 = "attune.access-comparison/1" {
        /// The rules that count, by their names. The first of them lead.
        rules: Vec<String>,
        /// The first one.
        one: SubjectV1,
        /// The second one.
        other: SubjectV1,
        /// How their access is related, by all rules that count.
        relation: RelationV1,
        /// What only the first one can do.
        only_one: CanV1,
        /// What only the second one can do.
        only_other: CanV1,
        /// What both can do.
        both: CanV1,
        /// The actions: `lost` are those that only the first one may do, and `gained` those of only the second one.
        actions: AccessV1,
    }

    /// How the access of two is related. What attune cannot decide counts as a difference.
    pub enum RelationV1 {
        /// The same requests and actions are allowed.
        Same,
        /// Both can do the same, by different actions.
        SameRequests,
        /// The first one can do all that the second one can, and more.
        OneHasMore,
        /// The second one can do all that the first one can, and more.
        OtherHasMore,
        /// Each can do something that the other one cannot.
        EachHasMore,
    }
}

impl From<Relation> for RelationV1 {
    fn from(relation: Relation) -> Self {
        match relation {
            Relation::Same => Self::Same,
            Relation::SameRequests => Self::SameRequests,
            Relation::OneHasMore => Self::OneHasMore,
            Relation::OtherHasMore => Self::OtherHasMore,
            Relation::EachHasMore => Self::EachHasMore,
        }
    }
}

impl AccessComparisonV1 {
    /// A copy of a comparison.
    pub fn of(comparison: &Comparison) -> Self {
        Self {
            format: "attune.access-comparison/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            rules: names(&comparison.rules.iter().collect::<Vec<_>>()),
            one: SubjectV1::of(&comparison.one),
            other: SubjectV1::of(&comparison.other),
            relation: comparison.relation().into(),
            only_one: CanV1::of(&comparison.only_one),
            only_other: CanV1::of(&comparison.only_other),
            both: CanV1::of(&comparison.both),
            actions: AccessV1::of(&comparison.actions),
        }
    }
}
