//! `attune.plan/1`: a plan for machines. Never read back by attune to be run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::change::{ChangeV1, KindV1, document, user_or_group};
use super::{BaseV1, FindingV1, NewKeysV1, OptionV1, ReviewV1, SeverityV1, UnreportedV1};
use crate::base::{PolicyName, Sources};
use crate::observed::Identity;
use crate::plan::{Call, Digest, Overridden, Plan, Step, Unmanaged};

/// A plan.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(title = "attune.plan/1")]
pub struct PlanV1 {
    /// `attune.plan/1`.
    pub format: String,
    /// The version of attune that wrote it.
    pub tool_version: String,
    /// What an approval is bound to: 64 hexadecimal digits.
    pub digest: String,
    /// Which cluster and tenant.
    pub cluster: ClusterV1,
    /// The plan in numbers.
    pub summary: SummaryV1,
    /// How much of what is declared is as it should be already.
    pub unchanged: UnchangedV1,
    /// How much the cluster takes.
    pub limits: LimitsV1,
    /// What differs.
    pub changes: Vec<ChangeV1>,
    /// The calls, in order; empty when a finding is an error.
    pub steps: Vec<StepV1>,
    /// What is not touched because no file names it.
    pub unmanaged: UnmanagedV1,
    /// What the cluster does not report, and what the plan may do to those who are not reported.
    #[serde(default)]
    pub unreported: UnreportedV1,
    /// What stands in the way, and what else to know.
    pub findings: Vec<FindingV1>,
    /// What the guards refuse; the plan is not run while there is any.
    pub refusals: Vec<FindingV1>,
    /// What the guards would have refused, had it not been overridden for this run; absent when nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<OverrideV1>,
    /// The options of this run that decide it beside the configuration; absent when there is none. An apply of the plan needs
    /// the same ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<OptionV1>,
    /// The keys that it may create; absent where it creates none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_keys: Option<NewKeysV1>,
    /// What is no longer declared, and which settings change; absent without `--base`, and where there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewV1>,
    /// Drift and what is proposed, told apart; absent without `--base`, and where they could not be. The rest of the plan
    /// does not depend on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseV1>,
}

/// A guard that was overridden, and had to be.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct OverrideV1 {
    /// What was given to `--override`, such as `max_removals=12`.
    pub given: String,
    /// The code of the refusal that did not come about.
    pub code: String,
    /// What would have been refused.
    pub message: String,
}

/// Which cluster and tenant.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ClusterV1 {
    /// The cluster's name.
    pub name: String,
    /// The cluster's id.
    pub guid: String,
    /// The release it runs.
    pub release: String,
    /// The tenant.
    pub tenant: String,
}

/// The plan in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SummaryV1 {
    /// Policies to add.
    pub add: usize,
    /// Policies to replace.
    pub replace: usize,
    /// Policies to remove.
    pub remove: usize,
    /// Users and groups to attach.
    pub attach: usize,
    /// Users and groups to move.
    pub r#move: usize,
    /// Users and groups to detach.
    pub detach: usize,
    /// Declared policies, users and groups that are as they should be.
    pub unchanged: usize,
    /// Policies (predefined ones included), users and groups that no file names.
    pub unmanaged: usize,
    /// Calls.
    pub calls: usize,
}

/// How much of what is declared is as it should be already.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct UnchangedV1 {
    /// Policies, tombstones included.
    pub policies: usize,
    /// Users.
    pub users: usize,
    /// Groups.
    pub groups: usize,
}

/// How much the cluster takes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LimitsV1 {
    /// Policies in all.
    pub policies: usize,
    /// Bytes of a document, minified.
    pub document_bytes: usize,
}

/// A call.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StepV1 {
    /// Its number, from 1.
    pub id: usize,
    /// The change it belongs to.
    pub change: String,
    /// What is called.
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
    /// The document, exactly as it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub document: Option<Box<RawValue>>,
    /// The steps that must be done before.
    pub after: Vec<usize>,
}

/// The calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallV1 {
    /// Add a policy.
    AddPolicy,
    /// Remove a policy.
    RemovePolicy,
    /// Attach a policy to a user or group.
    Attach,
    /// Make a new key pair for a user and throw it away.
    RevokeKeys,
    /// Detach a user or group.
    Detach,
}

/// What is not touched because no file names it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct UnmanagedV1 {
    /// Policies that every cluster has.
    pub predefined: Vec<String>,
    /// Policies.
    pub policies: Vec<String>,
    /// Users that can hold a policy.
    pub users: Vec<String>,
    /// Groups that hold a policy; absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

