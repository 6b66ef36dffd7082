//! What a plan needs and can be known while the cluster is still being read: the problems of documents, and answers to questions
//! about access.

use std::mem;

use crate::base::Finding;
use crate::desired::Desired;
use crate::observed::Observed;
use crate::policy::Catalogue;
use crate::policy::access::RuleList;

use super::access::{AccessCache, AccessQuery, Answers, queries};
use super::compare::compare;
use super::part::lint;

/// The problems of the documents of a configuration, and what users and groups gain and lose between pairs of documents, by the
/// actions and the rules of one plan. It saves the plan the time to find them, and changes nothing else.
#[derive(Debug, Clone)]
pub struct Ahead {
    rules: RuleList,
    catalogue: Catalogue,
    lint: Vec<Finding>,
    answers: Answers,
}

impl Ahead {
    /// Without an answer yet, for plans of this configuration with these actions.
    pub fn new(desired: &Desired, catalogue: Catalogue) -> Self {
        let (rules, lint) = (desired.cluster.rules().clone(), lint(desired, &catalogue));
        Self { rules, catalogue, lint, answers: Answers::new() }
    }

    /// Answers what is open about everyone whose documents are in `observed` by now. Those to come are [not
    /// read](crate::observed::Body::NotRead).
    pub fn answer(&mut self, desired: &Desired, observed: &Observed) {
        let cache = AccessCache::knowing(&self.catalogue, &self.rules, mem::take(&mut self.answers));
        let comparison = compare(desired, observed);
        cache.evaluate(queries(&comparison, observed).map(|(_, query)| query).filter(AccessQuery::is_read));
        self.answers = cache.into_answers();
    }

    /// The problems of documents and the answers, if they are by these rules and actions.
    pub(super) fn known(
        ahead: Option<Self>,
        rules: &RuleList,
        catalogue: &Catalogue,
    ) -> (Option<Vec<Finding>>, Answers) {
        match ahead.filter(|ahead| ahead.rules == *rules && ahead.catalogue == *catalogue) {
            Some(Self { lint, answers, .. }) => (Some(lint), answers),
            None => (None, Answers::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::access::AWS_RULES;

    #[test]
    fn what_is_by_other_rules_or_actions_is_not_taken() {
        let (desired, newest) = (Desired::default(), Catalogue::newest());
        let ahead = Ahead::new(&desired, newest.clone());
        let other = Catalogue::from_json(r#"[{"name": "s3:GetObject", "kind": "object"}]"#).unwrap();
        let rules = desired.cluster.rules();
        let by = [(rules, &newest), (&AWS_RULES, &newest), (rules, &other)];
        let is_taken = by.map(|(rules, catalogue)| Ahead::known(Some(ahead.clone()), rules, catalogue).0.is_some());
        assert_eq!(is_taken, [true, false, false]);
    }
}
