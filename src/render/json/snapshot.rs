//! `attune.snapshot/1`: what a plan needs of a cluster, so that a job without a login can plan.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::change::{document, time_text};
use super::plan::{ClusterV1, Head};
use crate::base::{
    ApiFacts, BucketName, CannedPolicy, Capabilities, GroupName, PolicyName, Release, UserName, visible,
};
use crate::observed::{Body, BucketPolicy, Buckets, Duplicates, Identity, Limits, Observed, ObservedUser};

const FORMAT: &str = "attune.snapshot/1";

json_types! {
    /// What a plan needs of a cluster, read at one time. It has no secrets.
    #[serde(deny_unknown_fields)]
    pub struct SnapshotV1 = "attune.snapshot/1" of(
        observed: &Observed,
        facts: Option<&ApiFacts>,
        taken: OffsetDateTime,
    ) {
        /// The time at which attune began to read the cluster (RFC 3339, UTC).
        taken: String = time_text(taken),
        /// The cluster and the tenant.
        cluster: ClusterV1 = ClusterV1::of(&observed.identity),
        /// The login that read the cluster.
        login: SnapshotLoginV1 = SnapshotLoginV1::of(&observed.identity),
        /// What the API definition of the cluster says about its capabilities; missing when it has none.
        api?: ApiFacts = facts.copied(),
        /// All policies, each name once.
        policies: Vec<SnapshotPolicyV1> =
            observed.policies.iter().map(|policy| SnapshotPolicyV1::of(policy, &observed.duplicates)).collect(),
        /// All users, each name once.
        users: Vec<SnapshotUserV1> =
            observed.users.iter().map(|user| SnapshotUserV1::of(user, &observed.duplicates)).collect(),
        /// The groups that have a policy, each name once; missing when the cluster does not report them.
        groups?: Vec<SnapshotGroupV1> = observed.groups_known.then(|| groups(observed)),
        /// The buckets, each name once; missing when attune did not read them.
        buckets?: Vec<SnapshotBucketV1> = SnapshotBucketV1::all(&observed.buckets),
        /// Whether the cluster reports who has which policy.
        attachments_known: bool = observed.attachments_known,
        /// Whether attune can generate keys for users of this cluster.
        keys_can_be_generated: bool = observed.keys_can_be_generated,
        /// Whether an identity provider gives policies by name; missing when the cluster does not report it.
        identity_provider?: bool = observed.identity_provider,
    }

    /// The login that read a cluster.
    #[serde(deny_unknown_fields)]
    pub struct SnapshotLoginV1 of(identity: &Identity) {
        /// The user.
        user: String = identity.user.to_string(),
        /// The user's role.
        role: String = identity.role.clone(),
    }

    /// A policy.
    #[serde(deny_unknown_fields)]
    pub struct SnapshotPolicyV1 of((name, body): (&PolicyName, &Body), duplicates: &Duplicates) {
        /// Its name.
        name: String = name.to_string(),
        /// How often the cluster lists this name; missing for once.
        listed?: usize = duplicates.policies.get(name).copied(),
        /// Its document; missing when attune did not read it or cannot model it.
        #[schemars(with = "Option<serde_json::Value>")]
        document?: Box<RawValue> = body.normal().and_then(document),
        /// The text of a document that attune cannot model.
        text?: String = if let Body::Unreadable(text) = body { Some(text.clone()) } else { None },
    }

    /// A user.
    #[serde(deny_unknown_fields)]
    pub struct SnapshotUserV1 of((name, user): (&UserName, &ObservedUser), duplicates: &Duplicates) {
        /// The name.
        name: String = name.to_string(),
        /// All records of this name; more than one when two directories have it.
        records: Vec<UserRecordV1> = match duplicates.users.get(name) {
            Some(records) => records.iter().map(UserRecordV1::of).collect(),
            None => vec![UserRecordV1::of(user)],
        },
    }

    /// A record of a user.
    #[serde(deny_unknown_fields)]
    pub struct UserRecordV1 of(user: &ObservedUser) {
        /// The role, such as `S3`.
        role: String = user.role.clone(),
        /// The source of the user: `Internal`, or a directory.
        source: String = user.source.clone(),
        /// The attached policy; missing for none.
        policy?: String = user.attached.as_ref().map(ToString::to_string),
    }

    /// A group.
    #[serde(deny_unknown_fields)]
    pub struct SnapshotGroupV1 of(name: &GroupName, observed: &Observed) {
        /// The name.
        name: String = name.to_string(),
        /// All records of this name.
        records: Vec<GroupRecordV1> = match observed.duplicates.groups.get(name) {
            Some(records) => records.iter().map(|policy| GroupRecordV1::of(policy.as_ref())).collect(),
            None => vec![GroupRecordV1::of(observed.groups.get(name))],
        },
    }

    /// A record of a group.
    #[serde(deny_unknown_fields)]
    pub struct GroupRecordV1 of(policy: Option<&PolicyName>) {
        /// The attached policy; missing for none.
        policy?: String = policy.map(ToString::to_string),
    }
}