impl PlanV1 {
    /// A copy of a plan.
    #[must_use]
    pub fn of(plan: &Plan, sources: &Sources) -> Self {
        Self {
            format: "attune.plan/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            digest: plan.digest.to_string(),
            cluster: ClusterV1::of(&plan.identity),
            summary: SummaryV1::of(plan),
            unchanged: UnchangedV1 {
                policies: plan.unchanged.policies,
                users: plan.unchanged.users,
                groups: plan.unchanged.groups,
            },
            limits: LimitsV1 { policies: plan.limits.policies, document_bytes: plan.limits.document_bytes },
            changes: plan.changes.iter().map(ChangeV1::of).collect(),
            steps: plan.steps.iter().map(StepV1::of).collect(),
            unmanaged: UnmanagedV1::of(&plan.unmanaged),
            unreported: UnreportedV1::of(&plan.unreported),
            findings: plan.findings.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
            refusals: plan.refusals.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
            overrides: OverrideV1::all(plan),
            options: plan.options.iter().map(OptionV1::of).collect(),
            new_keys: plan.new_keys.as_ref().map(NewKeysV1::of),
            review: None,
            base: None,
        }
    }
}

impl PlanV1 {
    /// Whether something stands in the way.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == SeverityV1::Error)
    }

    /// The digest as it is shown to people.
    #[must_use]
    pub fn short_digest(&self) -> &str {
        short_digest(&self.digest)
    }
}

/// A digest as it is shown to people.
pub(super) fn short_digest(digest: &str) -> &str {
    digest.get(..Digest::SHORT).unwrap_or(digest)
}

impl UnmanagedV1 {
    /// A copy of what is left alone.
    #[must_use]
    pub fn of(alone: &Unmanaged) -> Self {
        let texts = |names: &[PolicyName]| names.iter().map(ToString::to_string).collect();
        Self {
            predefined: texts(&alone.predefined),
            policies: texts(&alone.policies),
            users: alone.users.iter().map(ToString::to_string).collect(),
            groups: alone.groups.iter().map(ToString::to_string).collect(),
        }
    }
}

impl OverrideV1 {
    /// A copy of what was overridden for a plan.
    #[must_use]
    pub fn all(plan: &Plan) -> Vec<Self> {
        let copy = |Overridden { by, refusal }: &Overridden| Self {
            given: by.to_string(),
            code: refusal.code.id.to_owned(),
            message: refusal.message.clone(),
        };
        plan.overrides.iter().map(copy).collect()
    }
}

impl ClusterV1 {
    /// A copy of an identity.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        Self {
            name: identity.name.clone(),
            guid: identity.guid.clone(),
            release: identity.release.to_string(),
            tenant: identity.tenant.clone(),
        }
    }
}

impl SummaryV1 {
    /// Counts a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let (unchanged, alone) = (plan.unchanged, &plan.unmanaged);
        let mut summary = Self {
            unchanged: unchanged.policies + unchanged.users + unchanged.groups,
            unmanaged: alone.policies.len() + alone.predefined.len() + alone.users.len() + alone.groups.len(),
            calls: plan.steps.len(),
            ..Self::default()
        };
        for change in &plan.changes {
            *match KindV1::of(&change.kind) {
                KindV1::AddPolicy => &mut summary.add,
                KindV1::ReplacePolicy => &mut summary.replace,
                KindV1::RemovePolicy => &mut summary.remove,
                KindV1::Attach => &mut summary.attach,
                KindV1::Move => &mut summary.r#move,
                KindV1::Detach => &mut summary.detach,
            } += 1;
        }
        summary
    }
}

impl StepV1 {
    /// A copy of a step.
    #[must_use]
    pub fn of(step: &Step) -> Self {
        const NOBODY: (Option<String>, Option<String>) = (None, None);
        let (call, policy, (user, group), sent) = match &step.call {
            Call::AddPolicy { policy, document: sent, .. } => (CallV1::AddPolicy, Some(policy), NOBODY, document(sent)),
            Call::RemovePolicy { policy, .. } => (CallV1::RemovePolicy, Some(policy), NOBODY, None),
            Call::Attach { principal, policy, .. } => (CallV1::Attach, Some(policy), user_or_group(principal), None),
            Call::RevokeKeys { user } => (CallV1::RevokeKeys, None, (Some(user.to_string()), None), None),
            Call::Detach { principal, policy } => (CallV1::Detach, Some(policy), user_or_group(principal), None),
        };
        Self {
            id: step.id.0,
            change: step.change.to_string(),
            call,
            policy: policy.map(ToString::to_string),
            user,
            group,
            document: sent,
            after: step.after.iter().map(|first| first.0).collect(),
        }
    }
}
