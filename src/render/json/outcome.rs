//! `attune.outcome/1`: the outcome of an apply. `attune.history/1`: the applies of a state directory.

use super::change::{CallV1, StepV1};
use super::plan::{ClusterV1, OverrideV1, PartV1, SummaryV1, is_zero, short_digest};
use super::verify::VerifyV1;
use crate::apply::{Outcome, Remark, Status, StepOutcome};
use crate::plan::Plan;

json_types! {
    /// The outcome of an apply.
    pub struct OutcomeV1 = "attune.outcome/1" of(plan: &Plan, outcome: &Outcome) {
        /// The digest of the applied plan.
        digest: String = plan.digest.to_string(),
        /// The cluster and the tenant.
        cluster: ClusterV1 = ClusterV1::of(&plan.identity),
        /// Refusals that were overridden for this run; missing when there were none.
        overrides*: OverrideV1 = plan.overrides.iter().map(OverrideV1::of).collect(),
        /// The outcome of each step.
        steps: Vec<StepOutcomeV1> =
            plan.steps.iter().zip(&outcome.steps).map(|(step, ended)| StepOutcomeV1::of(StepV1::of(step), ended)).collect(),
        /// Whether the cluster matches the configuration after the apply; with `only`, the part that was applied.
        converged: bool = outcome.converged(),
        /// The part that was applied, by `--only`, and what is left out after the apply; missing when everything was applied.
        only?: PartV1 = outcome.remaining.as_deref().unwrap_or(plan).partial.as_ref().map(PartV1::of),
        /// The changes that a new plan would make; missing when the cluster could not be read again.
        remaining?: SummaryV1 = outcome.remaining.as_deref().map(SummaryV1::of),
        /// How many documents and policies of buckets were read before the first call and not again: no call changed them.
        #[serde(default, skip_serializing_if = "is_zero")]
        not_read_again: usize = outcome.not_read_again,
        /// The names of the changes that a new plan would make, such as `user/alice`.
        remaining_changes*: String = outcome
            .remaining
            .iter()
            .flat_map(|plan| &plan.changes)
            .map(|change| change.id.to_string())
            .collect(),
        /// With `--verify`, the users who got a new key pair, with what the S3 service answered them.
        verified?: Vec<VerifiedUserV1> = None,
        /// The rollback file: a configuration that restores the objects of the plan; missing when the plan had no changes.
        rollback_file?: String = outcome.rollback_file.clone(),
        /// The command that applies the rollback file, for a shell in the directory of this run; missing when a shell cannot
        /// name the file.
        rollback_command?: String = outcome.rollback_command.clone(),
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
    pub struct StepOutcomeV1 of(step: StepV1, ended: &StepOutcome) {
        /// The step's number in the plan.
        id: usize = step.id,
        /// The kind of call.
        call: CallV1 = step.call,
        /// The policy.
        policy?: String = step.policy,
        /// The user.
        user?: String = step.user,
        /// The group.
        group?: String = step.group,
        /// The bucket.
        bucket?: String = step.bucket,
        /// The policy of the bucket, if it has a name.
        bucket_policy?: String = step.bucket_policy,
        /// How it ended.
        status: StatusV1 = StatusV1::of(&ended.status),
        /// Why it did not succeed.
        reason?: String = ended.status.reason().map(str::to_owned),
        /// The failed step that this step waited for.
        blocked_by?: usize = if let Status::NotReached(first) = ended.status { Some(first.0) } else { None },
        /// Remarks on the step.
        remarks*: RemarkV1 = ended.remarks.iter().map(RemarkV1::of).collect(),
        /// The file or command that has the new keys, or the file with a response that may contain them.
        keys_stored_in?: String = ended.remarks.iter().find_map(stored_in),
    }

    /// How a step ended.
    pub enum StatusV1 of(&Status) {
        /// The call succeeded.
        Done = Status::Done,
        /// The cluster was already in that state.
        AlreadyDone = Status::AlreadyDone,
        /// The cluster refused the call.
        Refused = Status::Refused(_),
        /// The object was changed outside attune after the plan.
        Drifted = Status::Drifted(_),
        /// The call may have taken effect or not.
        UnknownOutcome = Status::UnknownOutcome(_),
        /// The call failed without effect.
        Failed = Status::Failed(_),
        /// Not started, because an earlier step did not succeed.
        NotReached = Status::NotReached(_),
        /// Not started, because the run was interrupted.
        Interrupted = Status::Interrupted,
    }

    /// A remark on a step.
    pub enum RemarkV1 of(&Remark) {
        /// Access was interrupted for a moment.
        Gap = Remark::Gap,
        /// New keys were created and are at their destination.
        Kept = Remark::Stored(_),
        /// New keys were created. Their destination failed, so they are in an emergency file.
        KeptInEmergency = Remark::StoredInEmergency { .. },
        /// New keys were or may have been created, and their secret is lost.
        PairUnknown = Remark::PairUnknown,
        /// A response that attune does not understand may contain new keys. It is in an emergency file.
        AnswerKept = Remark::ResponseStored(_),
    }
}

impl OutcomeV1 {
    /// The digest as it is shown to people.
    pub fn short_digest(&self) -> &str {
        short_digest(&self.digest)
    }
}

impl StepOutcomeV1 {
    /// The step, without what only a plan has.
    pub fn step(&self) -> StepV1 {
        let Self { id, call, policy, user, group, bucket, bucket_policy, .. } = self.clone();
        let (change, document, after) = (String::new(), None, Vec::new());
        StepV1 { id, change, call, policy, user, group, bucket, bucket_policy, document, after }
    }
}

fn stored_in(remark: &Remark) -> Option<String> {
    match remark {
        Remark::Stored(path) | Remark::StoredInEmergency { path, .. } | Remark::ResponseStored(path) => {
            Some(path.clone())
        }
        Remark::Gap | Remark::PairUnknown => None,
    }
}

json_types! {
    /// The applies of a state directory, according to its journals. Anyone who can write to the directory can write a journal.
    pub struct HistoryV1 = "attune.history/1" of(applies: Vec<PastApplyV1>, truncated: bool) {
        /// The applies, newest first.
        applies: Vec<PastApplyV1> = applies,
        /// Whether there are older applies that attune did not read.
        truncated: bool = truncated,
    }

    /// A past apply.
    pub struct PastApplyV1 {
        /// The time of its start (RFC 3339, UTC).
        time: String,
        /// The digest of the plan.
        digest: String,
        /// The cluster's name.
        cluster: String,
        /// The cluster's id.
        guid: String,
        /// The tenant.
        tenant: String,
        /// The user of the login.
        login: String,
        /// The text of `--reason`, else the note of the approvals; missing when there was none.
        reason?: String,
        /// The people whose signatures approved the plan; missing when no guard demanded any.
        approved_by*: String,
        /// The configuration; missing in journals of old versions.
        file?: String,
        /// The Git commit that was checked out; missing when the configuration was in no repository.
        commit?: String,
        /// How it ended.
        result: PastResultV1,
        /// The number of API calls of the plan.
        calls: usize,
        /// The number of those that are done.
        done: usize,
        /// The command that rolls back; missing when the rollback file does not exist.
        rollback_command?: String,
    }

    /// How a past apply ended.
    pub enum PastResultV1 {
        /// The cluster matched the configuration.
        Applied,
        /// Changes remained.
        PartiallyApplied,
        /// The journal has no end: it was interrupted, or it still runs.
        Unfinished,
    }
}
