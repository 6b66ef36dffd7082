//! The desired state: the configuration under review, loaded and validated.

mod about;
mod authored;
mod changed;
mod checks;
mod cluster;
mod codes;
mod combine;
mod constraints;
mod credentials;
mod edit;
mod envelope;
mod envelope_entries;
mod expand;
mod expect;
mod expect_entries;
mod files;
mod fill;
mod format;
mod guards;
mod lint;
mod list_entry;
mod load;
mod parse;
mod raw;
mod raw_contract;
mod recipient;
mod renames;
mod rows;
mod schedule;
mod schema;
mod sections;
mod settings;
mod spanned;
mod statement;
#[cfg(test)]
pub(crate) mod testing;
mod vars;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::{BucketName, CannedPolicy, GroupName, Location, NamePatterns, PolicyName, Principal, UserName};

pub use about::{About, Declarations, Unread};
pub use authored::{Authored, Origin};
pub use changed::template_changes;
pub use checks::looks_alike;
pub use cluster::{ClusterSettings, EVERY_TENANT, Endpoint, S3Settings, Strategy, Via, tenants_problem};
pub use codes::{CODES, ENVELOPES};
pub use credentials::{Argument, Destination, Names};
pub use edit::{CannotEdit, DocumentPlace, EditedText, Editor, PolicyContent};
pub use envelope::{Envelope, IncludedFile};
pub use expect::{Demand, Expectation, Who};
pub use files::{
    Boundary, FileProblem, LARGEST, NewText, RepositoryPaths, Tree, Unwritten, is_stdin, read_named, read_stdin,
    read_trusted, shown_path,
};
pub use fill::escaped;
pub use format::{NotFormatted, format_toml, without_secrets};
pub use guards::{Exemption, Guards, Limit, Override, SignedApprovals};
pub use lint::{Allowed, Edit, fixes, lint};
pub use load::{LoadError, Loaded, expand, load, load_edited, load_with};
pub use recipient::Recipient;
pub use renames::{RenamedFrom, without_renames};
pub use schedule::{AsOf, Moment, Phase, Schedule, Term};
pub use schema::{SCHEMA, schema};
pub use sections::{Sections, load_sections};
pub use settings::Ignore;
pub use statement::{implicit_table, inline_statements, inline_template};
pub use vars::Overrides;

/// The content of a configuration.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Desired {
    /// The directory of the main file. Paths in settings are relative to it.
    pub directory: PathBuf,
    /// The versions of attune that may read the configuration, as written. This one may.
    pub required_version: Option<String>,
    /// The values of its variables that the command line or the environment gives.
    pub variables: BTreeMap<String, String>,
    /// The cluster, and how to connect to it.
    pub cluster: ClusterSettings,
    /// The names that the configuration owns: it removes policies, detaches users and groups, and resets the policies of buckets
    /// when they are not declared.
    pub ownership: ObjectPatterns,
    /// Limits on what a plan may do.
    pub guards: Guards,
    /// The destination for new key pairs.
    pub credentials: Option<Destination>,
    /// Drift that is not reported.
    pub ignores: Vec<Ignore>,
    /// The rules that are suppressed for every document.
    pub lint: Allowed,
    /// The promises about who can do what, in the order of the files.
    pub expectations: Vec<Expectation>,
    /// What included files may declare and give, in the order of the main file.
    pub envelopes: Vec<Envelope>,
    /// The included files, in the order of reading.
    pub included: Vec<IncludedFile>,
    /// The declared policies, absent ones included.
    pub policies: BTreeMap<PolicyName, PolicyEntry>,
    /// The abstract policies, which no plan adds and nobody can have.
    pub abstracts: BTreeMap<PolicyName, PolicyEntry>,
    /// The policies whose document has errors, with what could be read of it. Only [`lint`] uses them.
    pub broken: BTreeMap<PolicyName, PolicyEntry>,
    /// The declared users.
    pub users: BTreeMap<UserName, PrincipalEntry>,
    /// The declared groups.
    pub groups: BTreeMap<GroupName, PrincipalEntry>,
    /// The declared buckets.
    pub buckets: BTreeMap<BucketName, BucketEntry>,
    /// When the access of declared users and groups begins and ends.
    pub schedules: BTreeMap<Principal, Schedule>,
    /// The instant that the declarations are for; `None` if nobody has said.
    pub as_of: Option<AsOf>,
    /// Only access that has ended is declared, for `attune apply --expired`.
    pub only_expired: bool,
}

impl Desired {
    /// The declaration of a user or group.
    pub fn entry(&self, principal: &Principal) -> Option<&PrincipalEntry> {
        match principal {
            Principal::User(user) => self.users.get(user),
            Principal::Group(group) => self.groups.get(group),
        }
    }

    /// The declaration of a policy, which may be abstract.
    pub fn policy(&self, name: &PolicyName) -> Option<&PolicyEntry> {
        self.policies.get(name).or_else(|| self.abstracts.get(name))
    }

