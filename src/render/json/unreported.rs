//! What a cluster does not report, for machines: a part of `attune.plan/1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::AccessV1;
use super::change::AccessChangeV1;
use crate::plan::{NameAccess, NotReported, Unreported};

/// What the cluster does not report, and what the plan may do to those who are not reported.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct UnreportedV1 {
    /// What is not reported.
    pub kinds: Vec<NotReportedV1>,
    /// What someone may gain who has a policy by its name: `policy` is set instead of `user` and `group`. A guard against new
    /// access counts it as not decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_name: Vec<AccessChangeV1>,
}

/// A use of policies that a cluster does not report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotReportedV1 {
    /// Which groups have which policy.
    Groups,
    /// Whom an identity provider gives policies by their names.
    IdentityProvider,
    /// Service accounts and temporary credentials, which have what their user has, or less.
    ServiceAccounts,
}

impl UnreportedV1 {
    /// A copy of what is not reported.
    #[must_use]
    pub fn of(unreported: &Unreported) -> Self {
        Self {
            kinds: unreported.kinds.iter().copied().map(NotReportedV1::of).collect(),
            by_name: unreported.by_name.iter().map(by_name).collect(),
        }
    }
}

fn by_name(of: &NameAccess) -> AccessChangeV1 {
    let AccessV1 { gained, lost, undecided } = AccessV1::of(&of.access);
    AccessChangeV1 { user: None, group: None, policy: Some(of.policy.to_string()), gained, lost, undecided }
}

impl NotReportedV1 {
    fn of(kind: NotReported) -> Self {
        match kind {
            NotReported::Groups => Self::Groups,
            NotReported::IdentityProvider => Self::IdentityProvider,
            NotReported::ServiceAccounts => Self::ServiceAccounts,
        }
    }
}
