//! `attune.report/1`: the policies of users and groups, and their access to buckets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::access::{InPracticeV1, Profile, user_or_group};
use super::change::body;
use super::expectation::ExpectationV1;
use super::plan::{ClusterV1, LimitsV1};
use super::term::TermV1;
use crate::base::{Capabilities, PolicyName, Principal};
use crate::observed::PublicBucket;
use crate::plan::NotReported;
use crate::policy::access::{InPractice, RuleList};
use crate::report::{Bucket, Cell, Class, ClassActions, Grade, Grades, Reach, Report, Row, Scope, State};

json_types! {
    /// The policies of users and groups, and their access to buckets.
    pub struct ReportV1 = "attune.report/1" {
        /// What the report covers: this decides which of `before` and `after` exist.
        scope: ScopeV1,
        /// The cluster and the tenant; missing when the report covers the configuration only.
        cluster?: ClusterV1,
        /// The digest of the plan from before to after; missing when there is no plan.
        digest?: String,
        /// The limits of the cluster.
        limits: LimitsV1,
        /// Whether the cluster reports attachments. If not, `principals` is empty.
        attachments_known: bool,
        /// Whether the cluster reports attachments of groups. If not, `principals` has no groups.
        group_attachments_known: bool,
        /// All policies, before or after, sorted by name.
        policies: Vec<PolicyReportV1>,
        /// All users that can have a policy, then all groups that have one, each sorted by name.
        principals: Vec<AttachmentV1>,
        /// The rules that count, `[cluster] rules` or all of them, by their names.
        rules: Vec<String>,
        /// The kind of the first of them.
        leading: Profile,
        /// The classes of actions of the matrix.
        classes: Vec<ClassV1>,
        /// The columns of the matrix.
        buckets: Vec<BucketV1>,
        /// The rows of the matrix. Users and groups with the same access share a row.
        rows: Vec<RowV1>,
        /// The buckets that let in requests without a login, before or after, sorted by name. Missing when the policies of buckets
        /// are not known, which is in `not_reported` then.
        public_buckets?: Vec<PublicBucketV1>,
        /// The declared users and groups whose access begins or ends, or has ended; missing when there are none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        terms: Vec<TermV1>,
        /// The expectations, checked against the state after the plan, the configuration or the cluster; missing when there are
        /// none, as in a blocked plan.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        expectations: Vec<ExpectationV1>,
        /// Access that is not in here, since the cluster does not report it.
        #[serde(default)]
        not_reported: Vec<NotReported>,
    }

    /// What a report covers.
    pub enum ScopeV1 {
        /// The cluster as it is: only `before` exists.
        Cluster,
        /// The configuration: only `after` exists.
        Configuration,
        /// The cluster before and after a plan.
        Both,
    }

    /// A policy.
    pub struct PolicyReportV1 {
        /// Its name.
        name: String,
        /// Whether it is predefined: every cluster has it.
        predefined: bool,
        /// Its state before; missing when it does not exist or the report does not cover it.
        before?: PolicyStateV1,
        /// Its state after; missing when it does not exist or the report does not cover it.
        after?: PolicyStateV1,
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
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        in_practice: Vec<InPracticeV1>,
    }

    /// A user or group, and its policy.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct AttachmentV1 {
        /// The user, if it is one.
        user?: String,
        /// The group, if it is one.
        group?: String,
        /// Its policy before; missing when it has none or the report does not cover it.
        before?: String,
        /// Its policy after; missing when it has none or the report does not cover it.
        after?: String,
    }

    /// A user or a group, or anyone without a login.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct PrincipalV1 {
        /// The user, if it is one.
        user?: String,
        /// The group, if it is one.
        group?: String,
        /// Whether it is anyone without a login; missing if not.
        anonymous?: bool,
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
    #[derive(PartialEq, Eq)]
    pub struct PublicV1 {
        /// The name of the policy of the bucket, such as `download`; missing if it has a document of its own.
        policy?: String,
        /// Whether attune knows what this policy gives. If not, it may give everything.
        known: bool,
        /// The words of the requests.
        can: Vec<String>,
    }

    /// A column of the matrix.
    #[derive(PartialEq, Eq)]
    pub struct BucketV1 {
        /// The name of a bucket, or a pattern; `*` for all buckets of no other column. Names are unique.
        name: String,
        /// What the name is.
        kind: BucketKindV1,
    }

    /// The kinds of columns.
    pub enum BucketKindV1 {
        /// The bucket of that name.
        Bucket,
        /// All buckets that the resources `NAME` and `NAME/*` match. `*` and `?` are wildcards. A variable has its value for the
        /// user of the row.
        Pattern,
        /// All buckets of no other column.
        Others,
    }

    /// Users and groups with the same access.
    pub struct RowV1 {
        /// The users and groups.
        principals: Vec<PrincipalV1>,
        /// The buckets with access before or after, in the order of the columns. There is no access to other buckets.
        cells: Vec<CellV1>,
    }

    /// A class of actions.
    pub struct ClassV1 {
        /// Its name.
        class: Class,
        /// All its actions.
        actions: Vec<String>,
        /// The actions that must be allowed on all of a bucket for the class to be `all`.
        core: Vec<String>,
    }

    /// Access to a bucket.
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    pub struct CellV1 {
        /// The name of the column.
        bucket: String,
        /// Access before; all `none` when the report does not cover it.
        before: GradesV1,
        /// Access after; all `none` when the report does not cover it.
        after: GradesV1,
    }

    /// The level of access by each of the rules that count.
    #[derive(Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
    pub struct GradesV1 {
        /// By AWS rules; missing when they do not count.
        aws?: GradeV1,
        /// By MinIO rules; missing when they do not count.
        minio?: GradeV1,
    }

    /// The level of access in each class.
    #[derive(Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
    pub struct GradeV1 {
        /// Reading.
        read: Reach,
        /// Writing.
        write: Reach,
        /// Administration.
        admin: Reach,
    }
}