impl SnapshotV1 {
    /// Reads a snapshot. Unknown members and other formats are errors.
    pub fn read(text: &str) -> Result<Self, String> {
        let not_one = |error: serde_json::Error| format!("it is not a snapshot: {error}");
        let Head { format, tool_version } = serde_json::from_str(text).map_err(not_one)?;
        if format != FORMAT {
            let by = tool_version.map(|version| format!(", written by attune {version}")).unwrap_or_default();
            return Err(format!("its format is `{format}`{by}; this attune reads `{FORMAT}`"));
        }
        Self::deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(not_one)
    }

    /// The time at which the cluster was read.
    pub fn taken(&self) -> Result<OffsetDateTime, String> {
        OffsetDateTime::parse(&self.taken, &Rfc3339).map_err(|_| format!("`{}` is not a time", visible(&self.taken)))
    }

    /// The snapshot as what was observed. No name may be in it twice.
    pub fn observed(self) -> Result<Observed, String> {
        let Some(release) = Release::parse(&self.cluster.release) else {
            return Err(format!("`{}` is not a release", visible(&self.cluster.release)));
        };
        let of_release = Capabilities::of(&release);
        let capabilities = self.api.map_or(of_release, |api| of_release.corrected_by(&api));
        let mut duplicates = Duplicates::default();
        let mut policies = BTreeMap::new();
        for policy in self.policies {
            let (name, times) = (PolicyName::reported(policy.name.as_str()), policy.listed.unwrap_or(1));
            if policies.insert(name.clone(), policy.body()?).is_some() {
                return Err(not_once("policy", name.as_str()));
            }
            if times > 1 {
                duplicates.policies.insert(name, times);
            }
        }
        let mut records = Vec::new();
        let mut names = BTreeSet::new();
        for SnapshotUserV1 { name, records: of_name } in self.users {
            let user = UserName::reported(name.as_str());
            if !names.insert(user.clone()) || of_name.is_empty() {
                return Err(not_once("user", &name));
            }
            records.extend(of_name.into_iter().map(|record| (user.clone(), record.observed())));
        }
        let users = duplicates.users(records);
        let (groups_known, mut records, mut names) = (self.groups.is_some(), Vec::new(), BTreeSet::new());
        for SnapshotGroupV1 { name, records: of_name } in self.groups.into_iter().flatten() {
            let group = GroupName::reported(name.as_str());
            if !names.insert(group.clone()) || of_name.is_empty() {
                return Err(not_once("group", &name));
            }
            records.extend(of_name.into_iter().map(|of| (group.clone(), of.policy.map(PolicyName::reported))));
        }
        let groups = duplicates.groups(records);
        let ClusterV1 { name, guid, tenant, release: _ } = self.cluster;
        let (user, role) = (UserName::reported(self.login.user), self.login.role);
        Ok(Observed {
            identity: Identity { name, guid, release, tenant, user, role },
            capabilities,
            policies,
            users,
            groups,
            groups_known,
            duplicates,
            identity_provider: self.identity_provider,
            attachments_known: self.attachments_known,
            buckets: SnapshotBucketV1::observed(self.buckets)?,
            keys_can_be_generated: self.keys_can_be_generated,
            limits: Limits::default(),
        })
    }
}

