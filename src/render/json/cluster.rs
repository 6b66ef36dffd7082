//! `attune.doctor/1`: the check of a cluster. `attune.import/1`: its import. `attune.session/1`: temporary credentials.

use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::finding::FindingV1;
use super::plan::ClusterV1;
use super::plan::is_zero;
use crate::base::{AttachmentsSource, BucketName, Capabilities, Principal, SessionKeys, Sources};
use crate::doctor::{Definition, Leftover, Preflight};
use crate::import::{Import, ImportedBucket, ImportedTemplate, MAIN_FILE};
use crate::observed::Identity;

json_types! {
    /// The check of a cluster.
    pub struct DoctorV1 = "attune.doctor/1" {
        /// The cluster and the tenant.
        cluster: ClusterV1,
        /// The login.
        login: LoginV1,
        /// The connection.
        transport: TransportV1,
        /// Whether the cluster reports attachments; missing when attune could not read it.
        attachments_known?: bool,
        /// What the cluster can do, by its release and by its own API definition.
        capabilities: CapabilitiesV1,
        /// How far the clock of the cluster is ahead of this machine, in seconds (negative: behind); missing when the cluster does
        /// not report its time.
        clock_ahead_seconds?: i64,
        /// The comparison of attune's calls with the API definition of the cluster.
        api_definition: DefinitionV1,
        /// Temporary policies of an interrupted apply; missing when attune could not list the policies.
        leftovers?: Vec<LeftoverV1>,
        /// Errors, warnings and notes, the most severe first.
        findings: Vec<FindingV1>,
    }

    /// The login at a cluster.
    pub struct LoginV1 {
        /// The user.
        user: String,
        /// The user's role.
        role: String,
        /// Whether the role may apply a plan.
        may_apply: bool,
    }

    /// The connection to a cluster.
    pub struct TransportV1 {
        /// The transport, such as `REST`.
        name: String,
        /// The addresses of the cluster.
        addresses: Vec<String>,
        /// The addresses without TLS, other than on this machine.
        unencrypted: Vec<String>,
        /// Whether attune accepts any certificate.
        any_certificate: bool,
        /// The call that reports attachments; missing when there is none.
        attachments_source?: String,
    }

    /// What a cluster can do.
    #[derive(Copy)]
    pub struct CapabilitiesV1 {
        /// Whether users have S3 key pairs apart from their passwords.
        key_pairs: bool,
        /// Whether it has the REST call that replaces a user's key pair. Only its own API definition tells.
        key_reset: bool,
        /// Whether `GET /users` reports policies.
        policy_in_users: bool,
        /// Whether groups can have policies.
        groups: bool,
        /// Whether an identity provider can give policies by name.
        identity_provider: bool,
        /// Whether it has the REST call that reports the identity provider.
        identity_provider_reported: bool,
        /// Whether organizations are called tenants.
        tenants: bool,
        /// Whether users have service accounts.
        service_accounts: bool,
    }

    /// The comparison of attune's calls with the API definition of a cluster.
    #[derive(Copy)]
    pub struct DefinitionV1 {
        /// Whether they were compared.
        status: DefinitionStatusV1,
        /// The number of compared calls.
        calls: usize,
        /// The number of differences.
        differences: usize,
    }

    /// Whether the calls were compared.
    pub enum DefinitionStatusV1 {
        /// They were compared.
        Compared,
        /// The cluster has no API definition.
        None,
        /// attune could not read the API definition.
        Unreadable,
    }

    /// A temporary policy of an interrupted apply.
    pub struct LeftoverV1 {
        /// Its name.
        temporary_policy: String,
        /// The policy that it belongs to.
        policy: String,
        /// The users and groups that have it, as far as the cluster reports them.
        attached_to: Vec<String>,
    }
}

