//! What access is gained and lost, for machines: a part of plans and of differences.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::policy::access::{Access, Cause, Line, Profile, Side, Undecided, Witness};

/// What access is gained and lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AccessV1 {
    /// What is allowed afterwards and was not before.
    pub gained: Vec<AccessLineV1>,
    /// What was allowed before and is not afterwards.
    pub lost: Vec<AccessLineV1>,
    /// What was not decided: it may be gained or lost, and is to be taken as if it were.
    pub undecided: Vec<UndecidedV1>,
}

/// A set of requests that are gained or lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AccessLineV1 {
    /// The actions; a wildcard stands for just those actions of the release that are meant.
    pub actions: Vec<String>,
    /// The resources, as a pattern of one of the documents.
    pub pattern: String,
    /// What is taken out of them.
    pub except: Vec<String>,
    /// The conditions under which this is so, all of them.
    pub conditions: Vec<String>,
    /// The only rules of evaluation by which this is so; missing when all that were looked at agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileV1>,
    /// The resources of a `Deny` that makes the difference, if one does: it went, and what it denied is gained, or it
    /// came, and what it denies is lost. Only those of `pattern` that are among them are meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied: Option<String>,
    /// One of the requests.
    pub witness: WitnessV1,
}

/// By whose rules a document is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProfileV1 {
    /// AWS's.
    Aws,
    /// Those of servers of MinIO's lineage.
    Minio,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct WitnessV1 {
    /// The action.
    pub action: String,
    /// The resource, as an ARN.
    pub resource: String,
    /// What else must hold or must not.
    pub conditions: Vec<String>,
}

/// Access that is not decided: the actions or the resources are not known, or the search was given up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct UndecidedV1 {
    /// Whether it would be gained or lost.
    pub side: SideV1,
    /// The actions.
    pub actions: Vec<String>,
    /// The resources within which it may be.
    pub pattern: String,
    /// The only rules of evaluation by which this is so; missing when all that were looked at agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileV1>,
}

/// A direction of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SideV1 {
    /// Allowed afterwards and not before.
    Gained,
    /// Allowed before and not afterwards.
    Lost,
}

impl AccessV1 {
    /// A copy of a difference.
    #[must_use]
    pub fn of(access: &Access) -> Self {
        Self {
            gained: access.gained.iter().map(AccessLineV1::of).collect(),
            lost: access.lost.iter().map(AccessLineV1::of).collect(),
            undecided: access.undecided.iter().map(UndecidedV1::of).collect(),
        }
    }
}

impl AccessLineV1 {
    fn of(line: &Line) -> Self {
        Self {
            actions: line.actions.clone(),
            pattern: line.pattern.clone(),
            except: line.except.clone(),
            conditions: line.conditions.clone(),
            profile: line.profile.map(ProfileV1::of),
            denied: match &line.cause {
                Cause::Allow => None,
                Cause::Deny { pattern } => Some(pattern.clone()),
            },
            witness: WitnessV1::of(&line.witness),
        }
    }
}

impl ProfileV1 {
    /// A copy of a profile.
    pub(super) fn of(profile: Profile) -> Self {
        match profile {
            Profile::Aws => Self::Aws,
            Profile::Minio => Self::Minio,
        }
    }
}

impl WitnessV1 {
    fn of(witness: &Witness) -> Self {
        Self {
            action: witness.action.clone(),
            resource: witness.resource.clone(),
            conditions: witness.conditions.clone(),
        }
    }
}

impl UndecidedV1 {
    fn of(open: &Undecided) -> Self {
        Self {
            side: match open.side {
                Side::Gained => SideV1::Gained,
                Side::Lost => SideV1::Lost,
            },
            actions: open.actions.clone(),
            pattern: open.pattern.clone(),
            profile: open.profile.map(ProfileV1::of),
        }
    }
}
