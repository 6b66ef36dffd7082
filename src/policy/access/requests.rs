//! The requests that people send, and the actions that a server asks for before it answers them.
//!
//! A server seldom asks for the action that has the name of a request. This table is the only place that says which
//! actions each kind of request asks for. Source: real requests to MinIO of April 2021 and of February 2026
//! (`tests/lineage/requests.json`); for AWS, its service authorization reference.

use super::rules::Rules;
use crate::policy::{Kind, Level};

/// Which actions a request asks for: it is allowed if one of the ways allows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Formula {
    /// The ways.
    pub ways: Vec<Way>,
}

/// One way to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// All of these must be allowed.
    pub allowed: Vec<AskedAction>,
    /// None of these must be denied. Nothing has to allow them.
    pub undenied: Vec<AskedAction>,
}

/// An action that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AskedAction {
    /// The full name.
    pub name: &'static str,
    /// The resource for which the server asks.
    pub on: AskedOn,
}

/// The resource for which a server asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AskedOn {
    /// The resource of the request.
    Resource,
    /// The same, as the list of buckets asks: with the [values](KEYS_OF_LIST) that the server sets.
    Listed,
    /// No bucket.
    Account,
}

/// The keys that a server sets when it asks whether a user sees the name of a bucket, with their values. Source: real
/// requests to both servers of MinIO.
pub(super) const KEYS_OF_LIST: [(&str, &str); 2] = [("s3:prefix", ""), ("s3:delimiter", "/")];

impl AskedOn {
    /// The keys that the server sets, with their values.
    pub(super) fn keys(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Listed => &KEYS_OF_LIST,
            Self::Resource | Self::Account => &[],
        }
    }
}

const ALL_BUCKETS: &str = "s3:ListAllMyBuckets";
const BYPASS: &str = "s3:BypassGovernanceRetention";
const CREATE: &str = "s3:CreateBucket";
const DELETE: &str = "s3:DeleteObject";
const DELETE_VERSION: &str = "s3:DeleteObjectVersion";
const LIST: &str = "s3:ListBucket";
const LIST_VERSIONS: &str = "s3:ListBucketVersions";
const LOCATION: &str = "s3:GetBucketLocation";
const PUT: &str = "s3:PutObject";
const PUT_HOLD: &str = "s3:PutObjectLegalHold";
const PUT_LOCK: &str = "s3:PutBucketObjectLockConfiguration";
const PUT_RETENTION: &str = "s3:PutObjectRetention";
const PUT_TAGS: &str = "s3:PutObjectTagging";
const PUT_VERSIONING: &str = "s3:PutBucketVersioning";
const READ: &str = "s3:GetObject";
const READ_ACL: &str = "s3:GetBucketAcl";
const READ_LOCK: &str = "s3:GetBucketObjectLockConfiguration";
const READ_POLICY: &str = "s3:GetBucketPolicy";
const READ_VERSION: &str = "s3:GetObjectVersion";

/// Defines the kinds of requests: the word of the command line, the phrase after "can", the resource, the power, the
/// action that people mean by it, and the formula if it asks for anything else.
macro_rules! requests {
    ($($variant:ident: $word:literal, $phrase:literal, $kind:ident, $level:ident, $own:expr $(, $formula:expr)?;)+) => {
        /// A kind of request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum RequestKind {
            $(#[doc = concat!("To ", $phrase, ".")] $variant,)+
        }

        impl RequestKind {
            /// All kinds, in the order in which people want to read them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        word: $word,
                        phrase: $phrase,
                        kind: Kind::$kind,
                        level: Level::$level,
                        own_action: $own,
                        formula: None$(.or(Some($formula)))?,
                    },)+
                }
            }
        }
    };
}

struct Row {
    word: &'static str,
    phrase: &'static str,
    kind: Kind,
    level: Level,
    own_action: Option<&'static str>,
    formula: Option<fn(&Rules) -> Formula>,
}

