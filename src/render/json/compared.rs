//! `attune.access-comparison/1`: what only one of two can do, and what both can.

use super::access::AccessV1;
use super::answers::SubjectV1;
use super::requests::{CanV1, names};
use crate::policy::access::{Comparison, Relation};

json_types! {
    /// What only one of two users, groups or tokens can do, and what both can.
    pub struct AccessComparisonV1 = "attune.access-comparison/1" of(comparison: &Comparison) {
        /// The rules that count, by their names. The first of them lead.
        rules: Vec<String> = names(&comparison.rules.iter().collect::<Vec<_>>()),
        /// The first one.
        one: SubjectV1 = SubjectV1::of(&comparison.one),
        /// The second one.
        other: SubjectV1 = SubjectV1::of(&comparison.other),
        /// How their access is related, by all rules that count.
        relation: Relation = comparison.relation(),
        /// What only the first one can do.
        only_one: CanV1 = CanV1::of(&comparison.only_one),
        /// What only the second one can do.
        only_other: CanV1 = CanV1::of(&comparison.only_other),
        /// What both can do.
        both: CanV1 = CanV1::of(&comparison.both),
        /// The actions: `lost` are those that only the first one may do, and `gained` those of only the second one.
        actions: AccessV1 = AccessV1::of(&comparison.actions),
    }

}
