//! Reads the policies of buckets.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::{CallError, Cluster, Effect};
use crate::base::{BucketName, CannedPolicy};
use crate::observed::{Body, BucketPolicy};

/// What an error says about a cluster without calls for buckets.
pub(super) const NO_BUCKETS: &str =
    "WEKA has these calls since 3.12; without them, attune cannot manage bucket policies";

/// How often the two reads of a policy are repeated because somebody changes it between them.
const TRIES: usize = 3;

/// Reads the policy of a bucket: its name and its document. No definition says what a cluster calls a policy with a document of
/// its own, so that both are read, and the document counts: a name alone never says that a bucket is closed.
///
/// The name is read again behind the document: another run may have set a policy in between.
///
/// # Errors
/// A read that fails, other than a refusal where the other answer is enough.
pub async fn read_bucket_policy(cluster: &dyn Cluster, bucket: &BucketName) -> Result<BucketPolicy, CallError> {
    let mut named = unless_refused(cluster.bucket_policy(bucket).await)?;
    for _ in 0..TRIES {
        let document = unless_refused(cluster.bucket_document(bucket).await)?;
        let policy = together(bucket, named, document)?;
        // The last answer alone says that there is none, or which document.
        if policy.is_none() || policy.canned.is_none() && policy.document.normal().is_some() {
            return Ok(policy);
        }
        named = unless_refused(cluster.bucket_policy(bucket).await)?;
        if named.as_ref().is_ok_and(|name| canned_of(name) == policy.canned) {
            return Ok(policy);
        }
    }
    let text = format!("[the policy of bucket {bucket}, which changes while it is read]");
    Ok(BucketPolicy::custom(Body::Unreadable(text)))
}

fn canned_of(name: &str) -> Option<CannedPolicy> {
    name.trim().parse().ok()
}

/// What the answers to both reads say: the name of the policy, and its document.
fn together(
    bucket: &BucketName,
    named: Result<String, CallError>,
    document: Result<Option<String>, CallError>,
) -> Result<BucketPolicy, CallError> {
    let canned = named.as_ref().ok().and_then(|name| canned_of(name));
    let unknown =
        |what: &str| Body::Unreadable(format!("[{what} of bucket {bucket}, whose document the cluster does not show]"));
    Ok(match (canned, document) {
        (Some(CannedPolicy::None), Ok(None) | Err(_)) => BucketPolicy::none(),
        (Some(CannedPolicy::None), Ok(Some(text))) => {
            let document = Body::read(&text);
            let is_empty = document.normal().is_some_and(|document| document.document().statements.is_empty());
            if is_empty { BucketPolicy::none() } else { BucketPolicy::custom(document) }
        }
        (Some(canned), Ok(Some(text))) => BucketPolicy { canned: Some(canned), document: Body::read(&text) },
        (Some(canned), Ok(None) | Err(_)) => {
            BucketPolicy { canned: Some(canned), document: unknown(&format!("bucket policy {canned}")) }
        }
        (None, Ok(Some(text))) => BucketPolicy::custom(Body::read(&text)),
        (None, Ok(None) | Err(_)) => match named {
            Ok(name) if name.trim_start().starts_with('{') => BucketPolicy::custom(Body::read(&name)),
            Ok(_) => BucketPolicy::custom(unknown("the policy")),
            Err(refused) => return Err(refused),
        },
    })
}

/// An answer or a refusal; any other failure is an error.
fn unless_refused<T>(answer: Result<T, CallError>) -> Result<Result<T, CallError>, CallError> {
    match answer {
        Err(error) if !matches!(error.effect, Effect::Refused(_)) => Err(error),
        answer => Ok(answer),
    }
}

/// Reads the policies of buckets, at most `jobs` at a time. A bucket that was removed meanwhile is left out. One that the
/// cluster refuses to show is unreadable.
///
/// # Errors
/// The first read that fails otherwise.
pub async fn bucket_policies(
    cluster: &dyn Cluster,
    wanted: Vec<BucketName>,
    jobs: usize,
) -> Result<BTreeMap<BucketName, BucketPolicy>, CallError> {
    let read = stream::iter(wanted).map(|bucket| async move {
        if let Err(problem) = bucket.addressable() {
            let why = format!("[the policy of bucket {:?}: its name {problem}]", bucket.as_str());
            return Ok(Some((bucket, BucketPolicy::custom(Body::Unreadable(why)))));
        }
        match read_bucket_policy(cluster, &bucket).await {
            Ok(policy) => Ok(Some((bucket, policy))),
            Err(error) if !matches!(error.effect, Effect::Refused(_)) => Err(error),
            Err(error) => {
                let is_there = cluster.buckets().await?.contains(&bucket);
                let why = format!("[the policy of bucket {bucket}: {error}]");
                Ok(is_there.then(|| (bucket, BucketPolicy::custom(Body::Unreadable(why)))))
            }
        }
    });
    let read: Vec<Option<_>> = read.buffer_unordered(jobs.max(1)).try_collect().await?;
    Ok(read.into_iter().flatten().collect())
}