    /// The declared users and groups: users first, each in the order of their names.
    pub fn principals(&self) -> impl Iterator<Item = (Principal, &PrincipalEntry)> {
        let users = self.users.iter().map(|(user, entry)| (Principal::from(user), entry));
        users.chain(self.groups.iter().map(|(group, entry)| (Principal::from(group), entry)))
    }

    /// Whether an expectation is about requests without a login, so that an observation reads the policies of buckets if it can.
    pub fn asks_about_anonymous(&self) -> bool {
        self.expectations.iter().any(|expectation| expectation.who.covers_anonymous())
    }

    /// Whether a plan depends on the policies of buckets, so that an observation reads all of them.
    pub fn needs_buckets(&self) -> bool {
        !self.buckets.is_empty() || !self.ownership.buckets.is_empty()
    }

    /// Of a configuration for several tenants: the settings for this one. Files with new secrets get a directory for each tenant.
    pub fn choose_tenant(&mut self, tenant: Option<&str>) {
        let Some(tenant) = tenant.filter(|_| !self.cluster.tenants.is_empty()) else { return };
        self.credentials = self.credentials.take().map(|destination| destination.of_tenant(tenant));
    }

    /// The declarations of this proposal with the settings of `base`: connection, ownership, destination of new secrets and
    /// suppressed rules. The guards of both apply.
    pub fn under(self, base: &Self) -> Self {
        let (mut policies, mut abstracts) = (self.policies, self.abstracts);
        for (policy, entry) in policies.iter_mut().chain(&mut abstracts) {
            entry.lint = base.policy(policy).map(|of| of.lint.clone()).unwrap_or_default();
            if let Some(old) = &mut entry.renamed_from {
                old.in_base = base.declares_rename(policy, &old.policy);
            }
        }
        let mut buckets = self.buckets;
        for (bucket, entry) in &mut buckets {
            entry.lint = base.buckets.get(bucket).map(|of| of.lint.clone()).unwrap_or_default();
        }
        Self {
            directory: base.directory.clone(),
            required_version: base.required_version.clone(),
            cluster: base.cluster.clone(),
            ownership: base.ownership.clone(),
            guards: base.guards.clone().and(self.guards),
            credentials: base.credentials.clone(),
            ignores: base.ignores.clone(),
            lint: base.lint.clone(),
            expectations: expect::of_both(self.expectations, &base.expectations),
            envelopes: envelope::of_both(self.envelopes, &base.envelopes),
            policies,
            abstracts,
            buckets,
            ..self
        }
    }

    /// Moves the settings to another directory: paths relative to the old directory become relative to the new one.
    pub fn moved_to(mut self, directory: &Path) -> Self {
        let from = std::mem::replace(&mut self.directory, directory.to_path_buf());
        let moved = |path: &mut PathBuf| {
            if let Ok(inside) = path.strip_prefix(&from) {
                *path = directory.join(inside);
            }
        };
        self.cluster.endpoints.iter_mut().for_each(|endpoint| moved(&mut endpoint.directory));
        self.cluster.ca_file.iter_mut().chain(&mut self.cluster.s3.ca_file).for_each(moved);
        self.guards.signed.iter_mut().for_each(|of| moved(&mut of.allowed_signers));
        match &mut self.credentials {
            Some(Destination::Age { dir, .. } | Destination::File { dir }) => moved(dir),
            // A name without a path is searched in `PATH`.
            Some(Destination::Command { program, .. }) if program.components().count() > 1 => moved(program),
            Some(Destination::Command { .. }) | None => {}
        }
        self
    }
}

/// Patterns of names, for each kind of object.
#[derive(Debug, Clone, Default)]
pub struct ObjectPatterns {
    /// Policies.
    pub policies: NamePatterns,
    /// Users.
    pub users: NamePatterns,
    /// Groups.
    pub groups: NamePatterns,
    /// Buckets.
    pub buckets: NamePatterns,
}

impl ObjectPatterns {
    /// The patterns of both.
    pub fn and(self, other: Self) -> Self {
        Self {
            policies: self.policies.and(other.policies),
            users: self.users.and(other.users),
            groups: self.groups.and(other.groups),
            buckets: self.buckets.and(other.buckets),
        }
    }

    /// Whether they match a bucket.
    pub fn covers_bucket(&self, bucket: &BucketName) -> bool {
        self.buckets.matches(bucket.as_str())
    }

    /// Whether they match a policy.
    pub fn covers_policy(&self, policy: &PolicyName) -> bool {
        self.policies.matches(policy.as_str())
    }

    /// Whether they match a user or group.
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
    /// The purpose.
    pub description: Option<String>,
    /// The desired state.
    pub intent: PolicyIntent,
    /// The rules that are suppressed for its document, in addition to those for every document.
    pub lint: Allowed,
    /// The name that it had before.
    pub renamed_from: Option<RenamedFrom>,
    /// The place of the declaration.
    pub at: Option<Location>,
}

impl PolicyEntry {
    /// A declaration of this state, and nothing else.
    pub fn new(intent: PolicyIntent) -> Self {
        Self { description: None, intent, lint: Allowed::default(), renamed_from: None, at: None }
    }
}

