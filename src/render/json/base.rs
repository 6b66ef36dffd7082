//! Drift and what is proposed, told apart, for machines: a part of `attune.plan/1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::ChangeV1;
use crate::plan::Change;

/// What differs between the cluster and the file, told apart by the desired state that was agreed on before.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BaseV1 {
    /// The revision or file with the desired state that was agreed on before, as given to `--base`.
    pub revision: String,
    /// What would make the cluster as the base says: somebody changed it by other means, or the base was never applied.
    pub drift: Vec<ChangeV1>,
    /// What the file says otherwise than the base: the changes of a cluster that is as the base says.
    pub proposed: Vec<ChangeV1>,
}

impl BaseV1 {
    /// A copy of both.
    #[must_use]
    pub fn of(revision: &str, drift: &[Change], proposed: &[Change]) -> Self {
        let copies = |changes: &[Change]| changes.iter().map(ChangeV1::of).collect();
        Self { revision: revision.to_owned(), drift: copies(drift), proposed: copies(proposed) }
    }
}