impl ReportV1 {
    /// A copy of a report.
    pub fn of(report: &Report) -> Self {
        let Report {
            scope,
            identity,
            digest,
            limits,
            rules,
            matrix,
            classes,
            in_practice,
            terms,
            expectations,
            public,
        } = report;
        let sides = [scope.before(), scope.after()];
        let [before, after] = in_practice;
        let policy = |name| PolicyReportV1::of(name, [(sides[0], before), (sides[1], after)]);
        let class = |of: &ClassActions| ClassV1 { class: of.class, actions: of.actions.clone(), core: of.core.clone() };
        let bucket = |of: &Bucket| BucketV1 { name: name_of(of), kind: BucketKindV1::of(of) };
        let has_service_accounts =
            identity.as_ref().is_none_or(|identity| Capabilities::of(&identity.release).service_accounts);
        let all = |known: fn(&State) -> bool| sides.iter().flatten().all(|state| known(state));
        Self {
            format: "attune.report/1".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            scope: ScopeV1::of(scope),
            cluster: identity.as_ref().map(ClusterV1::of),
            digest: digest.as_ref().map(ToString::to_string),
            limits: LimitsV1 { policies: limits.policies, document_bytes: limits.document_bytes },
            attachments_known: all(|state| state.attachments_known),
            group_attachments_known: all(|state| state.groups_known),
            policies: scope.policies().into_iter().map(policy).collect(),
            principals: scope.principals().into_iter().map(|who| AttachmentV1::of(who, sides)).collect(),
            rules: rules.iter().map(|rules| rules.to_string()).collect(),
            leading: Profile::from(&rules.first()),
            classes: classes.iter().map(class).collect(),
            buckets: matrix.buckets.iter().map(bucket).collect(),
            rows: matrix.rows.iter().map(|row| RowV1::of(row, &matrix.buckets, rules)).collect(),
            terms: terms.iter().map(|(principal, term)| TermV1::of(principal, term)).collect(),
            expectations: expectations.iter().map(ExpectationV1::of).collect(),
            public_buckets: PublicBucketV1::all(sides, public),
            not_reported: [
                (has_service_accounts, NotReported::ServiceAccounts),
                (!all(|state| state.buckets.known().is_some()), NotReported::BucketPolicies),
            ]
            .into_iter()
            .filter_map(|(is_open, what)| is_open.then_some(what))
            .collect(),
        }
    }
}

