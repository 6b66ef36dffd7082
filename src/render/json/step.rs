//! The API calls of a plan in machine output.

use serde_json::value::RawValue;

use super::access::{group, user};
use super::change::document;
use crate::base::Principal;
use crate::plan::{BucketTarget, Call, Step};

json_types! {
    /// The kinds of API call.
    pub enum CallV1 of(&Call) {
        /// Adds a policy.
        AddPolicy = Call::AddPolicy { .. },
        /// Removes a policy.
        RemovePolicy = Call::RemovePolicy { .. },
        /// Attaches a policy to a user or group.
        Attach = Call::Attach { .. },
        /// Revokes the keys of a user: creates new keys and discards them.
        RevokeKeys = Call::RevokeKeys { .. },
        /// Detaches the policy of a user or group.
        Detach = Call::Detach { .. },
        /// Gives a bucket another policy.
        SetBucketPolicy = Call::SetBucketPolicy { .. },
    }

    /// An API call.
    pub struct StepV1 {
        /// Its number, from 1.
        id: usize,
        /// The change it belongs to.
        change: String,
        /// The kind of call.
        call: CallV1,
        /// The policy.
        policy?: String,
        /// The user.
        user?: String,
        /// The group.
        group?: String,
        /// The bucket.
        bucket?: String,
        /// The policy of the bucket, if it has a name: `none`, `download`, `upload` or `public`.
        bucket_policy?: String,
        /// The document, exactly as attune sends it.
        #[schemars(with = "Option<serde_json::Value>")]
        document?: Box<RawValue>,
        /// The steps that this step waits for.
        after: Vec<usize>,
    }
}

impl StepV1 {
    /// A copy of a step.
    pub fn of(step: &Step) -> Self {
        let (policy, principal) = match &step.call {
            Call::AddPolicy { policy, .. } | Call::RemovePolicy { policy, .. } => (Some(policy), None),
            Call::Attach { principal, policy, .. } | Call::Detach { principal, policy } => {
                (Some(policy), Some(principal.clone()))
            }
            Call::RevokeKeys { user } => (None, Some(Principal::from(user))),
            Call::SetBucketPolicy { .. } => (None, None),
        };
        let (bucket, bucket_policy, sent) = match &step.call {
            Call::AddPolicy { document, .. } => (None, None, Some(document)),
            Call::SetBucketPolicy { bucket, policy: BucketTarget::Document(document), .. } => {
                (Some(bucket), None, Some(document))
            }
            Call::SetBucketPolicy { bucket, policy: BucketTarget::Canned(canned), .. } => {
                (Some(bucket), Some(canned), None)
            }
            Call::RemovePolicy { .. } | Call::Attach { .. } | Call::RevokeKeys { .. } | Call::Detach { .. } => {
                (None, None, None)
            }
        };
        Self {
            id: step.id.0,
            change: step.change.to_string(),
            call: CallV1::of(&step.call),
            policy: policy.map(ToString::to_string),
            user: principal.as_ref().and_then(user),
            group: principal.as_ref().and_then(group),
            bucket: bucket.map(ToString::to_string),
            bucket_policy: bucket_policy.map(ToString::to_string),
            document: sent.and_then(document),
            after: step.after.iter().map(|first| first.0).collect(),
        }
    }
}
