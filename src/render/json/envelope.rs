//! Envelopes in machine output: each with what exceeds it.

use super::failure::FailureV1;
use crate::contract::{Breach, BreachBy, CheckedEnvelope};
use crate::policy::access::Holder;

json_types! {
    /// An envelope of the configuration.
    #[derive(PartialEq, Eq)]
    pub struct EnvelopeV1 of(checked: &CheckedEnvelope) {
        /// Its name; without one, its files.
        name: String = checked.envelope.name.clone(),
        /// What it says.
        text: String = checked.envelope.text.clone(),
        /// The reason, if the configuration has one.
        reason?: String = checked.envelope.reason.clone(),
        /// Whether nothing exceeds it.
        holds: bool = checked.holds(),
        /// Whether it refuses the plan. What exceeds it already, and a plan of a part does not make worse, refuses nothing.
        refuses: bool = checked.refuses(),
        /// The included files that it binds, from the directory of the main file.
        files: Vec<String> = checked.files.clone(),
        /// The policies, and the policies of buckets, that exceed it; missing when it holds.
        breaches*: BreachV1 = checked.breaches.iter().map(BreachV1::of).collect(),
    }

    /// A policy, or the policy of a bucket, that gives more than an envelope.
    #[derive(PartialEq, Eq)]
    pub struct BreachV1 of(breach: &Breach) {
        /// The bucket whose policy it is; missing if it is a policy of users and groups.
        bucket?: String = match &breach.by {
            BreachBy::Policy(_) => None,
            BreachBy::Bucket { bucket, .. } => Some(bucket.to_string()),
        },
        /// Whether an included file declares the policy. If not, users or groups of the file have it.
        declared: bool = breach.is_declared,
        /// The users and groups of the files that have it, now or at another time.
        who: Vec<String> = breach.who.iter().map(|who| who.label()).collect(),
        /// What the policy gives beyond the envelope.
        failure: FailureV1 = failure(breach),
    }
}

fn failure(breach: &Breach) -> FailureV1 {
    let (who, policy) = match &breach.by {
        BreachBy::Policy(policy) => (None, Some(policy)),
        BreachBy::Bucket { to_anonymous, .. } => (to_anonymous.then_some(Holder::Anonymous), None),
    };
    FailureV1::of(who.as_ref(), policy, &breach.why, breach.is_new)
}