impl BucketKindV1 {
    fn of(bucket: &Bucket) -> Self {
        match bucket {
            Bucket::Named(_) => Self::Bucket,
            Bucket::Pattern(_) => Self::Pattern,
            Bucket::Others(_) => Self::Others,
        }
    }
}

impl ScopeV1 {
    fn of(scope: &Scope) -> Self {
        match scope {
            Scope::Cluster(_) => Self::Cluster,
            Scope::File(_) => Self::Configuration,
            Scope::Both { .. } => Self::Both,
        }
    }
}

impl PolicyReportV1 {
    fn of(name: &PolicyName, sides: [(Option<&State>, &BTreeMap<PolicyName, InPractice>); 2]) -> Self {
        let [before, after] = sides.map(|(state, in_practice)| {
            let (state, document) = (state?, state?.policies.get(name)?);
            let attachments = state.attachments.values().flatten().filter(|held| *held == name).count();
            Some(PolicyStateV1 {
                attachments,
                bytes: document.text().map(str::len),
                document: body(document),
                in_practice: in_practice.get(name).map(InPracticeV1::of).unwrap_or_default(),
            })
        });
        Self { name: name.to_string(), predefined: name.is_predefined(), before, after }
    }
}

impl AttachmentV1 {
    fn of(who: &Principal, sides: [Option<&State>; 2]) -> Self {
        let [before, after] =
            sides.map(|side| side.and_then(|state| state.attachments.get(who)?.as_ref()).map(ToString::to_string));
        let (user, group) = user_or_group(who);
        Self { user, group, before, after }
    }
}

impl RowV1 {
    fn of(row: &Row, buckets: &[Bucket], rules: &RuleList) -> Self {
        let grade = |Grade { read, write, admin }: Grade| GradeV1 { read, write, admin };
        let counts = |profile| rules.iter().any(|rules| Profile::from(&rules) == profile);
        let grades = |of: Grades| GradesV1 {
            aws: counts(Profile::Aws).then(|| grade(of.aws)),
            minio: counts(Profile::Minio).then(|| grade(of.minio)),
        };
        let cell = |cell: &Cell| CellV1 {
            bucket: buckets.get(cell.bucket).map(name_of).unwrap_or_default(),
            before: grades(cell.before),
            after: grades(cell.after),
        };
        let principal = |who: &Principal| {
            let (user, group) = user_or_group(who);
            PrincipalV1 { user, group, anonymous: None }
        };
        let anonymous = row.anonymous.then_some(PrincipalV1 { user: None, group: None, anonymous: Some(true) });
        let principals = anonymous.into_iter().chain(row.principals.iter().map(principal)).collect();
        Self { principals, cells: row.cells.iter().map(cell).collect() }
    }
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

impl PublicV1 {
    fn of(of: &PublicBucket) -> Self {
        Self {
            policy: of.canned.map(|canned| canned.as_str().to_owned()),
            known: of.is_known,
            can: of.can.iter().map(|kind| kind.word().to_owned()).collect(),
        }
    }
}

impl GradeV1 {
    /// The level of access in one class.
    pub fn reach(self, class: Class) -> Reach {
        match class {
            Class::Read => self.read,
            Class::Write => self.write,
            Class::Admin => self.admin,
        }
    }
}

/// The name of a column.
fn name_of(bucket: &Bucket) -> String {
    match bucket {
        Bucket::Named(name) | Bucket::Pattern(name) => name.clone(),
        Bucket::Others(_) => "*".to_owned(),
    }
}
