//! The observed state: a snapshot of a cluster, as plain data.

mod buckets;
mod duplicates;
mod public;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use buckets::{BucketPolicy, Buckets};
pub use duplicates::Duplicates;
pub use public::PublicBucket;

use crate::base::{Capabilities, Finding, GroupName, PolicyName, Principal, Release, UserName, codes};
use crate::policy::{self, Document, Normal, normal};

codes! {
    "All kinds of findings of this room.";
    NEWER = "release-newer-than-known", "attune does not know the release yet, and treats it like the newest known one.";
    SEVERAL_RECORDS = "several-records", "The cluster reports several records under one name, so it is unknown which of them an API call changes.";
}

/// The note about a release that is newer than all known ones.
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
    /// What the cluster can do.
    pub capabilities: Capabilities,
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
    /// Whether the cluster reports attachments. If not, `attached` of every user is empty and means nothing.
    pub attachments_known: bool,
    /// Whether attune can generate key pairs for users: it depends on the release and the connection.
    pub keys_can_be_generated: bool,
    /// The limits of the cluster.
    pub limits: Limits,
    /// The buckets and their policies, as far as something needed them.
    pub buckets: Buckets,
}

impl Observed {
    /// All users and groups with an attached name. The name may be a missing policy or a list.
    pub fn attachments(&self) -> impl Iterator<Item = (Principal, &PolicyName)> {
        let users = self.users.iter().filter_map(|(name, user)| Some((Principal::from(name), user.attached.as_ref()?)));
        users.chain(self.groups.iter().map(|(name, policy)| (Principal::from(name), policy)))
    }

    /// The attached name of a user or group.
    pub fn attachment_of(&self, principal: &Principal) -> Option<&PolicyName> {
        match principal {
            Principal::User(user) => self.users.get(user)?.attached.as_ref(),
            Principal::Group(group) => self.groups.get(group),
        }
    }

    /// The attached name of a user or group. With several records it is the list of all names: it is unknown which one
    /// counts.
    pub fn attached_to(&self, principal: &Principal) -> Option<PolicyName> {
        if !self.duplicates.contains(principal) {
            return self.attachment_of(principal).cloned();
        }
        let all: Vec<&str> = self.all_attached_to(principal).into_iter().map(PolicyName::as_str).collect();
        (!all.is_empty()).then(|| PolicyName::reported(all.join(",")))
    }

    /// All policies of a user or group, from all of its records.
    pub fn all_attached_to(&self, principal: &Principal) -> BTreeSet<&PolicyName> {
        self.attachment_of(principal).into_iter().chain(self.duplicates.attached_to(principal)).collect()
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
    /// Parses a document that a cluster returned. A text that is no document stays as it is.
    pub fn read(text: &str) -> Self {
        match policy::read_lenient(text) {
            Ok(document) => Self::Known(normal(&document)),
            Err(_) => Self::Unreadable(text.to_owned()),
        }
    }

    /// The document as one line of text, in normal form if possible.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::NotRead => None,
            Self::Known(normal) => Some(normal.json()),
            Self::Unreadable(text) => Some(text),
        }
    }

    /// Like [`text`](Self::text), shared.
    pub fn shared_text(&self) -> Option<Arc<str>> {
        match self {
            Self::NotRead => None,
            Self::Known(normal) => Some(normal.shared_json()),
            Self::Unreadable(text) => Some(text.as_str().into()),
        }
    }

    /// The document in normal form, if attune can model it.
    pub fn normal(&self) -> Option<&Normal> {
        match self {
            Self::Known(normal) => Some(normal),
            Self::NotRead | Self::Unreadable(_) => None,
        }
    }
}

/// The document that the attached name `name` gives, or `None` if it gives nothing.
///
/// Servers of MinIO's lineage read a name with a comma as a list: it gives each policy of the list (measured on two of
/// them). It is unknown whether WEKA does. So the document is unknown if a policy really has such a name.
pub fn granted<'a>(policies: &'a BTreeMap<PolicyName, Body>, name: &PolicyName) -> Option<Cow<'a, Body>> {
    if !name.is_list() {
        return policies.get(name).map(Cow::Borrowed);
    }
    if policies.contains_key(name) {
        return Some(Cow::Owned(Body::Unreadable(format!("[policy or list of policies {name}]"))));
    }
    let bodies: Vec<&Body> = name.listed().filter_map(|part| policies.get(&part)).collect();
    match bodies.as_slice() {
        [] => None,
        [only] => Some(Cow::Borrowed(*only)),
        several => Some(Cow::Owned(together(name, several))),
    }
}

/// Several documents as one: it allows a request that any of them allows and none denies.
fn together(name: &PolicyName, bodies: &[&Body]) -> Body {
    let known: Option<Vec<&Normal>> = bodies.iter().map(|body| body.normal()).collect();
    let Some(known) = known else {
        return Body::Unreadable(format!("[list of policies {name}, not all of which can be read]"));
    };
    let first = known.first().map(|normal| normal.document()).cloned().unwrap_or_default();
    // Servers may read variables literally in a document without a version, but not in a part of a document.
    if known.iter().any(|normal| normal.document().version != first.version) {
        return Body::Unreadable(format!("[list of policies {name}, whose documents have different versions]"));
    }
    let statements = known.iter().flat_map(|normal| normal.document().statements.iter().cloned()).collect();
    Body::Known(normal(&Document { version: first.version, statements, ..Document::default() }))
}

/// A user of the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedUser {
    /// The role, such as `S3`.
    pub role: String,
    /// The source of the user: `Internal`, or a directory.
    pub source: String,
    /// The attached policy; at most one (vendor definitions 4.0 to 5.1).
    pub attached: Option<PolicyName>,
}

impl ObservedUser {
    /// Whether the user comes from a directory. The directory sets its policy again at every refresh (vendor documentation,
    /// 5.1).
    pub fn is_imported(&self) -> bool {
        !self.source.is_empty() && !self.source.eq_ignore_ascii_case("internal")
    }

    /// Whether a policy can be attached: to local users with the role `S3`, and to users from a directory.
    pub fn can_have_policy(&self) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::read;

    fn body(action: &str) -> Body {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:s3:::b/*"}}]}}"#
        );
        Body::Known(normal(&read(&text).document.unwrap()))
    }

    fn name(text: &str) -> PolicyName {
        PolicyName::reported(text)
    }

    #[test]
    fn a_list_gives_all_of_its_policies() {
        let mut policies = BTreeMap::from([(name("a"), body("s3:GetObject")), (name("b"), body("s3:PutObject"))]);
        let of = |policies: &BTreeMap<_, _>, text: &str| granted(policies, &name(text)).map(Cow::into_owned);
        assert_eq!(of(&policies, "a"), Some(body("s3:GetObject")));
        assert_eq!(of(&policies, "a,gone"), Some(body("s3:GetObject")));
        assert_eq!(of(&policies, "gone,lost"), None);
        let both = of(&policies, "a, b").unwrap();
        assert_eq!(both.normal().unwrap().document().statements.len(), 2);
        policies.insert(name("b"), Body::NotRead);
        assert_eq!(of(&policies, "a,b").unwrap().normal(), None, "one is not known");
        policies.insert(name("a,a"), body("s3:GetObject"));
        assert_eq!(of(&policies, "a,a").unwrap().normal(), None, "it may be a policy or a list");
    }
}
