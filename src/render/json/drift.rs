//! `attune.drift/1`: what the cluster has that the file does not say, for machines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::change::{AccessChangeV1, body, text, user_or_group};
use super::plan::{ClusterV1, UnmanagedV1};
use super::{FindingV1, ReviewV1};
use crate::base::Sources;
use crate::drift::{Drift, Kind, Memory, News, Object, Said};
use crate::plan::ChangeId;

/// How the cluster differs from the file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(title = "attune.drift/1")]
pub struct DriftV1 {
    /// `attune.drift/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// Which cluster and tenant.
    pub cluster: ClusterV1,
    /// The drift in numbers.
    pub summary: DriftSummaryV1,
    /// What is no longer declared, and which settings change; absent without `--base`, and where there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewV1>,
    /// What differs; with `--since`, what is new of that.
    pub drift: Vec<DriftedV1>,
    /// With `--since`, what differs and was reported before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<RememberedV1>,
    /// With `--since`, what was reported before and is as the file says now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<RememberedV1>,
    /// What differs and is ignored.
    pub ignored: Vec<IgnoredV1>,
    /// What is not looked at because no file names it.
    pub unmanaged: UnmanagedV1,
    /// What else to know.
    pub findings: Vec<FindingV1>,
}

/// The drift in numbers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DriftSummaryV1 {
    /// Objects that are reported: those of `drift`.
    pub reported: usize,
    /// Objects that were reported before.
    pub known: usize,
    /// Objects that were reported before and are as the file says now.
    pub over: usize,
    /// Objects that are ignored.
    pub ignored: usize,
}

/// An object that is not as the file says.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DriftedV1 {
    /// `policy/NAME`, `user/NAME` or `group/NAME`.
    pub id: String,
    /// What happened to it, seen from the file.
    pub kind: DriftKindV1,
    /// The policy, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The user, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What the file says: the document of a policy, the name of the policy a user or group holds; absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub declared: Option<Box<RawValue>>,
    /// What the cluster has: the document of a policy, the name of the policy a user or group holds; absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub observed: Option<Box<RawValue>>,
    /// Whose access is another: `gained` is what the cluster allows and the file does not, `lost` the reverse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<AccessChangeV1>,
}

/// What happened to an object, seen from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftKindV1 {
    /// A policy that the file does not want is there.
    PolicyAdded,
    /// A policy has another document.
    PolicyChanged,
    /// A policy is not there.
    PolicyRemoved,
    /// A user that should hold nothing holds a policy.
    UserAttached,
    /// A user holds another policy.
    UserMoved,
    /// A user that should hold a policy holds none.
    UserDetached,
    /// A user that should hold a policy does not exist.
    UserRemoved,
    /// A group that should hold nothing holds a policy.
    GroupAttached,
    /// A group holds another policy.
    GroupMoved,
    /// A group that should hold a policy holds none.
    GroupDetached,
}

/// An object that was reported before.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RememberedV1 {
    /// `policy/NAME`, `user/NAME` or `group/NAME`.
    pub id: String,
    /// What happened to it, as `kind` of `drift`.
    pub kind: String,
    /// When it was first reported.
    pub since: String,
}

/// An object that differs and is ignored.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct IgnoredV1 {
    /// `policy/NAME`, `user/NAME` or `group/NAME`.
    pub id: String,
    /// What happened to it.
    pub kind: DriftKindV1,
    /// Why it is ignored.
    pub reason: String,
    /// The last day on which it is; absent for what the command line asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl DriftV1 {
    /// A copy of a drift; with `news`, of what is new of it.
    #[must_use]
    pub fn of(drift: &Drift, news: Option<&News>, sources: &Sources) -> Self {
        let told = |object: &&Object| news.is_none_or(|news| news.new.contains(&object.id.to_string()));
        let told: Vec<DriftedV1> = drift.objects.iter().filter(told).map(DriftedV1::of).collect();
        let known = news.map(|news| RememberedV1::all(&news.memory, |id| !news.new.contains(id))).unwrap_or_default();
        let over = news.map(|news| RememberedV1::all(&news.over, |_| true)).unwrap_or_default();
        let ignored = drift.ignored.iter().map(|ignored| IgnoredV1 {
            id: ignored.object.id.to_string(),
            kind: DriftKindV1::of(ignored.object.kind),
            reason: ignored.reason.clone(),
            until: ignored.until.map(|until| until.to_string()),
        });
        Self {
            format: "attune.drift/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: ClusterV1::of(&drift.identity),
            review: None,
            summary: DriftSummaryV1 {
                reported: told.len(),
                known: known.len(),
                over: over.len(),
                ignored: drift.ignored.len(),
            },
            drift: told,
            known,
            over,
            ignored: ignored.collect(),
            unmanaged: UnmanagedV1::of(&drift.unmanaged),
            findings: drift.findings.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
        }
    }
}

impl DriftedV1 {
    fn of(object: &Object) -> Self {
        let (policy, (user, group)) = match &object.id {
            ChangeId::Policy(policy) => (Some(policy.to_string()), (None, None)),
            ChangeId::Holder(principal) => (None, user_or_group(principal)),
        };
        let side = |said: &Said| match said {
            Said::Nothing => None,
            Said::Document(document) => body(document),
            Said::Policy(policy) => text(policy.as_str()),
        };
        Self {
            id: object.id.to_string(),
            kind: DriftKindV1::of(object.kind),
            policy,
            user,
            group,
            declared: side(&object.declared),
            observed: side(&object.observed),
            access: object.access.iter().map(AccessChangeV1::of).collect(),
        }
    }
}

impl DriftKindV1 {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::PolicyAdded => Self::PolicyAdded,
            Kind::PolicyChanged => Self::PolicyChanged,
            Kind::PolicyRemoved => Self::PolicyRemoved,
            Kind::UserAttached => Self::UserAttached,
            Kind::UserMoved => Self::UserMoved,
            Kind::UserDetached => Self::UserDetached,
            Kind::UserRemoved => Self::UserRemoved,
            Kind::GroupAttached => Self::GroupAttached,
            Kind::GroupMoved => Self::GroupMoved,
            Kind::GroupDetached => Self::GroupDetached,
        }
    }
}

impl RememberedV1 {
    fn all(memory: &Memory, keep: impl Fn(&str) -> bool) -> Vec<Self> {
        let of = memory.0.iter().filter(|(id, _)| keep(id));
        of.map(|(id, of)| Self { id: id.clone(), kind: of.kind.clone(), since: of.since.clone() }).collect()
    }
}
