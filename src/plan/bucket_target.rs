//! The policy that a bucket gets by a plan.

use crate::base::{BucketName, CannedPolicy};
use crate::observed::{Body, BucketPolicy, Buckets};
use crate::policy::Normal;

/// The policy that a bucket gets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum BucketTarget {
    /// A policy with a name.
    Canned(CannedPolicy),
    /// This document, whose JSON is sent byte for byte.
    Document(Normal),
}

impl BucketTarget {
    /// Whether a bucket with this policy has it already. A cluster may report the name of a canned policy for an equal document.
    #[must_use]
    pub fn is_met_by(&self, policy: &BucketPolicy) -> bool {
        match self {
            Self::Canned(canned) => policy.canned == Some(*canned),
            Self::Document(document) => !policy.is_none() && policy.document.normal() == Some(document),
        }
    }

    /// The policy of a bucket that has it. `given` is what it gives.
    pub(super) fn as_policy(&self, given: &Body) -> BucketPolicy {
        match self {
            Self::Canned(canned) => BucketPolicy { canned: Some(*canned), document: given.clone() },
            Self::Document(document) => BucketPolicy::custom(Body::Known(document.clone())),
        }
    }

    /// What it gives for a bucket, as far as the cluster says.
    pub(super) fn given(&self, bucket: &BucketName, buckets: &Buckets) -> Body {
        match self {
            Self::Canned(canned) => buckets.meaning(*canned, bucket),
            Self::Document(document) => Body::Known(document.clone()),
        }
    }

    /// The name of the canned policy, or the document as one line of text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Canned(canned) => canned.as_str(),
            Self::Document(document) => document.json(),
        }
    }
}