requests! {
    SeeBuckets: "see-buckets", "see the names of buckets", Bucket, List, Some(ALL_BUCKETS), |rules| {
        of_account(ALL_BUCKETS).or(rules.list_shows_bucket.then(|| on(AskedOn::Listed, LIST)))
            .or(rules.location_lists_bucket.then(|| on(AskedOn::Listed, LOCATION)))
    };
    List: "list", "list keys", Bucket, List, Some(LIST);
    ListVersions: "list-versions", "list versions", Bucket, List, Some(LIST_VERSIONS), |rules| {
        one(LIST_VERSIONS).or(rules.list_covers_versions.then(|| one(LIST)))
    };
    Read: "read", "read", Object, Read, Some(READ);
    ReadVersion: "read-version", "read versions", Object, Read, Some(READ_VERSION), |rules| {
        one(if rules.version_actions { READ_VERSION } else { READ })
    };
    CopyFrom: "copy-from", "copy from there", Object, Read, None, |_| one(READ);
    Write: "write", "write", Object, Write, Some(PUT);
    CopyTo: "copy-to", "copy to there", Object, Write, None, |_| one(PUT);
    WriteTags: "write-with-tags", "write with tags", Object, Write, None, |rules| {
        one(PUT).and(rules.upload_tags_checked.then(|| one(PUT_TAGS)))
    };
    WriteRetention: "write-with-retention", "write with a retention", Object, Write, None, |_| {
        one(PUT).and(Some(one(PUT_RETENTION)))
    };
    WriteLegalHold: "write-with-legal-hold", "write with a legal hold", Object, Write, None, |rules| {
        one(PUT).and(rules.legal_hold_checked.then(|| one(PUT_HOLD)))
    };
    Delete: "delete", "delete", Object, Write, Some(DELETE);
    DeleteVersion: "delete-version", "delete versions for good", Object, Write, Some(DELETE_VERSION), deletes_version;
    DeleteLockedVersion: "delete-locked-version", "delete versions under governance retention", Object, Permissions,
        Some(BYPASS), |rules| {
            let bypass = one(BYPASS).or(rules.lock_configuration_bypasses.then(|| one(READ_LOCK)));
            deletes_version(rules).and(Some(bypass))
        };
    ShortenRetention: "shorten-retention", "shorten a governance retention", Object, Permissions, None, |rules| {
        let bypass = Some(one(BYPASS));
        // On MinIO, one of the two is enough (measured on both servers).
        if rules.shortening_checked { one(PUT_RETENTION).and(bypass) } else { one(PUT_RETENTION).or(bypass) }
    };
    ReadRetention: "read-retention", "read the retention", Object, Read, Some("s3:GetObjectRetention");
    SetRetention: "set-retention", "set a retention", Object, Write, Some(PUT_RETENTION);
    ReadLegalHold: "read-legal-hold", "read the legal hold", Object, Read, Some("s3:GetObjectLegalHold");
    SetLegalHold: "set-legal-hold", "set a legal hold", Object, Write, Some(PUT_HOLD);
    ReadTags: "read-tags", "read tags", Object, Read, Some("s3:GetObjectTagging");
    ReadVersionTags: "read-version-tags", "read tags of versions", Object, Read, Some("s3:GetObjectVersionTagging"),
        |rules| one(if rules.version_actions { "s3:GetObjectVersionTagging" } else { "s3:GetObjectTagging" });
    SetTags: "set-tags", "set tags", Object, Write, Some(PUT_TAGS);
    SetVersionTags: "set-version-tags", "set tags of versions", Object, Write, Some("s3:PutObjectVersionTagging"),
        |rules| one(if rules.version_actions { "s3:PutObjectVersionTagging" } else { PUT_TAGS });
    DeleteTags: "delete-tags", "delete tags", Object, Write, Some("s3:DeleteObjectTagging");
    DeleteVersionTags: "delete-version-tags", "delete tags of versions", Object, Write,
        Some("s3:DeleteObjectVersionTagging"),
        |rules| one(if rules.version_actions { "s3:DeleteObjectVersionTagging" } else { "s3:DeleteObjectTagging" });
    ListParts: "list-parts", "list the parts of an upload", Object, Read, Some("s3:ListMultipartUploadParts");
    AbortUpload: "abort-upload", "abort uploads", Object, Write, Some("s3:AbortMultipartUpload");
    ListUploads: "list-uploads", "list uploads", Bucket, Read, Some("s3:ListBucketMultipartUploads");
    CreateBucket: "create-bucket", "create the bucket", Bucket, Write, Some(CREATE);
    CreateLockedBucket: "create-locked-bucket", "create the bucket with object lock", Bucket, Write, None, |rules| {
        let checked = || one(PUT_LOCK).and(Some(one(PUT_VERSIONING)));
        one(CREATE).and(rules.bucket_lock_checked.then(checked))
    };
    DeleteBucket: "delete-bucket", "delete the bucket", Bucket, Write, Some("s3:DeleteBucket");
    ReadLocation: "read-location", "read the location", Bucket, Read, Some(LOCATION);
    ReadBucketPolicy: "read-bucket-policy", "read the bucket policy", Bucket, Read, Some(READ_POLICY);
    ChangeBucketPolicy: "change-bucket-policy", "change the bucket policy", Bucket, Permissions,
        Some("s3:PutBucketPolicy");
    DeleteBucketPolicy: "delete-bucket-policy", "delete the bucket policy", Bucket, Permissions,
        Some("s3:DeleteBucketPolicy");
    ReadAcl: "read-acl", "read the ACL", Bucket, Read, Some(READ_ACL), |rules| {
        one(if rules.policy_reads_acl { READ_POLICY } else { READ_ACL })
    };
    ReadLifecycle: "read-lifecycle", "read the lifecycle", Bucket, Read, Some("s3:GetLifecycleConfiguration");
    ChangeLifecycle: "change-lifecycle", "change the lifecycle", Bucket, Write, Some("s3:PutLifecycleConfiguration");
    ReadBucketTags: "read-bucket-tags", "read the tags of the bucket", Bucket, Read, Some("s3:GetBucketTagging");
    ChangeBucketTags: "change-bucket-tags", "change the tags of the bucket", Bucket, Write, Some("s3:PutBucketTagging");
    ReadVersioning: "read-versioning", "read the versioning", Bucket, Read, Some("s3:GetBucketVersioning");
    ChangeVersioning: "change-versioning", "change the versioning", Bucket, Write, Some(PUT_VERSIONING);
    ReadLockConfiguration: "read-lock-configuration", "read the lock configuration", Bucket, Read, Some(READ_LOCK);
    ChangeLockConfiguration: "change-lock-configuration", "change the lock configuration", Bucket, Write,
        Some(PUT_LOCK);
    ReadNotifications: "read-notifications", "read the notifications", Bucket, Read, Some("s3:GetBucketNotification");
    ChangeNotifications: "change-notifications", "change the notifications", Bucket, Write,
        Some("s3:PutBucketNotification");
}

