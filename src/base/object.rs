//! The name of an object that attune manages, with its kind.

use std::fmt;

use super::{BucketName, PolicyName, Principal};

/// A policy, user, group or bucket, written as `policy/NAME`, `user/NAME`, `group/NAME` or `bucket/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectId {
    /// This policy.
    Policy(PolicyName),
    /// This user or group.
    Principal(Principal),
    /// The policy of this bucket.
    Bucket(BucketName),
}

impl ObjectId {
    /// The policy, if it is one.
    pub fn policy(&self) -> Option<&PolicyName> {
        match self {
            Self::Policy(policy) => Some(policy),
            Self::Principal(_) | Self::Bucket(_) => None,
        }
    }

    /// The user or group, if it is one.
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Policy(_) | Self::Bucket(_) => None,
            Self::Principal(principal) => Some(principal),
        }
    }

    /// The bucket, if it is one.
    pub fn bucket(&self) -> Option<&BucketName> {
        match self {
            Self::Policy(_) | Self::Principal(_) => None,
            Self::Bucket(bucket) => Some(bucket),
        }
    }

    /// As in messages: policy `ml-rw`, user `alice`.
    pub fn described(&self) -> String {
        match self {
            Self::Policy(policy) => format!("policy `{policy}`"),
            Self::Principal(principal) => principal.to_string(),
            Self::Bucket(bucket) => format!("bucket `{bucket}`"),
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(policy) => write!(f, "policy/{policy}"),
            Self::Principal(principal) => write!(f, "{}/{}", principal.kind(), principal.name()),
            Self::Bucket(bucket) => write!(f, "bucket/{bucket}"),
        }
    }
}
