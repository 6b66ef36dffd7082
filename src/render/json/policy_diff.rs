//! `attune.policy-diff/1`: how two policy documents differ, for machines.

use schemars::JsonSchema;
use serde::Serialize;

use super::{AccessLineV1, AccessV1, UndecidedV1};
use crate::policy::{Compared, Sameness};

/// How two policy documents differ.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "attune.policy-diff/1")]
pub struct PolicyDiffV1 {
    /// `attune.policy-diff/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// Whether they are the same document but for the way it is written.
    pub same_document: bool,
    /// Whether it is certain that both allow the same.
    pub same_access: bool,
    /// What only the newer allows.
    pub gained: Vec<AccessLineV1>,
    /// What only the older allows.
    pub lost: Vec<AccessLineV1>,
    /// What was not decided: it may be gained or lost, and is to be taken as if it were.
    pub undecided: Vec<UndecidedV1>,
}

impl PolicyDiffV1 {
    /// A copy of a comparison.
    #[must_use]
    pub fn of(compared: &Compared) -> Self {
        let AccessV1 { gained, lost, undecided } = AccessV1::of(&compared.access);
        Self {
            format: "attune.policy-diff/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            same_document: compared.sameness == Sameness::Same,
            same_access: compared.same_access(),
            gained,
            lost,
            undecided,
        }
    }
}
