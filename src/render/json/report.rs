//! `attune.report/1`: the policies of users and groups, and their access to buckets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::access::{InPracticeV1, Profile, group, user, words};
use super::answers::not_reported;
use super::change::{TermV1, body};
use super::expectation::ExpectationV1;
use super::plan::{ClusterV1, LimitsV1};
use crate::base::{Capabilities, PolicyName, Principal};
use crate::observed::PublicBucket;
use crate::plan::NotReported;
use crate::policy::access::{InPractice, RuleList};
use crate::report::{Bucket, Cell, ClassActions, Grade, Grades, Report, Row, Scope, State};

json_types! {
    /// The policies of users and groups, and their access to buckets.
    pub struct ReportV1 = "attune.report/1" of(report: &Report) {
        /// What the report covers: this decides which of `before` and `after` exist.
        scope: ScopeV1 = ScopeV1::of(&report.scope),
        /// The cluster and the tenant; missing when the report covers the configuration only.
        cluster?: ClusterV1 = report.identity.as_ref().map(ClusterV1::of),
        /// The digest of the plan from before to after; missing when there is no plan.
        digest?: String = report.digest.as_ref().map(ToString::to_string),
        /// The limits of the cluster.
        limits: LimitsV1 = LimitsV1::of(report.limits),
        /// Whether the cluster reports attachments. If not, `principals` is empty.
        attachments_known: bool = all_known(report, |state| state.attachments_known),
        /// Whether the cluster reports attachments of groups. If not, `principals` has no groups.
        group_attachments_known: bool = all_known(report, |state| state.groups_known),
        /// All policies, before or after, sorted by name.
        policies: Vec<PolicyReportV1> =
            report.scope.policies().into_iter().map(|name| PolicyReportV1::of(name, report)).collect(),
        /// All users that can have a policy, then all groups that have one, each sorted by name.
        principals: Vec<AttachmentV1> =
            report.scope.principals().into_iter().map(|who| AttachmentV1::of(who, sides(report))).collect(),
        /// The rules that count, `[cluster] rules` or all of them, by their names.
        rules: Vec<String> = report.rules.iter().map(|rules| rules.to_string()).collect(),
        /// The kind of the first of them.
        leading: Profile = Profile::from(&report.rules.first()),
        /// The classes of actions of the matrix.
        classes: Vec<ClassActions> = report.classes.clone(),
        /// The columns of the matrix.
        buckets: Vec<BucketV1> = report.matrix.buckets.iter().map(BucketV1::of).collect(),
        /// The rows of the matrix. Users and groups with the same access share a row.
        rows: Vec<RowV1> = report.matrix.rows.iter().map(|row| RowV1::of(row, report)).collect(),
        /// The buckets that let in requests without a login, before or after, sorted by name. Missing when the policies of buckets
        /// are not known, which is in `not_reported` then.
        public_buckets?: Vec<PublicBucketV1> = PublicBucketV1::all(sides(report), &report.public),
        /// The declared users and groups whose access begins or ends, or has ended; missing when there are none.
        terms*: TermV1 = report.terms.iter().map(|(principal, term)| TermV1::of(principal, term)).collect(),
        /// The expectations, checked against the state after the plan, the configuration or the cluster; missing when there are
        /// none, as in a blocked plan.
        expectations*: ExpectationV1 = report.expectations.iter().map(ExpectationV1::of).collect(),
        /// Access that is not in here, since the cluster does not report it.
        #[serde(default)]
        not_reported: Vec<NotReported> =
            not_reported(has_service_accounts(report), all_known(report, |state| state.buckets.known().is_some())),
    }

    /// What a report covers.
    pub enum ScopeV1 of(&Scope) {
        /// The cluster as it is: only `before` exists.
        Cluster = Scope::Cluster(_),
        /// The configuration: only `after` exists.
        Configuration = Scope::File(_),
        /// The cluster before and after a plan.
        Both = Scope::Both { .. },
    }

    /// A policy.
    pub struct PolicyReportV1 of(name: &PolicyName, report: &Report) {
        /// Its name.
        name: String = name.to_string(),
        /// Whether it is predefined: every cluster has it.
        predefined: bool = name.is_predefined(),
        /// Its state before; missing when it does not exist or the report does not cover it.
        before?: PolicyStateV1 = policy_state(name, report.scope.before(), &report.in_practice[0]),
        /// Its state after; missing when it does not exist or the report does not cover it.
        after?: PolicyStateV1 = policy_state(name, report.scope.after(), &report.in_practice[1]),
    }

    /// A policy at one time.
    pub struct PolicyStateV1 {
        /// The number of users and groups that have it.
        attachments: usize,
        /// The size of its document, minified, in bytes; missing when attune did not read it.
        bytes?: usize,
        /// Its document: a string when it is unreadable, missing when attune did not read it.
        #[schemars(with = "Option<serde_json::Value>")]
        document?: Box<RawValue>,
        /// Where what people can do with it differs from its actions. `gained` is about its `Allow` statements, and `lost` about
        /// its `Deny` statements.
        in_practice*: InPracticeV1,
    }

    /// A user or group, and its policy.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct AttachmentV1 of(who: &Principal, sides: [Option<&State>; 2]) {
        /// The user, if it is one.
        user?: String = user(who),
        /// The group, if it is one.
        group?: String = group(who),
        /// Its policy before; missing when it has none or the report does not cover it.
        before?: String = attached(who, sides[0]),
        /// Its policy after; missing when it has none or the report does not cover it.
        after?: String = attached(who, sides[1]),
    }

    /// A user or a group, or anyone without a login.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct PrincipalV1 of(who: &Principal) {
        /// The user, if it is one.
        user?: String = user(who),
        /// The group, if it is one.
        group?: String = group(who),
        /// Whether it is anyone without a login; missing if not.
        anonymous?: bool = None,
    }

    /// A bucket that lets in requests without a login.
    pub struct PublicBucketV1 {
        /// The bucket.
        bucket: String,
        /// What anyone can do there before; missing when that is nothing, or the report does not cover it.
        before?: PublicV1,
        /// What anyone can do there after; missing when that is nothing, or the report does not cover it.
        after?: PublicV1,
    }

    /// What anyone can do with a bucket without a login, by any of the rules that count, perhaps under conditions.
    pub struct PublicV1 of(of: &PublicBucket) {
        /// The name of the policy of the bucket, such as `download`; missing if it has a document of its own.
        policy?: String = of.canned.map(|canned| canned.as_str().to_owned()),
        /// Whether attune knows what this policy gives. If not, it may give everything.
        known: bool = of.is_known,
        /// The words of the requests.
        can: Vec<String> = words(&of.can),
    }

    /// A column of the matrix.
    pub struct BucketV1 of(of: &Bucket) {
        /// The name of a bucket, or a pattern; `*` for all buckets of no other column. Names are unique.
        name: String = name_of(of),
        /// What the name is.
        kind: BucketKindV1 = BucketKindV1::of(of),
    }

    /// The kinds of columns.
    pub enum BucketKindV1 of(&Bucket) {
        /// The bucket of that name.
        Bucket = Bucket::Named(_),
        /// All buckets that the resources `NAME` and `NAME/*` match. `*` and `?` are wildcards. A variable has its value for the
        /// user of the row.
        Pattern = Bucket::Pattern(_),
        /// All buckets of no other column.
        Others = Bucket::Others(_),
    }

    /// Users and groups with the same access.
    pub struct RowV1 of(row: &Row, report: &Report) {
        /// The users and groups.
        principals: Vec<PrincipalV1> = principals(row),
        /// The buckets with access before or after, in the order of the columns. There is no access to other buckets.
        cells: Vec<CellV1> = row.cells.iter().map(|cell| CellV1::of(cell, report)).collect(),
    }

    /// Access to a bucket.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct CellV1 of(cell: &Cell, report: &Report) {
        /// The name of the column.
        bucket: String = report.matrix.buckets.get(cell.bucket).map(name_of).unwrap_or_default(),
        /// Access before; all `none` when the report does not cover it.
        before: GradesV1 = GradesV1::of(cell.before, &report.rules),
        /// Access after; all `none` when the report does not cover it.
        after: GradesV1 = GradesV1::of(cell.after, &report.rules),
    }

    /// The level of access by each of the rules that count.
    #[derive(Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
    pub struct GradesV1 of(of: Grades, rules: &RuleList) {
        /// By AWS rules; missing when they do not count.
        aws?: Grade = counts(rules, Profile::Aws).then_some(of.aws),
        /// By MinIO rules; missing when they do not count.
        minio?: Grade = counts(rules, Profile::Minio).then_some(of.minio),
    }
}

