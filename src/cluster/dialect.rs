//! What differs between releases in how they are spoken to: one table for all transports.

use crate::base::Release;

/// How a release is spoken to.
#[derive(Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The releases it is of, in words.
    pub releases: &'static str,
    /// What `weka s3 policy detach` takes.
    pub detach: Detach,
    /// What tells over REST who holds what.
    pub attachments: Attachments,
    /// Whether a user has an S3 key pair of its own, which the first attach makes and shows once, and which can be made
    /// anew (vendor's CLI page). Before 5.1 name and password are the pair.
    pub key_pairs: bool,
    /// Whether groups can hold policies (vendor documentation, 6.0).
    pub groups: bool,
}

/// What `weka s3 policy detach` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detach {
    /// `detach USER`: 3.12 to 5.0, and 6.0 (vendor documentation).
    User,
    /// `detach POLICY USER`: 5.1 (vendor's CLI page).
    PolicyAndUser,
}

impl Detach {
    /// The other form, for a cluster that does not take this one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::User => Self::PolicyAndUser,
            Self::PolicyAndUser => Self::User,
        }
    }
}

/// What tells over REST who holds what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachments {
    /// Nothing does.
    Untold,
    /// `GET /s3/userPolicies` (vendor definitions, from 4.0).
    UserPolicies,
    /// `GET /users` as well (vendor definitions, from 4.4).
    Users,
}

/// The dialects, oldest first, each with the first release that speaks it.
const DIALECTS: [((u32, u32), Dialect); 5] = [
    (
        (0, 0),
        Dialect {
            releases: "before 4.0",
            detach: Detach::User,
            attachments: Attachments::Untold,
            key_pairs: false,
            groups: false,
        },
    ),
    (
        (4, 0),
        Dialect {
            releases: "4.0 to 4.3",
            detach: Detach::User,
            attachments: Attachments::UserPolicies,
            key_pairs: false,
            groups: false,
        },
    ),
    (
        (4, 4),
        Dialect {
            releases: "4.4 to 5.0",
            detach: Detach::User,
            attachments: Attachments::Users,
            key_pairs: false,
            groups: false,
        },
    ),
    (
        (5, 1),
        Dialect {
            releases: "5.1",
            detach: Detach::PolicyAndUser,
            attachments: Attachments::Users,
            key_pairs: true,
            groups: false,
        },
    ),
    (
        (6, 0),
        Dialect {
            releases: "6.0",
            detach: Detach::User,
            attachments: Attachments::Users,
            key_pairs: true,
            groups: true,
        },
    ),
];

impl Dialect {
    /// The dialect of a release; one that is newer than all that are known gets the newest.
    #[must_use]
    pub fn of(release: &Release) -> &'static Self {
        let spoken = |((major, minor), _): &&((u32, u32), Self)| release.at_least(*major, *minor);
        DIALECTS.iter().rev().find(spoken).map_or(&DIALECTS[0].1, |(_, dialect)| dialect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_release_has_its_dialect_and_a_newer_one_the_newest() {
        for (release, releases) in [
            ("3.14.4", "before 4.0"),
            ("4.0.6", "4.0 to 4.3"),
            ("4.3.1", "4.0 to 4.3"),
            ("4.4.8", "4.4 to 5.0"),
            ("5.0.2", "4.4 to 5.0"),
            ("5.1.2.17-abc", "5.1"),
            ("6.0.0", "6.0"),
            ("7.3.1", "6.0"),
        ] {
            let parsed = Release::parse(release).unwrap();
            assert_eq!(Dialect::of(&parsed).releases, releases, "{release}");
        }
        assert_eq!(Dialect::of(&Release::parse("5.1.2").unwrap()).detach, Detach::PolicyAndUser);
        assert_eq!(Detach::User.other().other(), Detach::User);
    }
}
