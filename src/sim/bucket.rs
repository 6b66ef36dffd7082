//! The buckets of a simulated cluster and their policies: one of the vendor's, or a document.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::base::CannedPolicy;
use crate::sim::document::StoredDocument;

with_defaults! {
    /// A bucket of a tenant. The simulator stores no objects, except the names of those that a fault made.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    pub struct Bucket {
        /// The filesystem it is in.
        #[serde(skip_serializing_if = "is_default")]
        pub fs: String = "default".to_owned(),
        /// Its directory there; derived from the name by default.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub path: String = String::new(),
        /// Its quota in bytes; 0 for none.
        #[serde(skip_serializing_if = "is_zero")]
        pub hard_limit_bytes: u64 = 0,
        /// The bytes that it holds.
        #[serde(skip_serializing_if = "is_zero")]
        pub used_bytes: u64 = 0,
        /// Its policy.
        #[serde(skip_serializing_if = "BucketPolicy::is_none")]
        pub policy: BucketPolicy = BucketPolicy::Canned(CannedPolicy::None),
        /// Whether it keeps versions.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub versioning: bool = false,
        /// Whether it has object lock.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        pub object_lock: bool = false,
        /// Other settings, as they were sent to the S3 service: by the name of the parameter, such as `lifecycle`.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub settings: BTreeMap<String, String> = BTreeMap::new(),
        /// The sizes of the objects that a fault of the S3 service made, by their keys.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub objects: BTreeMap<String, u64> = BTreeMap::new(),
        /// The delete markers that it made: their ids, by the keys.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        pub delete_markers: BTreeMap<String, String> = BTreeMap::new(),
    }
}

impl Bucket {
    /// Whether it keeps versions; one with object lock always does.
    pub fn keeps_versions(&self) -> bool {
        self.versioning || self.object_lock
    }
}

fn is_default(fs: &str) -> bool {
    fs == "default"
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The policy of a bucket: in a state file the name of the vendor's, or the document itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketPolicy {
    /// One of the vendor's.
    Canned(CannedPolicy),
    /// A document of its own.
    Document(StoredDocument),
}

impl BucketPolicy {
    fn is_none(&self) -> bool {
        *self == Self::Canned(CannedPolicy::None)
    }

    /// The document that it stands for in this bucket; `None` if it gives nothing.
    pub fn document(&self, bucket: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Canned(canned) => canned_document(*canned, bucket).map(Cow::Owned),
            Self::Document(document) => Some(Cow::Borrowed(document.as_str())),
        }
    }
}

impl Serialize for BucketPolicy {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Canned(canned) => writer.serialize_str(canned.as_str()),
            Self::Document(document) => document.serialize(writer),
        }
    }
}

impl<'de> Deserialize<'de> for BucketPolicy {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(reader)?;
        if raw.get().starts_with('"') {
            let word: String = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
            let none = format!("the bucket policy `{word}` is none of None, Download, Upload, Public");
            return word.parse().map(Self::Canned).map_err(|_| D::Error::custom(none));
        }
        StoredDocument::parse(raw.get()).map(Self::Document).map_err(D::Error::custom)
    }
}

/// The document of a canned policy for a bucket, as on the vendor's page; `None` for the policy that gives nothing.
fn canned_document(canned: CannedPolicy, bucket: &str) -> Option<String> {
    let (of_bucket, of_objects): (&[&str], &[&str]) = match canned {
        CannedPolicy::None => return None,
        CannedPolicy::Download => (&["s3:GetBucketLocation", "s3:ListBucket"], &["s3:GetObject"]),
        CannedPolicy::Upload => (
            &["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"],
            &["s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject", "s3:AbortMultipartUpload"],
        ),
        CannedPolicy::Public => (
            &["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
            &[
                "s3:ListMultipartUploadParts",
                "s3:PutObject",
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:GetObject",
            ],
        ),
    };
    let statement = |actions: &[&str], resource: String| -> Value {
        json!({ "Action": actions, "Effect": "Allow", "Principal": { "AWS": ["*"] }, "Resource": [resource] })
    };
    let statements = [
        statement(of_bucket, format!("arn:aws:s3:::{bucket}")),
        statement(of_objects, format!("arn:aws:s3:::{bucket}/*")),
    ];
    Some(json!({ "Statement": statements, "Version": "2012-10-17" }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_a_word_or_a_document() {
        let read = |text: &str| serde_json::from_str::<Bucket>(text).map_err(|error| error.to_string());
        assert_eq!(read("{}").unwrap(), Bucket::default());
        let public = read(r#"{"policy":"Public","used_bytes":7}"#).unwrap();
        assert_eq!(public.policy, BucketPolicy::Canned(CannedPolicy::Public));
        let own = read(r#"{"policy":{ "Version": "2012-10-17","Statement":[] }}"#).unwrap();
        let shown = r#"{"Version":"2012-10-17","Statement":[]}"#;
        assert_eq!(own.policy.document("b").as_deref(), Some(shown));
        for bucket in [public, own] {
            assert_eq!(read(&serde_json::to_string(&bucket).unwrap()).unwrap(), bucket);
        }
        assert!(read(r#"{"policy":"private"}"#).unwrap_err().contains("none of None, Download"));
        assert!(read(r#"{"colour":1}"#).is_err());
    }

    #[test]
    fn the_vendors_policies_are_about_their_bucket_and_for_everyone() {
        assert_eq!(canned_document(CannedPolicy::None, "b"), None);
        let of = |canned: CannedPolicy| serde_json::from_str::<Value>(&canned_document(canned, "b").unwrap()).unwrap();
        let actions = |canned, at: usize| of(canned)["Statement"][at]["Action"].as_array().unwrap().len();
        use CannedPolicy::{Download, Public, Upload};
        assert_eq!(
            [Download, Upload, Public].map(|canned| [actions(canned, 0), actions(canned, 1)]),
            [[2, 1], [2, 4], [3, 5]]
        );
        for statement in of(Public)["Statement"].as_array().unwrap() {
            assert_eq!(statement["Principal"], json!({ "AWS": ["*"] }));
        }
        assert_eq!(of(Public)["Statement"][1]["Resource"], json!(["arn:aws:s3:::b/*"]));
    }
}
