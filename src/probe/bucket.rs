//! The bucket that was made for a probe: whether it is empty, and what a policy of its own does for its users.

use tokio::time::{Instant, sleep};

use super::rules::Seen;
use super::run::{Run, Stopped};
use super::service::{Asking, End, LOOK};
use super::trials::{About, BESIDE_BUCKET_POLICY, INVENTORY, bucket_policy};
use crate::base::{BucketName, CannedPolicy};
use crate::cluster::{CallError, Cluster, read_bucket_policy};
use crate::s3::{S3Answer, contents};

/// Why a bucket cannot be the bucket of a probe; `None` if it can, as far as the cluster says. Whether it is empty, only the S3
/// service says.
pub async fn unsuitable_bucket(bucket: &BucketName, cluster: &dyn Cluster) -> Result<Option<String>, CallError> {
    if !cluster.buckets().await?.contains(bucket) {
        return Ok(Some(format!("the bucket `{bucket}` does not exist")));
    }
    let policy = read_bucket_policy(cluster, bucket).await?;
    Ok((!policy.is_none()).then(|| format!("the bucket `{bucket}` has a policy")))
}

impl Run<'_> {
    /// Nothing is asked about a bucket that is not empty.
    pub(super) async fn check_empty(&mut self, asking: &mut Asking<'_>, bucket: &BucketName) -> Result<(), End> {
        let not_shown =
            |why: &str| End::Service(format!("the bucket of `--bucket` cannot be shown to be empty: {why}"));
        match self.put_in_effect(asking, &INVENTORY).await? {
            None => {}
            Some(Seen::Nothing(why)) => return Err(not_shown(&why)),
            Some(Seen::Through | Seen::Denied | Seen::Refused) => {
                return Err(not_shown("the cluster refuses the policy that looks at it"));
            }
        }
        for request in contents(bucket.as_str()) {
            let answer = asking.asker.told(&request, Some(&asking.keys)).await.answer;
            match answer.filter(S3Answer::is_done) {
                Some(answer) if answer.lists_nothing() => {}
                Some(_) => {
                    let why = "the bucket of `--bucket` is not empty: nothing was asked about it";
                    return Err(End::Service(format!("{why}; make a new bucket for this")));
                }
                None => return Err(not_shown(&format!("{} is not answered with a list", request.line()))),
            }
        }
        let Some(request) = asking.asker.request(About::Bucket("read-versioning")) else { return Ok(()) };
        let told = asking.asker.told(&request, Some(&asking.keys)).await;
        if told.answer.is_some_and(|answer| answer.has_no_versions() == Some(true)) {
            return Ok(());
        }
        let why = "the bucket of `--bucket` has versions or object lock, or does not say so";
        Err(End::Service(format!("{why}; make a new bucket without them for this")))
    }

    /// Whether a policy of the bucket counts for users. It lets everyone ask where the empty bucket is, and nothing else.
    pub(super) async fn ask_bucket_policy(&mut self, asking: &mut Asking<'_>, bucket: &BucketName) -> Result<(), End> {
        const TELLS: &str = "bucket-policy";
        if let Some(seen) = self.put_in_effect(asking, &BESIDE_BUCKET_POLICY).await? {
            asking.seen.insert(TELLS, seen);
            return Ok(());
        }
        self.go_on()?;
        self.options.record.opening(bucket).map_err(Stopped::from)?;
        self.found.opened = Some(bucket.clone());
        let set = self.options.cluster.set_bucket_document(bucket, &bucket_policy(bucket.as_str())).await;
        let seen = match set {
            Err(_) => Seen::Nothing("the cluster refuses the policy of the bucket".to_owned()),
            Ok(()) => self.beside_bucket_policy(asking).await?,
        };
        asking.seen.insert(TELLS, seen);
        self.close_bucket().await;
        Ok(())
    }

    async fn beside_bucket_policy(&self, asking: &Asking<'_>) -> Result<Seen, Stopped> {
        let Some(request) = asking.asker.request(About::Bucket("read-location")) else {
            return Ok(Seen::Nothing("no request".to_owned()));
        };
        let until = Instant::now() + asking.wait;
        while asking.asker.told(&request, None).await.seen != Seen::Through {
            self.go_on()?;
            if Instant::now() >= until {
                let why = format!("the policy of the bucket had no effect for {} s", asking.wait.as_secs());
                return Ok(Seen::Nothing(why));
            }
            sleep(LOOK).await;
        }
        let told = asking.asker.told(&request, Some(&asking.keys)).await;
        Ok(match told.failing {
            None => told.seen,
            Some(_) => Seen::Nothing("the service stopped taking the keys".to_owned()),
        })
    }

    /// Puts the policy of the bucket back to none.
    pub(super) async fn close_bucket(&mut self) {
        let Some(bucket) = self.found.opened.clone() else { return };
        let cluster = self.options.cluster;
        let _ = cluster.set_canned_bucket_policy(&bucket, CannedPolicy::None).await;
        if read_bucket_policy(cluster, &bucket).await.is_ok_and(|policy| policy.is_none()) {
            self.found.opened = None;
        }
    }
}
