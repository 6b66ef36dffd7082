//! The buckets of `attune.snapshot/1`.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::change::document;
use crate::base::{BucketName, CannedPolicy, visible};
use crate::observed::{Body, BucketPolicy, Buckets};

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
