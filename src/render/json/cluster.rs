//! `attune.doctor/1`: the check of a cluster. `attune.import/1`: its import. `attune.session/1`: temporary credentials.

use schemars::JsonSchema;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::finding::FindingV1;
use super::plan::{ClusterV1, is_zero};
use crate::base::{AttachmentsSource, BucketName, Capabilities, PolicyName, Principal, SessionKeys, Sources};
use crate::doctor::{Definition, Leftover, Preflight};
use crate::import::{Import, ImportedBucket, ImportedPolicy, ImportedTemplate, LeftOut, MAIN_FILE};
use crate::observed::Identity;

json_types! {
    /// The check of a cluster.
    pub struct DoctorV1 = "attune.doctor/1" of(report: &Preflight) {
        /// The cluster and the tenant.
        cluster: ClusterV1 = ClusterV1::of(&report.facts.identity),
        /// The login.
        login: LoginV1 = LoginV1::of(report),
        /// The connection.
        transport: TransportV1 = TransportV1::of(report),
        /// Whether the cluster reports attachments; missing when attune could not read it.
        attachments_known?: bool = report.facts.attachments_known(),
        /// What the cluster can do, by its release and by its own API definition.
        capabilities: CapabilitiesV1 = CapabilitiesV1::of(&report.facts.capabilities),
        /// How far the clock of the cluster is ahead of this machine, in seconds (negative: behind); missing when the cluster does
        /// not report its time.
        clock_ahead_seconds?: i64 = report.facts.connection.clock_ahead,
        /// The comparison of attune's calls with the API definition of the cluster.
        api_definition: DefinitionV1 = DefinitionV1::of(report.definition),
        /// Temporary policies of an interrupted apply; missing when attune could not list the policies.
        leftovers?: Vec<LeftoverV1> = report.leftovers.as_ref().map(|all| all.iter().map(LeftoverV1::of).collect()),
        /// Errors, warnings and notes, the most severe first.
        findings: Vec<FindingV1> =
            report.findings.iter().map(|finding| FindingV1::of(finding, &Sources::default())).collect(),
    }

    /// The login at a cluster.
    pub struct LoginV1 of(report: &Preflight) {
        /// The user.
        user: String = report.facts.identity.user.to_string(),
        /// The user's role.
        role: String = report.facts.identity.role.clone(),
        /// Whether the role may apply a plan.
        may_apply: bool = report.may_apply,
    }

    /// The connection to a cluster.
    pub struct TransportV1 of(report: &Preflight) {
        /// The transport, such as `REST`.
        name: String = report.facts.connection.transport.to_owned(),
        /// The addresses of the cluster.
        addresses: Vec<String> = report.facts.connection.addresses.clone(),
        /// The addresses without TLS, other than on this machine.
        unencrypted: Vec<String> = report.facts.connection.unencrypted.clone(),
        /// Whether attune accepts any certificate.
        any_certificate: bool = report.facts.connection.any_certificate,
        /// The call that reports attachments; missing when there is none.
        attachments_source?: String = report.facts.connection.attachments_source.map(str::to_owned),
    }

    /// What a cluster can do.
    pub struct CapabilitiesV1 of(can: &Capabilities) {
        /// Whether users have S3 key pairs apart from their passwords.
        key_pairs: bool = can.key_pairs,
        /// Whether it has the REST call that replaces a user's key pair. Only its own API definition tells.
        key_reset: bool = can.key_reset,
        /// Whether `GET /users` reports policies.
        policy_in_users: bool = can.attachments == AttachmentsSource::Users,
        /// Whether groups can have policies.
        groups: bool = can.groups,
        /// Whether an identity provider can give policies by name.
        identity_provider: bool = can.identity_provider,
        /// Whether it has the REST call that reports the identity provider.
        identity_provider_reported: bool = can.identity_provider_reported,
        /// Whether organizations are called tenants.
        tenants: bool = can.tenants,
        /// Whether users have service accounts.
        service_accounts: bool = can.service_accounts,
    }

    /// The comparison of attune's calls with the API definition of a cluster.
    pub struct DefinitionV1 of(definition: Definition) {
        /// Whether they were compared.
        status: DefinitionStatusV1 = DefinitionStatusV1::of(definition),
        /// The number of compared calls.
        calls: usize = compared(definition).0,
        /// The number of differences.
        differences: usize = compared(definition).1,
    }

    /// Whether the calls were compared.
    pub enum DefinitionStatusV1 of(Definition) {
        /// They were compared.
        Compared = Definition::Compared { .. },
        /// The cluster has no API definition.
        None = Definition::None,
        /// attune could not read the API definition.
        Unreadable = Definition::Unreadable,
    }

    /// A temporary policy of an interrupted apply.
    pub struct LeftoverV1 of(of: &Leftover) {
        /// Its name.
        temporary_policy: String = of.temporary.to_string(),
        /// The policy that it belongs to.
        policy: String = of.policy.to_string(),
        /// The users and groups that have it, as far as the cluster reports them.
        attached_to: Vec<String> = of.holders.iter().map(ToString::to_string).collect(),
    }
}

