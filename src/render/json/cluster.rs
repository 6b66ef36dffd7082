//! `attune.doctor/1`: the check of a cluster. `attune.import/1`: the import of a cluster.

use schemars::JsonSchema;
use serde::Serialize;

use super::finding::FindingV1;
use super::plan::ClusterV1;
use crate::base::{Principal, Sources};
use crate::doctor::{Definition, Leftover, Preflight};
use crate::import::{Import, LeftOut, MAIN_FILE};
use crate::observed::Identity;

/// The check of a cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "attune.doctor/1")]
pub struct DoctorV1 {
    /// `attune.doctor/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// The cluster and the tenant.
    pub cluster: ClusterV1,
    /// The login.
    pub login: LoginV1,
    /// The connection.
    pub transport: TransportV1,
    /// Whether the cluster reports attachments; missing when attune could not read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments_known: Option<bool>,
    /// How far the clock of the cluster is ahead of this machine, in seconds (negative: behind); missing when the cluster does
    /// not report its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_ahead_seconds: Option<i64>,
    /// The comparison of attune's calls with the API definition of the cluster.
    pub api_definition: DefinitionV1,
    /// Temporary policies of an interrupted apply; missing when attune could not list the policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leftovers: Option<Vec<LeftoverV1>>,
    /// Errors, warnings and notes, the most severe first.
    pub findings: Vec<FindingV1>,
}

/// The login at a cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginV1 {
    /// The user.
    pub user: String,
    /// The user's role.
    pub role: String,
    /// Whether the role may apply a plan.
    pub may_apply: bool,
}

/// The connection to a cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransportV1 {
    /// The transport, such as `REST`.
    pub name: String,
    /// The addresses of the cluster.
    pub addresses: Vec<String>,
    /// The addresses without TLS, other than on this machine.
    pub unencrypted: Vec<String>,
    /// Whether attune accepts any certificate.
    pub any_certificate: bool,
    /// The call that reports attachments; missing when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments_source: Option<String>,
}

/// The comparison of attune's calls with the API definition of a cluster.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefinitionV1 {
    /// Whether they were compared.
    pub status: DefinitionStatusV1,
    /// The number of compared calls.
    pub calls: usize,
    /// The number of differences.
    pub differences: usize,
}

/// Whether the calls were compared.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DefinitionStatusV1 {
    /// They were compared.
    Compared,
    /// The cluster has no API definition.
    None,
    /// attune could not read the API definition.
    Unreadable,
}

/// A temporary policy of an interrupted apply.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftoverV1 {
    /// Its name.
    pub temporary_policy: String,
    /// The policy that it belongs to.
    pub policy: String,
    /// The users and groups that have it, as far as the cluster reports them.
    pub attached_to: Vec<String>,
}

impl DoctorV1 {
    /// A copy of a check.
    #[must_use]
    pub fn of(report: &Preflight) -> Self {
        let (identity, connection) = (&report.identity, &report.connection);
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
            clock_ahead_seconds: connection.clock_ahead,
            api_definition: DefinitionV1::of(report.definition),
            leftovers: report.leftovers.as_ref().map(|all| all.iter().map(LeftoverV1::of).collect()),
            findings: report.findings.iter().map(|finding| FindingV1::of(finding, &Sources::default())).collect(),
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

impl LeftoverV1 {
    fn of(leftover: &Leftover) -> Self {
        Self {
            temporary_policy: leftover.temporary.to_string(),
            policy: leftover.policy.to_string(),
            attached_to: leftover.holders.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The import of a cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "attune.import/1")]
pub struct ImportV1 {
    /// `attune.import/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// The cluster and the tenant.
    pub cluster: ClusterV1,
    /// The directory of the new files.
    pub directory: String,
    /// The new files, relative to the directory, the configuration first.
    pub files: Vec<String>,
    /// The declared policies.
    pub policies: Vec<ImportedPolicyV1>,
    /// The declared users.
    pub users: Vec<ImportedAttachmentV1>,
    /// The declared groups.
    pub groups: Vec<ImportedAttachmentV1>,
    /// The number of objects that are not declared, without a problem.
    pub left_out: LeftOutV1,
    /// Problems with objects that are not declared, and notes.
    pub findings: Vec<FindingV1>,
}

/// A declared policy.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedPolicyV1 {
    /// Its name.
    pub name: String,
    /// The file of its document; missing when the document is in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The rules that its document breaks, and that the configuration suppresses.
    pub allowed_rules: Vec<String>,
}

/// A declared user or group.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedAttachmentV1 {
    /// Its name.
    pub name: String,
    /// Its policy.
    pub policy: String,
}

/// The number of objects that are not declared, without a problem.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftOutV1 {
    /// Predefined policies.
    pub predefined_policies: usize,
    /// Policies that were not selected.
    pub other_policies: usize,
    /// Users without a policy.
    pub users_without_policy: usize,
    /// Users with a policy that were not selected.
    pub other_users: usize,
    /// Groups with a policy that were not selected.
    pub other_groups: usize,
}

impl ImportV1 {
    /// A copy of an import.
    #[must_use]
    pub fn of(identity: &Identity, import: &Import, directory: &str) -> Self {
        Self {
            format: "attune.import/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: ClusterV1::of(identity),
            directory: directory.to_owned(),
            files: [MAIN_FILE.to_owned()].into_iter().chain(import.documents.keys().cloned()).collect(),
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
            left_out: LeftOutV1::of(import.left_out),
            findings: import.findings.iter().map(|finding| FindingV1::of(finding, &Sources::default())).collect(),
        }
    }
}

impl ImportedAttachmentV1 {
    fn all(import: &Import, of_kind: impl Fn(&Principal) -> bool) -> Vec<Self> {
        let holders = import.holders.iter().filter(|(who, _)| of_kind(who));
        holders.map(|(who, policy)| Self { name: who.name().to_owned(), policy: policy.to_string() }).collect()
    }
}

impl LeftOutV1 {
    fn of(left: LeftOut) -> Self {
        Self {
            predefined_policies: left.predefined,
            other_policies: left.other_policies,
            users_without_policy: left.holding_nothing,
            other_users: left.other_users,
            other_groups: left.other_groups,
        }
    }
}