fn sides(report: &Report) -> [Option<&State>; 2] {
    [report.scope.before(), report.scope.after()]
}

fn all_known(report: &Report, is_known: fn(&State) -> bool) -> bool {
    sides(report).into_iter().flatten().all(is_known)
}

fn has_service_accounts(report: &Report) -> bool {
    report.identity.as_ref().is_none_or(|identity| Capabilities::of(&identity.release).service_accounts)
}

fn policy_state(
    name: &PolicyName,
    state: Option<&State>,
    differing: &BTreeMap<PolicyName, InPractice>,
) -> Option<PolicyStateV1> {
    let (state, document) = (state?, state?.policies.get(name)?);
    Some(PolicyStateV1 {
        attachments: state.attachments.values().flatten().filter(|held| *held == name).count(),
        bytes: document.text().map(str::len),
        document: body(document),
        in_practice: differing.get(name).map(InPracticeV1::all).unwrap_or_default(),
    })
}

fn attached(who: &Principal, side: Option<&State>) -> Option<String> {
    side?.attachments.get(who)?.as_ref().map(ToString::to_string)
}

fn counts(rules: &RuleList, profile: Profile) -> bool {
    rules.iter().any(|rules| Profile::from(&rules) == profile)
}

fn principals(row: &Row) -> Vec<PrincipalV1> {
    let anonymous = row.anonymous.then_some(PrincipalV1 { user: None, group: None, anonymous: Some(true) });
    anonymous.into_iter().chain(row.principals.iter().map(PrincipalV1::of)).collect()
}

impl PublicBucketV1 {
    fn all(sides: [Option<&State>; 2], public: &[Option<Vec<PublicBucket>>; 2]) -> Option<Vec<Self>> {
        let is_known =
            |(state, public): (&Option<&State>, &Option<Vec<PublicBucket>>)| state.is_none() || public.is_some();
        if !sides.iter().zip(public).all(is_known) {
            return None;
        }
        let [before, after] = public.each_ref().map(|all| {
            all.iter().flatten().map(|of| (of.bucket.as_str(), PublicV1::of(of))).collect::<BTreeMap<_, _>>()
        });
        let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
        let of = |name: &str| Self {
            bucket: name.to_owned(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        };
        Some(names.into_iter().map(of).collect())
    }
}

/// The name of a column.
fn name_of(bucket: &Bucket) -> String {
    match bucket {
        Bucket::Named(name) | Bucket::Pattern(name) => name.clone(),
        Bucket::Others(_) => "*".to_owned(),
    }
}
