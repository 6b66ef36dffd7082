//! What a cluster reported: a snapshot, as plain data.

mod codes;
mod duplicates;
mod granted;
mod newer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use codes::CODES;
pub use duplicates::Duplicates;
pub use granted::granted;
pub use newer::newer_than_known;

use crate::base::{GroupName, PolicyName, Principal, Release, UserName};
use crate::policy::Normal;

/// Which cluster this is and as whom it is spoken to (`GET /cluster`, `GET /users/whoami`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's name.
    pub name: String,
    /// The cluster's id, which stays when it is renamed.
    pub guid: String,
    /// The release it runs.
    pub release: Release,
    /// The tenant ("organization" before 5.1) that the login belongs to.
    pub tenant: String,
    /// The user that is logged in.
    pub user: UserName,
    /// That user's role, such as `ClusterAdmin`.
    pub role: String,
}

/// The state of a tenant's S3 access at one time, read as a whole: listings are complete.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Which cluster and tenant.
    pub identity: Identity,
    /// All policies; the documents of those that matter have been read.
    pub policies: BTreeMap<PolicyName, Body>,
    /// All users.
    pub users: BTreeMap<UserName, ObservedUser>,
    /// The groups that hold a policy; none where it is not told.
    pub groups: BTreeMap<GroupName, PolicyName>,
    /// Whether the cluster says which groups hold what: over the `weka` command since 6.0, over REST by no release.
    pub groups_known: bool,
    /// The names that have several records; each is also in `users`, `groups` or `policies`, with one of its records.
    pub duplicates: Duplicates,
    /// Whether an identity provider gives policies by their names (OIDC, from 5.1 on); `None` where that is not known.
    pub identity_provider: Option<bool>,
    /// Whether the cluster says who holds what. Where it does not, `holds` of every user is empty and means nothing.
    pub attachments_known: bool,
    /// Whether a new key pair can be made for a user here: it depends on the release, and on what the cluster is reached
    /// through.
    pub keys_can_be_generated: bool,
    /// How much the cluster takes.
    pub limits: Limits,
}

impl Observed {
    /// The same with room for any number of policies.
    #[must_use]
    pub fn with_room(&self) -> Self {
        Self { limits: Limits { policies: usize::MAX, ..self.limits }, ..self.clone() }
    }

    /// Everyone to whom anything is attached, with the name that is: of a policy, of one that does not exist, or a list.
    pub fn attachments(&self) -> impl Iterator<Item = (impl Fn() -> Principal, &PolicyName)> {
        let users = self.users.iter().filter_map(|(name, user)| Some((Named::User(name), user.holds.as_ref()?)));
        let groups = self.groups.iter().map(|(name, holds)| (Named::Group(name), holds));
        users.chain(groups).map(|(named, holds)| (move || named.principal(), holds))
    }

    /// The name that is attached to a user or group.
    #[must_use]
    pub fn held_by(&self, principal: &Principal) -> Option<&PolicyName> {
        match principal {
            Principal::User(user) => self.users.get(user)?.holds.as_ref(),
            Principal::Group(group) => self.groups.get(group),
        }
    }

    /// The name by which a user or group has access: the one that is attached to it. Of several records, nobody knows which
    /// counts: then it is the list of all.
    #[must_use]
    pub fn attached_to(&self, principal: &Principal) -> Option<PolicyName> {
        if !self.duplicates.contains(principal) {
            return self.held_by(principal).cloned();
        }
        let all: Vec<&str> = self.all_held_by(principal).into_iter().map(PolicyName::as_str).collect();
        (!all.is_empty()).then(|| PolicyName::reported(all.join(",")))
    }

    /// All policies that a user or group has: those of each of its records, where it has several.
    #[must_use]
    pub fn all_held_by(&self, principal: &Principal) -> BTreeSet<&PolicyName> {
        self.held_by(principal).into_iter().chain(self.duplicates.held_by(principal)).collect()
    }
}

/// The name of a user or group, before it is copied.
#[derive(Clone, Copy)]
enum Named<'a> {
    User(&'a UserName),
    Group(&'a GroupName),
}

impl Named<'_> {
    fn principal(self) -> Principal {
        match self {
            Self::User(user) => Principal::from(user),
            Self::Group(group) => Principal::from(group),
        }
    }
}

/// The document of a policy on the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Body {
    /// It was not read, because nothing depends on it.
    NotRead,
    /// It was read.
    Known(Normal),
    /// It was read but is not a policy document that attune can model; the text is kept.
    Unreadable(String),
}

impl Body {
    /// The document as one line of text: its normal form where there is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::NotRead => None,
            Self::Known(normal) => Some(normal.json()),
            Self::Unreadable(text) => Some(text),
        }
    }

    /// The same, to be kept.
    #[must_use]
    pub fn shared_text(&self) -> Option<Arc<str>> {
        match self {
            Self::NotRead => None,
            Self::Known(normal) => Some(normal.shared_json()),
            Self::Unreadable(text) => Some(text.as_str().into()),
        }
    }

    /// The document, where it can be modelled.
    #[must_use]
    pub fn normal(&self) -> Option<&Normal> {
        match self {
            Self::Known(normal) => Some(normal),
            Self::NotRead | Self::Unreadable(_) => None,
        }
    }
}

/// A user of the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedUser {
    /// The role, such as `S3`.
    pub role: String,
    /// Where the user comes from: `Internal`, or a directory.
    pub source: String,
    /// The policy it holds; at most one (vendor definitions 4.0 to 5.1).
    pub holds: Option<PolicyName>,
}

impl ObservedUser {
    /// Whether the user comes from a directory, which sets its policy again at every refresh (vendor
    /// documentation, 5.1).
    #[must_use]
    pub fn is_imported(&self) -> bool {
        !self.source.is_empty() && !self.source.eq_ignore_ascii_case("internal")
    }

    /// Whether a policy can be attached: local users with the role `S3`, and users from a directory.
    #[must_use]
    pub fn can_hold(&self) -> bool {
        self.role.eq_ignore_ascii_case("s3") || self.is_imported()
    }
}

/// How much a cluster takes (vendor documentation; the same in all releases that say).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Policies in all. Whether predefined ones count is unknown: they are counted.
    pub policies: usize,
    /// Bytes of a document. Whether they are counted before or after minifying is unknown: attune sends minified.
    pub document_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { policies: 1024, document_bytes: 2048 }
    }
}
