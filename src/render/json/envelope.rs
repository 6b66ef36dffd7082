//! Envelopes in machine output: each with what exceeds it.

use super::failure::{FailureV1, failure};
use crate::contract::{Breach, BreachBy, CheckedEnvelope};
use crate::policy::access::Holder;

json_types! {
    /// An envelope of the configuration.
    #[derive(PartialEq, Eq)]
    pub struct EnvelopeV1 {
        /// Its name; without one, its files.
        name: String,
        /// What it says.
        text: String,
        /// The reason, if the configuration has one.
        reason?: String,
        /// Whether nothing exceeds it.
        holds: bool,
        /// Whether it refuses the plan. What exceeds it already, and a plan of a part does not make worse, refuses nothing.
        refuses: bool,
        /// The included files that it binds, from the directory of the main file.
        files: Vec<String>,
        /// The policies, and the policies of buckets, that exceed it; missing when it holds.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        breaches: Vec<BreachV1>,
    }

    /// A policy, or the policy of a bucket, that gives more than an envelope.
    #[derive(PartialEq, Eq)]
    pub struct BreachV1 {
        /// The bucket whose policy it is; missing if it is a policy of users and groups.
        bucket?: String,
        /// Whether an included file declares the policy. If not, users or groups of the file have it.
        declared: bool,
        /// The users and groups of the files that have it, now or at another time.
        who: Vec<String>,
        /// What the policy gives beyond the envelope.
        failure: FailureV1,
    }
}

impl EnvelopeV1 {
    /// An envelope as data.
    pub fn of(checked: &CheckedEnvelope) -> Self {
        Self {
            name: checked.envelope.name.clone(),
            text: checked.envelope.text.clone(),
            reason: checked.envelope.reason.clone(),
            holds: checked.holds(),
            refuses: checked.refuses(),
            files: checked.files.clone(),
            breaches: checked.breaches.iter().map(BreachV1::of).collect(),
        }
    }
}

impl BreachV1 {
    fn of(breach: &Breach) -> Self {
        let (policy, bucket, who) = match &breach.by {
            BreachBy::Policy(policy) => (Some(policy), None, None),
            BreachBy::Bucket { bucket, to_anonymous } => {
                (None, Some(bucket), to_anonymous.then_some(Holder::Anonymous))
            }
        };
        Self {
            bucket: bucket.map(ToString::to_string),
            declared: breach.is_declared,
            who: breach.who.iter().map(|who| who.label()).collect(),
            failure: failure(who.as_ref(), policy, &breach.why, breach.is_new),
        }
    }
}
