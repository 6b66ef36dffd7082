//! The buckets of a cluster with their policies.

use std::collections::BTreeMap;

use super::Body;
use crate::base::{BucketName, CannedPolicy};
use crate::policy::access::ARN;
use crate::policy::{BucketDocument, Document, Normal, Statement, combined, normal};

/// The buckets of a tenant, if they were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Buckets {
    /// Not read, because nothing depends on them.
    #[default]
    NotRead,
    /// They could not be read, for this reason.
    Unreadable(String),
    /// All buckets.
    Known(BTreeMap<BucketName, BucketPolicy>),
}

/// The policy of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPolicy {
    /// Its name, if it has one; `None` if the bucket has a document of its own.
    pub canned: Option<CannedPolicy>,
    /// What it gives, by the cluster. Of a canned policy, this is unreadable if the cluster does not show it.
    pub document: Body,
}

impl BucketPolicy {
    /// No policy: it gives nothing.
    #[must_use]
    pub fn none() -> Self {
        Self { canned: Some(CannedPolicy::None), document: Body::Known(normal(&Document::default())) }
    }

    /// A document of the bucket's own.
    #[must_use]
    pub fn custom(document: Body) -> Self {
        Self { canned: None, document }
    }

    /// Whether the bucket has no policy.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.canned == Some(CannedPolicy::None)
    }

    /// What the access engine knows of it.
    #[must_use]
    pub fn as_document(&self) -> BucketDocument<'_> {
        match (&self.document, self.canned) {
            (Body::Known(normal), _) => BucketDocument::Known(normal.document()),
            (Body::NotRead | Body::Unreadable(_), Some(canned)) => BucketDocument::Unknown(canned.as_str()),
            (Body::NotRead, None) => BucketDocument::Unknown("not read"),
            (Body::Unreadable(text), None) => BucketDocument::Unknown(text),
        }
    }

    /// What an apply compares: the name of a canned policy, or the document as one line of text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self.canned {
            Some(canned) => canned.as_str(),
            None => self.document.text().unwrap_or_default(),
        }
    }
}

impl Buckets {
    /// All buckets, if they were read.
    #[must_use]
    pub fn known(&self) -> Option<&BTreeMap<BucketName, BucketPolicy>> {
        match self {
            Self::Known(buckets) => Some(buckets),
            Self::NotRead | Self::Unreadable(_) => None,
        }
    }

    /// The policy of a bucket, if it was read.
    #[must_use]
    pub fn get(&self, bucket: &BucketName) -> Option<&BucketPolicy> {
        self.known()?.get(bucket)
    }

    /// Whether any bucket is known to have a policy.
    #[must_use]
    pub fn have_policies(&self) -> bool {
        self.known().is_some_and(|all| all.values().any(|policy| !policy.is_none()))
    }

    /// What a requester gets by its own policy and those of the buckets together: of all buckets, or of this one. Without an own
    /// policy it is what requests without a login get. `None` if the buckets were not read.
    #[must_use]
    pub fn together(&self, own: Option<&Document>, only: Option<&BucketName>) -> Option<Document> {
        let all = self.known()?.iter().filter(|(name, policy)| !policy.is_none() && only.is_none_or(|of| of == *name));
        Some(combined(own, all.map(|(name, policy)| (name, policy.as_document()))))
    }

    /// What a canned policy gives for a bucket: as the cluster shows it for this or another bucket. Without one that has it,
    /// this is unknown.
    #[must_use]
    pub fn meaning(&self, canned: CannedPolicy, bucket: &BucketName) -> Body {
        if canned == CannedPolicy::None {
            return BucketPolicy::none().document;
        }
        let all = self.known().into_iter().flatten();
        let mut same = all.filter(|(_, policy)| policy.canned == Some(canned));
        let meaning = same.find_map(|(other, policy)| moved(policy.document.normal()?, other, bucket));
        let unknown = || format!("[bucket policy {canned} of bucket {bucket}, which no bucket of the cluster has yet]");
        meaning.map_or_else(|| Body::Unreadable(unknown()), Body::Known)
    }
}

/// The document of one bucket as it is for another. `None` if it names anything but that bucket.
fn moved(document: &Normal, from: &BucketName, to: &BucketName) -> Option<Normal> {
    if from == to {
        return Some(document.clone());
    }
    let bucket = format!("{ARN}{from}");
    let objects = format!("{bucket}/");
    let pattern = |text: &String| {
        let rest = if *text == bucket { "" } else { text.strip_prefix(&objects).map(|_| &text[bucket.len()..])? };
        Some(format!("{ARN}{to}{rest}"))
    };
    let statement = |statement: &Statement| {
        let patterns: Option<Vec<String>> = statement.resources.patterns.iter().map(pattern).collect();
        let mut moved = statement.clone();
        moved.resources.patterns = patterns?;
        Some(moved)
    };
    let document = document.document();
    let statements: Option<Vec<Statement>> = document.statements.iter().map(statement).collect();
    Some(normal(&Document { statements: statements?, ..document.clone() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> BucketName {
        BucketName::parse(text).unwrap()
    }

    fn download(bucket: &str, resource: &str) -> BucketPolicy {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[
                {{"Effect":"Allow","Principal":{{"AWS":["*"]}},"Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::{bucket}"]}},
                {{"Effect":"Allow","Principal":{{"AWS":["*"]}},"Action":["s3:GetObject"],"Resource":["{resource}"]}}]}}"#
        );
        BucketPolicy { canned: Some(CannedPolicy::Download), document: Body::read(&text) }
    }

    #[test]
    fn what_a_canned_policy_gives_is_learned_from_another_bucket_and_never_guessed() {
        let known = |policy| Buckets::Known([(name("abc"), policy), (name("new"), BucketPolicy::none())].into());
        let buckets = known(download("abc", "arn:aws:s3:::abc/*"));
        let expected = download("new", "arn:aws:s3:::new/*").document;
        assert!(expected.normal().is_some());
        assert_eq!(buckets.meaning(CannedPolicy::Download, &name("new")), expected);
        assert_eq!(buckets.meaning(CannedPolicy::Public, &name("new")).normal(), None);
        assert_eq!(buckets.meaning(CannedPolicy::None, &name("new")), BucketPolicy::none().document);
        for elsewhere in ["arn:aws:s3:::abcd/*", "arn:aws:s3:::*", "abc/*"] {
            let buckets = known(download("abc", elsewhere));
            assert_eq!(buckets.meaning(CannedPolicy::Download, &name("new")).normal(), None, "{elsewhere}");
        }
        assert_eq!(Buckets::NotRead.meaning(CannedPolicy::Public, &name("new")).normal(), None);
    }
}
