//! `attune.plan/1`: a plan. attune reads it back to show it, never to run it.

use serde::Deserialize;
use time::OffsetDateTime;

use super::change::{BaseV1, ChangeV1, KindV1, NewKeysV1, OptionV1, ReviewV1, StepV1, TermV1, UnreportedV1, time_text};
use super::expectation::{EnvelopeV1, ExpectationV1};
use super::finding::FindingV1;
use crate::base::{Severity, Sources};
use crate::observed::{Identity, Limits};
use crate::plan::{Digest, Needed, Overridden, Partial, Plan, Unchanged, Unmanaged};

json_types! {
    /// A plan.
    pub struct PlanV1 = "attune.plan/1" of(plan: &Plan, sources: &Sources) {
        /// The digest that an approval names: 64 hexadecimal digits. With `snapshot:` before them, the plan was made from a
        /// snapshot, and no approval can name it.
        digest: String = plan.digest.to_string(),
        /// The id of the target: the configuration, and the tenant if it is for several; missing for standard input.
        target?: String = None,
        /// The cluster and the tenant.
        cluster: ClusterV1 = ClusterV1::of(&plan.identity),
        /// The snapshot that the plan was made from; missing when attune read the cluster.
        snapshot?: PlanSnapshotV1 = None,
        /// The plan in numbers.
        summary: SummaryV1 = SummaryV1::of(plan),
        /// How many declared objects need no change.
        unchanged: UnchangedV1 = UnchangedV1::of(plan.unchanged),
        /// The limits of the cluster.
        limits: LimitsV1 = LimitsV1::of(plan.limits),
        /// The differences.
        changes: Vec<ChangeV1> = plan.changes.iter().map(ChangeV1::of).collect(),
        /// The API calls, in order; empty when the plan is blocked.
        steps: Vec<StepV1> = plan.steps.iter().map(StepV1::of).collect(),
        /// Objects that no configuration declares. The plan does not change them.
        unmanaged: UnmanagedV1 = UnmanagedV1::of(&plan.unmanaged),
        /// Attachments that the cluster does not report, and what the plan may change for them.
        #[serde(default)]
        unreported: UnreportedV1 = UnreportedV1::of(&plan.unreported),
        /// Errors, which block the plan, warnings and notes.
        findings: Vec<FindingV1> = plan.findings.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
        /// The expectations, checked against the state after the plan; missing when none are, as in a blocked plan.
        expectations*: ExpectationV1 = plan.expectations.iter().map(ExpectationV1::of).collect(),
        /// The envelopes, checked against the configuration and the state after the plan; missing when none are, as in a blocked
        /// plan.
        envelopes*: EnvelopeV1 = plan.envelopes.iter().map(EnvelopeV1::of).collect(),
        /// What guards, expectations and envelopes refuse. attune does not apply a plan with refusals.
        refusals: Vec<FindingV1> = plan.refusals.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
        /// Refusals that are overridden for this run; missing when there are none.
        overrides*: OverrideV1 = plan.overrides.iter().map(OverrideV1::of).collect(),
        /// The options of this run that change the plan; missing when there are none. An apply of the plan needs the same
        /// options.
        options*: OptionV1 = plan.options.iter().map(OptionV1::of).collect(),
        /// The keys that the plan may create; missing when it creates none.
        new_keys?: NewKeysV1 = plan.new_keys.as_ref().map(NewKeysV1::of),
        /// The declared users and groups whose access begins or ends later; missing when there are none.
        terms*: TermV1 = plan.terms.iter().map(|(principal, term)| TermV1::of(principal, term)).collect(),
        /// How many people must sign the approval of the plan; missing when no guard demands it.
        signatures?: usize = None,
        /// The part that the plan is for, by `--only`; missing when the plan is for everything.
        only?: PartV1 = plan.partial.as_ref().map(PartV1::of),
        /// Removed declarations and changed settings, compared with `--base`; missing when there are none.
        review?: ReviewV1 = None,
        /// Drift and proposed changes, compared with `--base`; missing when they could not be told apart. The rest of the plan
        /// does not depend on it.
        base?: BaseV1 = None,
    }

    /// The snapshot that a plan was made from.
    pub struct PlanSnapshotV1 {
        /// The time at which the cluster was read (RFC 3339, UTC).
        taken: String,
        /// The age of the snapshot when the plan was made, in seconds.
        age_seconds: u64,
    }

    /// The part of the objects that a plan or an outcome is for.
    pub struct PartV1 of(partial: &Partial) {
        /// The patterns of `--only`, in order; of `attune apply --expired`, `access that has expired`.
        patterns: Vec<String> = partial.patterns.clone(),
        /// Objects that no pattern selects, and that a step needs; missing when there are none.
        needed*: NeededV1 = partial.needed.iter().map(NeededV1::of).collect(),
        /// The differences that are left out, such as `user/alice`.
        left_out: Vec<String> = partial.left_out.iter().map(ToString::to_string).collect(),
        /// The number of errors of the configuration outside of the part. What they are about is left out, too. If there are
        /// any, nothing is removed or detached because no configuration declares it.
        errors: usize = partial.errors,
        /// The number of errors that would block a plan for everything.
        problems: usize = partial.problems,
    }

    /// An object that comes along.
    pub struct NeededV1 of(of: &Needed) {
        /// The object, such as `policy/ml-rw`.
        id: String = of.id.to_string(),
        /// The object whose change needs it.
        by: String = of.by.to_string(),
    }

    /// A guard that refused the plan and is overridden.
    pub struct OverrideV1 of(overridden: &Overridden) {
        /// The value of `--override`, such as `max_removals=12`.
        given: String = overridden.by.to_string(),
        /// The code of the overridden refusal.
        code: String = overridden.refusal.code.id.to_owned(),
        /// What the guard would refuse.
        message: String = overridden.refusal.message.clone(),
    }

    /// A cluster and a tenant.
    pub struct ClusterV1 of(identity: &Identity) {
        /// The cluster's name.
        name: String = identity.name.clone(),
        /// The cluster's id.
        guid: String = identity.guid.clone(),
        /// The WEKA release.
        release: String = identity.release.to_string(),
        /// The tenant.
        tenant: String = identity.tenant.clone(),
    }

    /// The plan in numbers.
    #[derive(Copy, Default, PartialEq, Eq)]
    pub struct SummaryV1 {
        /// Policies to add.
        add: usize,
        /// Policies to replace.
        replace: usize,
        /// Policies to rename.
        #[serde(default)]
        rename: usize,
        /// Policies to remove.
        remove: usize,
        /// Users and groups to attach.
        attach: usize,
        /// Users and groups to move.
        r#move: usize,
        /// Users and groups to detach.
        detach: usize,
        /// Bucket policies to set.
        #[serde(default, skip_serializing_if = "is_zero")]
        set_bucket_policy: usize,
        /// Declared policies, users, groups and buckets that need no change.
        unchanged: usize,
        /// Unmanaged policies (predefined ones included), users and groups.
        unmanaged: usize,
        /// API calls.
        calls: usize,
    }

    /// How many declared objects need no change.
    #[derive(Copy)]
    pub struct UnchangedV1 of(of: Unchanged) {
        /// Policies, including those declared absent.
        policies: usize = of.policies,
        /// Users.
        users: usize = of.users,
        /// Groups.
        groups: usize = of.groups,
        /// Buckets.
        #[serde(default, skip_serializing_if = "is_zero")]
        buckets: usize = of.buckets,
    }

    /// The limits of a cluster.
    pub struct LimitsV1 of(of: Limits) {
        /// The number of policies.
        policies: usize = of.policies,
        /// The size of a document, minified, in bytes.
        document_bytes: usize = of.document_bytes,
    }

    /// Objects that no configuration declares.
    pub struct UnmanagedV1 of(unmanaged: &Unmanaged) {
        /// Predefined policies, which every cluster has.
        predefined: Vec<String> = unmanaged.predefined.iter().map(ToString::to_string).collect(),
        /// Policies.
        policies: Vec<String> = unmanaged.policies.iter().map(ToString::to_string).collect(),
        /// Users that can have a policy.
        users: Vec<String> = unmanaged.users.iter().map(ToString::to_string).collect(),
        /// Groups that have a policy; missing when there are none.
        groups*: String = unmanaged.groups.iter().map(ToString::to_string).collect(),
    }
}

