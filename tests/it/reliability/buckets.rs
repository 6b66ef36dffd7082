//! The scenarios with policies of buckets.

use attune::base::BucketName;
use attune::desired::{Allowed, Authored, BucketEntry, BucketIntent, Desired};
use attune::policy::read_bucket_policy;

use super::invariants::BUCKET;
use super::scenarios::{Scenario, plain};

/// The bucket of a word with its policy: `#data=public`, or `#data=doc` for a document of its own.
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
        plain("close a bucket", "#data=none", "#data=public"),
        plain("open a bucket", "#data=download", "#data=none #else=download"),
        plain("open a bucket with a policy that no bucket has", "#data=upload", "#data=none"),
        plain("a document in place of a canned policy", "#data=doc", "#data=public"),
        plain("a canned policy in place of a document", "#data=upload", "#data=doc"),
        plain("another document", "#data=doc", "#data=other"),
        plain("close owned buckets", "buckets~team-*", "#team-a=public #team-b=doc #team-c=none #else=public"),
        plain(
            "ten buckets",
            "#bb0=none #bb1=none #bb2=doc #bb3=doc #bb4=download #bb5=download #bb6=upload #bb7=public #bb8=none #bb9=doc",
            "#bb0=public #bb1=doc #bb2=none #bb3=other #bb4=doc #bb5=none #bb6=public #bb7=upload #bb8=upload #bb9=public",
        ),
        plain("a bucket and a user", "ml=1 alice:ml #data=doc", "ml=2 bob:- #data=other zoe:ml"),
        plain("a bucket that is as declared", "ml=1 alice:ml #data=doc", "ml=2"),
        Scenario { release: "4.4.8", ..plain("close a bucket before 5.0", "#data=none", "#data=public") },
        Scenario { release: "6.0.1", ..plain("open a bucket since 6.0", "#data=doc", "#data=none") },
    ]
}
