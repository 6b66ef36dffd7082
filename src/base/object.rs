//! The name of an object that attune manages, with its kind.

use std::fmt;

use super::{PolicyName, Principal};

/// A policy, user or group, written as `policy/NAME`, `user/NAME` or `group/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectId {
    /// This policy.
    Policy(PolicyName),
    /// This user or group.
    Principal(Principal),
}

impl ObjectId {
    /// The policy, if it is one.
    pub fn policy(&self) -> Option<&PolicyName> {
        match self {
            Self::Policy(policy) => Some(policy),
            Self::Principal(_) => None,
        }
    }

    /// The user or group, if it is one.
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Policy(_) => None,
            Self::Principal(principal) => Some(principal),
        }
    }

    /// As in messages: policy `ml-rw`, user `alice`.
    pub fn described(&self) -> String {
        match self {
            Self::Policy(policy) => format!("policy `{policy}`"),
            Self::Principal(principal) => principal.to_string(),
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy(policy) => write!(f, "policy/{policy}"),
            Self::Principal(principal) => write!(f, "{}/{}", principal.kind(), principal.name()),
        }
    }
}
