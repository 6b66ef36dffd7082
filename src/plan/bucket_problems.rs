//! Problems of a plan with the policies of buckets, found before its first call.

use crate::base::{BucketName, Finding, nearest};
use crate::desired::Desired;
use crate::observed::{Buckets, Observed};
use crate::policy::MAX_BUCKET_POLICY;

use super::bucket_target::BucketTarget;
use super::codes;
use super::compare::{BucketAction, Comparison};

pub(super) fn of_buckets(desired: &Desired, observed: &Observed, comparison: &Comparison) -> Vec<Finding> {
    let mut findings = Vec::new();
    let depends = !desired.buckets.is_empty() || !desired.ownership.buckets.is_empty();
    match &observed.buckets {
        _ if !depends => {}
        Buckets::NotRead => findings.push(unreadable(desired, "they were not read")),
        Buckets::Unreadable(why) => findings.push(unreadable(desired, why)),
        Buckets::Known(buckets) => {
            for (bucket, entry) in desired.buckets.iter().filter(|(bucket, _)| !buckets.contains_key(*bucket)) {
                let near = nearest(bucket.as_str(), buckets.keys().map(BucketName::as_str));
                findings.push(no_such_bucket(bucket, near).at(entry.at.clone()));
            }
        }
    }
    findings.extend(comparison.buckets.iter().filter_map(|(bucket, action)| too_large(bucket, action, desired)));
    findings
}

fn unreadable(desired: &Desired, why: &str) -> Finding {
    let at = desired.buckets.values().find_map(|entry| entry.at.clone());
    let message = format!("the policies of buckets cannot be compared: {why}");
    let help = "give the login the right to list buckets, or leave `[buckets]` and `ownership.buckets` out";
    Finding::error(codes::BUCKETS_UNKNOWN, message).at(at).help(help)
}

fn no_such_bucket(bucket: &BucketName, near: Option<&str>) -> Finding {
    let add = format!("attune adds no buckets: `weka s3 bucket add {bucket}`");
    let help = match near {
        Some(near) => format!("did you mean `{near}`? {add}"),
        None => add,
    };
    Finding::error(codes::NO_SUCH_BUCKET, format!("bucket `{bucket}` does not exist on the cluster")).help(help)
}

/// A document over the limit is an error only if it would be sent.
fn too_large(bucket: &BucketName, action: &BucketAction, desired: &Desired) -> Option<Finding> {
    let BucketAction::Set(BucketTarget::Document(document)) = action else { return None };
    let (size, limit) = (document.len(), MAX_BUCKET_POLICY);
    if size <= limit {
        return None;
    }
    let message = format!("the policy of bucket `{bucket}` is {size} bytes; S3 takes {limit}");
    let help = "it is counted minified, as it is sent; use fewer or shorter statements";
    let at = desired.buckets.get(bucket).and_then(|entry| entry.at.clone());
    Some(Finding::error(codes::TOO_LARGE, message).at(at).help(help))
}