/// A group whose records have no policy is only among the duplicates.
fn groups(observed: &Observed) -> Vec<SnapshotGroupV1> {
    let names: BTreeSet<&GroupName> = observed.groups.keys().chain(observed.duplicates.groups.keys()).collect();
    names.into_iter().map(|name| SnapshotGroupV1::of(name, observed)).collect()
}

fn not_once(kind: &str, name: &str) -> String {
    format!("it has the {kind} `{}` twice, or without a record", visible(name))
}

impl SnapshotPolicyV1 {
    fn body(self) -> Result<Body, String> {
        match (self.document, self.text) {
            (None, None) => Ok(Body::NotRead),
            (None, Some(text)) => Ok(Body::Unreadable(text)),
            (Some(document), None) => Ok(Body::read(document.get())),
            (Some(_), Some(_)) => Err(format!("the policy `{}` has both a document and a text", visible(&self.name))),
        }
    }
}

impl UserRecordV1 {
    fn observed(self) -> ObservedUser {
        let Self { role, source, policy } = self;
        ObservedUser { role, source, attached: policy.map(PolicyName::reported) }
    }
}

json_types! {
    /// A bucket with its policy.
    #[serde(deny_unknown_fields)]
    pub struct SnapshotBucketV1 of((name, policy): (&BucketName, &BucketPolicy)) {
        /// Its name.
        name: String = name.to_string(),
        /// The name of its policy: `none`, `download`, `upload` or `public`; missing for a document of its own.
        policy?: String = policy.canned.map(|canned| canned.to_string()),
        /// What its policy gives; missing when attune cannot model it.
        #[schemars(with = "Option<serde_json::Value>")]
        document?: Box<RawValue> = policy.document.normal().and_then(document),
        /// The text of a document that attune cannot model.
        text?: String = if let Body::Unreadable(text) = &policy.document { Some(text.clone()) } else { None },
    }
}

impl SnapshotBucketV1 {
    /// All buckets; `None` if they were not read.
    pub(super) fn all(buckets: &Buckets) -> Option<Vec<Self>> {
        Some(buckets.known()?.iter().map(Self::of).collect())
    }

    /// The buckets as they were observed.
    ///
    /// # Errors
    /// A name is there twice, or names no canned policy.
    pub(super) fn observed(all: Option<Vec<Self>>) -> Result<Buckets, String> {
        let Some(all) = all else { return Ok(Buckets::NotRead) };
        let mut buckets = BTreeMap::new();
        for bucket in all {
            let canned = bucket.policy.as_ref().map(|name| name.parse::<CannedPolicy>()).transpose();
            let canned =
                canned.map_err(|problem| format!("the policy of bucket `{}` {problem}", visible(&bucket.name)))?;
            let document = match (&bucket.document, bucket.text) {
                (Some(document), _) => Body::read(document.get()),
                (None, Some(text)) => Body::Unreadable(text),
                (None, None) => Body::Unreadable(format!("[the policy of bucket {}]", bucket.name)),
            };
            let name = BucketName::reported(bucket.name.as_str());
            // No policy gives nothing, whatever else a snapshot says.
            let policy = match canned {
                Some(CannedPolicy::None) => BucketPolicy::none(),
                Some(_) | None => BucketPolicy { canned, document },
            };
            if buckets.insert(name, policy).is_some() {
                return Err(format!("the bucket `{}` is in it twice", visible(&bucket.name)));
            }
        }
        Ok(Buckets::Known(buckets))
    }
}
