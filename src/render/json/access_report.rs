//! `attune.access/1`: what users and groups may do, for machines.

use schemars::JsonSchema;
use serde::Serialize;

use super::change::user_or_group;
use super::{AccessV1, ProfileV1};
use crate::policy::access::{Answer, Decision, Ground, Profile, Report, Verdict};

/// What users and groups may do, or whether they may do one thing.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "attune.access/1")]
pub struct AccessReportV1 {
    /// `attune.access/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// What was asked about; missing when all that is allowed was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestV1>,
    /// The users and groups; where it was asked who may do something, those that may and those of which it is not known.
    pub users: Vec<AccessAnswerV1>,
}

/// An action on a resource.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestV1 {
    /// The action.
    pub action: String,
    /// The resource: an ARN, or `*`.
    pub resource: String,
}

/// What one user or group may do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessAnswerV1 {
    /// The user, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The policy it holds; missing when it holds none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Whether the document of that policy is known. Where it is not, nothing is said.
    pub known: bool,
    /// All that it may do, as what is gained over no access at all; missing when one request was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessV1>,
    /// The answer by each of the rules of evaluation looked at; empty when no request was asked about.
    pub decisions: Vec<DecisionV1>,
}

/// An answer by one set of rules.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionV1 {
    /// The rules.
    pub profile: ProfileV1,
    /// The answer.
    pub verdict: VerdictV1,
    /// The statements that allow it.
    pub allowed_by: Vec<GroundV1>,
    /// The statements that deny it.
    pub denied_by: Vec<GroundV1>,
}

/// Whether a request is allowed.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VerdictV1 {
    /// Always.
    Allowed,
    /// Never.
    Denied,
    /// Under conditions, or by what cannot be known offline.
    Depends,
}

/// A statement that has to do with a request.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroundV1 {
    /// Its `Sid`, or else `statement N`, counted from 1.
    pub statement: String,
    /// The conditions under which it applies, all of them.
    pub conditions: Vec<String>,
}

impl AccessReportV1 {
    /// A copy of a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let request = report
            .request
            .as_ref()
            .map(|request| RequestV1 { action: request.action().to_owned(), resource: request.resource().to_owned() });
        Self {
            format: "attune.access/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            request,
            users: report.answers.iter().map(AccessAnswerV1::of).collect(),
        }
    }
}

impl AccessAnswerV1 {
    fn of(answer: &Answer) -> Self {
        let (user, group) = user_or_group(&answer.holder.principal);
        Self {
            user,
            group,
            policy: answer.holder.policy.as_ref().map(ToString::to_string),
            known: answer.holder.is_known(),
            access: answer.access.as_ref().map(AccessV1::of),
            decisions: answer.decisions.iter().map(|(profile, decision)| DecisionV1::of(*profile, decision)).collect(),
        }
    }
}

impl DecisionV1 {
    fn of(profile: Profile, decision: &Decision) -> Self {
        Self {
            profile: ProfileV1::of(profile),
            verdict: match decision.verdict {
                Verdict::Allowed => VerdictV1::Allowed,
                Verdict::Denied => VerdictV1::Denied,
                Verdict::Depends => VerdictV1::Depends,
            },
            allowed_by: decision.allowed_by.iter().map(GroundV1::of).collect(),
            denied_by: decision.denied_by.iter().map(GroundV1::of).collect(),
        }
    }
}

impl GroundV1 {
    fn of(ground: &Ground) -> Self {
        Self { statement: ground.statement.clone(), conditions: ground.conditions.clone() }
    }
}
