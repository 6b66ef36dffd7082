//! The documents of the policies that every cluster has from the start.

use std::collections::BTreeMap;

use crate::base::{Capabilities, PolicyName, Release};

use super::document::{Document, Effect, Selector, Statement};

/// What `readonly` allows according to the vendor's page for 5.1.
const READ: &[&str] = &[
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
    "s3:GetBucketLocation",
    "s3:GetBucketPolicy",
    "s3:GetBucketTagging",
    "s3:GetObject",
];

/// What `readonly` allows according to the vendor's page for 4.0.
const READ_4: &[&str] = &["s3:GetBucketLocation", "s3:GetObject"];

/// The document of a predefined policy as the vendor's pages print it. What the cluster itself returns is worth more.
#[must_use]
pub fn predefined(policy: &PolicyName, release: &Release) -> Option<Document> {
    let actions = match policy.as_str() {
        "readonly" if Capabilities::of(release).readonly_lists_buckets => READ,
        "readonly" => READ_4,
        "writeonly" => &["s3:PutObject"],
        "readwrite" => &["s3:*"],
        _ => return None,
    };
    Some(allow_everywhere(actions))
}

fn allow_everywhere(actions: &[&str]) -> Document {
    let selector =
        |patterns: &[&str]| Selector { negated: false, patterns: patterns.iter().map(ToString::to_string).collect() };
    let statement = Statement {
        sid: None,
        effect: Effect::Allow,
        actions: selector(actions),
        resources: selector(&["arn:aws:s3:::*"]),
        conditions: Vec::new(),
        extra: BTreeMap::new(),
    };
    Document { version: Some("2012-10-17".to_owned()), statements: vec![statement], ..Document::default() }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::Catalogue;
    use super::*;

    fn actions(policy: &str, release: &str) -> Vec<String> {
        let document = predefined(&PolicyName::reported(policy), &Release::parse(release).unwrap()).unwrap();
        document.statements[0].actions.patterns.clone()
    }

    #[test]
    fn every_predefined_policy_has_a_document() {
        for policy in PolicyName::PREDEFINED {
            assert!(!actions(policy, "5.1.0").is_empty());
        }
        let release = Release::parse("5.1.0").unwrap();
        assert_eq!(predefined(&PolicyName::reported("ml-training"), &release), None);
    }

    #[test]
    fn readonly_grew_and_names_actions_that_the_release_knows() {
        for (release, count) in [("4.4.0", 2), ("5.1.0", 8)] {
            let catalogue = Catalogue::of(&Release::parse(release).unwrap());
            let actions = actions("readonly", release);
            assert_eq!(actions.len(), count);
            assert!(actions.iter().all(|action| catalogue.get(action).is_some()));
        }
    }
}
