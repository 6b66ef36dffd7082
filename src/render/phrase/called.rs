//! What an API call names.

use crate::render::json::{CallV1, StepOutcomeV1, StepV1};

/// What an API call names.
#[derive(Debug, Clone, Copy)]
pub(in crate::render) struct Called<'a> {
    pub(in crate::render) call: CallV1,
    pub(in crate::render) policy: Option<&'a str>,
    pub(in crate::render) user: Option<&'a str>,
    pub(in crate::render) group: Option<&'a str>,
    pub(in crate::render) bucket: Option<&'a str>,
    pub(in crate::render) bucket_policy: Option<&'a str>,
}

impl<'a> From<&'a StepV1> for Called<'a> {
    fn from(step: &'a StepV1) -> Self {
        Self {
            call: step.call,
            policy: step.policy.as_deref(),
            user: step.user.as_deref(),
            group: step.group.as_deref(),
            bucket: step.bucket.as_deref(),
            bucket_policy: step.bucket_policy.as_deref(),
        }
    }
}

impl<'a> From<&'a StepOutcomeV1> for Called<'a> {
    fn from(step: &'a StepOutcomeV1) -> Self {
        Self {
            call: step.call,
            policy: step.policy.as_deref(),
            user: step.user.as_deref(),
            group: step.group.as_deref(),
            bucket: step.bucket.as_deref(),
            bucket_policy: step.bucket_policy.as_deref(),
        }
    }
}