impl DoctorV1 {
    /// A copy of a check.
    pub fn of(report: &Preflight) -> Self {
        let (identity, connection) = (&report.identity, &report.connection);
        let leftover = |of: &Leftover| LeftoverV1 {
            temporary_policy: of.temporary.to_string(),
            policy: of.policy.to_string(),
            attached_to: of.holders.iter().map(ToString::to_string).collect(),
        };
        Self {
            format: "attune.doctor/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: ClusterV1::of(identity),
            login: LoginV1 {
                user: identity.user.to_string(),
                role: identity.role.clone(),
                may_apply: report.may_apply,
            },
            transport: TransportV1 {
                name: connection.transport.to_owned(),
                addresses: connection.addresses.clone(),
                unencrypted: connection.unencrypted.clone(),
                any_certificate: connection.any_certificate,
                attachments_source: connection.attachments_source.map(str::to_owned),
            },
            attachments_known: report.attachments_known,
            capabilities: CapabilitiesV1::of(&report.capabilities),
            clock_ahead_seconds: connection.clock_ahead,
            api_definition: DefinitionV1::of(report.definition),
            leftovers: report.leftovers.as_ref().map(|all| all.iter().map(leftover).collect()),
            findings: report.findings.iter().map(|finding| FindingV1::of(finding, &Sources::default())).collect(),
        }
    }
}

impl CapabilitiesV1 {
    fn of(can: &Capabilities) -> Self {
        Self {
            key_pairs: can.key_pairs,
            key_reset: can.key_reset,
            policy_in_users: can.attachments == AttachmentsSource::Users,
            groups: can.groups,
            identity_provider: can.identity_provider,
            identity_provider_reported: can.identity_provider_reported,
            tenants: can.tenants,
            service_accounts: can.service_accounts,
        }
    }
}

impl DefinitionV1 {
    fn of(definition: Definition) -> Self {
        let (status, calls, differences) = match definition {
            Definition::None => (DefinitionStatusV1::None, 0, 0),
            Definition::Unreadable => (DefinitionStatusV1::Unreadable, 0, 0),
            Definition::Compared { calls, differences } => (DefinitionStatusV1::Compared, calls, differences),
        };
        Self { status, calls, differences }
    }
}

json_types! {
    /// The import of a cluster.
    pub struct ImportV1 = "attune.import/1" {
        /// The cluster and the tenant.
        cluster: ClusterV1,
        /// The directory of the new files.
        directory: String,
        /// The new files, relative to the directory, the configuration first.
        files: Vec<String>,
        /// The declared policies.
        policies: Vec<ImportedPolicyV1>,
        /// The declared users.
        users: Vec<ImportedAttachmentV1>,
        /// The declared groups.
        groups: Vec<ImportedAttachmentV1>,
        /// The declared buckets: those that have a policy.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        buckets: Vec<ImportedBucketV1>,
        /// The templates that make some of them; missing without `--templates`.
        templates?: Vec<ImportedTemplateV1>,
        /// The number of objects that are not declared, without a problem.
        left_out: LeftOutV1,
        /// Problems with objects that are not declared, and notes.
        findings: Vec<FindingV1>,
    }

    /// A declared policy.
    pub struct ImportedPolicyV1 {
        /// Its name.
        name: String,
        /// The file of its document; missing when the document is in the configuration.
        document?: String,
        /// The rules that its document breaks, and that the configuration suppresses.
        allowed_rules: Vec<String>,
    }

    /// A declared user or group.
    pub struct ImportedAttachmentV1 {
        /// Its name.
        name: String,
        /// Its policy.
        policy: String,
    }

    /// A declared bucket.
    pub struct ImportedBucketV1 {
        /// Its name.
        name: String,
        /// The name of its policy: `download`, `upload` or `public`; missing for a document.
        policy?: String,
        /// The file of its document.
        document?: String,
    }

    /// A template of the configuration.
    pub struct ImportedTemplateV1 {
        /// Its section: `policies`, `users` or `groups`.
        section: String,
        /// Its name, with the placeholder.
        name: String,
        /// How many entries its rows make.
        entries: usize,
    }

    /// The number of objects that are not declared, without a problem.
    #[derive(Copy)]
    pub struct LeftOutV1 {
        /// Predefined policies.
        predefined_policies: usize,
        /// Policies that were not selected.
        other_policies: usize,
        /// Users without a policy.
        users_without_policy: usize,
        /// Users with a policy that were not selected.
        other_users: usize,
        /// Groups with a policy that were not selected.
        other_groups: usize,
        /// Buckets with a policy that were not selected.
        #[serde(default, skip_serializing_if = "is_zero")]
        other_buckets: usize,
    }
}

