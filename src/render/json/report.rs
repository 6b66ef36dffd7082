//! `attune.report/1`: who holds what and may do what, for machines and for the page that is made of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::change::{document, user_or_group};
use super::grade::{CellV1, ClassV1, name_of};
use super::plan::{ClusterV1, LimitsV1};
use crate::base::{PolicyName, Principal};
use crate::observed::Body;
use crate::report::{Bucket, Looked, Report, Row, State};

/// Who holds what and may do what.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(title = "attune.report/1")]
pub struct ReportV1 {
    /// `attune.report/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// What was looked at, and so which of `before` and `after` there are.
    pub looked_at: LookedV1,
    /// Which cluster and tenant; missing when only a file was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterV1>,
    /// The digest of the plan that leads from before to after; missing when there is no plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How much a cluster takes.
    pub limits: LimitsV1,
    /// Whether the cluster tells who holds what. Where it does not, there are no holders.
    pub holders_known: bool,
    /// Whether the cluster tells which groups hold what. Where it does not, there are no groups.
    pub groups_known: bool,
    /// All policies of either side, in the order of their names.
    pub policies: Vec<PolicyReportV1>,
    /// All users that can hold a policy and all groups that do, users first, each in the order of their names.
    pub holders: Vec<HoldingV1>,
    /// What the classes of actions are in the matrix.
    pub classes: Vec<ClassV1>,
    /// The columns of the matrix.
    pub buckets: Vec<BucketV1>,
    /// The rows of the matrix: users and groups that may do the same everywhere are in one.
    pub rows: Vec<RowV1>,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LookedV1 {
    /// The cluster as it is: there is only `before`.
    Cluster,
    /// What the file declares: there is only `after`.
    File,
    /// The cluster as it is and as a plan leaves it.
    Both,
}

/// A policy.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PolicyReportV1 {
    /// Its name.
    pub name: String,
    /// Whether every cluster has it from the start.
    pub predefined: bool,
    /// As it is; missing when it is not there or that was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PolicyStateV1>,
    /// As it will be; missing when it will not be there or that was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<PolicyStateV1>,
}

/// A policy at one time.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct PolicyStateV1 {
    /// How many users and groups hold it.
    pub holders: usize,
    /// The size of its document, minified; missing when it was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    /// Its document; missing when it was not read, a string when it is none that can be modelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub document: Option<Box<RawValue>>,
}

/// A user or group, with what it holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct HoldingV1 {
    /// The user, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The policy it holds; missing when it holds none or that was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The policy it will hold; missing when it will hold none or that was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A user or a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct WhoV1 {
    /// The user, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// A column of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BucketV1 {
    /// The name of a bucket, or a pattern of names; `*` for those that no other column is about. Names are unique.
    pub name: String,
    /// What it is about.
    pub kind: BucketKindV1,
}

/// What a column is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BucketKindV1 {
    /// The bucket of that name.
    Bucket,
    /// All that the resources `NAME` and `NAME/*` match. `*` and `?` are wildcards; a variable stands for what it is for the user of the row.
    Pattern,
    /// Any bucket that no other column is about.
    Others,
}

/// Users and groups that may do the same everywhere.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RowV1 {
    /// The users and groups.
    pub holders: Vec<WhoV1>,
    /// The buckets to which there is access before or after, in the order of the columns; to all others there is none.
    pub cells: Vec<CellV1>,
}

impl ReportV1 {
    /// A copy of a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let Report { looked, identity, digest, limits, matrix, classes } = report;
        let sides = [looked.before(), looked.after()];
        let all = |known: fn(&State) -> bool| sides.iter().flatten().all(|state| known(state));
        let counts = sides.map(counted);
        Self {
            format: "attune.report/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            looked_at: LookedV1::of(looked),
            cluster: identity.as_ref().map(ClusterV1::of),
            digest: digest.as_ref().map(ToString::to_string),
            limits: LimitsV1 { policies: limits.policies, document_bytes: limits.document_bytes },
            holders_known: all(|state| state.holders_known),
            groups_known: all(|state| state.groups_known),
            policies: looked.policies().into_iter().map(|name| PolicyReportV1::of(name, sides, &counts)).collect(),
            holders: looked.principals().into_iter().map(|who| HoldingV1::of(who, sides)).collect(),
            classes: classes.iter().map(ClassV1::of).collect(),
            buckets: matrix.buckets.iter().map(BucketV1::of).collect(),
            rows: matrix.rows.iter().map(|row| RowV1::of(row, &matrix.buckets)).collect(),
        }
    }
}

/// How many hold each policy.
fn counted(state: Option<&State>) -> BTreeMap<&PolicyName, usize> {
    let mut counts = BTreeMap::new();
    for policy in state.into_iter().flat_map(|state| state.holders.values().flatten()) {
        *counts.entry(policy).or_insert(0) += 1;
    }
    counts
}

impl LookedV1 {
    fn of(looked: &Looked) -> Self {
        match looked {
            Looked::Cluster(_) => Self::Cluster,
            Looked::File(_) => Self::File,
            Looked::Both { .. } => Self::Both,
        }
    }
}

impl PolicyReportV1 {
    fn of(name: &PolicyName, [before, after]: [Option<&State>; 2], counts: &[BTreeMap<&PolicyName, usize>; 2]) -> Self {
        let state = |side: Option<&State>, counts: &BTreeMap<&PolicyName, usize>| {
            let body = side?.policies.get(name)?;
            let holders = counts.get(name).copied().unwrap_or_default();
            Some(match body {
                Body::NotRead => PolicyStateV1 { holders, bytes: None, document: None },
                Body::Known(normal) => PolicyStateV1 { holders, bytes: Some(normal.len()), document: document(normal) },
                Body::Unreadable(text) => {
                    let document = serde_json::value::to_raw_value(text).ok();
                    PolicyStateV1 { holders, bytes: Some(text.len()), document }
                }
            })
        };
        Self {
            name: name.to_string(),
            predefined: name.is_predefined(),
            before: state(before, &counts[0]),
            after: state(after, &counts[1]),
        }
    }
}

impl HoldingV1 {
    fn of(who: &Principal, sides: [Option<&State>; 2]) -> Self {
        let [before, after] =
            sides.map(|side| side.and_then(|state| state.holders.get(who)?.as_ref()).map(ToString::to_string));
        let (user, group) = user_or_group(who);
        Self { user, group, before, after }
    }
}

impl WhoV1 {
    fn of(principal: &Principal) -> Self {
        let (user, group) = user_or_group(principal);
        Self { user, group }
    }
}

impl BucketV1 {
    fn of(bucket: &Bucket) -> Self {
        let kind = match bucket {
            Bucket::Named(_) => BucketKindV1::Bucket,
            Bucket::Pattern(_) => BucketKindV1::Pattern,
            Bucket::Others(_) => BucketKindV1::Others,
        };
        Self { name: name_of(bucket), kind }
    }
}

impl RowV1 {
    fn of(row: &Row, buckets: &[Bucket]) -> Self {
        Self {
            holders: row.holders.iter().map(WhoV1::of).collect(),
            cells: row.cells.iter().map(|cell| CellV1::of(cell, buckets)).collect(),
        }
    }
}