fn deletes_version(rules: &Rules) -> Formula {
    match (rules.version_actions, rules.deny_of_versions) {
        (true, _) => one(DELETE_VERSION),
        (false, true) => one(DELETE).unless_denied(DELETE_VERSION),
        (false, false) => one(DELETE),
    }
}

impl RequestKind {
    /// Its word on the command line, for example `delete-version`.
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// What a person does with it, as after "can": for example `delete versions for good`.
    pub fn phrase(self) -> &'static str {
        self.row().phrase
    }

    /// The kind of its resource.
    pub fn kind(self) -> Kind {
        self.row().kind
    }

    /// Its power.
    pub fn level(self) -> Level {
        self.row().level
    }

    /// The action that people mean by it. A server may ask for others.
    pub fn own_action(self) -> Option<&'static str> {
        self.row().own_action
    }

    /// The actions that it asks for.
    pub fn formula(self, rules: &Rules) -> Formula {
        let Row { own_action, formula, .. } = self.row();
        formula.map_or_else(|| one(own_action.unwrap_or_default()), |formula| formula(rules))
    }

    /// The kind with a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// The kind that people mean by the full name of an action.
    pub fn of_action(action: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.own_action() == Some(action))
    }

    /// Whether it asks exactly for the action that people mean by it.
    pub fn is_plain(self, rules: &Rules) -> bool {
        let Formula { ways } = self.formula(rules);
        let [Way { allowed, undenied }] = ways.as_slice() else { return false };
        undenied.is_empty() && allowed.len() == 1 && allowed.first().map(|asked| asked.name) == self.own_action()
    }
}

