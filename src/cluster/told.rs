//! What both transports read from what a cluster tells.

use serde::Deserialize;

use crate::base::PolicyName;

/// What an answer should have held and did not; none of what it did hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected(pub(super) &'static str);

/// A policy in a list: its name, or an object with a `name`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Listed {
    Name(String),
    Object { name: String },
}

impl From<Listed> for PolicyName {
    fn from(listed: Listed) -> Self {
        match listed {
            Listed::Name(name) | Listed::Object { name } => Self::reported(name),
        }
    }
}

/// The policy that somebody holds; an empty name is none.
pub(super) fn policy_or_none(policy: Option<String>) -> Option<PolicyName> {
    policy.filter(|name| !name.is_empty()).map(PolicyName::reported)
}
