//! `attune.plan/1`: a plan. attune reads it back to show it, never to run it.

use serde::Deserialize;
use time::OffsetDateTime;

use super::access::AccessChangeV1;
use super::change::{BaseV1, ChangeV1, KindV1, NewKeysV1, OptionV1, ReviewV1, UnreportedV1};
use super::envelope::EnvelopeV1;
use super::expectation::ExpectationV1;
use super::finding::FindingV1;
use super::step::StepV1;
use super::term::{TermV1, time_text};
use crate::base::{PolicyName, Severity, Sources};
use crate::observed::Identity;
use crate::plan::{Digest, Needed, Overridden, Partial, Plan, PlanOption, Unmanaged};

json_types! {
    /// A plan.
    pub struct PlanV1 = "attune.plan/1" {
        /// The digest that an approval names: 64 hexadecimal digits. With `snapshot:` before them, the plan was made from a
        /// snapshot, and no approval can name it.
        digest: String,
        /// The cluster and the tenant.
        cluster: ClusterV1,
        /// The snapshot that the plan was made from; missing when attune read the cluster.
        snapshot?: PlanSnapshotV1,
        /// The plan in numbers.
        summary: SummaryV1,
        /// How many declared objects need no change.
        unchanged: UnchangedV1,
        /// The limits of the cluster.
        limits: LimitsV1,
        /// The differences.
        changes: Vec<ChangeV1>,
        /// The API calls, in order; empty when the plan is blocked.
        steps: Vec<StepV1>,
        /// Objects that no configuration declares. The plan does not change them.
        unmanaged: UnmanagedV1,
        /// Attachments that the cluster does not report, and what the plan may change for them.
        #[serde(default)]
        unreported: UnreportedV1,
        /// Errors, which block the plan, warnings and notes.
        findings: Vec<FindingV1>,
        /// The expectations, checked against the state after the plan; missing when none are, as in a blocked plan.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        expectations: Vec<ExpectationV1>,
        /// The envelopes, checked against the configuration and the state after the plan; missing when none are, as in a blocked
        /// plan.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        envelopes: Vec<EnvelopeV1>,
        /// What guards, expectations and envelopes refuse. attune does not apply a plan with refusals.
        refusals: Vec<FindingV1>,
        /// Refusals that are overridden for this run; missing when there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        overrides: Vec<OverrideV1>,
        /// The options of this run that change the plan; missing when there are none. An apply of the plan needs the same
        /// options.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        options: Vec<OptionV1>,
        /// The keys that the plan may create; missing when it creates none.
        new_keys?: NewKeysV1,
        /// The declared users and groups whose access begins or ends later; missing when there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        terms: Vec<TermV1>,
        /// The part that the plan is for, by `--only`; missing when the plan is for everything.
        only?: PartV1,
        /// Removed declarations and changed settings, compared with `--base`; missing when there are none.
        review?: ReviewV1,
        /// Drift and proposed changes, compared with `--base`; missing when they could not be told apart. The rest of the plan
        /// does not depend on it.
        base?: BaseV1,
    }

    /// The snapshot that a plan was made from.
    pub struct PlanSnapshotV1 {
        /// The time at which the cluster was read (RFC 3339, UTC).
        taken: String,
        /// The age of the snapshot when the plan was made, in seconds.
        age_seconds: u64,
    }

    /// The part of the objects that a plan or an outcome is for.
    #[derive(PartialEq, Eq)]
    pub struct PartV1 {
        /// The patterns of `--only`, in order; of `attune apply --expired`, `access that has expired`.
        patterns: Vec<String>,
        /// Objects that no pattern selects, and that a step needs; missing when there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        needed: Vec<NeededV1>,
        /// The differences that are left out, such as `user/alice`.
        left_out: Vec<String>,
        /// The number of errors of the configuration outside of the part. What they are about is left out, too. If there are
        /// any, nothing is removed or detached because no configuration declares it.
        errors: usize,
        /// The number of errors that would block a plan for everything.
        problems: usize,
    }

    /// An object that comes along.
    #[derive(PartialEq, Eq)]
    pub struct NeededV1 {
        /// The object, such as `policy/ml-rw`.
        id: String,
        /// The object whose change needs it.
        by: String,
    }

    /// A guard that refused the plan and is overridden.
    pub struct OverrideV1 {
        /// The value of `--override`, such as `max_removals=12`.
        given: String,
        /// The code of the overridden refusal.
        code: String,
        /// What the guard would refuse.
        message: String,
    }

    /// A cluster and a tenant.
    pub struct ClusterV1 {
        /// The cluster's name.
        name: String,
        /// The cluster's id.
        guid: String,
        /// The WEKA release.
        release: String,
        /// The tenant.
        tenant: String,
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
    pub struct UnchangedV1 {
        /// Policies, including those declared absent.
        policies: usize,
        /// Users.
        users: usize,
        /// Groups.
        groups: usize,
        /// Buckets.
        #[serde(default, skip_serializing_if = "is_zero")]
        buckets: usize,
    }

    /// The limits of a cluster.
    #[derive(Copy)]
    pub struct LimitsV1 {
        /// The number of policies.
        policies: usize,
        /// The size of a document, minified, in bytes.
        document_bytes: usize,
    }

    /// Objects that no configuration declares.
    pub struct UnmanagedV1 {
        /// Predefined policies, which every cluster has.
        predefined: Vec<String>,
        /// Policies.
        policies: Vec<String>,
        /// Users that can have a policy.
        users: Vec<String>,
        /// Groups that have a policy; missing when there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<String>,
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
    /// A copy of a plan.
    pub fn of(plan: &Plan, sources: &Sources) -> Self {
        let option = |of: &PlanOption| OptionV1 { name: of.name.to_owned(), value: of.value.clone() };
        Self {
            format: "attune.plan/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            digest: plan.digest.to_string(),
            cluster: ClusterV1::of(&plan.identity),
            snapshot: None,
            summary: SummaryV1::of(plan),
            unchanged: UnchangedV1 {
                policies: plan.unchanged.policies,
                users: plan.unchanged.users,
                groups: plan.unchanged.groups,
                buckets: plan.unchanged.buckets,
            },
            limits: LimitsV1 { policies: plan.limits.policies, document_bytes: plan.limits.document_bytes },
            changes: plan.changes.iter().map(ChangeV1::of).collect(),
            steps: plan.steps.iter().map(StepV1::of).collect(),
            unmanaged: UnmanagedV1::of(&plan.unmanaged),
            unreported: UnreportedV1 {
                kinds: plan.unreported.kinds.clone(),
                by_name: plan.unreported.by_name.iter().map(AccessChangeV1::by_name).collect(),
            },
            findings: plan.findings.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
            expectations: plan.expectations.iter().map(ExpectationV1::of).collect(),
            envelopes: plan.envelopes.iter().map(EnvelopeV1::of).collect(),
            refusals: plan.refusals.iter().map(|finding| FindingV1::of(finding, sources)).collect(),
            overrides: OverrideV1::all(plan),
            options: plan.options.iter().map(option).collect(),
            new_keys: plan.new_keys.as_ref().map(NewKeysV1::of),
            terms: plan.terms.iter().map(|(principal, term)| TermV1::of(principal, term)).collect(),
            only: plan.partial.as_ref().map(PartV1::of),
            review: None,
            base: None,
        }
    }

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

impl UnmanagedV1 {
    /// A copy of the unmanaged objects.
    pub fn of(unmanaged: &Unmanaged) -> Self {
        let texts = |names: &[PolicyName]| names.iter().map(ToString::to_string).collect();
        Self {
            predefined: texts(&unmanaged.predefined),
            policies: texts(&unmanaged.policies),
            users: unmanaged.users.iter().map(ToString::to_string).collect(),
            groups: unmanaged.groups.iter().map(ToString::to_string).collect(),
        }
    }
}

impl PartV1 {
    /// A copy of a part.
    pub fn of(partial: &Partial) -> Self {
        let needed = |of: &Needed| NeededV1 { id: of.id.to_string(), by: of.by.to_string() };
        Self {
            patterns: partial.patterns.clone(),
            needed: partial.needed.iter().map(needed).collect(),
            left_out: partial.left_out.iter().map(ToString::to_string).collect(),
            errors: partial.errors,
            problems: partial.problems,
        }
    }

    /// Whether a difference, something that could not be read, or an error of a plan for everything is left out.
    pub fn leaves_out(&self) -> bool {
        !self.left_out.is_empty() || self.errors > 0 || self.problems > 0
    }
}

impl OverrideV1 {
    /// A copy of the overrides of a plan.
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
    pub fn of(identity: &Identity) -> Self {
        Self {
            name: identity.name.clone(),
            guid: identity.guid.clone(),
            release: identity.release.to_string(),
            tenant: identity.tenant.clone(),
        }
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
