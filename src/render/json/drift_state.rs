//! `attune.drift-state/1`: what `attune drift --since` remembers from one run to the next.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::drift::{Memory, Remembered};
use crate::observed::Identity;

/// The format of the file.
const FORMAT: &str = "attune.drift-state/1";

/// What was reported and is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "attune.drift-state/1")]
pub struct DriftStateV1 {
    /// `attune.drift-state/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// The cluster's id.
    pub guid: String,
    /// The tenant.
    pub tenant: String,
    /// What was reported and is not over.
    pub reported: Vec<ReportedV1>,
}

/// An object that was reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportedV1 {
    /// `policy/NAME`, `user/NAME` or `group/NAME`.
    pub id: String,
    /// What happened to it.
    pub kind: String,
    /// What is the same for the same drift only.
    pub fingerprint: String,
    /// When it was first reported.
    pub since: String,
}

impl DriftStateV1 {
    /// A memory of one cluster and tenant as a file.
    #[must_use]
    pub fn of(identity: &Identity, memory: &Memory) -> Self {
        let reported = memory.0.iter().map(|(id, of)| ReportedV1 {
            id: id.clone(),
            kind: of.kind.clone(),
            fingerprint: of.fingerprint.clone(),
            since: of.since.clone(),
        });
        Self {
            format: FORMAT.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            guid: identity.guid.clone(),
            tenant: identity.tenant.clone(),
            reported: reported.collect(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Says why it is no such file.
    pub fn read(text: &str) -> Result<Self, String> {
        let state: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if state.format == FORMAT {
            Ok(state)
        } else {
            Err(format!("its format is `{}`, not `{FORMAT}`", state.format))
        }
    }

    /// The memory, where it is of this cluster and tenant.
    ///
    /// # Errors
    /// Says of which it is.
    pub fn memory(self, identity: &Identity) -> Result<Memory, String> {
        if (&self.guid, &self.tenant) != (&identity.guid, &identity.tenant) {
            return Err(format!("it is of the tenant {:?} of the cluster with the id {:?}", self.tenant, self.guid));
        }
        let remembered =
            |of: ReportedV1| (of.id, Remembered { kind: of.kind, fingerprint: of.fingerprint, since: of.since });
        Ok(Memory(self.reported.into_iter().map(remembered).collect()))
    }
}