/// Whether no request asks for an action, but an `Allow` or a `Deny` that names it in full also means another one.
pub(super) fn means_another(action: &str, rules: &Rules) -> bool {
    let is_asked = |way: &Way| way.allowed.iter().any(|asked| asked.name == action);
    let mut formulas = RequestKind::ALL.iter().map(|kind| kind.formula(rules));
    rules.version_implies_object && action == READ_VERSION && !formulas.any(|formula| formula.ways.iter().any(is_asked))
}

fn one(name: &'static str) -> Formula {
    on(AskedOn::Resource, name)
}

fn of_account(name: &'static str) -> Formula {
    on(AskedOn::Account, name)
}

fn on(on: AskedOn, name: &'static str) -> Formula {
    Formula { ways: vec![Way { allowed: vec![AskedAction { name, on }], undenied: Vec::new() }] }
}

impl Formula {
    fn or(mut self, other: Option<Self>) -> Self {
        self.ways.extend(other.into_iter().flat_map(|other| other.ways));
        self
    }

    fn and(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        let both = |one: &Way, another: &Way| Way {
            allowed: [one.allowed.as_slice(), &another.allowed].concat(),
            undenied: [one.undenied.as_slice(), &another.undenied].concat(),
        };
        Self {
            ways: self.ways.iter().flat_map(|one| other.ways.iter().map(move |another| both(one, another))).collect(),
        }
    }

    fn unless_denied(mut self, name: &'static str) -> Self {
        let asked = AskedAction { name, on: AskedOn::Resource };
        self.ways.iter_mut().for_each(|way| way.undenied.push(asked));
        self
    }