fn compared(definition: Definition) -> (usize, usize) {
    match definition {
        Definition::Compared { calls, differences } => (calls, differences),
        Definition::None | Definition::Unreadable => (0, 0),
    }
}

json_types! {
    /// The import of a cluster.
    pub struct ImportV1 = "attune.import/1" of(identity: &Identity, import: &Import, directory: &str) {
        /// The cluster and the tenant.
        cluster: ClusterV1 = ClusterV1::of(identity),
        /// The directory of the new files.
        directory: String = directory.to_owned(),
        /// The new files, relative to the directory, the configuration first.
        files: Vec<String> = [MAIN_FILE.to_owned()].into_iter().chain(import.files.keys().cloned()).collect(),
        /// The declared policies.
        policies: Vec<ImportedPolicyV1> = import.policies.iter().map(ImportedPolicyV1::of).collect(),
        /// The declared users.
        users: Vec<ImportedAttachmentV1> = attachments(import, |who| who.user().is_some()),
        /// The declared groups.
        groups: Vec<ImportedAttachmentV1> = attachments(import, |who| who.group().is_some()),
        /// The declared buckets: those that have a policy.
        buckets*: ImportedBucketV1 = import.buckets.iter().map(ImportedBucketV1::of).collect(),
        /// The templates that make some of them; missing without `--templates`.
        templates?: Vec<ImportedTemplateV1> =
            import.templates.as_ref().map(|templates| templates.iter().map(ImportedTemplateV1::of).collect()),
        /// The number of objects that are not declared, without a problem.
        left_out: LeftOutV1 = LeftOutV1::of(&import.left_out),
        /// Problems with objects that are not declared, and notes.
        findings: Vec<FindingV1> =
            import.findings.iter().map(|finding| FindingV1::of(finding, &Sources::default())).collect(),
    }

    /// A declared policy.
    pub struct ImportedPolicyV1 of((name, declared): (&PolicyName, &ImportedPolicy)) {
        /// Its name.
        name: String = name.to_string(),
        /// The file of its document; missing when the document is in the configuration.
        document?: String = declared.document.clone(),
        /// The rules that its document breaks, and that the configuration suppresses.
        allowed_rules: Vec<String> = declared.allowed.iter().map(ToString::to_string).collect(),
    }

    /// A declared user or group.
    pub struct ImportedAttachmentV1 of((who, policy): (&Principal, &PolicyName)) {
        /// Its name.
        name: String = who.name().to_owned(),
        /// Its policy.
        policy: String = policy.to_string(),
    }

    /// A declared bucket.
    pub struct ImportedBucketV1 of((name, imported): (&BucketName, &ImportedBucket)) {
        /// Its name.
        name: String = name.to_string(),
        /// The name of its policy: `download`, `upload` or `public`; missing for a document.
        policy?: String = if let ImportedBucket::Canned(canned) = imported { Some(canned.to_string()) } else { None },
        /// The file of its document.
        document?: String = if let ImportedBucket::Document(path, _) = imported { Some(path.clone()) } else { None },
    }

    /// A template of the configuration.
    pub struct ImportedTemplateV1 of(of: &ImportedTemplate) {
        /// Its section: `policies`, `users` or `groups`.
        section: String = of.section.to_owned(),
        /// Its name, with the placeholder.
        name: String = of.name.clone(),
        /// How many entries its rows make.
        entries: usize = of.entries,
    }

    /// The number of objects that are not declared, without a problem.
    pub struct LeftOutV1 of(of: &LeftOut) {
        /// Predefined policies.
        predefined_policies: usize = of.predefined,
        /// Policies that were not selected.
        other_policies: usize = of.other_policies,
        /// Users without a policy.
        users_without_policy: usize = of.without_policy,
        /// Users with a policy that were not selected.
        other_users: usize = of.other_users,
        /// Groups with a policy that were not selected.
        other_groups: usize = of.other_groups,
        /// Buckets with a policy that were not selected.
        #[serde(default, skip_serializing_if = "is_zero")]
        other_buckets: usize = of.other_buckets,
    }
}

fn attachments(import: &Import, is_of_kind: fn(&Principal) -> bool) -> Vec<ImportedAttachmentV1> {
    import.holders.iter().filter(|(who, _)| is_of_kind(who)).map(ImportedAttachmentV1::of).collect()
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
