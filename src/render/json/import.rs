//! `attune.import/1`: what was imported, for machines.

use schemars::JsonSchema;
use serde::Serialize;

use super::FindingV1;
use super::plan::ClusterV1;
use crate::base::{Principal, Sources};
use crate::import::{Import, LeftOut, MAIN_FILE};
use crate::observed::Identity;

/// What was imported from a cluster.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "attune.import/1")]
pub struct ImportV1 {
    /// `attune.import/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// Which cluster and tenant.
    pub cluster: ClusterV1,
    /// The directory that was written into.
    pub directory: String,
    /// The files that were written, relative to the directory, the desired-state file first.
    pub files: Vec<String>,
    /// The policies that are declared.
    pub policies: Vec<ImportedPolicyV1>,
    /// The users that are declared.
    pub users: Vec<ImportedHolderV1>,
    /// The groups that are declared.
    pub groups: Vec<ImportedHolderV1>,
    /// What is left out although nothing is wrong with it.
    pub left_out: LeftOutV1,
    /// What is left out because something is, and what is good to know.
    pub findings: Vec<FindingV1>,
}

/// A policy that is declared.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedPolicyV1 {
    /// Its name.
    pub name: String,
    /// The file of its document; missing when the document is in the desired-state file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// The rules that its document breaks and is allowed to.
    pub allowed_rules: Vec<String>,
}

/// A user or group that is declared.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedHolderV1 {
    /// Its name.
    pub name: String,
    /// The policy it holds.
    pub policy: String,
}

/// How many are left out although nothing is wrong with them.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftOutV1 {
    /// Predefined policies.
    pub predefined_policies: usize,
    /// Policies that were not asked for.
    pub other_policies: usize,
    /// Users that could hold a policy and hold none.
    pub users_without_policy: usize,
    /// Users that hold a policy and were not asked for.
    pub other_users: usize,
    /// Groups that hold a policy and were not asked for.
    pub other_groups: usize,
}

impl ImportV1 {
    /// A copy of what was imported.
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
            users: ImportedHolderV1::all(import, |who| who.user().is_some()),
            groups: ImportedHolderV1::all(import, |who| who.group().is_some()),
            left_out: LeftOutV1::of(import.left_out),
            findings: import.findings.iter().map(|finding| FindingV1::of(finding, &Sources::default())).collect(),
        }
    }
}

impl ImportedHolderV1 {
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