/// The desired state of a policy.
#[derive(Debug, Clone)]
pub enum PolicyIntent {
    /// It exists with this document.
    Present(Authored),
    /// It does not exist.
    Absent,
}

impl PolicyIntent {
    /// The document, if it exists.
    pub fn authored(&self) -> Option<&Authored> {
        if let Self::Present(authored) = self { Some(authored) } else { None }
    }
}

/// A declared bucket. It exists: attune adds and deletes no buckets.
#[derive(Debug, Clone)]
pub struct BucketEntry {
    /// The purpose.
    pub description: Option<String>,
    /// Its policy.
    pub intent: BucketIntent,
    /// The rules that are suppressed for its document, in addition to those for every document.
    pub lint: Allowed,
    /// The place of the declaration.
    pub at: Option<Location>,
}

/// The desired policy of a bucket.
#[derive(Debug, Clone)]
pub enum BucketIntent {
    /// A policy with a name.
    Canned(CannedPolicy),
    /// A document of its own.
    Document(Authored),
}

impl BucketIntent {
    /// The document of its own.
    pub fn authored(&self) -> Option<&Authored> {
        if let Self::Document(authored) = self { Some(authored) } else { None }
    }
}

/// A declared user or group.
#[derive(Debug, Clone)]
pub struct PrincipalEntry {
    /// The desired state.
    pub intent: DeclaredAttachment,
    /// The place of the declaration.
    pub at: Option<Location>,
}

/// The desired state of a user or group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeclaredAttachment {
    /// It has this policy.
    Has(PolicyName),
    /// It has no policy. Its key pair stays.
    Detached,
    /// It has no policy, and its keys are revoked before the detach. Users only.
    Revoked,
}

impl DeclaredAttachment {
    /// The policy that the user or group has, if it has one.
    pub fn policy(&self) -> Option<&PolicyName> {
        match self {
            Self::Has(policy) => Some(policy),
            Self::Detached | Self::Revoked => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::desired;
    use super::*;

    #[test]
    fn a_proposal_has_the_settings_of_the_base_and_the_guards_of_both() {
        let base = desired(
            "[cluster]\nendpoints = [\"https://good:14000\"]\nreplace = \"gap\"\n[guards]\nmax_removals = 5\nprotected_users = [\"a\"]\n\
             [credentials]\nfile = true\ndir = \"secrets\"\n[users.gone]\npolicy = \"readonly\"\n",
        );
        let proposal = desired(
            "[cluster]\nendpoints = [\"https://evil:14000\"]\n[ownership]\nusers = [\"*\"]\n[credentials]\ncommand = [\"sh\"]\n\
             [lint]\nallow = [\"A02\"]\n[guards]\ndeny_new_access = true\nmax_removals = 100\nprotected_users = [\"b\"]\n\
             [users.new]\npolicy = \"readonly\"\n",
        );
        let both = proposal.under(&base);
        assert_eq!(both.cluster.endpoints[0].text, "https://good:14000");
        assert_eq!(both.cluster.replace, Strategy::Gap);
        assert!(both.ownership.users.is_empty() && both.lint == Allowed::default());
        assert!(matches!(both.credentials, Some(Destination::File { .. })));
        assert!(both.guards.deny_new_access && both.guards.max_removals.len() == 2);
        assert!(both.guards.protected.users.matches("a") && both.guards.protected.users.matches("b"));
        assert_eq!(both.users.keys().map(|user| user.as_str()).collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn a_proposal_suppresses_no_rule_of_a_bucket() {
        let document = "[[buckets.data.statement]]\neffect = \"Allow\"\nprincipal = \"*\"\naction = \"s3:GetObject\"\n\
                        resource = \"arn:aws:s3:::data/*\"\n";
        let proposal = desired(&format!("{document}[buckets.data.lint]\nallow = [\"A02\"]\n"));
        assert_ne!(proposal.buckets.values().next().unwrap().lint, Allowed::default());
        let both = proposal.under(&desired(document));
        assert_eq!(both.buckets.values().next().unwrap().lint, Allowed::default());
    }

    #[test]
    fn relative_paths_of_settings_move_and_others_stay() {
        let text = |dir: &str| {
            format!(
                "[cluster]\nendpoints = [\"sim:c.json\"]\nca_file = \"ca.pem\"\n[credentials]\nfile = true\ndir = \"{dir}\"\n"
            )
        };
        let moved = desired(&text("secrets")).moved_to(Path::new("/there"));
        assert_eq!(moved.cluster.ca_file.as_deref(), Some(Path::new("/there/ca.pem")));
        assert_eq!(moved.cluster.endpoints[0].directory, Path::new("/there"));
        assert_eq!(moved.credentials, Some(Destination::File { dir: "/there/secrets".into() }));
        let moved = desired(&text("/var/secrets")).moved_to(Path::new("/there"));
        assert_eq!(moved.credentials, Some(Destination::File { dir: "/var/secrets".into() }));
    }
}