    /// All actions in it, in order, each once.
    pub fn actions(&self) -> Vec<AskedAction> {
        let mut all: Vec<_> =
            self.ways.iter().flat_map(|way| way.allowed.iter().chain(&way.undenied)).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::Deserialize;

    use super::super::{Context, RequestOn, Verdict, decide_request};
    use super::*;
    use crate::policy::Catalogue;
    use crate::policy::testing::{document, statement};

    #[derive(Deserialize)]
    struct Measured {
        rows: Vec<Row>,
    }

    /// The single actions that let a request through, on both servers.
    #[derive(Deserialize)]
    struct Row {
        request: String,
        #[serde(rename = "2021")]
        minio_2021: Answer,
        #[serde(rename = "2026")]
        minio_2026: Answer,
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Answer {
        Actions(BTreeSet<String>),
        /// The server answers before it authorises, so the row tells nothing.
        Unknown(String),
    }

    /// The kinds of a request as it was sent. Empty if the table has none, because no action of WEKA is about it.
    fn kinds(request: &str) -> &'static [RequestKind] {
        use RequestKind as R;
        match request {
            "ListBuckets (something seen)" => &[R::SeeBuckets],
            "CreateBucket" => &[R::CreateBucket],
            "CreateBucket with object lock" => &[R::CreateLockedBucket],
            "HeadBucket" | "ListObjects" | "ListObjectsV2" => &[R::List],
            "GetBucketLocation" => &[R::ReadLocation],
            "ListObjectVersions" => &[R::ListVersions],
            "ListMultipartUploads" => &[R::ListUploads],
            "GetBucketVersioning" => &[R::ReadVersioning],
            "PutBucketVersioning" => &[R::ChangeVersioning],
            "GetBucketPolicy" => &[R::ReadBucketPolicy],
            "PutBucketPolicy" => &[R::ChangeBucketPolicy],
            "DeleteBucketPolicy" => &[R::DeleteBucketPolicy],
            "GetBucketLifecycle" => &[R::ReadLifecycle],
            "PutBucketLifecycle" | "DeleteBucketLifecycle" => &[R::ChangeLifecycle],
            "GetBucketTagging" => &[R::ReadBucketTags],
            "PutBucketTagging" | "DeleteBucketTagging" => &[R::ChangeBucketTags],
            "GetBucketNotification" => &[R::ReadNotifications],
            "PutBucketNotification" => &[R::ChangeNotifications],
            "GetObjectLockConfiguration" => &[R::ReadLockConfiguration],
            "PutObjectLockConfiguration" => &[R::ChangeLockConfiguration],
            "GetBucketAcl" | "GetObjectAcl" => &[R::ReadAcl],
            "HeadObject" | "GetObject" | "GetObject of a missing key (404)" => &[R::Read],
            "GetObject of a version" | "HeadObject of a version" => &[R::ReadVersion],
            "GetObjectTagging" => &[R::ReadTags],
            "GetObjectTagging of a version" => &[R::ReadVersionTags],
            "PutObjectTagging" => &[R::SetTags],
            "PutObjectTagging of a version" => &[R::SetVersionTags],
            "DeleteObjectTagging" => &[R::DeleteTags],
            "DeleteObjectTagging of a version" => &[R::DeleteVersionTags],
            "PutObject" | "CreateMultipartUpload" | "UploadPart" => &[R::Write],
            "PutObject with tags" => &[R::WriteTags],
            "PutObject with retention" => &[R::WriteRetention],
            "PutObject with legal hold" => &[R::WriteLegalHold],
            "CopyObject within the bucket" => &[R::CopyFrom, R::CopyTo],
            "ListParts" => &[R::ListParts],
            "AbortMultipartUpload (unknown id)" => &[R::AbortUpload],
            "DeleteObject" | "DeleteObjects (several)" => &[R::Delete],
            "DeleteObject of a version" => &[R::DeleteVersion],
            "GetObjectRetention" => &[R::ReadRetention],
            "PutObjectRetention" => &[R::SetRetention],
            "GetObjectLegalHold" => &[R::ReadLegalHold],
            "PutObjectLegalHold" => &[R::SetLegalHold],
            "DeleteBucket" => &[R::DeleteBucket],
            "GetBucketEncryption" | "GetBucketCors" | "GetObjectAttributes" => &[],
            other => panic!("{other}"),
        }
    }

    /// The verdict if a document allows an action, or a list of them, in JSON, on everything, and denies others.
    fn verdict(kind: RequestKind, allowed: &str, denied: &[&str], rules: Rules) -> Verdict {
        let allow = format!(r#"{{"Effect":"Allow","Action":{allowed},"Resource":"arn:aws:s3:::*"}}"#);
        let denies = denied.iter().map(|action| statement("Deny", action, "*", ""));
        let document = document(&[allow].into_iter().chain(denies).collect::<Vec<_>>().join(","));
        let resource = if kind.kind() == Kind::Bucket { "bucket" } else { "bucket/key" };
        let request = RequestOn::parse(kind.word(), resource).unwrap();
        let catalogue = Catalogue::newest();
        decide_request(Some(&document), &request, &Context::new(&catalogue), rules).verdict
    }

    #[test]
    fn a_single_action_lets_exactly_those_requests_through_that_real_servers_let_through() {
        let measured: Measured = serde_json::from_str(include_str!("../../../tests/lineage/requests.json")).unwrap();
        let catalogue = Catalogue::newest();
        let mut actions: BTreeSet<String> = catalogue.actions().iter().map(|action| action.name.clone()).collect();
        actions.insert(LIST_VERSIONS.to_owned());
        let mut told = 0;
        for row in measured.rows {
            for (answer, rules) in [(&row.minio_2021, Rules::MINIO_2021), (&row.minio_2026, Rules::MINIO_2026)] {
                let through = match answer {
                    Answer::Actions(through) => through,
                    Answer::Unknown(why) => {
                        assert_eq!(why, "answered before it is authorised");
                        continue;
                    }
                };
                for action in &actions {
                    let is_through = through.contains(action.trim_start_matches("s3:"));
                    let parts = kinds(&row.request);
                    let all = parts
                        .iter()
                        .all(|kind| verdict(*kind, &format!("\"{action}\""), &[], rules) == Verdict::Allowed);
                    assert!(parts.is_empty() || all == is_through, "{} by {action} on {rules}", row.request);
                    told += parts.len();
                }
            }
        }
        assert!(told > 3_500, "{told}");
    }

    /// The kind of a request that can change nothing, by its method and path.
    fn kind_of(method: &str, path: &str) -> RequestKind {
        use RequestKind as R;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let setting = query.split(['=', '&']).next().unwrap_or_default();
        match (method, setting, path.ends_with("KEY")) {
            ("GET", "policy", _) => R::ReadBucketPolicy,
            ("PUT", "policy", _) => R::ChangeBucketPolicy,
            ("DELETE", "policy", _) => R::DeleteBucketPolicy,
            ("GET", "lifecycle", _) => R::ReadLifecycle,
            ("PUT", "lifecycle", _) => R::ChangeLifecycle,
            ("GET", "tagging", false) => R::ReadBucketTags,
            ("PUT", "tagging", false) => R::ChangeBucketTags,
            ("GET", "tagging", true) => R::ReadTags,
            ("PUT", "tagging", true) => R::SetTags,
            ("DELETE", "tagging", true) => R::DeleteTags,
            ("GET", "versioning", _) => R::ReadVersioning,
            ("PUT", "versioning", _) => R::ChangeVersioning,
            ("GET", "notification", _) => R::ReadNotifications,
            ("PUT", "notification", _) => R::ChangeNotifications,
            ("GET", "object-lock", _) => R::ReadLockConfiguration,
            ("PUT", "object-lock", _) => R::ChangeLockConfiguration,
            ("GET", "location", _) => R::ReadLocation,
            ("GET", "list-type", _) => R::List,
            ("GET", "uploads", _) => R::ListUploads,
            ("GET", "uploadId", _) => R::ListParts,
            ("DELETE", "uploadId", _) => R::AbortUpload,
            ("PUT", "partNumber", _) => R::Write,
            ("GET", "retention", _) => R::ReadRetention,
            ("GET", "legal-hold", _) => R::ReadLegalHold,
            ("PUT", "legal-hold", _) => R::SetLegalHold,
            ("DELETE", "versionId", _) => R::DeleteVersion,
            ("GET", "", true) => R::Read,
            ("DELETE", "", true) => R::Delete,
            ("DELETE", "", false) => R::DeleteBucket,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_that_change_nothing_ask_for_the_action_that_they_tell() {
        let measured: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/lineage/harmless.json")).unwrap();
        let catalogue = Catalogue::newest();
        let mut told = 0;
        for row in measured["rows"].as_array().unwrap() {
            let [action, method, path] = ["action", "method", "path"].map(|key| row[key].as_str().unwrap());
            for (key, rules) in [("2021", Rules::MINIO_2021), ("2026", Rules::MINIO_2026)] {
                if row[key]["tells"] != true {
                    assert_eq!(row[key]["allowed"], row[key]["denied"], "{row}");
                    continue;
                }
                let kind = kind_of(method, path);
                let is_other = |other: &&str| *other != action && *other != READ_VERSION;
                let others = catalogue.actions().iter().map(|action| action.name.as_str()).filter(is_other);
                let others = others.collect::<Vec<_>>().join("\",\"");
                let alone = verdict(kind, &format!("\"{action}\""), &[], rules);
                let without = verdict(kind, &format!("[\"{others}\"]"), &[], rules);
                assert_eq!([alone, without], [Verdict::Allowed, Verdict::Denied], "{row}");
                told += 1;
            }
        }
        assert!(told > 90, "{told}");
    }

    #[test]
    fn what_no_single_action_shows() {
        let all = |kind, denied: &[&str]| {
            [Rules::MINIO_2021, Rules::MINIO_2026, Rules::AWS].map(|rules| verdict(kind, "\"s3:*\"", denied, rules))
        };
        let (yes, no) = (Verdict::Allowed, Verdict::Denied);
        assert_eq!(all(RequestKind::DeleteVersion, &[DELETE_VERSION]), [yes, no, no]);
        assert_eq!(all(RequestKind::DeleteVersion, &[DELETE]), [no, no, yes]);
        assert_eq!(all(RequestKind::DeleteLockedVersion, &[BYPASS]), [yes, no, no]);
        assert_eq!(all(RequestKind::DeleteLockedVersion, &[BYPASS, READ_LOCK]), [no, no, no]);
        assert_eq!(all(RequestKind::ShortenRetention, &[BYPASS]), [yes, yes, no]);
        assert_eq!(all(RequestKind::ShortenRetention, &[PUT_RETENTION]), [yes, yes, no]);
        assert_eq!(all(RequestKind::ShortenRetention, &[PUT_RETENTION, BYPASS]), [no, no, no]);
        assert_eq!(all(RequestKind::WriteRetention, &[PUT_RETENTION]), [no, no, no]);
        assert_eq!(all(RequestKind::WriteLegalHold, &[PUT_HOLD]), [yes, no, no]);
        assert_eq!(all(RequestKind::WriteTags, &[PUT_TAGS]), [yes, yes, no]);
        assert_eq!(all(RequestKind::CreateLockedBucket, &[PUT_VERSIONING]), [yes, no, no]);
        assert_eq!(all(RequestKind::SeeBuckets, &[ALL_BUCKETS]), [yes, yes, no]);
        assert_eq!(all(RequestKind::SeeBuckets, &[ALL_BUCKETS, LIST]), [no, yes, no]);
        assert_eq!(all(RequestKind::ReadVersion, &[READ_VERSION]), [no, no, no], "written in full, it means both");
        assert_eq!(all(RequestKind::ReadVersion, &["s3:GetObjectV*"]), [yes, yes, no]);
    }

    /// Measured on a MinIO server of 2026, which asks about that Deny only if somebody signs.
    #[test]
    fn a_deny_of_the_deletion_of_versions_stops_nobody_without_a_login() {
        let [allow, deny] =
            [("Allow", DELETE), ("Deny", DELETE_VERSION)].map(|(effect, action)| statement(effect, action, "b/*", ""));
        let document = document(&[allow, deny].join(","));
        let (request, catalogue) = (RequestOn::parse("delete-version", "b/key").unwrap(), Catalogue::newest());
        let verdict = |context: &Context<'_>, rules| decide_request(Some(&document), &request, context, rules).verdict;
        let anonymous = Context::new(&catalogue).anonymous();
        let all = [Rules::MINIO_2021, Rules::MINIO_2026, Rules::AWS].map(|rules| verdict(&anonymous, rules));
        assert_eq!(all, [Verdict::Allowed, Verdict::Allowed, Verdict::Denied]);
    }

    #[test]
    fn words_and_own_actions_are_unique_and_each_action_is_accounted_for() {
        let words: BTreeSet<&str> = RequestKind::ALL.iter().map(|kind| kind.word()).collect();
        assert_eq!(words.len(), RequestKind::ALL.len());
        assert!(words.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        let own: Vec<&str> = RequestKind::ALL.iter().filter_map(|kind| kind.own_action()).collect();
        assert_eq!(own.iter().collect::<BTreeSet<_>>().len(), own.len());
        let formulas = RequestKind::ALL.iter().map(|kind| kind.formula(&Rules::AWS));
        let asked: BTreeSet<&str> =
            formulas.flat_map(|of| of.ways).flat_map(|way| way.allowed).map(|of| of.name).collect();
        for action in Catalogue::newest().actions() {
            assert!(own.contains(&action.name.as_str()) && asked.contains(&*action.name), "{action:?}");
        }
    }
}
