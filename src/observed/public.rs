//! The buckets that let in requests without a login.

use super::Buckets;
use crate::base::{BucketName, CannedPolicy};
use crate::policy::access::{Context, RequestKind, abilities};
use crate::policy::alone;

/// A bucket that anyone can use without a login, or perhaps can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicBucket {
    /// The bucket.
    pub bucket: BucketName,
    /// The name of its policy, if it has one.
    pub canned: Option<CannedPolicy>,
    /// What anyone can do there with something, perhaps under conditions, in the order of the table. With an unknown policy, this
    /// is everything.
    pub can: Vec<RequestKind>,
    /// Whether what its policy gives is known.
    pub is_known: bool,
}

impl Buckets {
    /// The buckets that let in requests without a login, by any of the rules that count. `None` if the buckets were not read.
    #[must_use]
    pub fn public(&self, context: &Context<'_>) -> Option<Vec<PublicBucket>> {
        let of = |(bucket, policy): (&BucketName, &super::BucketPolicy)| {
            let document = alone(bucket, policy.as_document());
            let found = abilities(&document, &context.anonymous());
            let gained = found.gained.iter().flat_map(|line| &line.requests);
            let open = found.undecided.iter().flat_map(|open| &open.requests);
            let mut can: Vec<RequestKind> = gained.chain(open).copied().collect();
            can.sort_unstable();
            can.dedup();
            let is_known = policy.document.normal().is_some();
            (!can.is_empty()).then(|| PublicBucket { bucket: bucket.clone(), canned: policy.canned, can, is_known })
        };
        Some(self.known()?.iter().filter(|(_, policy)| !policy.is_none()).filter_map(of).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::{Body, BucketPolicy};
    use crate::policy::Catalogue;

    #[test]
    fn public_buckets_are_those_that_let_in_anyone() {
        let policy = |principal: &str, action: &str| {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"{action}",
                    "Resource":"arn:aws:s3:::data/*"}}]}}"#
            );
            BucketPolicy::custom(Body::read(&text))
        };
        let catalogue = Catalogue::newest();
        let public = |policy: BucketPolicy| {
            let all = [(BucketName::parse("data").unwrap(), policy)].into();
            let found = Buckets::Known(all).public(&Context::new(&catalogue)).unwrap();
            let can = |of: &PublicBucket, kind| of.can.contains(&kind);
            found.first().map(|of| (of.is_known, can(of, RequestKind::Read), can(of, RequestKind::Write)))
        };
        assert_eq!(public(policy(r#""*""#, "s3:GetObject")), Some((true, true, false)));
        assert_eq!(public(policy(r#"{"AWS":["alice"]}"#, "s3:GetObject")), None);
        assert_eq!(public(BucketPolicy::none()), None);
        let unknown = BucketPolicy { canned: Some(CannedPolicy::Upload), document: Body::Unreadable(String::new()) };
        assert_eq!(public(unknown), Some((false, true, true)), "never a guess");
        assert_eq!(Buckets::NotRead.public(&Context::new(&catalogue)), None);
    }
}
