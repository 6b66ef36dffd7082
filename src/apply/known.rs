//! What a run knows of the cluster after its last call, so that it need not be read again.

use std::collections::BTreeMap;

use super::outcome::StepOutcome;
use crate::base::PolicyName;
use crate::cluster::Known;
use crate::observed::{Body, Observed};
use crate::plan::{Call, Plan};

/// What a run did, and what it has read.
pub struct Ran {
    /// The outcomes of all steps, in the plan's order.
    pub steps: Vec<StepOutcome>,
    /// The documents of policies that the run changed, and has read since.
    pub documents: BTreeMap<PolicyName, Body>,
}

impl Ran {
    /// What was read before the run and did not change by its calls, and what it has read since.
    pub fn known(&self, plan: &Plan, before: &Observed) -> Known {
        let buckets = before.buckets.known().cloned().unwrap_or_default();
        let mut known = Known { policies: before.policies.clone(), buckets };
        known.policies.retain(|_, body| *body != Body::NotRead);
        for step in &plan.steps {
            match &step.call {
                Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. } => {
                    known.policies.remove(policy);
                }
                Call::SetBucketPolicy { bucket, .. } => {
                    known.buckets.remove(bucket);
                }
                Call::Attach { .. } | Call::Detach { .. } | Call::RevokeKeys { .. } => {}
            }
        }
        known.policies.extend(self.documents.iter().map(|(policy, body)| (policy.clone(), body.clone())));
        known
    }

    /// How many documents and policies of buckets were read only before the run.
    pub fn not_read_again(&self, known: &Known) -> usize {
        known.policies.len() - self.documents.len() + known.buckets.len()
    }
}
