//! What exceeds an envelope, and the states that envelopes are checked against.

use std::collections::BTreeSet;

use super::state;
use super::{Given, Why};
use crate::base::{BucketName, PolicyName, Principal, Release};
use crate::desired::Desired;
use crate::observed::Observed;
use crate::policy::{Normal, normal, predefined};

/// A policy, or the policy of a bucket, that gives more than an envelope allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The policy, or the bucket.
    pub by: BreachBy,
    /// The users and groups of the files that have it at some time. None has, if a file only declares it.
    pub who: BTreeSet<Principal>,
    /// Whether a file declares the policy.
    pub is_declared: bool,
    /// The reason: a request, or a document that is not known.
    pub why: Why,
    /// Whether it refuses a plan. One that a plan of a part finds and does not make worse refuses nothing.
    pub is_new: bool,
}

/// What gives more than an envelope allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BreachBy {
    /// This policy.
    Policy(PolicyName),
    /// The policy of a bucket.
    Bucket {
        /// The bucket.
        bucket: BucketName,
        /// Whether requests without a login get too much. If not, some with a login do.
        to_anonymous: bool,
    },
}

/// The state that envelopes are checked against.
#[derive(Debug, Clone, Copy)]
pub enum Against<'a> {
    /// The configuration alone, with the predefined policies of a release.
    Configuration(&'a Release),
    /// A cluster as it is.
    Cluster(&'a Observed),
    /// The configuration, and the cluster after the whole plan.
    Plan(&'a Observed),
    /// A cluster before and after the plan of a part.
    Part {
        /// Before.
        before: &'a Observed,
        /// After.
        after: &'a Observed,
    },
}

impl<'a> Against<'a> {
    /// Whether everything that the configuration declares counts, for all times.
    pub(super) fn has_declarations(self) -> bool {
        match self {
            Self::Configuration(_) | Self::Plan(_) => true,
            Self::Cluster(_) | Self::Part { .. } => false,
        }
    }

    pub(super) fn cluster(self) -> Option<&'a Observed> {
        match self {
            Self::Configuration(_) => None,
            Self::Cluster(after) | Self::Plan(after) | Self::Part { after, .. } => Some(after),
        }
    }

    pub(super) fn before(self) -> Option<&'a Observed> {
        match self {
            Self::Part { before, .. } => Some(before),
            Self::Configuration(_) | Self::Cluster(_) | Self::Plan(_) => None,
        }
    }

    /// The document of a policy that somebody has at some time by the configuration.
    pub(super) fn document(self, desired: &Desired, policy: &PolicyName) -> Given {
        if let Some(document) = declared(desired, policy) {
            return Given::Document(document);
        }
        match self {
            Self::Configuration(release) => {
                predefined(policy, release).map_or(Given::Unknown, |document| Given::Document(normal(&document)))
            }
            // A policy that does not exist can be added at any time, by anyone.
            Self::Cluster(after) | Self::Plan(after) | Self::Part { after, .. } => {
                match state::given(&after.policies, Some(policy)) {
                    Given::Nothing => Given::Unknown,
                    known @ (Given::Document(_) | Given::Unknown) => known,
                }
            }
        }
    }
}

/// The declared document of a policy, abstract ones included.
pub(super) fn declared(desired: &Desired, policy: &PolicyName) -> Option<Normal> {
    desired.policy(policy)?.intent.authored().map(|authored| authored.normal().clone())
}