impl ImportV1 {
    /// A copy of an import.
    pub fn of(identity: &Identity, import: &Import, directory: &str) -> Self {
        Self {
            format: "attune.import/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: ClusterV1::of(identity),
            directory: directory.to_owned(),
            files: [MAIN_FILE.to_owned()].into_iter().chain(import.files.keys().cloned()).collect(),
            policies: import
                .policies
                .iter()
                .map(|(name, declared)| ImportedPolicyV1 {
                    name: name.to_string(),
                    document: declared.document.clone(),
                    allowed_rules: declared.allowed.iter().map(ToString::to_string).collect(),
                })
                .collect(),
            users: ImportedAttachmentV1::all(import, |who| who.user().is_some()),
            groups: ImportedAttachmentV1::all(import, |who| who.group().is_some()),
            buckets: import.buckets.iter().map(ImportedBucketV1::of).collect(),
            templates: import.templates.as_ref().map(|templates| templates.iter().map(Into::into).collect()),
            left_out: LeftOutV1 {
                predefined_policies: import.left_out.predefined,
                other_policies: import.left_out.other_policies,
                users_without_policy: import.left_out.without_policy,
                other_users: import.left_out.other_users,
                other_groups: import.left_out.other_groups,
                other_buckets: import.left_out.other_buckets,
            },
            findings: import.findings.iter().map(|finding| FindingV1::of(finding, &Sources::default())).collect(),
        }
    }
}

impl ImportedBucketV1 {
    fn of((name, imported): (&BucketName, &ImportedBucket)) -> Self {
        let (policy, document) = match imported {
            ImportedBucket::Canned(canned) => (Some(canned.to_string()), None),
            ImportedBucket::Document(path, _) => (None, Some(path.clone())),
        };
        Self { name: name.to_string(), policy, document }
    }
}

impl From<&ImportedTemplate> for ImportedTemplateV1 {
    fn from(template: &ImportedTemplate) -> Self {
        Self { section: template.section.to_owned(), name: template.name.clone(), entries: template.entries }
    }
}

impl ImportedAttachmentV1 {
    fn all(import: &Import, of_kind: impl Fn(&Principal) -> bool) -> Vec<Self> {
        let holders = import.holders.iter().filter(|(who, _)| of_kind(who));
        holders.map(|(who, policy)| Self { name: who.name().to_owned(), policy: policy.to_string() }).collect()
    }
}

/// Temporary credentials, with their secrets. The type has no `Debug`, so that nothing else prints them.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "attune.session/1")]
pub struct SessionV1 {
    /// `attune.session/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// The access key.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
    /// The session token.
    pub session_token: String,
    /// When they expire (RFC 3339).
    pub until: String,
}

impl SessionV1 {
    /// A copy of temporary credentials.
    pub fn of(keys: &SessionKeys, until: &str) -> Self {
        Self {
            format: "attune.session/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            access_key: keys.access_key.clone(),
            secret_key: keys.secret_key.expose_secret().to_owned(),
            session_token: keys.session_token.expose_secret().to_owned(),
            until: until.to_owned(),
        }
    }
}

/// The format of `credential_process` in the AWS SDKs (AWS SDKs reference, "Process credential provider").
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CredentialProcess {
    version: u8,
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

impl CredentialProcess {
    /// A copy of temporary credentials.
    pub fn of(keys: &SessionKeys, until: &str) -> Self {
        Self {
            version: 1,
            access_key_id: keys.access_key.clone(),
            secret_access_key: keys.secret_key.expose_secret().to_owned(),
            session_token: keys.session_token.expose_secret().to_owned(),
            expiration: until.to_owned(),
        }
    }
}
