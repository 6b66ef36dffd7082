//! The API calls of a plan in machine output.

use serde_json::value::RawValue;

use super::access::user_or_group;
use super::change::document;
use crate::plan::{BucketTarget, Call, Step};

json_types! {
    /// The kinds of API call.
    pub enum CallV1 {
        /// Adds a policy.
        AddPolicy,
        /// Removes a policy.
        RemovePolicy,
        /// Attaches a policy to a user or group.
        Attach,
        /// Revokes the keys of a user: creates new keys and discards them.
        RevokeKeys,
        /// Detaches the policy of a user or group.
        Detach,
        /// Gives a bucket another policy.
        SetBucketPolicy,
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
        const NOBODY: (Option<String>, Option<String>) = (None, None);
        let (call, policy, (user, group), sent) = match &step.call {
            Call::AddPolicy { policy, document: sent, .. } => (CallV1::AddPolicy, Some(policy), NOBODY, document(sent)),
            Call::RemovePolicy { policy, .. } => (CallV1::RemovePolicy, Some(policy), NOBODY, None),
            Call::Attach { principal, policy, .. } => (CallV1::Attach, Some(policy), user_or_group(principal), None),
            Call::RevokeKeys { user } => (CallV1::RevokeKeys, None, (Some(user.to_string()), None), None),
            Call::Detach { principal, policy } => (CallV1::Detach, Some(policy), user_or_group(principal), None),
            Call::SetBucketPolicy { policy: BucketTarget::Document(sent), .. } => {
                (CallV1::SetBucketPolicy, None, NOBODY, document(sent))
            }
            Call::SetBucketPolicy { policy: BucketTarget::Canned(_), .. } => {
                (CallV1::SetBucketPolicy, None, NOBODY, None)
            }
        };
        let (bucket, bucket_policy) = match &step.call {
            Call::SetBucketPolicy { bucket, policy: BucketTarget::Canned(canned), .. } => {
                (Some(bucket.to_string()), Some(canned.to_string()))
            }
            Call::SetBucketPolicy { bucket, policy: BucketTarget::Document(_), .. } => (Some(bucket.to_string()), None),
            Call::AddPolicy { .. }
            | Call::RemovePolicy { .. }
            | Call::Attach { .. }
            | Call::RevokeKeys { .. }
            | Call::Detach { .. } => (None, None),
        };
        Self {
            id: step.id.0,
            change: step.change.to_string(),
            call,
            policy: policy.map(ToString::to_string),
            user,
            group,
            bucket,
            bucket_policy,
            document: sent,
            after: step.after.iter().map(|first| first.0).collect(),
        }
    }
}
