//! The desired state: what the files under review say, valid once it is here.

mod alike;
mod at;
mod check;
mod codes;
mod credentials;
mod declared;
mod drift;
mod files;
mod form;
mod guards;
mod holders;
mod lint;
mod load;
mod merge;
mod policies;
mod raw;
mod resolve;
mod schema;
mod shape;
mod statement;
mod trusted;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::base::{FileId, GroupName, Location, NamePatterns, PolicyName, Principal, Release, UserName};
use crate::policy::{Document, Normal, Places, normal};

pub use alike::finding as looks_alike;
pub use codes::CODES;
pub use credentials::{Argument, Destination, Names, Recipient};
pub use drift::{Ignore, NoObjects};
pub use files::{Boundary, FileProblem, LARGEST, Tree, read_named, read_trusted};
pub use form::{NotToml, format_toml, without_secrets};
pub use guards::{Exemption, Guards, Limit, NoExemption, NoLimit, NoOverride, Override};
pub use lint::{Allowed, Edit, fixes, lint};
pub use load::{LoadError, Loaded, load};
pub use schema::{SCHEMA, schema};

/// What the files say should be.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// The directory of the main file, to which the paths of its settings are relative.
    pub directory: PathBuf,
    /// The cluster it is about.
    pub cluster: ClusterSettings,
    /// What may be taken away although no file declares it.
    pub ownership: Ownership,
    /// What a plan may not do.
    pub guards: Guards,
    /// Where a new key pair goes; `None` when the file does not say.
    pub credentials: Option<Destination>,
    /// What may differ without being told as drift.
    pub ignores: Vec<Ignore>,
    /// The rules that every document may break without a word.
    pub lint: Allowed,
    /// The declared policies, tombstones included.
    pub policies: BTreeMap<PolicyName, PolicyEntry>,
    /// The declared users.
    pub users: BTreeMap<UserName, PrincipalEntry>,
    /// The declared groups.
    pub groups: BTreeMap<GroupName, PrincipalEntry>,
}

impl Desired {
    /// What is declared of a user or group.
    #[must_use]
    pub fn entry(&self, principal: &Principal) -> Option<&PrincipalEntry> {
        match principal {
            Principal::User(user) => self.users.get(user),
            Principal::Group(group) => self.groups.get(group),
        }
    }

    /// All that is declared of users and groups, users first, each in the order of their names.
    pub fn holders(&self) -> impl Iterator<Item = (Principal, &PrincipalEntry)> {
        let users = self.users.iter().map(|(user, entry)| (Principal::from(user), entry));
        users.chain(self.groups.iter().map(|(group, entry)| (Principal::from(group), entry)))
    }
}

/// How to reach the cluster, and how to change it.
#[derive(Debug, Clone, Default)]
pub struct ClusterSettings {
    /// The management endpoints, as written.
    pub endpoints: Vec<Endpoint>,
    /// The tenant, when the file names one.
    pub tenant: Option<String>,
    /// A PEM file with certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// The SHA-256 of the certificate to trust, 64 hexadecimal digits in lower case.
    pub fingerprint: Option<String>,
    /// What the cluster is reached through.
    pub via: Via,
    /// The release to speak to the cluster as, where it is not the one that the cluster tells.
    pub release: Option<Release>,
    /// How documents are replaced.
    pub replace: Strategy,
    /// Whether any certificate is trusted. No configuration can say so: the command line does, for one run.
    pub insecure: bool,
}

/// What a cluster is reached through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Via {
    /// Its REST interface.
    #[default]
    Rest,
    /// The `weka` command of this host.
    Weka,
}

/// An endpoint as written; a path in it is relative to `directory`.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// A URL, or `sim:PATH`.
    pub text: String,
    /// The directory of the file that names it.
    pub directory: PathBuf,
    /// Where it stands.
    pub at: Option<Location>,
}

/// How a policy's document is replaced: there is no call for it in any release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Strategy {
    /// By way of a transitional policy: nobody is without access at any instant.
    #[default]
    Swap,
    /// Detach, remove, add, attach: holders have no access for a moment.
    Gap,
}

/// Patterns of names that may be removed or detached although no file declares them.
#[derive(Debug, Clone, Default)]
pub struct Ownership {
    /// Of policies.
    pub policies: NamePatterns,
    /// Of users.
    pub users: NamePatterns,
    /// Of groups.
    pub groups: NamePatterns,
}

impl Ownership {
    /// Whether this policy may be removed although no file declares it.
    #[must_use]
    pub fn covers_policy(&self, policy: &PolicyName) -> bool {
        self.policies.matches(policy.as_str())
    }

    /// Whether this user or group may be detached although no file declares it.
    #[must_use]
    pub fn covers(&self, principal: &Principal) -> bool {
        let patterns = match principal {
            Principal::User(_) => &self.users,
            Principal::Group(_) => &self.groups,
        };
        patterns.matches(principal.name())
    }
}

/// A declared policy.
#[derive(Debug, Clone)]
pub struct PolicyEntry {
    /// What it is for, in the author's words.
    pub description: Option<String>,
    /// What should be.
    pub intent: PolicyIntent,
    /// The rules that its document may break without a word, beside those that every document may.
    pub lint: Allowed,
    /// Where it is declared.
    pub at: Option<Location>,
}

/// What should be of a declared policy.
#[derive(Debug, Clone)]
pub enum PolicyIntent {
    /// It is there, with this document.
    Present(Authored),
    /// It is not there.
    Absent,
}

/// A document that a person wrote, with where its parts stand.
#[derive(Debug, Clone)]
pub struct Authored {
    document: Document,
    source: Option<(FileId, Places)>,
    /// Its normal form, once somebody has asked for it.
    normal: OnceLock<Normal>,
}

impl Authored {
    /// A document, with the file that it stands in and where its parts are, when it was read from one.
    #[must_use]
    pub fn new(document: Document, source: Option<(FileId, Places)>) -> Self {
        Self { document, source, normal: OnceLock::new() }
    }

    /// The document, as it was written.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The file it stands in and where its parts are, when it was read from one.
    #[must_use]
    pub fn source(&self) -> Option<&(FileId, Places)> {
        self.source.as_ref()
    }

    /// Its normal form.
    #[must_use]
    pub fn normal(&self) -> &Normal {
        self.normal.get_or_init(|| normal(&self.document))
    }
}

/// A declared user or group.
#[derive(Debug, Clone)]
pub struct PrincipalEntry {
    /// What should be.
    pub intent: DeclaredAttachment,
    /// Where it is declared.
    pub at: Option<Location>,
}

/// What should be of a declared user or group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeclaredAttachment {
    /// It holds this policy.
    Has(PolicyName),
    /// It holds none; its key pair stays.
    Detached,
    /// It holds none; before it is detached, its key pair is made worthless. Of users only.
    Revoked,
}
