//! The scenarios with policies of buckets.

use attune::base::BucketName;
use attune::desired::{Allowed, Authored, BucketEntry, BucketIntent, Desired};
use attune::policy::read_bucket_policy;

use super::invariants::BUCKET;
use super::scenarios::{Scenario, plain};

/// The bucket of a word with its policy: `bucket/data=public`, or `bucket/data=doc` for a document of its own.
pub(super) fn bucket_word(word: &str) -> Option<(BucketName, BucketIntent)> {
    let (bucket, policy) = word.strip_prefix(BUCKET)?.split_once('=')?;
    let document = |action: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":["*"]}},"Action":["{action}"],"Resource":["arn:aws:s3:::{bucket}/*"]}}]}}"#
        )
    };
    let intent = match policy {
        "doc" | "other" => {
            let text = document(if policy == "doc" { "s3:GetObject" } else { "s3:PutObject" });
            BucketIntent::Document(Authored::new(read_bucket_policy(&text).document.unwrap(), None))
        }
        canned => BucketIntent::Canned(canned.parse().unwrap()),
    };
    Some((BucketName::parse(bucket).unwrap(), intent))
}

/// Declares the bucket of a word. Returns whether it is one.
pub(super) fn declare_bucket(desired: &mut Desired, word: &str) -> bool {
    let Some((bucket, intent)) = bucket_word(word) else { return false };
    desired.buckets.insert(bucket, BucketEntry { description: None, intent, lint: Allowed::default(), at: None });
    true
}

/// The policy of a bucket in the state of a cluster.
pub(super) fn in_state(intent: &BucketIntent) -> String {
    match intent {
        BucketIntent::Canned(canned) => canned.to_string(),
        BucketIntent::Document(authored) => authored.normal().json().to_owned(),
    }
}

/// Policies of buckets, which are set in place.
pub(super) fn buckets() -> Vec<Scenario> {
    vec![
        plain("close a bucket", "bucket/data=none", "bucket/data=public"),
        plain("open a bucket", "bucket/data=download", "bucket/data=none bucket/else=download"),
        plain("open a bucket with a policy that no bucket has", "bucket/data=upload", "bucket/data=none"),
        plain("a document in place of a canned policy", "bucket/data=doc", "bucket/data=public"),
        plain("a canned policy in place of a document", "bucket/data=upload", "bucket/data=doc"),
        plain("another document", "bucket/data=doc", "bucket/data=other"),
        plain(
            "close owned buckets",
            "buckets~team-*",
            "bucket/team-a=public bucket/team-b=doc bucket/team-c=none bucket/else=public",
        ),
        plain(
            "ten buckets",
            "bucket/bb0=none bucket/bb1=none bucket/bb2=doc bucket/bb3=doc bucket/bb4=download bucket/bb5=download bucket/bb6=upload bucket/bb7=public bucket/bb8=none bucket/bb9=doc",
            "bucket/bb0=public bucket/bb1=doc bucket/bb2=none bucket/bb3=other bucket/bb4=doc bucket/bb5=none bucket/bb6=public bucket/bb7=upload bucket/bb8=upload bucket/bb9=public",
        ),
        plain("a bucket and a user", "ml=1 alice:ml bucket/data=doc", "ml=2 bob:- bucket/data=other zoe:ml"),
        plain("a bucket that is as declared", "ml=1 alice:ml bucket/data=doc", "ml=2"),
        Scenario { release: "4.4.8", ..plain("close a bucket before 5.0", "bucket/data=none", "bucket/data=public") },
        Scenario { release: "6.0.1", ..plain("open a bucket since 6.0", "bucket/data=doc", "bucket/data=none") },
    ]
}
