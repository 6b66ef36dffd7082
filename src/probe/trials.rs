//! The policies of a probe about the rules of the S3 service, and the requests that tell how it reads each.
//!
//! Each policy grants only on one bucket: one that is not there, or one that was made for this.

/// In a document, the bucket.
const BUCKET: &str = "BUCKET";

/// In a document, a pattern that covers the bucket: with a wildcard for its first character.
const EDGE: &str = "EDGE";

/// In documents and keys, the name of the user.
const USER: &str = "USER";

/// In a document, the name of the trial.
const TRIAL: &str = "TRIAL";

/// Whose keys a request is signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignedBy {
    User,
    /// Temporary credentials of the user.
    Temporary,
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About<'a> {
    /// A row of the table of requests, about the bucket.
    Bucket(&'a str),
    /// A row about a key: `*` stands for the random characters.
    Key(&'a str, &'a str),
    /// The parts of an upload that does not exist, of a key: the plainest question about a key.
    Parts(&'a str),
    /// The same about a key with a slash in front.
    BehindSlash(&'a str),
    /// The same from an address that the client claims.
    FromElsewhere(&'a str),
    /// Whether the bucket is in the list of buckets.
    Listed,
}

/// A request of a trial.
#[derive(Debug)]
pub(super) struct TrialAsk {
    /// The name of what it tells.
    pub(super) tells: &'static str,
    pub(super) about: About<'static>,
    pub(super) signed_by: SignedBy,
}

/// A policy, and what is asked while the user has it.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) name: &'static str,
    /// The statements in front of the controls.
    statements: &'static str,
    version: &'static str,
    controls: &'static str,
    pub(super) asks: &'static [TrialAsk],
    /// Whether it needs a bucket that is there.
    pub(super) needs_bucket: bool,
}

const fn ask(tells: &'static str, about: About<'static>) -> TrialAsk {
    TrialAsk { tells, about, signed_by: SignedBy::User }
}

const fn temporary(tells: &'static str, about: About<'static>) -> TrialAsk {
    TrialAsk { tells, about, signed_by: SignedBy::Temporary }
}

const fn trial(name: &'static str, statements: &'static str, asks: &'static [TrialAsk]) -> Trial {
    Trial { name, statements, version: VERSION, controls: CONTROLS, asks, needs_bucket: false }
}

const VERSION: &str = r#""Version":"2012-10-17","#;

/// What each policy allows and what it denies, so that its answers prove that it is in effect.
const CONTROLS: &str = r#"{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/TRIAL-yes/*","arn:aws:s3:::BUCKET/TRIAL-no/*"]},{"Effect":"Deny","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/TRIAL-no/*"]}"#;

/// The key that the policy of a trial allows.
pub(super) fn allowed_key(trial: &str) -> String {
    format!("{trial}-yes/*")
}

/// The key that the policy of a trial denies.
pub(super) fn denied_key(trial: &str) -> String {
    format!("{trial}-no/*")
}

/// The policy with which a bucket is looked at before anything is asked about it.
pub(super) const INVENTORY: Trial = Trial {
    needs_bucket: true,
    ..trial(
        "look",
        r#"{"Effect":"Allow","Action":["s3:ListBucket","s3:ListBucketVersions","s3:ListBucketMultipartUploads","s3:GetBucketVersioning"],"Resource":["arn:aws:s3:::BUCKET"]},"#,
        &[],
    )
};

/// The policy beside which a policy of the bucket is tried.
pub(super) const BESIDE_BUCKET_POLICY: Trial = Trial { needs_bucket: true, ..trial("beside", "", &[]) };

/// The policy of the bucket: anyone may read where it is. The bucket is empty.
pub(super) const BUCKET_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetBucketLocation"],"Resource":["arn:aws:s3:::BUCKET"]}]}"#;

/// Two policies that the user has together, as one name with a comma.
pub(super) const TOGETHER: [Trial; 2] = [trial("one", "", &[]), trial("two", "", &[])];

/// The trials, in order.
pub(super) const TRIALS: [Trial; 12] = [
    trial(
        "bucket",
        r#"{"Effect":"Allow","Action":["s3:GetBucketLocation"],"Resource":["arn:aws:s3:::BUCKET/*"]},{"Effect":"Allow","Action":["s3:ListBucket","s3:GetBucketPolicy","s3:ListBucketMultipartUploads"],"Resource":["arn:aws:s3:::BUCKET"]},{"Effect":"Deny","Action":["s3:ListBucketMultipartUploads"],"Resource":["arn:aws:s3:::EDGE"]},"#,
        &[
            ask("location", About::Bucket("read-location")),
            ask("uploads-edge", About::Bucket("list-uploads")),
            ask("list", About::Bucket("list")),
            ask("list-versions", About::Bucket("list-versions")),
            ask("bucket-policy-read", About::Bucket("read-bucket-policy")),
            ask("acl", About::Bucket("read-acl")),
        ],
    ),
    trial(
        "object",
        r#"{"Effect":"Allow","Action":["s3:ListBucket","s3:ListBucketMultipartUploads"],"Resource":["arn:aws:s3:::BUCKET"]},{"Effect":"Allow","Action":["s3:GetObjectVersion"],"Resource":["arn:aws:s3:::BUCKET/v/*"]},{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/o/*"]},{"Effect":"Allow","Action":["s3:DeleteObject","s3:DeleteObjectVersion"],"Resource":["arn:aws:s3:::BUCKET/x/*","arn:aws:s3:::BUCKET/y/*"]},{"Effect":"Deny","Action":["s3:DeleteObjectVersion"],"Resource":["arn:aws:s3:::BUCKET/y/*"]},{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/l/*","arn:aws:s3:::BUCKET/q/?/*","arn:aws:s3:::BUCKET/b/??/*"]},"#,
        &[
            ask("control", About::Parts("l/*")),
            ask("uploads", About::Bucket("list-uploads")),
            ask("implied", About::Key("read", "v/*")),
            ask("read", About::Key("read", "o/*")),
            ask("version", About::Key("read-version", "o/*")),
            ask("slash", About::BehindSlash("l/*")),
            ask("one-mark", About::Parts("q/é/*")),
            ask("two-marks", About::Parts("b/é/*")),
            ask("delete-version", About::Key("delete-version", "x/*")),
            ask("deny-version", About::Key("delete-version", "y/*")),
        ],
    ),
    trial(
        "condition",
        r#"{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/n/*"],"Condition":{"StringEquals":{"aws:username":["USER"]}}},{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/u/*"],"Condition":{"StringEquals":{"aws:userid":["USER"]}}},{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/r/*"],"Condition":{"Null":{"aws:Referer":["false"]}}},{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/f/*"],"Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.1/32"]}}},"#,
        &[
            ask("username-condition", About::Parts("n/*")),
            ask("userid", About::Parts("u/*")),
            ask("referer", About::Parts("r/*")),
            ask("forwarded", About::FromElsewhere("f/*")),
        ],
    ),
    trial(
        "variable",
        r#"{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/n/${aws:username}/*","arn:aws:s3:::BUCKET/i/${AWS:UserName}/*"]},"#,
        &[
            ask("username", About::Parts("n/USER/*")),
            ask("username-case", About::Parts("i/USER/*")),
            temporary("temporary-control", About::Parts("variable-yes/*")),
            temporary("temporary", About::Parts("n/USER/*")),
        ],
    ),
    Trial {
        version: "",
        ..trial(
            "plain",
            r#"{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/n/${aws:username}/*"]},"#,
            &[ask("username-plain", About::Parts("n/USER/*"))],
        )
    },
    trial(
        "special",
        r#"{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/s/${$}/*"]},"#,
        &[ask("special", About::Parts("s/$/*")), ask("special-text", About::Parts("s/${$}/*"))],
    ),
    trial(
        "case",
        r#"{"Effect":"Allow","Action":["s3:listmultipartuploadparts"],"Resource":["arn:aws:s3:::BUCKET/a/*"]},"#,
        &[ask("small-action", About::Parts("a/*"))],
    ),
    trial(
        "notaction",
        r#"{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/a/*"]},{"Effect":"Deny","NotAction":["s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/a/*"]},"#,
        &[ask("not-action", About::Parts("a/*"))],
    ),
    trial(
        "notresource",
        r#"{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/a/*"]},{"Effect":"Deny","Action":["s3:ListMultipartUploadParts"],"NotResource":["arn:aws:s3:::BUCKET/TRIAL-yes/*"]},"#,
        &[ask("not-resource", About::Parts("a/*"))],
    ),
    // The older server drops what stands in front of the repeated statement, so no Deny may stand there.
    Trial {
        controls: r#"{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/TRIAL-yes/*"]},{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/TRIAL-yes/*"]}"#,
        ..trial(
            "repeated",
            r#"{"Effect":"Allow","Action":["s3:ListMultipartUploadParts"],"Resource":["arn:aws:s3:::BUCKET/a/*"]},"#,
            &[ask("repeated", About::Parts("a/*"))],
        )
    },
    Trial {
        needs_bucket: true,
        ..trial(
            "list",
            r#"{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::BUCKET"]},"#,
            &[ask("list-shows", About::Listed)],
        )
    },
    Trial {
        needs_bucket: true,
        ..trial(
            "location",
            r#"{"Effect":"Allow","Action":["s3:GetBucketLocation"],"Resource":["arn:aws:s3:::BUCKET"]},{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/h/*"]},"#,
            &[ask("location-lists", About::Listed), ask("hidden", About::Key("read", "h/*"))],
        )
    },
];

impl Trial {
    /// The document about this bucket, for this user.
    pub(super) fn document(&self, bucket: &str, user: &str) -> String {
        let Self { statements, version, controls, .. } = self;
        let text = format!("{{{version}\"Statement\":[{statements}{controls}]}}");
        text.replace(BUCKET, bucket).replace(EDGE, &edge(bucket)).replace(TRIAL, self.name).replace(USER, user)
    }

    /// A document of the same form that only has what every policy allows.
    pub(super) fn plain_document(&self, bucket: &str) -> String {
        let text = format!("{{{VERSION}\"Statement\":[{CONTROLS}]}}");
        text.replace(BUCKET, bucket).replace(TRIAL, self.name)
    }
}

/// The key of a request of this user, as a pattern for the random characters.
pub(super) fn key_of(key: &str, user: &str) -> String {
    key.replace(USER, user)
}

/// The policy of this bucket.
pub(super) fn bucket_policy(bucket: &str) -> String {
    BUCKET_POLICY.replace(BUCKET, bucket)
}

/// A pattern that covers a bucket and does not end in a wildcard.
fn edge(bucket: &str) -> String {
    let mut characters = bucket.chars();
    characters.next();
    format!("?{}", characters.as_str())
}

/// Whether the name of a user means itself in a document, a pattern and a key.
pub(super) fn is_plain(user: &str) -> bool {
    !user.is_empty()
        && user.chars().all(|c| c.is_ascii_alphanumeric() || "-_.@+=".contains(c))
        && !user.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use crate::policy::read;

    fn all() -> Vec<&'static Trial> {
        static OTHERS: [Trial; 2] = [INVENTORY, BESIDE_BUCKET_POLICY];
        static BOTH: [Trial; 2] = TOGETHER;
        static ALL: [Trial; 12] = TRIALS;
        ALL.iter().chain(&OTHERS).chain(&BOTH).collect()
    }

    #[test]
    fn every_document_fits_the_longest_names_and_allows_only_on_its_bucket() {
        let (bucket, user) = ("b".repeat(63), "u".repeat(64));
        for trial in all() {
            let text = trial.document(&bucket, &user);
            assert!(text.len() <= 2048, "{}: {}", trial.name, text.len());
            let document: serde_json::Value = serde_json::from_str(&text).unwrap();
            for statement in document["Statement"].as_array().unwrap() {
                let resources = statement["Resource"].as_array().into_iter().flatten();
                let own = format!("arn:aws:s3:::{bucket}");
                let is_own = |resource: &serde_json::Value| {
                    let text = resource.as_str().unwrap();
                    text == own || text.starts_with(&format!("{own}/"))
                };
                let allows = statement["Effect"] == "Allow";
                assert!(!allows || statement["NotAction"].is_null() && statement["NotResource"].is_null());
                assert!(!allows || resources.clone().count() > 0 && resources.clone().all(is_own), "{statement}");
            }
            assert!(read(&text).document.is_some(), "{}", trial.name);
        }
        assert!(!bucket_policy("b").contains(BUCKET));
    }

    #[test]
    fn no_allow_of_a_trial_writes() {
        for trial in all() {
            for word in ["Put", "Create", "Bypass", "Restore", "s3:*", "s3:DeleteBucket"] {
                assert!(!trial.statements.contains(word), "{}: {word}", trial.name);
            }
        }
    }

    #[test]
    fn names_are_used_once_and_every_request_has_a_row() {
        let names: BTreeSet<&str> = all().into_iter().map(|trial| trial.name).collect();
        assert_eq!(names.len(), all().len());
        let asks: Vec<&TrialAsk> = TRIALS_STATIC.iter().flat_map(|trial| trial.asks).collect();
        assert_eq!(asks.iter().map(|ask| ask.tells).collect::<BTreeSet<_>>().len(), asks.len());
    }

    static TRIALS_STATIC: [Trial; 12] = TRIALS;

    #[test]
    fn a_plain_name_means_itself_everywhere() {
        assert!(is_plain("attune-test") && is_plain("a.b@c"));
        for name in ["", "a*", "a?", "a/b", "a\"b", "${x}", "..", "é", "a b"] {
            assert!(!is_plain(name), "{name}");
        }
        assert_eq!(edge("logs"), "?ogs");
    }
}
