//! The observed state: a snapshot of a cluster, as plain data.

mod duplicates;
mod granted;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use duplicates::Duplicates;
pub use granted::granted;

use crate::base::{Finding, GroupName, PolicyName, Principal, Release, UserName, codes};
use crate::policy::Normal;

codes! {
    "All kinds of findings of this room.";
    NEWER = "release-newer-than-known", "attune does not know the release yet, and treats it like the newest known one.";
    SEVERAL_RECORDS = "several-records", "The cluster reports several records under one name, so it is unknown which of them an API call changes.";
}

/// The note about a release that is newer than all known ones.
#[must_use]
pub fn newer_than_known(release: &Release) -> Option<Finding> {
    let newest = Release::newest();
    let message = format!("WEKA {release} is newer than {newest}, the newest release that attune knows");
    let help = format!(
        "attune treats it like {newest}; `attune doctor` compares attune's API calls with the cluster's own definition, if it has one"
    );
    release.is_newer_than_known().then(|| Finding::note(NEWER, message).help(help))
}

/// The cluster and the login (`GET /cluster`, `GET /users/whoami`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's name.
    pub name: String,
    /// The cluster's id. It stays when the cluster is renamed.
    pub guid: String,
    /// The release it runs.
    pub release: Release,
    /// The tenant ("organization" before 5.1) of the login.
    pub tenant: String,
    /// The user of the login.
    pub user: UserName,
    /// That user's role, such as `ClusterAdmin`.
    pub role: String,
}

/// The S3 access of a tenant at one time. Listings are complete.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The cluster and tenant.
    pub identity: Identity,
    /// All policies. Only documents that matter are read.
    pub policies: BTreeMap<PolicyName, Body>,
    /// All users.
    pub users: BTreeMap<UserName, ObservedUser>,
    /// The groups that have a policy, as far as the cluster reports them.
    pub groups: BTreeMap<GroupName, PolicyName>,
    /// Whether the cluster reports the policies of groups: the `weka` command since 6.0, REST in no release.
    pub groups_known: bool,
    /// The names with several records. One of the records is also in `users`, `groups` or `policies`.
    pub duplicates: Duplicates,
    /// Whether an identity provider gives policies by name (OIDC, since 5.1), or `None` if unknown.
    pub identity_provider: Option<bool>,
    /// Whether the cluster reports attachments. If not, `holds` of every user is empty and means nothing.
    pub attachments_known: bool,
    /// Whether attune can generate key pairs for users: it depends on the release and the connection.
    pub keys_can_be_generated: bool,
    /// The limits of the cluster.
    pub limits: Limits,
}

impl Observed {
    /// A copy without a limit on policies.
    #[must_use]
    pub fn with_room(&self) -> Self {
        Self { limits: Limits { policies: usize::MAX, ..self.limits }, ..self.clone() }
    }

    /// All users and groups with an attached name. The name may be a missing policy or a list.
    pub fn attachments(&self) -> impl Iterator<Item = (Principal, &PolicyName)> {
        let users = self.users.iter().filter_map(|(name, user)| Some((Principal::from(name), user.holds.as_ref()?)));
        users.chain(self.groups.iter().map(|(name, policy)| (Principal::from(name), policy)))
    }

    /// The attached name of a user or group.
    #[must_use]
    pub fn held_by(&self, principal: &Principal) -> Option<&PolicyName> {
        match principal {
            Principal::User(user) => self.users.get(user)?.holds.as_ref(),
            Principal::Group(group) => self.groups.get(group),
        }
    }

    /// The attached name of a user or group. With several records it is the list of all names: it is unknown which one
    /// counts.
    #[must_use]
    pub fn attached_to(&self, principal: &Principal) -> Option<PolicyName> {
        if !self.duplicates.contains(principal) {
            return self.held_by(principal).cloned();
        }
        let all: Vec<&str> = self.all_held_by(principal).into_iter().map(PolicyName::as_str).collect();
        (!all.is_empty()).then(|| PolicyName::reported(all.join(",")))
    }

    /// All policies of a user or group, from all of its records.
    #[must_use]
    pub fn all_held_by(&self, principal: &Principal) -> BTreeSet<&PolicyName> {
        self.held_by(principal).into_iter().chain(self.duplicates.held_by(principal)).collect()
    }
}

/// The document of a policy on the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Body {
    /// Not read, because nothing depends on it.
    NotRead,
    /// Read.
    Known(Normal),
    /// Read, but attune cannot model it. This is its text.
    Unreadable(String),
}

impl Body {
    /// The document as one line of text, in normal form if possible.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::NotRead => None,
            Self::Known(normal) => Some(normal.json()),
            Self::Unreadable(text) => Some(text),
        }
    }

    /// Like [`text`](Self::text), shared.
    #[must_use]
    pub fn shared_text(&self) -> Option<Arc<str>> {
        match self {
            Self::NotRead => None,
            Self::Known(normal) => Some(normal.shared_json()),
            Self::Unreadable(text) => Some(text.as_str().into()),
        }
    }

    /// The document in normal form, if attune can model it.
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
    /// The source of the user: `Internal`, or a directory.
    pub source: String,
    /// The attached policy; at most one (vendor definitions 4.0 to 5.1).
    pub holds: Option<PolicyName>,
}

impl ObservedUser {
    /// Whether the user comes from a directory. The directory sets its policy again at every refresh (vendor documentation,
    /// 5.1).
    #[must_use]
    pub fn is_imported(&self) -> bool {
        !self.source.is_empty() && !self.source.eq_ignore_ascii_case("internal")
    }

    /// Whether a policy can be attached: to local users with the role `S3`, and to users from a directory.
    #[must_use]
    pub fn can_hold(&self) -> bool {
        self.role.eq_ignore_ascii_case("s3") || self.is_imported()
    }
}

/// The limits of a cluster (vendor documentation; the same in all releases that document them).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of policies. It is unknown whether predefined ones count, so they are counted.
    pub policies: usize,
    /// The maximum size of a document in bytes. It is unknown whether whitespace counts, so attune sends minified JSON.
    pub document_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { policies: 1024, document_bytes: 2048 }
    }
}