/// The first members of a file.
#[derive(Deserialize)]
pub(super) struct Head {
    pub(super) format: String,
    #[serde(default)]
    pub(super) tool_version: Option<String>,
}

impl PlanV1 {
    /// A copy of a plan that was made from a snapshot.
    pub fn of_snapshot(plan: &Plan, snapshot: PlanSnapshotV1, sources: &Sources) -> Self {
        Self { digest: plan.digest.of_snapshot(), snapshot: Some(snapshot), ..Self::of(plan, sources) }
    }

    /// Whether an error blocks the plan.
    pub fn is_blocked(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The digest as it is shown to people.
    pub fn short_digest(&self) -> &str {
        short_digest(&self.digest)
    }
}

/// A digest as it is shown to people.
pub(super) fn short_digest(digest: &str) -> &str {
    digest.get(..Digest::SHORT).unwrap_or(digest)
}

impl PlanSnapshotV1 {
    /// The snapshot that was taken at this time, for a plan that is made `now`; `None` if that is in the future.
    pub fn of(taken: OffsetDateTime, now: OffsetDateTime) -> Option<Self> {
        let age_seconds = u64::try_from((now - taken).whole_seconds()).ok()?;
        Some(Self { taken: time_text(taken), age_seconds })
    }
}

impl PartV1 {
    /// Whether a difference, something that could not be read, or an error of a plan for everything is left out.
    pub fn leaves_out(&self) -> bool {
        !self.left_out.is_empty() || self.errors > 0 || self.problems > 0
    }
}

pub(super) fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl SummaryV1 {
    /// Counts a plan.
    pub fn of(plan: &Plan) -> Self {
        let (unchanged, unmanaged) = (plan.unchanged, &plan.unmanaged);
        let mut summary = Self {
            unchanged: unchanged.policies + unchanged.users + unchanged.groups + unchanged.buckets,
            unmanaged: unmanaged.policies.len()
                + unmanaged.predefined.len()
                + unmanaged.users.len()
                + unmanaged.groups.len(),
            calls: plan.steps.len(),
            ..Self::default()
        };
        for change in &plan.changes {
            *match KindV1::of(&change.kind) {
                KindV1::AddPolicy => &mut summary.add,
                KindV1::ReplacePolicy => &mut summary.replace,
                KindV1::RenamePolicy => &mut summary.rename,
                KindV1::RemovePolicy => &mut summary.remove,
                KindV1::Attach => &mut summary.attach,
                KindV1::Move => &mut summary.r#move,
                KindV1::Detach => &mut summary.detach,
                KindV1::SetBucketPolicy => &mut summary.set_bucket_policy,
            } += 1;
        }
        summary
    }
}
