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

    /// The answers, if they are by these rules and actions.
    pub(super) fn answers(ahead: Option<Self>, rules: &RuleList, catalogue: &Catalogue) -> Answers {
        let ahead = ahead.filter(|ahead| ahead.rules == *rules && ahead.catalogue == *catalogue);
        ahead.map(|ahead| ahead.answers).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::plan::access::EffectiveDocument;
    use crate::policy::access::AWS_RULES;

    #[test]
    fn answers_by_other_rules_or_actions_are_not_taken() {
        let (desired, newest) = (Desired::default(), Catalogue::newest());
        let query = AccessQuery::between([EffectiveDocument::None, EffectiveDocument::Unknown("old".into())]);
        let answers = Answers::from([(query, Arc::default())]);
        let taken = |rules: &RuleList, catalogue: &Catalogue| {
            let ahead = Ahead { answers: answers.clone(), ..Ahead::new(&desired, newest.clone()) };
            Ahead::answers(Some(ahead), rules, catalogue).len()
        };
        let other = Catalogue::from_json(r#"[{"name": "s3:GetObject", "kind": "object"}]"#).unwrap();
        let rules = desired.cluster.rules();
        assert_eq!([taken(rules, &newest), taken(&AWS_RULES, &newest), taken(rules, &other)], [1, 0, 0]);
    }
}
