//! `attune.outcome/1`: the outcome of an apply.

use super::plan::{ClusterV1, OverrideV1, PartV1, SummaryV1, short_digest};
use super::step::{CallV1, StepV1};
use super::verify::VerifyV1;
use crate::apply::{Outcome, Remark, Status, StepOutcome};
use crate::plan::{Plan, Step};

json_types! {
    /// The outcome of an apply.
    pub struct OutcomeV1 = "attune.outcome/1" {
        /// The digest of the applied plan.
        digest: String,
        /// The cluster and the tenant.
        cluster: ClusterV1,
        /// Refusals that were overridden for this run; missing when there were none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        overrides: Vec<OverrideV1>,
        /// The outcome of each step.
        steps: Vec<StepOutcomeV1>,
        /// Whether the cluster matches the configuration after the apply; with `only`, the part that was applied.
        converged: bool,
        /// The part that was applied, by `--only`, and what is left out after the apply; missing when everything was applied.
        only?: PartV1,
        /// The changes that a new plan would make; missing when the cluster could not be read again.
        remaining?: SummaryV1,
        /// How many documents and policies of buckets were read before the first call and not again: no call changed them.
        #[serde(default, skip_serializing_if = "is_zero")]
        not_read_again: usize,
        /// The names of the changes that a new plan would make, such as `user/alice`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        remaining_changes: Vec<String>,
        /// With `--verify`, the users who got a new key pair, with what the S3 service answered them.
        verified?: Vec<VerifiedUserV1>,
        /// The rollback file: a configuration that restores the objects of the plan; missing when the plan had no changes.
        rollback_file?: String,
        /// The command that applies the rollback file, for a shell in the directory of this run; missing when a shell cannot
        /// name the file.
        rollback_command?: String,
    }

    /// What the S3 service answered a user with a new key pair.
    pub struct VerifiedUserV1 {
        /// The user.
        user: String,
        /// What the answers tell.
        outcome: VerifiedV1,
        /// Why the user is not verified.
        why?: String,
        /// The questions and answers; missing if the service could not be asked.
        answers?: VerifyV1,
    }

    /// What the answers to a user tell.
    pub enum VerifiedV1 {
        /// The service does what the document of the user says.
        AsDocument,
        /// The service does otherwise.
        Differs,
        /// Nothing.
        NotVerified,
    }

    /// The outcome of a step.
    pub struct StepOutcomeV1 {
        /// The step's number in the plan.
        id: usize,
        /// The kind of call.
        call: CallV1,
        /// The policy.
        policy?: String,
        /// The user.
        user?: String,
        /// The group.
        group?: String,
        /// The bucket.
        bucket?: String,
        /// The policy of the bucket, if it has a name.
        bucket_policy?: String,
        /// How it ended.
        status: StatusV1,
        /// Why it did not succeed.
        reason?: String,
        /// The failed step that this step waited for.
        blocked_by?: usize,
        /// Remarks on the step.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        remarks: Vec<RemarkV1>,
        /// The file or command that has the new keys, or the file with a response that may contain them.
        keys_stored_in?: String,
    }

    /// How a step ended.
    pub enum StatusV1 {
        /// The call succeeded.
        Done,
        /// The cluster was already in that state.
        AlreadyDone,
        /// The cluster refused the call.
        Refused,
        /// The object was changed outside attune after the plan.
        Drifted,
        /// The call may have taken effect or not.
        UnknownOutcome,
        /// The call failed without effect.
        Failed,
        /// Not started, because an earlier step did not succeed.
        NotReached,
        /// Not started, because the run was interrupted.
        Interrupted,
    }

    /// A remark on a step.
    pub enum RemarkV1 {
        /// Access was interrupted for a moment.
        Gap,
        /// New keys were created and are at their destination.
        Kept,
        /// New keys were created. Their destination failed, so they are in an emergency file.
        KeptInEmergency,
        /// New keys were or may have been created, and their secret is lost.
        PairUnknown,
        /// A response that attune does not understand may contain new keys. It is in an emergency file.
        AnswerKept,
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl OutcomeV1 {
    /// The digest as it is shown to people.
    pub fn short_digest(&self) -> &str {
        short_digest(&self.digest)
    }

    /// A copy of an outcome.
    pub fn of(plan: &Plan, outcome: &Outcome) -> Self {
        Self {
            format: "attune.outcome/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            digest: plan.digest.to_string(),
            cluster: ClusterV1::of(&plan.identity),
            overrides: OverrideV1::all(plan),
            steps: plan.steps.iter().zip(&outcome.steps).map(|(step, ended)| StepOutcomeV1::of(step, ended)).collect(),
            converged: outcome.converged(),
            only: outcome.remaining.as_deref().unwrap_or(plan).partial.as_ref().map(PartV1::of),
            remaining: outcome.remaining.as_deref().map(SummaryV1::of),
            not_read_again: outcome.not_read_again,
            remaining_changes: outcome
                .remaining
                .iter()
                .flat_map(|plan| &plan.changes)
                .map(|change| change.id.to_string())
                .collect(),
            verified: None,
            rollback_file: outcome.rollback_file.clone(),
            rollback_command: outcome.rollback_command.clone(),
        }
    }
}

impl StepOutcomeV1 {
    /// A copy of the outcome of a step.
    pub fn of(step: &Step, ended: &StepOutcome) -> Self {
        let (status, blocked_by) = match &ended.status {
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
            Remark::Stored { .. } => RemarkV1::Kept,
            Remark::StoredInEmergency { .. } => RemarkV1::KeptInEmergency,
            Remark::PairUnknown => RemarkV1::PairUnknown,
            Remark::ResponseStored { .. } => RemarkV1::AnswerKept,
        };
        let stored_in = |remark: &Remark| match remark {
            Remark::Stored { place } => Some(place.clone()),
            Remark::StoredInEmergency { path, .. } | Remark::ResponseStored { path } => Some(path.clone()),
            Remark::Gap | Remark::PairUnknown => None,
        };
        let StepV1 { id, call, policy, user, group, bucket, bucket_policy, .. } = StepV1::of(step);
        Self {
            id,
            call,
            policy,
            user,
            group,
            bucket,
            bucket_policy,
            status,
            reason,
            blocked_by,
            remarks: ended.remarks.iter().map(remark).collect(),
            keys_stored_in: ended.remarks.iter().find_map(stored_in),
        }
    }
}
