//! Questions about access that a plan will ask, answered while the cluster is still being read.

use std::mem;

use crate::desired::Desired;
use crate::observed::Observed;
use crate::policy::Catalogue;
use crate::policy::access::RuleList;

use super::access::{AccessCache, AccessQuery, Answers, queries};
use super::compare::compare;

/// What users and groups gain and lose between pairs of documents, by the actions and the rules of one plan. It saves the plan
/// the time to evaluate them, and changes nothing else.
#[derive(Debug, Clone)]
pub struct Ahead {
    rules: RuleList,
    catalogue: Catalogue,
    answers: Answers,
}

impl Ahead {
    /// Without an answer yet, for plans of this configuration with these actions.
    pub fn new(desired: &Desired, catalogue: Catalogue) -> Self {
        Self { rules: desired.cluster.rules().clone(), catalogue, answers: Answers::new() }
    }

    /// Answers what is open about everyone whose documents are in `observed` by now. Those to come are [not
    /// read](crate::observed::Body::NotRead).
    pub fn answer(&mut self, desired: &Desired, observed: &Observed) {
        let cache = AccessCache::knowing(&self.catalogue, &self.rules, mem::take(&mut self.answers));
        let comparison = compare(desired, observed);
        cache.evaluate(queries(&comparison, observed).map(|(_, query)| query).filter(AccessQuery::is_read));
        self.answers = cache.into_answers();
    }

    /// Its answers, if they are by these rules and actions.
    pub(super) fn answers(self, rules: &RuleList, catalogue: &Catalogue) -> Answers {
        if self.rules == *rules && self.catalogue == *catalogue { self.answers } else { Answers::new() }
    }
}
