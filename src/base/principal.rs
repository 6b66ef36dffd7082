//! Who can hold a policy.

use std::fmt;

use super::{GroupName, NameProblem, UserName};

/// Who can hold a policy: a user, or since 6.0 a group. Users come first in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal {
    /// A user.
    User(UserName),
    /// A group of a directory: all its members have what it holds.
    Group(GroupName),
}

impl Principal {
    /// `user` or `group`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Group(_) => "group",
        }
    }

    /// The name alone: a user and a group may share it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::User(user) => user.as_str(),
            Self::Group(group) => group.as_str(),
        }
    }

    /// The user, where it is one.
    #[must_use]
    pub fn user(&self) -> Option<&UserName> {
        match self {
            Self::User(user) => Some(user),
            Self::Group(_) => None,
        }
    }

    /// The group, where it is one.
    #[must_use]
    pub fn group(&self) -> Option<&GroupName> {
        match self {
            Self::User(_) => None,
            Self::Group(group) => Some(group),
        }
    }

    /// Its name where it is among other names of users: `alice`, `group/ml`. No user name holds a `/`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::User(user) => user.to_string(),
            Self::Group(group) => format!("group/{group}"),
        }
    }

    /// Whether a call can carry the name.
    ///
    /// # Errors
    /// Says what is wrong with the name.
    pub fn addressable(&self) -> Result<(), NameProblem> {
        match self {
            Self::User(user) => user.addressable(),
            Self::Group(group) => group.addressable(),
        }
    }
}

/// As messages name it: user `alice`, group `ml`.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind(), self.name())
    }
}

impl From<&UserName> for Principal {
    fn from(user: &UserName) -> Self {
        Self::User(user.clone())
    }
}

impl From<&GroupName> for Principal {
    fn from(group: &GroupName) -> Self {
        Self::Group(group.clone())
    }
}
