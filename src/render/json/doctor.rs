//! `attune.doctor/1`: the check of a cluster for machines.

use schemars::JsonSchema;
use serde::Serialize;

use super::FindingV1;
use super::plan::ClusterV1;
use crate::base::Sources;
use crate::doctor::{Definition, Leftover, Report};

/// The check of a cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "attune.doctor/1")]
pub struct DoctorV1 {
    /// `attune.doctor/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// Which cluster and tenant.
    pub cluster: ClusterV1,
    /// As whom it is spoken to.
    pub login: LoginV1,
    /// How it is reached and spoken to.
    pub transport: TransportV1,
    /// Whether the cluster says who holds what; missing when that was not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments_known: Option<bool>,
    /// By how many seconds the cluster's clock is ahead of this machine's (behind, when negative); missing when the cluster
    /// does not tell the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_ahead_seconds: Option<i64>,
    /// What came of holding the calls against the cluster's own definition.
    pub definition: DefinitionV1,
    /// The policies that an interrupted apply left behind; missing when the policies could not be listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leftovers: Option<Vec<LeftoverV1>>,
    /// What was found, what weighs most first.
    pub findings: Vec<FindingV1>,
}

/// As whom a cluster is spoken to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginV1 {
    /// The user.
    pub user: String,
    /// The user's role.
    pub role: String,
    /// Whether the role suffices to apply a plan.
    pub may_apply: bool,
}

/// How a cluster is reached and spoken to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransportV1 {
    /// What the calls go through, such as `REST`.
    pub name: String,
    /// Where it leads.
    pub addresses: Vec<String>,
    /// Those of the addresses to which everything goes in plain text, other than within this machine.
    pub unencrypted: Vec<String>,
    /// Whether any certificate is believed.
    pub any_certificate: bool,
    /// The call that tells who holds what; missing where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments_source: Option<String>,
}

/// What came of holding the calls against the cluster's own definition.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DefinitionV1 {
    /// Whether they were.
    pub status: DefinitionStatusV1,
    /// How many calls were held against it.
    pub calls: usize,
    /// How many differences were found.
    pub differences: usize,
}

/// Whether the calls were held against a definition.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DefinitionStatusV1 {
    /// They were.
    Compared,
    /// The cluster has none.
    None,
    /// It was not got, or is none that can be read.
    Unreadable,
}

/// A policy that an interrupted apply left behind.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftoverV1 {
    /// Its name.
    pub temporary: String,
    /// The policy it stands in for.
    pub policy: String,
    /// Who holds it, as far as the cluster tells.
    pub holders: Vec<String>,
}

impl DoctorV1 {
    /// A copy of a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
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
            definition: DefinitionV1::of(report.definition),
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
            temporary: leftover.temporary.to_string(),
            policy: leftover.policy.to_string(),
            holders: leftover.holders.iter().map(ToString::to_string).collect(),
        }
    }
}
