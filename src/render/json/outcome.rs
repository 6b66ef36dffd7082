//! `attune.outcome/1`: what an apply did, for machines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::plan::{CallV1, ClusterV1, OverrideV1, StepV1, SummaryV1, short_digest};
use crate::apply::{Outcome, Remark, Status, StepOutcome};
use crate::plan::{Plan, Step};

/// What an apply did.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(title = "attune.outcome/1")]
pub struct OutcomeV1 {
    /// `attune.outcome/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// The digest of the plan that was run.
    pub digest: String,
    /// Which cluster and tenant.
    pub cluster: ClusterV1,
    /// What the guards would have refused of the plan, had it not been overridden for this run; absent when nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<OverrideV1>,
    /// What became of each step.
    pub steps: Vec<StepOutcomeV1>,
    /// Whether the cluster, observed again, is as the file says.
    pub converged: bool,
    /// What a new plan still finds to do; absent when the cluster could not be observed again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining: Option<SummaryV1>,
    /// The names of the changes that a new plan still finds, such as `user/alice`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// The desired-state file by which what the plan touched can be made again what it was; absent where nothing was to be
    /// done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_file: Option<String>,
    /// The command that applies that file, for a shell in the directory of this run; absent where a shell cannot name the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_command: Option<String>,
}

/// What became of a step.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StepOutcomeV1 {
    /// The step's number in the plan.
    pub id: usize,
    /// What was called.
    pub call: CallV1,
    /// The policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How it ended.
    pub status: StatusV1,
    /// Why, when it did not end well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The step whose failure kept this one from being tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<usize>,
    /// What else happened on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<RemarkV1>,
    /// The file or command that has the new key pair, or the file with an answer that may hold one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys_kept_in: Option<String>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusV1 {
    /// Done.
    Done,
    /// It was so already.
    AlreadyDone,
    /// The cluster said no.
    Refused,
    /// The cluster was not as the plan saw it.
    Drifted,
    /// It may have happened or not.
    UnknownOutcome,
    /// It failed, and has no effect.
    Failed,
    /// It was not tried, because of a step before it.
    NotReached,
    /// It was not tried, because the run was interrupted.
    Interrupted,
}

/// What else happened on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemarkV1 {
    /// The user was without access for a moment.
    Gap,
    /// A new key pair was made, and is at its destination.
    Kept,
    /// A new key pair was made, its destination did not take it, and it is in an emergency file.
    KeptInEmergency,
    /// A new key pair was made, or may have been, and nobody knows its secret.
    PairUnknown,
    /// An answer was not understood: it may hold a new key pair, and is in an emergency file as it came.
    AnswerKept,
}

impl OutcomeV1 {
    /// The digest as it is shown to people.
    #[must_use]
    pub fn short_digest(&self) -> &str {
        short_digest(&self.digest)
    }

    /// A copy of an outcome.
    #[must_use]
    pub fn of(plan: &Plan, outcome: &Outcome) -> Self {
        Self {
            format: "attune.outcome/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            digest: plan.digest.to_string(),
            cluster: ClusterV1::of(&plan.identity),
            overrides: OverrideV1::all(plan),
            steps: plan.steps.iter().zip(&outcome.steps).map(|(step, ended)| StepOutcomeV1::of(step, ended)).collect(),
            converged: outcome.converged(),
            remaining: outcome.remaining.as_deref().map(SummaryV1::of),
            left: outcome.remaining.iter().flat_map(|plan| &plan.changes).map(|change| change.id.to_string()).collect(),
            rollback_file: outcome.rollback_file.clone(),
            rollback_command: outcome.rollback_command.clone(),
        }
    }
}

impl StepOutcomeV1 {
    /// A copy of what became of a step.
    #[must_use]
    pub fn of(step: &Step, ended: &StepOutcome) -> Self {
        let (status, because) = match &ended.status {
            Status::Done => (StatusV1::Done, None),
            Status::AlreadyDone => (StatusV1::AlreadyDone, None),
            Status::Refused(_) => (StatusV1::Refused, None),
            Status::Drifted(_) => (StatusV1::Drifted, None),
            Status::UnknownOutcome(_) => (StatusV1::UnknownOutcome, None),
            Status::Failed(_) => (StatusV1::Failed, None),
            Status::NotReached(first) => (StatusV1::NotReached, Some(first.0)),
            Status::Interrupted => (StatusV1::Interrupted, None),
        };
        let reason = ended.status.reason().map(str::to_owned);
        let remark = |remark: &Remark| match remark {
            Remark::Gap => RemarkV1::Gap,
            Remark::Kept { .. } => RemarkV1::Kept,
            Remark::KeptInEmergency { .. } => RemarkV1::KeptInEmergency,
            Remark::PairUnknown => RemarkV1::PairUnknown,
            Remark::AnswerKept { .. } => RemarkV1::AnswerKept,
        };
        let kept_in = |remark: &Remark| match remark {
            Remark::Kept { place } => Some(place.clone()),
            Remark::KeptInEmergency { path, .. } | Remark::AnswerKept { path } => Some(path.clone()),
            Remark::Gap | Remark::PairUnknown => None,
        };
        let StepV1 { id, call, policy, user, group, .. } = StepV1::of(step);
        Self {
            id,
            call,
            policy,
            user,
            group,
            status,
            reason,
            because,
            remarks: ended.remarks.iter().map(remark).collect(),
            keys_kept_in: ended.remarks.iter().find_map(kept_in),
        }
    }
}
