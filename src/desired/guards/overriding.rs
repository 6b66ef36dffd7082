//! What one run sets beside the guards of the file: `max_removals=12`, `protected_users=bob`.

use std::fmt;
use std::str::FromStr;

use super::{Limit, NoLimit};
use crate::base::{GroupName, NameProblem, PolicyName, Principal, UserName};

/// One guard, overridden for one run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Override {
    /// How many policies may be removed, instead of what the file says.
    MaxRemovals(Limit),
    /// How many users and groups may be left without access, instead of what the file says.
    MaxDetached(Limit),
    /// A user or group that is not protected.
    Holder(Principal),
    /// A policy that is not protected.
    Policy(PolicyName),
}

/// A text overrides nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoOverride {
    /// It names no guard.
    #[error(
        "`{0}` is none of max_removals=LIMIT, max_detached=LIMIT, protected_users=NAME, protected_groups=NAME, \
             protected_policies=NAME"
    )]
    NoGuard(String),
    /// Its limit cannot be read.
    #[error("{0}")]
    Limit(#[from] NoLimit),
    /// Its name is none.
    #[error("the name {name:?} {problem}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: NameProblem,
    },
}

impl FromStr for Override {
    type Err = NoOverride;

    /// Reads `GUARD=VALUE`.
    fn from_str(text: &str) -> Result<Self, NoOverride> {
        let Some((guard, value)) = text.split_once('=') else { return Err(NoOverride::NoGuard(text.to_owned())) };
        let no_name = |problem| NoOverride::Name { name: value.to_owned(), problem };
        Ok(match guard {
            "max_removals" => Self::MaxRemovals(value.parse()?),
            "max_detached" => Self::MaxDetached(value.parse()?),
            "protected_users" => Self::Holder(Principal::User(UserName::parse(value).map_err(no_name)?)),
            "protected_groups" => Self::Holder(Principal::Group(GroupName::parse(value).map_err(no_name)?)),
            "protected_policies" => Self::Policy(PolicyName::parse(value).map_err(no_name)?),
            _ => return Err(NoOverride::NoGuard(text.to_owned())),
        })
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxRemovals(limit) => write!(f, "max_removals={limit}"),
            Self::MaxDetached(limit) => write!(f, "max_detached={limit}"),
            Self::Holder(principal) => write!(f, "protected_{}s={}", principal.kind(), principal.name()),
            Self::Policy(policy) => write!(f, "protected_policies={policy}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back() {
        for text in [
            "max_removals=12",
            "max_detached=5%",
            "protected_users=bob",
            "protected_groups=ml",
            "protected_policies=a=b c",
        ] {
            assert_eq!(text.parse::<Override>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_overrides_nothing_says_what_there_is() {
        for text in ["", "max_removals", "max_removal=3", "deny_new_access=false"] {
            let error = text.parse::<Override>().unwrap_err().to_string();
            assert!(error.contains("max_removals=LIMIT") && error.contains("protected_policies=NAME"), "{error}");
        }
        for text in
            ["max_removals=", "max_removals=ten", "max_detached=101%", "protected_users=", "protected_policies=a/b"]
        {
            assert!(text.parse::<Override>().is_err(), "{text}");
        }
    }
}
